"""A checkpoint of `transformers` for sequence classification as a pipeline."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import spacy
from spacy.language import Language

from ..data.files import PIPELINE_FILE, require_new_folder
from ..errors import Errors
from ..models.architectures import joint_shim
from ..models.checkpoint_files import (
    SEQUENCE_CLASSIFICATION,
    Checked,
    find_checkpoint,
    load_config,
    load_model,
    loading_errors,
)
from ..models.native_head import find_native_head, is_of_head, read_head
from ..pipeline.xling_textcat import XlingTextCategorizer
from ..writing import write_folder, writing_errors
from .to_transformers import make_tokenizer, require_same_logits

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

# The factories, by the kind of problem that a checkpoint names.
FACTORIES = {
    "single_label_classification": "xling_textcat",
    "multi_label_classification": "xling_textcat_multilabel",
}


def import_transformers(
    checkpoint: str, output: Path, *, language: str = "xx", overwrite: bool = False
) -> XlingTextCategorizer:
    """Make a pipeline of a checkpoint for sequence classification. It scores as the checkpoint does with
    `pipeline("text-classification")`, reads long texts in windows, and can be trained on.

    checkpoint (str): Hub name or folder.
    output (Path): The folder of the pipeline, new or empty.
    language (str): The pipeline's language, as spaCy names it; "xx" for any.
    overwrite (bool): Replace a pipeline that is there.
    RETURNS (XlingTextCategorizer): The component.
    RAISES (ValueError): X173, X301, X330, X331, X333, X765, X787, X788, X789, X799, and as `load_encoder`.
        (OSError): X161. (ImportError): As `load_encoder`.
    """
    require_new_folder(output, overwrite=overwrite, replaces=PIPELINE_FILE, inputs=[Path(checkpoint)])
    found = find_checkpoint(checkpoint, weights=True, model=SEQUENCE_CLASSIFICATION)
    with _without_reports():
        classifier = _load_classifier(found, checkpoint)
        nlp = _make_pipeline(classifier, checkpoint, language)
    with writing_errors(output):
        write_folder(output, nlp.to_disk)
    return cast(XlingTextCategorizer, nlp.pipeline[0][1])


def _load_classifier(found: Checked, name: str) -> "PreTrainedModel":
    """The model (PreTrainedModel), of a family whose head is known, with a trained head."""
    with loading_errors(name):
        config = load_config(found)
    find_native_head(config)
    with loading_errors(name):
        model, lacking = load_model(found, config, model=SEQUENCE_CLASSIFICATION)
    if missing := [weight for weight in lacking if is_of_head(weight, config)]:
        raise ValueError(Errors.X787.format(name=name, missing=", ".join(missing)))
    return model.eval()


def _make_pipeline(classifier: "PreTrainedModel", name: str, language: str) -> Language:
    """A pipeline with one component, whose encoder and head are those of a model."""
    nlp = spacy.blank(language)
    factory = FACTORIES[_kind_of_problem(classifier.config, name)]
    labels = _labels(classifier.config, name)
    pipe = nlp.add_pipe(factory, config={"model": {"head": "native", "encoder": {"name": name}}})
    for label in labels:
        pipe.add_label(label)
    pipe.model.initialize(Y=pipe.model.ops.alloc2f(1, len(labels)))
    read_head(joint_shim(pipe.model).module.head, classifier)
    require_same_logits(pipe, classifier, make_tokenizer(joint_shim(pipe.model), classifier))
    return nlp


@contextmanager
def _without_reports() -> Iterator[None]:
    """Within it nothing is said of the weights of masked-LM heads, which no such checkpoint has."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\[W301\]")
            yield
    finally:
        logging.set_verbosity(verbosity)


def _kind_of_problem(config: "PretrainedConfig", name: str) -> str:
    """What the outputs of a model are. Where its config doesn't say, it is what
    `pipeline("text-classification")` takes them for.
    """
    kind = config.problem_type
    if kind is not None and not (isinstance(kind, str) and kind in FACTORIES):
        raise ValueError(Errors.X788.format(name=name, found=kind))
    is_multilabel = kind == "multi_label_classification" or config.num_labels == 1
    return "multi_label_classification" if is_multilabel else "single_label_classification"


def _labels(config: "PretrainedConfig", name: str) -> list[str]:
    labels = [config.id2label.get(number) for number in range(config.num_labels)]
    named = {label for label in labels if isinstance(label, str) and label.strip()}
    if not labels or len(named) < len(labels):
        raise ValueError(Errors.X789.format(name=name, labels=labels))
    return labels
