"""What is saved of a translator in a pipeline, and what loads it again."""

import copy
import json
import pickle
import shutil
import socket

import pytest
import spacy
import torch
from safetensors.torch import load_file

from spacy_xling.data.sources import RawText
from spacy_xling.models.checkpoint_files import PICKLES_VARIABLE
from spacy_xling.translation.translator import DEFAULTS, Translator
from tests.conftest import TEXTS
from tests.pipeline.pretrained_translators import FAST, FRENCH, NAME, found_in, make_nlp
from tests.translation.checkpoints import make_seq2seq
from tests.translation.conftest import load

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A folder of checkpoints from Danish and from German to English, and the name of all of them."""
    folder = tmp_path_factory.mktemp("pairs")
    for seed, source in enumerate(("da", "de")):
        made = make_seq2seq("marian", folder / f"opus-{source}-en", seed)
        settings = json.loads((made / "tokenizer_config.json").read_text())
        settings.update(source_lang=source, target_lang="en")
        (made / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder / "opus-{source}-{target}"


@pytest.fixture
def no_hub(monkeypatch):
    def refuse(*args):
        raise AssertionError("no network is needed")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.mark.usefixtures("no_hub")
def test_a_saved_pipeline_needs_neither_checkpoint_nor_network(m2m100, tmp_path):
    own = shutil.copytree(m2m100, tmp_path / "own")
    nlp = make_nlp(own)
    # Not loaded by any text yet.
    nlp.to_disk(tmp_path / "saved")
    data = nlp.to_bytes()
    expected = found_in(make_nlp(m2m100))
    shutil.rmtree(own)
    (tmp_path / "saved").rename(tmp_path / "moved")
    loaded = spacy.load(tmp_path / "moved")
    assert found_in(loaded) == expected
    assert found_in(spacy.blank("xx").from_config(nlp.config).from_bytes(data)) == expected
    # From what was loaded, too, over the very files, and after they are gone.
    loaded.to_disk(tmp_path / "moved")
    assert found_in(spacy.load(tmp_path / "moved")) == expected
    shutil.rmtree(tmp_path / "moved")
    loaded.to_disk(tmp_path / "third")
    assert found_in(spacy.load(tmp_path / "third")) == expected


def test_what_is_saved_is_the_checkpoint(m2m100, tmp_path):
    make_nlp(m2m100).to_disk(tmp_path)
    folder = tmp_path / NAME / "checkpoints"
    assert json.loads((folder / "index.json").read_text()) == {"checkpoints": [str(m2m100)]}
    saved = {file.name: file.read_bytes() for file in (folder / "0").iterdir()}
    own = {file.name: file.read_bytes() for file in m2m100.iterdir()}
    settings = json.loads(saved.pop("tokenizer_config.json"))
    before = json.loads(own.pop("tokenizer_config.json"))
    # Byte for byte, but for a name that an older release doesn't know.
    assert saved == own
    assert {"model.safetensors", "config.json", "sentencepiece.bpe.model"} <= saved.keys()
    if isinstance(before.get("extra_special_tokens"), list):
        before["additional_special_tokens"] = before.pop("extra_special_tokens")
    assert settings == before


def test_copies_and_pickles_translate_the_same(m2m100, tmp_path):
    own = shutil.copytree(m2m100, tmp_path / "own")
    nlp = make_nlp(own)
    expected = found_in(nlp)
    pickled = pickle.dumps(nlp)
    shutil.rmtree(own)
    for twin in (copy.deepcopy(nlp), pickle.loads(pickled)):
        assert found_in(twin) == expected
        assert twin.get_pipe(NAME).name == NAME
    component = copy.deepcopy(nlp.get_pipe(NAME))
    # Its weights are shared.
    engines = [pipe._held.engines[str(own)] for pipe in (component, nlp.get_pipe(NAME))]
    assert engines[0] is engines[1]


def test_without_save_the_name_alone_is_kept(m2m100, tmp_path):
    own = shutil.copytree(m2m100, tmp_path / "own")
    nlp = make_nlp(own, save=False)
    expected = found_in(nlp)
    nlp.to_disk(tmp_path / "saved")
    assert list((tmp_path / "saved" / NAME).iterdir()) == []
    assert len(pickle.dumps(nlp)) < (own / "model.safetensors").stat().st_size
    for loaded in (
        spacy.load(tmp_path / "saved"),
        spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes()),
        pickle.loads(pickle.dumps(nlp)),
    ):
        assert found_in(loaded) == expected
    shutil.rmtree(own)
    with pytest.raises(ValueError, match=r"^\[X301\].*own"):
        found_in(spacy.load(tmp_path / "saved"))


DANISH_AND_GERMAN = [(TEXTS[4], "da"), (TEXTS[2], "de"), (TEXTS[0], "en")]


def test_a_checkpoint_for_each_language_lies_in_a_numbered_folder(pairs, tmp_path):
    nlp = make_nlp(pairs)
    expected = found_in(nlp, DANISH_AND_GERMAN)
    for row, language in enumerate(("da", "de")):
        engine = load(pairs.with_name(f"opus-{language}-en"))
        translator = Translator(lambda source, engine=engine: engine, "en", DEFAULTS._replace(**FAST))
        (alone,) = translator.pipe([RawText(DANISH_AND_GERMAN[row][0], language)])
        assert expected[row][1] == alone.text
    nlp.to_disk(tmp_path)
    folder = tmp_path / NAME / "checkpoints"
    assert sorted(file.name for file in folder.iterdir()) == ["0", "1", "index.json"]
    weights = [load_file(folder / number / "model.safetensors") for number in ("0", "1")]
    assert any(not torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    loaded = spacy.load(tmp_path)
    assert found_in(loaded, DANISH_AND_GERMAN) == expected
    # What isn't there is not looked for.
    with pytest.raises(ValueError, match=r"^\[X813\].*opus-fr-en.*opus-da-en, .*opus-de-en"):
        found_in(loaded, [(FRENCH, "fr")])
    # What isn't held any more doesn't stay.
    only = make_nlp(pairs)
    found_in(only, DANISH_AND_GERMAN[1:])
    only.to_disk(tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == ["0", "index.json"]
    assert found_in(spacy.load(tmp_path), DANISH_AND_GERMAN[1:]) == expected[1:]


def test_languages_that_are_known_beforehand_are_saved_without_a_text(pairs, tmp_path):
    expected = found_in(make_nlp(pairs), DANISH_AND_GERMAN)
    codes = [["da", "da"], ["Deutsch", "de"], ["en", "en"]]
    make_nlp(pairs, codes=codes, target="en").to_disk(tmp_path / "named")
    nlp = spacy.load(tmp_path / "named")
    assert len(nlp.get_pipe(NAME)._held.engines) == 2
    named = [(TEXTS[4], "da"), (TEXTS[2], "Deutsch"), (TEXTS[0], "en")]
    assert found_in(nlp, named) == expected
    with pytest.warns(UserWarning, match=r"^\[W804\]"):
        make_nlp(pairs).to_disk(tmp_path / "unknown")
    # Nothing was promised: it continues looking for checkpoints by their names.
    assert found_in(spacy.load(tmp_path / "unknown"), DANISH_AND_GERMAN) == expected


def test_beside_a_training_that_is_resumed_checkpoints_go_on_being_loaded(pairs, tmp_path):
    expected = found_in(make_nlp(pairs), DANISH_AND_GERMAN)
    begun, resumed = make_nlp(pairs), make_nlp(pairs)
    found_in(begun, DANISH_AND_GERMAN[:1])
    begun.to_disk(tmp_path)
    resumed.from_disk(tmp_path)
    with pytest.raises(ValueError, match=r"^\[X813\]"):
        found_in(resumed, DANISH_AND_GERMAN)
    # As a checkpoint of a training has it.
    state = json.loads(json.dumps(begun.get_pipe(NAME).training_state()))
    resumed.get_pipe(NAME).load_training_state(state)
    assert found_in(resumed, DANISH_AND_GERMAN) == expected
    # A pipeline that was loaded before the training keeps to what it has.
    assert spacy.load(tmp_path).get_pipe(NAME).training_state() == {"is_closed": True}


@pytest.mark.parametrize("damage", ["index", "folder", "weights", "names"])
def test_a_damaged_folder_is_a_coded_line(m2m100, tmp_path, damage):
    make_nlp(m2m100).to_disk(tmp_path)
    folder = tmp_path / NAME / "checkpoints"
    if damage == "index":
        (folder / "index.json").unlink()
    elif damage == "names":
        (folder / "index.json").write_text('{"checkpoints": [1]}')
    elif damage == "folder":
        shutil.rmtree(folder / "0")
    else:
        (folder / "0" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"^\[X3(13|01)\]") as caught:
        spacy.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_saved_checkpoint_is_looked_at_before_it_is_loaded(m2m100, tmp_path):
    make_nlp(m2m100).to_disk(tmp_path)
    config = tmp_path / NAME / "checkpoints" / "0" / "config.json"
    settings = {**json.loads(config.read_text()), "transformers_weights": "elsewhere"}
    config.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"^\[X330\].*transformers_weights"):
        spacy.load(tmp_path)


def test_pickled_weights_are_not_saved(m2m100, tmp_path, monkeypatch):
    own = shutil.copytree(m2m100, tmp_path / "own")
    torch.save(load_file(own / "model.safetensors"), own / "pytorch_model.bin")
    (own / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"^\[X331\]"):
        found_in(make_nlp(own))
    monkeypatch.setenv(PICKLES_VARIABLE, "1")
    nlp = make_nlp(own)
    assert found_in(nlp) == found_in(make_nlp(m2m100))
    for save in (lambda: nlp.to_disk(tmp_path / "saved"), nlp.to_bytes):
        with pytest.raises(ValueError, match=r"^\[X814\].*own"):
            save()
    make_nlp(own, save=False).to_disk(tmp_path / "saved")
