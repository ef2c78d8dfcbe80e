"""Files of translations: what is in them, and that they are the same after a kill at any moment."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
import srsly

from spacy_xling import writing
from spacy_xling.resuming import growing_files
from spacy_xling.translation import translating
from spacy_xling.translation.sources import Sources
from spacy_xling.translation.translating import Languages, Model, name_of_pair, translate_files
from spacy_xling.translation.translator import DEFAULTS
from tests.conftest import TEXTS
from tests.killing import Killed, Killing
from tests.translation.test_translator import GOOD, LOOP, Scripted

MODEL = Model("scripted")
WINDOW = DEFAULTS._replace(window=3)


@pytest.fixture
def scripted(monkeypatch):
    """A model of the name "scripted" that knows some sentences, and the names that were loaded."""
    loaded = []

    def load(model):
        loaded.append(model.name)
        return Scripted({**GOOD, "Loop here now": (LOOP, LOOP)})

    monkeypatch.setattr(translating, "load_engine", load)
    monkeypatch.setattr(writing.os, "fsync", lambda handle: None)
    return loaded


RECORDS = [
    {"id": 1, "text": "A one here", "label": "x"},
    {"id": 2, "text": "", "label": "x"},
    {"id": 3, "text": "Loop here now", "label": "y", "bad": "\ud800"},
    {"id": 4, "text": "B two\nC", "label": None, "lang": "de"},
    {"id": 5, "text": "Et to", "lang": "da"},
    {"id": 6, "text": "C", "source_text": "old"},
    {"id": 7, "text": "C"},
]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in RECORDS))
    return Sources(path, language="en")


def languages(*targets, **sources):
    return Languages({name: name for name in targets}, sources)


def translate(data, output, *targets, settings=WINDOW, **options):
    return translate_files(data, output, MODEL, languages(*(targets or ("da",))), settings, **options)


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("scripted")
def test_each_target_has_a_file_of_records_with_all_their_fields(data, tmp_path):
    with pytest.warns(UserWarning, match="W80"):
        results = translate(data, tmp_path / "out", "da", "zh-Hant")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "da.jsonl",
        "translation.json",
        "zh-Hant.jsonl",
    ]
    found = read(tmp_path / "out" / "da.jsonl")
    assert found[0] == {
        "id": 1,
        "text": "Et a her",
        "label": "x",
        "lang": "da",
        "source_text": "A one here",
        "source_lang": "en",
    }
    assert [record["id"] for record in found] == [1, 3, 4, 5, 6, 7]
    assert found[1] == {
        **RECORDS[2],
        "text": LOOP,
        "lang": "da",
        "source_text": "Loop here now",
        "source_lang": "en",
        "translation_doubt": ["repeated"],
    }
    assert (found[2]["text"], found[2]["source_lang"]) == ("Nummer to\nCe", "de")
    # In the target language already.
    assert (found[3]["text"], found[3]["source_lang"]) == ("Et to", "da")
    assert found[4]["source_text"] == "C"
    counts = results["da"]["counts"]
    assert counts == {
        "sentences": 6,
        "blank": 1,
        "same": 1,
        "retried": 1,
        "found repeated": 1,
        "left repeated": 1,
    }
    assert results["zh-Hant"]["texts"] == 6
    assert results == json.loads((tmp_path / "out" / "translation.json").read_text())["targets"]


@pytest.mark.usefixtures("scripted")
@pytest.mark.filterwarnings("ignore:.*W80")
def test_records_in_doubt_are_left_out_where_the_user_says_so(data, tmp_path):
    results = translate(data, tmp_path / "out", on_doubt="drop")
    assert [record["id"] for record in read(tmp_path / "out" / "da.jsonl")] == [1, 4, 5, 6, 7]
    assert results["da"]["counts"]["dropped"] == 1
    assert results["da"]["texts"] == 5


@pytest.mark.usefixtures("scripted")
def test_what_was_passed_over_or_kept_is_said(data, tmp_path):
    with pytest.warns(UserWarning, match="W80") as caught:
        translate(data, tmp_path / "out")
    assert [str(warning.message)[:14] for warning in caught] == ["[W802] 1 text(", "[W803] 1 text("]


@pytest.mark.usefixtures("scripted")
@pytest.mark.filterwarnings("ignore:.*W80")
@pytest.mark.parametrize("options", [{"on_doubt": "keep"}, {"on_doubt": "drop"}, {"back": "other"}])
def test_killed_at_any_moment_and_resumed_all_files_are_those_of_a_run_that_was_not(
    data, tmp_path, monkeypatch, options
):
    whole = tmp_path / "whole"
    killing = Killing()
    monkeypatch.setattr(translating, "append", killing.within(translating.append))
    monkeypatch.setattr(growing_files, "write_json", killing.around(growing_files.write_json))
    monkeypatch.setattr(Scripted, "generate", killing.around(Scripted.generate))
    monkeypatch.setattr(type(whole), "replace", killing.around(type(whole).replace))
    translate(data, whole, "da", "nl", **options)
    expected = {path.name: path.read_bytes() for path in whole.iterdir()}
    total = killing.count
    assert total > 20
    for number in range(1, total + 1):
        output = tmp_path / f"killed-{number}"
        killing.begin(at=number)
        with pytest.raises(Killed):
            translate(data, output, "da", "nl", **options)
        killing.begin()
        translate(data, output, "da", "nl", **options, resume=True)
        assert {path.name: path.read_bytes() for path in output.iterdir()} == expected, number


@pytest.mark.filterwarnings("ignore:.*W80")
def test_a_round_trip_keeps_the_language_and_the_text_of_before(data, tmp_path, scripted):
    results = translate(data, tmp_path / "out", back="back")
    found = read(tmp_path / "out" / "da.jsonl")
    assert [record["lang"] for record in found] == ["en", "en", "de", "da", "en", "en"]
    assert [record["source_lang"] for record in found] == ["en", "en", "de", "da", "en", "en"]
    assert [record["source_text"] for record in found] == [RECORDS[row]["text"] for row in (0, 2, 3, 4, 5, 6)]
    assert found[0]["text"] == "ET A HER"
    assert found[2]["text"] == "NUMMER TO\nCE"
    assert found[3]["text"] == "Et to"
    # Of the way there; what came of it goes back in capitals.
    assert found[1]["translation_doubt"][0] == "repeated"
    assert results["da"]["counts"]["sentences"] == 12
    # Each once, though texts of two languages go back.
    assert sorted(scripted) == ["back", "scripted"]
    with pytest.raises(ValueError, match=r"^\[X007\].*changed: back\)"):
        translate(data, tmp_path / "out", resume=True)


@pytest.mark.usefixtures("scripted")
def test_a_round_trip_of_a_text_of_no_known_language_is_X815(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "C"}\n')
    with pytest.raises(ValueError, match=r"^\[X815\]"):
        translate(Sources(path), tmp_path / "out", back="back")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:.*W80")
def test_the_names_of_both_ways_have_the_languages_of_theirs(data, tmp_path, scripted):
    codes = Languages({"da": "dan"}, {"en": "eng"})
    model = Model("opus-{source}-{target}")
    translate_files(data, tmp_path / "out", model, codes, WINDOW, back="way-{source}-{target}")
    assert set(scripted) == {"opus-eng-dan", "opus-de-dan", "way-dan-eng", "way-dan-de"}


@pytest.mark.parametrize("language", ["../da", "a b", "", "{target}", "a/b"])
def test_a_language_that_cannot_stand_in_a_name_is_X812(language):
    with pytest.raises(ValueError, match=r"^\[X812\]"):
        name_of_pair("opus-{source}-{target}", language, "da")
    with pytest.raises(ValueError, match=r"^\[X812\]"):
        name_of_pair("opus-{target}", None, language)
    assert name_of_pair("opus", language, language) == "opus"


@pytest.mark.filterwarnings("ignore:.*W80")
def test_a_finished_run_is_not_done_again(data, tmp_path, scripted):
    first = translate(data, tmp_path / "out")
    before = (tmp_path / "out" / "da.jsonl").stat().st_mtime_ns
    assert translate(data, tmp_path / "out", resume=True) == first
    assert (tmp_path / "out" / "da.jsonl").stat().st_mtime_ns == before


@pytest.mark.usefixtures("scripted")
@pytest.mark.filterwarnings("ignore:.*W80")
def test_another_run_is_not_gone_on_with(data, tmp_path):
    out = tmp_path / "out"
    translate(data, out)
    with pytest.raises(ValueError, match=r"^\[X007\].*changed: beams\)"):
        translate(data, out, settings=WINDOW._replace(beams=7), resume=True)
    data.path.write_text('{"text": "C"}\n')
    with pytest.raises(ValueError, match=r"^\[X007\].*changed: data\)"):
        translate(data, out, resume=True)
    (out / "translation.json").write_text("[]")
    with pytest.raises(ValueError, match=r"^\[X007\]"):
        translate(data, out, resume=True)


@pytest.mark.usefixtures("scripted")
@pytest.mark.filterwarnings("ignore:.*W80")
def test_lines_that_are_gone_are_told(data, tmp_path):
    translate(data, tmp_path / "out")
    (tmp_path / "out" / "da.jsonl").unlink()
    state = json.loads((tmp_path / "out" / "translation.json").read_text())
    state["targets"]["da"].update(finished=False, bytes=10)
    srsly.write_json(tmp_path / "out" / "translation.json", state)
    (tmp_path / "out" / "da.jsonl.unfinished").write_text("12345")
    with pytest.raises(ValueError, match=r"^\[X007\].*5 bytes in da.jsonl.unfinished, of 10"):
        translate(data, tmp_path / "out", resume=True)


@pytest.mark.filterwarnings("ignore:.*W80")
def test_nothing_is_replaced_unless_the_user_says_so(data, tmp_path, scripted):
    translate(data, tmp_path / "out")
    del scripted[:]
    with pytest.raises(ValueError, match=r"^\[X142\].*da.jsonl"):
        translate(data, tmp_path / "out")
    assert scripted == []
    before = (tmp_path / "out" / "da.jsonl").read_bytes()
    translate(data, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "da.jsonl").read_bytes() == before


@pytest.mark.usefixtures("scripted")
def test_the_texts_that_are_read_are_not_replaced(tmp_path):
    (tmp_path / "da.jsonl").write_text('{"text": "C"}\n')
    with pytest.raises(ValueError, match=r"^\[X173\]"):
        translate(Sources(tmp_path), tmp_path, overwrite=True)


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("name", ["", "../da", "a/b", "a.b", " da", "/da"])
def test_a_target_that_cannot_name_a_file_is_X807(data, tmp_path, name):
    with pytest.raises(ValueError, match=r"^\[X807\]"):
        translate(data, tmp_path / "out", name)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("scripted")
def test_no_target_is_X811_and_no_text_X128(data, tmp_path):
    with pytest.raises(ValueError, match=r"^\[X811\]"):
        translate_files(data, tmp_path / "out", MODEL, languages())
    data.path.write_text('{"text": " "}\n')
    with pytest.raises(ValueError, match=r"^\[X128\]"):
        translate(data, tmp_path / "out")


@pytest.mark.filterwarnings("ignore:.*W80")
def test_a_name_with_languages_in_it_is_a_checkpoint_for_each_pair(data, tmp_path, scripted):
    codes = Languages({"da": "dan", "nl": "nl"}, {"en": "eng"})
    translate_files(data, tmp_path / "out", Model("opus-{source}-{target}"), codes, WINDOW)
    assert Counter(scripted) == Counter(
        ["opus-eng-dan", "opus-de-dan", "opus-eng-nl", "opus-de-nl", "opus-da-nl"]
    )
    with pytest.raises(ValueError, match=r"^\[X803\]"):
        name_of_pair("opus-{source}", None, "da")
    assert name_of_pair("{0}-{x}", "en", "da") == "{0}-{x}"


@pytest.mark.usefixtures("scripted")
def test_a_language_that_the_checkpoint_does_not_know_is_told_before_anything_is_written(
    data, tmp_path, monkeypatch
):
    def pair(self, source, target):
        if target == "xx":
            raise ValueError("[X802]")

    monkeypatch.setattr(Scripted, "pair", pair)
    with pytest.raises(ValueError, match="X802"):
        translate(data, tmp_path / "out", "da", "xx")
    assert not (tmp_path / "out").exists()


def test_a_gpu_that_is_not_there_is_X809(data, tmp_path):
    with pytest.raises(ValueError, match=r"^\[X809\].*--gpu-id 99"):
        translate_files(data, tmp_path / "out", Model("any", gpu_id=99), languages("da"))


@pytest.mark.slow
def test_a_process_that_was_killed_goes_on(seq2seq, tmp_path):
    texts = [f"{n} {TEXTS[n % len(TEXTS)][: 4 + n % 20]}" for n in range(300)]
    srsly.write_jsonl(tmp_path / "texts.jsonl", [{"text": text, "id": n} for n, text in enumerate(texts)])

    def command(output, *more):
        return [
            *(sys.executable, "-m", "spacy", "xling", "translate", str(tmp_path / "texts.jsonl")),
            *("--model", str(seq2seq("m2m100")), "--to", "da", "--from", "en", "--output", str(output)),
            *("--window", "20", "--beams", "1", "--no-retry", "--length-ratio", "0.5", *more),
        ]

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command(tmp_path / "whole"), check=True, **quiet)
    state = tmp_path / "killed" / "translation.json"
    process = subprocess.Popen(command(tmp_path / "killed"), **quiet)
    # At the second window or later.
    while not (state.exists() and '"bytes":0' not in state.read_text() and '"bytes"' in state.read_text()):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "da.jsonl").exists()
    subprocess.run(command(tmp_path / "killed", "--resume"), check=True, **quiet)
    for name in ("da.jsonl", "translation.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert [record["id"] for record in read(tmp_path / "killed" / "da.jsonl")] == list(range(300))
