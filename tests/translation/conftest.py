import pytest
import torch

from spacy_xling.translation.seq2seq import Seq2SeqEngine
from tests.translation.checkpoints import make_seq2seq


@pytest.fixture(scope="session")
def seq2seq(tmp_path_factory):
    """Folder of a tiny checkpoint that translates, by family; each is made once."""
    made = {}

    def checkpoint(family):
        if family not in made:
            made[family] = make_seq2seq(family, tmp_path_factory.mktemp(family))
        return made[family]

    return checkpoint


@pytest.fixture(scope="session")
def engines(seq2seq):
    """A tiny checkpoint in memory, by family."""
    loaded = {}

    def engine(family):
        if family not in loaded:
            loaded[family] = load(seq2seq(family))
        return loaded[family]

    return engine


def load(folder, precision="fp32"):
    return Seq2SeqEngine(str(folder), precision=precision, device=torch.device("cpu"))
