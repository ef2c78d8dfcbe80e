"""Translations are those of `model.generate`, whatever they share a batch with."""

from functools import cache
from math import ceil

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from spacy_xling.data.sources import RawText
from spacy_xling.models.checkpoint_files import no_progress_bars
from spacy_xling.translation.seq2seq import Generated
from spacy_xling.translation.translator import DEFAULTS, Translator
from tests.conftest import TEXTS
from tests.translation.checkpoints import FAMILIES
from tests.translation.conftest import load

pytestmark = pytest.mark.usefixtures("one_thread")
PLAIN = DEFAULTS._replace(retry=False)
TARGETS = {"marian": "da"}
# Of one word to four, and one of ten.
SENTENCES = [*(" ".join(text.split()[: 1 + n % 4]) for n, text in enumerate(TEXTS[:6])), TEXTS[1]]
# As the documentation of transformers has it.
TOLD = {
    "marian": lambda tokenizer: ("", {}),
    "marian-many": lambda tokenizer: (">>deu<< ", {}),
    "madlad": lambda tokenizer: ("<2de> ", {}),
    "m2m100": lambda tokenizer: ("", {"forced_bos_token_id": tokenizer.get_lang_id("de")}),
    "nllb": lambda tokenizer: ("", {"forced_bos_token_id": tokenizer.convert_tokens_to_ids("deu_Latn")}),
    "mbart50": lambda tokenizer: ("", {"forced_bos_token_id": tokenizer.lang_code_to_id["de_DE"]}),
    "mbart": lambda tokenizer: ("", {"decoder_start_token_id": tokenizer.lang_code_to_id["de_DE"]}),
}
SOURCES = {"m2m100": "en", "nllb": "eng_Latn", "mbart50": "en_XX", "mbart": "en_XX"}


@cache
def loaded(folder):
    with no_progress_bars():
        return AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder)


def generate(folder, family, text, beams, **settings):
    """What transformers alone makes of a sentence alone."""
    tokenizer, model = loaded(folder)
    if family in SOURCES:
        tokenizer.src_lang = SOURCES[family]
    prefix, told = TOLD[family](tokenizer)
    pieces = tokenizer(prefix + text, return_tensors="pt")
    limit = min(16 * ceil((2 * pieces.input_ids.shape[1] + 8) / 16), 62) + ("forced_bos_token_id" in told)
    if beams > 1:
        settings["early_stopping"] = True
    generated = model.generate(**pieces, **told, **settings, num_beams=beams, max_new_tokens=limit)
    return tokenizer.decode(
        generated[0], skip_special_tokens=True, clean_up_tokenization_spaces=False
    ).strip()


def translate(engine, texts, family="marian", settings=PLAIN, language="en"):
    translator = Translator(lambda source: engine, TARGETS.get(family, "de"), settings)
    return list(translator.pipe([RawText(text, language) for text in texts]))


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_translations_are_those_of_generate_for_each_sentence_alone(engines, seq2seq, family, beams):
    found = [
        translation.text
        for translation in translate(engines(family), SENTENCES, family, PLAIN._replace(beams=beams))
    ]
    assert found == [generate(seq2seq(family), family, text, beams) for text in SENTENCES]
    # They depend on their texts.
    assert len(set(found)) > 3


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"batch_pieces": 90}, {"window": 2}])
def test_batches_and_windows_change_nothing(engines, settings):
    texts = [*SENTENCES, f"{SENTENCES[1]}. {SENTENCES[2]}", "Late.", "Box!"]
    expected = translate(engines("m2m100"), texts, "m2m100")
    assert translate(engines("m2m100"), texts, "m2m100", PLAIN._replace(**settings)) == expected


def test_the_beams_are_the_checkpoints_own_if_none_are_set(seq2seq):
    engine = load(seq2seq("marian"))
    engine.beams = 4
    assert translate(engine, TEXTS[:2]) == translate(engine, TEXTS[:2], settings=PLAIN._replace(beams=4))
    assert load(seq2seq("marian")).beams == 1


def test_bf16_is_the_precision_of_the_weights(seq2seq):
    engine = load(seq2seq("nllb"), "bf16")
    assert {parameter.dtype for parameter in engine.model.parameters()} == {torch.bfloat16}
    assert len(translate(engine, TEXTS[:2], "nllb")) == 2


class Scripted:
    """A model that translates what it is told to; it counts a piece for each word, and one for the end.

    answers (dict): Translations by sentence, for the first and perhaps for the second time; else the sentence
        in capitals.
    """

    def __init__(self, answers=(), longest=100, beams=2):
        self.answers = dict(answers)
        self.longest = longest
        self.beams = beams
        self.tokenizer = self
        self.calls = []
        self.texts = []

    def pair(self, source, target):
        return source, target

    def encode(self, texts, pair):
        start = len(self.texts)
        self.texts += texts
        return [[start + n] * (len(text.split()) + 1) for n, text in enumerate(texts)]

    def generate(self, pieces, pair, *, limit, beams, no_repeat):
        texts = [self.texts[row[0]] for row in pieces]
        self.calls.append((texts, limit, beams, no_repeat))
        return [self.answer(text, bool(no_repeat)) for text in texts]

    def answer(self, text, again):
        answer = self.answers.get(text, text.upper())
        return Generated(answer if isinstance(answer, str) else answer[again], True)


GOOD = {"A one here": "Et a her", "B two": "Nummer to", "C": "Ce"}


def test_texts_come_out_in_order_joined_as_they_stood():
    engine = Scripted(GOOD)
    found = translate(engine, ["A one here\n\nB two", "  ", "C", "12 - 3", " B two "], settings=PLAIN)
    assert [translation.text for translation in found] == [
        "Et a her\n\nNummer to",
        "  ",
        "Ce",
        "12 - 3",
        " Nummer to ",
    ]
    assert [translation.counts["sentences"] for translation in found] == [2, 0, 1, 1, 1]
    # What stands twice is translated once, and what has no letter not at all.
    assert sorted(text for texts, *_ in engine.calls for text in texts) == sorted(GOOD)


def test_a_text_in_the_target_language_stays_as_it_is():
    engine = Scripted()
    found = translate(engine, [TEXTS[4]], language="dan_Latn")
    assert (found[0].text, found[0].counts) == (TEXTS[4], {"same": 1})
    assert engine.calls == []


def test_a_whole_text_is_translated_as_one_sentence():
    (found,) = translate(Scripted({"A. B.": "C."}), [" A. B."], settings=PLAIN._replace(split=False))
    assert found.text == " C."


def test_each_language_has_its_own_model():
    engines = {"en": Scripted({"A": "en"}), "de": Scripted({"A": "de"}), None: Scripted({"A": "?"})}
    translator = Translator(engines.__getitem__, "da", PLAIN)
    texts = [RawText("A", "en"), RawText("A", "de"), RawText("A", None), RawText("A", "en")]
    assert [translation.text for translation in translator.pipe(texts)] == ["en", "de", "?", "en"]


def test_a_sentence_longer_than_the_model_is_cut_and_counted():
    engine = Scripted({"a b c": "A B C.", "d e f": "D E F", "g": "ok"}, longest=4)
    found = translate(engine, ["a b c d e f g", "g"])
    assert found[0].text == "A B C. D E F ok"
    assert found[0].counts["cut"] == found[0].counts["sentences"] == 1
    assert found[1].counts["cut"] == 0


def test_long_sentences_of_a_real_checkpoint_pass(engines):
    long = " ".join(TEXTS[0][:-1] for _ in range(5))
    (found,) = translate(engines("marian"), [long])
    assert found.counts["cut"] == 1
    assert found.text


def test_the_limit_grows_with_the_source():
    engine = Scripted()
    translate(engine, ["a " * 3, "a " * 40], settings=PLAIN._replace(length_ratio=1.5))
    # 1.5 * 4 + 8 and 1.5 * 41 + 8, rounded up to multiples of 16.
    assert sorted(limit for _, limit, *_ in engine.calls) == [16, 80]


LOOP = "pak pak pak pak"


@pytest.mark.parametrize(
    ("answers", "text", "left"),
    [
        ((LOOP, "Et a her"), "Et a her", ()),
        ((LOOP, LOOP + " pak"), LOOP, ("repeated",)),
        (("", LOOP), "", ("empty",)),
    ],
)
def test_what_is_in_doubt_is_translated_anew_once(answers, text, left):
    engine = Scripted({**GOOD, "A one here": answers})
    first, second = translate(engine, ["A one here", "B two"], settings=DEFAULTS)
    assert (first.text, first.doubts) == (text, left)
    assert first.counts["retried"] == 1
    assert first.counts["found repeated"] + first.counts["found empty"] == 1
    assert sum(count for name, count in first.counts.items() if name.startswith("left")) == len(left)
    assert (second.doubts, second.counts) == ((), {"sentences": 1})
    # One more beam, and no three pieces twice.
    assert engine.calls[-1] == (["A one here"], 16, 3, 3)


def test_without_a_retry_doubts_stay():
    engine = Scripted({"A one here": (LOOP, "Et a her")})
    (found,) = translate(engine, ["A one here"])
    assert found.doubts == ("repeated",)
    assert found.counts == {"sentences": 1, "found repeated": 1, "left repeated": 1}
    assert len(engine.calls) == 1


def test_a_retry_is_generate_with_its_settings(engines, seq2seq):
    found = translate(engines("m2m100"), SENTENCES, "m2m100", DEFAULTS._replace(beams=1))
    retried = 0
    for text, translation in zip(SENTENCES, found, strict=True):
        plain = generate(seq2seq("m2m100"), "m2m100", text, 1)
        again = generate(seq2seq("m2m100"), "m2m100", text, 2, no_repeat_ngram_size=3)
        assert translation.text in (plain, again)
        retried += translation.counts["retried"] and translation.text == again != plain
    assert retried > 0


def test_a_stream_is_read_a_window_at_a_time():
    read = []

    def stream():
        for number in range(10):
            read.append(number)
            yield RawText(f"text {number}", "en")

    found = Translator(lambda source: Scripted(), "da", PLAIN._replace(window=3)).pipe(stream())
    next(found)
    assert len(read) == 3
    assert [translation.text for translation in found] == [f"TEXT {number}" for number in range(1, 10)]


def test_a_batch_has_sentences_of_one_limit_and_keeps_to_both_budgets():
    lengths = [5, 30, 6, 31, 7, 90, 5]
    # A piece for each word, and one for the end.
    texts = [" ".join([f"w{number}", *["a"] * (length - 2)]) for number, length in enumerate(lengths)]
    engine = Scripted(longest=200)
    translate(engine, texts, settings=PLAIN._replace(batch_pieces=60, batch_size=3))
    found = [(limit, [texts.index(text) for text in called]) for called, limit, *_ in engine.calls]
    assert found == [(192, [5]), (80, [3]), (80, [1]), (32, [4, 2, 0]), (32, [6])]


@pytest.mark.parametrize("setting", ["beams", "length_ratio", "batch_pieces", "batch_size", "window"])
def test_a_setting_that_is_too_small_is_X810(setting):
    with pytest.raises(ValueError, match=rf"^\[X810\].*{setting} = 0"):
        Translator(lambda source: Scripted(), "da", DEFAULTS._replace(**{setting: 0}))
