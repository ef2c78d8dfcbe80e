"""Numbers of steps that stand twice in a config: in [training] and in the optimiser's own block.

spaCy resolves [training.optimizer] alone, without the rest of the config, when a trained pipeline continues
learning (`nlp.resume_training`, `nlp.create_optimizer`, `nlp.initialize`). No variable of that block can
point out of it, so both places hold the number.
"""

from collections.abc import Iterator
from numbers import Integral
from typing import Any

from spacy.util import dict_to_dot
from thinc.api import Config

from ..errors import Warnings
from ..types import JsonDict

SCHEDULE = "training.optimizer.learn_rate.total_steps"
AVERAGES = "training.optimizer.average_every"
# What the loop counts by, and what has to be the same.
FOLLOWERS = {"training.max_steps": SCHEDULE, "training.eval_frequency": AVERAGES}


def follow_steps(config: Config, overrides: JsonDict) -> JsonDict:
    """Let the optimiser's numbers of steps follow those of the loop, where the config has them alike.

    config (Config): The config before it is changed.
    overrides (JsonDict): What is changed in it, by dot name.
    RETURNS (JsonDict): The same, and each follower that nothing is said of.
    """
    settings = dict_to_dot(config)
    followed = {
        follower: overrides[leader]
        for leader, follower in FOLLOWERS.items()
        if _is_count(overrides.get(leader)) and settings.get(leader) == settings.get(follower)
    }
    said = {name for name in followed for given in overrides if name == given or name.startswith(f"{given}.")}
    return {**overrides, **{name: value for name, value in followed.items() if name not in said}}


def warn_of_steps(config: JsonDict) -> Iterator[str]:
    """A line for each number of steps of an interpolated config that isn't the same in both places, with what
    to do.
    """
    settings = dict_to_dot(config)
    for leader, follower in FOLLOWERS.items():
        expected, found = settings.get(leader), settings.get(follower)
        matters = follower != AVERAGES or settings.get("training.optimizer.average_last")
        if matters and _is_count(expected) and _is_count(found) and expected != found:
            yield Warnings.W602.format(name=follower, found=found, other=leader, expected=expected)


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) > 0
