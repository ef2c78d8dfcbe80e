"""No folder of the package imports one that imports it, within a function neither; no file is long."""

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
        if isinstance(node, ast.Import):
            modules = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # The folder that dots count from.
            above = ["spacy_xling", *own[: len(own) - node.level]] if node.level else []
            module = [*above, *filter(None, (node.module or "").split("."))]
            # What is imported of the package itself is a folder or a module.
            modules = [[*module, alias.name] for alias in node.names] if len(module) == 1 else [module]
        else:
            continue
        found.update(room(module[1:]) for module in modules if module[0] == "spacy_xling")
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


@pytest.mark.parametrize(
    "line",
    [
        "def f():\n    from ..a.one import x",
        "from .. import a",
        "from spacy_xling.a.one import x",
        "from spacy_xling.a import one",
        "from spacy_xling import a",
        "import os, spacy_xling.a.one as one",
        "import spacy_xling.a",
    ],
)
def test_an_import_of_any_kind_makes_a_circle(line, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    for name, text in (("a", "from ..b.two import y"), ("b", line)):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("one.py" if name == "a" else "two.py")).write_text(text)
    with pytest.raises(CycleError):
        list(TopologicalSorter(find_directions(tmp_path.rglob("*.py"))).static_order())


def test_other_packages_are_no_folders_of_this_one():
    path = PACKAGE / "data" / "files.py"
    assert "spacy" not in imported_rooms(path)
    assert imported_rooms(path) <= {folder.stem for folder in PACKAGE.iterdir()}


def test_no_file_has_more_than_400_lines():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path.name: length for path, length in lengths.items() if length > 400} == {}
