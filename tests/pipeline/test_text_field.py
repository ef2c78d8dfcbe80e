"""Which text a classifier reads: scores, training, calibration and files, with translations or without."""

import json
import pickle
import re
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Adam, fix_random_seed
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.data.languages import set_language
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.dictionaries.reader import build_dictionaries_v1
from spacy_xling.evaluation.predictions import predict
from spacy_xling.pipeline.calibrated import Calibration
from tests.conftest import GERMAN, SINGLE, TEXTS, make_examples, write_raw
from tests.exporting.pipelines import make_pipeline
from tests.pipeline.textcats import (
    EXCLUSIVE,
    each_kind,
    each_name,
    make_nlp,
    parameters,
    same,
    trained,
)
from tests.translation.checkpoints import make_seq2seq

ROOT = Path(__file__).parents[2]
# Danish, and its English.
PAIRS = {TEXTS[4]: TEXTS[0], TEXTS[5]: TEXTS[1], "Kassen kom for sent.": SINGLE[0][0]}


@Language.component("known_translations", assigns=["doc._.translation"])
def known_translations(doc):
    """Stands for a translator: Danish sentences that are known become English, others stay as they are."""
    doc._.translation = PAIRS.get(doc.text, doc.text)
    return doc


def translating(nlp, name=EXCLUSIVE):
    """The pipeline with a translator before its classifier, which reads what that makes."""
    nlp.add_pipe("known_translations", first=True)
    nlp.get_pipe(name).text_field = "translation"
    return nlp


def scores(nlp, texts, language=None):
    docs = [nlp.make_doc(text) for text in texts]
    for doc in docs:
        set_language(doc, language)
    return np.array([list(doc.cats.values()) for doc in nlp.pipe(docs)])


# Predicting


@each_kind
def test_scores_of_a_text_are_those_of_its_translation(checkpoint, name, data):
    nlp = trained(checkpoint, name, data)
    expected = scores(nlp, [*PAIRS.values(), TEXTS[6], " "])
    untranslated = scores(nlp, PAIRS)
    found = scores(translating(nlp, name), [*PAIRS, TEXTS[6], " "])
    np.testing.assert_array_equal(found, expected)
    assert np.abs(found[: len(PAIRS)] - untranslated).max() > 1e-3
    assert nlp(TEXTS[4]).cats == nlp(TEXTS[0]).cats
    nlp.get_pipe(name).text_field = "text"
    np.testing.assert_array_equal(scores(nlp, PAIRS), untranslated)


def test_in_processes_too(checkpoint):
    nlp = translating(trained(checkpoint))
    found = [list(doc.cats.values()) for doc in nlp.pipe(PAIRS, n_process=2, batch_size=1)]
    np.testing.assert_allclose(found, scores(nlp, PAIRS), rtol=1e-5)


def test_a_text_without_a_translation_among_others_is_read_itself(checkpoint):
    nlp = trained(checkpoint)
    expected = scores(nlp, [TEXTS[0], TEXTS[5]])
    pipe = nlp.get_pipe(EXCLUSIVE)
    pipe.text_field = "translation"
    docs = [nlp.make_doc(text) for text in TEXTS[4:6]]
    docs[0]._.translation = TEXTS[0]
    np.testing.assert_array_equal(pipe.predict(docs), expected)


@each_name
def test_without_any_translation_it_is_X557_and_told_once(checkpoint, name):
    nlp = make_nlp(checkpoint, name, text_field="translation")
    nlp.initialize(lambda: make_examples(nlp, SINGLE))
    for run in (
        lambda: nlp(TEXTS[0]),
        lambda: list(nlp.pipe(TEXTS)),
        lambda: nlp.evaluate(make_examples(nlp, SINGLE)),
    ):
        with pytest.raises(ValueError, match=r'^\[X557\].*xling_translator.*text_field = "text"'):
            run()
    told = []
    nlp.set_error_handler(lambda name, proc, docs, error: told.append(str(error)[:6]))
    assert list(nlp.pipe(TEXTS)) == []
    assert told == ["[X557]"]


def test_a_translation_that_is_no_text_is_X558(checkpoint):
    nlp = trained(checkpoint, n_updates=0)
    nlp.get_pipe(EXCLUSIVE).text_field = "translation"
    doc = nlp.make_doc(TEXTS[0])
    doc._.translation = {"en": "late"}
    with pytest.raises(ValueError, match=r"^\[X558\].*dict"):
        nlp(doc)


# The setting


@each_kind
def test_it_is_saved_and_loaded_and_stands_in_the_config(checkpoint, name, data, tmp_path):
    nlp = translating(trained(checkpoint, name, data, n_updates=3), name)
    expected = scores(nlp, PAIRS)
    assert nlp.config["components"][name]["text_field"] == "translation"
    nlp.to_disk(tmp_path)
    by_bytes = spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes())
    twins = (spacy.load(tmp_path), by_bytes, pickle.loads(pickle.dumps(nlp)), deepcopy(nlp))
    for twin in twins:
        assert twin.get_pipe(name).text_field == "translation"
        assert twin.config["components"][name]["text_field"] == "translation"
        np.testing.assert_array_equal(scores(twin, PAIRS), expected)
        # Each has a config of its own.
        twin.get_pipe(name).text_field = "text"
        assert twin.config["components"][name]["text_field"] == "text"
    assert nlp.config["components"][name]["text_field"] == "translation"
    assert nlp.get_pipe(name).text_field == "translation"


def test_a_component_from_another_pipeline_keeps_it(checkpoint, tmp_path):
    nlp = trained(checkpoint, n_updates=3)
    other = spacy.blank("xx")
    other.add_pipe("known_translations")
    other.add_pipe(EXCLUSIVE, "classifier", source=nlp)
    other.get_pipe("classifier").text_field = "translation"
    other.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe("classifier").text_field == "translation"
    assert loaded.config["components"]["classifier"]["text_field"] == "translation"
    np.testing.assert_array_equal(scores(loaded, PAIRS), scores(other, PAIRS))


def test_a_pipeline_that_was_saved_without_the_setting_reads_the_text(checkpoint, tmp_path):
    nlp = trained(checkpoint, n_updates=3)
    nlp.to_disk(tmp_path)
    path = tmp_path / EXCLUSIVE / "cfg"
    settings = json.loads(path.read_text())
    del settings["text_field"]
    path.write_text(json.dumps(settings))
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe(EXCLUSIVE).text_field == "text"
    np.testing.assert_array_equal(scores(loaded, TEXTS), scores(nlp, TEXTS))


def test_another_value_is_X556(checkpoint, tmp_path):
    nlp = trained(checkpoint, n_updates=0)
    with pytest.raises(ValueError, match=r"^\[X556\].*'speech'.*text or translation"):
        nlp.get_pipe(EXCLUSIVE).text_field = "speech"
    assert nlp.get_pipe(EXCLUSIVE).text_field == "text"
    nlp.to_disk(tmp_path)
    path = tmp_path / EXCLUSIVE / "cfg"
    path.write_text(json.dumps({**json.loads(path.read_text()), "text_field": []}))
    with pytest.raises(ValueError, match=r"^\[X556\]"):
        spacy.load(tmp_path)


# Training


def learnt(nlp, data, annotates=(), **changes):
    """The parameters after some updates, as `spacy train` makes them."""
    examples = make_examples(nlp, data)
    for example in examples:
        set_language(example.reference, "en")
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples, sgd=Adam(0.01, L2=0.0, use_averages=False))
    for _ in range(3):
        nlp.update(examples, sgd=optimizer, annotates=annotates)
    return parameters(nlp.get_pipe(EXCLUSIVE))


DANISH = [(text, {"LATE": float(row != 1), "REFUND": float(row == 1)}) for row, text in enumerate(PAIRS)]
TRANSLATED = [(PAIRS[text], cats) for text, cats in DANISH]


def test_training_without_a_translator_is_as_without_the_setting(checkpoint):
    expected = learnt(make_nlp(checkpoint), SINGLE)
    assert same(learnt(make_nlp(checkpoint, text_field="translation"), SINGLE), expected)


def test_training_reads_translations_where_the_translator_annotates(checkpoint):
    def make():
        return translating(make_nlp(checkpoint))

    expected = learnt(make_nlp(checkpoint), TRANSLATED)
    assert same(learnt(make(), DANISH, annotates=["known_translations"]), expected)
    plain = learnt(make_nlp(checkpoint), DANISH)
    assert same(learnt(make(), DANISH), plain)
    assert not same(plain, expected)


def test_rehearsal_reads_translations(checkpoint):
    moved = []
    for text_field in ("text", "translation"):
        nlp = trained(checkpoint, n_updates=3)
        pipe = nlp.get_pipe(EXCLUSIVE)
        optimizer = nlp.resume_training(sgd=Adam(0.01, L2=0.0, use_averages=False))
        nlp.update(make_examples(nlp, SINGLE), sgd=optimizer)
        examples = make_examples(nlp, TRANSLATED if text_field == "text" else DANISH)
        if text_field == "translation":
            pipe.text_field = text_field
            for example in examples:
                known_translations(example.predicted)
        pipe.rehearse(examples, sgd=optimizer)
        moved.append(parameters(pipe))
    assert same(*moved)


def test_a_translation_is_not_switched(checkpoint, tmp_path):
    (tmp_path / "da-de.tsv").write_text("pakken\tdas Paket\nsent\tspät\nkom\tkam\n", encoding="utf-8")
    (tmp_path / "en-de.tsv").write_text("late\tspät\nbox\tKarton\nmoney\tGeld\n", encoding="utf-8")
    switching = {"@misc": "spacy-xling.code_switching.v1", "share": 1.0}
    nlp = make_nlp(checkpoint, code_switching=switching)
    examples = make_examples(nlp, [*DANISH, *SINGLE])
    for example in examples:
        set_language(example.reference, "da" if example.reference.text in PAIRS else "en")
    pipe = nlp.get_pipe(EXCLUSIVE)
    pipe.attach_dictionaries(build_dictionaries_v1(tmp_path)())
    assert "Paket" in pipe._learnt_texts(examples)[0][0]
    pipe.text_field = "translation"
    for example in examples:
        known_translations(example.predicted)
    texts, _ = pipe._learnt_texts(examples)
    assert texts[:3] == list(PAIRS.values())
    # English that was not translated is.
    assert "spät" in texts[3]


# Centring, calibration, abstention


def offset_pipeline(checkpoint):
    nlp = trained(checkpoint)
    nlp.get_pipe(EXCLUSIVE).calibration = Calibration(offsets={"da": [2.0, -2.0], "fr": [1.0, 0.0]})
    return nlp


def test_offsets_are_those_of_texts_that_are_not_translated(checkpoint):
    nlp = offset_pipeline(checkpoint)
    plain = trained(checkpoint)
    moved = scores(nlp, [TEXTS[5], TEXTS[8]], "da")
    assert (moved != scores(plain, [TEXTS[5], TEXTS[8]])).any(axis=1).all()
    translating(nlp)
    found = scores(nlp, [TEXTS[5], TEXTS[8]], "da")
    # The first has a translation, the second stays as it is.
    np.testing.assert_allclose(found[0], scores(plain, [TEXTS[1]])[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], moved[1], rtol=1e-5)


def test_centring_in_training_compares_texts_as_they_are(checkpoint, tmp_path):
    lines = {"de": [text.format(n) for n in range(9) for text in GERMAN]}
    raw = build_unlabelled_text_v1(write_raw(tmp_path, lines))
    offsets = []
    for text_field in ("text", "translation"):
        nlp = make_nlp(checkpoint, centring=True, text_field=text_field)
        examples = make_examples(nlp, SINGLE)
        for example in examples:
            set_language(example.reference, "en")
        fix_random_seed(0)
        pipe = nlp.get_pipe(EXCLUSIVE)
        nlp.config["initialize"]["components"][EXCLUSIVE] = {}
        pipe.initialize(lambda examples=examples: examples, nlp=nlp, unlabelled=raw)
        for _ in range(2):
            pipe.update(examples, sgd=Adam(0.01))
        pipe.keep_centred()
        offsets.append(pipe.offsets)
    assert offsets[0] == offsets[1] != {}


@pytest.fixture
def dev(tmp_path):
    """Files of labelled Danish, and of its translations."""
    labels = ["LATE", "REFUND", "REFUND"]
    for name, texts in (("danish", PAIRS), ("english", PAIRS.values())):
        rows = [
            {"text": text, "label": label, "lang": "da"} for text, label in zip(texts, labels, strict=True)
        ]
        srsly.write_jsonl(tmp_path / f"{name}.jsonl", rows * 20)
    return tmp_path


def test_calibrate_fits_the_scores_of_translations(checkpoint, dev):
    plain = trained(checkpoint)
    plain.to_disk(dev / "plain")
    translating(trained(checkpoint)).to_disk(dev / "translating")
    options = ("--by-language", "--abstain-below", "0.6")
    found = []
    for model, texts in (("plain", "english"), ("translating", "danish")):
        output = dev / f"{model}-calibrated"
        arguments = ["calibrate", dev / model, dev / f"{texts}.jsonl", "--output", output, *options]
        result = CliRunner().invoke(app, list(map(str, arguments)))
        assert result.exit_code == 0, result.output
        found.append(spacy.load(output))
    calibrations = [nlp.get_pipe(EXCLUSIVE).calibration for nlp in found]
    assert calibrations[0] == calibrations[1]
    assert calibrations[0].by_language.keys() == {"da"}
    docs = [list(nlp.pipe(texts)) for nlp, texts in zip(found, (PAIRS.values(), PAIRS), strict=True)]
    assert [doc._.abstained for doc in docs[0]] == [doc._.abstained for doc in docs[1]] != [None] * 3
    assert [doc.cats for doc in docs[0]] == [doc.cats for doc in docs[1]]


def test_calibrate_without_a_translator_is_X557(checkpoint, dev):
    nlp = trained(checkpoint, n_updates=0)
    pipe = nlp.get_pipe(EXCLUSIVE)
    pipe.text_field = "translation"
    # One that comes after the classifier is none.
    nlp.add_pipe("known_translations")
    nlp.to_disk(dev / "model")
    arguments = ["calibrate", dev / "model", dev / "danish.jsonl", "--output", dev / "out"]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 1
    assert "[X557]" in result.output
    assert "Traceback" not in result.output


# Evaluating, exporting


def test_evaluate_scores_translations(checkpoint):
    nlp, plain = translating(trained(checkpoint)), trained(checkpoint)
    docs = [eg.reference for eg in make_examples(nlp, DANISH)]
    english = [eg.reference for eg in make_examples(plain, TRANSLATED)]
    np.testing.assert_array_equal(predict(nlp, docs).scores, predict(plain, english).scores)
    found = nlp.evaluate(make_examples(nlp, DANISH))
    expected = plain.evaluate(make_examples(plain, TRANSLATED))
    assert {**found, "speed": 0} == {**expected, "speed": 0}


def test_no_raw_text_is_asked_for_of_languages_that_are_translated(checkpoint):
    from spacy_xling.evaluation.by_language import centring_warnings

    nlp = offset_pipeline(checkpoint)
    docs = [nlp.make_doc(TEXTS[2])]
    set_language(docs[0], "de")
    assert len(centring_warnings("model", nlp, docs, "en")) == 1
    assert centring_warnings("model", translating(nlp), docs, "en") == []


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_exported_classifier_reads_the_same(checkpoint, precision, tmp_path):
    from spacy_xling.exporting.exporting import export_pipeline

    nlp = translating(make_pipeline(checkpoint))
    nlp.to_disk(tmp_path / "trained")
    export_pipeline(tmp_path / "trained", tmp_path / "exported", precision=precision)
    exported = spacy.load(tmp_path / "exported")
    assert exported.config["components"][EXCLUSIVE]["text_field"] == "translation"
    found = scores(exported, PAIRS)
    exported.get_pipe(EXCLUSIVE).text_field = "text"
    np.testing.assert_array_equal(found, scores(exported, PAIRS.values()))
    assert np.abs(found - scores(exported, PAIRS)).max() > 1e-2
    if precision == "fp32":
        np.testing.assert_allclose(found, scores(nlp, PAIRS), atol=1e-4)
    exported.get_pipe(EXCLUSIVE).text_field = "translation"
    exported.remove_pipe("known_translations")
    with pytest.raises(ValueError, match=r"^\[X557\]"):
        exported(TEXTS[4])


# Whole


@pytest.fixture(scope="module")
def danish_to_english(tmp_path_factory):
    folder = make_seq2seq("marian", tmp_path_factory.mktemp("marian"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.update(source_lang="da", target_lang="en")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_the_example_of_the_guide_runs(checkpoint, danish_to_english, tmp_path, monkeypatch, capsys):
    guide = (ROOT / "docs" / "guides" / "translation.md").read_text(encoding="utf8")
    section = guide.partition("## Translate-test: translate the text, not the classifier")[2]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    code = code.replace("Helsinki-NLP/opus-mt-da-en", str(danish_to_english))
    monkeypatch.chdir(tmp_path)
    nlp = trained(checkpoint)
    (tmp_path / "training").mkdir()
    nlp.to_disk(tmp_path / "training" / "model-best")
    names = {}
    exec(code, names)
    doc = names["doc"]
    assert doc.text == "Min pakke er forsinket" != doc._.translation
    assert doc.cats == nlp(doc._.translation).cats
    assert doc._.translation in capsys.readouterr().out
    assert names["nlp"].pipe_names == ["xling_translator", EXCLUSIVE]


def test_a_translating_pipeline_that_is_exported_is_whole(checkpoint, danish_to_english, tmp_path):
    from spacy_xling.exporting.exporting import export_pipeline

    nlp = make_pipeline(checkpoint)
    config = {"model": str(danish_to_english), "source": "da"}
    nlp.add_pipe("xling_translator", first=True, config=config)
    nlp.get_pipe(EXCLUSIVE).text_field = "translation"
    nlp.to_disk(tmp_path / "trained")
    export_pipeline(tmp_path / "trained", tmp_path / "exported", precision="fp32")
    exported = spacy.load(tmp_path / "exported")
    docs = [list(found.pipe(TEXTS[4:6])) for found in (nlp, exported)]
    assert [doc._.translation for doc in docs[0]] == [doc._.translation for doc in docs[1]]
    np.testing.assert_allclose(*([list(doc.cats.values()) for doc in found] for found in docs), atol=1e-4)
    assert isinstance(docs[0][0], Doc)
