"""A run is resumed with the config that it was started with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spacy.util import dict_to_dot

from ..errors import Errors


def require_same_config(checkpoint: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to resume with another config.

    checkpoint (Path): The checkpoint to resume from, for the message.
    old (Mapping[str, Any]): The config that it was written with, as plain data.
    new (Mapping[str, Any]): The config of now.
    RAISES (ValueError): They differ; it names each setting with both values.
    """
    changes = describe_changes(old, new)
    if changes:
        raise ValueError(Errors.X611.format(path=checkpoint, changes=", ".join(changes)))


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name the settings in which two configs differ.

    old (Mapping[str, Any]): A config, as plain data.
    new (Mapping[str, Any]): Another one.
    RETURNS (list[str]): Each setting by its dot name, with both values.
    """
    before, now = dict_to_dot(dict(old)), dict_to_dot(dict(new))
    return [
        f"{name} (was {_value(before, name)}, is {_value(now, name)})"
        for name in sorted(before.keys() | now.keys())
        if _value(before, name) != _value(now, name)
    ]


def _value(settings: Mapping[str, Any], name: str) -> str:
    return repr(settings[name]) if name in settings else "not set"
