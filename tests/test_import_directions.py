"""No folder of the package imports one that imports it, within a function neither."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import spacy_xling

PACKAGE = Path(spacy_xling.__file__).parent


def room(parts):
    """The folder of a module, or the module itself where it lies beside the folders."""
    return parts[0] if parts else ""


def imported_rooms(path):
    """The folders of the package that a module imports from, its own left out."""
    own = path.relative_to(PACKAGE).with_suffix("").parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*own[: len(own) - node.level], *(node.module or "").split(".")]
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("spacy_xling."):
            base = node.module.split(".")[1:]
        else:
            continue
        names = [base] if any(base) else [[alias.name] for alias in node.names]
        found.update(room([part for part in name if part]) for name in names)
    return found - {room(own)}


def find_directions(paths):
    """Of each folder those that it imports from."""
    directions = {}
    for path in paths:
        own = path.relative_to(PACKAGE).with_suffix("").parts
        directions.setdefault(room(own), set()).update(imported_rooms(path))
    return directions


def test_folders_import_in_one_direction():
    directions = find_directions(PACKAGE.rglob("*.py"))
    # The reading is right: these stand for imports by a module, within a function, and of the package itself.
    assert "models" in directions["pipeline"]
    assert "comparison" in directions["cli"]
    assert "errors" in directions["data"]
    list(TopologicalSorter(directions).static_order())


def test_an_import_within_a_function_makes_a_circle(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    for name, text in (("a", "from ..b.two import y"), ("b", "def f():\n    from ..a.one import x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("one.py" if name == "a" else "two.py")).write_text(text)
    with pytest.raises(CycleError):
        list(TopologicalSorter(find_directions(tmp_path.rglob("*.py"))).static_order())
