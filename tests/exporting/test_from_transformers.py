"""A pipeline that is made of a checkpoint of `transformers` scores as that does."""

import json

import numpy as np
import pytest
import spacy
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, pipeline
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.exporting.from_transformers import import_transformers
from spacy_xling.exporting.to_transformers import export_transformers
from spacy_xling.models.native_head import HEADS
from tests.conftest import FAMILIES, SINGLE, TEXTS, make_examples, make_tokenizer
from tests.exporting.pipelines import LONG, scores

CLOSE = 1e-5
LABELS = ["late", "refund: money", "brød, ñ"]
KINDS = {
    "single_label_classification": "xling_textcat",
    "multi_label_classification": "xling_textcat_multilabel",
}


def make_classifier(family, folder, problem=None, labels=LABELS, **changes):
    """A checkpoint for sequence classification with random weights, as `transformers` itself saves it."""
    kind, config_class, settings = FAMILIES[family]
    tokenizer = make_tokenizer(kind)
    names = dict(enumerate(labels))
    config = config_class(
        **{"vocab_size": len(tokenizer), **settings, **changes},
        id2label=names,
        label2id={label: number for number, label in names.items()},
        problem_type=problem,
    )
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.5 if "classifier" in name else 0.05)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def transformers_scores(folder, texts, labels=LABELS):
    """Scores by `pipeline("text-classification")`. *Shape:* (texts, labels)"""
    classify = pipeline("text-classification", model=str(folder), device="cpu", top_k=None)
    found = [
        {each["label"]: each["score"] for each in of_text} for of_text in classify(texts, truncation=True)
    ]
    return np.array([[of_text[label] for label in labels] for of_text in found])


def assert_same_scores(nlp, folder, labels=LABELS):
    expected = transformers_scores(folder, TEXTS, labels)
    assert np.ptp(expected, axis=0).max() > 50 * CLOSE
    np.testing.assert_allclose(scores(nlp, TEXTS), expected, atol=CLOSE)


def change_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf8")), **changes}), encoding="utf8")


def run(*arguments):
    return CliRunner().invoke(app, ["import-transformers", *map(str, arguments)])


def assert_one_line(result, code):
    assert result.exit_code == 1, result.output
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("problem", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_there_and_back_scores_are_the_same(family, problem, tmp_path):
    folder = make_classifier(family, tmp_path / "checkpoint", problem)
    imported = import_transformers(str(folder), tmp_path / "pipeline")
    assert (imported.name, imported.labels) == (KINDS[problem], tuple(LABELS))
    nlp = spacy.load(tmp_path / "pipeline")
    assert list(nlp.get_pipe(imported.name).labels) == LABELS
    assert_same_scores(nlp, folder)
    export_transformers(tmp_path / "pipeline", tmp_path / "again")
    assert_same_scores(nlp, tmp_path / "again")
    before, after = (
        AutoModelForSequenceClassification.from_pretrained(f) for f in (folder, tmp_path / "again")
    )
    assert (after.config.id2label, after.config.problem_type) == (before.config.id2label, problem)
    weights = after.state_dict()
    for name, value in before.state_dict().items():
        assert torch.equal(weights[name], value), name


@pytest.mark.parametrize("settings", [{"pooling": "mean", "bias": True}, {"activation": "relu"}])
def test_modernberts_own_settings_of_its_head_are_followed(settings, tmp_path):
    changes = {f"classifier_{name}": value for name, value in settings.items()}
    folder = make_classifier("modernbert", tmp_path / "checkpoint", **changes)
    import_transformers(str(folder), tmp_path / "pipeline")
    assert_same_scores(spacy.load(tmp_path / "pipeline"), folder)


def test_a_single_label_is_scored_by_itself(tmp_path):
    folder = make_classifier("bert", tmp_path / "checkpoint", labels=["toxic"])
    imported = import_transformers(str(folder), tmp_path / "pipeline")
    assert (imported.name, imported.labels) == ("xling_textcat_multilabel", ("toxic",))
    assert_same_scores(spacy.load(tmp_path / "pipeline"), folder, ["toxic"])


def test_long_texts_are_read_in_windows(tmp_path):
    folder = make_classifier("xlm-roberta", tmp_path / "checkpoint")
    import_transformers(str(folder), tmp_path / "pipeline")
    nlp = spacy.load(tmp_path / "pipeline")
    texts = [LONG[0], LONG[0] + " ???" * 100]
    cut_off, whole = transformers_scores(folder, texts), scores(nlp, texts)
    assert np.abs(cut_off[0] - cut_off[1]).max() < CLOSE
    assert np.abs(whole[0] - whole[1]).max() > 10 * CLOSE


@pytest.mark.filterwarnings("ignore:.*W551")
def test_an_imported_pipeline_can_be_trained_on(tmp_path):
    folder = make_classifier("xlm-roberta", tmp_path / "checkpoint", labels=["LATE", "REFUND"])
    import_transformers(str(folder), tmp_path / "pipeline")
    nlp = spacy.load(tmp_path / "pipeline")
    examples = make_examples(nlp, SINGLE)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.003
    losses = [nlp.update(examples, sgd=optimizer)["xling_textcat_class"] for _ in range(40)]
    assert losses[-1] < losses[0] / 2
    nlp.to_disk(tmp_path / "trained")
    export_transformers(tmp_path / "trained", tmp_path / "exported")
    np.testing.assert_allclose(
        transformers_scores(tmp_path / "exported", TEXTS, ["LATE", "REFUND"]), scores(nlp, TEXTS), atol=CLOSE
    )


def test_the_command_says_what_it_made(tmp_path):
    folder = make_classifier("bert", tmp_path / "checkpoint")
    result = run(folder, "--output", tmp_path / "pipeline", "--lang", "de")
    assert result.exit_code == 0, result.output
    assert "xling_textcat with 3 labels" in result.output
    assert spacy.load(tmp_path / "pipeline").lang == "de"
    assert_one_line(run(folder, "--output", tmp_path / "pipeline"), "X765")
    assert run(folder, "--output", tmp_path / "pipeline", "--overwrite").exit_code == 0


# What can't be imported


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"problem_type": "regression"}, "X788"),
        ({"id2label": {"0": "a", "1": "a", "2": "b"}}, "X789"),
        ({"model_type": "electra"}, "X333"),
        ({"use_kernels": True}, "X330"),
        ({"hidden_size": "wide"}, "X301"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_one_line(changes, code, tmp_path):
    folder = make_classifier("bert", tmp_path / "checkpoint")
    change_config(folder, **changes)
    assert_one_line(run(folder, "--output", tmp_path / "pipeline"), code)
    assert not (tmp_path / "pipeline").exists()


@pytest.mark.parametrize("family", ["distilbert", "modernbert", "xlm-roberta"])
def test_an_encoder_without_a_trained_head_is_one_line(family, checkpoints, tmp_path):
    assert_one_line(run(checkpoints(family), "--output", tmp_path / "pipeline"), "X787")


def test_weights_that_are_pickles_are_refused(tmp_path):
    folder = make_classifier("bert", tmp_path / "checkpoint")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    assert_one_line(run(folder, "--output", tmp_path / "pipeline"), "X331")


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_path_that_is_no_checkpoint_is_one_line(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_one_line(run(path, "--output", tmp_path / "pipeline"), "X301")


def test_a_checkpoint_that_is_cut_off_is_one_line(tmp_path):
    folder = make_classifier("bert", tmp_path / "checkpoint")
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    assert_one_line(run(folder, "--output", tmp_path / "pipeline"), "X301")


def test_a_language_that_spacy_does_not_know_is_one_line(tmp_path):
    folder = make_classifier("bert", tmp_path / "checkpoint")
    result = run(folder, "--output", tmp_path / "pipeline", "--lang", "tlh")
    assert result.exit_code == 1
    assert "Traceback" not in result.output


@pytest.mark.parametrize("family", HEADS)
def test_each_head_is_where_the_familys_model_has_it(family):
    native = HEADS[family]
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(family, num_labels=5))
    width = model.config.hidden_size
    assert model.get_submodule(native.output).weight.shape == (5, width)
    assert model.get_submodule(native.hidden).weight.shape == (width, width)
    assert native.norm is None or model.get_submodule(native.norm).weight.shape == (width,)
