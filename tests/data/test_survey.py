import spacy
from spacy.tokens import Span

from spacy_xling.data.conversion import read_docs
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.data.survey import raw_lines, shared_texts, survey
from tests.conftest import write_raw


def docs_of(path, *rows):
    lines = ["text\tlabels\tlabel_set\tlang", *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_docs(build_labelled_text_v1(path))


def test_counts_by_hand(tmp_path):
    found = survey(
        docs_of(
            tmp_path / "in.tsv",
            ("Late", "a", "a,b", "en"),
            ("late ", "a", "a,b", "en"),
            ("LATE", "b", "a,b", "da"),
            ("other", "b", "a,b", ""),
            ("free", "", "", "en"),
        )
    )
    assert (found.texts, found.unlabelled, found.exclusive) == (5, 1, True)
    assert found.labels == {"a": {"en": 2}, "b": {"da": 1, "-": 1}}
    assert found.label_counts == {"a": 2, "b": 2}
    assert found.languages == {"en": 3, "da": 1, "-": 1}
    assert found.duplicates == 2
    assert found.conflicts == ["late"]


def test_entities_are_counted_by_type():
    nlp = spacy.blank("xx")
    docs = [nlp.make_doc("Ada in Paris"), nlp.make_doc("in"), nlp.make_doc("Rome"), nlp.make_doc("?")]
    docs[0].ents = [Span(docs[0], 0, 1, "PER"), Span(docs[0], 2, 3, "LOC")]
    # Looked at, and none found.
    docs[1].ents = []
    docs[2].ents = [Span(docs[2], 0, 1, "LOC")]
    found = survey(docs)
    assert list(found.entities.items()) == [("LOC", 2), ("PER", 1)]
    assert (found.unlabelled, found.unannotated) == (4, 1)


def test_two_labels_or_none_of_those_asked_for_are_not_exclusive(tmp_path):
    assert not survey(docs_of(tmp_path / "in.tsv", ("x", "a,b", "a,b", "en"))).exclusive
    assert not survey(docs_of(tmp_path / "in.tsv", ("x", "a", "a,b", "en"), ("y", "", "a,b", "en"))).exclusive


def test_shared_texts_are_those_of_the_same_wording(tmp_path):
    first = docs_of(
        tmp_path / "a.tsv", ("One  two", "a", "", "en"), ("three", "a", "", "en"), ("one Two", "a", "", "")
    )
    second = docs_of(tmp_path / "b.tsv", ("ONE TWO", "b", "", "en"), ("four", "a", "", "en"))
    assert shared_texts(first, second) == ["one Two"]


def test_raw_lines_are_counted_by_language(tmp_path):
    raw = write_raw(tmp_path / "raw", {"da": ["a", "b"], "de": ["c"]})
    assert raw_lines(raw) == {"da": 2, "de": 1}
    assert raw_lines(raw / "da.txt") == {"-": 2}
