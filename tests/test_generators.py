"""Seeds, wherever they are given."""

import pytest

from spacy_xling.data.sampling import reservoir_sample
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.generators import make_generator
from spacy_xling.training.batching import build_batch_by_pieces_v1
from tests.conftest import textcat_config, write_raw


def test_a_seed_gives_one_sequence():
    draws = [make_generator(seed).integers(1000, size=8).tolist() for seed in (0, 0, 2**32 - 1)]
    assert draws[0] == draws[1] != draws[2]


# A number that JSON's reader can't hold comes from a config as a string.
@pytest.mark.parametrize("seed", [-1, 2**32, 2**70, str(2**70)])
def test_a_seed_that_no_generator_takes_is_X171(seed, tmp_path):
    raw = write_raw(tmp_path / "raw", {"en": ["a"]})
    for use in (
        lambda: make_generator(seed),
        lambda: reservoir_sample("abc", 1, seed=seed),
        lambda: build_batch_by_pieces_v1("encoder", seed=seed),
        lambda: build_unlabelled_text_v1(raw, seed=seed),
    ):
        with pytest.raises(ValueError, match="X171"):
            use()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_of_a_component_is_X171(seed, nlp, checkpoint):
    with pytest.raises(ValueError, match="X171"):
        nlp.add_pipe("xling_textcat", config=textcat_config(checkpoint, seed=seed))
