import json

import pytest
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.models.checkpoint import load_encoder
from tests.conftest import PRETRAIN_CONFIG


@pytest.fixture
def run(corpus, checkpoint, tmp_path):
    def invoke(*arguments):
        settings = {
            "paths.encoder": checkpoint,
            "paths.unlabelled": corpus / "raw",
            "training.batch_pieces": 100,
            "training.max_steps": 4,
            "training.eval_frequency": 2,
            "corpora.unlabelled.heldout_share": 0.1,
        }
        overrides = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        command = ["pretrain", PRETRAIN_CONFIG, "--output", tmp_path / "run", *overrides, *arguments]
        return CliRunner().invoke(app, list(map(str, command)))

    return invoke


def test_the_command_trains_and_shows_a_row_for_each_measurement(run, tmp_path):
    result = run()
    assert result.exit_code == 0, result.output
    load_encoder(str(tmp_path / "run" / "model-best"))
    header, _, first, second = result.stdout.splitlines()[:4]
    assert header.split() == ["#", "SEC", "PIECES/S", "LOSS", "HELDOUT", "de", "en"]
    logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    for shown, row in zip((first, second), logged, strict=True):
        cells = shown.split()
        assert int(cells[0]) == row["step"]
        assert float(cells[3]) == pytest.approx(row["loss"], abs=6e-4)
        assert float(cells[4]) == pytest.approx(row["heldout_mean"], abs=6e-4)
        assert [float(cell) for cell in cells[5:]] == pytest.approx(
            [row["heldout"]["de"], row["heldout"]["en"]], abs=6e-4
        )


def test_a_second_run_needs_resume(run):
    assert run().exit_code == 0
    again = run()
    assert again.exit_code == 1
    assert "[X610]" in again.output
    assert run("--resume").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--paths.unlabelled", "nowhere"], "[X106]"),
        (["--training.parallel_share", "0.5"], "[X137]"),
        (["--paths.encoder", "./nowhere"], "[X301]"),
        (["--masking.rate", "1.5"], "[X203]"),
    ],
)
def test_bad_input_is_one_line(run, tmp_path, arguments, code):
    result = run(*arguments)
    assert result.exit_code == 1
    assert code in result.output
    assert "Traceback" not in result.output


def test_an_unknown_setting_is_named(run):
    result = run("--training.max_step", "3")
    assert result.exit_code == 1
    assert "max_step" in result.output


def test_an_empty_language_file_is_one_line(run, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "de.txt").write_text("")
    result = run("--paths.unlabelled", str(tmp_path / "raw"))
    assert result.exit_code == 1
    assert "[X109]" in result.output


def test_a_parallel_file_with_one_column_is_one_line_with_file_and_line(run, tmp_path):
    (tmp_path / "en-de.tsv").write_text("only one column\n")
    result = run("--paths.parallel", str(tmp_path / "en-de.tsv"), "--training.parallel_share", "0.5")
    assert result.exit_code == 1
    assert "[X135]" in result.output
    assert "line 1" in result.output.replace("\n", " ")
