import re
from pathlib import Path

import pytest

from spacy_xling.resuming.changes import require_same_config


def test_changes_are_named_with_both_values():
    old = {"a": {"x": 1, "y": [1, 2]}, "b": {"c": {"d": None}, "e": 3}}
    new = {"a": {"x": 1, "y": [2, 1]}, "b": {"c": {"d": 0}, "f": None}}
    changes = (
        "[X611] The config has changed since here was written: a.y (was [1, 2], is [2, 1]), "
        "b.c.d (was None, is 0), b.e (was 3, is not set), b.f (was not set, is None); expected"
    )
    with pytest.raises(ValueError, match=re.escape(changes)):
        require_same_config(Path("here"), old, new)


def test_an_equal_config_is_no_change():
    require_same_config(Path("here"), {"a": {"x": 1}}, {"a": {"x": 1}})
