"""An exported pipeline is an ordinary pipeline, and what can go wrong is said in a line."""

import gc
import json
import pickle
import shutil
import weakref
from copy import deepcopy

import numpy as np
import pytest
import spacy
from spacy.training import Example
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.data.languages import set_language
from spacy_xling.exporting.exporting import export_pipeline
from spacy_xling.models import onnx_shim
from spacy_xling.pipeline.calibrated import Calibration
from tests.conftest import SINGLE, TEXTS, make_examples, run_python
from tests.exporting.pipelines import ALL, export, make_pipeline, scores

NAME = "xling_textcat"
MODEL = f"exported/{NAME}/model"


@pytest.fixture(scope="module")
def folder(checkpoints, tmp_path_factory):
    """A trained pipeline in `trained`, and what was exported of it in `exported`."""
    folder = tmp_path_factory.mktemp("pipelines")
    nlp = make_pipeline(checkpoints("xlm-roberta"))
    nlp.meta["version"] = "1.2.3"
    pipe = nlp.get_pipe(NAME)
    pipe.calibration = Calibration(2.5, {"da": 0.4}, abstain_below=0.7, offsets={"de": [1.5, -0.5]})
    export(nlp, folder, precision="fp32")
    return folder


@pytest.fixture
def own(folder, tmp_path):
    """A copy of the folder, to be changed."""
    return shutil.copytree(folder, tmp_path / "own")


@pytest.fixture(scope="module")
def trained(folder):
    return spacy.load(folder / "trained")


@pytest.fixture(scope="module")
def exported(folder):
    return spacy.load(folder / "exported")


def run(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def assert_one_line(result, code):
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output


# As the original


def test_the_config_names_the_runtime_and_keeps_the_rest(folder):
    before = load_config(folder / "trained" / "config.cfg")
    after = load_config(folder / "exported" / "config.cfg")
    assert after["components"][NAME].pop("model") == {
        "@architectures": "spacy-xling.ExportedTextCat.v1",
        "runtime": "onnx",
        "threads": None,
        "pass_pieces": 128,
    }
    before["components"][NAME].pop("model")
    assert after == before


def test_labels_meta_and_threshold_are_kept(trained, exported):
    assert exported.get_pipe(NAME).labels == trained.get_pipe(NAME).labels
    assert exported.get_pipe(NAME).cfg == trained.get_pipe(NAME).cfg
    assert exported.meta["version"] == "1.2.3"


def test_temperatures_offsets_and_abstention_are_kept(trained, exported):
    found = []
    for nlp in (trained, exported):
        docs = [nlp.make_doc(text) for text in TEXTS]
        set_language(docs[1], "da")
        set_language(docs[2], "de")
        docs = list(nlp.pipe(docs))
        found.append(([list(doc.cats.values()) for doc in docs], [doc._.abstained for doc in docs]))
    np.testing.assert_allclose(found[1][0], found[0][0], atol=1e-4)
    assert found[1][1] == found[0][1]
    assert set(found[1][1]) == {True, False}


def test_the_model_takes_docs(trained, exported):
    docs = [exported.make_doc(text) for text in ALL]
    models = [nlp.get_pipe(NAME).model for nlp in (trained, exported)]
    expected, logits = (model.predict(docs) for model in models)
    assert np.abs(expected).max() > 1.0
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
    wordless = [number for number, text in enumerate(ALL) if not text.strip()]
    assert not logits[wordless].any()
    with pytest.raises(ValueError, match=r"\[X537\]"):
        models[1].begin_update(docs)


def test_evaluate_gives_the_same_scores(trained, exported):
    results = [nlp.evaluate(make_examples(nlp, SINGLE)) for nlp in (trained, exported)]
    for name in ("cats_score", "cats_acc", "cats_macro_auc"):
        assert results[1][name] == pytest.approx(results[0][name])


def test_it_can_be_calibrated(exported, folder):
    from spacy_xling.evaluation.calibration import calibrate

    nlp = spacy.load(folder / "exported")
    docs = [Example.from_dict(nlp.make_doc(text), {"cats": cats}).reference for text, cats in SINGLE]
    for doc in docs[:2]:
        doc.cats = {label: 1 - value for label, value in doc.cats.items()}
    calibrate(nlp.get_pipe(NAME), docs, min_texts=1)
    assert nlp.get_pipe(NAME).calibration != exported.get_pipe(NAME).calibration


# Saved and loaded


def test_saved_again_it_is_the_same(exported, tmp_path):
    exported.to_disk(tmp_path)
    np.testing.assert_array_equal(scores(spacy.load(tmp_path)), scores(exported))


def test_saved_over_itself_it_is_whole(own):
    nlp = spacy.load(own / "exported")
    expected = scores(nlp)
    nlp.to_disk(own / "exported")
    np.testing.assert_array_equal(scores(nlp), expected)
    np.testing.assert_array_equal(scores(spacy.load(own / "exported")), expected)


def test_it_lives_on_when_its_folder_is_gone(own, exported):
    nlp = spacy.load(own / "exported")
    shutil.rmtree(own)
    expected = scores(exported)
    np.testing.assert_array_equal(scores(nlp), expected)
    np.testing.assert_array_equal(scores(pickle.loads(pickle.dumps(nlp))), expected)


def test_bytes_copies_and_pickles_are_the_same(exported):
    expected = scores(exported)
    blank = spacy.blank("xx").from_config(exported.config)
    np.testing.assert_array_equal(scores(blank.from_bytes(exported.to_bytes())), expected)
    np.testing.assert_array_equal(scores(pickle.loads(pickle.dumps(exported))), expected)
    pipe = exported.get_pipe(NAME)
    docs = [exported.make_doc(text) for text in ALL]
    copied = deepcopy(pipe.model)
    pieces = pipe._split(TEXTS)
    np.testing.assert_array_equal(copied.predict(pieces), pipe.model.predict(pieces))
    np.testing.assert_array_equal(pipe.predict(docs), expected.astype("float32"))


def test_two_processes_score_as_one(folder):
    nlp = spacy.load(folder / "exported", config={"components": {NAME: {"model": {"threads": 2}}}})
    expected = scores(nlp)
    found = [list(doc.cats.values()) for doc in nlp.pipe(ALL, n_process=2, batch_size=4)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


AFTER_THE_MAIN_THREAD = """
import atexit, sys, threading, time
import numpy as np, spacy

nlp = spacy.load(sys.argv[1])
texts = (sys.stdin.read().splitlines() * 256)[:256]


def predict():
    return [list(doc.cats.values()) for doc in nlp.pipe(texts, batch_size=256)]


def predict_again():
    threading.main_thread().join()
    time.sleep(0.2)
    np.testing.assert_array_equal(predict(), expected)
    print("same in a thread")


expected = predict()
atexit.register(lambda: print("same at exit", predict() == expected))
threading.Thread(target=predict_again).start()
"""


def test_it_predicts_once_the_main_thread_has_ended(folder):
    printed = run_python("-c", AFTER_THE_MAIN_THREAD, folder / "exported")
    assert printed.splitlines() == ["same in a thread", "same at exit True"]


def as_forked(nlp):
    """The shim, as though this process were forked from the one that loaded it."""
    shim = nlp.get_pipe(NAME).model.shims[0]
    shim._loaded = shim._loaded._replace(process=-1)
    return shim


def test_a_forked_process_never_ends_the_sessions_of_its_parent(own, monkeypatch):
    # That would wait for their threads, which may have held a lock when the process was forked.
    monkeypatch.setattr(onnx_shim, "_inherited", [])
    nlp = spacy.load(own / "exported")
    shim = as_forked(nlp)
    sessions = [weakref.ref(shim._loaded.encoder), weakref.ref(shim._loaded.head)]
    expected = scores(spacy.load(own / "exported"))
    np.testing.assert_allclose(scores(nlp), expected, atol=1e-5)
    gc.collect()
    assert all(session() is not None for session in sessions)
    assert shim._loaded.encoder is not sessions[0]()


def test_a_forked_process_opens_the_same_files_and_copies_none(own, exported, monkeypatch):
    nlp = spacy.load(own / "exported")
    as_forked(nlp)
    monkeypatch.setattr(onnx_shim, "write_files", lambda files, folder: pytest.fail("copied"))
    np.testing.assert_allclose(scores(nlp), scores(exported), atol=1e-5)


def test_a_forked_process_keeps_its_model_where_another_is_in_the_files_place(own, exported, tmp_path):
    nlp = spacy.load(own / "exported")
    shim = as_forked(nlp)
    for path in (own / MODEL).iterdir():
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(bytes(len(content)))
    assert shim._loaded.where() is None
    np.testing.assert_allclose(scores(nlp), scores(exported), atol=1e-5)


# What it can't do


def test_training_it_is_one_line(exported):
    examples = make_examples(exported, SINGLE)
    pipe = exported.get_pipe(NAME)
    labels = pipe.labels
    for train in (
        lambda: exported.update(examples),
        lambda: exported.initialize(lambda: examples),
        lambda: exported.rehearse(examples),
        lambda: pipe.add_label("NEW"),
        lambda: pipe.model.begin_update(pipe._split(TEXTS)),
    ):
        with pytest.raises(ValueError, match=r"\[X537\]"):
            train()
    assert pipe.labels == labels


def test_scores_and_losses_ask_it_for_nothing_that_learns(exported, monkeypatch):
    monkeypatch.setattr("spacy_xling.pipeline.masked_term.learner_of", None)
    examples = make_examples(exported, SINGLE)
    pipe = exported.get_pipe(NAME)
    found = pipe.predict([example.predicted for example in examples])
    loss, gradient = pipe.get_loss(examples, found)
    assert loss > 0
    assert gradient.shape == found.shape
    with pytest.raises(TypeError):
        _ = pipe._shim


def test_a_frozen_one_lets_others_train(folder):
    nlp = spacy.load(folder / "exported")
    nlp.add_pipe("textcat", config={"threshold": 0.5})
    examples = make_examples(nlp, SINGLE)
    nlp.get_pipe("textcat").initialize(lambda: examples, nlp=nlp)
    expected = scores(nlp)[:, :2]
    losses = nlp.update(examples, sgd=nlp.resume_training(), exclude=[NAME])
    assert losses["textcat"] > 0
    pipe = nlp.get_pipe(NAME)
    assert pipe.predict([nlp.make_doc(TEXTS[0])]).shape == expected[:1].shape


def test_nothing_is_loaded_before_its_folder_is(exported):
    nlp = spacy.blank("xx").from_config(exported.config)
    with pytest.raises(ValueError, match=r"\[X320\]"):
        nlp("text")


@pytest.mark.parametrize("setting", [{"threads": 0}, {"pass_pieces": 0}])
def test_a_setting_out_of_range_is_one_line(setting, folder):
    with pytest.raises(ValueError, match=r"\[X311\]"):
        spacy.load(folder / "exported", config={"components": {NAME: {"model": setting}}})


# Damage


@pytest.mark.parametrize("file", ["model.onnx", "model.bin", "head.onnx", "tokenizer.json", "export.json"])
def test_a_file_that_is_missing_is_one_line(file, own):
    (own / MODEL / file).unlink()
    with pytest.raises(ValueError, match=rf"\[X313\].*{file}"):
        spacy.load(own / "exported")


@pytest.mark.parametrize("file", ["model.onnx", "model.bin", "head.onnx", "tokenizer.json", "export.json"])
def test_a_file_that_was_cut_is_one_line(file, own):
    path = own / MODEL / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"\[X313\]"):
        spacy.load(own / "exported")


@pytest.mark.parametrize("file", ["model.onnx", "head.onnx", "tokenizer.json"])
def test_a_file_of_other_bytes_is_one_line(file, own):
    path = own / MODEL / file
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(ValueError, match=r"\[X313\]"):
        spacy.load(own / "exported")


@pytest.mark.parametrize("changed", [{"settings": {"depth": 3}}, {"files": {}}, {"files": ["model.onnx"]}])
def test_settings_of_another_kind_are_one_line(changed, own):
    path = own / MODEL / "export.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(ValueError, match=r"\[X313\]"):
        spacy.load(own / "exported")


# The command


def test_the_command_writes_a_pipeline(folder, tmp_path):
    result = run(folder / "trained", "--output", tmp_path / "new", "--precision", "fp32", "--threads", 1)
    assert result.exit_code == 0, result.output
    assert NAME in result.output
    nlp = spacy.load(tmp_path / "new")
    assert nlp.config["components"][NAME]["model"]["threads"] == 1
    np.testing.assert_allclose(scores(nlp), scores(spacy.load(folder / "trained")), atol=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]


def test_an_output_that_is_there_is_kept_but_for_overwrite(own):
    assert_one_line(run(own / "trained", "--output", own / "exported"), "X765")
    (own / "exported" / "mark").write_text("")
    result = run(own / "trained", "--output", own / "exported", "--precision", "fp32", "--overwrite")
    assert result.exit_code == 0, result.output
    assert not (own / "exported" / "mark").exists()
    (own / "notes").mkdir()
    (own / "notes" / "a").write_text("")
    assert_one_line(run(own / "trained", "--output", own / "notes", "--overwrite"), "X765")


def test_what_cannot_be_exported_is_one_line(folder, tmp_path):
    out = tmp_path / "out"
    spacy.blank("xx").to_disk(tmp_path / "blank")
    assert_one_line(run(tmp_path / "blank", "--output", out), "X790")
    assert_one_line(run(tmp_path / "nowhere", "--output", out), "X751")
    assert_one_line(run(folder / "exported", "--output", out), "X794")
    assert_one_line(run(folder / "trained", "--output", out, "--precision", "int4"), "X793")
    assert_one_line(run(folder / "trained", "--output", out, "--threads", 0), "X311")
    assert not out.exists()


def test_a_missing_library_is_one_line(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    assert_one_line(run(folder / "trained", "--output", out), "X791")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    assert_one_line(run(folder / "trained", "--output", out, "--precision", "fp32"), "X321")
    with pytest.raises(ImportError, match=r"\[X321\]"):
        spacy.load(folder / "exported")
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_has_no_graph_is_one_line(folder, tmp_path, monkeypatch):
    def fail(*arguments, **settings):
        raise RuntimeError("no symbolic for aten::frobnicate")

    monkeypatch.setattr("torch.onnx.export", fail)
    result = run(folder / "trained", "--output", tmp_path / "out")
    assert_one_line(result, "X792")
    assert "xlm-roberta" in result.output.replace("\n", "")
    assert list(tmp_path.iterdir()) == []


FULL = "No space left on device"


# Where the exporter, and where ONNX Runtime finds it full, which has error classes of its own.
@pytest.mark.parametrize(
    ("function", "error"),
    [("torch.onnx.export", OSError(28, FULL)), ("onnxruntime.InferenceSession", RuntimeError(FULL))],
)
def test_a_full_disk_leaves_nothing(function, error, folder, tmp_path, monkeypatch):
    def fail(*arguments, **settings):
        raise error

    monkeypatch.setattr(function, fail)
    assert_one_line(run(folder / "trained", "--output", tmp_path / "out", "--precision", "fp32"), "X795")
    assert list(tmp_path.iterdir()) == []


def test_a_config_that_refers_to_the_model_is_exported(folder, tmp_path):
    config_path = shutil.copytree(folder / "trained", tmp_path / "trained") / "config.cfg"
    config = load_config(config_path)
    config["training"]["seed"] = f"${{components.{NAME}.model.encoder.overlap}}"
    config.to_disk(config_path)
    export_pipeline(tmp_path / "trained", tmp_path / "exported", precision="fp32")
    assert load_config(tmp_path / "exported" / "config.cfg", interpolate=True)["training"]["seed"] == 32
