import gzip
import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus, Example
from spacy.util import registry

from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.data.languages import get_language, set_language


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def write_jsonl(path, records):
    content = "".join(json.dumps(record) + "\n" for record in records).encode("utf-8")
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_text(path, content):
    path.write_text(content, encoding="utf-8")
    return path


def write_docbin(path, docs, *, store_user_data=True):
    DocBin(docs=docs, store_user_data=store_user_data).to_disk(path)
    return path


def read(nlp, path, **settings):
    return list(build_labelled_text_v1(path, **settings)(nlp))


def read_cats(nlp, path, **settings):
    return [example.reference.cats for example in read(nlp, path, **settings)]


def read_languages(nlp, path, **settings):
    examples = read(nlp, path, **settings)
    languages = [get_language(example.reference) for example in examples]
    assert languages == [get_language(example.predicted) for example in examples]
    return languages


def test_reader_can_be_built_from_a_config(nlp, tmp_path):
    path = write_jsonl(tmp_path / "train.jsonl", [{"body": "Hej", "label": "A"}])
    config = {"corpus": {"@readers": "spacy-xling.LabelledText.v1", "path": str(path), "text": "body"}}
    corpus = registry.resolve(config)["corpus"]
    (example,) = corpus(nlp)
    assert isinstance(example, Example)
    assert example.reference.text == example.predicted.text == "Hej"
    assert (example.reference.cats, example.predicted.cats) == ({"A": 1.0}, {})


def test_corpus_gives_the_same_each_time_it_is_called(nlp, tmp_path):
    path = write_jsonl(
        tmp_path / "train.jsonl", [{"text": "a", "labels": ["A"]}, {"text": "b", "labels": []}]
    )
    corpus = build_labelled_text_v1(path)
    first, second = ([(eg.text, eg.reference.cats) for eg in corpus(nlp)] for _ in range(2))
    assert first == second == [("a", {"A": 1.0}), ("b", {"A": 0.0})]


def test_label_gives_one_class_and_its_absence_none(nlp, tmp_path):
    labels = ["A", 3, None, "", " "]
    path = write_jsonl(tmp_path / "train.jsonl", [{"text": "x", "label": label} for label in labels])
    assert read_cats(nlp, path) == [{"A": 1.0}, {"3": 1.0}, {}, {}, {}]


def test_labels_without_label_set_are_complete_over_all_files(nlp, tmp_path):
    write_jsonl(tmp_path / "da.jsonl", [{"text": "x", "labels": ["A", 2]}, {"text": "y", "labels": []}])
    write_jsonl(tmp_path / "sv.jsonl.gz", [{"text": "z", "labels": ["B"]}, {"text": "w", "labels": None}])
    assert read_cats(nlp, tmp_path) == [
        {"A": 1.0, "2": 1.0, "B": 0.0},
        {"A": 0.0, "2": 0.0, "B": 0.0},
        {"A": 0.0, "2": 0.0, "B": 1.0},
        {},
    ]


def test_labels_are_completed_by_the_classes_of_docbin_files(nlp, tmp_path):
    doc = nlp.make_doc("x")
    doc.cats = {"B": 1.0}
    write_docbin(tmp_path / "da.spacy", [doc])
    write_jsonl(tmp_path / "sv.jsonl", [{"text": "y", "labels": ["A"]}])
    assert read_cats(nlp, tmp_path) == [{"B": 1.0}, {"B": 0.0, "A": 1.0}]


def test_label_set_leaves_other_classes_unknown(nlp, tmp_path):
    records = [
        {"text": "x", "labels": ["A"], "label_set": ["A", "B"]},
        {"text": "y", "labels": [], "label_set": ["C"]},
        {"text": "z", "labels": None, "label_set": ["C"]},
        {"text": "w", "labels": ["C"], "label_set": None},
    ]
    path = write_jsonl(tmp_path / "train.jsonl", records)
    complete = {"A": 0.0, "B": 0.0, "C": 1.0}
    assert read_cats(nlp, path) == [{"A": 1.0, "B": 0.0}, {"C": 0.0}, {}, complete]


@pytest.mark.parametrize(("name", "delimiter", "separator"), [("t.csv", ",", ";"), ("t.tsv", "\t", ",")])
def test_labels_of_a_table_are_split_at_the_separator(nlp, tmp_path, name, delimiter, separator):
    rows = [
        ["text", "labels", "label_set"],
        ["x", f"A{separator} B", ""],
        ["y", "", ""],
        ["z", "A", separator.join("AC")],
        ["w", "", separator.join("AC")],
    ]
    path = write_text(tmp_path / name, "\n".join(delimiter.join(row) for row in rows))
    complete = {"A": 1.0, "B": 1.0, "C": 0.0}
    expected = [complete, {}, {"A": 1.0, "C": 0.0}, {"A": 0.0, "C": 0.0}]
    assert read_cats(nlp, path, separator=separator) == expected


def test_cats_are_read_as_numbers(nlp, tmp_path):
    cats = [{"A": 1, "B": False, "C": 0.0, "D": True}, {}, None]
    path = write_jsonl(tmp_path / "train.jsonl", [{"text": "x", "cats": value} for value in cats])
    assert read_cats(nlp, path) == [{"A": 1.0, "B": 0.0, "C": 0.0, "D": 1.0}, {}, {}]


def test_fields_have_the_names_that_are_set(nlp, tmp_path):
    record = {"t": "x", "ls": ["A"], "set": ["A", "B"], "l": "da", "label": "not read"}
    path = write_jsonl(tmp_path / "train.jsonl", [record])
    settings = {"text": "t", "label": "none", "labels": "ls", "label_set": "set", "lang": "l"}
    assert read_cats(nlp, path, **settings) == [{"A": 1.0, "B": 0.0}]
    assert read_languages(nlp, path, **settings) == ["da"]


def test_language_is_the_records_then_the_settings_then_the_files(nlp, tmp_path):
    records = [{"text": "x", "label": "A", "lang": "nb"}, {"text": "y", "label": "A", "lang": None}]
    path = write_jsonl(tmp_path / "da.jsonl", records)
    assert read_languages(nlp, tmp_path, language="sv") == ["nb", "sv"]
    assert read_languages(nlp, tmp_path) == ["nb", "da"]
    assert read_languages(nlp, path) == ["nb", None]


def test_limit_is_the_greatest_number_of_examples(nlp, tmp_path):
    path = write_jsonl(tmp_path / "train.jsonl", [{"text": str(n), "label": "A"} for n in range(5)])
    assert [example.text for example in read(nlp, path, limit=2)] == ["0", "1"]
    assert len(read(nlp, path, limit=0)) == len(read(nlp, path, limit=9)) == 5


def test_empty_text_is_passed_over(nlp, tmp_path):
    path = write_jsonl(tmp_path / "train.jsonl", [{"text": "", "label": "A"}, {"text": "x", "label": "A"}])
    assert [example.text for example in read(nlp, path)] == ["x"]


def test_docbin_round_trip_keeps_text_cats_and_language(nlp, tmp_path):
    doc = nlp.make_doc("Hej verden")
    doc.cats = {"A": 1.0, "B": 0.0}
    set_language(doc, "nb")
    path = write_docbin(tmp_path / "da.spacy", [doc, nlp.make_doc("")])
    (example,) = read(nlp, path)
    assert example.reference.text == example.predicted.text == "Hej verden"
    assert (example.reference.cats, example.predicted.cats) == ({"A": 1.0, "B": 0.0}, {})
    assert read_languages(nlp, tmp_path, language="sv") == ["nb"]


def test_docbin_keeps_all_annotation_as_spacys_own_corpus_does(nlp, tmp_path):
    words = ["Ada", "lives", "in", "Paris"]
    doc = Doc(
        nlp.vocab,
        words=words,
        spaces=[True, True, True, False],
        tags=["NNP", "VBZ", "IN", "NNP"],
        pos=["PROPN", "VERB", "ADP", "PROPN"],
        morphs=["Number=Sing", "Person=3", "", "Number=Sing"],
        lemmas=["Ada", "live", "in", "Paris"],
        heads=[1, 1, 1, 2],
        deps=["nsubj", "ROOT", "prep", "pobj"],
        sent_starts=[True, False, False, False],
        ents=["B-PER", "O", "O", "B-LOC"],
    )
    doc.set_ents([Span(doc, 0, 1, "PER", kb_id="Q7259"), Span(doc, 3, 4, "LOC", span_id="city")])
    doc.spans["sc"] = [Span(doc, 2, 4, "WHERE"), Span(doc, 3, 4, "LOC")]
    doc.cats = {"A": 1.0}
    # Of half of its tokens it isn't known whether they are entities.
    partial = nlp.make_doc("Ada in Rome ?")
    partial.set_ents([Span(partial, 0, 1, "PER")], missing=[partial[2:4]])
    path = write_docbin(tmp_path / "en.spacy", [doc, partial])
    ours, theirs = read(nlp, path), list(Corpus(path)(nlp))
    for example, expected, original in zip(ours, theirs, [doc, partial], strict=True):
        assert example.to_dict() == expected.to_dict()
        assert everything(example.reference) == everything(expected.reference) == everything(original)
        # What is to be predicted is not given away.
        assert everything(example.predicted) == everything(expected.predicted)
        predicted = example.predicted
        assert (predicted.ents, dict(predicted.spans), predicted.cats) == ((), {}, {})


def everything(doc):
    """What annotation a Doc has, whatever it's called."""
    attributes = "text tag_ pos_ morph lemma_ dep_ head is_sent_start ent_iob ent_type_ ent_kb_id_ ent_id_"
    tokens = [[str(getattr(token, name)) for name in attributes.split()] for token in doc]
    spans = {key: [(span.start, span.end, span.label_) for span in group] for key, group in doc.spans.items()}
    return tokens, spans, doc.cats


def test_docbin_without_user_data_has_the_language_set_or_of_the_file(nlp, tmp_path):
    doc = nlp.make_doc("Hej")
    set_language(doc, "nb")
    path = write_docbin(tmp_path / "da.spacy", [doc], store_user_data=False)
    assert read_languages(nlp, path) == [None]
    assert read_languages(nlp, tmp_path) == ["da"]
    assert read_languages(nlp, path, language="sv") == ["sv"]


def test_gzipped_docbin_is_read(nlp, tmp_path):
    path = tmp_path / "da.spacy.gz"
    path.write_bytes(gzip.compress(DocBin(docs=[nlp.make_doc("Hej")]).to_bytes()))
    assert [example.text for example in read(nlp, path)] == ["Hej"]


def test_docbin_with_unknown_spaces_keeps_its_words(nlp, tmp_path):
    path = write_docbin(tmp_path / "da.spacy", [Doc(nlp.vocab, words=["can't", "we"])])
    (example,) = read(nlp, path)
    assert [token.text for token in example.predicted] == ["can't", "we"]


def test_docbin_with_a_language_that_is_no_string_is_an_error(nlp, tmp_path):
    doc = nlp.make_doc("Hej")
    doc._.language = 3
    with pytest.raises(ValueError, match="X101"):
        read(nlp, write_docbin(tmp_path / "da.spacy", [doc]))


def test_path_none_is_an_error_when_called_and_not_before(nlp):
    corpus = build_labelled_text_v1(None)
    with pytest.raises(ValueError, match=r"X104.*paths\.train"):
        corpus(nlp)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"body": "x", "label": "A"}, "X114.*line 2.*'body', 'label'"),
        # A blank in a name of JSON stays, and can be seen.
        ({"text": "x", "label ": "A"}, "X120.*line 2.*'text', 'label '"),
        ({"text": ["x"], "label": "A"}, "X115.*line 2"),
        ({"text": "x", "class": "A"}, "X120.*line 2.*'text', 'class'.*'label', 'labels' or 'cats'"),
        ({"text": "x", "label": "A", "cats": {"A": 1}}, "X121.*line 2.*label and cats"),
        ({"text": "x", "label": True}, "X122.*line 2.*'label' is True"),
        ({"text": "x", "label": 0.5}, "X122.*line 2"),
        ({"text": "x", "label": ["A"]}, "X122.*line 2"),
        ({"text": "x", "label": {"A": 1}}, "X122.*line 2"),
        ({"text": "x", "labels": ["A", ""]}, "X122.*line 2.*'labels'"),
        ({"text": "x", "labels": "A,B"}, "X123.*line 2"),
        ({"text": "x", "labels": ["A"], "label_set": {"A": 1}}, "X123.*line 2.*'label_set'"),
        ({"text": "x", "labels": ["A", "B"], "label_set": ["A"]}, r"X124.*line 2.*\['B'\]"),
        ({"text": "x", "cats": {"A": 0.5}}, "X125.*line 2"),
        ({"text": "x", "cats": {"A": "1"}}, "X125.*line 2"),
        ({"text": "x", "cats": ["A"]}, "X125.*line 2"),
        ({"text": "x", "label": "A", "lang": 1}, r"X126.*train\.jsonl, line 2"),
        ({"text": "x", "cats": {"A": 1, " ": 0}}, "X122.*line 2.*'cats'"),
        ({"text": "x", "cats": {"\u200b": 1}}, "X122.*line 2.*'cats'"),
        ({"text": "x", "labels": ["A"], "label_set": ["A", ""]}, "X122.*line 2.*'label_set'"),
        ({"text": "x", "cats": {"A": 1, "A ": 0}}, "X125.*line 2"),
        ({"text": "x", "label": "A\ud83d"}, "X116.*line 2.*'label'"),
        ({"text": "x", "labels": ["A\ud83d"]}, "X116.*line 2.*'labels'"),
        ({"text": "x", "labels": ["A"], "label_set": ["A", "\udc00"]}, "X116.*line 2.*'label_set'"),
        ({"text": "x", "cats": {"A\ud83d": 0}}, "X116.*line 2.*'cats'"),
        ({"text": "x", "label": "A", "lang": "d\ud83d"}, "X116.*line 2.*'lang'"),
    ],
)
def test_wrong_record_is_an_error_with_file_and_line(nlp, tmp_path, record, message):
    path = write_jsonl(tmp_path / "train.jsonl", [{"text": "good", "label": "A"}, record])
    with pytest.raises(ValueError, match=message):
        read(nlp, path)


def test_cats_in_a_table_are_an_error(nlp, tmp_path):
    with pytest.raises(ValueError, match=r"X125.*line 2"):
        read(nlp, write_text(tmp_path / "train.csv", 'text,cats\nx,"{""A"": 1}"\n'))


@pytest.mark.parametrize("content", [b"no DocBin", b"\x78\x9c\x03\x00"])
def test_broken_docbin_is_an_error(nlp, tmp_path, content):
    (tmp_path / "da.spacy").write_bytes(content)
    with pytest.raises(ValueError, match=r"X127.*da\.spacy"):
        read(nlp, tmp_path)


@pytest.mark.parametrize(("name", "content"), [("train.csv", "text,label\n"), ("train.jsonl", "\n\n")])
def test_no_example_at_all_is_an_error(nlp, tmp_path, name, content):
    with pytest.raises(ValueError, match="X128"):
        read(nlp, write_text(tmp_path / name, content))


def test_empty_separator_is_an_error():
    with pytest.raises(ValueError, match="X129"):
        build_labelled_text_v1(None, separator="")


@pytest.mark.parametrize(("name", "message"), [("none.jsonl", "X106"), ("plain.txt", "X108")])
def test_missing_or_unknown_file_is_an_error(nlp, tmp_path, name, message):
    write_text(tmp_path / "plain.txt", "x\n")
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        read(nlp, tmp_path / name)


def test_quotes_are_text_in_a_table_that_is_not_quoted(nlp, tmp_path):
    path = write_text(tmp_path / "train.tsv", 'text\tlabel\n"Hello" he said\tA\n"Open\tB\n')
    with pytest.raises(ValueError, match="X117"):
        read(nlp, path)
    texts = [example.text for example in build_labelled_text_v1(path, quoted=False)(nlp)]
    assert texts == ['"Hello" he said', '"Open']


def test_a_field_may_be_longer_than_the_csv_modules_limit(nlp, tmp_path):
    text = "word " * 40_000
    (example,) = read(nlp, write_text(tmp_path / "train.csv", f"text,label\n{text},A\n"))
    assert len(example.reference.text) == len(text)


def test_blanks_around_a_label_belong_to_none(nlp, tmp_path):
    records = [
        {"text": "x", "label": " A\u00a0"},
        {"text": "x", "labels": ["A ", "\u200bB"]},
        {"text": "x", "labels": ["A "], "label_set": ["A", " B"]},
        {"text": "x", "cats": {" A": 1, "B ": 0}},
        {"text": "x", "label": "\u200b"},
    ]
    expected = [{"A": 1.0}, {"A": 1.0, "B": 1.0}, {"A": 1.0, "B": 0.0}, {"A": 1.0, "B": 0.0}, {}]
    assert read_cats(nlp, write_jsonl(tmp_path / "train.jsonl", records)) == expected
    table = write_text(tmp_path / "train.csv", 'text ,\ufeff labels\nx,"A\u00a0, B\u200b"\ny, A\n')
    assert read_cats(nlp, table) == [{"A": 1.0, "B": 1.0}, {"A": 1.0, "B": 0.0}]


def test_blanks_around_a_language_belong_to_none(nlp, tmp_path):
    (tmp_path / "texts").mkdir()
    records = [
        {"text": "x", "label": "A", "lang": " nb\u00a0"},
        {"text": "y", "label": "A", "lang": "\u200b"},
    ]
    write_jsonl(tmp_path / "texts" / "da .jsonl", records)
    doc = nlp.make_doc("z")
    doc._.language = "nn "
    write_docbin(tmp_path / "texts" / "sv.spacy", [doc])
    assert read_languages(nlp, tmp_path / "texts") == ["nb", "da", "nn"]
    assert read_languages(nlp, tmp_path / "texts", language=" en ") == ["nb", "en", "nn"]


@pytest.mark.parametrize("name", ["", " ", 1])
def test_a_docbins_categories_have_names_and_these_stay_as_they_are(nlp, tmp_path, name):
    doc = nlp.make_doc("Hej")
    doc.cats = {"A ": 1.0, "A": 0.0}
    path = write_docbin(tmp_path / "da.spacy", [doc])
    assert read_cats(nlp, path) == [{"A ": 1.0, "A": 0.0}]
    doc.cats = {"A": 1.0, name: 0.0}
    with pytest.raises(ValueError, match=r"X165.*da\.spacy, text 2"):
        read(nlp, write_docbin(tmp_path / "da.spacy", [nlp.make_doc("Hej"), doc]))


LONG = "word " * 200_001


def test_a_text_of_more_than_a_million_characters_is_X164_with_its_line(tmp_path):
    nlp = spacy.blank("xx")
    records = [{"text": "x", "label": "A"}, {"text": LONG, "label": "A"}]
    path = write_jsonl(tmp_path / "train.jsonl", records)
    with pytest.raises(ValueError, match=r"X164.*train\.jsonl, line 2: .*1,000,005 .* 1,000,000 .*max_le"):
        read(nlp, path)
    with pytest.raises(ValueError, match=r"X164.*line 2: .* 10 at most"):
        read(nlp, write_jsonl(path, [records[0], {"text": "12345678901", "label": "A"}]), max_length=10)
    other = spacy.blank("xx")
    other.max_length = len(LONG)
    path = write_docbin(tmp_path / "train.spacy", [other.make_doc("x"), other.make_doc(LONG)])
    with pytest.raises(ValueError, match=r"X164.*train\.spacy, text 2: "):
        read(spacy.blank("xx"), path)


@pytest.mark.parametrize("kind", ["jsonl", pytest.param("spacy", marks=pytest.mark.slow)])
def test_a_longer_text_passes_with_max_length_and_can_be_evaluated(tmp_path, kind):
    path = write_jsonl(tmp_path / "train.jsonl", [{"text": LONG, "label": "A"}])
    if kind == "spacy":
        (example,) = read(spacy.blank("xx"), path, max_length=2_000_000)
        path = write_docbin(tmp_path / "train.spacy", [example.reference])
    nlp = spacy.blank("xx")
    examples = read(nlp, path, max_length=2_000_000)
    assert [len(example.reference.text) for example in examples] == [1_000_005]
    assert nlp.evaluate(examples)["token_acc"] == 1.0
