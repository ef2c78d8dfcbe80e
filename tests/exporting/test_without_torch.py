"""An exported pipeline serves where torch and its kin aren't installed."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import srsly

from tests.conftest import TEXTS
from tests.exporting.pipelines import ALL, export, make_pipeline, scores

ROOT = Path(__file__).parents[2]
LABELS = ("LATE", "REFUND")
HEAVY = [
    "torch",
    "transformers",
    "safetensors",
    "spacy_transformers",
    "accelerate",
    "sklearn",
    "scipy",
    "onnx",
    "regex",
]
# As if these weren't installed: no import finds them, and spaCy finds no plugin of theirs.
BLOCK = """
import importlib.abc, importlib.metadata, sys
HEAVY = set({heavy})

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Blocker())
everything = importlib.metadata.distributions
importlib.metadata.distributions = lambda **found: (
    found for found in everything(**found) if found.metadata["Name"] != "spacy-transformers"
)
"""
SERVE = """
import json, pickle, sys
import spacy
import spacy_xling
from spacy.training import Example

folder, texts = sys.argv[1], json.load(open(sys.argv[2]))
if __name__ == "__main__":
    nlp = spacy.load(folder)
    found = lambda docs: [list(doc.cats.values()) for doc in docs]
    copied = pickle.loads(pickle.dumps(nlp))
    nlp.to_disk(sys.argv[3])
    examples = [Example.from_dict(nlp.make_doc("late"), {"cats": {"LATE": 1.0, "REFUND": 0.0}})] * 2
    print(json.dumps({
        "alone": found(map(nlp, texts)),
        "pipe": found(nlp.pipe(texts)),
        "processes": found(nlp.pipe(texts, n_process=2, batch_size=4)),
        "pickled": found(copied.pipe(texts)),
        "again": found(spacy.load(sys.argv[3]).pipe(texts)),
        "evaluated": sorted(nlp.evaluate(examples)),
        "modules": sorted(sys.modules),
        "package": spacy_xling.__path__[0],
    }))
"""


AGAIN = """
import sys
from pathlib import Path
from spacy_xling.exporting.serving_wheel import write_serving_wheel
write_serving_wheel(Path(sys.argv[1]))
"""
# The command line, as `python -m spacy`.
COMMAND = """
from spacy.cli import setup_cli
setup_cli()
"""


def run(python, *arguments, path=None, cwd=None):
    """Run a process that imports from `path` first, if it is given, and not from this one's PYTHONPATH."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return subprocess.run(
        [python, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=cwd,
        env=environment,
    )


def serve(python, pipeline, tmp_path, code, path=None):
    """Run the code and read what it prints."""
    (tmp_path / "texts.json").write_text(json.dumps(ALL))
    (tmp_path / "serve.py").write_text(code)
    arguments = tmp_path / "serve.py", pipeline, tmp_path / "texts.json", tmp_path / "again"
    result = run(python, *arguments, path=path, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def assert_served(found, expected):
    for way in ("alone", "pipe", "processes", "pickled", "again"):
        np.testing.assert_allclose(found[way], expected, atol=1e-4, err_msg=way)
    assert "cats_score" in found["evaluated"]
    assert {name.partition(".")[0] for name in found["modules"]}.isdisjoint(HEAVY)
    assert "spacy_xling.models.onnx_shim" in found["modules"]


@pytest.fixture(scope="module")
def pipeline(checkpoints, tmp_path_factory):
    """The folder of an exported pipeline, and what the trained one says."""
    folder = tmp_path_factory.mktemp("serving") / "für den Versand"
    folder.mkdir()
    # Of what it was trained with, nothing is needed to serve it.
    switching = {"@misc": "spacy-xling.code_switching.v1", "share": 0.0}
    translated = {"@misc": "spacy-xling.translated_texts.v1", "share": 0.0}
    nlp = make_pipeline(checkpoints("xlm-roberta"), code_switching=switching, translated_texts=translated)
    export(nlp, folder, precision="fp32")
    return folder / "exported", scores(nlp)


@pytest.fixture(scope="module")
def package(pipeline, tmp_path_factory):
    """Where pip installed this package as requirements.txt says, without what else it names."""
    folder, _ = pipeline
    lines = (folder / "requirements.txt").read_text().splitlines()
    own = folder / "own.txt"
    own.write_text("\n".join(line for line in lines if "==" not in line or "xling" in line))
    target, elsewhere = tmp_path_factory.mktemp("target"), tmp_path_factory.mktemp("elsewhere")
    offline = ("--no-index", "--no-deps", "--target", target)
    result = run(sys.executable, "-m", "pip", "install", *offline, "-r", own, cwd=elsewhere)
    assert result.returncode == 0, result.stderr
    return target


@pytest.fixture
def texts(pipeline, tmp_path):
    """A file of TEXTS, with the labels that the trained pipeline gives them, but for the first."""
    _, expected = pipeline
    given = expected[: len(TEXTS)].argmax(axis=1)
    given[0] = 1 - given[0]
    path = tmp_path / "labelled.jsonl"
    rows = zip(TEXTS, given, strict=True)
    srsly.write_jsonl(path, [{"text": text, "label": LABELS[n], "lang": "en"} for text, n in rows])
    return path


def blocked_command(package, *arguments):
    """Run a command of spaCy with the package for serving, where what that doesn't require is blocked."""
    code = BLOCK.format(heavy=HEAVY) + COMMAND
    # Python looks where it is started first, and there may be the sources.
    return run(sys.executable, "-c", code, *arguments, path=package, cwd=package)


def test_the_requirements_are_the_wheel_and_versions_as_installed(pipeline):
    folder, _ = pipeline
    lines = (folder / "requirements.txt").read_text().splitlines()
    (wheel,) = folder.glob("*.whl")
    pinned = {line.replace("-", "_") for line in lines if "==" in line}
    names = ("spacy", "numpy", "onnxruntime", "tokenizers")
    expected = {f"{name}=={importlib.metadata.version(name)}" for name in names}
    assert pinned == {wheel.name.removesuffix("-py3-none-any.whl").replace("-", "=="), *expected}


def test_what_serves_imports_no_torch(pipeline, package, tmp_path):
    folder, expected = pipeline
    found = serve(sys.executable, folder, tmp_path, BLOCK.format(heavy=HEAVY) + SERVE, package)
    assert_served(found, expected)
    assert found["package"] == str(package / "spacy_xling")


def test_the_block_works(tmp_path, checkpoints):
    # A trained pipeline can't be loaded behind it, and so no test passes because nothing is blocked.
    make_pipeline(checkpoints("xlm-roberta")).to_disk(tmp_path / "trained")
    with pytest.raises(AssertionError, match="No module named 'torch'"):
        serve(sys.executable, tmp_path / "trained", tmp_path, BLOCK.format(heavy=HEAVY) + SERVE, ROOT)


def test_the_wheel_made_from_an_installed_one_is_the_same(pipeline, package, tmp_path):
    (wheel,) = pipeline[0].glob("*.whl")
    # pip compiled the modules, which are no part of it.
    assert list(package.rglob("*.pyc"))
    assert run(sys.executable, "-c", AGAIN, tmp_path, path=package, cwd=package).returncode == 0
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_evaluate_needs_no_torch(pipeline, package, texts, tmp_path):
    folder, _ = pipeline
    result = blocked_command(package, "xling", "evaluate", folder, texts, "--json", tmp_path / "found.json")
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads((tmp_path / "found.json").read_text())["exported"]["en"]
    assert found["accuracy"] == pytest.approx(1 - 1 / len(TEXTS))


@pytest.mark.parametrize(
    "command",
    [
        "train {configs}/baseline.cfg --output {tmp}/out",
        "export {exported} --output {tmp}/out",
        "evaluate {exported}/../trained {texts}",
        "calibrate {exported} {texts} --output {tmp}/out",
        "trim {tmp} {texts} --output {tmp}/out",
    ],
)
def test_a_command_that_needs_torch_is_one_line(command, pipeline, package, texts, tmp_path):
    places = {"configs": ROOT / "configs", "exported": pipeline[0], "texts": texts, "tmp": tmp_path}
    arguments = [part.format(**places) for part in command.split()]
    result = blocked_command(package, "xling", *arguments)
    assert result.returncode == 1
    assert "[X005] No module named" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_environment_without_torch_serves(pipeline, texts, tmp_path):
    folder, expected = pipeline
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"

    def type_in(*arguments):
        result = run(python, "-m", *arguments, cwd=tmp_path)
        if "No matching distribution found for spacy==" in result.stderr:
            pytest.skip("pip reaches no index")
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def listed():
        entries = json.loads(type_in("pip", "list", "--format", "json"))
        return {entry["name"].lower().replace("-", "_"): entry["version"] for entry in entries}

    type_in("pip", "install", "-r", folder / "requirements.txt")
    type_in("pip", "check")
    installed = listed()
    assert set(installed).isdisjoint({*HEAVY, "scikit_learn"})
    assert_served(serve(python, folder, tmp_path, SERVE), expected)
    assert "accuracy" in type_in("spacy", "xling", "evaluate", folder, texts)
    refused = run(python, "-m", "spacy", "xling", "export", folder, "--output", tmp_path / "out")
    assert "[X005] No module named 'torch'" in refused.stdout

    # A package of the pipeline requires spacy-xling in a range, and is content with what is there.
    package = ("package", folder, tmp_path, "--name", "meldungen", "--build", "none")
    assert run(sys.executable, "-m", "spacy", *package, path=ROOT).returncode == 0
    assert '"spacy-xling>=' in (tmp_path / "xx_meldungen-0.0.0" / "meta.json").read_text()
    type_in("pip", "install", "-r", folder / "requirements.txt", "./xx_meldungen-0.0.0")
    assert listed() == {**installed, "xx_meldungen": "0.0.0"}
    type_in("pip", "check")
    assert_served(serve(python, "xx_meldungen", tmp_path, SERVE), expected)
    type_in("pip", "uninstall", "--yes", "spacy-xling")
    assert not list((tmp_path / "env").glob("lib/*/site-packages/spacy_xling*"))
