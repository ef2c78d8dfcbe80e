"""A tiny pipeline in a folder, and what it says of texts, by spaCy alone."""

import json

import pytest
import spacy
from spacy.language import Language

from spacy_xling.applying.on_processes import in_this_process
from spacy_xling.applying.predictor import PredictorSettings
from spacy_xling.pipeline.calibrated import Calibration
from tests.exporting.pipelines import make_pipeline

BREAKS = "this text breaks"


@Language.component("breaks_on_a_text")
def breaks_on_a_text(doc):
    if BREAKS in doc.text:
        raise RuntimeError("found a text\nthat breaks")
    return doc


@pytest.fixture(scope="session")
def model(checkpoints, tmp_path_factory):
    """A classifier that moves German texts, abstains below 0.9, and fails for one text."""
    nlp = make_pipeline(checkpoints("xlm-roberta"))
    pipe = nlp.get_pipe("xling_textcat")
    pipe.calibration = Calibration(offsets={"de": [3.0, 0.0]}, abstain_below=0.9)
    nlp.add_pipe("breaks_on_a_text", first=True)
    folder = tmp_path_factory.mktemp("model")
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="session")
def any_label(checkpoints, tmp_path_factory):
    """A classifier that gives any number of labels."""
    folder = tmp_path_factory.mktemp("any_label")
    make_pipeline(checkpoints("xlm-roberta"), "xling_textcat_multilabel").to_disk(folder)
    return folder


@pytest.fixture
def settings(model):
    return PredictorSettings(str(model))


@pytest.fixture
def engine():
    return in_this_process


@pytest.fixture(scope="session")
def expected(model):
    """Label, score, scores and whether to abstain, of a text and its language, by `nlp` itself."""
    nlp = spacy.load(model)

    def of(text, language=None):
        doc = nlp.make_doc(text)
        doc._.language = language
        doc = nlp(doc)
        best = max(doc.cats, key=doc.cats.get)
        return best, doc.cats[best], doc.cats, doc._.abstained

    return of


def write_jsonl(path, records):
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
