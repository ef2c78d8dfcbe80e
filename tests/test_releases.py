"""Pipelines that are saved under one release of `transformers` are loaded under another, with equal scores.

The other one is that of the other environment: `make env` makes one, `make test-shared` both.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy

from tests.conftest import FAMILIES, SINGLE, TEXTS, make_checkpoint, make_examples, textcat_config
from tests.translation.checkpoints import make_seq2seq

ROOT = Path(__file__).parents[1]
PYTHONS = [ROOT / name / "bin" / "python" for name in (".venv", ".venv-shared")]
OTHER = next((python for python in PYTHONS if Path(sys.prefix) != python.parents[1]), None)
# What releases write in different ways: which layers see near pieces only, and how positions turn.
CHANGES = {
    "modernbert": {
        "num_hidden_layers": 4,
        "local_attention": 4,
        "global_attn_every_n_layers": 2,
        "global_rope_theta": 80000.0,
        "local_rope_theta": 100.0,
    }
}
LONG = [*TEXTS, " ".join(TEXTS)]
# Of translators, whose tokenizers stay as they came.
TRANSLATORS = ("m2m100", "nllb")


def save(folder):
    """Write a pipeline with an encoder of each family."""
    for family in FAMILIES:
        checkpoint = make_checkpoint(family, folder / "checkpoints" / family, **CHANGES.get(family, {}))
        nlp = spacy.blank("xx")
        nlp.add_pipe("xling_textcat", config=textcat_config(checkpoint))
        nlp.initialize(lambda nlp=nlp: make_examples(nlp, SINGLE))
        nlp.to_disk(folder / family)
    for family in TRANSLATORS:
        checkpoint = make_seq2seq(family, folder / "translators" / family)
        nlp = spacy.blank("xx")
        config = {"model": str(checkpoint), "source": "en", "target": "de", "length_ratio": 0.5}
        nlp.add_pipe("xling_translator", config=config)
        nlp.to_disk(folder / family)


def load(folder):
    """The scores or translations of each pipeline, by family."""
    found = {}
    for family in FAMILIES:
        nlp = spacy.load(folder / family)
        found[family] = [list(doc.cats.values()) for doc in nlp.pipe(LONG)]
    for family in TRANSLATORS:
        found[family] = [doc._.translation for doc in spacy.load(folder / family).pipe(TEXTS[:3])]
    return found


def elsewhere(what, folder):
    """Save or load in the other environment."""
    result = subprocess.run(
        [OTHER, "-m", "tests.test_releases", what, folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """What the families' pipelines find: saved here and loaded in both, saved there and loaded in both."""
    if OTHER is None or not OTHER.exists():
        pytest.skip("there is no second environment: make env, make test-shared")
    here, there = (tmp_path_factory.mktemp(name) for name in ("here", "there"))
    save(here)
    elsewhere("save", there)
    return (load(here), elsewhere("load", here)), (elsewhere("load", there), load(there))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_pipeline_of_one_release_scores_the_same_under_another(scores, family):
    for expected, found in scores:
        np.testing.assert_allclose(found[family], expected[family], atol=1e-5)
        assert np.ptp(expected[family], axis=0).max() > 1e-3


@pytest.mark.parametrize("family", TRANSLATORS)
def test_a_translator_of_one_release_translates_the_same_under_another(scores, family):
    for expected, found in scores:
        assert found[family] == expected[family]
        assert len(set(expected[family])) == 3


if __name__ == "__main__":
    print(json.dumps({"save": save, "load": load}[sys.argv[1]](Path(sys.argv[2]))))
