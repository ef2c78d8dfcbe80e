"""A training config from a few choices, whole and commented."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..errors import Errors
from ..types import JsonDict

TEMPLATES = Path(__file__).parent


class Choices(NamedTuple):
    """What differs between configs. The defaults make configs/joint.cfg of the repository.

    mode (str): "joint", "baseline" for classification only, "code_switching" for that on texts with words of
        the target languages, "translate_train" for that on texts in translation, or "shared" for spaCy's own
        components on one transformer, with the masked-LM term beside them.
    multilabel (bool): Texts may have any number of labels, in place of exactly one.
    labels (bool): Texts have labels. In the mode "shared" they need not, if they have entities.
    entities (bool): Texts have entities, to be recognised in the mode "shared".
    source (str): Language of the labelled text, in the mode "shared".
    train (str | None): Path of the labelled text; None is to be given at the command line, here and below.
    dev (str | None): Path of the labelled text to choose the checkpoint by.
    unlabelled (str | None): Path of the raw text.
    code_switching (bool): Words of labelled texts are replaced by their translations.
    dictionaries (Sequence[str] | None): Paths of the dictionaries, the one that wins first.
    translated_texts (bool): Translations replace labelled texts.
    translations (str | None): Path of the translations.
    centring (bool): Scores of target languages are centred by their raw text.
    encoder (str): Hub name or folder.
    languages (Sequence[str] | None): Languages of raw text to read, None for all.
    gpu (bool): Settings for a GPU.
    learn_rate (float): Peak of the learning rate.
    batch_pieces (int): Pieces of a batch, padding included.
    max_steps (int): Optimiser steps.
    eval_frequency (int): Steps between evaluations.
    """

    mode: str = "joint"
    multilabel: bool = False
    labels: bool = True
    entities: bool = False
    source: str = "en"
    train: str | None = None
    dev: str | None = None
    unlabelled: str | None = None
    code_switching: bool = False
    dictionaries: Sequence[str] | None = None
    translated_texts: bool = False
    translations: str | None = None
    centring: bool = False
    encoder: str = "xlm-roberta-base"
    languages: Sequence[str] | None = None
    gpu: bool = False
    learn_rate: float = 3e-5
    batch_pieces: int = 2048
    max_steps: int = 2000
    eval_frequency: int = 200

    @property
    def component(self) -> str:
        """The text classifier's name and factory."""
        name = "textcat_multilabel" if self.multilabel else "textcat"
        return name if self.mode == "shared" else f"xling_{name}"

    @property
    def masked_component(self) -> str:
        """The component that takes raw text."""
        return "xling_mlm" if self.mode == "shared" else self.component

    @property
    def pipeline(self) -> list[str]:
        """The components, in their order."""
        if self.mode != "shared":
            return [self.component]
        learning = {self.component: self.labels, "ner": self.entities}
        return ["transformer", self.masked_component, *(name for name, there in learning.items() if there)]


def render_config(choices: Choices, file: str) -> str:
    """Write a config for `spacy train`, with every setting, comments on those that matter, and at its head
    the command that takes it from its own file.

    RAISES (ValueError): X744, for a path with a "$".
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        autoescape=False,
    )
    environment.filters["json"] = _as_json
    template = environment.get_template(
        "shared.cfg.jinja" if choices.mode == "shared" else "textcat.cfg.jinja"
    )
    return template.render(_values(choices), command=_command(choices, file)) + "\n"


def _values(choices: Choices) -> JsonDict:
    """What the templates know."""
    paths = choices.dictionaries
    return {
        **choices._asdict(),
        "component": choices.component,
        "masked_component": choices.masked_component,
        "pipeline": choices.pipeline,
        # A single path by itself, and several as a list.
        "dictionaries": paths[0] if paths is not None and len(paths) == 1 else paths,
        # Without an exponent.
        "learn_rate": f"{choices.learn_rate:.10f}".rstrip("0"),
        "precision": "auto" if choices.gpu else "fp32",
        "pass_pieces": 16384 if choices.gpu else 2048,
    }


def _command(choices: Choices, file: str) -> list[str]:
    """The command to train with, on one line or two."""
    kind = "spacy" if choices.entities else "jsonl"
    missing = {
        "train": f"train.{kind}" if choices.train is None else "",
        "dev": f"dev.{kind}" if choices.dev is None else "",
        "unlabelled": "raw" if choices.unlabelled is None and choices.mode in ("joint", "shared") else "",
        "dictionaries": "dictionaries" if choices.dictionaries is None and choices.code_switching else "",
        "translations": "translated" if choices.translations is None and choices.translated_texts else "",
    }
    options = " ".join(f"--paths.{name} {value}" for name, value in missing.items() if value)
    gpu = " --gpu-id 0" if choices.gpu else ""
    command = f"spacy train {file} --output training{gpu}"
    return [command, f"  {options}"] if options else [command]


def _as_json(value: Any) -> str:
    written = json.dumps(value, ensure_ascii=False)
    if "$" in written:
        raise ValueError(Errors.X744.format(value=value))
    return written
