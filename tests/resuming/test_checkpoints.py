import errno
import os
import shutil
from pathlib import Path

import pytest

from spacy_xling import writing
from spacy_xling.resuming.checkpoints import Checkpoints, step_of


def fill_with(content):
    def fill(folder: Path) -> None:
        for name in ("a", "b", "c"):
            (folder / name).write_text(content)

    return fill


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def whole(content):
    return dict.fromkeys("abc", content)


def test_latest_is_the_highest_step_and_not_the_last_in_the_alphabet(tmp_path):
    saved = Checkpoints(tmp_path / "run")
    assert saved.latest() is None
    for step in (2, 9, 10):
        saved.write(step, fill_with(str(step)))
    assert saved.latest() == tmp_path / "run" / "step-10"
    assert step_of(saved.latest()) == 10
    assert contents(saved.latest()) == whole("10")


def test_the_latest_alone_is_kept(tmp_path):
    saved = Checkpoints(tmp_path)
    for step in range(5):
        saved.write(step, fill_with("x"))
    assert [p.name for p in tmp_path.iterdir()] == ["step-4"]


class Killed(BaseException):
    """What a process that is killed does not get to handle."""


@pytest.mark.parametrize("moment", range(8))
def test_killed_at_any_step_of_writing_one_whole_checkpoint_is_left(tmp_path, monkeypatch, moment):
    saved = Checkpoints(tmp_path)
    saved.write(1, fill_with("one"))
    calls = 0

    def dying(function):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls > moment:
                raise Killed
            return function(*args, **kwargs)

        return call

    # A killed process runs no handler: removing, renaming, making and flushing stop working at once.
    monkeypatch.setattr(writing.os, "fsync", dying(os.fsync))
    monkeypatch.setattr(Path, "rename", dying(Path.rename))
    monkeypatch.setattr(writing.shutil, "rmtree", dying(writing.shutil.rmtree))
    with pytest.raises(Killed):
        saved.write(2, fill_with("two"))
    monkeypatch.undo()
    left = Checkpoints(tmp_path).latest()
    assert contents(left) == whole({1: "one", 2: "two"}[step_of(left)])
    Checkpoints(tmp_path).write(3, fill_with("three"))
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("step-") and "." not in p.name] == [
        "step-3"
    ]


def test_a_full_disk_is_X609_and_the_last_checkpoint_stays_whole(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.write(1, fill_with("one"))

    def fill(folder):
        (folder / "a").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"X609.*step-2.*No space left.*--resume.*step-1"):
        saved.write(2, fill)
    assert [p.name for p in tmp_path.iterdir()] == ["step-1"]
    assert contents(saved.latest()) == whole("one")


def test_a_folder_that_cannot_be_made_is_X609(tmp_path):
    (tmp_path / "run").write_text("a file stands here")
    with pytest.raises(OSError, match="X609"):
        Checkpoints(tmp_path / "run").write(1, fill_with("one"))


@pytest.mark.parametrize(
    "said",
    [
        "No space left on device (os error 28)",
        'Error while serializing: I/O error: Os { code: 28, kind: StorageFull, message: "No space left" }',
    ],
)
def test_what_the_system_refused_is_an_OSError_whoever_says_it(tmp_path, said):
    """The tokenizers and safetensors libraries raise errors of their own."""

    def fill(folder):
        raise Exception(said)

    with pytest.raises(OSError, match=r"X609.*No space left"):
        Checkpoints(tmp_path).write(2, fill)


def test_of_a_copy_that_fails_the_first_reason_is_told(tmp_path):
    def fill(folder):
        raise shutil.Error([("a", "b", "No space left"), ("c", "d", "No space left either")])

    with pytest.raises(OSError, match=r"X609.*couldn't be written \(No space left\);"):
        Checkpoints(tmp_path).write(2, fill)
