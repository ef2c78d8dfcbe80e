"""The text of the shared-encoder example: what is there, and that its script keeps all of it."""

import json
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_xling.data.languages import get_language
from tests.test_quickstart import grams, lines, records

ROOT = Path(__file__).parent.parent
TEXT = ROOT / "assets" / "shared"
LANGUAGES = ["de", "en", "es"]
LABELS = {"account", "delivery", "product", "refund"}
ENTITIES = {"PRODUCT", "DATE", "PLACE"}
PARTS = {"train": 160, "dev": 40, "test/de": 40, "test/en": 40, "test/es": 40}


def labelled(part):
    return records(TEXT / f"{part}.jsonl")


def training_texts(language):
    """Every text of a language that any step may read before the test."""
    raw = lines(TEXT / "raw" / f"{language}.txt")
    return chain(
        raw, (r["text"] for part in ("train", "dev") for r in labelled(part) if r["lang"] == language)
    )


def run_script(source, target):
    command = [sys.executable, str(TEXT / "corpus.py"), str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    target = tmp_path_factory.mktemp("corpus")
    result = run_script(TEXT, target)
    assert result.returncode == 0, result.stderr
    return target


@pytest.mark.parametrize("part", PARTS)
def test_each_label_has_as_many_different_texts(part):
    found = labelled(part)
    assert Counter(record["label"] for record in found) == dict.fromkeys(LABELS, PARTS[part] // 4)
    assert len({record["text"].casefold() for record in found}) == PARTS[part]


@pytest.mark.parametrize("language", LANGUAGES)
def test_raw_text_has_150_different_lines(language):
    raw = lines(TEXT / "raw" / f"{language}.txt")
    assert len({line.casefold() for line in raw if line.strip()}) == len(raw) == 150


def test_english_alone_has_labels_to_train_on():
    assert {record["lang"] for part in ("train", "dev") for record in labelled(part)} == {"en"}
    assert sorted(path.stem for path in (TEXT / "test").iterdir()) == LANGUAGES
    assert all({r["lang"] for r in labelled(f"test/{language}")} == {language} for language in LANGUAGES)


def test_train_and_dev_share_no_text():
    train, dev = ({record["text"].casefold() for record in labelled(part)} for part in ("train", "dev"))
    assert not train & dev


@pytest.mark.parametrize("part", PARTS)
def test_entities_begin_and_end_with_tokens(part):
    nlp = spacy.blank("xx")
    for record in labelled(part):
        for start, end, label in record["entities"]:
            span = nlp.make_doc(record["text"]).char_span(start, end, label)
            assert span is not None, (record["text"], start, end)
            assert span.text == span.text.strip() != ""


@pytest.mark.parametrize("part", PARTS)
def test_two_thirds_of_the_texts_have_up_to_three_entities_and_each_kind_is_there(part):
    counts = [len(record["entities"]) for record in labelled(part)]
    assert max(counts) <= 3
    assert 0.6 < sum(count > 0 for count in counts) / len(counts) < 0.75
    kinds = Counter(label for record in labelled(part) for _, _, label in record["entities"])
    assert set(kinds) == ENTITIES
    assert min(kinds.values()) >= 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_test_text_shares_half_of_its_4_grams_with_a_training_text(language):
    training = [grams(text, language) for text in training_texts(language)]
    assert len(training) == {"en": 350}.get(language, 150)
    for record in labelled(f"test/{language}"):
        own = grams(record["text"], language)
        assert max(len(own & other) / len(own) for other in training) < 0.5, record["text"]


@pytest.mark.parametrize("part", PARTS)
def test_the_script_keeps_languages_categories_and_entities(corpus, part):
    docs = list(DocBin().from_disk(corpus / f"{part}.spacy").get_docs(spacy.blank("xx").vocab))
    assert [doc.text for doc in docs] == [record["text"] for record in labelled(part)]
    for doc, record in zip(docs, labelled(part), strict=True):
        assert get_language(doc) == record["lang"]
        assert doc.cats == {label: 1.0 if label == record["label"] else 0.0 for label in LABELS}
        assert [[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents] == record["entities"]


def test_the_script_names_the_file_and_line_of_an_entity_that_cuts_a_token(tmp_path):
    (tmp_path / "test").mkdir()
    good = {"text": "a kettle", "label": "product", "lang": "en", "entities": [[2, 8, "PRODUCT"]]}
    cut = {**good, "entities": [[2, 7, "PRODUCT"]]}
    for name, rows in {"train": [good], "dev": [good, cut]}.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    result = run_script(tmp_path, tmp_path / "corpus")
    assert result.returncode != 0
    assert f"{tmp_path / 'dev.jsonl'}, line 2: PRODUCT 2:7 is 'kettl'" in result.stderr
