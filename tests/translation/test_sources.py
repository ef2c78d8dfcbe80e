"""Records of each kind of file, as they are to be written again."""

import gzip
import json

import pytest
import spacy
import srsly
from spacy.tokens import DocBin, Span

from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.translation.sources import Sources


def read(path, **settings):
    return list(Sources(path, **settings))


def test_jsonl_keeps_every_field(tmp_path):
    records = [
        {"id": 2**70, "text": "A.", "label": "x", "meta": {"a": [1, None]}, "lang": "da"},
        {"text": "  ", "labels": [], "label_set": ["x", "y"]},
        {"text": "B.", "cats": {"x": 1}},
    ]
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    found = read(path, language="en")
    assert [source.values for source in found] == records
    assert [(source.text, source.language) for source in found] == [("A.", "da"), ("  ", "en"), ("B.", "en")]


def test_lists_of_a_table_become_lists_that_read_as_before(tmp_path):
    (tmp_path / "en.csv").write_text('id,Text,labels,label_set\n7,"A, b.","x; y",x;y;z\n8,C,,x;y\n')
    (tmp_path / "out").mkdir()
    found = read(tmp_path / "en.csv", text="Text", separator=";")
    assert [source.values for source in found] == [
        {"id": "7", "Text": "A, b.", "labels": ["x", "y"], "label_set": ["x", "y", "z"]},
        {"id": "8", "Text": "C", "labels": "", "label_set": ["x", "y"]},
    ]
    srsly.write_jsonl(tmp_path / "out" / "en.jsonl", [source.values for source in found])
    nlp = spacy.blank("xx")
    before, after = (
        [eg.reference.cats for eg in build_labelled_text_v1(path, text="Text", separator=";")(nlp)]
        for path in (tmp_path / "en.csv", tmp_path / "out")
    )
    assert before == after == [{"x": 1, "y": 1, "z": 0}, {"x": 0, "y": 0}]


def test_raw_text_is_a_text_a_line_in_the_language_of_its_file(tmp_path):
    (tmp_path / "de.txt").write_text("Eins.\r\n\nZwei.\n")
    with gzip.open(tmp_path / "en.txt.gz", "wt") as file:
        file.write("One.")
    found = read(tmp_path)
    assert [(dict(source.values), source.language) for source in found] == [
        ({"text": "Eins."}, "de"),
        ({"text": ""}, "de"),
        ({"text": "Zwei."}, "de"),
        ({"text": "One."}, "en"),
    ]


def test_docs_keep_categories_and_language_but_no_places(tmp_path):
    nlp = spacy.blank("xx")
    doc, other = nlp("The Hague is late."), nlp("Fine.")
    doc.cats = {"late": 1.0, "broken": 0.0}
    doc.ents = [Span(doc, 0, 2, "GPE")]
    doc._.language = "en"
    other.cats = {"late": 1.0}
    DocBin(docs=[doc, other], store_user_data=True).to_disk(tmp_path / "texts.spacy")
    found = read(tmp_path / "texts.spacy", text="body")
    assert [(dict(source.values), source.language) for source in found] == [
        ({"body": "The Hague is late.", "cats": {"late": 1, "broken": 0}}, "en"),
        ({"body": "Fine.", "label": "late"}, None),
    ]


def test_records_are_counted_for_the_progress_bar(tmp_path):
    (tmp_path / "en.csv").write_text("text\na\nb\n")
    (tmp_path / "de.txt").write_text("a\nb\nc")
    assert Sources(tmp_path).count() == len(read(tmp_path)) == 5


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.jsonl", '{"body": "x"}', "X114"),
        ("a.jsonl", '{"text": 1}', "X115"),
        ("a.jsonl", "{", "X112"),
        ("a.doc", "x", "X108"),
        ("a.txt", "", "X109"),
    ],
)
def test_what_no_reader_takes_is_one_line(tmp_path, name, content, code):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=rf"^\[{code}\]"):
        read(tmp_path / name)
