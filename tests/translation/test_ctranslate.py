"""A converted checkpoint translates as the one that it was converted from."""

import importlib.util
import sys

import pytest
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
