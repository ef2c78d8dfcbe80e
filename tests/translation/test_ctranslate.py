"""A converted checkpoint translates as the one that it was converted from."""

import copy
import importlib.util
import pickle
import shutil
import sys

import pytest
import spacy
import torch
from transformers import PretrainedConfig

from spacy_xling.translation.ctranslate import CTranslate2Engine, is_converted
from spacy_xling.translation.translating import Model, load_engine
from tests.translation.test_translator import PLAIN, SENTENCES, translate

needs_ctranslate2 = pytest.mark.skipif(
    importlib.util.find_spec("ctranslate2") is None or "dtype" not in vars(PretrainedConfig()),
    reason="needs the extra 'ctranslate2', whose converter needs transformers 4.56",
)
# The converter doesn't take mBART's config and tokenizer from transformers 5.
FILES = {
    "marian": ["source.spm", "target.spm", "vocab.json", "tokenizer_config.json"],
    "marian-many": ["source.spm", "target.spm", "vocab.json", "tokenizer_config.json"],
    "m2m100": ["sentencepiece.bpe.model", "vocab.json", "tokenizer_config.json"],
    "nllb": ["tokenizer.json", "tokenizer_config.json"],
    "madlad": ["tokenizer.json", "tokenizer_config.json"],
}


@pytest.fixture(scope="session")
def converted(seq2seq, tmp_path_factory):
    """Folder of a converted checkpoint, by family; each is made once."""
    made = {}

    def convert(family):
        if family not in made:
            from ctranslate2.converters import TransformersConverter

            made[family] = tmp_path_factory.mktemp("converted") / family
            converter = TransformersConverter(str(seq2seq(family)), copy_files=FILES[family])
            converter.convert(str(made[family]))
        return made[family]

    return convert


@needs_ctranslate2
@pytest.mark.parametrize("family", FILES)
@pytest.mark.parametrize("beams", [1, 3])
def test_translations_are_those_of_the_checkpoint(engines, converted, family, beams):
    settings = PLAIN._replace(beams=beams)
    engine = load_engine(Model(str(converted(family))))
    assert isinstance(engine, CTranslate2Engine)
    found = translate(engine, SENTENCES, family, settings)
    assert found == translate(engines(family), SENTENCES, family, settings)


@needs_ctranslate2
def test_a_folder_that_is_none_of_ctranslate2_is_X806(converted, tmp_path):
    for name in FILES["marian"]:
        (tmp_path / name).write_bytes((converted("marian") / name).read_bytes())
    (tmp_path / "model.bin").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"^\[X806\]"):
        load_engine(Model(str(tmp_path)))


def test_without_ctranslate2_a_converted_folder_is_X805_with_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    (tmp_path / "model.bin").touch()
    with pytest.raises(ImportError, match=r"^\[X805\].*spacy-xling\[ctranslate2\]"):
        load_engine(Model(str(tmp_path)))


def test_a_checkpoint_of_transformers_is_not_converted(seq2seq):
    assert not is_converted(str(seq2seq("marian")))
    assert torch.is_tensor(next(load_engine(Model(str(seq2seq("marian")))).model.parameters()))


@needs_ctranslate2
def test_a_pipeline_holds_it_and_takes_it_to_other_processes(converted, seq2seq, tmp_path):
    own = shutil.copytree(converted("m2m100"), tmp_path / "own")
    settings = {"source": "en", "target": "de", "beams": 1, "retry": False}
    nlp, plain = spacy.blank("xx"), spacy.blank("xx")
    nlp.add_pipe("xling_translator", config={"model": str(own), **settings})
    plain.add_pipe("xling_translator", config={"model": str(seq2seq("m2m100")), **settings})
    expected = [doc._.translation for doc in plain.pipe(SENTENCES)]
    assert [doc._.translation for doc in nlp.pipe(SENTENCES)] == expected
    nlp.to_disk(tmp_path / "saved")
    saved = tmp_path / "saved" / "xling_translator" / "checkpoints" / "0"
    assert {file.name for file in saved.iterdir()} == {file.name for file in own.iterdir()}
    shutil.rmtree(own)
    # Forked after it has translated, and when its folder is gone.
    processes = nlp.pipe(SENTENCES, n_process=2, batch_size=3)
    assert [doc._.translation for doc in processes] == expected
    for twin in (spacy.load(tmp_path / "saved"), pickle.loads(pickle.dumps(nlp)), copy.deepcopy(nlp)):
        assert [doc._.translation for doc in twin.pipe(SENTENCES)] == expected
