import json
import math

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span, SpanGroup, Token
from spacy.training import Corpus, Example
from spacy.util import registry
from thinc.api import Config, fix_random_seed

from spacy_xling.data.languages import get_language, set_language
from spacy_xling.dictionaries.dictionary import Dictionaries, Dictionary
from spacy_xling.switching.augmenter import build_code_switching_augmenter_v1, switch_doc
from spacy_xling.switching.code_switching import build_code_switching_v1

WORDS = ["Anna", "gave", "the", "parcel", "back", "in", "New", "York", ".", "It", "was", "late", "!"]
SPACES = [True, True, True, True, True, True, True, False, True, True, True, False, False]
ENTRIES = {
    "gave": {"gav": 1.0},
    "parcel": {"pakke": 1.0},
    "york": {"Jorvik": 1.0},
    "it": {"den": 1.0},
    "late": {"for sent": 1.0},
}
SWITCHED = ["Anna", "gav", "the", "pakke", "back", "in", "New", "Jorvik", ".", "Den", "was", "for sent", "!"]
DANISH = Dictionary("en", "da", ENTRIES)
ALWAYS = build_code_switching_v1(1.0)


def make_doc(nlp, language="en", **annotations):
    doc = Doc(nlp.vocab, words=WORDS, spaces=SPACES, **annotations)
    set_language(doc, language)
    return doc


@pytest.fixture
def doc(nlp):
    """Two sentences with every annotation that spaCy's components learn from."""
    doc = make_doc(
        nlp,
        tags=["NNP", "VBD", "DT", "NN", "RB", "IN", "NNP", "NNP", ".", "PRP", "VBD", "JJ", "."],
        pos=["PROPN", "VERB", "DET", "NOUN", "ADV", "ADP", "PROPN", "PROPN", "PUNCT", *["X"] * 4],
        morphs=["Number=Sing", "Tense=Past", *[""] * 11],
        lemmas=["Anna", "give", "the", "parcel", "back", "in", "New", "York", ".", "it", "be", "late", "!"],
        heads=[1, 1, 3, 1, 1, 1, 7, 5, 1, 10, 10, 10, 10],
        deps=["nsubj", "ROOT", "det", "dobj", "advmod", "prep", "compound", "pobj", "punct", *["dep"] * 4],
        ents=["B-PERSON", *["O"] * 5, "B-GPE", "I-GPE", *["O"] * 5],
    )
    doc.cats = {"LATE": 1.0, "REFUND": 0.0}
    doc.spans["things"] = [
        Span(doc, 2, 4, label="THING"),
        Span(doc, 3, 5, label="THING", kb_id="Q1", span_id="first"),
        Span(doc, 11, 12, label="STATE"),
    ]
    return doc


def switch(doc, dictionary=DANISH, settings=ALWAYS, seed=0):
    return switch_doc(doc, [dictionary], settings, np.random.default_rng(seed))


def augment(nlp, doc, *dictionaries, **settings):
    """The references of the copies of a Doc."""
    found = Dictionaries(dictionaries or [DANISH])
    augmenter = build_code_switching_augmenter_v1(lambda nlp: found, **settings)
    first, *copies = augmenter(nlp, Example(nlp.make_doc(doc.text), doc))
    assert first.reference is doc
    return [copy.reference for copy in copies]


def test_tokens_are_replaced_one_by_one(doc):
    switched = switch(doc)
    assert [token.text for token in switched] == SWITCHED
    assert switched.text == "Anna gav the pakke back in New Jorvik. Den was for sent!"
    assert [token.text for token in doc] == WORDS


def test_every_annotation_stays_on_its_token(doc):
    switched = switch(doc)
    for name in ("tag_", "pos_", "dep_", "ent_type_", "ent_iob_", "is_sent_start"):
        expected = [getattr(token, name) for token in doc]
        assert [getattr(token, name) for token in switched] == expected, name
        assert any(expected), name
    assert [str(token.morph) for token in switched] == [str(token.morph) for token in doc]
    assert [token.head.i for token in switched] == [token.head.i for token in doc]
    assert [(sent.start, sent.end) for sent in switched.sents] == [(0, 9), (9, 13)]
    assert switched.cats == doc.cats


def test_entities_and_spans_stay_on_the_same_tokens(doc):
    doc.ents = [Span(doc, 0, 1, label="PERSON", kb_id="Q9", span_id="anna"), *doc.ents[1:]]
    switched = switch(doc)

    def places(spans):
        return [(span.start, span.end, span.label_, span.kb_id_, span.id_) for span in spans]

    assert places(switched.ents) == places(doc.ents)
    assert places(switched.ents)[0] == (0, 1, "PERSON", "Q9", "anna")
    assert places(switched.spans["things"]) == places(doc.spans["things"])
    assert [span.text for span in switched.spans["things"]] == ["the pakke", "pakke back", "for sent"]


def test_lemmas_of_replaced_tokens_are_gone_and_others_stay(doc):
    expected = [
        "" if now != before else token.lemma_ for now, before, token in zip(SWITCHED, WORDS, doc, strict=True)
    ]
    assert [token.lemma_ for token in switch(doc)] == expected
    assert expected.count("") == 5


def test_sentence_starts_without_a_parse_stay(nlp):
    starts = [True, *[False] * 8, True, *[False] * 3]
    switched = switch(make_doc(nlp, sent_starts=starts))
    assert [token.is_sent_start for token in switched] == starts
    assert not switched.has_annotation("DEP")


def test_missing_annotation_stays_missing(nlp):
    switched = switch(make_doc(nlp))
    for name in ("ENT_IOB", "TAG", "POS", "MORPH", "DEP", "HEAD", "SENT_START", "LEMMA"):
        assert not switched.has_annotation(name), name
    assert not switched.spans
    assert switched.cats == {}


def test_entities_that_are_missing_on_some_tokens_stay_missing_there(nlp):
    doc = make_doc(nlp)
    doc.set_ents([Span(doc, 7, 8, label="GPE")], missing=[doc[0:3]], outside=[doc[3:7]], default="missing")
    switched = switch(doc)
    assert [token.ent_iob for token in switched] == [token.ent_iob for token in doc]
    assert {token.ent_iob for token in switched} == {0, 2, 3}


def test_a_doc_without_entities_is_still_annotated_with_none(nlp):
    switched = switch(make_doc(nlp, ents=["O"] * 13))
    assert switched.has_annotation("ENT_IOB", require_complete=True)
    assert switched.ents == ()


def test_the_language_is_that_of_the_translations(doc, nlp):
    (copy,) = augment(nlp, doc)
    assert get_language(copy) == "da"
    assert get_language(doc) == "en"
    (mixed,) = augment(nlp, doc, by="word")
    assert get_language(mixed) is None


def test_both_docs_of_an_example_have_the_language(doc, nlp):
    augmenter = build_code_switching_augmenter_v1(lambda nlp: Dictionaries([DANISH]))
    _, copy = augmenter(nlp, Example(nlp.make_doc(doc.text), doc))
    assert get_language(copy.predicted) == get_language(copy.reference) == "da"
    assert copy.predicted.text == copy.reference.text


@pytest.mark.parametrize(
    ("language", "own", "n"), [("de", None, 0), (None, None, 0), (None, "en", 1), ("de", "en", 0)]
)
@pytest.mark.filterwarnings("ignore:.*W543")
def test_only_docs_whose_language_has_a_dictionary_get_copies(nlp, language, own, n):
    assert len(augment(nlp, make_doc(nlp, language), language=own)) == n


def test_a_language_without_dictionary_is_told_of_once(nlp):
    augmenter = build_code_switching_augmenter_v1(lambda nlp: Dictionaries([DANISH]))
    examples = [Example(nlp.make_doc("Das"), make_doc(nlp, language)) for language in ("de", "de", None)]
    with pytest.warns(UserWarning, match="W543") as found:
        given = [list(augmenter(nlp, example)) for example in examples]
    assert given == [[example] for example in examples]
    assert ["words of de," in str(found[0].message), "words of -," in str(found[1].message)] == [True, True]
    assert len(found) == 2


def test_what_users_have_put_on_a_doc_its_tokens_and_spans_is_kept(nlp, doc):
    for owner in (Doc, Token, Span):
        owner.set_extension("note", default=None, force=True)
    doc._.note, doc[3]._.note, doc[1:3]._.note = "doc", "token", "span"
    doc.user_data["own"] = 1
    doc.spans["group"] = SpanGroup(doc, name="group", spans=[doc[1:3]], attrs={"from": "me"})
    (copy,) = augment(nlp, doc)
    assert copy.text != doc.text
    assert (copy._.note, copy[3]._.note, copy[1:3]._.note) == (
        "doc",
        "token",
        "span",
    )
    assert [token.i for token in copy if token._.note] == [3]
    assert copy.user_data["own"] == 1
    assert copy.spans["group"].attrs == {"from": "me"}


@pytest.mark.parametrize("copies", [0, 1, 4])
def test_copies_is_the_number_of_copies_each_drawn_anew(doc, nlp, copies):
    found = augment(nlp, doc, copies=copies, rate=0.5)
    # One in which no word was replaced would be the text again.
    assert copies - 1 <= len(found) <= copies
    assert all(copy.text != doc.text for copy in found)
    assert len({copy.text for copy in found}) >= min(copies, 3)
    assert [copy.text for copy in augment(nlp, doc, copies=copies, rate=0.5)] == [copy.text for copy in found]
    if copies > 1:
        assert [copy.text for copy in augment(nlp, doc, copies=copies, rate=0.5, seed=1)] != [
            copy.text for copy in found
        ]


def test_by_text_a_copy_is_of_one_language_and_by_word_of_several(nlp, doc):
    turkish = Dictionary("en", "tr", {key: {"tr": 1.0} for key in ENTRIES})
    for by in ("text", "word"):
        mixed = set()
        for copy in augment(nlp, doc, DANISH, turkish, copies=40, by=by):
            replaced = {token.text.lower() == "tr" for token in copy if token.text != WORDS[token.i]}
            mixed.add(len(replaced))
        assert (2 in mixed) == (by == "word")


def test_rate_holds_in_expectation(doc, nlp):
    copies = augment(nlp, doc, copies=1000, rate=0.3)
    n = sum(token.text != before for copy in copies for token, before in zip(copy, WORDS, strict=True))
    assert abs(n - 5000 * 0.3) <= 4 * math.sqrt(5000 * 0.3 * 0.7)


@pytest.mark.parametrize(
    ("words", "spaces", "entries", "expected"),
    [
        (["I", "like", "tea", "!"], [1, 1, 0, 0], {"i": "我", "like": "喜歡", "tea": "茶"}, "我喜歡茶!"),
        (["I", "really", "like", "it"], [1, 1, 1, 0], {"i": "我", "like": "喜歡"}, "我 really 喜歡 it"),
        (["我", "喜歡", "茶", "。"], [0, 0, 0, 0], {"喜 歡": "kan lide", "茶": "te"}, "我 kan lide te。"),
        (["我", "要", "茶"], [0, 0, 0], {"茶": "te"}, "我要 te"),
        (["tea", "tea"], [1, 1], {"tea": "茶"}, "茶茶 "),
    ],
)
def test_blanks_are_as_the_scripts_have_them(nlp, words, spaces, entries, expected):
    doc = Doc(nlp.vocab, words=words, spaces=list(map(bool, spaces)))
    dictionary = Dictionary("en", "zh", {key: {text: 1.0} for key, text in entries.items()})
    assert switch(doc, dictionary).text == expected


def test_a_translation_of_several_words_still_aligns(nlp):
    doc = make_doc(nlp, ents=[*["O"] * 11, "B-STATE", "O"])
    augmenter = build_code_switching_augmenter_v1(lambda nlp: Dictionaries([DANISH]))
    _, copy = augmenter(nlp, Example(nlp.make_doc(doc.text), doc))
    tokens = [token.text for token in copy.predicted]
    assert tokens[-3:] == ["for", "sent", "!"]
    assert copy.get_aligned_ner() == [*["O"] * 11, "B-STATE", "L-STATE", "O"]


def write_dictionary(folder):
    folder.mkdir()
    lines = [f"{word}\t{translation}\n" for word, found in ENTRIES.items() for translation in found]
    (folder / "en-da.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


def resolve(corpus, dictionaries):
    """A corpus of a config, with code-switching as its augmenter."""
    config = f"""
    [corpus]
    {corpus}

    [corpus.augmenter]
    @augmenters = "spacy-xling.code_switching_augmenter.v1"
    copies = 2
    language = "en"

    [corpus.augmenter.dictionaries]
    @readers = "spacy-xling.Dictionaries.v1"
    path = {json.dumps(str(dictionaries))}
    """
    lines = "\n".join(line.strip() for line in config.splitlines())
    return registry.resolve(Config().from_str(lines))["corpus"]


def test_spacys_own_corpus_takes_the_augmenter(nlp, doc, tmp_path):
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "train.spacy")
    path = json.dumps(str(tmp_path / "train.spacy"))
    settings = f"path = {path}\ngold_preproc = false\nmax_length = 0\nlimit = 0"
    corpus = resolve(f'@readers = "spacy.Corpus.v1"\n{settings}', write_dictionary(tmp_path / "dictionaries"))
    assert isinstance(corpus, Corpus)
    examples = list(corpus(nlp))
    assert [example.text for example in examples] == [doc.text, *[switch(doc).text] * 2]
    assert [example.reference.cats for example in examples] == [doc.cats] * 3
    assert [example.get_aligned_ner()[6:8] for example in examples] == [["B-GPE", "L-GPE"]] * 3


@pytest.mark.filterwarnings("ignore:.*W543")
def test_the_corpus_of_labelled_text_takes_the_augmenter(nlp, tmp_path):
    records = [
        {"text": "The parcel is late", "label": "LATE"},
        {"text": "Pakken", "label": "X", "lang": "da"},
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    corpus = resolve(
        f'@readers = "spacy-xling.LabelledText.v1"\npath = {json.dumps(str(path))}',
        write_dictionary(tmp_path / "dictionaries"),
    )
    examples = list(corpus(nlp))
    assert [
        (example.text, example.reference.cats, get_language(example.reference)) for example in examples
    ] == [
        ("The parcel is late", {"LATE": 1.0}, None),
        *[("The pakke is for sent", {"LATE": 1.0}, "da")] * 2,
        ("Pakken", {"X": 1.0}, "da"),
    ]


def test_dictionaries_are_read_once_and_not_before_the_first_text(nlp, doc):
    read = []
    augmenter = build_code_switching_augmenter_v1(lambda nlp: read.append(nlp) or Dictionaries([DANISH]))
    assert read == []
    for _ in range(3):
        list(augmenter(nlp, Example(nlp.make_doc(doc.text), doc)))
    assert read == [nlp]


def test_the_entity_recogniser_learns_from_augmented_examples():
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner")
    augmenter = build_code_switching_augmenter_v1(lambda nlp: Dictionaries([DANISH]), copies=3, rate=0.5)
    reference = make_doc(nlp, ents=["B-PERSON", *["O"] * 5, "B-GPE", "I-GPE", *["O"] * 5])
    examples = list(augmenter(nlp, Example(nlp.make_doc(reference.text), reference)))
    assert len({example.text for example in examples}) > 2
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(40):
        losses = nlp.update(examples, sgd=optimizer)
    assert losses["ner"] < 0.01
    for example in examples:
        found = [(ent.text, ent.label_) for ent in nlp(example.text).ents]
        assert found == [(ent.text, ent.label_) for ent in example.reference.ents]


def test_copies_below_zero_are_X208():
    with pytest.raises(ValueError, match=r"X208.*copies = -1"):
        build_code_switching_augmenter_v1(lambda nlp: Dictionaries([]), copies=-1)


@pytest.mark.parametrize(("settings", "code"), [({"rate": 0.0}, "X208"), ({"alpha": 2.0}, "X102")])
def test_settings_out_of_range_are_errors(settings, code):
    with pytest.raises(ValueError, match=code):
        build_code_switching_augmenter_v1(lambda nlp: Dictionaries([]), **settings)
