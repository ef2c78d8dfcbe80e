import json
import sys
from dataclasses import asdict

import pytest
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.inspection.inspection import inspect_encoder
from tests.conftest import TEXTS, write_raw
from tests.test_import import HEAVY, PACKAGE, top_imports


@pytest.fixture
def texts(tmp_path):
    return write_raw(tmp_path / "raw", {"en": TEXTS[:2], "da": TEXTS[4:6], "zh": ["盒子", "包裹"]})


@pytest.fixture
def parallel(tmp_path):
    folder = tmp_path / "parallel"
    folder.mkdir()
    rows = zip(TEXTS[:2], TEXTS[4:6], strict=True)
    (folder / "en-da.tsv").write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)])


def test_table_numbers_and_figure(checkpoint, texts, parallel, tmp_path):
    numbers, figure = tmp_path / "out" / "numbers.json", tmp_path / "figures" / "figure.svg"
    options = ["--parallel", parallel, "--layer", 2, "--seed", 3, "--json", numbers, "--figure", figure]
    result = run(checkpoint, texts, *options)
    assert result.exit_code == 0, result.output
    expected = asdict(inspect_encoder(str(checkpoint), texts, parallel=parallel, layer=2, seed=3))
    written = json.loads(numbers.read_text(encoding="utf-8"))
    assert written.keys() == expected.keys()
    assert (written["encoder"], written["layer"], written["seed"]) == (str(checkpoint), 2, 3)
    # Written with ten digits.
    for found, wanted in zip(written["languages"], expected["languages"], strict=True):
        assert found == pytest.approx(wanted)
    assert figure.read_text(encoding="utf-8").startswith("<?xml")
    rows = {line.split()[0]: line.split() for line in result.output.splitlines() if line.strip()}
    da, zh = expected["languages"][1:]
    assert rows["da"] == [
        "da",
        "2",
        f"{da['pieces_per_word']:.2f}",
        f"{da['pieces_per_character']:.2f}",
        f"{100 * da['unknown_share']:.1f}",
        "0.0",
        f"{da['mlm_loss']:.2f}",
        f"{da['distance']:.3f}",
        f"{100 * da['retrieval']:.1f}",
        "2",
    ]
    assert rows["zh"][-2:] == ["-", "-"]
    assert rows["en"][7:] == ["-", "-", "-"]
    assert zh["language"] == "zh"
    assert "states of layer 2" in result.output


def test_an_error_of_the_package_is_one_line(checkpoint, texts):
    result = run(checkpoint, texts, "--source", "fr")
    assert result.exit_code == 1
    assert "[X730]" in result.output
    assert "Traceback" not in result.output


def test_the_figure_is_checked_before_any_work(texts, tmp_path, monkeypatch):
    assert "[X736]" in run("/nowhere", texts, "--figure", tmp_path / "a.gif").output
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("/nowhere", texts, "--figure", tmp_path / "a.svg")
    assert result.exit_code == 1
    assert "[X737]" in result.output


def test_files_that_cant_be_are_X145_before_any_work(texts, tmp_path):
    assert "[X145]" in run("/nowhere", texts, "--json", tmp_path).output
    (tmp_path / "file").write_text("x")
    assert "[X145]" in run("/nowhere", texts, "--figure", tmp_path / "file" / "a.svg").output


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("inspect.py", {".app", ".options"}),
        ("preview_masks.py", {".app", ".options"}),
        ("options.py", {"..errors", "..types"}),
    ],
)
def test_the_commands_import_nothing_heavy(file, own):
    imports = top_imports(PACKAGE / "cli" / file)
    assert {name.split(".")[0] for name in imports}.isdisjoint({*HEAVY, "sklearn", "matplotlib"})
    assert {name for name in imports if name.startswith(".")} == own
