"""A tiny checkpoint that translates."""

import pytest

from tests.translation.checkpoints import make_seq2seq


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory):
    return make_seq2seq("m2m100", tmp_path_factory.mktemp("m2m100"))
