"""A calibrated component: its scores, its file, its training."""

import json

import numpy as np
import pytest
import spacy
import torch
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.data.languages import set_language
from spacy_xling.optimizer.adamw import AdamW
from spacy_xling.pipeline.calibrated import Calibration
from tests.conftest import MULTI, SINGLE, make_examples, textcat_config

KINDS = {"xling_textcat": SINGLE, "xling_textcat_multilabel": MULTI}
CALIBRATION = Calibration(2.5, {"da": 0.4})
UNEVEN = Calibration(0.1 + 0.2, {"da": 2 / 3}, abstain_below=0.6)


def make_pipe(checkpoint, kind="xling_textcat", **changes):
    nlp = spacy.blank("xx")
    torch.manual_seed(0)
    pipe = nlp.add_pipe(kind, config=textcat_config(checkpoint, **changes))
    examples = make_examples(nlp, KINDS[kind])
    nlp.initialize(lambda: examples)
    for _ in range(3):
        pipe.update(examples, sgd=AdamW(0.01))
    return nlp, pipe, examples


def make_texts(nlp):
    texts = [nlp.make_doc(text) for text, _ in SINGLE]
    set_language(texts[1], "da")
    set_language(texts[2], "de")
    return [*texts, nlp.make_doc(" ")]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_logits_over_the_temperature(kind, checkpoint):
    nlp, pipe, _ = make_pipe(checkpoint, kind)
    docs = make_texts(nlp)
    plain = pipe.predict(docs)
    logits, has_words = pipe.raw_logits([doc.text for doc in docs])
    assert has_words.tolist() == [True] * 4 + [False]
    pipe.calibration = CALIBRATION
    scaled = torch.tensor(logits) / torch.tensor([[2.5], [0.4], [2.5], [2.5]])
    expected = torch.softmax(scaled, dim=1) if kind == "xling_textcat" else torch.sigmoid(scaled)
    np.testing.assert_allclose(pipe.predict(docs)[:4], expected, rtol=1e-5)
    assert (pipe.predict(docs)[4] == 0).all()
    doc = next(nlp.pipe(docs[1:2]))
    assert list(doc.cats.values()) == pytest.approx(expected[1].tolist())
    pipe.calibration = Calibration(1.0)
    np.testing.assert_array_equal(pipe.predict(docs), plain)
    pipe.calibration = None
    np.testing.assert_array_equal(pipe.predict(docs), plain)


def test_what_was_saved_is_what_is_loaded(checkpoint, tmp_path):
    nlp, pipe, _ = make_pipe(checkpoint)
    docs = make_texts(nlp)
    pipe.calibration = UNEVEN
    nlp.to_disk(tmp_path)
    other = spacy.load(tmp_path).get_pipe("xling_textcat")
    assert other.calibration == UNEVEN
    np.testing.assert_array_equal(other.predict(docs), pipe.predict(docs))
    copied = make_pipe(checkpoint)[0].from_bytes(nlp.to_bytes()).get_pipe("xling_textcat")
    np.testing.assert_allclose(copied.predict(docs), pipe.predict(docs), rtol=1e-6)
    saved = json.loads((tmp_path / "xling_textcat" / "cfg").read_text())
    assert saved["calibration"] == UNEVEN._asdict()


def test_a_pipeline_that_was_saved_without_the_setting_loads(checkpoint, tmp_path):
    nlp, pipe, _ = make_pipe(checkpoint)
    docs = make_texts(nlp)
    nlp.to_disk(tmp_path)
    path = tmp_path / "xling_textcat" / "cfg"
    saved = json.loads(path.read_text())
    del saved["calibration"]
    path.write_text(json.dumps(saved))
    other = spacy.load(tmp_path).get_pipe("xling_textcat")
    assert other.calibration is None
    np.testing.assert_array_equal(other.predict(docs), pipe.predict(docs))
    # Nor does a calibration stay that was there before.
    pipe.calibration = CALIBRATION
    nlp.from_disk(tmp_path)
    assert pipe.calibration is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"labels": ["LATE"]}, "X554"),
        ({"labels": ["LATE", "LATE"]}, "X554"),
        ({"labels": [1, 2]}, "X554"),
        ({"labels": None}, "X554"),
        ({"threshold": "x"}, "X555"),
        ({"calibration": {"temperature": -1}}, "X530"),
        ({"calibration": {"temperature": "x"}}, "X554"),
        ({"calibration": {"nonsense": 1}}, "X554"),
        ({"calibration": [1]}, "X554"),
        ({"calibration": {"offsets": {"da": [1.0]}}}, "X533"),
        ({"calibration": {"offsets": {"da": ["a", "b"]}}}, "X554"),
        ({"calibration": {"abstain_below": 2}}, "X531"),
    ],
)
def test_settings_that_were_changed_by_hand_are_refused_where_they_are_loaded(
    changes, code, checkpoint, tmp_path
):
    nlp, pipe, _ = make_pipe(checkpoint)
    nlp.to_disk(tmp_path)
    file = tmp_path / "xling_textcat" / "cfg"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(ValueError, match=code):
        spacy.load(tmp_path)
    pipe.cfg.update(changes)
    with pytest.raises(ValueError, match=code):
        pipe.from_bytes(pipe.to_bytes())


@pytest.mark.parametrize("threshold", [-0.5, 7, "NaN"])
def test_a_threshold_that_is_no_score_is_X555(threshold, nlp, checkpoint):
    with pytest.raises(ValueError, match="X555"):
        nlp.add_pipe("xling_textcat", config=textcat_config(checkpoint, threshold=threshold))


@pytest.mark.parametrize("kind", KINDS)
def test_training_goes_on_as_without(kind, checkpoint):
    weights = []
    for calibration in (None, CALIBRATION):
        nlp, pipe, examples = make_pipe(checkpoint, kind)
        pipe.calibration = calibration
        optimizer = nlp.resume_training(sgd=AdamW(0.01))
        for _ in range(3):
            nlp.update(examples, sgd=optimizer)
            nlp.rehearse(examples, sgd=optimizer)
        weights.append({k: v.clone() for k, v in pipe.model.shims[0]._model.state_dict().items()})
        assert pipe.calibration == calibration
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_scores_is_that_of_their_logits(kind, checkpoint):
    _, pipe, examples = make_pipe(checkpoint, kind)
    set_language(examples[1].predicted, "da")
    docs = [eg.predicted for eg in examples]
    loss, gradient = pipe.get_loss(examples, pipe.predict(docs))
    pipe.calibration = CALIBRATION
    other_loss, other_gradient = pipe.get_loss(examples, pipe.predict(docs))
    assert other_loss == pytest.approx(loss, rel=1e-4)
    np.testing.assert_allclose(other_gradient, gradient, atol=1e-5)


def test_initialize_forgets_the_calibration(checkpoint):
    nlp, pipe, examples = make_pipe(checkpoint)
    pipe.calibration = CALIBRATION
    nlp.initialize(lambda: examples)
    assert pipe.calibration is None


def test_abstained_is_set_below_the_threshold_and_cats_stay(checkpoint):
    nlp, pipe, _ = make_pipe(checkpoint)
    docs = list(nlp.pipe(make_texts(nlp)))
    assert [doc._.abstained for doc in docs] == [None] * 5
    cats = [doc.cats for doc in docs]
    tops = sorted(max(doc.cats.values()) for doc in docs)
    pipe.calibration = Calibration(1.0, abstain_below=tops[2])
    docs = list(nlp.pipe(make_texts(nlp)))
    assert [doc.cats for doc in docs] == cats
    assert [doc._.abstained for doc in docs] == [max(doc.cats.values()) < tops[2] for doc in docs]
    assert sum(doc._.abstained for doc in docs) == 2
    assert docs[4]._.abstained
    assert nlp.evaluate(make_examples(nlp, SINGLE))["cats_score"] is not None


def test_bad_settings_are_refused(checkpoint):
    nlp = spacy.blank("xx")
    pipe, multi = (nlp.add_pipe(kind) for kind in KINDS)
    for value in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="X530"):
            pipe.calibration = Calibration(value)
        with pytest.raises(ValueError, match="X530"):
            pipe.calibration = Calibration(1.0, {"da": value})
    with pytest.raises(ValueError, match="X531"):
        pipe.calibration = Calibration(1.0, abstain_below=1.1)
    with pytest.raises(ValueError, match="X532"):
        multi.calibration = Calibration(1.0, abstain_below=0.5)
    assert pipe.calibration is None


def run(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


def test_the_command_calibrates_a_trained_pipeline(checkpoint, tmp_path, monkeypatch):
    nlp, pipe, _ = make_pipe(checkpoint)
    nlp.to_disk(tmp_path / "model")
    lines = [{"text": text, "label": max(cats, key=cats.get), "lang": "en"} for text, cats in SINGLE]
    wrong = {"text": SINGLE[0][0], "label": "REFUND", "lang": "da"}
    dev = tmp_path / "dev.jsonl"
    dev.write_text("\n".join(map(json.dumps, [*lines, wrong])))
    arguments = (tmp_path / "model", dev, "--output", tmp_path / "out", "--by-language", "--min-texts", 2)
    result = run(*arguments, "--abstain-below", 0.6)
    assert result.exit_code == 0, result.output
    assert "ECE before" in result.output
    assert result.output.count("*") >= 2
    loaded = spacy.load(tmp_path / "out").get_pipe("xling_textcat")
    assert loaded.calibration.abstain_below == 0.6
    assert loaded.calibration.temperature > 0
    docs = make_texts(nlp)
    np.testing.assert_array_equal(loaded.predict(docs).argmax(axis=1), pipe.predict(docs).argmax(axis=1))
    again = run(*arguments)
    assert again.exit_code == 1
    assert "X765" in again.output
    assert run(*arguments, "--overwrite").exit_code == 0

    def full(handle):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    failed = run(*arguments, "--overwrite")
    assert failed.exit_code == 1
    assert "[X161]" in failed.output
    assert spacy.load(tmp_path / "out")
