"""`spacy xling compare`, as a command."""

import json
from pathlib import Path

import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

from spacy_xling.cli import compare as module
from spacy_xling.comparison import running
from spacy_xling.comparison.jobs import SCORES_FILE, claim
from tests.comparison.tiny import write_text
from tests.test_import import HEAVY, top_imports


class FakeProcess:
    """Stands for the process of a run: scores at once, or an error for the seed 1 of `fast`."""

    has_ended, seconds = True, 1.0
    broken = False

    def __init__(self, job, machine):
        self.job = job
        claim(job)
        value = 0.5 + 0.1 * (job.name == "fast") + 0.01 * job.seed
        languages = {code: {"texts": 60, "accuracy": value, "macro_f1": 0.4} for code in ("en", "da", "de")}
        found = {
            "languages": languages,
            "exclusive": True,
            "steps": 7,
            "encoder_pieces": 0,
            "seconds": 1,
            "processor_seconds": 1,
            "score": 1.0,
        }
        self.error = None
        if self.broken and job.name == "fast" and job.seed == 1:
            self.error = "ValueError: [X508] The loss is no longer a number"
        else:
            (job.folder / SCORES_FILE).write_text(json.dumps(found))

    def close(self):
        pass


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "Process", FakeProcess)
    return write_text(tmp_path / "text")


def invoke(folder, *options):
    output = str(folder.parent / "out")
    arguments = ["compare", str(folder / "plan.cfg"), "-o", output, "--paths.folder", str(folder)]
    return CliRunner().invoke(app, ["xling", *arguments, *map(str, options)])


def test_it_prints_and_writes_the_table(folder, tmp_path):
    result = invoke(
        folder, "--json", tmp_path / "new" / "numbers.json", "--jobs", 2, "--compare.seeds", "[0, 1, 2]"
    )
    assert result.exit_code == 0, result.output
    expected = (
        "fast is 10.0 points above slow on the mean of the targets (95 % interval 10.0 to 10.0, 3 seeds)."
    )
    assert expected in result.output
    assert expected in (tmp_path / "out" / "table.md").read_text()
    found = json.loads((tmp_path / "new" / "numbers.json").read_text())
    assert found["conclusions"] == {"fast": expected}
    assert found["failures"] == []


def test_a_failed_run_is_named_at_the_end_with_status_1(folder, monkeypatch):
    monkeypatch.setattr(FakeProcess, "broken", True)
    result = invoke(folder)
    assert result.exit_code == 1
    assert "with fewer than 3 seeds there is no interval" in result.output
    end = " ".join(result.output.split("The table is at")[1].split())
    assert "fast, seed 1: ValueError: [X508]" in end
    assert "runs/fast/1/log.txt" in end.replace(" ", "")


def test_settings_of_the_plan_are_options(folder, tmp_path):
    assert invoke(folder, "--compare.seeds", "[4]").exit_code == 0
    assert [path.name for path in (tmp_path / "out" / "runs" / "slow").iterdir()] == ["4"]


def test_an_error_is_one_line(folder):
    assert invoke(folder).exit_code == 0
    result = invoke(folder, "--compare.threshold", "0.75")
    assert result.exit_code == 1
    assert "[X775]" in result.output
    assert "threshold (was 0.5, is 0.75)" in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_a_setting_of_the_wrong_kind_is_shown_as_spacy_does(folder):
    result = invoke(folder, "--compare.seeds", "many")
    assert result.exit_code == 1
    assert "seeds" in result.output
    assert "Traceback" not in result.output


def test_the_command_imports_nothing_heavy():
    imports = {name.split(".")[0] for name in top_imports(Path(module.__file__))}
    assert imports.isdisjoint(HEAVY | {"scipy", "numpy", "optuna"})
