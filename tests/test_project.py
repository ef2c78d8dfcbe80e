"""project.yml: each workflow is whole, and what it prepares is honest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import srsly
from weasel.schemas import ProjectConfigSchema, validate

ROOT = Path(__file__).parent.parent
PROJECT = srsly.read_yaml(ROOT / "project.yml")
COMMANDS = {command["name"]: command for command in PROJECT["commands"]}
SIB200 = ROOT / "benchmarks" / "sib200.py"


def test_it_is_a_valid_project():
    assert validate(ProjectConfigSchema, PROJECT) == []
    assert set(PROJECT["workflows"]) == {
        "quickstart",
        "quickstart-sequential",
        "translate",
        "sentiment",
        "shared",
        "sib200",
        "own",
    }


@pytest.mark.parametrize("workflow", PROJECT["workflows"])
def test_what_a_command_needs_was_made_before_or_is_in_the_repository(workflow):
    made = set()
    for name in PROJECT["workflows"][workflow]:
        for need in COMMANDS[name].get("deps", []):
            is_made = any(need == path or need.startswith(f"{path}/") for path in made)
            # A checkpoint's folder is within the run's.
            assert is_made or (ROOT / need).exists(), (name, need)
        made |= {*COMMANDS[name].get("outputs", [])}


def test_every_command_is_in_a_workflow_and_explained():
    used = {name for names in PROJECT["workflows"].values() for name in names}
    assert used == set(COMMANDS)
    assert all(command["help"] for command in COMMANDS.values())


def sentences(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("index_id\tcategory\ttext\n" + "".join("\t".join(map(str, row)) + "\n" for row in rows))


def run_sib200(*arguments):
    command = [sys.executable, str(SIB200), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_no_raw_text_of_sib200_translates_a_labelled_one(tmp_path):
    for language in ("eng_Latn", "dan_Latn", "ell_Grek"):
        rows = [(number, "travel", f"{language} {number}") for number in range(40)]
        for part in ("train", "dev", "test"):
            sentences(tmp_path / "assets" / language / f"{part}.tsv", rows)
    result = run_sib200(tmp_path / "assets", tmp_path / "corpus")
    assert result.returncode == 0, result.stderr
    corpus = tmp_path / "corpus"
    labelled = [json.loads(line) for line in (corpus / "train.jsonl").read_text().splitlines()]
    raw = [json.loads(line) for line in (corpus / "raw" / "dan_Latn.jsonl").read_text().splitlines()]
    assert {row["lang"] for row in labelled} == {"eng_Latn"}
    ids = {row["text"].split()[1] for row in labelled}, {row["text"].split()[1] for row in raw}
    assert [len(found) for found in ids] == [20, 20]
    assert not ids[0] & ids[1]
    pairs = [
        line.split("\t") for line in (corpus / "parallel" / "eng_Latn-dan_Latn.tsv").read_text().splitlines()
    ]
    assert {(first.split()[1], second.split()[1]) for first, second in pairs} == {(n, n) for n in ids[1]}
    # Greek is no target of the table's encoders: it is tested on, and has no raw text.
    assert sorted(path.stem for path in (corpus / "raw").iterdir()) == ["dan_Latn"]
    assert [path.name for path in (corpus / "parallel").iterdir()] == ["eng_Latn-dan_Latn.tsv"]
    assert sorted(path.stem for path in (corpus / "test").iterdir()) == ["dan_Latn", "ell_Grek", "eng_Latn"]


def test_a_folder_without_sib200_is_one_line(tmp_path):
    result = run_sib200(tmp_path, tmp_path / "corpus")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{tmp_path} has no folder eng_Latn; expected one of each language")


def test_missing_and_changed_assets_are_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SIB200.parent))
    sib200 = pytest.importorskip("sib200")
    first, second = (
        {"dest": f"assets/x/{name}.tsv", "url": f"https://example.org/{name}", "checksum": "0" * 32}
        for name in ("here", "gone")
    )
    srsly.write_yaml(tmp_path / "project.yml", {"assets": [first, second]})
    sentences(tmp_path / "assets" / "x" / "here.tsv", [])
    monkeypatch.setattr(sib200, "PROJECT", tmp_path / "project.yml")
    monkeypatch.chdir(tmp_path)
    changed, missing = sib200.check_assets(Path("assets/x"))
    assert sib200.check_assets(tmp_path / "assets" / "x") == [changed, missing]
    assert sib200.check_assets(Path("assets/other")) == []
    assert changed.startswith("assets/x/here.tsv has the MD5 checksum ")
    assert "expected 00000000" in changed
    assert missing.startswith("assets/x/gone.tsv is missing: run `spacy project assets`")
    assert "https://example.org/gone" in missing
