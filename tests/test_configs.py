"""The configs that users start from."""

import json
import math
from itertools import islice
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli._util import app as spacy_app
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.tokens import DocBin, Span
from spacy.util import load_config, registry
from thinc.api import Config
from typer.testing import CliRunner

from spacy_xling.comparison.jobs import plan_jobs
from spacy_xling.comparison.plan import CompareBlock, read_plan
from spacy_xling.data.languages import set_language
from spacy_xling.optimizer.adamw import AdamW
from tests.conftest import TEXTS, needs_shared, write_raw

CONFIGS = Path(__file__).parent.parent / "configs"
ALL = sorted(CONFIGS.glob("*.cfg"))
# What `spacy train` takes.
TRAINING = [
    pytest.param(path, id=path.stem, marks=needs_shared if path.stem == "shared" else ())
    for path in ALL
    if path.stem not in ("pretrain", "compare")
]


def load(path):
    return Config().from_disk(path, interpolate=False)


def flat(config, prefix=""):
    for key, value in config.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_there_are_configs():
    assert {path.stem for path in ALL} == {
        "joint",
        "baseline",
        "code_switching",
        "translate_train",
        "multilabel",
        "sentiment",
        "shared",
        "translation",
        "pretrain",
        "compare",
    }


@pytest.mark.parametrize("path", TRAINING)
def test_config_is_fully_filled(path, tmp_path):
    _, filled = fill_config(tmp_path / "filled.cfg", path)
    assert dict(flat(filled)) == dict(flat(load(path)))


def test_pretrain_config_is_fully_filled():
    written = load(CONFIGS / "pretrain.cfg").interpolate()
    assert dict(flat(registry.fill(written))) == dict(flat(written))


def test_the_plan_of_a_comparison_is_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(CONFIGS.parent)
    plan = read_plan(load_config(CONFIGS / "compare.cfg", {"paths.test": "assets/quickstart/test"}))
    assert list(plan.recipes) == ["baseline", "sequential", "joint", "code_switching", "translate_train"]
    jobs = plan_jobs(plan, tmp_path)
    assert len(jobs.encoders) == len(plan.compare.seeds)
    assert len(jobs.trainings) == 5 * len(plan.compare.seeds)
    written = load(CONFIGS / "compare.cfg")["compare"].keys()
    assert set(written) == CompareBlock.model_fields.keys()


@pytest.mark.parametrize("path", TRAINING)
def test_the_optimizer_is_built_from_its_block_alone_as_spacy_does(path):
    training = load(path)["training"]
    optimizer = registry.resolve({"optimizer": training["optimizer"]})["optimizer"]
    assert isinstance(optimizer, AdamW)
    assert optimizer.average_every == training["eval_frequency"]
    assert training["optimizer"]["learn_rate"]["total_steps"] == training["max_steps"]


def bilingual_data(folder, checkpoints):
    """What any of the configs needs, by dot name."""
    folder.mkdir()
    # The fewest that `spacy debug data` puts up with.
    bilingual(folder / "train.spacy", n_texts=100)
    (folder / "en-de.tsv").write_text("parcel\tPaket\n", encoding="utf-8")
    (folder / "parallel").mkdir()
    pairs = [f"{number} {TEXTS[number % 2]}\t{number} {TEXTS[2 + number % 2]}\n" for number in range(200)]
    (folder / "parallel" / "en-de.tsv").write_text("".join(pairs), encoding="utf-8")
    translation = {"text": TEXTS[2], "lang": "de", "source_text": TEXTS[0], "source_lang": "en"}
    srsly.write_jsonl(folder / "translated.jsonl", [translation])
    return {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "train.spacy"),
        "paths.unlabelled": str(write_raw(folder / "raw", {"en": TEXTS[:2], "de": TEXTS[2:4]})),
        "paths.dictionaries": str(folder / "en-de.tsv"),
        "paths.parallel": str(folder / "parallel"),
        "paths.translations": str(folder / "translated.jsonl"),
        "paths.encoder": str(checkpoints("bert")),
        "components.transformer.model.get_spans.window": 16,
        "components.transformer.model.get_spans.stride": 12,
        "training.max_steps": 2,
        "training.eval_frequency": 2,
        "training.optimizer.learn_rate.total_steps": 2,
    }


@pytest.mark.parametrize("path", TRAINING)
def test_a_pipeline_of_any_config_goes_on_learning_and_is_debugged(path, tmp_path, checkpoints, monkeypatch):
    # `spacy debug profile` writes a file where it runs.
    monkeypatch.chdir(tmp_path)
    known = dict(flat(load(path)))
    given = bilingual_data(tmp_path / "data", checkpoints)
    given = {name: value for name, value in given.items() if name in known}
    train(path, tmp_path / "output", overrides=given)
    nlp = spacy.load(tmp_path / "output" / "model-last")
    corpus = registry.resolve(load_config(path, given, interpolate=True)["corpora"])["train"]
    examples = list(islice(corpus(nlp), 100))
    # What is learnt from beside the examples is read again.
    for optimizer in (nlp.initialize(lambda: examples), nlp.resume_training(), nlp.create_optimizer()):
        assert isinstance(optimizer, AdamW)
        losses = nlp.update(examples[:4], sgd=optimizer)
        assert all(math.isfinite(loss) for loss in losses.values())
    options = [str(word) for name, value in given.items() for word in (f"--{name}", value)]
    name = nlp.pipe_names[-1]
    (tmp_path / "texts.jsonl").write_text(json.dumps({"text": TEXTS[0]}))
    commands = (
        ["debug", "data", str(path), *options],
        ["debug", "model", str(path), name, "-P3", *options],
        ["debug", "profile", str(tmp_path / "output" / "model-last"), str(tmp_path / "texts.jsonl")],
        ["debug", "config", str(path), *options],
    )
    for command in commands:
        result = CliRunner().invoke(spacy_app, command)
        assert result.exit_code == 0, (command, result.output, result.exception)


def test_baseline_differs_from_joint_in_lambda_alone():
    joint, baseline = (dict(flat(load(CONFIGS / f"{name}.cfg"))) for name in ("joint", "baseline"))
    weight = "components.xling_textcat.objective.mlm_weight"
    assert joint.pop(weight) > 0
    assert baseline.pop(weight) == 0
    assert joint == baseline


def test_code_switching_differs_from_baseline_in_its_own_blocks_alone():
    switching, baseline = (
        dict(flat(load(CONFIGS / f"{name}.cfg"))) for name in ("code_switching", "baseline")
    )
    assert baseline.pop("components.xling_textcat.code_switching") is None
    own = {key for key in switching if "code_switching" in key or "dictionaries" in key}
    assert len(own) == 12
    assert {key: value for key, value in switching.items() if key not in own} == baseline


def test_translate_train_differs_from_baseline_in_its_own_blocks_alone():
    translated, baseline = (
        dict(flat(load(CONFIGS / f"{name}.cfg"))) for name in ("translate_train", "baseline")
    )
    assert baseline.pop("components.xling_textcat.translated_texts") is None
    own = {key for key in translated if "translated_texts" in key or "translations" in key}
    assert len(own) == 16
    assert {key: value for key, value in translated.items() if key not in own} == baseline


@pytest.mark.parametrize("path", TRAINING)
def test_components_of_a_config_are_built_without_reading_a_checkpoint(path):
    config = load(path)
    config["paths"]["encoder"] = "./no/such/folder"
    config = config.interpolate()
    nlp = spacy.blank(config["nlp"]["lang"])
    for name in config["nlp"]["pipeline"]:
        settings = {key: value for key, value in config["components"][name].items() if key != "factory"}
        nlp.add_pipe(config["components"][name]["factory"], name=name, config=settings)
    labels = [pipe.labels for _, pipe in nlp.pipeline if hasattr(pipe, "labels")]
    assert nlp.pipe_names == config["nlp"]["pipeline"]
    assert {tuple(found) for found in labels} == {()}


@pytest.mark.parametrize("path", [path for path in ALL if path.stem != "compare"], ids=lambda path: path.stem)
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


def bilingual(path, n_texts=4):
    """Texts with a category and an entity each, half of them English, half German."""
    nlp = spacy.blank("xx")
    docs = [nlp.make_doc(TEXTS[number % 4]) for number in range(n_texts)]
    for number, doc in enumerate(docs):
        doc.cats = {"LATE": float(number % 2 == 0), "REFUND": float(number % 2)}
        doc.ents = [Span(doc, 1, 2, label="THING")]
        set_language(doc, ["en", "de"][number % 4 // 2])
    DocBin(docs=docs, store_user_data=True).to_disk(path)


@needs_shared
def test_the_shared_config_trains_its_components_on_a_tiny_bert(checkpoints, tmp_path):
    bilingual(tmp_path / "train.spacy")
    overrides = {
        "paths.train": str(tmp_path / "train.spacy"),
        "paths.dev": str(tmp_path / "train.spacy"),
        "paths.unlabelled": str(write_raw(tmp_path / "raw", {"en": TEXTS[:2], "de": TEXTS[2:4]})),
        "paths.encoder": str(checkpoints("bert")),
        # Of spaCy's tokens: the tiny encoder takes 64 pieces.
        "components.transformer.model.get_spans.window": 16,
        "components.transformer.model.get_spans.stride": 12,
        "training.max_steps": 40,
        "training.eval_frequency": 20,
        "training.optimizer.learn_rate.value": 0.01,
        "training.optimizer.learn_rate.total_steps": 40,
        "training.score_weights.cats_score_targets": 0.0,
        "training.logger.output_file": str(tmp_path / "log.jsonl"),
    }
    train(CONFIGS / "shared.cfg", tmp_path / "output", overrides=overrides)
    nlp = spacy.load(tmp_path / "output" / "model-last")
    doc = nlp(TEXTS[0])
    assert max(doc.cats, key=doc.cats.get) == "LATE"
    assert [(entity.text, entity.label_) for entity in doc.ents] == [("parcel", "THING")]
    rows = list(srsly.read_jsonl(tmp_path / "log.jsonl"))
    assert all({"cats_score_en", "cats_score_de", "cats_score_gap"} <= row["scores"].keys() for row in rows)
    assert rows[-1]["scores"]["ents_f_targets"] == rows[-1]["scores"]["ents_f_de"]
    assert nlp.meta["performance"]["cats_score_targets"] == pytest.approx(rows[-1]["scores"]["cats_score_de"])
