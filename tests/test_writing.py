"""Files and folders are whole, or not there."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from spacy_xling import writing
from spacy_xling.models.checkpoint import load_encoder, save_checkpoint
from spacy_xling.writing import UNFINISHED, remove_leftovers, write_file, write_folder
from tests.resuming.runs import Killed
from tests.resuming.test_checkpoints import contents, fill_with, whole


def test_a_folder_is_replaced_whole(tmp_path):
    write_folder(tmp_path / "best", fill_with("old"))
    (tmp_path / "best" / "stale").write_text("")
    write_folder(tmp_path / "best", fill_with("new"))
    assert contents(tmp_path / "best") == whole("new")
    assert [p.name for p in tmp_path.iterdir()] == ["best"]


def test_another_error_stays_as_it_is(tmp_path):
    def fill(folder):
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        write_folder(tmp_path / "best", fill)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "run.json"
    write_file(path, "old")

    def die(path):
        raise Killed

    monkeypatch.setattr(writing, "flush", die)
    with pytest.raises(Killed):
        write_file(path, "new")
    assert path.read_text() == "old"
    monkeypatch.undo()
    write_file(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["run.json"]


def test_a_file_that_cannot_be_written_is_X161_and_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"X161.*file/new.json couldn't be written \(.*File exists"):
        write_file(tmp_path / "file" / "new.json", "x")

    def full(handle):
        raise OSError("No space left on device")

    (tmp_path / "old.json").write_text("old")
    monkeypatch.setattr(writing.os, "fsync", full)
    for name in ("old.json", "new.json"):
        with pytest.raises(OSError, match=rf"X161.*{name}.*\(No space left on device\)"):
            write_file(tmp_path / name, b"new")
    assert contents(tmp_path) == {"file": "", "old.json": "old"}


def test_half_a_character_in_a_text_or_a_name_is_X161_and_leaves_nothing(tmp_path, checkpoint):
    with pytest.raises(OSError, match=r"X161.*new\.json.*surrogates not allowed"):
        write_file(tmp_path / "new.json", "d\udcff")
    encoder = load_encoder(str(checkpoint))
    with pytest.raises(OSError, match="surrogates not allowed"):
        write_folder(
            tmp_path / os.fsdecode(b"d\xff"),
            lambda path: save_checkpoint(encoder.masked_lm.model, encoder.tokenizer, path),
        )
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_points_to_is_replaced_and_a_pipe_is_written_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "there")
    write_file(tmp_path / "link", "ø")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there").read_bytes() == b"\xc3\xb8"
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as reader:
        found = reader.submit((tmp_path / "pipe").read_bytes)
        write_file(tmp_path / "pipe", b"x")
    assert found.result() == b"x"


def test_only_leftovers_are_removed(tmp_path):
    for name in ("a.unfinished", "b.replaced", "model-last", "step-1"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.replaced").write_text("a file of the user's")
    remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"model-last", "step-1", "notes.replaced"}
    remove_leftovers(tmp_path / "nothing here")


def test_a_file_that_is_replaced_keeps_its_rights(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text("old")
    path.chmod(0o600)
    write_file(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_half_written_file_of_a_killed_process_is_removed(tmp_path):
    (tmp_path / f"run.json{UNFINISHED}").write_text("{")
    (tmp_path / "run.json").write_text("{}")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
