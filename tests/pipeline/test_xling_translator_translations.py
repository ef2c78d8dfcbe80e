"""A translator in a pipeline: its translations, its doubts, and its errors."""

import pytest
import spacy
from spacy.tokens import Doc

from spacy_xling.data.sources import RawText
from spacy_xling.translation import held
from spacy_xling.translation.translator import DEFAULTS, Translator
from tests.conftest import SINGLE, TEXTS, make_examples
from tests.pipeline.pretrained_translators import (
    FAST,
    FRENCH,
    MIXED,
    NAME,
    TURKISH,
    found_in,
    make_docs,
    make_nlp,
)
from tests.translation.conftest import load
from tests.translation.test_translator import GOOD, LOOP, Scripted, generate

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def scripted(monkeypatch):
    """Some sentences are known, and one is never translated well; the names that were loaded."""
    loaded = []

    def load_engine(model):
        loaded.append(model.name)
        return Scripted({**GOOD, "Loop here now": (LOOP, LOOP)})

    monkeypatch.setattr(held, "load_checkpoint", load_engine)
    return loaded


# Translating


def test_translations_are_those_of_generate(m2m100):
    nlp = make_nlp(m2m100, source="en", target="de", length_ratio=2.0)
    expected = [generate(m2m100, "m2m100", text, 1) for text in TEXTS[:2]]
    assert [doc._.translation for doc in nlp.pipe(TEXTS[:2])] == expected
    assert expected[0] != expected[1]


def test_doubts_are_a_list_and_the_text_is_kept(scripted):
    nlp = make_nlp("scripted", source="de", retry=True)
    assert found_in(nlp, [("A one here. Loop here now", "de"), ("B two", "de")]) == [
        ("A one here. Loop here now", f"A ONE HERE. {LOOP}", ["repeated"]),
        ("B two", "Nummer to", []),
    ]
    assert scripted == ["scripted"]


def test_the_text_takes_the_place_of_a_doubtful_translation(scripted):
    nlp = make_nlp("scripted", source="de", on_doubt="source")
    texts = [("A one here\nLoop here now", "de"), ("B two", "de")]
    assert found_in(nlp, texts) == [
        ("A one here\nLoop here now", "A one here\nLoop here now", ["repeated"]),
        ("B two", "Nummer to", []),
    ]


def test_a_doc_that_no_translator_saw_has_no_translation_and_no_doubt(nlp):
    nlp.add_pipe(NAME)
    doc, other = nlp.make_doc("A"), nlp.make_doc("B")
    doc._.translation_doubt.append("length")
    assert (other._.translation, other._.translation_doubt) == (None, [])


def test_a_text_in_the_target_language_stays_and_a_blank_one_is_empty(m2m100):
    found = found_in(make_nlp(m2m100))
    assert [found[row][1] for row in (2, 3, 4, 6)] == ["", TEXTS[0], "", "12:30"]
    assert [found[row][2] for row in (2, 3, 4, 6)] == [[], [], [], []]
    assert all(found[row][1] not in ("", found[row][0]) for row in (0, 1, 5))


def test_alone_in_batches_twice_and_in_processes_they_are_the_same(m2m100):
    nlp = make_nlp(m2m100)
    expected = found_in(nlp)
    alone = [nlp(doc) for doc in make_docs(nlp, *MIXED)]
    assert [(doc.text, doc._.translation, doc._.translation_doubt) for doc in alone] == expected
    assert found_in(nlp) == expected
    assert found_in(nlp, batch_size=2) == expected
    assert found_in(nlp, n_process=2, batch_size=2) == expected
    # Not loaded before the processes begin.
    assert found_in(make_nlp(m2m100), n_process=2, batch_size=3) == expected


def test_the_language_of_the_doc_comes_before_the_setting(m2m100):
    translator = Translator(lambda source: load(m2m100), "en", DEFAULTS._replace(**FAST))
    nlp = make_nlp(m2m100, source="fr")
    for language, code in (("tr", "tr"), (None, "fr")):
        (expected,) = translator.pipe([RawText(TURKISH, code)])
        assert found_in(nlp, [(TURKISH, language)])[0][1] == expected.text


def test_languages_are_found_by_their_codes(m2m100):
    expected = found_in(make_nlp(m2m100, target="de"), [(FRENCH, "fr"), (TEXTS[2], "de")])
    codes = [["français: ça", "fr"], ["Deutsch", "de"]]
    nlp = make_nlp(m2m100, target="Deutsch", codes=codes)
    assert found_in(nlp, [(FRENCH, "français: ça"), (TEXTS[2], "Deutsch")]) == expected
    assert expected[1][1] == TEXTS[2]
    assert spacy.blank("xx").from_config(nlp.config).get_pipe(NAME).codes == dict(codes)


def test_a_very_long_text_is_translated_whole(m2m100):
    # A sentence that is longer than the model takes, and more sentences than a batch has.
    text = " ".join(TEXTS[4][:-1] for _ in range(8)) + ". " + " ".join(TEXTS[4:6] * 40)
    nlp = make_nlp(m2m100, source="da", length_ratio=0.1)
    (expected,) = Translator(
        lambda source: load(m2m100), "en", DEFAULTS._replace(beams=1, length_ratio=0.1, retry=False)
    ).pipe([RawText(text, "da")])
    doc = nlp(text)
    assert doc._.translation == expected.text
    assert expected.counts["cut"] == 1
    assert expected.counts["sentences"] == 81
    assert doc._.translation.count(found_in(nlp, [(TEXTS[5], "da")])[0][1]) == 40


def test_of_two_translators_the_later_one_wins_and_reads_the_text(m2m100):
    nlp = make_nlp(m2m100, target="de", source="fr")
    nlp.add_pipe(NAME, "to_english", config={"model": str(m2m100), **FAST, "source": "fr"})
    alone = found_in(make_nlp(m2m100, source="fr"), [(FRENCH, None)])
    assert found_in(nlp, [(FRENCH, None)]) == alone
    assert found_in(make_nlp(m2m100, target="de", source="fr"), [(FRENCH, None)]) != alone
    nlp.select_pipes(disable="xling_translator")
    assert found_in(nlp, [(FRENCH, None)]) == alone


# What can be wrong


@pytest.mark.parametrize(
    ("settings", "language", "code"),
    [
        ({"model": "no/such/folder"}, "da", "X301"),
        ({"model": "MASKED"}, "da", "X801"),
        ({}, "tlh", "X802"),
        ({"target": "tlh"}, "da", "X802"),
        ({}, None, "X803"),
        ({"model": "opus-{source}-en"}, None, "X803"),
        ({"model": "opus-{source}-en"}, "../../etc", "X812"),
        ({"model": "opus-{target}", "target": "a/b"}, "da", "X812"),
    ],
)
def test_what_cannot_be_translated_is_a_coded_line(m2m100, checkpoint, settings, language, code):
    settings = {"model": str(m2m100), **settings}
    if settings["model"] == "MASKED":
        settings["model"] = str(checkpoint)
    nlp = make_nlp(**settings)
    for run in (
        lambda: nlp(make_docs(nlp, (TEXTS[4], language))[0]),
        lambda: found_in(nlp, [(TEXTS[4], language)]),
    ):
        with pytest.raises(ValueError, match=rf"^\[{code}\]") as caught:
            run()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"batch_size": 0}, "X810"),
        ({"codes": {"da": "dan"}}, "X006"),
        ({"codes": [["da", 1]]}, "X006"),
        ({"codes": [["da", "dan"], ["da", "d"]]}, "X002"),
        ({"codes": [["da", "$dan"]]}, "X003"),
    ],
)
def test_settings_that_cannot_be_used_are_told_at_once(settings, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        make_nlp("any", **settings)


def test_the_error_handler_gets_the_batch_and_the_rest_goes_on(m2m100):
    nlp = make_nlp(m2m100)
    failed = []
    nlp.set_error_handler(lambda name, proc, docs, error: failed.append((name, len(docs), str(error)[:6])))
    texts = [(TEXTS[4], "da"), (TEXTS[2], "de"), (TEXTS[4], "da"), (TEXTS[4], "tlh"), (TEXTS[2], "de")]
    found = found_in(nlp, texts, batch_size=2)
    assert failed == [(NAME, 2, "[X802]")]
    assert [text for text, *_ in found] == [TEXTS[4], TEXTS[2], TEXTS[2]]
    assert found[1] == found[2]


def test_initialize_loads_the_checkpoint_and_asks_it_for_the_languages(m2m100):
    nlp = make_nlp(m2m100, source="da")
    assert nlp.get_pipe(NAME)._held.engines == {}
    nlp.initialize()
    assert list(nlp.get_pipe(NAME)._held.engines) == [str(m2m100)]
    with pytest.raises(ValueError, match=r"^\[X802\]"):
        make_nlp(m2m100, source="tlh").initialize()
    with pytest.raises(ValueError, match=r"^\[X301\]"):
        make_nlp("no/such/folder").initialize()


# In training


def test_a_text_that_is_learnt_from_is_translated_where_the_training_says_so(scripted):
    nlp = make_nlp("scripted", source="de")
    seen = []

    class Learner:
        def __call__(self, doc):
            return doc

        def update(self, examples, **settings):
            seen.extend(eg.predicted._.translation for eg in examples)

    spacy.Language.factory("learner", func=lambda nlp, name: Learner())
    nlp.add_pipe("learner")
    examples = make_examples(nlp, [("A one here", {}), *SINGLE[:1]])
    nlp.update(examples, annotates=[NAME])
    nlp.update(examples)
    assert seen == ["Et a her", SINGLE[0][0].upper(), None, None]
    assert all(isinstance(eg.predicted, Doc) and eg.predicted._.translation is None for eg in examples)
