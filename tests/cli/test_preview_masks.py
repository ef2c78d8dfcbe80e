import re

import pytest
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.inspection.previews import preview_encoder_masks
from tests.conftest import TEXTS, write_raw

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def texts(tmp_path):
    return write_raw(tmp_path / "raw", {"en": TEXTS[:2], "da": TEXTS[4:6], "de": TEXTS[2:4]})


def run(*arguments, **settings):
    return CliRunner().invoke(app, ["preview-masks", *map(str, arguments)], **settings)


def expected_line(preview):
    """The line of a window, put together again from the records."""
    words = []
    for shown, target, fate in preview.pieces:
        marked = {
            "mask": f"[MASK<-{target}]",
            "random": f"[RANDOM {shown}<-{target}]",
            "kept": f"[KEPT {shown}]",
        }
        words.append(marked.get(fate, shown))
    return " ".join(words)


def test_each_window_is_a_line_that_can_be_read_without_colours(checkpoint, texts):
    options = ["--n", 2, "--rate", 0.7, "--by", "piece", "--seed", 3, "--languages", "da, en"]
    result = run(checkpoint, texts, *options)
    assert result.exit_code == 0, result.output
    assert not ANSI.search(result.output)
    previews = preview_encoder_masks(
        str(checkpoint), texts, n=2, rate=0.7, by="piece", seed=3, languages=["da", "en"]
    )
    lines = result.output.splitlines()
    assert {piece.fate for preview in previews for piece in preview.pieces} >= {"mask", "random", "kept"}
    for preview in previews:
        at = lines.index(expected_line(preview))
        targets = sum(piece.target is not None for piece in preview.pieces)
        assert lines[at - 1] == preview.text
        assert lines[at - 2] == f"{preview.language}: {targets} of {len(preview.pieces) - 2} pieces to guess"
    assert len(lines) == 1 + 4 * len(previews)


def test_colours_add_nothing_but_colours(checkpoint, texts, monkeypatch):
    plain = run(checkpoint, texts)
    coloured = run(checkpoint, texts, color=True)
    assert ANSI.sub("", coloured.output) == plain.output != coloured.output
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(checkpoint, texts, color=True).output == plain.output


def test_a_long_text_says_which_window(checkpoint, tmp_path):
    (tmp_path / "one.txt").write_text(" ".join(TEXTS), encoding="utf-8")
    result = run(checkpoint, tmp_path / "one.txt", "--window", 40, "--overlap", 5)
    assert "text, window 2 of " in result.output


@pytest.mark.parametrize(
    ("options", "code"),
    [(["--rate", 2], "X203"), (["--languages", "fr"], "X130"), (["--window", 20, "--overlap", 30], "X201")],
)
def test_an_error_of_the_package_is_one_line(checkpoint, texts, options, code):
    result = run(checkpoint, texts, *options)
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
