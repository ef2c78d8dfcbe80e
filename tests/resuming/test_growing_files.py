"""Files that grow belong to one process at a time."""

import fcntl
import subprocess
import sys

import pytest

from spacy_xling.resuming.growing_files import State

HOLD = """
import sys
from pathlib import Path
from spacy_xling.resuming.growing_files import State

with State.lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process at work, and the state of its run."""
    path = tmp_path / "out" / "state.json"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process, path
        process.kill()


def test_a_second_process_is_X008(holder):
    _, path = holder
    with (
        pytest.raises(ValueError, match=r"\[X008\] Another process is using .*out; expected none"),
        State.lock(path),
    ):
        pass


def test_a_process_that_was_killed_holds_nothing(holder):
    process, path = holder
    process.kill()
    process.wait()
    with State.lock(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_a_process_that_ended_leaves_no_lock(holder):
    process, path = holder
    process.communicate()
    assert list(path.parent.iterdir()) == []


def test_runs_of_one_folder_with_states_of_their_own_go_beside_each_other(holder):
    _, path = holder
    with State.lock(path.with_name("1-of-2.state.json")):
        pass


def test_a_lock_whose_file_was_removed_while_it_was_taken_is_taken_anew(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    lock, flock, removed = tmp_path / ".state.json.lock", fcntl.flock, []

    def end_another(handle, operation):
        # As a process does that has the lock, and ends once this one has opened the file.
        if not removed:
            removed.append(lock.stat().st_ino)
            lock.unlink()
        flock(handle, operation)

    monkeypatch.setattr("spacy_xling.writing.fcntl.flock", end_another)
    with State.lock(path):
        assert lock.exists()
        with pytest.raises(ValueError, match=r"^\[X008\]"), State.lock(path):
            pass
    assert len(removed) == 1
