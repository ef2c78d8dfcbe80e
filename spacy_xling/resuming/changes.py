"""A run is resumed with the config that it was started with."""

from pathlib import Path

from spacy.util import dict_to_dot

from ..errors import Errors
from ..types import JsonDict


def require_same_config(checkpoint: Path, old: JsonDict, new: JsonDict) -> None:
    """Refuse to resume a checkpoint with another config than it was written with, both as plain data: a
    ValueError names each setting that differs, with both values.
    """
    changes = describe_changes(old, new)
    if changes:
        raise ValueError(Errors.X611.format(path=checkpoint, changes=", ".join(changes)))


def describe_changes(old: JsonDict, new: JsonDict) -> list[str]:
    """The settings in which two configs, as plain data, differ: each by its dot name, with both values."""
    before, now = dict_to_dot(dict(old)), dict_to_dot(dict(new))
    return [
        f"{name} (was {_value(before, name)}, is {_value(now, name)})"
        for name in sorted(before.keys() | now.keys())
        if _value(before, name) != _value(now, name)
    ]


def _value(settings: JsonDict, name: str) -> str:
    return repr(settings[name]) if name in settings else "not set"
