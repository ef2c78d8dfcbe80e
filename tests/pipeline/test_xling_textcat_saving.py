"""A classifier that is saved, loaded or pickled scores the same, in processes and threads too."""

import pickle
import shutil
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import spacy
import torch

from spacy_xling.models.architectures import joint_shim
from tests.conftest import SINGLE, TEXTS, make_checkpoint, make_examples, run_python, textcat_config
from tests.pipeline.textcats import EXCLUSIVE, TEXT, each_kind, make_nlp, trained

pytestmark = pytest.mark.usefixtures("one_thread")


# Saving and loading


@each_kind
def test_bytes_hold_the_component(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=3)
    loaded = spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert loaded.get_pipe(name).labels == nlp.get_pipe(name).labels
    assert loaded(TEXT).cats == nlp(TEXT).cats


@each_kind
def test_a_pickled_pipeline_scores_the_same(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=3)
    assert pickle.loads(pickle.dumps(nlp))(TEXT).cats == nlp(TEXT).cats


@each_kind
def test_a_pipeline_never_initialized_is_saved_and_loaded(checkpoint, name, data, tmp_path):
    nlp = make_nlp(checkpoint, name)
    nlp.get_pipe(name).add_label("LATE")
    nlp.to_disk(tmp_path)
    by_bytes = spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes())
    for loaded in (spacy.load(tmp_path), by_bytes):
        assert loaded.get_pipe(name).labels == ("LATE",)
        with pytest.raises(ValueError, match="X309"):
            loaded(TEXT)
        loaded.initialize(lambda loaded=loaded: make_examples(loaded, data))
        assert list(loaded(TEXT).cats) == list(data[0][1])


def test_a_loaded_pipeline_needs_neither_checkpoint_nor_network(tmp_path, monkeypatch):
    checkpoint = make_checkpoint("xlm-roberta", tmp_path / "checkpoint")
    nlp = trained(checkpoint, n_updates=3)
    expected = nlp(TEXT).cats
    nlp.to_disk(tmp_path / "model")
    data = nlp.to_bytes()
    shutil.rmtree(checkpoint)

    def refuse(*args):
        raise AssertionError("no network is needed")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert spacy.load(tmp_path / "model")(TEXT).cats == expected
    assert spacy.blank("xx").from_config(nlp.config).from_bytes(data)(TEXT).cats == expected


def test_a_saved_component_is_a_hugging_face_folder(checkpoints, family, tmp_path):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    nlp = trained(checkpoints(family), n_updates=2)
    nlp.to_disk(tmp_path)
    folder = tmp_path / EXCLUSIVE / "model"
    component = nlp.get_pipe(EXCLUSIVE)
    ours = joint_shim(component.model).module.masked_lm.model.state_dict()
    model, info = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert all(torch.equal(value, ours[key]) for key, value in model.state_dict().items())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer(TEXTS)["input_ids"] == joint_shim(component.model).tokenizer(TEXTS)["input_ids"]


def test_a_saved_component_holds_no_pickle(checkpoint, tmp_path):
    trained(checkpoint, n_updates=1).to_disk(tmp_path)
    files = [path for path in (tmp_path / EXCLUSIVE).rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files if path.name != "cfg"}
    assert {".json", ".safetensors"} <= kinds <= {".json", ".safetensors", ".txt", ".model"}
    for path in files:
        # A pickle starts with its protocol, a torch file is a zip.
        assert not path.read_bytes().startswith((b"\x80", b"PK")), path.name


def damage_missing(file):
    file.unlink()


def damage_truncated(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("damage", [damage_missing, damage_truncated])
@pytest.mark.parametrize("file", ["head.safetensors", "model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_folder_is_a_coded_error(checkpoint, tmp_path, file, damage):
    trained(checkpoint, n_updates=0).to_disk(tmp_path)
    damage(tmp_path / EXCLUSIVE / "model" / file)
    with pytest.raises(ValueError, match=r"^\[X3(13|01)\]") as caught:
        spacy.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_weights_of_another_shape_are_a_coded_error(checkpoint, tmp_path):
    trained(checkpoint, n_updates=0).to_disk(tmp_path)
    changed = {"components.xling_textcat.model.hidden_width": 8}
    with pytest.raises(ValueError, match=r"^\[X313\].*size mismatch"):
        spacy.load(tmp_path, config=changed)


# Processes and threads


PROCESSES = """
import sys
import numpy as np, spacy, torch

if __name__ == "__main__":
    torch.set_num_threads(2)
    # Small passes, several of them at a time before the fork.
    nlp = spacy.load(sys.argv[1], config={"components.xling_textcat.model.pass_pieces": 16})
    texts = sys.stdin.read().splitlines() * 3
    one = [list(doc.cats.values()) for doc in nlp.pipe(texts, batch_size=4)]
    two = [list(doc.cats.values()) for doc in nlp.pipe(texts, batch_size=4, n_process=2)]
    assert len(two) == len(texts)
    np.testing.assert_allclose(two, one, rtol=0, atol=1e-5)
    print("same", len(two))
"""


def test_two_processes_score_as_one(checkpoint, tmp_path):
    trained(checkpoint, n_updates=5).to_disk(tmp_path / "model")
    script = tmp_path / "script.py"
    script.write_text(PROCESSES)
    printed = run_python(script, tmp_path / "model")
    assert printed.split() == ["same", str(3 * len(TEXTS))]


AFTER_THE_MAIN_THREAD = """
import atexit, sys, threading, time
import numpy as np, spacy, torch
from spacy_xling.models.joint import JointModule

torch.set_num_threads(2)
# Several passes of the 256 texts, two at a time.
nlp = spacy.load(sys.argv[1], config={"components.xling_textcat.model.pass_pieces": 2048})
texts = (sys.stdin.read().splitlines() * 256)[:256]
one_pass, ran = JointModule._pass, []


def counted(module, batches):
    ran.append(threading.get_ident())
    return one_pass(module, batches)


def predict():
    return [list(doc.cats.values()) for doc in nlp.pipe(texts, batch_size=256)]


def predict_again():
    ran.clear()
    again = predict()
    assert len(ran) > 2, ran
    np.testing.assert_array_equal(again, expected)
    print("same", len(again), len(set(ran)))


def wait_and_predict():
    threading.main_thread().join()
    time.sleep(0.2)
    predict_again()


JointModule._pass = counted
expected = predict()
if sys.argv[2] == "thread":
    threading.Thread(target=wait_and_predict).start()
else:
    atexit.register(predict_again)
"""


@pytest.mark.parametrize("when", ["thread", "atexit"])
def test_predicting_works_once_the_main_thread_has_ended(checkpoint, tmp_path, when):
    trained(checkpoint, n_updates=2).to_disk(tmp_path / "model")
    printed = run_python("-c", AFTER_THE_MAIN_THREAD, tmp_path / "model", when)
    # From Python 3.12 on no thread starts at exit: the passes run one after the other.
    at_once = 1 if when == "atexit" and sys.version_info >= (3, 12) else 2
    assert printed.split() == ["same", "256", str(at_once)]


def test_two_threads_can_share_a_pipeline(checkpoint):
    nlp = spacy.blank("xx")
    nlp.add_pipe(EXCLUSIVE, config=textcat_config(checkpoint))
    nlp.initialize(lambda: make_examples(nlp, SINGLE))
    expected = [nlp(text).cats for text, _ in SINGLE]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda text: nlp(text).cats, [text for text, _ in SINGLE] * 25))
    assert found == expected * 25
