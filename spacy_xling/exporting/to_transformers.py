"""A trained text classifier as a checkpoint that `transformers`, and servers that read its folders, load."""

import json
from collections.abc import Iterable
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from thinc.api import to_numpy

from ..data.files import CHECKPOINT_FILE, require_new_folder
from ..errors import Errors
from ..evaluation.by_language import load_pipeline
from ..evaluation.calibration import find_component
from ..models.architectures import joint_shim
from ..models.checkpoint import save_checkpoint
from ..models.checkpoint_files import SEQUENCE_CLASSIFICATION, make_model
from ..models.contracts import classifier_of
from ..models.joint_shim import JointShim
from ..models.native_head import find_native_head, write_head
from ..models.portable import with_backend
from ..pieces.windows import select_windows
from ..pipeline.calibrated import Calibration
from ..pipeline.xling_textcat import XlingTextCategorizer
from ..writing import write_folder, writing_errors

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

# Texts of several scripts and lengths, whose logits are compared.
COMPARED = (
    "Yes.",
    "The parcel arrived late and the box was broken.",
    "Das ist eine zweite Frage.",
    "これは文です。",
)
# What logits of the same weights may differ by: they are sums in another order.
RELATIVE, ABSOLUTE = 1e-3, 1e-4


class Exported(NamedTuple):
    """What was exported.

    name (str): The component.
    window (int): The most pieces that the checkpoint reads of a text.
    lost (list[str]): What the component does, and the checkpoint can't, each in a few words.
    """

    name: str
    window: int
    lost: list[str]


def export_transformers(
    model: Path, output: Path, *, component: str | None = None, overwrite: bool = False
) -> Exported:
    """Write a text classifier of a pipeline as a checkpoint for sequence classification: a folder with
    config, weights (safetensors) and tokenizer that `AutoModelForSequenceClassification` loads.

    Its logits are those of the component, divided by the calibration's temperature, for texts of a window.

    model (Path): The trained pipeline: its folder, or the name of an installed package.
    output (Path): The folder to write, new or empty.
    component (str | None): The component; None for the only one.
    overwrite (bool): Replace a checkpoint for sequence classification that is there.
    RETURNS (Exported): The component, and what is lost.
    RAISES (ValueError): X173, X309, X333, X706, X739, X751, X760, X794, X797, X799. (OSError): X161.
    """
    require_new_folder(output, overwrite=overwrite, inputs=[model])
    _require_classifier(output)
    pipe = cast(XlingTextCategorizer, find_component(load_pipeline(model), component))
    if not classifier_of(pipe.model).is_trainable:
        raise ValueError(Errors.X794.format(path=model, name=pipe.name))
    shim = joint_shim(pipe.model)
    shim.require_loaded()
    _require_native(pipe)
    calibration = pipe.calibration or Calibration()
    classifier = _make_classifier(pipe, calibration.temperature)
    tokenizer = make_tokenizer(shim, classifier)
    require_same_logits(pipe, classifier, tokenizer, calibration.temperature)
    with writing_errors(output):
        write_folder(output, lambda folder: save_checkpoint(classifier, tokenizer, folder))
    lost = find_score_losses(pipe)
    if calibration.abstain_below is not None:
        lost.append(f"doc._.abstained, for scores below {calibration.abstain_below:.4f}")
    return Exported(pipe.name, tokenizer.model_max_length, lost)


def _require_classifier(folder: Path) -> None:
    """Refuse to replace a checkpoint of another kind, as an encoder that was trained."""
    config = folder / CHECKPOINT_FILE
    if not config.is_file():
        return
    try:
        (found,) = json.loads(config.read_text(encoding="utf8"))["architectures"]
    # It can be any file of that name.
    except (ValueError, KeyError, TypeError):
        found = None
    if not str(found).endswith("ForSequenceClassification"):
        raise ValueError(Errors.X739.format(path=folder, found=found))


def _require_native(pipe: XlingTextCategorizer) -> None:
    """Refuse a classifier that computes something else than the head of its family in `transformers`."""
    shim = joint_shim(pipe.model)
    config = shim.module.masked_lm.model.config
    native, settings, width = find_native_head(config), shim.head, shim.module.masked_lm.encoder.width
    if settings.head == "native":
        return
    wanted: dict[str, object] = {"pooling": native.pooling, "hidden_width": width}
    if native.activation != "tanh" or native.norm is not None:
        # No setting makes such a hidden layer.
        wanted = {"head": "native"}
    for setting, expected in wanted.items():
        found = getattr(settings, setting)
        if found != expected:
            raise ValueError(
                Errors.X797.format(
                    name=pipe.name,
                    setting=setting,
                    found="null" if found is None else found,
                    expected=expected,
                    family=config.model_type,
                )
            )


def _make_classifier(pipe: XlingTextCategorizer, temperature: float) -> "PreTrainedModel":
    """The weights of a component in its family's model for sequence classification, in fp32, on the CPU."""
    module = joint_shim(pipe.model).module.cpu()
    trained = module.masked_lm.model
    config = type(trained.config).from_dict(trained.config.to_dict())
    config.id2label = dict(enumerate(pipe.labels))
    config.label2id = {label: number for number, label in config.id2label.items()}
    kind = "single" if pipe.exclusive_classes else "multi"
    config.problem_type = f"{kind}_label_classification"
    # The config may still name the precision that the encoder's checkpoint was in.
    classifier = make_model(config, SEQUENCE_CLASSIFICATION).float()
    # A masked LM has no pooler, which is a part of the head.
    classifier.base_model.load_state_dict(trained.base_model.state_dict(), strict=False)
    write_head(module.head, classifier, temperature=temperature)
    return classifier.eval()


def make_tokenizer(shim: JointShim, classifier: "PreTrainedModel") -> "PreTrainedTokenizerFast":
    """The tokenizer of a component for a model: it cuts texts off at a window, and makes the inputs that the
    model takes.
    """
    backend = shim.tokenizer.backend_tokenizer
    tokenizer = with_backend(shim.tokenizer, backend)
    tokenizer.model_max_length = backend.truncation["max_length"]
    taken = signature(classifier.forward).parameters
    tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name in taken]
    return tokenizer


@torch.no_grad()
def require_same_logits(
    pipe: XlingTextCategorizer,
    classifier: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerFast",
    temperature: float = 1.0,
) -> None:
    """Compare the logits of a component with those of a model for sequence classification, on the first
    windows of some texts.

    pipe (XlingTextCategorizer): The component.
    classifier (PreTrainedModel): The model.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    temperature (float): What the component's logits are divided by.
    RAISES (ValueError): X799: they differ.
    """
    shim = joint_shim(pipe.model)
    module = shim.module
    # Autocast rounds what is compared.
    precision, module.precision = module.precision, "fp32"
    pieces = shim.split(COMPARED)
    firsts = np.unique(pieces.texts, return_index=True)[1].tolist()
    expected = to_numpy(shim.predict(select_windows(pieces, firsts))) / temperature
    module.precision = precision
    inputs = [tokenizer(text, truncation=True, return_tensors="pt") for text in COMPARED]
    found = torch.cat([classifier(**each).logits for each in inputs]).numpy()
    if not np.allclose(found, expected, rtol=RELATIVE, atol=ABSOLUTE):
        difference = float(np.abs(found - expected).max())
        family = classifier.config.model_type
        raise ValueError(Errors.X799.format(name=pipe.name, family=family, difference=difference))


def find_score_losses(pipe: XlingTextCategorizer) -> list[str]:
    """Of what a component does beside its model, and a checkpoint can't, that without which short texts have
    other scores, each in a few words.
    """
    calibration = pipe.calibration or Calibration()
    lost = []
    if calibration.by_language:
        lost.append(
            f"the temperatures of {_listed(calibration.by_language)}, which have that of all texts now"
        )
    if calibration.offsets:
        lost.append(f"the offsets of {_listed(calibration.offsets)}, by which their scores were centred")
    if pipe.text_field != "text":
        lost.append("the translations that it reads: texts are read as they are")
    return lost


def _listed(languages: Iterable[str]) -> str:
    return ", ".join(sorted(languages))
