"""A run is resumed with the config that it was started with."""

from pathlib import Path

from spacy.util import dict_to_dot

from ..errors import Errors
from ..types import JsonDict


def require_same_config(checkpoint: Path, old: JsonDict, new: JsonDict) -> None:
    """Refuse to resume with another config.

    checkpoint (Path): The checkpoint to resume from, for the message.
    old (JsonDict): The config that it was written with, as plain data.
    new (JsonDict): The config of now.
    RAISES (ValueError): They differ; it names each setting with both values.
    """
    changes = describe_changes(old, new)
    if changes:
        raise ValueError(Errors.X611.format(path=checkpoint, changes=", ".join(changes)))


def describe_changes(old: JsonDict, new: JsonDict) -> list[str]:
    """Name the settings in which two configs differ.

    old (JsonDict): A config, as plain data.
    new (JsonDict): Another one.
    RETURNS (list[str]): Each setting by its dot name, with both values.
    """
    before, now = dict_to_dot(dict(old)), dict_to_dot(dict(new))
    return [
        f"{name} (was {_value(before, name)}, is {_value(now, name)})"
        for name in sorted(before.keys() | now.keys())
        if _value(before, name) != _value(now, name)
    ]


def _value(settings: JsonDict, name: str) -> str:
    return repr(settings[name]) if name in settings else "not set"
