"""The functions of docs/guides/extend.md do what the page says."""

import math
import re

import numpy as np
import pytest
import spacy
from spacy import registry
from thinc.api import Config

from tests.documentation.command_lines import ROOT

PAGE = (ROOT / "docs" / "guides" / "extend.md").read_text(encoding="utf8")


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def functions():
    exec("\n".join(blocks("python")), {"__name__": "functions"})


def resolve(block, path=""):
    """What a block of a config makes, whatever its section is called."""
    settings = block.partition("\n")[2]
    config = Config().from_str(f'[paths]\ntrain = "{path}"\n\n[block]\n{settings}')
    return registry.resolve({"block": config["block"]})["block"]


def test_the_loss_is_that_of_the_formula():
    loss = resolve(blocks("ini")[0])
    logits = np.log(np.array([[0.25, 0.75], [0.9, 0.1]], dtype="f"))
    truths = np.array([[1, 0], [1, 0]], dtype="f")
    gradient, value = loss(logits, truths, np.ones_like(truths), labels=["A", "B"], counts=None)
    # (1 - p^q) / q for p of 0.25 and of 0.9, with q = 0.5
    assert value == pytest.approx((2 * (1 - math.sqrt(0.25)) + 2 * (1 - math.sqrt(0.9))) / 2, rel=1e-6)
    # Its derivative on the true logit, -p^q (1 - p), over the mean of two.
    assert gradient[0, 0] == pytest.approx(-0.5 * 0.75 / 2, rel=1e-5)


def test_the_reader_reads_labels_and_languages(tmp_path):
    (tmp_path / "de.txt").write_text("__label__LATE Wo ist es?\n\n__label__LOST Weg!\n", encoding="utf8")
    read = resolve(blocks("ini")[1], tmp_path)
    examples = list(read(spacy.blank("xx")))
    assert [eg.reference.text for eg in examples] == ["Wo ist es?", "Weg!"]
    assert [eg.reference.cats for eg in examples] == [{"LATE": 1.0}, {"LOST": 1.0}]
    assert {eg.predicted._.language for eg in examples} == {"de"}
    # A second epoch reads them again.
    assert len(list(read(spacy.blank("xx")))) == 2


def test_the_reader_names_a_line_without_a_text(tmp_path):
    (tmp_path / "de.txt").write_text("__label__LATE Wo ist es?\n__label__LOST\n", encoding="utf8")
    read = resolve(blocks("ini")[1], tmp_path)
    with pytest.raises(ValueError, match=r"de\.txt, line 2: no text after __label__LOST"):
        list(read(spacy.blank("xx")))
