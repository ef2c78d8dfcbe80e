"""`spacy xling init-dictionaries` parses, makes and prints."""

import random

import pytest
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.dictionaries.making import init_dictionaries

WORDS = {
    "da": {"parcel": "pakke", "box": "æske", "late": "sent", "money": "penge"},
    "de": {"parcel": "Paket", "box": "Kiste", "late": "spät", "money": "Geld"},
}


@pytest.fixture
def parallel(tmp_path):
    folder = tmp_path / "parallel"
    folder.mkdir()
    draw = random.Random(0)
    for target, translations in WORDS.items():
        texts = [draw.sample(list(translations), 2) for _ in range(40)]
        lines = [f"{' '.join(text)}\t{' '.join(translations[word] for word in text)}\n" for text in texts]
        (folder / f"en-{target}.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["init-dictionaries", *map(str, arguments)])


def rows(result):
    return [line.split() for line in result.output.splitlines() if line.strip()]


def test_it_writes_what_the_function_writes_and_prints_a_table(parallel, tmp_path):
    (tmp_path / "texts.jsonl").write_text(
        '{"text": "My parcel", "label": "A", "lang": "en"}', encoding="utf-8"
    )
    result = run(parallel, "--output", tmp_path / "out", "--labelled", tmp_path / "texts.jsonl")
    assert result.exit_code == 0, result.output
    made = list(init_dictionaries(build_parallel_text_v1(parallel), tmp_path / "expected"))
    for found in made:
        assert (tmp_path / "out" / found.path.name).read_bytes() == found.path.read_bytes()
        row = next(row for row in rows(result) if row[0] == found.path.name and "e.g." not in row)
        assert row[:6] == [found.path.name, "40", str(found.n_entries), "4", "50.0", "%"]
        shown = ", ".join(f"{entry.word}: {entry.translation}" for entry in found.sample)
        assert f"{found.path.name}, e.g. {shown}" in result.output.splitlines()
    assert f"Saved to {tmp_path / 'out'}" in " ".join(result.output.split())


def test_without_labelled_text_there_is_no_share(parallel, tmp_path):
    result = run(parallel / "en-da.tsv", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    (row,) = [row for row in rows(result) if row[0] == "en-da.tsv" and "e.g." not in row]
    assert row[4] == "-"


def test_options_are_passed_on(parallel, tmp_path):
    options = ["--source", "de", "--pairs", "en-de", "--max-pairs", 10]
    result = run(parallel, "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["de-en.tsv"]
    assert next(row for row in rows(result) if row[0] == "de-en.tsv")[1] == "10"
    again = run(parallel, "-o", tmp_path / "out", *options)
    assert again.exit_code == 1
    assert "[X142]" in again.output
    assert run(parallel, "-o", tmp_path / "out", *options, "--overwrite").exit_code == 0


def test_at_most_twenty_entries_are_shown_spread_over_all(tmp_path):
    lines = [f"w{n} x{n % 7}\to{n} p{n % 7}\n" for n in range(100)] * 3
    (tmp_path / "en-da.tsv").write_text("".join(lines), encoding="utf-8")
    result = run(tmp_path / "en-da.tsv", "-o", tmp_path / "out")
    (shown,) = [line for line in result.output.splitlines() if line.startswith("en-da.tsv, e.g. ")]
    entries = shown.removeprefix("en-da.tsv, e.g. ").split(", ")
    written = (tmp_path / "out" / "en-da.tsv").read_text(encoding="utf-8").splitlines()
    places = [
        written.index(line)
        for entry in entries
        for line in written
        if entry.split(": ") == line.split("\t")[:2]
    ]
    assert len(places) == len(entries) == 20
    assert places == sorted(places)
    assert places[0] == 0
    assert places[-1] > 0.75 * len(written)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["{tmp}/none", "-o", "{tmp}/out"], "X106"),
        (["{parallel}", "-o", "{tmp}/out", "--source", "fr"], "X156"),
        (["{parallel}", "-o", "{tmp}/out", "--pairs", "en-fr"], "X138"),
        (["{mixed}", "-o", "{tmp}/out"], "X155"),
        (["{bad}", "-o", "{tmp}/out"], "X135"),
        (["{wordless}", "-o", "{tmp}/out"], "X158"),
        (["{parallel}", "-o", "{tmp}/out", "--source", "en", "--labelled", "{danish}"], "X157"),
        (["{parallel}", "-o", "{parallel}/en-da.tsv"], "X145"),
    ],
)
def test_an_error_is_one_line(parallel, tmp_path, arguments, code):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in ("en-da", "de-tr"):
        (mixed / f"{name}.tsv").write_text("a\tb", encoding="utf-8")
    (tmp_path / "da-en.tsv").write_text("no translation", encoding="utf-8")
    (tmp_path / "en-tr.tsv").write_text("!\t?", encoding="utf-8")
    (tmp_path / "danish.jsonl").write_text('{"text": "Pakke", "label": "A", "lang": "da"}', encoding="utf-8")
    names = {
        "tmp": tmp_path,
        "parallel": parallel,
        "mixed": mixed,
        "bad": tmp_path / "da-en.tsv",
        "wordless": tmp_path / "en-tr.tsv",
        "danish": tmp_path / "danish.jsonl",
    }
    result = run(*(argument.format(**names) for argument in arguments))
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
