"""A pipeline is pushed to a hub whole, with a card that says what is known of it, and no token is seen."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import spacy
import yaml
from transformers import AutoModelForSequenceClassification

from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.evaluation.bootstrap import Resampling
from spacy_xling.evaluation.by_language import evaluate_models
from spacy_xling.exporting.model_card import Described, format_card, read_scores
from spacy_xling.exporting.pushing import find_files
from spacy_xling.pipeline.calibrated import Calibration
from spacy_xling.writing import write_json
from tests.conftest import SINGLE
from tests.exporting.hub import TOKEN, running_hub
from tests.exporting.pipelines import export, make_unsaturated, scores

NAME = "xling_textcat"
# Runs commands in one process that may ask a hub: [changes of the environment, arguments] a line.
RUN = """
import json, os, sys
from typer.testing import CliRunner
from spacy_xling.cli import app

for line in sys.stdin:
    changes, arguments = json.loads(line)
    before = dict(os.environ)
    os.environ.update(changes)
    result = CliRunner().invoke(app, ["push", *arguments])
    os.environ.clear()
    os.environ.update(before)
    print("RESULT", json.dumps([result.exit_code, result.output]), flush=True)
"""


def write_lines(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")


@pytest.fixture(scope="module")
def folder(checkpoints, tmp_path_factory):
    """A trained pipeline in `trained`, in `scores.json` what was found on its test text, and in `abstains`
    one that a checkpoint scores alike.
    """
    folder = tmp_path_factory.mktemp("pushed")
    nlp = make_unsaturated(checkpoints("xlm-roberta"), head="native")
    pipe = nlp.get_pipe(NAME)
    pipe.calibration = Calibration(2.5, {"da": 0.4}, 0.7, {"tr": [0.1, -0.1]})
    config = nlp.config["components"][NAME]["model"]["encoder"]
    config["name"] = "xlm-roberta-base"
    nlp.config["paths"]["train"] = "/home/someone/secret/train.jsonl"
    nlp.config["paths"]["unlabelled"] = ["/home/someone/raw", "more"]
    nlp.to_disk(folder / "trained")
    pipe.calibration = Calibration(2.5, {}, 0.7)
    nlp.to_disk(folder / "abstains")
    (folder / "trained" / ".cache").mkdir()
    (folder / "trained" / ".cache" / "token").write_text("mine")
    records = [{"text": text, "label": max(cats, key=cats.get)} for text, cats in SINGLE]
    for language in ("en", "da", "zh-Hans"):
        write_lines(folder / "test" / f"{language}.jsonl", records)
    evaluation = evaluate_models(
        {"trained": folder / "trained"},
        build_labelled_text_v1(folder / "test"),
        resampling=Resampling(0.95, 20, 0),
    )
    write_json(folder / "scores.json", evaluation.to_json())
    return folder


COMMANDS = {
    "private": ({}, ["me/private", "--scores", "SCORES", "--license", "mit"]),
    "again": ({}, ["private"]),
    "pipeline": ({}, ["me/both"]),
    "then a checkpoint": ({}, ["me/both", "--format", "transformers"]),
    "public": ({}, ["me/public", "--public"]),
    "checkpoint": ({}, ["me/checkpoint", "--format", "transformers"]),
    "scores of a pipeline": ({}, ["me/scores", "--format", "transformers", "--scores", "SCORES"]),
    "abstains": ({}, ["me/abstains", "--format", "transformers", "--scores", "SCORES"]),
    "theirs": ({}, ["me/theirs"]),
    "not pushed": ({}, ["me/own"]),
    "with a card": ({}, ["me/described"]),
    "not pushed but replaced": ({}, ["me/replaced", "--overwrite"]),
    "made by the hub": ({}, ["me/made"]),
    "crossing": ({}, ["me/crossed"]),
    "refused": ({}, ["me/refused"]),
    "other owner": ({}, ["they/model"]),
    "without token": ({"HF_TOKEN": ""}, ["me/anonymous"]),
    "no name": ({}, ["not a name"]),
    "no format": ({}, ["me/model", "--format", "onnx"]),
    "no scores": ({}, ["me/model", "--scores", "nowhere.json"]),
    "no model": ({}, ["me/model"]),
}


# A repository that someone else, or another program, has filled.
OWN = {
    "README.md": b"---\ntags:\n- spacy\n---\n# Years of work\n",
    **{f"part-{number}.bin": b"" for number in range(9)},
}


@pytest.fixture(scope="module")
def pushed(folder):
    """What each of `COMMANDS` printed, and the hub after them all."""
    lines = []
    for name, (changes, arguments) in COMMANDS.items():
        model = folder / {"no model": "nothing", "abstains": "abstains"}.get(name, "trained")
        given = [str(folder / "scores.json") if argument == "SCORES" else argument for argument in arguments]
        lines.append(json.dumps([changes, [str(model), *given]]))
    with running_hub() as hub:
        hub.add_repo("me/theirs", private=False)
        for name in ("me/own", "me/replaced"):
            hub.add_repo(name, private=True, files=OWN)
        hub.add_repo("me/described", private=True, files={"README.md": b"My notes."})
        hub.add_repo("me/made", private=True, files={"README.md": b"---\nlicense: mit\n---\n"})
        hub.add_repo("me/crossed", private=True)
        hub.refused.add("me/refused")
        hub.moving.add("me/crossed")
        settings = {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HOME": str(folder / "home"),
            "HF_TOKEN": TOKEN,
            "NO_PROXY": "127.0.0.1",
        }
        process = subprocess.run(
            [sys.executable, "-c", RUN],
            input="\n".join(lines),
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert process.returncode == 0, process.stderr
    found = [
        line.removeprefix("RESULT ") for line in process.stdout.splitlines() if line.startswith("RESULT ")
    ]
    results = dict(zip(COMMANDS, map(json.loads, found), strict=True))
    return SimpleNamespace(results=results, hub=hub, printed=process.stdout + process.stderr)


def unpack(repo, folder):
    """The files of a repository, as one that fetches it has them."""
    for name, content in repo["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def metadata(repo):
    _, head, text = repo["files"]["README.md"].decode("utf8").split("---\n", 2)
    return yaml.safe_load(head), text


def assert_one_line(result, code):
    exit_code, output = result
    assert exit_code == 1, output
    assert f"[{code}]" in output
    assert "Traceback" not in output


# What is pushed


def test_a_new_repository_is_private_and_one_commit_holds_all(pushed):
    code, output = pushed.results["private"]
    assert code == 0, output
    assert "private repository" in output
    repo = pushed.hub.repos["me/private"]
    assert repo["private"]


def test_the_pushed_pipeline_is_the_pipeline(pushed, folder, tmp_path):
    nlp = spacy.load(unpack(pushed.hub.repos["me/private"], tmp_path))
    np.testing.assert_array_equal(scores(nlp), scores(spacy.load(folder / "trained")))


def test_hidden_files_stay_at_home_and_the_folder_is_left_as_it_was(pushed, folder):
    assert not [name for name in pushed.hub.repos["me/private"]["files"] if ".cache" in name]
    assert not (folder / "trained" / "README.md").exists()


def test_a_second_push_goes_to_the_same_repository_under_its_short_name(pushed):
    code, output = pushed.results["again"]
    assert code == 0, output
    repo = pushed.hub.repos["me/private"]
    assert repo["commits"] == 2
    assert 'snapshot_download("me/private")' in metadata(repo)[1]


def test_a_push_of_the_other_format_leaves_no_file_of_before(pushed):
    for command in ("pipeline", "then a checkpoint"):
        code, output = pushed.results[command]
        assert code == 0, output
    both, checkpoint = (pushed.hub.repos[name]["files"] for name in ("me/both", "me/checkpoint"))
    assert pushed.hub.repos["me/both"]["commits"] == 2
    assert ".gitattributes" in both
    assert sorted(both) == sorted(checkpoint)


def test_a_repository_is_public_when_asked(pushed):
    code, output = pushed.results["public"]
    assert code == 0, output
    assert "public repository" in output
    assert not pushed.hub.repos["me/public"]["private"]


def test_a_checkpoint_is_one_that_transformers_loads(pushed, folder, tmp_path):
    code, output = pushed.results["checkpoint"]
    assert code == 0, output
    assert " ".join(output.split()).count("[W763]") == 3
    repo = pushed.hub.repos["me/checkpoint"]
    model = AutoModelForSequenceClassification.from_pretrained(unpack(repo, tmp_path))
    assert list(model.config.id2label.values()) == list(spacy.load(folder / "trained").pipe_labels[NAME])
    data, text = metadata(repo)
    assert data["library_name"] == "transformers"
    assert 'pipeline("text-classification", model="me/checkpoint"' in text
    assert "first 64 pieces" in text
    assert "Logits are divided by 2.500" in text
    assert "Temperatures by language" not in text


def test_scores_that_a_checkpoint_has_not_are_not_pushed_with_it(pushed):
    said = " ".join(pushed.results["scores of a pipeline"][1].split())
    assert "temperatures of da" in said
    assert "offsets of tr" in said
    assert "me/scores" not in pushed.hub.repos


def test_scores_that_a_checkpoint_has_are_on_its_card(pushed):
    code, output = pushed.results["abstains"]
    assert code == 0, output
    assert "[W763]" in output
    data, text = metadata(pushed.hub.repos["me/abstains"])
    measured = {result["dataset"]["config"] for result in data["model-index"][0]["results"]}
    assert measured == {"en", "da", "zh-Hans"}
    assert "first 64 pieces of a text; the scores are of the pipeline, which reads all of them" in text


def test_no_token_is_printed_or_stored(pushed, folder):
    assert any(headers.get("authorization", headers.get("Authorization")) for headers in pushed.hub.headers)
    assert TOKEN not in pushed.printed
    contents = [content for repo in pushed.hub.repos.values() for content in repo["files"].values()]
    contents += [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not [content for content in contents if TOKEN.encode() in content]


# What a card says


def test_the_card_has_languages_base_model_and_scores_for_the_hub(folder):
    nlp = spacy.load(folder / "trained")
    pipe = nlp.get_pipe(NAME)
    found = read_scores(folder / "scores.json", NAME, pipe.labels)
    card = format_card(Described(nlp, pipe, found, "mit", False, ["One limit."]), "me/model")
    _, head, text = card.split("---\n", 2)
    data = yaml.safe_load(head)
    assert data["language"] == ["da", "en", "tr", "zh"]
    assert data["base_model"] == "xlm-roberta-base"
    assert data["license"] == "mit"
    assert (data["library_name"], data["pipeline_tag"]) == ("spacy", "text-classification")
    (index,) = data["model-index"]
    assert index["name"] == "model"
    raw = json.loads((folder / "scores.json").read_text(encoding="utf8"))["trained"]
    values = {
        (result["dataset"]["config"], metric["type"]): metric["value"]
        for result in index["results"]
        for metric in result["metrics"]
    }
    expected = {(language, "accuracy"): score["accuracy"] for language, score in raw.items()}
    expected |= {(language, "f1"): score["macro_f1"] for language, score in raw.items()}
    assert values == expected
    assert 'spacy.load(snapshot_download("me/model"))' in text
    assert f"| da | 4 | {100 * raw['da']['accuracy']:.1f} [" in text
    parts = ("divided by 2.500", "da 0.400", "below 0.7000", "of tr", "- One limit.")
    for part in (*parts, "- train: train.jsonl", "- unlabelled: raw, more"):
        assert part in text
    assert "someone" not in card
    assert "| LATE | 2 |" in text


def test_the_lines_that_use_it_run(folder, tmp_path, monkeypatch, capsys):
    nlp = spacy.load(folder / "trained")
    card = format_card(Described(nlp, nlp.get_pipe(NAME), None, None, False, []), "me/model")
    (code,) = [part.removeprefix("python\n") for part in card.split("```")[1::2]]
    monkeypatch.setattr("huggingface_hub.snapshot_download", {"me/model": folder / "trained"}.get)
    exec(code, {})
    assert capsys.readouterr().out == f"{nlp('A text.').cats}\n"


def test_the_card_of_an_exported_pipeline_installs_what_serves_it(checkpoint, tmp_path):
    nlp = export(make_unsaturated(checkpoint), tmp_path)
    card = format_card(Described(nlp, nlp.get_pipe(NAME), None, None, False, []), "me/model")
    shell, code = card.split("```")[1::2]
    folder, needed = "hf download me/model --local-dir model", "pip install -r model/requirements.txt"
    assert shell.splitlines()[1:] == ["pip install huggingface_hub", folder, needed]
    assert 'spacy.load("model")' in code
    assert "requirements.txt" in find_files(nlp.path)
    # With a translator they would not do: what they install has neither torch nor extras.
    nlp.add_pipe("xling_translator", first=True)
    card = format_card(Described(nlp, nlp.get_pipe(NAME), None, None, False, []), "me/model")
    assert "# pip install 'spacy-xling[onnx,translate]'\n" in card
    assert "requirements.txt" not in card
    nlp.remove_pipe("xling_translator")
    # Saved again, it has none of these.
    nlp.to_disk(tmp_path / "again")
    nlp = spacy.load(tmp_path / "again")
    card = format_card(Described(nlp, nlp.get_pipe(NAME), None, None, False, []), "me/model")
    assert "# pip install 'spacy-xling[onnx]'\n" in card


def test_the_card_names_the_extra_of_a_translator(folder):
    nlp = spacy.load(folder / "trained")
    described = Described(nlp, nlp.get_pipe(NAME), None, None, False, [])
    assert "# pip install spacy-xling\n" in format_card(described, "me/model")
    nlp.add_pipe("xling_translator", first=True)
    assert "# pip install 'spacy-xling[translate]'\n" in format_card(described, "me/model")


def test_without_scores_the_card_says_so(folder):
    nlp = spacy.load(folder / "trained")
    card = format_card(Described(nlp, nlp.get_pipe(NAME), None, None, False, []), "me/model")
    assert "model-index" not in card
    assert "was not measured" in card


def test_users_text_is_no_markdown(checkpoint, tmp_path):
    nlp = make_unsaturated(checkpoint)
    pipe = nlp.get_pipe(NAME)
    pipe.cfg["labels"] = ["a|b", "<script>\n# no"]
    pipe.cfg["label_counts"] = {"given": {"a|b": 3}, "denied": {}}
    card = format_card(Described(nlp, pipe, None, None, False, []), "me/model")
    assert r"| a\|b | 3 |" in card
    assert r"\<script\> # no" in card
    assert "base_model" not in card


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "FileNotFoundError"),
        ("", "JSONDecodeError"),
        ("[]", "Error"),
        ('{"a": {}}', "KeyError"),
        ('{"$evaluation": {}}', "0 pipelines"),
        ('{"$evaluation": {}, "a": {}, "b": {}}', "2 pipelines"),
        ('{"$evaluation": {"models": {"a": {"labels": ["x"]}}}, "a": {}}', "labels differ"),
        ('{"$evaluation": {"models": {"a": {"labels": ["b"]}}}, "a": {"en": {}}}', "KeyError"),
    ],
)
def test_scores_of_another_kind_are_one_line(content, said, tmp_path):
    if content is not None:
        (tmp_path / "scores.json").write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=rf"(?s)\[X727\].*{said}"):
        read_scores(tmp_path / "scores.json", NAME, ["b"])


def test_files_are_found_but_for_hidden_ones_and_a_card(tmp_path):
    for name in ("config.cfg", "README.md", "a/README.md", ".git/config", "a/__pycache__/b.pyc", "a/.b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert sorted(find_files(tmp_path)) == ["a/README.md", "config.cfg"]


# What goes wrong


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("theirs", "X726"),
        ("not pushed", "X729"),
        ("with a card", "X729"),
        ("crossing", "X725"),
        ("refused", "X725"),
        ("other owner", "X725"),
        ("without token", "X725"),
        ("no name", "X725"),
        ("no format", "X796"),
        ("no scores", "X727"),
        ("scores of a pipeline", "X728"),
        ("no model", "X751"),
    ],
)
def test_what_goes_wrong_is_one_line(command, code, pushed):
    assert_one_line(pushed.results[command], code)


def test_nothing_reaches_a_public_repository_unasked(pushed):
    assert pushed.hub.repos["me/theirs"]["commits"] == 0


def test_a_repository_that_was_not_pushed_keeps_its_files(pushed):
    said = " ".join(pushed.results["not pushed"][1].split())
    assert "holds 10 files" in said
    assert "(README.md, part-0.bin, part-1.bin, part-2.bin, part-3.bin)" in said
    own = pushed.hub.repos["me/own"]
    assert own["files"] == {".gitattributes": b"", **OWN}
    assert own["commits"] == 0
    assert pushed.hub.repos["me/described"]["files"]["README.md"] == b"My notes."


@pytest.mark.parametrize(
    ("command", "repo"), [("not pushed but replaced", "me/replaced"), ("made by the hub", "me/made")]
)
def test_files_are_replaced_when_asked_and_a_card_of_the_hub_unasked(command, repo, pushed):
    code, output = pushed.results[command]
    assert code == 0, output
    found, expected = (pushed.hub.repos[name]["files"] for name in (repo, "me/public"))
    assert sorted(found) == sorted(expected)


def test_a_commit_in_between_is_not_lost(pushed):
    assert "A commit has happened since" in " ".join(pushed.results["crossing"][1].split())
    assert list(pushed.hub.repos["me/crossed"]["files"]) == [".gitattributes"]


def test_a_hub_that_is_not_there_is_one_line(folder, monkeypatch):
    from typer.testing import CliRunner

    from spacy_xling.cli import app

    # Tests are offline.
    result = CliRunner().invoke(app, ["push", str(folder / "trained"), "me/model"])
    assert_one_line((result.exit_code, result.output), "X725")
