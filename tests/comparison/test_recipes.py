"""Baseline, sequential and joint training on a tiny encoder, at equal compute."""

import json

import pytest
import srsly
from spacy.util import load_config_from_str

from spacy_xling.comparison.comparing import compare
from spacy_xling.comparison.plan import read_plan
from spacy_xling.comparison.running import Machine
from tests.comparison.tiny import table
from tests.conftest import PRETRAIN_CONFIG
from tests.resuming.configs import JOINT
from tests.resuming.runs import Work

PLAN = """
[paths]
folder = null
encoder = null
corpus = null
pretrain = null

[compare]
source = "en"
test = ${paths.folder}/test
seeds = [0, 1]
equal_compute = true

[settings]
paths.folder = ${paths.folder}
paths.encoder = ${paths.encoder}
training.eval_frequency = 20

[encoders]

[encoders.adapted]
config = ${paths.pretrain}
per_seed = false

[encoders.adapted.settings]
paths.encoder = ${paths.encoder}
paths.unlabelled = ${paths.corpus}/raw
corpora.unlabelled.shuffle_buffer = 20
training.batch_pieces = 120
training.pass_pieces = 64
training.max_steps = 4
training.eval_frequency = 2

[recipes]

[recipes.baseline]
config = ${paths.folder}/recipe.cfg

[recipes.baseline.settings]
components.xling_textcat.objective.mlm_weight.start = 0
components.xling_textcat.objective.mlm_weight.end = 0

[recipes.sequential]
config = ${paths.folder}/recipe.cfg
encoder = "adapted"

[recipes.sequential.settings]
components.xling_textcat.objective.mlm_weight.start = 0
components.xling_textcat.objective.mlm_weight.end = 0

[recipes.joint]
config = ${paths.folder}/recipe.cfg
"""


@pytest.mark.slow
def test_recipes_at_equal_compute(tmp_path, checkpoint, corpus):
    (tmp_path / "text").mkdir()
    folder = Work(JOINT, tmp_path / "text", checkpoint).folder
    (folder / "recipe.cfg").write_text(JOINT, encoding="utf8")
    (folder / "test").mkdir()
    rows = list(srsly.read_jsonl(folder / "train.jsonl"))
    for language in ("en", "de"):
        srsly.write_jsonl(folder / "test" / f"{language}.jsonl", rows)
    paths = {"folder": folder, "encoder": checkpoint, "corpus": corpus, "pretrain": PRETRAIN_CONFIG}
    overrides = {f"paths.{name}": str(path) for name, path in paths.items()}
    plan = read_plan(load_config_from_str(PLAN, overrides))
    said = []
    done = compare(plan, tmp_path / "out", Machine(), say=said.append)
    assert done.failures == [], said
    compute = table(tmp_path / "out")["compute"]
    # The adaptation is done once, and part of what each sequential pipeline has cost.
    (made,) = (tmp_path / "out" / "encoders").glob("*/*/model/log.jsonl")
    pieces = json.loads(made.read_text().splitlines()[-1])["pieces"]
    adaptations = {recipe: cost["adaptation_pieces"]["mean"] for recipe, cost in compute.items()}
    assert adaptations == {"baseline": 0, "sequential": pieces, "joint": 0}
    most = max(cost["encoder_pieces"]["mean"] for cost in compute.values())
    for cost in compute.values():
        per_step = (cost["encoder_pieces"]["mean"] - cost["adaptation_pieces"]["mean"]) / cost["steps"][
            "mean"
        ]
        # Steps are whole ones, and those of the joint recipe differ a little in their raw text.
        assert cost["encoder_pieces"]["mean"] == pytest.approx(most, abs=2 * per_step)
    assert compute["baseline"]["steps"]["mean"] > 10
    config = (tmp_path / "out/runs/sequential/0/model/model-best/config.cfg").read_text()
    assert "encoders/adapted/once/model/model-" in config
    said.clear()
    assert compare(plan, tmp_path / "out", Machine(), say=said.append).failures == []
    assert all("finished before" in line or "equal compute" in line for line in said)
