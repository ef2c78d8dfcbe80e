"""Translations stand in for labelled texts in training, and nowhere else."""

import json
import pickle

import pytest
import spacy
import srsly
from spacy.cli.train import train
from thinc.api import Adam, fix_random_seed

from spacy_xling.configs.choices import advise
from spacy_xling.configs.render import render_config
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.training.callbacks import build_attach_translations_v1
from spacy_xling.training.loggers import loss_columns
from spacy_xling.translate_train.translations import TextPairs, Translations
from spacy_xling.translate_train.translations_reader import build_translations_v1
from tests.conftest import MULTI, SINGLE, textcat_config
from tests.pipeline.shared import RawTexts
from tests.pipeline.test_switched import (
    ALWAYS,
    KINDS,
    assert_equal_parameters,
    dictionaries,
    make_examples,
    record_texts,
    update,
    written_out,
)

each_kind = pytest.mark.parametrize(("name", "data"), KINDS)
TRANSLATED = {"@misc": "spacy-xling.translated_texts.v1"}
GERMAN = {
    "The parcel arrived late.": "Das Paket kam zu spät.",
    "I want my money back.": "Ich möchte mein Geld zurück.",
    "The second order arrived late.": "Die zweite Bestellung kam zu spät.",
    "My money back for the box.": "Mein Geld für den Karton zurück.",
    "The box was late and broken.": "Der Karton war zu spät und kaputt.",
    "Money back for the broken box.": "Geld zurück für den kaputten Karton.",
}
DANISH = {"The parcel arrived late.": "Pakken kom for sent."}

# The scorer of a config, and what goes around it.
BY_LANGUAGE = (
    "[components.xling_textcat.scorer]\n",
    """[components.xling_textcat.scorer]
@scorers = "spacy-xling.by_language_scorer.v1"
source = "en"

[components.xling_textcat.scorer.scorer]
""",
)

pytestmark = pytest.mark.usefixtures("one_thread")


def german(nlp=None):
    return Translations([TextPairs("en", "de", GERMAN)])


def two_languages(nlp=None):
    return Translations([TextPairs("en", "de", GERMAN), TextPairs("en", "da", DANISH)])


def no_reader(nlp):
    raise AssertionError("nothing is read")


def make_pipe(checkpoint, data, *, name="xling_textcat", translations=None, words=None, **settings):
    """A pipeline of one initialized component, and its examples."""
    nlp = spacy.blank("xx")
    config = textcat_config(checkpoint, **settings)
    config["model"]["encoder"]["dropout"] = 0.0
    pipe = nlp.add_pipe(name, config=config)
    examples = make_examples(nlp, data) if isinstance(data, list) else list(data(nlp))
    fix_random_seed(0)
    pipe.initialize(
        lambda: examples,
        nlp=nlp,
        dictionaries=words,
        translations=translations,
        unlabelled=lambda nlp: RawTexts(),
    )
    return nlp, pipe, examples


def write_translations(folder, data):
    """Files as `spacy xling translate` writes them."""
    folder.mkdir()
    records = [
        {"text": GERMAN[text], "cats": cats, "lang": "de", "source_text": text, "source_lang": "en"}
        for text, cats in data
    ]
    srsly.write_jsonl(folder / "de.jsonl", records)
    return folder


@each_kind
def test_with_a_share_of_1_it_is_training_on_the_file_of_the_language(name, data, checkpoint, tmp_path):
    folder = write_translations(tmp_path / "translated", data)
    settings = {"translated_texts": TRANSLATED | {"share": 1.0}, "mlm_weight": 0.5}
    _, translated, examples = make_pipe(
        checkpoint, data, name=name, translations=build_translations_v1(folder), **settings
    )
    corpus = build_labelled_text_v1(folder)
    _, plain, others = make_pipe(checkpoint, corpus, name=name, mlm_weight=0.5)
    found, expected = update(translated, examples), update(plain, others)
    assert [losses.pop(f"{name}_translated") for losses in found] == [1.0] * 3
    assert found == expected
    assert_equal_parameters(translated, plain)


@each_kind
def test_with_a_share_of_0_training_is_number_for_number_what_it_is_without(name, data, checkpoint):
    settings = {"translated_texts": TRANSLATED | {"share": 0.0}, "mlm_weight": 0.5}
    _, translated, examples = make_pipe(checkpoint, data, name=name, translations=no_reader, **settings)
    _, plain, others = make_pipe(checkpoint, data, name=name, mlm_weight=0.5)
    assert update(translated, examples) == update(plain, others)
    assert_equal_parameters(translated, plain)
    assert translated.loss_names == plain.loss_names


def test_each_visit_of_a_text_is_drawn_anew(checkpoint, monkeypatch):
    _, pipe, examples = make_pipe(checkpoint, SINGLE, translated_texts=TRANSLATED, translations=two_languages)
    batches = record_texts(pipe, monkeypatch)
    losses = update(pipe, examples, 12)
    first, second = ({batch[number] for batch in batches} for number in (0, 1))
    assert first == {"The parcel arrived late.", "Das Paket kam zu spät.", "Pakken kom for sent."}
    assert second == {"I want my money back.", "Ich möchte mein Geld zurück."}
    english = {text for text, _ in SINGLE}
    shares = [sum(text not in english for text in batch) / 4 for batch in batches]
    assert [found["xling_textcat_translated"] for found in losses] == shares


def test_the_same_seed_draws_the_same_texts_and_another_one_others(checkpoint, monkeypatch):
    drawn = []
    for seed in (1, 1, 2):
        settings = TRANSLATED | {"seed": seed}
        _, pipe, examples = make_pipe(
            checkpoint, SINGLE, translated_texts=settings, translations=two_languages
        )
        with monkeypatch.context() as patch:
            batches = record_texts(pipe, patch)
            update(pipe, examples, 4)
        drawn.append(batches)
    assert drawn[0] == drawn[1] != drawn[2]


def test_nothing_is_translated_when_predicting_evaluating_or_rehearsing(checkpoint, monkeypatch):
    settings = TRANSLATED | {"share": 1.0}
    nlp, pipe, examples = make_pipe(checkpoint, SINGLE, translated_texts=settings, translations=german)
    batches = record_texts(pipe, monkeypatch)
    before = pipe.training_state()
    texts = [text for text, _ in SINGLE]
    list(nlp.pipe(texts))
    nlp.evaluate(examples)
    pipe.get_loss(examples, pipe.predict([eg.predicted for eg in examples]))
    nlp.resume_training(sgd=Adam(0.01))
    pipe.rehearse(examples)
    assert pipe.training_state() == before
    assert {text for batch in batches for text in batch} == set(texts)


@pytest.mark.parametrize(("language", "is_translated"), [("en", True), (None, True), ("fr", False)])
def test_a_text_is_translated_if_its_language_is_that_of_the_translated_text(
    language, is_translated, checkpoint, monkeypatch
):
    settings = TRANSLATED | {"share": 1.0}
    nlp, pipe, _ = make_pipe(checkpoint, SINGLE, translated_texts=settings, translations=german)
    batches = record_texts(pipe, monkeypatch)
    pipe.update(make_examples(nlp, SINGLE, language))
    assert batches == [[GERMAN[text] if is_translated else text for text, _ in SINGLE]]


def test_an_unlabelled_text_of_the_batch_stays_as_it_is(checkpoint, monkeypatch):
    nlp, pipe, examples = make_pipe(
        checkpoint,
        SINGLE,
        translated_texts=TRANSLATED | {"share": 1.0},
        translations=german,
        mlm_weight=0.5,
    )
    batches = record_texts(pipe, monkeypatch)
    unlabelled = make_examples(nlp, [(SINGLE[0][0], {})])
    losses = pipe.update([examples[0], *unlabelled], losses={})
    assert batches[0] == ["Das Paket kam zu spät.", "The parcel arrived late."]
    assert losses["xling_textcat_translated"] == 1.0


def test_labelled_texts_of_the_masked_term_are_the_translated_ones(checkpoint):
    settings = {"mlm_on_labelled": True, "mlm_weight": 0.5, "texts_per_update": 1}
    _, pipe, examples = make_pipe(
        checkpoint, SINGLE, translated_texts=TRANSLATED | {"share": 1.0}, translations=german, **settings
    )
    in_german = [(GERMAN[text], cats) for text, cats in SINGLE]
    _, plain, written = make_pipe(checkpoint, in_german, **settings)
    assert update(pipe, examples)[-1]["xling_textcat_mlm"] == update(plain, written)[-1]["xling_textcat_mlm"]


def test_words_are_replaced_in_the_texts_that_stay_and_in_no_other(checkpoint, monkeypatch):
    settings = {"code_switching": ALWAYS, "words": dictionaries}
    nlp, pipe, examples = make_pipe(
        checkpoint, SINGLE, translated_texts=TRANSLATED, translations=german, **settings
    )
    batches = record_texts(pipe, monkeypatch)
    losses = update(pipe, examples, 8)
    switched = [text for text, _ in written_out(SINGLE)]
    for batch, found in zip(batches, losses, strict=True):
        stayed = [n for n, (text, _) in enumerate(SINGLE) if batch[n] != GERMAN[text]]
        assert [batch[n] for n in stayed] == [switched[n] for n in stayed]
        assert found["xling_textcat_translated"] == 1 - len(stayed) / 4
        # Of 4, 5, 5 and 6 words 2, 2, 2 and 3 are in the dictionary.
        words, replaced = (sum(counts[n] for n in stayed) for counts in ((4, 5, 5, 6), (2, 2, 2, 3)))
        assert found["xling_textcat_switched"] == (replaced / words if words else 0)
    columns = list(loss_columns(nlp))
    assert columns == ["loss", "class", "mlm", "translated", "switched"]


def test_draws_of_one_source_leave_those_of_the_other_alone(checkpoint, monkeypatch):
    """With a text of no translation among them, code-switching draws as it does without translations."""
    unknown = Translations([TextPairs("en", "de", {"Another text.": "Ein anderer Text."})])
    settings = {"code_switching": ALWAYS | {"share": 0.5}, "words": dictionaries}
    _, alone, examples = make_pipe(checkpoint, SINGLE, **settings)
    with pytest.warns(UserWarning, match="W547"):
        _, both, others = make_pipe(
            checkpoint, SINGLE, translated_texts=TRANSLATED, translations=lambda nlp: unknown, **settings
        )
    batches = [record_texts(pipe, monkeypatch) for pipe in (alone, both)]
    update(alone, examples, 5)
    update(both, others, 5)
    assert batches[0] == batches[1]


def test_draws_go_on_from_a_saved_state(checkpoint, monkeypatch):
    settings = {"translated_texts": TRANSLATED, "translations": two_languages}
    settings |= {"code_switching": ALWAYS | {"share": 0.5}, "words": dictionaries}
    _, pipe, examples = make_pipe(checkpoint, SINGLE, **settings)
    update(pipe, examples, 3)
    state = json.loads(json.dumps(pipe.training_state()))
    _, other, others = make_pipe(checkpoint, SINGLE, **settings)
    other.load_training_state(state)
    batches = [record_texts(found, monkeypatch) for found in (pipe, other)]
    update(pipe, examples, 5)
    update(other, others, 5)
    assert batches[0] == batches[1]


def test_a_state_of_other_translations_is_refused(checkpoint):
    _, pipe, _ = make_pipe(checkpoint, SINGLE, translated_texts=TRANSLATED, translations=two_languages)
    _, other, _ = make_pipe(checkpoint, SINGLE, translated_texts=TRANSLATED, translations=german)
    with pytest.raises(ValueError, match=r"\[X209\] The translations .*: en-da"):
        other.load_training_state(pipe.training_state())


def test_initialize_begins_the_draws_anew(checkpoint):
    nlp, pipe, examples = make_pipe(
        checkpoint, SINGLE, translated_texts=TRANSLATED, translations=two_languages
    )
    before = pipe.training_state()
    update(pipe, examples)
    assert pipe.training_state()["translating"] != before["translating"]
    pipe.initialize(lambda: examples, nlp=nlp, translations=two_languages)
    assert pipe.training_state()["translating"] == before["translating"]


def test_translated_texts_without_translations_are_one_line_when_it_begins(checkpoint):
    with pytest.raises(ValueError, match=r"\[X547\] The component 'xling_textcat' has translated_texts"):
        make_pipe(checkpoint, SINGLE, translated_texts=TRANSLATED)


def test_a_loaded_component_needs_translations_to_train_and_none_to_predict(checkpoint, tmp_path):
    nlp, _, _ = make_pipe(checkpoint, SINGLE, translated_texts=TRANSLATED, translations=german)
    nlp.to_disk(tmp_path / "saved")
    assert not any("transl" in path.name for path in (tmp_path / "saved").rglob("*"))
    loaded = spacy.load(tmp_path / "saved")
    assert loaded("The parcel.").cats == nlp("The parcel.").cats
    again = loaded.get_pipe("xling_textcat")
    with pytest.raises(ValueError, match=r"\[X547\]"):
        again.update(make_examples(loaded, SINGLE))
    build_attach_translations_v1("xling_textcat", german)(loaded)
    losses = [again.update(make_examples(loaded, SINGLE), losses={}) for _ in range(5)]
    assert any(found["xling_textcat_translated"] > 0 for found in losses)


def test_a_component_with_translations_is_pickled_and_predicts_in_processes(checkpoint):
    nlp, pipe, examples = make_pipe(checkpoint, SINGLE, translated_texts=TRANSLATED, translations=german)
    update(pipe, examples)
    texts = [text for text, _ in SINGLE]
    expected = [pytest.approx(doc.cats) for doc in nlp.pipe(texts)]
    assert [doc.cats for doc in pickle.loads(pickle.dumps(nlp)).pipe(texts)] == expected
    assert [doc.cats for doc in nlp.pipe(texts, n_process=2)] == expected


def test_only_translations_can_be_attached(checkpoint, tmp_path):
    _, pipe, _ = make_pipe(checkpoint, SINGLE, translated_texts=TRANSLATED, translations=german)
    with pytest.raises(ValueError, match=r"\[X548\] 'xling_textcat' was given a TranslationReader"):
        pipe.attach_translations(build_translations_v1(tmp_path))


def test_translations_without_a_setting_to_use_them_are_a_warning(checkpoint):
    with pytest.warns(UserWarning, match=r"\[W546\]"):
        _, pipe, examples = make_pipe(checkpoint, SINGLE, translations=german)
    assert "xling_textcat_translated" not in pipe.update(examples, losses={})


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (TextPairs("en", "de", {"Other texts.": "Andere Texte."}), r"\(in en\) 0\.0 % .* of texts in en;"),
        (TextPairs("fr", "de", GERMAN), r"\(in en\) 0\.0 % .* of texts in fr;"),
        (TextPairs("en", "de", {MULTI[0][0]: "Das Paket."}), r"\(in en\) 8\.3 % .* of texts in en;"),
    ],
)
def test_translations_of_hardly_any_labelled_text_are_a_warning_with_their_share(pairs, said, checkpoint):
    more = [(f"{text} {n}", cats) for n in range(3) for text, cats in MULTI]
    data = [MULTI[0], *more[1:]]
    with pytest.warns(
        UserWarning, match=rf"\[W547\] Of the labelled texts of 'xling_textcat_multilabel' {said}"
    ):
        make_pipe(
            checkpoint,
            data,
            name="xling_textcat_multilabel",
            translated_texts=TRANSLATED,
            translations=lambda nlp: Translations([pairs]),
        )


def test_a_config_trains_on_translations_and_chooses_its_checkpoint_by_translated_dev(checkpoint, tmp_path):
    records = [
        {"text": f"{text[:-1]} {n}.", "label": max(cats, key=cats.get), "lang": "en"}
        for n in range(3)
        for text, cats in SINGLE
    ]
    srsly.write_jsonl(tmp_path / "train.jsonl", records)
    for name in ("translated", "translated_dev"):
        (tmp_path / name).mkdir()
        for language in ("da", "de"):
            made = [
                {
                    **record,
                    "text": f"{record['text']} {language}",
                    "lang": language,
                    "source_text": record["text"],
                    "source_lang": "en",
                }
                for record in records
            ]
            srsly.write_jsonl(tmp_path / name / f"{language}.jsonl", made)
        (tmp_path / name / "translation.json").write_text("{}")
    advice = advise(
        build_labelled_text_v1(tmp_path / "train.jsonl"),
        dev=tmp_path / "translated_dev",
        translations=tmp_path / "translated",
        encoder=str(checkpoint),
    )
    assert advice.choices.mode == "translate_train"
    config = tmp_path / "my.cfg"
    text = render_config(advice.choices, "my.cfg").replace(*BY_LANGUAGE)
    config.write_text(text, encoding="utf-8")
    overrides = {
        "training.max_steps": 4,
        "training.eval_frequency": 2,
        "training.optimizer.learn_rate.total_steps": 4,
        "training.optimizer.average_every": 2,
        "training.logger.output_file": str(tmp_path / "log.jsonl"),
        "training.score_weights.cats_score": 0.0,
        "training.score_weights.cats_acc_targets": 1.0,
    }
    train(config, tmp_path / "output", overrides=overrides)
    rows = list(srsly.read_jsonl(tmp_path / "log.jsonl"))
    assert len(rows) >= 2
    for row in rows:
        scores = row["scores"]
        mean = (scores["cats_acc_da"] + scores["cats_acc_de"]) / 2
        assert row["score"] == pytest.approx(mean) == pytest.approx(scores["cats_acc_targets"])
        # As many texts in each file: all texts as one say the same.
        assert scores["cats_acc"] == pytest.approx(mean)
        assert 0 < row["losses"]["xling_textcat_translated"] < 1
    best = max(rows, key=lambda row: row["score"])
    meta = spacy.load(tmp_path / "output" / "model-best").meta["performance"]
    assert meta["cats_acc_targets"] == pytest.approx(best["score"])
