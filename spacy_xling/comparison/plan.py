"""The plan of a comparison: recipes, seeds, and the text to score on."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from spacy.util import dict_to_dot, load_config
from thinc.api import Config, ConfigValidationError

from ..errors import Errors, one_line
from ..types import JsonDict

NAME = re.compile(r"[\w.+-]*\w[\w.+-]*")
SEED = "system.seed"
ENCODER = "paths.encoder"

ScoreName = Literal["accuracy", "macro_f1"]


def _flat(block: Any) -> Any:
    return dict_to_dot(block, for_overrides=True) if isinstance(block, dict) else block


# By dot name, whether they were written as `training.max_steps = 9`, or as blocks.
Settings = Annotated[JsonDict, BeforeValidator(_flat)]


class Block(BaseModel):
    """A block of the plan; unknown settings are refused."""

    model_config = ConfigDict(extra="forbid")


class CompareBlock(Block):
    """What all recipes have in common, and how they are scored."""

    source: str
    test: Path | None = None
    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(min_length=1)
    threshold: float | None = Field(default=None, ge=0, le=1)
    score: ScoreName | None = None
    equal_compute: bool = False


class EncoderBlock(Block):
    """An encoder that recipes start from, trained first as `spacy xling pretrain` does."""

    config: Path
    per_seed: bool = True
    settings: Settings = {}


class RecipeBlock(Block):
    """A recipe."""

    config: Path
    encoder: str | None = None
    settings: Settings = {}


class SearchBlock(Block):
    """A search over settings of one recipe.

    ranges: By dot name `["uniform", low, high]`, `["log", low, high]`, which is even on a log scale, or
        `["choices", ...]`.
    """

    recipe: str
    trials: int = Field(ge=1)
    seed: int = 0
    ranges: Annotated[dict[str, list[Any]], BeforeValidator(_flat)] = Field(min_length=1)


class Plan(Block):
    """A comparison.

    compare (CompareBlock): What all recipes have in common.
    settings (JsonDict): Settings that are changed in the configs of all recipes, by dot name.
    encoders (dict[str, EncoderBlock]): Encoders that are trained first, by name.
    recipes (dict[str, RecipeBlock]): The recipes, by name. The first is the baseline.
    search (SearchBlock | None): A search over settings.
    """

    compare: CompareBlock
    settings: Settings = {}
    encoders: dict[str, EncoderBlock] = {}
    recipes: dict[str, RecipeBlock]
    search: SearchBlock | None = None

    @property
    def test(self) -> Path:
        """The labelled text, by language, that recipes are compared on.

        RAISES (ValueError): The plan names none, as for a search.
        """
        if self.compare.test is None:
            raise ValueError(Errors.X778)
        return self.compare.test

    def overrides(self, recipe: str, seed: int) -> JsonDict:
        """Settings by dot name that a run changes in its config, except the encoder that is trained first."""
        return {**self.settings, **self.recipes[recipe].settings, SEED: seed}

    def encoder_of(self, recipe: str, seed: int) -> tuple[str, int | None] | None:
        """Name and seed of the encoder that a run starts from, with None for the seed of one that is made
        once for all; None for a run whose encoder isn't trained first.
        """
        name = self.recipes[recipe].encoder
        return None if name is None else (name, seed if self.encoders[name].per_seed else None)


def read_plan(config: Config) -> Plan:
    """Read a plan from a config, e.g. that of configs/compare.cfg.

    RAISES (ValueError): A section is missing, a name can't name a folder, or refers to something that the
        plan lacks. (ConfigValidationError): A setting is missing, unknown or of the wrong kind.
    """
    plain = config.interpolate()
    missing = [f"[{name}]" for name in ("compare", "recipes") if not plain.get(name)]
    if missing:
        raise ValueError(Errors.X770.format(missing=", ".join(missing)))
    try:
        plan = Plan.model_validate({name: plain[name] for name in Plan.model_fields if plain.get(name)})
    except ValidationError as error:
        raise ConfigValidationError(errors=error.errors(), title="plan", show_config=False) from error
    _check_names(plan)
    return plan


def load_run_config(config: Path, overrides: JsonDict, name: str) -> Config:
    """Read the config of a run, with what the plan changes.

    config (Path): The config.
    overrides (JsonDict): Values by dot name.
    name (str): The run's name, for the message.
    RETURNS (Config): The config, interpolated.
    RAISES (ValueError): There is no config, or it lacks a setting.
    """
    try:
        return load_config(config, overrides=dict(overrides), interpolate=True)
    except (OSError, ValueError) as error:
        said = one_line(error, longest=None)
        raise ValueError(Errors.X772.format(name=name, config=config, error=said)) from error


def _check_names(plan: Plan) -> None:
    for name in (*plan.recipes, *plan.encoders):
        if not NAME.fullmatch(name):
            raise ValueError(Errors.X771.format(name=name))
    used = {recipe.encoder for recipe in plan.recipes.values() if recipe.encoder is not None}
    for name in sorted(used - plan.encoders.keys()):
        raise ValueError(Errors.X773.format(what="encoder", name=name, known=list(plan.encoders)))
    if plan.search is not None and plan.search.recipe not in plan.recipes:
        raise ValueError(Errors.X773.format(what="recipe", name=plan.search.recipe, known=list(plan.recipes)))
    if len(set(plan.compare.seeds)) < len(plan.compare.seeds):
        raise ValueError(Errors.X774.format(seeds=plan.compare.seeds))
