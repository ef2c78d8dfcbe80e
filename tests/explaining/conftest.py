"""A pipeline in which one word decides, made once."""

import pytest

from tests.explaining.planted import make_planted


@pytest.fixture(scope="session")
def planted(checkpoints):
    return make_planted(checkpoints("distilbert"))
