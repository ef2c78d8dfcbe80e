"""`convert`, `debug-data`, `init-config` and `evaluate`: parse, call, print."""

import json
import sys

import pytest
import spacy
import srsly
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.data.labelled import LabelledText
from tests.conftest import ENGLISH, TEXTS, write_raw
from tests.test_import import HEAVY, PACKAGE, top_imports


@pytest.fixture
def table(tmp_path):
    """A table of texts whose columns have names of their own."""
    rows = ["Nachricht,Klasse", *(f'"{text} {n}",{"ab"[n % 2]}' for n, text in enumerate(TEXTS * 4))]
    path = tmp_path / "meine Daten.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


FIELDS = ("--text", "Nachricht", "--label", "Klasse", "--language", "en")


def test_convert_takes_the_columns_names_and_the_language(table, tmp_path):
    result = run("convert", table, tmp_path / "out.spacy", *FIELDS)
    assert result.exit_code == 0, result.output
    # The message is wrapped where the path is long.
    assert f"out.spacy: {len(TEXTS) * 4} texts" in " ".join(result.output.split())
    docs = list(DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("xx").vocab))
    assert [(doc.text, doc.cats, doc._.language) for doc in docs[:2]] == [
        (f"{TEXTS[0]} 0", {"a": 1.0}, "en"),
        (f"{TEXTS[1]} 1", {"b": 1.0}, "en"),
    ]


def test_convert_splits_into_a_folder(table, tmp_path):
    shares = ("--dev-share", 0.25, "--test-share", 0.25)
    result = run("convert", table, tmp_path / "out", *FIELDS, *shares, "--kind", "tsv")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dev.tsv", "test.tsv", "train.tsv"]


def test_convert_takes_quotes_as_text_and_warns_of_labels_that_look_alike(tmp_path):
    (tmp_path / "quotes.tsv").write_text('text\tlabel\n"x" y\ta\n"z\tA\n')
    result = run("convert", tmp_path / "quotes.tsv", tmp_path / "out.jsonl", "--no-quotes")
    assert result.exit_code == 0, result.output
    assert "[W160]" in result.output
    assert [record["text"] for record in srsly.read_jsonl(tmp_path / "out.jsonl")] == ['"x" y', '"z']


def test_init_config_writes_a_config_that_spacy_loads_and_says_why(table, checkpoint, tmp_path):
    run("convert", table, tmp_path / "train.spacy", *FIELDS)
    raw = write_raw(tmp_path / "raw", {"da": TEXTS[4:6] * 10})
    config = tmp_path / "my config.cfg"
    options = ("--unlabelled", raw, "--encoder", checkpoint, "--dev", tmp_path / "train.spacy")
    result = run("init-config", config, "--labelled", tmp_path / "train.spacy", *options)
    assert result.exit_code == 0, result.output
    assert "raw text of da" in result.output
    assert "the encoder is 32 wide" in result.output
    loaded = load_config(config, interpolate=True)
    assert loaded["corpora"]["train"]["path"] == str(tmp_path / "train.spacy")
    assert loaded["components"]["xling_textcat"]["centring"]
    again = run("init-config", config, "--labelled", tmp_path / "train.spacy", *options)
    assert again.exit_code == 1
    assert "[X142]" in again.output


def test_init_config_for_a_shared_transformer(table, checkpoint, tmp_path):
    run("convert", table, tmp_path / "train.spacy", *FIELDS)
    raw = write_raw(tmp_path / "raw", {"da": TEXTS[4:6]})
    options = ("--labelled", tmp_path / "train.spacy", "--encoder", checkpoint, "--mode", "shared")
    result = run("init-config", tmp_path / "my.cfg", *options, "--unlabelled", raw)
    assert result.exit_code == 0, result.output
    assert "no entities" in result.output
    loaded = load_config(tmp_path / "my.cfg", interpolate=True)
    assert loaded["nlp"]["pipeline"] == ["transformer", "xling_mlm", "textcat"]
    without = run("init-config", tmp_path / "other.cfg", *options)
    assert without.exit_code == 1
    assert "[X742]" in without.output


def test_init_config_makes_dictionaries_of_parallel_text_and_its_config_trains(corpus, checkpoint, tmp_path):
    records = [
        {"text": text.format(n), "label": "ab"[n % 2], "lang": "en"} for n in range(4) for text in ENGLISH
    ]
    srsly.write_jsonl(tmp_path / "train.jsonl", records)
    (tmp_path / "terms").mkdir()
    (tmp_path / "terms" / "en-de.tsv").write_text("parcel\tSendung\n", encoding="utf8")
    config = tmp_path / "my.cfg"
    data = (
        "--labelled",
        tmp_path / "train.jsonl",
        "--dev",
        tmp_path / "train.jsonl",
        "--encoder",
        checkpoint,
    )
    more = ("--parallel", corpus / "parallel", "--dictionaries", tmp_path / "terms", "--unlabelled", "")
    result = run("init-config", config, *data, *more)
    assert result.exit_code == 0, result.output
    assert "code_switching" in result.output
    made = tmp_path / "my-dictionaries"
    assert load_config(config)["paths"]["dictionaries"] == [str(tmp_path / "terms"), str(made)]
    assert "parcel\tPaket" in (made / "en-de.tsv").read_text(encoding="utf8")
    short = {"training.max_steps": 2, "training.eval_frequency": 1}
    train(config, tmp_path / "output", overrides=short)
    assert sorted(spacy.load(tmp_path / "output" / "model-last")("Das Paket.").cats) == ["a", "b"]


def test_init_config_takes_translations_and_a_folder_of_dev_text_and_debug_data_shows_them(
    table, checkpoint, tmp_path
):
    run("convert", table, tmp_path / "train.jsonl", *FIELDS)
    records = list(srsly.read_jsonl(tmp_path / "train.jsonl"))
    for name in ("translated", "translated_dev"):
        (tmp_path / name).mkdir()
        for language in ("da", "de"):
            made = [
                {**record, "lang": language, "source_text": record["text"], "source_lang": "en"}
                for record in records
            ]
            srsly.write_jsonl(tmp_path / name / f"{language}.jsonl", made)
    data = ("--labelled", tmp_path / "train.jsonl", "--encoder", checkpoint)
    more = ("--translations", tmp_path / "translated", "--dev", tmp_path / "translated_dev")
    config = tmp_path / "my.cfg"
    result = run("init-config", config, *data, *more)
    assert result.exit_code == 0, result.output
    n = len(TEXTS) * 4
    rows = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "mode translate_train translations into da, de" in rows
    assert f"translations da {n} texts of 100 % of the labelled texts" in rows
    paths = load_config(config)["paths"]
    assert paths["translations"] == str(tmp_path / "translated")
    assert paths["dev"] == str(tmp_path / "translated_dev")
    missing = run("init-config", tmp_path / "other.cfg", *data, "--mode", "translate_train")
    assert missing.exit_code == 1
    assert "[X749]" in missing.output
    shown = run("debug-data", tmp_path / "train.jsonl", "--translations", tmp_path / "translated")
    assert shown.exit_code == 0, shown.output
    assert ["da", str(n), "100.0", "%"] in [line.split() for line in shown.output.splitlines()]


def test_debug_data_prints_counts_and_findings(table, tmp_path):
    run("convert", table, tmp_path / "train.jsonl", *FIELDS)
    raw = write_raw(tmp_path / "raw", {"da": TEXTS[4:6]})
    result = run(
        "debug-data", tmp_path / "train.jsonl", "--test", tmp_path / "train.jsonl", "--unlabelled", raw
    )
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()]
    n = len(TEXTS) * 4
    assert ["a", str(n // 2), str(n // 2)] in rows
    assert ["texts", str(n), str(n)] in rows
    assert ["da", "2"] in rows
    assert f"{n} texts are in train too" in result.output
    assert "No raw text of en" in result.output


@Language.component("test_always_a")
def always_a(doc):
    """A classifier with one answer."""
    doc.cats = {"a": 1.0, "b": 0.0}
    return doc


def test_evaluate_prints_languages_by_pipelines(tmp_path):
    for name in ("one", "two"):
        nlp = spacy.blank("xx")
        nlp.add_pipe("test_always_a")
        (tmp_path / name).mkdir()
        nlp.to_disk(tmp_path / name / "model-best")
    rows = [("x", "a", "en"), ("y", "b", "en"), ("z", "a", "da"), ("z", "b", "de")]
    (tmp_path / "test.jsonl").write_text(
        "\n".join(json.dumps(dict(zip(("text", "label", "lang"), row, strict=True))) for row in rows)
    )
    models = [tmp_path / name / "model-best" for name in ("one", "two")]
    command = ["evaluate", *models, tmp_path / "test.jsonl", "--json", tmp_path / "new" / "scores.json"]
    result = run(*command, "--details")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines() if line.strip()]
    # Of several pipelines no more than the table that sets them side by side, if nobody asks for it.
    assert "in percent" not in run(*command).output
    assert "in percent" in run("evaluate", models[0], tmp_path / "test.jsonl").output
    assert lines[0] == ["language", "texts", "one", "two"]
    assert lines[2:9] == [
        ["en", "2", *["50.0", "[0.0,", "100.0]"] * 2],
        ["da", "1", *["100.0", "[100.0,", "100.0]"] * 2],
        ["de", "1", *["0.0", "[0.0,", "0.0]"] * 2],
        ["mean", "of", "the", "targets", *["50.0", "[50.0,", "50.0]"] * 2],
        ["worst", "target", *["de", "0.0"] * 2],
        ["gap", *["0.0", "[-50.0,", "50.0]"] * 2],
        ["one,", "in", "percent"],
    ]
    # Language, texts, accuracy, macro F1 with its interval, micro F1, AUC, ECE, and what is taken for what.
    assert lines[11][:3] == ["en", "2", "50.0"]
    assert lines[11][-4:] == ["b", "for", "a", "(1)"]
    assert ["de", "1.00", "b", "taken", "for", "a:", "z"] in lines
    # As earlier versions wrote it, for those who read it.
    scores = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert {lang: score["accuracy"] for lang, score in scores["two"].items()} == {"en": 0.5, "da": 1, "de": 0}
    assert scores["two"]["en"]["texts"] == 2
    assert scores["two"]["en"]["macro_f1"] == pytest.approx(1 / 3)


def test_evaluate_passes_its_options_on(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_always_a")
    nlp.to_disk(tmp_path / "model")
    rows = [{"text": "x", "label": label, "lang": "da"} for label in "abbb"]
    rows.append({"text": "y", "label": None, "lang": "de"})
    srsly.write_jsonl(tmp_path / "test.jsonl", rows)
    options = ["--source", "da", "--confidence", 0.5, "--resamples", 7, "--seed", 3, "--mistakes", 2]
    result = run(
        "evaluate", tmp_path / "model", tmp_path / "test.jsonl", *options, "--json", tmp_path / "a" / "b.json"
    )
    assert result.exit_code == 0, result.output
    assert "[W750]" in result.output
    written = json.loads((tmp_path / "a" / "b.json").read_text())
    settings = {key: written["$evaluation"][key] for key in ("source", "confidence", "resamples", "seed")}
    assert settings == {"source": "da", "confidence": 0.5, "resamples": 7, "seed": 3}
    assert len(written["model"]["da"]["mistakes"]) == 2


def test_evaluate_scores_texts_of_any_length_and_keeps_what_it_cannot_replace(tmp_path, monkeypatch):
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_always_a")
    nlp.to_disk(tmp_path / "model")
    srsly.write_jsonl(tmp_path / "test.jsonl", [{"text": "word " * 200_001, "label": "a", "lang": "en"}])
    command = ["evaluate", tmp_path / "model", tmp_path / "test.jsonl"]
    outputs = [tmp_path / name for name in ("scores.json", "report.html")]
    options = ["--json", outputs[0], "--html", outputs[1]]
    assert run(*command, *options).exit_code == 0
    before = [path.read_bytes() for path in outputs]
    assert json.loads(before[0])["model"]["en"]["accuracy"] == 1

    def full(handle):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for number in (0, 1):
        result = run(*command, *options[2 * number : 2 * number + 2])
        assert result.exit_code == 1
        assert "[X161]" in result.output
    assert [path.read_bytes() for path in outputs] == before
    assert {path.name for path in tmp_path.iterdir()} == {"model", "test.jsonl", "scores.json", "report.html"}


def test_evaluate_writes_a_report(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_always_a")
    nlp.to_disk(tmp_path / "model")
    rows = [{"text": f"<i>{n}</i>", "label": "ab"[n % 2], "lang": ["en", "da"][n // 4]} for n in range(8)]
    srsly.write_jsonl(tmp_path / "test.jsonl", rows)
    closeness = {"encoder": "mini", "languages": [{"language": "da", "distance": 0.5}]}
    srsly.write_json(tmp_path / "inspect.json", closeness)
    line = {"step": 10, "losses": {"textcat": 0.5}, "score": 0.5}
    logs = []
    for name in ("one", "two"):
        logs += ["--logs", tmp_path / f"{name}.jsonl"]
        srsly.write_jsonl(tmp_path / f"{name}.jsonl", [line])
    report = tmp_path / "new" / "report.html"
    command = ["evaluate", tmp_path / "model", tmp_path / "test.jsonl"]
    extras = ["--closeness", tmp_path / "inspect.json", *logs]
    result = run(*command, "--html", report, *extras)
    assert result.exit_code == 0, result.output
    page = report.read_text(encoding="utf-8")
    assert "&lt;i&gt;1&lt;/i&gt;" in page
    assert "Gap against closeness" in page
    assert "textcat, by step" in page
    assert "[X786]" in run(*command, *extras).output


def test_evaluate_without_matplotlib_fails_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("evaluate", tmp_path / "none", tmp_path / "none", "--html", tmp_path / "a.html")
    assert result.exit_code == 1
    assert "[X737]" in result.output


def test_the_command_imports_nothing_heavy():
    imports = top_imports(PACKAGE / "cli" / "evaluate.py")
    assert {name.split(".")[0] for name in imports}.isdisjoint({*HEAVY, "sklearn", "matplotlib", "jinja2"})
    assert {name for name in imports if name.startswith(".")} == {".app", ".options"}


def test_evaluate_with_a_threshold(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_always_a")
    nlp.to_disk(tmp_path / "model")
    srsly.write_jsonl(tmp_path / "test.jsonl", [{"text": "x", "labels": ["a", "b"], "lang": "en"}])
    command = ["evaluate", tmp_path / "model", tmp_path / "test.jsonl", "--json", tmp_path / "scores.json"]
    accuracies = []
    for threshold in (0.5, 0.0):
        assert run(*command, "--threshold", threshold).exit_code == 0
        accuracies.append(json.loads((tmp_path / "scores.json").read_text())["model"]["en"]["accuracy"])
    assert accuracies == [0, 1]


def test_evaluate_reads_the_text_once(tmp_path, monkeypatch):
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_always_a")
    models = [tmp_path / name for name in ("one", "two", "three")]
    for model in models:
        nlp.to_disk(model)
    (tmp_path / "test.jsonl").write_text(json.dumps({"text": "x", "label": "a"}))
    read = []
    call = LabelledText.__call__
    monkeypatch.setattr(LabelledText, "__call__", lambda self, nlp: read.append(self.path) or call(self, nlp))
    result = run("evaluate", *models, tmp_path / "test.jsonl")
    assert result.exit_code == 0, result.output
    assert read == [tmp_path / "test.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["convert", "{table}", "{tmp}/out.spacy"], "X114"),
        (["convert", "{tmp}/none.csv", "{tmp}/out.spacy"], "X106"),
        (["convert", "{table}", "{tmp}/out", *FIELDS, "--dev-share", "1.5"], "X136"),
        (["convert", "{table}", "{table}", *FIELDS, "--dev-share", "0.1"], "X145"),
        (["debug-data", "{tmp}/none.csv"], "X106"),
        (["init-config", "{tmp}/my.cfg", "--labelled", "{tmp}/none.csv"], "X106"),
        (["evaluate", "{tmp}/none", "{tmp}/none.csv"], "X106"),
        (["evaluate", "{tmp}/none", "{tmp}/texts.jsonl", "--json", "{tmp}"], "X145"),
        (["evaluate", "{tmp}/none", "{tmp}/texts.jsonl"], "X751"),
        (["evaluate", "{tmp}", "{tmp}/texts.jsonl", "--confidence", "1"], "X755"),
        (["evaluate", "{tmp}", "{tmp}/texts.jsonl", "--html", "{tmp}"], "X145"),
        (["evaluate", "{tmp}", "{tmp}/texts.jsonl", "--json", "{tmp}/a", "--html", "{tmp}/a"], "X172"),
        (["evaluate", "{tmp}/none", "{tmp}/texts.jsonl", "--json", "{tmp}/texts.jsonl"], "X173"),
        (["evaluate", "{tmp}", "{tmp}/none.csv", "--html", "{tmp}/texts.jsonl"], "X173"),
        (["inspect", "{tmp}/none", "{tmp}/texts.jsonl", "--json", "{tmp}/texts.jsonl"], "X173"),
        (["trim", "{tmp}/none", "{tmp}", "-o", "{tmp}/out", "--json", "{tmp}/texts.jsonl"], "X173"),
        (["init-config", "{table}", "--labelled", "{table}", "--overwrite"], "X173"),
        (["convert", "{table}", "/proc/nowhere/out.csv", *FIELDS], "X161"),
        (["convert", "{tmp}/quotes.tsv", "{tmp}/out.csv"], "X117"),
    ],
)
def test_an_error_is_one_line(arguments, code, table, tmp_path):
    (tmp_path / "texts.jsonl").write_text(json.dumps({"text": "x", "label": "a"}))
    (tmp_path / "quotes.tsv").write_text('text\tlabel\n"x" y\ta\n')
    result = run(*(argument.format(table=table, tmp=tmp_path) for argument in arguments))
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
