"""spaCy's commands work with the components, from labelled files to a package."""

import importlib.util
import io
import json
import shutil
import subprocess
import sys

import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.cli.apply import apply
from spacy.cli.evaluate import evaluate
from spacy.cli.find_threshold import find_threshold
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_pipeline
from spacy.util import load_config
from typer.testing import CliRunner

from tests.classifiers import ENCODER
from tests.conftest import MULTI, SINGLE, TEXTS, make_examples, write_raw

LABELS = """
[initialize.components.NAME.labels]
@readers = "spacy.read_labels.v1"
path = ${paths.labels}
"""
EXCLUSIVE = "xling_textcat"
INDEPENDENT = "xling_textcat_multilabel"


class Workspace:
    """The files of one training run.

    name (str): Name of the factory.
    folder (Path): Where the files are.
    checkpoint (Path): The encoder's checkpoint.
    """

    def __init__(self, name, folder, checkpoint):
        self.name = name
        self.folder = folder
        self.base = folder / "base.cfg"
        text = ENCODER.replace("NAME", name).replace("encoder = null", f'encoder = "{checkpoint}"')
        self.base.write_text(text, encoding="utf8")
        self.config = folder / "config.cfg"
        fill_config(self.config, self.base, silent=True)
        self.labelled = folder / "train.jsonl"
        srsly.write_jsonl(self.labelled, (record(text, cats) for text, cats in self.data))
        self.raw = write_raw(folder / "raw", {"en": TEXTS[:2], "de": TEXTS[2:4]})
        self.docbin = folder / "dev.spacy"
        examples = make_examples(spacy.blank("xx"), self.data)
        DocBin(docs=[eg.reference for eg in examples]).to_disk(self.docbin)
        self.output = folder / "output"
        self.model = self.output / "model-last"

    @property
    def data(self):
        return SINGLE if self.name == EXCLUSIVE else MULTI

    @property
    def overrides(self):
        return {"paths.train": str(self.labelled), "paths.unlabelled": str(self.raw)}

    @property
    def options(self):
        return [part for key, value in self.overrides.items() for part in (f"--{key}", value)]


def record(text, cats):
    """A line of JSONL: the one label of two, or a list of labels."""
    true = [label for label, value in cats.items() if value]
    return {"text": text, "label": true[0]} if len(cats) == 2 else {"text": text, "labels": true}


def invoke(*arguments):
    """Run a command of spaCy in this process, and give back what it printed."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def exclusive(tmp_path_factory, checkpoints):
    """A run of `spacy train` in a process of its own; `printed` is what it wrote."""
    run = Workspace(EXCLUSIVE, tmp_path_factory.mktemp("exclusive"), checkpoints("xlm-roberta"))
    command = [sys.executable, "-m", "spacy", "train", run.config, "--output", run.output, *run.options]
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, encoding="utf8", timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    run.printed = result.stdout
    return run


@pytest.fixture(scope="module")
def independent(tmp_path_factory, checkpoints):
    """A run of `spacy train` with a log file."""
    run = Workspace(INDEPENDENT, tmp_path_factory.mktemp("independent"), checkpoints("xlm-roberta"))
    run.log = run.folder / "log.jsonl"
    train(run.config, run.output, overrides={**run.overrides, "paths.log": str(run.log)})
    return run


@pytest.fixture(params=["exclusive", "independent"])
def run(request):
    return request.getfixturevalue(request.param)


def test_train_saves_a_pipeline_that_loads(run):
    labels = list(run.data[0][1])
    for folder in ("model-best", "model-last"):
        nlp = spacy.load(run.output / folder)
        assert sorted(nlp("The parcel arrived late.").cats) == sorted(labels)


def test_train_shows_a_column_per_loss_term(exclusive):
    lines = exclusive.printed.splitlines()
    header = next(number for number, line in enumerate(lines) if line.split()[:2] == ["E", "#"])
    titles = lines[header].split()
    assert titles[:6] == ["E", "#", "SEC", "LOSS", "CLASS", "MLM"]
    rows = [dict(zip(titles, line.split(), strict=False)) for line in lines[header + 2 : header + 5]]
    assert [row["#"] for row in rows] == ["0", "2", "4"]
    for row in rows:
        # Rounded to two places each.
        expected = float(row["CLASS"]) + 0.5 * float(row["MLM"])
        assert float(row["LOSS"]) == pytest.approx(expected, abs=0.02)
        assert float(row["MLM"]) > 1.0


def test_train_logs_each_loss_term(independent):
    rows = list(srsly.read_jsonl(independent.log))
    assert [row["step"] for row in rows] == [0, 2, 4]
    for row in rows:
        losses = row["losses"]
        assert losses.keys() == {INDEPENDENT, f"{INDEPENDENT}_class", f"{INDEPENDENT}_mlm"}
        expected = losses[f"{INDEPENDENT}_class"] + 0.5 * losses[f"{INDEPENDENT}_mlm"]
        assert losses[INDEPENDENT] == pytest.approx(expected)
        assert losses[f"{INDEPENDENT}_class"] > 0
        assert 0 <= row["score"] <= 1


def test_train_without_raw_text_is_a_coded_error(exclusive, tmp_path):
    with pytest.raises(ValueError, match="X105"):
        train(exclusive.config, tmp_path, overrides={"paths.train": str(exclusive.labelled)})


def test_init_fill_config_fills_each_setting(exclusive, tmp_path):
    filled = tmp_path / "filled.cfg"
    invoke("init", "fill-config", exclusive.base, filled)
    component = load_config(filled)["components"][EXCLUSIVE]
    assert component["objective"]["mlm_weight"] == 0.5
    assert component["objective"]["classification"]["@losses"] == "spacy-xling.CrossEntropy.v1"
    assert component["masking"]["rate"] == 0.15
    assert component["model"]["encoder"]["window"] is None
    assert component["model"]["pooling"] == "mean"
    # Nothing is left to fill.
    invoke("init", "fill-config", filled, tmp_path / "again.cfg")
    assert load_config(tmp_path / "again.cfg") == load_config(filled)


def test_debug_config_accepts_the_config(run):
    printed = invoke("debug", "config", run.config, *run.options, "--show-functions")
    for name in ("JointTextCat", "MaskedLMEncoder", "JointObjective", "UnlabelledText", "AdamW"):
        assert f"spacy-xling.{name}.v1" in printed


def test_debug_config_names_a_setting_that_is_not_there(run):
    result = CliRunner().invoke(
        app, ["debug", "config", str(run.config), *run.options, f"--components.{run.name}.nonsense", "1"]
    )
    assert result.exit_code == 1
    assert "nonsense" in result.output


def test_debug_data_reads_the_corpus(run):
    result = CliRunner().invoke(app, ["debug", "data", str(run.config), *run.options])
    assert "Pipeline can be initialized with data" in result.output
    assert "4 training docs" in result.output
    # Its only complaint, and right.
    assert "1 error" in result.output
    assert "Low number of examples" in result.output


def test_train_accumulates_gradients_and_streams(run, tmp_path):
    """With `max_epochs = -1` spaCy reads the labels from the first examples and streams the batches."""
    log = tmp_path / "log.jsonl"
    overrides = {**run.overrides, "training.accumulate_gradient": 2, "training.max_epochs": -1}
    nlp, _ = train_in_process(run.config, {**overrides, "paths.log": str(log)})
    assert sorted(nlp.get_pipe(run.name).labels) == sorted(run.data[0][1])
    rows = list(srsly.read_jsonl(log))
    assert [row["step"] for row in rows] == [0, 2, 4]
    # Means per call, not sums over the sub-batches: about log 2 for two labels, whatever their number.
    assert all(0.3 < row["losses"][f"{run.name}_class"] < 1.4 for row in rows)


def train_in_process(config, overrides):
    nlp = init_nlp(load_config(config, overrides=overrides, interpolate=False))
    return train_pipeline(nlp, None, stdout=io.StringIO(), stderr=io.StringIO())


def test_labels_of_init_labels_are_taken_by_train(run, tmp_path):
    invoke("init", "labels", run.config, tmp_path, *run.options)
    file = tmp_path / f"{run.name}.json"
    labels = json.loads(file.read_text())
    assert sorted(labels) == sorted(run.data[0][1])

    # In another order, and with one that no example has.
    given = [*reversed(labels), "OTHER"]
    file.write_text(json.dumps(given))
    config = tmp_path / "labels.cfg"
    text = run.base.read_text(encoding="utf8") + LABELS.replace("NAME", run.name)
    config.write_text(text, encoding="utf8")
    train(config, tmp_path / "output", overrides={**run.overrides, "paths.labels": str(file)})
    assert spacy.load(tmp_path / "output" / "model-last").get_pipe(run.name).labels == tuple(given)


def test_evaluate_gives_the_scores_of_the_pipeline(run):
    scores = evaluate(str(run.model), run.docbin)
    nlp = spacy.load(run.model)
    expected = nlp.evaluate(make_examples(nlp, run.data))
    assert scores["cats_score"] == pytest.approx(expected["cats_score"])
    assert scores["cats_f_per_type"].keys() == expected["cats_f_per_type"].keys()


def test_evaluate_command_prints_a_row_per_label(run):
    printed = invoke("evaluate", run.model, run.docbin)
    assert all(label in printed for label in run.data[0][1])


def test_apply_writes_the_scores(run, tmp_path):
    apply(run.labelled, tmp_path / "scored.spacy", str(run.model), "text", 2, 1)
    nlp = spacy.load(run.model)
    docs = list(DocBin().from_disk(tmp_path / "scored.spacy").get_docs(nlp.vocab))
    assert [doc.text for doc in docs] == [text for text, _ in run.data]
    for doc in docs:
        assert doc.cats == pytest.approx(nlp(doc.text).cats, abs=1e-5)


def test_package_loads_as_a_module(run, tmp_path):
    invoke("package", run.model, tmp_path, "--name", "tiny", "--version", "1.2.3", "--build", "none")
    folder = tmp_path / "xx_tiny-1.2.3"
    meta = json.loads((folder / "meta.json").read_text())
    assert any(line.startswith("spacy-xling>=") for line in meta["requirements"])
    # As the package's own setup.py does.
    module = folder / "xx_tiny"
    shutil.copy(folder / "meta.json", module)
    spec = importlib.util.spec_from_file_location("xx_tiny", module / "__init__.py")
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    assert package.load()(TEXTS[0]).cats == spacy.load(run.model)(TEXTS[0]).cats


def test_find_threshold_tries_the_components_threshold(independent):
    best, score, scores = find_threshold(
        str(independent.model), independent.docbin, INDEPENDENT, "threshold", "cats_macro_f", n_trials=3
    )
    assert sorted(scores) == [0.0, 0.5, 1.0]
    # Every label given to every text: a mean of 2 * p / (p + 1), with p = 1/2 for each label.
    assert scores[0.0] == pytest.approx(2 / 3)
    assert scores[1.0] == 0.0
    assert score == max(scores.values()) == scores[best]
