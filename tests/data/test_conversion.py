import csv
import json

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus

from spacy_xling.data.conversion import convert, read_docs, split
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.data.languages import get_language

SINGLE = [
    {"text": "Wo ist mein Paket?", "label": "delivery", "lang": "de"},
    {"text": 'He said "no", twice', "label": "refund", "lang": "en"},
    {"text": "two\nlines", "label": None, "lang": "en"},
    {"text": "sans langue", "label": "delivery"},
]
MULTI = [
    {"text": "a", "labels": ["x", "y"], "label_set": ["x", "y", "z"]},
    {"text": "b", "labels": [], "label_set": ["x", "y"]},
    {"text": "c", "labels": ["z"], "label_set": ["z"]},
]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return build_labelled_text_v1(path)


def seen(corpus):
    return [(doc.text, doc.cats, get_language(doc)) for doc in read_docs(corpus)]


@pytest.mark.parametrize("records", [SINGLE, MULTI], ids=["single", "multi"])
@pytest.mark.parametrize("kind", ["spacy", "jsonl", "csv", "tsv"])
def test_there_and_back_gives_the_same_texts(records, kind, tmp_path):
    corpus = write(tmp_path / "in.jsonl", records)
    between, back = tmp_path / f"between.{kind}", tmp_path / "back.spacy"
    assert convert(corpus, between) == {between: len(records)}
    assert seen(build_labelled_text_v1(between)) == seen(corpus)
    convert(build_labelled_text_v1(between), back)
    assert seen(build_labelled_text_v1(back)) == seen(corpus)


def test_spacys_own_corpus_reads_texts_labels_and_languages(tmp_path):
    convert(write(tmp_path / "in.jsonl", SINGLE), tmp_path / "out.spacy")
    examples = list(Corpus(tmp_path / "out.spacy")(spacy.blank("xx")))
    assert [eg.reference.text for eg in examples] == [record["text"] for record in SINGLE]
    assert [eg.reference.cats for eg in examples] == [
        {"delivery": 1.0},
        {"refund": 1.0},
        {},
        {"delivery": 1.0},
    ]
    docs = list(DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("xx").vocab))
    assert [doc._.language for doc in docs] == ["de", "en", "en", None]


def test_a_folder_by_language_becomes_one_file_that_keeps_them(tmp_path):
    (tmp_path / "in").mkdir()
    for language in ("da", "de"):
        write(tmp_path / "in" / f"{language}.jsonl", [{"text": f"text {language}", "label": "a"}])
    convert(build_labelled_text_v1(tmp_path / "in"), tmp_path / "out.csv")
    rows = list(csv.reader((tmp_path / "out.csv").open(encoding="utf-8")))
    assert rows == [["text", "label", "lang"], ["text da", "a", "da"], ["text de", "a", "de"]]


def many():
    for number in range(100):
        yield {"text": f"a{number}", "label": "a"}
        if number < 20:
            yield {"text": f"b{number}", "label": "b"}


def test_parts_have_each_label_in_its_share(tmp_path):
    docs = read_docs(write(tmp_path / "in.jsonl", list(many())))
    parts = split(docs, dev_share=0.1, test_share=0.25)
    counts = {
        part: {label: sum(label in doc.cats for doc in found) for label in "ab"}
        for part, found in parts.items()
    }
    assert counts == {"train": {"a": 65, "b": 13}, "dev": {"a": 10, "b": 2}, "test": {"a": 25, "b": 5}}
    texts = [doc.text for found in parts.values() for doc in found]
    assert sorted(texts) == sorted(doc.text for doc in docs)


def test_the_split_does_not_depend_on_the_order(tmp_path):
    there = read_docs(write(tmp_path / "in.jsonl", list(many())))
    back = read_docs(write(tmp_path / "back.jsonl", list(many())[::-1]))
    first, second = (
        {
            part: {doc.text for doc in found}
            for part, found in split(docs, dev_share=0.2, test_share=0.2).items()
        }
        for docs in (there, back)
    )
    assert first == second


def test_texts_of_one_wording_are_in_one_part(tmp_path):
    records = [{"text": f"{space}a{number}", "label": "a"} for number in range(40) for space in ("", " ")]
    docs = read_docs(write(tmp_path / "in.jsonl", records))
    parts = split(docs, dev_share=0.3, test_share=0.3)
    wordings = [{doc.text.strip() for doc in found} for found in parts.values()]
    assert [len(found) for found in parts.values()] == [32, 24, 24]
    assert [len(found) for found in wordings] == [16, 12, 12]


def test_parts_are_written_to_a_folder(tmp_path):
    corpus = write(tmp_path / "in.jsonl", list(many()))
    written = convert(corpus, tmp_path / "out", dev_share=0.1, test_share=0.0, kind="jsonl")
    assert written == {tmp_path / "out" / "train.jsonl": 108, tmp_path / "out" / "dev.jsonl": 12}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dev.jsonl", "train.jsonl"]


@pytest.mark.parametrize(
    ("dev", "test", "code"), [(0.5, 0.5, "X140"), (1.0, 0.0, "X136"), (0.1, -0.1, "X136")]
)
def test_wrong_shares_are_refused(dev, test, code, tmp_path):
    corpus = write(tmp_path / "in.jsonl", SINGLE)
    with pytest.raises(ValueError, match=code):
        convert(corpus, tmp_path / "out", dev_share=dev, test_share=test)


def test_an_unknown_ending_is_X141(tmp_path):
    with pytest.raises(ValueError, match=r"X141.*out\.json .*\.spacy, \.jsonl"):
        convert(write(tmp_path / "in.jsonl", SINGLE), tmp_path / "out.json")


def test_a_file_that_exists_is_X142_and_stays_as_it_is(tmp_path):
    corpus = write(tmp_path / "in.jsonl", SINGLE)
    (tmp_path / "out.csv").write_text("precious")
    with pytest.raises(ValueError, match="X142"):
        convert(corpus, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "precious"
    convert(corpus, tmp_path / "out.csv", overwrite=True)
    assert seen(build_labelled_text_v1(tmp_path / "out.csv")) == seen(corpus)


def test_a_value_between_0_and_1_is_X143(tmp_path):
    nlp = spacy.blank("xx")
    doc = nlp.make_doc("perhaps")
    doc.cats = {"a": 0.7}
    DocBin(docs=[doc]).to_disk(tmp_path / "in.spacy")
    with pytest.raises(ValueError, match=r"X143.*0\.7.*'a'"):
        convert(build_labelled_text_v1(tmp_path / "in.spacy"), tmp_path / "out.jsonl")


def test_a_label_with_the_separator_is_X144(tmp_path):
    corpus = write(tmp_path / "in.jsonl", [{"text": "a", "labels": ["x,y", "z"]}])
    with pytest.raises(ValueError, match=r"X144.*'x,y'"):
        convert(corpus, tmp_path / "out.csv")
    convert(corpus, tmp_path / "other.csv", separator="|")
    assert seen(build_labelled_text_v1(tmp_path / "other.csv", separator="|")) == seen(corpus)


def test_what_is_written_is_read_again_with_its_blanks_or_X169(tmp_path):
    doc = spacy.blank("xx").make_doc("x")
    doc.cats = {"a ": 1.0}
    DocBin(docs=[doc]).to_disk(tmp_path / "in.spacy")
    corpus = build_labelled_text_v1(tmp_path / "in.spacy")
    for kind in ("jsonl", "csv", "tsv"):
        with pytest.raises(ValueError, match=r"X169.*'a '"):
            convert(corpus, tmp_path / f"out.{kind}")
    convert(corpus, tmp_path / "out.spacy")
    assert seen(build_labelled_text_v1(tmp_path / "out.spacy")) == [("x", {"a ": 1.0}, None)]


@pytest.mark.parametrize("kind", ["spacy", "jsonl", "csv"])
def test_a_file_that_cannot_be_written_stays_as_it_was(kind, tmp_path, monkeypatch):
    corpus = write(tmp_path / "in.jsonl", SINGLE)
    (tmp_path / f"out.{kind}").write_text("precious")

    def full(handle):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"X161.*No space left"):
        convert(corpus, tmp_path / f"out.{kind}", overwrite=True)
    assert (tmp_path / f"out.{kind}").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", f"out.{kind}"}


def test_of_parts_all_are_written_or_none(tmp_path):
    nlp = spacy.blank("xx")
    docs = [nlp.make_doc(f"text {number}") for number in range(10)]
    for doc in docs:
        doc.cats = {"a": 1.0}
    DocBin(docs=docs).to_disk(tmp_path / "in.spacy")
    parts = split(docs, dev_share=0.3, test_share=0.0)
    # Only the second file can't hold its texts.
    parts["dev"][0].cats = {"a": 0.7}
    DocBin(docs=docs).to_disk(tmp_path / "in.spacy")
    with pytest.raises(ValueError, match="X143"):
        convert(
            build_labelled_text_v1(tmp_path / "in.spacy"),
            tmp_path / "out",
            dev_share=0.3,
            test_share=0.0,
            kind="jsonl",
        )
    assert not (tmp_path / "out").exists()


def test_labels_and_languages_that_look_alike_are_warned_of_once_each(tmp_path):
    records = [
        {"text": f"text {number}", "label": label, "lang": lang}
        for number, (label, lang) in enumerate([("Refund", "de"), ("refund", "DE"), ("refund ", "de ")])
    ]
    with pytest.warns(UserWarning, match="W16") as found:
        convert(write(tmp_path / "in.jsonl", records), tmp_path / "out.jsonl")
    assert [str(warning.message)[:6] for warning in found] == ["[W160]", "[W161]"]
    assert "'Refund' and 'refund'" in str(found[0].message)
    assert "'de' and 'DE'" in str(found[1].message)


def test_a_text_may_have_any_length(tmp_path):
    text = "word " * 200_001
    convert(write(tmp_path / "in.jsonl", [{"text": text, "label": "a"}]), tmp_path / "out.spacy")
    assert seen(build_labelled_text_v1(tmp_path / "out.spacy")) == [(text, {"a": 1.0}, None)]
