from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.models.checkpoint import load_encoder


def run(*arguments):
    return CliRunner().invoke(app, ["init-encoder", *map(str, arguments)])


def test_the_command_makes_an_encoder(corpus, tmp_path):
    result = run(
        *(corpus / "raw", "--output", tmp_path / "encoder", "--preset", "tiny", "--pieces", 150),
        *("--tokenizer", "wordpiece", "--languages", "de"),
    )
    assert result.exit_code == 0, result.output
    encoder = load_encoder(str(tmp_path / "encoder"))
    assert encoder.masked_lm.encoder.width == 128
    assert 100 < len(encoder.tokenizer) <= 150
    assert f"{len(encoder.tokenizer)} pieces" in " ".join(result.output.split())
    # English text was left out: its letters may be there, its words are not.
    assert not {"parcel", "broken", "money"} & set(encoder.tokenizer.get_vocab())


def test_parallel_text_that_is_too_little_is_one_line(corpus, tmp_path):
    result = run(
        *(corpus / "raw", "--output", tmp_path / "encoder", "--preset", "tiny", "--pieces", 150),
        *("--parallel", corpus / "parallel"),
    )
    assert result.exit_code == 1
    assert "[X703]" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "encoder").exists()


def test_a_language_that_is_not_there_is_one_line(corpus, tmp_path):
    result = run(corpus / "raw", "--output", tmp_path / "encoder", "--languages", "de,xx")
    assert result.exit_code == 1
    assert "[X130]" in result.output
