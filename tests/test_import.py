"""The package costs nothing until a component of it is used."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

import spacy_xling

PACKAGE = Path(spacy_xling.__file__).parent
HEAVY = {"torch", "transformers", "tokenizers", "safetensors"}

# spaCy imports every factory and every logger of its plugins.
LIGHT = {
    "spacy_xling",
    "spacy_xling.errors",
    *(f"spacy_xling.errors.{file.stem}" for file in (PACKAGE / "errors").glob("[a-z]*.py")),
    "spacy_xling.pairs",
    "spacy_xling.pipeline",
    "spacy_xling.pipeline.factories",
    "spacy_xling.pipeline.translator_factories",
    "spacy_xling.training",
    "spacy_xling.training.loggers",
}
LOADED = """
import json, sys, time
import spacy
before = set(sys.modules)
start = time.perf_counter()
import spacy_xling.pipeline.factories, spacy_xling.pipeline.translator_factories
seconds = time.perf_counter() - start
added = sorted(set(sys.modules) - before)
found = spacy.blank("xx").has_factory("xling_textcat")
own = sorted(name for name in sys.modules if name.split(".")[0] == "spacy_xling")
print(json.dumps({"added": added, "own": own, "seconds": seconds, "found": found}))
"""


@pytest.fixture(scope="module")
def fresh():
    """What a fresh process has loaded after `spacy.blank`, and how long the factories took to import."""
    result = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_blank_pipeline_imports_light_modules_only(fresh):
    assert fresh["found"]
    assert "spacy_xling.pipeline.factories" in fresh["own"]
    assert set(fresh["own"]) <= LIGHT


def test_the_factories_import_nothing_heavy(fresh):
    # Other plugins of a blank pipeline may import transformers, so look at what these alone add.
    assert [name for name in fresh["added"] if name.split(".")[0] in HEAVY] == []


def test_the_factories_are_imported_fast(fresh):
    assert fresh["seconds"] < 0.2


def top_imports(path):
    """Modules that a file imports when it is imported: not inside functions or under TYPE_CHECKING."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf8")).body:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            # Anything that runs at once, e.g. a try block.
            assert not any(
                isinstance(inner, (ast.Import, ast.ImportFrom))
                for inner in ast.walk(node)
                if not isinstance(node, (ast.FunctionDef, ast.ClassDef))
            )
    return found


@pytest.mark.parametrize("module", sorted(LIGHT))
def test_a_light_module_imports_nothing_heavy(module):
    imports = top_imports(Path(importlib.util.find_spec(module).origin))
    assert {name.split(".")[0] for name in imports}.isdisjoint(HEAVY)
    # Nor any other module of the package that might.
    allowed = {"."} if module == "spacy_xling.errors" else {".errors", "..errors", "..pairs"}
    assert {name for name in imports if name.startswith((".", "spacy_xling"))} <= allowed


@pytest.mark.parametrize("file", ["evaluation/scorers.py", "evaluation/__init__.py", "data/languages.py"])
def test_the_scorer_imports_nothing_heavy(file):
    assert {name.split(".")[0] for name in top_imports(PACKAGE / file)}.isdisjoint(HEAVY | {"sklearn"})


@pytest.mark.parametrize(
    "file", ["joint.py", "pooling.py", "masked_lm.py", "cross_entropy.py", "tied_gradient.py"]
)
def test_a_torch_module_imports_neither_spacy_nor_thinc(file):
    assert {name.split(".")[0] for name in top_imports(PACKAGE / "models" / file)}.isdisjoint(
        {"spacy", "thinc"}
    )
