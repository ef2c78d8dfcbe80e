"""An exported pipeline serves where torch and its kin aren't installed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.exporting.pipelines import ALL, export, make_pipeline, scores

ROOT = Path(__file__).parents[2]
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
    }))
"""


def serve(python, folder, tmp_path, code):
    """Run the code and read what it prints."""
    (tmp_path / "texts.json").write_text(json.dumps(ALL))
    (tmp_path / "serve.py").write_text(code)
    result = subprocess.run(
        [python, tmp_path / "serve.py", folder, tmp_path / "texts.json", tmp_path / "again"],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=tmp_path,
    )
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
    folder = tmp_path_factory.mktemp("serving")
    # Of what it was trained with, nothing is needed to serve it.
    switching = {"@misc": "spacy-xling.code_switching.v1", "share": 0.0}
    nlp = make_pipeline(checkpoints("xlm-roberta"), code_switching=switching)
    export(nlp, folder, precision="fp32")
    return folder / "exported", scores(nlp)


def test_what_serves_imports_no_torch(pipeline, tmp_path):
    folder, expected = pipeline
    assert_served(serve(sys.executable, folder, tmp_path, BLOCK.format(heavy=HEAVY) + SERVE), expected)


def test_the_block_works(tmp_path, checkpoints):
    # A trained pipeline can't be loaded behind it, and so no test passes because nothing is blocked.
    make_pipeline(checkpoints("xlm-roberta")).to_disk(tmp_path / "trained")
    with pytest.raises(AssertionError, match="No module named 'torch'"):
        serve(sys.executable, tmp_path / "trained", tmp_path, BLOCK.format(heavy=HEAVY) + SERVE)


@pytest.mark.slow
def test_an_environment_without_torch_serves(pipeline, tmp_path):
    folder, expected = pipeline
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet"]
    for arguments in (
        ["--constraint", ROOT / "constraints.txt", "spacy", "onnxruntime", "tokenizers"],
        ["--no-deps", ROOT],
    ):
        result = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        if result.returncode:
            pytest.skip(f"pip can't install: {result.stderr.strip().splitlines()[-1]}")
    installed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    names = {entry["name"].lower().replace("-", "_") for entry in json.loads(installed.stdout)}
    assert names.isdisjoint(HEAVY)
    assert_served(serve(python, folder, tmp_path, SERVE), expected)
