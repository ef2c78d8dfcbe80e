"""What components expect of what is behind their models, torch or ONNX."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from thinc.api import Model, Optimizer

from ..pieces.masking import MaskingVocabulary
from ..types import Floats2d, Pieces

if TYPE_CHECKING:
    from torch import nn

    from .batches import Padding
    from .joint_shim import JointShim
    from .lm_head_shim import LMHeadShim
    from .onnx_shim import OnnxShim
    from .translation_shim import TranslationShim


class HasEncoder(Protocol):
    """Cuts texts into pieces for its encoder, and is saved as a folder of files, see `FolderShim`."""

    @property
    def is_initialized(self) -> bool:
        """Whether there is anything to run."""

    def require_loaded(self) -> None:
        """Raise a ValueError where there isn't."""

    def split(self, texts: Sequence[str]) -> Pieces:
        """Texts to windows of pieces."""

    def to_folder(self, path: Path) -> None:
        """Write a folder, an empty one where there is nothing to run."""

    def from_folder(self, path: Path) -> None:
        """Read what `to_folder` wrote."""


class Classifies(HasEncoder, Protocol):
    """Gives texts their logits: `JointShim`, and `OnnxShim` once exported."""

    @property
    def is_trainable(self) -> bool:
        """Whether it is a `Learns`, too."""

    @property
    def n_labels(self) -> int:
        """Number of logits of a text."""

    def predict(self, pieces: Pieces) -> Floats2d:
        """Logits of texts. *Shape:* (texts, labels)"""


class Learns(HasEncoder, Protocol):
    """Trains an encoder with its LM head: `JointShim`, `TranslationShim`, `LMHeadShim`."""

    @property
    def masking_vocabulary(self) -> MaskingVocabulary:
        """What masks need to know of the tokenizer."""

    @property
    def has_gradients(self) -> bool:
        """Whether any parameter has a gradient to step by."""

    def masked_lm_pass(self) -> "tuple[nn.Module, Padding]":
        """The masked-LM loss as a module, and how batches are laid out for it."""

    def parameters(self) -> "Iterator[nn.Parameter]":
        """All parameters that it steps."""

    def require_gradients(self) -> None:
        """Raise a ValueError where nothing was loaded, or torch keeps no gradients."""

    def scale_gradients(self, factor: float) -> None:
        """Multiply all gradients."""

    def finish_update(self, optimizer: Optimizer) -> None:
        """Clip, step each parameter that has a gradient, and drop the gradients."""


def shim_of(model: Model) -> HasEncoder:
    """What is behind any model of these."""
    return cast(HasEncoder, model.shims[0])


def classifier_of(model: Model) -> Classifies:
    """What is behind a model that `build_joint_textcat_v1` or `build_exported_textcat_v1` made."""
    return cast(Classifies, model.shims[0])


def learner_of(model: Model) -> Learns:
    """What is behind a model that is trained with a masked-LM term. Of a text classifier, which may be
    exported, it is asked for in training alone, after `is_trainable`.
    """
    return cast(Learns, model.shims[0])


if TYPE_CHECKING:

    def _fulfil(joint: JointShim, lm_head: LMHeadShim, translation: TranslationShim, onnx: OnnxShim) -> None:
        """For mypy, which is to say who doesn't."""
        classifiers: list[Classifies] = [joint, onnx]
        learners: list[Learns] = [joint, lm_head, translation]
        del classifiers, learners
