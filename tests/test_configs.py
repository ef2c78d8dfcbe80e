"""The configs that users start from."""

from pathlib import Path

import pytest
import spacy
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.util import registry
from thinc.api import Config

CONFIGS = Path(__file__).parent.parent / "configs"
ALL = sorted(CONFIGS.glob("*.cfg"))
# What `spacy train` takes.
TRAINING = [path for path in ALL if path.stem != "pretrain"]


def load(path):
    return Config().from_disk(path, interpolate=False)


def flat(config, prefix=""):
    for key, value in config.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_there_are_configs():
    assert {path.stem for path in ALL} == {"joint", "baseline", "multilabel", "sentiment", "pretrain"}


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_config_is_fully_filled(path, tmp_path):
    _, filled = fill_config(tmp_path / "filled.cfg", path)
    assert dict(flat(filled)) == dict(flat(load(path)))


def test_pretrain_config_is_fully_filled():
    written = load(CONFIGS / "pretrain.cfg").interpolate()
    assert dict(flat(registry.fill(written))) == dict(flat(written))


def test_baseline_differs_from_joint_in_lambda_alone():
    joint, baseline = (dict(flat(load(CONFIGS / f"{name}.cfg"))) for name in ("joint", "baseline"))
    weight = "components.xling_textcat.objective.mlm_weight"
    assert joint.pop(weight) > 0
    assert baseline.pop(weight) == 0
    assert joint == baseline


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_component_of_a_config_is_built_without_reading_a_checkpoint(path):
    config = load(path).interpolate()
    (name,) = config["nlp"]["pipeline"]
    settings = {key: value for key, value in config["components"][name].items() if key != "factory"}
    settings["model"]["encoder"]["name"] = "./no/such/folder"
    nlp = spacy.blank(config["nlp"]["lang"])
    assert nlp.add_pipe(config["components"][name]["factory"], config=settings).labels == ()


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_one_seed_seeds_everything(path):
    seeds = {key: value for key, value in flat(load(path)) if key.endswith("seed")}
    assert seeds.pop("system.seed") == 0
    assert len(seeds) >= 3
    assert set(seeds.values()) == {"${system.seed}"}


def test_the_sentiment_config_takes_its_one_step_on_a_tiny_bert(checkpoints, tmp_path, monkeypatch):
    monkeypatch.chdir(CONFIGS.parent)
    train(CONFIGS / "sentiment.cfg", tmp_path, overrides={"paths.encoder": str(checkpoints("bert"))})
    cats = spacy.load(tmp_path / "model-last")("Ein wunderbarer Film!").cats
    assert sorted(cats) == ["negative", "positive"]
    assert sum(cats.values()) == pytest.approx(1)
