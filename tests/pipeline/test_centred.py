"""Centring by language: offsets as computed by hand, the source as it was; in training, saved and loaded."""

import json

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.data.languages import set_language
from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.evaluation.calibration import calibrate
from spacy_xling.optimizer.adamw import AdamW
from spacy_xling.pipeline.calibrated import Calibration
from tests.conftest import (
    ENGLISH,
    GERMAN,
    MULTI,
    SINGLE,
    TEXTS,
    make_examples,
    sourced_config,
    textcat_config,
    write_raw,
)

KINDS = {"xling_textcat": SINGLE, "xling_textcat_multilabel": MULTI}
DANISH = ["Pakken {} kom for sent.", "Jeg vil have mine penge for {} tilbage.", "Kassen {} var i stykker."]


@pytest.fixture
def raw(tmp_path):
    lines = {"en": ENGLISH, "de": GERMAN, "da": DANISH}
    return write_raw(
        tmp_path / "raw",
        {language: [text.format(n) for n in range(9) for text in texts] for language, texts in lines.items()},
    )


def make_pipe(checkpoint, raw, kind="xling_textcat", centring=True, language="en", steps=3, **changes):
    nlp = spacy.blank("xx")
    torch.manual_seed(0)
    pipe = nlp.add_pipe(kind, config=textcat_config(checkpoint, centring=centring, **changes))
    examples = make_examples(nlp, KINDS[kind])
    for example in examples:
        set_language(example.reference, language)
    reader = build_unlabelled_text_v1(raw) if raw else None
    nlp.config["initialize"]["components"][kind] = {}
    pipe.initialize(lambda: examples, nlp=nlp, unlabelled=reader)
    for _ in range(steps):
        pipe.update(examples, sgd=AdamW(0.01))
    return nlp, pipe, examples


def make_texts(nlp, languages=("de", "da", "en", "fr", None)):
    docs = [nlp.make_doc(text) for text in TEXTS[: len(languages)]]
    for doc, language in zip(docs, languages, strict=True):
        set_language(doc, language)
    return docs


def lines_of(raw, language):
    return (raw / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def labelled(language="en"):
    """Labelled texts of a language."""
    docs = [eg.reference for eg in make_examples(spacy.blank("xx"), SINGLE)]
    for doc in docs:
        set_language(doc, language)
    return docs


def mean_by_hand(pipe, texts):
    """The mean of the logits of texts, each scored alone."""
    return np.mean([np.asarray(pipe.raw_logits([text])[0][0], dtype=float) for text in texts], axis=0)


@pytest.mark.parametrize("hidden_width", [None, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_offsets_are_the_source_mean_minus_the_language_mean(kind, hidden_width, checkpoint, raw):
    nlp, pipe, examples = make_pipe(checkpoint, raw, kind, model={"hidden_width": hidden_width})
    docs = make_texts(nlp)
    scores = pipe.predict(docs)
    source = mean_by_hand(pipe, [eg.reference.text for eg in examples])
    assert set(pipe.calibration.offsets) == {"da", "de"}
    for language, offset in pipe.calibration.offsets.items():
        expected = source - mean_by_hand(pipe, lines_of(raw, language))
        np.testing.assert_allclose(offset, expected, atol=1e-5)
        assert np.abs(expected).max() > 1e-3
    logits = torch.tensor(pipe.raw_logits([doc.text for doc in docs])[0])
    logits[0] += torch.tensor(pipe.calibration.offsets["de"])
    logits[1] += torch.tensor(pipe.calibration.offsets["da"])
    expected = torch.softmax(logits, dim=1) if kind == "xling_textcat" else torch.sigmoid(logits)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_source_and_unknown_languages_score_as_before_to_the_last_digit(kind, checkpoint, raw):
    nlp, pipe, _ = make_pipe(checkpoint, raw, kind)
    docs = make_texts(nlp)
    centred = pipe.predict(docs)
    pipe.calibration = None
    plain = pipe.predict(docs)
    np.testing.assert_array_equal(centred[2:], plain[2:])
    assert (centred[:2] != plain[:2]).any()


@pytest.mark.parametrize("mlm_weight", [0.0, 0.5])
def test_training_is_as_without_it_number_for_number(mlm_weight, checkpoint, raw):
    weights = []
    for centring in (False, True):
        nlp, pipe, examples = make_pipe(checkpoint, raw, centring=centring, mlm_weight=mlm_weight)
        pipe.predict(make_texts(nlp))
        for _ in range(3):
            pipe.update(examples, drop=0.1, sgd=AdamW(0.01))
        weights.append({k: v.clone() for k, v in pipe.model.shims[0]._model.state_dict().items()})
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_offsets_keep_up_with_the_weights(checkpoint, raw, tmp_path):
    nlp, pipe, examples = make_pipe(checkpoint, raw)
    docs = make_texts(nlp)
    pipe.predict(docs)
    before = pipe.calibration.offsets
    pipe.update(examples, sgd=AdamW(0.01))
    # A text of no language that is centred asks for nothing.
    pipe.predict(docs[2:])
    assert pipe.calibration.offsets == before
    nlp.to_disk(tmp_path / "saved")
    assert pipe.calibration.offsets != before
    expected = mean_by_hand(pipe, [eg.reference.text for eg in examples]) - mean_by_hand(
        pipe, lines_of(raw, "de")
    )
    np.testing.assert_allclose(pipe.calibration.offsets["de"], expected, atol=1e-5)


def test_what_was_saved_is_what_is_loaded_and_goes_on_without_raw_text(checkpoint, raw, tmp_path):
    nlp, pipe, examples = make_pipe(checkpoint, raw)
    nlp.to_disk(tmp_path / "saved")
    expected = pipe.predict(make_texts(nlp))
    loaded = spacy.load(tmp_path / "saved")
    other = loaded.get_pipe("xling_textcat")
    assert other.centring
    assert other.calibration == pipe.calibration
    np.testing.assert_array_equal(other.predict(make_texts(loaded)), expected)
    copied = make_pipe(checkpoint, raw)[0].from_bytes(nlp.to_bytes())
    np.testing.assert_allclose(
        copied.get_pipe("xling_textcat").predict(make_texts(copied)), expected, rtol=1e-6
    )
    offsets = other.calibration.offsets
    with pytest.warns(UserWarning, match="W545"):
        loaded.update(examples, sgd=loaded.resume_training(sgd=AdamW(0.01)))
    assert other.calibration.offsets == offsets


def test_bytes_have_offsets_of_their_own_weights(checkpoint, raw):
    nlp, pipe, _ = make_pipe(checkpoint, raw)
    saved = nlp.to_bytes()
    other = make_pipe(checkpoint, raw, steps=0)[0]
    other.from_bytes(saved)
    found = other.get_pipe("xling_textcat").calibration.offsets
    assert set(found) == {"da", "de"}
    for language, offset in pipe.calibration.offsets.items():
        assert found[language] == pytest.approx(offset, abs=1e-9)


def test_offsets_are_those_of_the_averages_while_these_are_in_place(checkpoint, raw, tmp_path):
    nlp, pipe, examples = make_pipe(checkpoint, raw)
    optimizer = AdamW(0.1, use_averages=True)
    for _ in range(3):
        pipe.update(examples, sgd=optimizer)
    texts = [eg.reference.text for eg in examples]

    def by_hand():
        return mean_by_hand(pipe, texts) - mean_by_hand(pipe, lines_of(raw, "de"))

    pipe.keep_centred()
    before = pipe.calibration.offsets["de"]
    with nlp.use_params(optimizer.averages):
        nlp.to_disk(tmp_path / "averaged")
        averaged = by_hand()
    np.testing.assert_allclose(before, by_hand(), atol=1e-5)
    assert np.abs(averaged - before).max() > 1e-3
    saved = spacy.load(tmp_path / "averaged").get_pipe("xling_textcat").calibration.offsets["de"]
    np.testing.assert_allclose(saved, averaged, atol=1e-5)
    pipe.predict(make_texts(nlp))
    np.testing.assert_allclose(pipe.calibration.offsets["de"], before, atol=1e-6)


def test_what_is_set_stays_until_weights_change(checkpoint, raw):
    nlp, pipe, examples = make_pipe(checkpoint, raw)
    given = Calibration(offsets={"de": [1.0, -1.0]})
    pipe.calibration = given
    pipe.predict(make_texts(nlp))
    assert pipe.calibration == given
    pipe.update(examples, sgd=AdamW(0.01))
    pipe.predict(make_texts(nlp))
    assert set(pipe.calibration.offsets) == {"da", "de"}
    given.offsets["de"].append(2.0)
    assert Calibration().offsets == {}


def test_a_language_that_turns_out_to_be_a_source_is_not_moved(checkpoint, raw):
    _, pipe, examples = make_pipe(checkpoint, raw)
    pipe.keep_centred()
    assert set(pipe.calibration.offsets) == {"da", "de"}
    # Of a stream, spaCy shows the first examples alone before training.
    set_language(examples[0].reference, "da")
    pipe.update(examples, sgd=AdamW(0.01))
    pipe.keep_centred()
    assert set(pipe.calibration.offsets) == {"de"}


def test_weights_that_are_no_numbers_are_saved_without_a_word_on_offsets(checkpoint, raw, tmp_path):
    nlp, pipe, _ = make_pipe(checkpoint, raw)
    pipe.keep_centred()
    offsets = pipe.calibration.offsets
    with torch.no_grad():
        pipe.model.shims[0].module.head.output.weight.fill_(float("nan"))
    pipe._note_change()
    nlp.to_disk(tmp_path / "saved")
    assert pipe.calibration.offsets == offsets


def test_texts_without_a_piece_count_for_nothing(checkpoint, raw, tmp_path):
    blank = tmp_path / "blank"
    write_raw(blank, {"en": TEXTS, "da": lines_of(raw, "da")})
    (blank / "de.jsonl").write_text("\n".join([json.dumps({"text": "\u3000x"})] * 3), encoding="utf-8")
    with pytest.warns(UserWarning, match="W544.*de"):
        _, pipe, _ = make_pipe(checkpoint, blank)
    pipe.keep_centred()
    assert set(pipe.calibration.offsets) == {"da"}


def test_calibrating_takes_the_offsets_of_the_weights_that_are_in_place(checkpoint, raw):
    _, pipe, examples = make_pipe(checkpoint, raw)
    docs = [eg.reference for eg in make_examples(spacy.blank("xx"), SINGLE)]
    docs[0].cats = {"LATE": 0.0, "REFUND": 1.0}
    calibrate(pipe, docs)
    expected = mean_by_hand(pipe, [eg.reference.text for eg in examples]) - mean_by_hand(
        pipe, lines_of(raw, "de")
    )
    np.testing.assert_allclose(pipe.calibration.offsets["de"], expected, atol=1e-5)


def test_a_new_label_is_not_moved(checkpoint, raw):
    nlp, pipe, _ = make_pipe(checkpoint, raw)
    docs = make_texts(nlp)
    before = pipe.predict(docs)
    pipe.add_label("BROKEN")
    assert pipe.calibration.offsets["de"][2] == 0.0
    np.testing.assert_allclose(pipe.predict(docs)[:, :2], before, atol=1e-6)


def test_the_loss_of_scores_is_that_of_their_logits(checkpoint, raw):
    _, pipe, examples = make_pipe(checkpoint, raw)
    set_language(examples[1].predicted, "da")
    docs = [eg.predicted for eg in examples]
    centred = pipe.get_loss(examples, pipe.predict(docs))
    pipe.calibration = None
    plain = pipe.get_loss(examples, pipe.predict(docs))
    assert centred[0] == pytest.approx(plain[0], rel=1e-4)
    np.testing.assert_allclose(centred[1], plain[1], atol=1e-5)


def test_what_is_missing_is_missed_at_the_start(checkpoint, raw, tmp_path):
    with pytest.raises(ValueError, match=r"X543.*nothing"):
        make_pipe(checkpoint, None)
    (tmp_path / "en-de.tsv").write_text("a\tb\n", encoding="utf-8")
    pairs = build_parallel_text_v1(tmp_path / "en-de.tsv")
    _, pipe, _ = make_pipe(checkpoint, None, centring=False)
    with pytest.raises(ValueError, match=r"X543.*ParallelText"):
        pipe.attach_centring(pairs, labelled())
    with pytest.raises(ValueError, match=r"X544.*: - \("):
        make_pipe(checkpoint, raw, language=None)
    few = write_raw(tmp_path / "few", {"en": TEXTS, "de": TEXTS[:3]})
    with pytest.warns(UserWarning, match=r"W544.*de: 3"), pytest.raises(ValueError, match=r"X545.*\(en\)"):
        make_pipe(checkpoint, few)
    write_raw(raw, {"fr": TEXTS})
    with pytest.warns(UserWarning, match=r"W544.*fr: 9"):
        _, pipe, _ = make_pipe(checkpoint, raw)
    pipe.keep_centred()
    assert set(pipe.calibration.offsets) == {"da", "de"}


def test_bad_offsets_are_refused(checkpoint, raw):
    _, pipe, _ = make_pipe(checkpoint, raw)
    for offset in ([0.0], [0.0, float("nan")], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match=r"X533.*da"):
            pipe.calibration = Calibration(offsets={"da": offset})


def test_a_sourced_component_goes_on_with_the_callback(checkpoint, raw, tmp_path):
    nlp, pipe, examples = make_pipe(checkpoint, raw)
    nlp.to_disk(tmp_path / "model")
    DocBin(docs=labelled(), store_user_data=True).to_disk(tmp_path / "train.spacy")
    paths = (tmp_path / "model", tmp_path / "train.spacy", raw)
    with pytest.raises(ValueError, match="X546"):
        init_nlp(sourced_config(*paths))
    sourced = init_nlp(sourced_config(*paths, labelled="labelled = ${corpora.train}"))
    other = sourced.get_pipe("xling_textcat")
    other.update(examples, sgd=AdamW(0.01))
    other.predict(make_texts(sourced))
    expected = mean_by_hand(other, [text for text, _ in SINGLE]) - mean_by_hand(other, lines_of(raw, "de"))
    np.testing.assert_allclose(other.calibration.offsets["de"], expected, atol=1e-5)
    assert other.calibration.offsets != pipe.calibration.offsets


def run(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


@pytest.fixture
def trained(checkpoint, tmp_path):
    """A pipeline without offsets, and dev text in English and French."""
    nlp, _, _ = make_pipe(checkpoint, None, centring=False)
    nlp.to_disk(tmp_path / "model")
    rows = [{"text": text, "label": max(cats, key=cats.get), "lang": "en"} for text, cats in SINGLE]
    wrong = {"text": SINGLE[0][0], "label": "REFUND", "lang": "fr"}
    dev = tmp_path / "dev.jsonl"
    dev.write_text("\n".join(map(json.dumps, [*rows, wrong])), encoding="utf-8")
    return tmp_path / "model", dev


def test_the_command_centres_and_fits_temperatures_on_centred_scores(trained, raw, tmp_path):
    model, dev = trained
    arguments = (model, dev, "--output", tmp_path / "out", "--centre", "--unlabelled", raw)
    result = run(*arguments, "--overwrite")
    assert result.exit_code == 0, result.output
    assert "Centred by en (4 texts): da (27), de (27)" in result.output
    assert "W761" in result.output
    assert "fr" in result.output
    pipe = spacy.load(tmp_path / "out").get_pipe("xling_textcat")
    expected = mean_by_hand(pipe, [text for text, _ in SINGLE]) - mean_by_hand(pipe, lines_of(raw, "de"))
    np.testing.assert_allclose(pipe.calibration.offsets["de"], expected, atol=1e-5)
    assert pipe.calibration.temperature != 1.0
    plain = run(*arguments, "--no-temperature", "--overwrite")
    assert plain.exit_code == 0, plain.output
    pipe = spacy.load(tmp_path / "out").get_pipe("xling_textcat")
    assert pipe.calibration == Calibration(offsets=pipe.calibration.offsets)
    # To fit temperatures leaves the offsets as they are.
    again = run(tmp_path / "out", dev, "--output", tmp_path / "warm")
    assert again.exit_code == 0, again.output
    warm = spacy.load(tmp_path / "warm").get_pipe("xling_textcat").calibration
    assert warm.offsets == pipe.calibration.offsets
    assert warm.temperature != 1.0


def test_the_command_says_what_it_cannot_centre_by(trained, raw, tmp_path):
    model, dev = trained
    arguments = (model, dev, "--output", tmp_path / "out")
    assert "X769" in run(*arguments, "--centre").output
    assert "X769" in run(*arguments, "--unlabelled", raw).output
    assert "X757" in run(*arguments, "--no-temperature").output
    for threshold in (0.5, 0):
        thresholds = ("--centre", "--unlabelled", raw, "--no-temperature", "--abstain-below", threshold)
        assert "X757" in run(*arguments, *thresholds).output
    assert "X768" in run(*arguments, "--centre", "--unlabelled", raw, "--source", "sv").output
    english = write_raw(tmp_path / "english", {"en": TEXTS * 3})
    assert "X545" in run(*arguments, "--centre", "--unlabelled", english).output
    assert not (tmp_path / "out").exists()
    assert run(*arguments, "--centre", "--unlabelled", raw).exit_code == 0
    twice = (tmp_path / "out", dev, "--output", tmp_path / "again", "--centre", "--unlabelled", raw)
    result = run(*twice)
    assert result.exit_code == 0, result.output
    assert "W760" in result.output


def test_evaluate_shows_scores_with_and_without_and_names_what_is_not_centred(checkpoint, raw, tmp_path):
    nlp, pipe, _ = make_pipe(checkpoint, raw)
    nlp.to_disk(tmp_path / "centred")
    pipe.calibration = None
    nlp.to_disk(tmp_path / "plain")
    rows = [
        {"text": text, "label": label, "lang": language}
        for language in ("en", "de", "sv")
        for text, label in zip(TEXTS, ["LATE", "REFUND"] * 4, strict=False)
    ]
    test = tmp_path / "test.jsonl"
    test.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = {}
    for options in (["centred", "--uncentred"], ["plain", "--uncentred"]):
        model, *more = options
        file = tmp_path / f"{model}.json"
        arguments = ["evaluate", tmp_path / model, test, *more, "--json", file, "--resamples", 0]
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        found[model] = result.output
    assert "not centred" in found["centred"]
    assert "W759" in found["centred"]
    assert "not of sv" in found["centred"]
    assert "W759" not in found["plain"]
    assert "W762" in found["plain"]
    assert "W762" not in found["centred"]
    both = json.loads((tmp_path / "centred.json").read_text())
    plain = json.loads((tmp_path / "plain.json").read_text())["plain"]
    assert list(both)[:2] == ["centred, not centred", "centred"]
    assert both["centred, not centred"] == plain
    assert both["centred"]["en"] == plain["en"]
