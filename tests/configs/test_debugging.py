import json

from spacy_xling.configs.debugging import debug_data
from spacy_xling.dictionaries.reader import build_dictionaries_v1
from spacy_xling.translate_train.translations_reader import build_translations_v1
from tests.conftest import TEXTS, write_raw


def write(path, *records):
    path.parent.mkdir(exist_ok=True)
    lines = (json.dumps(dict(zip(("text", "label", "lang"), record, strict=True))) for record in records)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def clean(n, word="text"):
    return [(f"{word} {label} {number}", label, "en") for label in "ab" for number in range(n)]


def test_clean_data_has_no_findings(tmp_path):
    train, dev = write(tmp_path / "train.jsonl", *clean(10)), write(tmp_path / "dev.jsonl", *clean(5, "dev"))
    raw = write_raw(tmp_path / "raw", {"en": ["a"], "da": ["b"]})
    report = debug_data(train, dev=dev, unlabelled=raw)
    assert report.findings == []
    assert list(report.parts) == ["train", "dev"]
    assert report.raw == {"da": 1, "en": 1}


def test_each_finding_is_named_with_its_number(tmp_path):
    train = write(
        tmp_path / "train.jsonl",
        *clean(10),
        ("text a 0", "a", "en"),
        ("TEXT B 1", "a", "en"),
        ("rare", "c", None),
    )
    test = write(tmp_path / "test.jsonl", ("text a 3", "a", "sw"), ("new", "d", "sw"))
    raw = write_raw(tmp_path / "raw", {"en": ["line"] * 300, "da": ["line"]})
    findings = "\n".join(debug_data(train, test=test, unlabelled=raw).findings)
    for expected in (
        "train: 1 texts don't say their language",
        "train: 2 texts repeat the wording",
        "train: 1 wordings stand with different labels, e.g. 'text b 1'",
        "train: fewer than 10 texts of the labels c",
        "test: labels that train doesn't have: d.",
        "test: 1 texts are in train too, e.g. 'text a 3'",
        "No raw text of sw",
        "Raw text of da: less than a hundredth",
    ):
        assert expected in findings


def test_texts_over_the_window_are_counted(tmp_path, checkpoint):
    long = " ".join(TEXTS * 3)
    train = write(tmp_path / "train.jsonl", *clean(10), (long, "a", "en"))
    (finding,) = debug_data(train, encoder=str(checkpoint)).findings
    assert finding.startswith("train: 1 texts (4.8 %) are longer than the encoder's window")


def write_dictionaries(folder, **words):
    folder.mkdir()
    for name, entries in words.items():
        lines = "".join(f"{word}\t{word}x\n" for word in entries)
        (folder / f"{name.replace('_', '-')}.tsv").write_text(lines, encoding="utf-8")
    return build_dictionaries_v1(folder)


def test_dictionaries_are_measured_on_the_source_languages_labelled_text(tmp_path):
    train = write(tmp_path / "train.jsonl", *clean(10), ("tekst", "a", "da"))
    test = write(tmp_path / "test.jsonl", ("en tekst", "a", "da"))
    report = debug_data(
        train, test=test, dictionaries=write_dictionaries(tmp_path / "d", en_da=["text", "a"])
    )
    (found,) = report.dictionaries
    # Of "text a 0", "text b 0" ...: 20 times "text", and 10 times "a", of 60 words.
    assert (found.name, found.entries, found.coverage) == ("en-da", 2, (60, 30))
    assert report.findings == []


def test_what_dictionaries_lack_is_named(tmp_path):
    train = write(tmp_path / "train.jsonl", *clean(10))
    test = write(tmp_path / "test.jsonl", ("maandishi", "a", "sw"), ("en tekst", "a", "da"))
    reader = write_dictionaries(tmp_path / "d", en_da=["a"], en_xx=["text", "a", "b"], fr_da=["texte"])
    assert debug_data(train, test=test, dictionaries=reader).findings == [
        "Dictionaries of words of fr, and no labelled text: they switch nothing.",
        "No dictionary for sw: code-switching hardly helps these.",
        "Dictionaries for xx, which no text is in: correct or remove them.",
        "The dictionary en-da has 16.7 % of the words of train: give it more.",
    ]


def test_labels_and_languages_that_look_alike_are_named_wherever_they_stand(tmp_path):
    train = write(tmp_path / "train.jsonl", *clean(10))
    test = write(tmp_path / "test.jsonl", ("text c", "A", "EN"))
    raw = write_raw(tmp_path / "raw", {"en": ["a"], "EN": ["a"], "da": ["a"]})
    reader = write_dictionaries(tmp_path / "d", en_DA=["text", "a", "b"])
    findings = debug_data(train, test=test, unlabelled=raw, dictionaries=reader).findings
    labels, languages = (finding for finding in findings if finding.startswith("[W16"))
    assert "'a' and 'A'." in labels
    assert "(2): 'en' and 'EN'; 'da' and 'DA'." in languages


def write_translated(path, *records):
    """Records of a text, its language and the text that it is a translation of."""
    path.parent.mkdir(exist_ok=True)
    names = ("text", "lang", "source_text", "source_lang")
    lines = (json.dumps(dict(zip(names, (*record, "en"), strict=True))) for record in records)
    path.write_text("\n".join(lines), encoding="utf-8")


def test_translations_are_measured_on_the_labelled_texts_of_other_languages(tmp_path):
    train = write(tmp_path / "train.jsonl", *clean(10), ("tekst", "a", "da"))
    test = write(tmp_path / "test.jsonl", ("endnu en tekst", "a", "da"), ("maandishi", "b", "sw"))
    texts = [text for text, *_ in clean(10)]
    folder = tmp_path / "translated"
    write_translated(folder / "da.jsonl", *((f"{text}!", "da", text) for text in texts[:15]))
    write_translated(folder / "tr.jsonl", *((f"{text}!", "tr", text) for text in [*texts[:4], "other text"]))
    report = debug_data(train, test=test, translations=build_translations_v1(folder))
    # Into Danish 15 of the 20 English texts, into Turkish 4 of these and of the Danish one.
    assert report.translations == [("da", 15, 15 / 20), ("tr", 5, 4 / 21)]
    assert report.findings == [
        "No translations into sw: translate train into each language to serve.",
        "The translations into tr are of 19.0 % of the texts of train: translate it again, for a text must "
        "be the same as then.",
    ]
