"""Runs of each kind, a folder each."""

import pytest

from tests.resuming.configs import KINDS, SPACY
from tests.resuming.runs import Work


@pytest.fixture
def make_work(tmp_path, checkpoint):
    def make(kind, name="work"):
        config, changes = KINDS[kind]
        folder = tmp_path / name
        folder.mkdir()
        return Work(config, folder, None if config == SPACY else checkpoint, **changes)

    return make
