"""The config of a pre-training run, and what its blocks become."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from spacy.util import registry
from thinc.api import Config, ConfigValidationError

from ..data.sources import ParallelTextReader, RawTextReader
from ..errors import Errors
from ..pieces.masking import Masking
from ..types import JsonDict

SECTIONS = ("encoder", "corpora", "masking", "training")


class Block(BaseModel):
    """A block of the config: no other settings than its own, all of them written out."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


AnyBlock = TypeVar("AnyBlock", bound=Block)


class EncoderBlock(Block):
    """Where training starts; see `spacy-xling.MaskedLMEncoder.v1`."""

    name: str
    window: int | None
    precision: Literal["fp32", "bf16", "auto"]
    dropout: float | None
    freeze_embeddings: bool
    freeze_layers: int


class CorporaBlock(Block):
    """What is read, such as `spacy-xling.UnlabelledText.v1` and `spacy-xling.ParallelText.v1` give."""

    unlabelled: RawTextReader
    parallel: ParallelTextReader


class OptimizerBlock(Block):
    """AdamW; matrices decay, vectors don't."""

    learn_rate: float | Callable[[int], float]
    beta1: float = Field(ge=0, lt=1)
    beta2: float = Field(ge=0, lt=1)
    eps: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    grad_clip: float = Field(ge=0)


class TrainingBlock(Block):
    """How long, in what batches, and what is measured."""

    # What numpy's global generator takes, less the number of a process.
    seed: int = Field(ge=0, lt=2**31)
    max_steps: int = Field(ge=1)
    batch_pieces: int = Field(ge=1)
    accumulate_gradient: int = Field(ge=1)
    pass_pieces: int = Field(ge=1)
    parallel_share: float = Field(ge=0, le=1)
    eval_frequency: int = Field(ge=1)
    heldout_texts: int = Field(ge=0)
    patience: int = Field(ge=0)
    tensorboard: Path | None
    optimizer: OptimizerBlock


class Settings(NamedTuple):
    """A pre-training run.

    encoder (EncoderBlock): Where it starts.
    corpora (CorporaBlock): What it reads; parallel text if `parallel_share` is above 0.
    masking (Masking): How pieces are masked.
    training (TrainingBlock): The rest.
    plain (JsonDict): The config's sections as they were written, to compare and to print.
    """

    encoder: EncoderBlock
    corpora: CorporaBlock
    masking: Masking
    training: TrainingBlock
    plain: JsonDict


def resolve_settings(config: Config) -> Settings:
    """Make the objects that a config names.

    config (Config): The config, e.g. that of configs/pretrain.cfg.
    RETURNS (Settings): The run's settings.
    RAISES (ValueError): A section is missing, or there is no encoder to start from.
        (ConfigValidationError): A setting is missing, unknown or of the wrong kind.
    """
    plain = config.interpolate()
    missing = [section for section in SECTIONS if section not in plain]
    if missing:
        raise ValueError(Errors.X710.format(missing=missing, expected=", ".join(SECTIONS)))
    plain = Config({section: plain[section] for section in SECTIONS})
    if plain["encoder"].get("name") is None:
        raise ValueError(Errors.X711)
    resolved = registry.resolve(plain)
    return Settings(
        encoder=_validate(resolved, "encoder", EncoderBlock),
        corpora=_validate(resolved, "corpora", CorporaBlock),
        masking=resolved["masking"],
        training=_validate(resolved, "training", TrainingBlock),
        plain=dict(plain),
    )


def _validate(resolved: dict[str, Any], section: str, schema: type[AnyBlock]) -> AnyBlock:
    # By pydantic itself: the registry's own validation drops unknown settings without a word.
    try:
        return schema.model_validate(resolved[section])
    except ValidationError as error:
        raise ConfigValidationError(config=resolved, errors=error.errors(), title=section) from error
