"""A person's own table of two columns becomes an installed package, no file edited by hand."""

import csv
import os
import subprocess
import sys

import pytest

from tests.conftest import TEXTS, write_raw

USE = """
import sys
sys.path.insert(0, sys.argv[1])
import spacy
doc = spacy.load("xx_meldungen")(sys.argv[2])
print(max(doc.cats, key=doc.cats.get))
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "Meine Täglichen Fälle"
    folder.mkdir()
    with (folder / "fälle.csv").open("w", encoding="utf-8", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(["Text der Meldung", "Klasse"])
        rows.writerows(
            [f"{text} {number}", f"Fall {n % 2}"] for number in range(12) for n, text in enumerate(TEXTS[:4])
        )
    write_raw(folder / "rohe Texte", {"da": TEXTS[4:6], "de": TEXTS[2:4]})
    return folder


def run(folder, *command):
    result = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_from_a_table_to_an_installed_package(folder, checkpoint):
    spacy = ("-m", "spacy")
    columns = ("--text", "Text der Meldung", "--label", "Klasse", "--language", "de")
    shares = ("--dev-share", 0.25, "--test-share", 0.25)
    run(folder, *spacy, "xling", "convert", "fälle.csv", "Korpus", *columns, *shares)
    data = ("--labelled", "Korpus/train.spacy", "--dev", "Korpus/dev.spacy", "--unlabelled", "rohe Texte")
    run(folder, *spacy, "xling", "init-config", "meine Config.cfg", *data, "--encoder", checkpoint)
    short = ("--training.max_steps", 40, "--training.eval_frequency", 20)
    rate = "--training.optimizer.learn_rate"
    faster = (f"{rate}.value", 3e-3, f"{rate}.total_steps", 40)
    run(folder, *spacy, "train", "meine Config.cfg", "--output", "Modell é", *short, *faster)
    scores = run(folder, *spacy, "evaluate", "Modell é/model-best", "Korpus/test.spacy")
    assert "TEXTCAT" in scores
    run(folder, *spacy, "package", "Modell é/model-best", ".", "--name", "meldungen", "--build", "none")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--target", "Pakete")
    run(folder, "-m", "pip", "install", "--quiet", *offline, "./xx_meldungen-0.0.0")
    assert run(folder, "-c", USE, "Pakete", TEXTS[1]).strip() == "Fall 1"
