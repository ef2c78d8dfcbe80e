"""A classifier that is exported for `transformers` scores there as in its pipeline."""

import json
import shutil

import numpy as np
import pytest
import spacy
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.exporting import to_transformers
from spacy_xling.exporting.exporting import export_pipeline
from spacy_xling.exporting.to_transformers import export_transformers
from spacy_xling.pipeline.calibrated import Calibration
from tests.conftest import FAMILIES, SINGLE, TEXTS, make_checkpoint
from tests.exporting.pipelines import LONG, make_unsaturated, scores

NAME = "xling_textcat"
KINDS = ["xling_textcat", "xling_textcat_multilabel"]
CLOSE = 1e-5
# Where a family's model for sequence classification keeps its layers, as its source has it.
LAYERS = {
    "albert": ("albert.pooler", "classifier"),
    "bert": ("bert.pooler.dense", "classifier"),
    "distilbert": ("pre_classifier", "classifier"),
    "modernbert": ("head.dense", "head.norm", "classifier"),
    "roberta": ("classifier.dense", "classifier.out_proj"),
    "xlm-roberta": ("classifier.dense", "classifier.out_proj"),
}


def export(nlp, folder, **settings):
    """Save a pipeline and export it; the folder of the checkpoint."""
    nlp.to_disk(folder / "trained")
    export_transformers(folder / "trained", folder / "checkpoint", **settings)
    return folder / "checkpoint"


def transformers_scores(folder, texts, labels):
    """Scores by `pipeline("text-classification")`. *Shape:* (texts, labels)"""
    classify = pipeline("text-classification", model=str(folder), device="cpu", top_k=None)
    found = [
        {each["label"]: each["score"] for each in of_text} for of_text in classify(texts, truncation=True)
    ]
    return np.array([[of_text[label] for label in labels] for of_text in found])


def assert_same_scores(nlp, folder, texts=TEXTS):
    expected = scores(nlp, texts)
    assert np.ptp(expected, axis=0).max() > 50 * CLOSE
    found = transformers_scores(folder, texts, nlp.pipe_labels[nlp.pipe_names[0]])
    np.testing.assert_allclose(found, expected, atol=CLOSE)


@pytest.fixture(scope="module")
def native(checkpoints, tmp_path_factory):
    """A pipeline with a native head, and the checkpoint that was exported of it, by family."""
    made = {}

    def make(family):
        if family not in made:
            nlp = make_unsaturated(checkpoints(family), head="native")
            made[family] = nlp, export(nlp, tmp_path_factory.mktemp(family))
        return made[family]

    return make


def run(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def assert_one_line(result, code):
    assert result.exit_code == 1, result.output
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output


# The same scores


@pytest.mark.parametrize("family", FAMILIES)
def test_a_native_head_scores_the_same_in_transformers(family, native):
    assert_same_scores(*native(family))


@pytest.mark.parametrize("family", ["albert", "bert", "roberta", "xlm-roberta"])
def test_a_first_piece_with_a_hidden_layer_of_the_encoders_width_is_the_native_head(
    family, checkpoints, tmp_path
):
    nlp = make_unsaturated(checkpoints(family), pooling="first", hidden_width=32)
    assert_same_scores(nlp, export(nlp, tmp_path))


@pytest.mark.parametrize("settings", [{"pooling": "mean", "activation": "gelu"}, {"activation": "tanh"}])
def test_modernberts_own_settings_of_its_head_are_followed(settings, tmp_path):
    changes = {f"classifier_{name}": value for name, value in settings.items()}
    folder = make_checkpoint("modernbert", tmp_path / "encoder", classifier_bias=True, **changes)
    nlp = make_unsaturated(folder, head="native", pool_specials=False)
    assert_same_scores(nlp, export(nlp, tmp_path))
    # Saved and loaded it is the same.
    np.testing.assert_allclose(scores(spacy.load(tmp_path / "trained")), scores(nlp), atol=CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_one_temperature_is_folded_in(kind, checkpoint, tmp_path):
    nlp = make_unsaturated(checkpoint, kind, head="native")
    plain = scores(nlp, TEXTS)
    nlp.get_pipe(kind).calibration = Calibration(3.0)
    assert np.abs(scores(nlp, TEXTS) - plain).max() > 0.05
    assert_same_scores(nlp, export(nlp, tmp_path))


def test_a_pipeline_that_computes_in_bf16_is_exported_in_fp32(checkpoint, tmp_path):
    nlp = make_unsaturated(checkpoint, head="native")
    expected = scores(nlp, TEXTS)
    nlp.config["components"][NAME]["model"]["encoder"]["precision"] = "bf16"
    folder = export(nlp, tmp_path)
    labels = nlp.pipe_labels[NAME]
    np.testing.assert_allclose(transformers_scores(folder, TEXTS, labels), expected, atol=CLOSE)


def test_a_long_text_is_cut_off_at_the_window(checkpoint, tmp_path):
    config = {"name": str(checkpoint), "window": 20, "overlap": 4}
    nlp = make_unsaturated(checkpoint, head="native", encoder=config)
    folder = export(nlp, tmp_path)
    shim = nlp.get_pipe(NAME).model.shims[0]
    pieces = shim.split(LONG[:1])
    assert pieces.lengths[0] == 20 < len(pieces.ids)
    ids = torch.tensor(pieces.ids[:20]).unsqueeze(0)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    expected = model(input_ids=ids).logits.softmax(dim=1).tolist()
    found = transformers_scores(folder, LONG[:1], nlp.pipe_labels[NAME])
    np.testing.assert_allclose(found, expected, atol=CLOSE)


# The folder


@pytest.mark.parametrize("family", FAMILIES)
def test_config_and_weights_are_those_of_the_familys_model(family, native):
    _, folder = native(family)
    labels = list(SINGLE[0][1])
    config = json.loads((folder / "config.json").read_text(encoding="utf8"))
    model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert config["architectures"] == [type(model).__name__]
    assert type(model).__name__.endswith("ForSequenceClassification")
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert config["id2label"] == {str(number): label for number, label in enumerate(labels)}
    assert config["label2id"] == {label: number for number, label in enumerate(labels)}
    assert config["problem_type"] == "single_label_classification"
    assert config["dtype" if "dtype" in config else "torch_dtype"] == "float32"
    names = load_file(folder / "model.safetensors").keys()
    assert {f"{layer}.weight" for layer in LAYERS[family]} <= names
    files = {file.name for file in folder.iterdir()}
    assert files >= {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {file.rpartition(".")[2] for file in files} == {"json", "safetensors"}


@pytest.mark.parametrize("family", FAMILIES)
def test_its_tokenizer_cuts_texts_as_the_component_does(family, native):
    nlp, folder = native(family)
    shim = nlp.get_pipe(NAME).model.shims[0]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length == 64
    for text in TEXTS:
        assert tokenizer(text)["input_ids"] == shim.split([text]).ids.tolist()
    assert tokenizer.backend_tokenizer.padding is None
    stored = json.loads((folder / "tokenizer.json").read_text(encoding="utf8"))
    assert stored["truncation"] is None
    assert stored["padding"] is None


def test_inputs_that_a_model_does_not_take_are_not_made(checkpoints, tmp_path):
    nlp = make_unsaturated(checkpoints("distilbert"), head="native")
    nlp.get_pipe(NAME).model.shims[0].tokenizer.model_input_names = ["input_ids", "token_type_ids"]
    folder = export(nlp, tmp_path)
    assert list(AutoTokenizer.from_pretrained(folder)(TEXTS[0])) == ["input_ids"]


# What doesn't match, and what is lost


@pytest.mark.parametrize(
    ("family", "settings", "said"),
    [
        ("xlm-roberta", {}, "pooling = mean"),
        ("xlm-roberta", {"pooling": "first"}, "hidden_width = null"),
        ("bert", {"pooling": "first", "hidden_width": 16}, "hidden_width = 16"),
        ("distilbert", {"pooling": "first", "hidden_width": 32}, "head = plain"),
        ("modernbert", {"pooling": "first", "hidden_width": 32}, "head = plain"),
    ],
)
def test_a_head_that_does_not_match_is_a_line_that_names_the_setting(
    family, settings, said, checkpoints, tmp_path
):
    make_unsaturated(checkpoints(family), **settings).to_disk(tmp_path / "trained")
    result = run(tmp_path / "trained", "--output", tmp_path / "checkpoint", "--format", "transformers")
    assert_one_line(result, "X797")
    assert said in " ".join(result.output.split())
    assert not (tmp_path / "checkpoint").exists()


def test_what_is_lost_is_said(checkpoint, tmp_path):
    nlp = make_unsaturated(checkpoint, head="native")
    offsets = {"tr": [1.0, -1.0]}
    nlp.get_pipe(NAME).calibration = Calibration(2.0, {"de": 3.0, "da": 1.5}, 0.25, offsets)
    nlp.get_pipe(NAME).text_field = "translation"
    nlp.to_disk(tmp_path / "trained")
    result = run(tmp_path / "trained", "--output", tmp_path / "checkpoint", "--format", "transformers")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert said.count("[W763]") == 4
    for part in ("temperatures of da, de", "offsets of tr", "below 0.2500", "translations", "64 pieces"):
        assert part in said


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--format", "tensorflow"], "X796"),
        (["--format", "transformers", "--precision", "int8"], "X798"),
        (["--format", "transformers", "--threads", "2"], "X798"),
        (["--component", NAME], "X798"),
        (["--format", "transformers", "--component", "other"], "X760"),
    ],
)
def test_options_that_do_not_fit_are_one_line(options, code, checkpoint, tmp_path):
    make_unsaturated(checkpoint, head="native").to_disk(tmp_path / "trained")
    assert_one_line(run(tmp_path / "trained", "--output", tmp_path / "out", *options), code)


def test_a_full_folder_is_not_replaced_unless_asked(checkpoint, tmp_path):
    nlp = make_unsaturated(checkpoint, head="native")
    folder = export(nlp, tmp_path)
    arguments = (tmp_path / "trained", "--output", folder, "--format", "transformers")
    assert_one_line(run(*arguments), "X706")
    result = run(*arguments, "--overwrite")
    assert result.exit_code == 0
    # Windows alone are lost.
    assert "W763" not in result.output
    assert "64 pieces" in " ".join(result.output.split())
    (folder / "config.json").unlink()
    assert_one_line(run(*arguments, "--overwrite"), "X706")


@pytest.mark.parametrize(
    "content", [None, "{}", "[]", "{", '{"architectures": null}', '{"architectures": []}']
)
def test_a_checkpoint_of_another_kind_is_not_replaced(content, checkpoint, tmp_path):
    make_unsaturated(checkpoint, head="native").to_disk(tmp_path / "trained")
    # An encoder with its LM head, as training writes it, or what could be one.
    shutil.copytree(checkpoint, tmp_path / "encoder")
    config = tmp_path / "encoder" / "config.json"
    if content is not None:
        config.write_text(content, encoding="utf8")
    before = {path: path.read_bytes() for path in (tmp_path / "encoder").iterdir()}
    arguments = ("--output", tmp_path / "encoder", "--format", "transformers", "--overwrite")
    assert_one_line(run(tmp_path / "trained", *arguments), "X739")
    assert {path: path.read_bytes() for path in (tmp_path / "encoder").iterdir()} == before


def test_of_several_classifiers_one_is_named(checkpoint, tmp_path):
    nlp = make_unsaturated(checkpoint, head="native")
    other = make_unsaturated(checkpoint, "xling_textcat_multilabel", head="native", seed=1)
    nlp.add_pipe("xling_textcat_multilabel", source=other)
    nlp.to_disk(tmp_path / "trained")
    with pytest.raises(ValueError, match=r"\[X760\]"):
        export_transformers(tmp_path / "trained", tmp_path / "checkpoint")
    chosen = "xling_textcat_multilabel"
    found = export_transformers(tmp_path / "trained", tmp_path / "checkpoint", component=chosen)
    assert (found.name, found.window) == (chosen, 64)
    assert_same_scores(other, tmp_path / "checkpoint")


def test_an_exported_pipeline_has_no_weights_to_export(checkpoint, tmp_path):
    make_unsaturated(checkpoint, head="native").to_disk(tmp_path / "trained")
    export_pipeline(tmp_path / "trained", tmp_path / "onnx", precision="fp32")
    result = run(tmp_path / "onnx", "--output", tmp_path / "out", "--format", "transformers")
    assert_one_line(result, "X794")


def test_a_component_that_was_never_initialized_is_one_line(checkpoint, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe(NAME, config={"model": {"encoder": {"name": str(checkpoint)}}})
    nlp.to_disk(tmp_path / "untrained")
    result = run(tmp_path / "untrained", "--output", tmp_path / "out", "--format", "transformers")
    assert_one_line(result, "X309")


def test_other_logits_are_noticed_before_anything_is_written(checkpoint, tmp_path, monkeypatch):
    write_head = to_transformers.write_head

    def write_another(head, model, **settings):
        write_head(head, model, **settings)
        torch.nn.init.zeros_(model.classifier.out_proj.weight)

    monkeypatch.setattr(to_transformers, "write_head", write_another)
    with pytest.raises(ValueError, match=r"\[X799\]"):
        export(make_unsaturated(checkpoint, head="native"), tmp_path)
    assert not (tmp_path / "checkpoint").exists()
