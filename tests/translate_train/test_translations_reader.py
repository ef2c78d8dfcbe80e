import csv
import gzip
import io
import json

import pytest
import spacy

from spacy_xling.translate_train.translations_reader import build_translations_v1

RECORDS = [
    {"text": "Pakken.", "lang": "da", "source_text": "The parcel.", "source_lang": "en", "label": "LATE"},
    {"text": "Okay", "lang": "da", "source_text": "OK", "source_lang": "en", "label": "LATE"},
]
DOUBTED = {**RECORDS[1], "translation_doubt": ["copied"]}


def write(path, records):
    """Records as a file of the kind that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = path.name.removesuffix(".gz").rpartition(".")
    if names[2] == "jsonl":
        content = "".join(f"{json.dumps(record)}\n" for record in records)
    else:
        out = io.StringIO(newline="")
        columns = list(dict.fromkeys(name for record in records for name in record))
        table = csv.DictWriter(out, columns, dialect="excel" if names[2] == "csv" else "excel-tab")
        table.writeheader()
        table.writerows(records)
        content = out.getvalue()
    data = content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path, **settings):
    """Each text with its translations, by the names of the languages."""
    translations = build_translations_v1(path, **settings)()
    return {pairs.name: dict(pairs.texts) for pairs in translations._pairs}


@pytest.mark.parametrize("name", ["da.jsonl", "da.csv", "da.tsv", "da.jsonl.gz", "da.tsv.gz"])
def test_each_format_gives_the_same_translations(tmp_path, name):
    path = write(tmp_path / "in" / name, RECORDS)
    expected = {"en-da": {"The parcel.": "Pakken.", "OK": "Okay"}}
    assert read(path) == read(path.parent) == read(str(path)) == expected


def test_spacy_calls_the_reader_with_the_pipeline(tmp_path):
    reader = build_translations_v1(write(tmp_path / "da.jsonl", RECORDS))
    assert reader(spacy.blank("xx")).of("OK", "en") == [("da", "Okay")]


def test_a_folder_names_the_language_of_records_that_do_not(tmp_path):
    for name in ("da", "de"):
        records = [{key: record[key] for key in ("text", "source_text")} for record in RECORDS]
        write(tmp_path / "in" / f"{name}.jsonl", records)
    (tmp_path / "in" / "translation.json").write_text("{}")
    texts = {"The parcel.": "Pakken.", "OK": "Okay"}
    assert read(tmp_path / "in") == {"--da": texts, "--de": texts}
    assert read(tmp_path / "in" / "da.jsonl", language="sv") == {"--sv": texts}


def test_a_text_that_stands_twice_is_kept_once_with_its_first_translation(tmp_path):
    again = {**RECORDS[0], "text": "Pakke."}
    path = write(tmp_path / "da.jsonl", [*RECORDS, again, {**again, "lang": "de", "text": "Das Paket."}])
    assert read(path) == {
        "en-da": {"The parcel.": "Pakken.", "OK": "Okay"},
        "en-de": {"The parcel.": "Das Paket."},
    }


def test_texts_of_several_languages_are_kept_in_memory_once(tmp_path):
    path = write(tmp_path / "in" / "da.jsonl", RECORDS)
    write(tmp_path / "in" / "de.jsonl", [{**record, "lang": "de"} for record in RECORDS])
    first, second = build_translations_v1(path.parent)()._pairs
    assert all(one is other for one, other in zip(first.texts, second.texts, strict=True))


def test_texts_are_kept_to_the_last_sign_and_languages_without_blanks(tmp_path):
    record = {**RECORDS[0], "source_text": " The  parcel. \n", "lang": " da ", "source_lang": "en\u200b"}
    assert read(write(tmp_path / "x.jsonl", [record])) == {"en-da": {" The  parcel. \n": "Pakken."}}


@pytest.mark.parametrize("name", ["da.jsonl", "da.csv"])
def test_translations_in_doubt_are_dropped_unless_they_are_to_be_used(tmp_path, name):
    path = write(tmp_path / name, [RECORDS[0], DOUBTED])
    assert read(path) == read(path, on_doubt="drop") == {"en-da": {"The parcel.": "Pakken."}}
    assert read(path, on_doubt="use") == {"en-da": {"The parcel.": "Pakken.", "OK": "Okay"}}
    assert read(path, translation_doubt="none") == read(path, on_doubt="use")


def test_blank_translations_and_texts_in_the_language_they_were_in_are_none(tmp_path):
    blank = {**RECORDS[0], "text": " "}
    stayed = {**RECORDS[1], "source_lang": "da", "source_text": "Okay"}
    assert read(write(tmp_path / "da.jsonl", [blank, stayed, RECORDS[1]])) == {"en-da": {"OK": "Okay"}}


def test_fields_have_the_names_that_are_set(tmp_path):
    names = {"text": "t", "lang": "l", "source_text": "st", "source_lang": "sl"}
    records = [{names.get(key, key): value for key, value in record.items()} for record in RECORDS]
    assert read(write(tmp_path / "x.jsonl", records), **names) == read(write(tmp_path / "y.jsonl", RECORDS))


def test_languages_are_those_that_are_asked_for(tmp_path):
    records = [*RECORDS, *({**record, "lang": "de"} for record in RECORDS)]
    path = write(tmp_path / "all.jsonl", records)
    assert list(read(path, languages=["de"])) == ["en-de"]
    assert list(read(path, languages=[])) == ["en-da", "en-de"]


def without(field):
    return [{key: value for key, value in RECORDS[0].items() if key != field}]


@pytest.mark.parametrize(
    ("records", "settings", "message"),
    [
        (without("source_text"), {}, r"X175.*x\.jsonl, line 1: .*'lang'.* in the field 'source_text'"),
        (RECORDS, {"source_text": "original"}, r"X175.* in the field 'original'"),
        (without("text"), {}, "X114"),
        ([{**RECORDS[0], "source_text": 3}], {}, "X115"),
        ([{**RECORDS[0], "lang": 3}], {}, "X126"),
        (without("lang"), {}, r"X176.*x\.jsonl, line 1: .* in the field 'lang'"),
        ([DOUBTED], {}, r"X177.*x\.jsonl \(1 records: 1 in doubt"),
        ([{**RECORDS[0], "text": ""}], {}, r"X177.*\(1 records: 0 in doubt"),
        (RECORDS, {"languages": ["da", "de", "tr"]}, r"X178.* into de, tr; it has some into da\."),
    ],
)
def test_what_is_no_translation_is_one_line(tmp_path, records, settings, message):
    with pytest.raises(ValueError, match=message) as found:
        build_translations_v1(write(tmp_path / "x.jsonl", records), **settings)()
    assert "\n" not in str(found.value)


def test_a_path_that_is_not_set_or_not_there_or_of_another_kind_is_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"X174.*--paths\.translations"):
        build_translations_v1(None)()
    with pytest.raises(FileNotFoundError, match="X106"):
        build_translations_v1(tmp_path / "nowhere")()
    (tmp_path / "da.txt").write_text("Pakken.\n")
    with pytest.raises(ValueError, match="X108"):
        build_translations_v1(tmp_path / "da.txt")()
    with pytest.raises(ValueError, match="X107"):
        build_translations_v1(tmp_path)()
