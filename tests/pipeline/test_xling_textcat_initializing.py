"""What classifiers are given before they train: labels, encoder, loss and raw text, and what they miss."""

import itertools
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import spacy

from spacy_xling.data.sources import RawText
from tests.conftest import SINGLE, TEXTS, make_checkpoint, make_examples, textcat_config
from tests.pipeline.textcats import (
    EXCLUSIVE,
    TEXT,
    each_kind,
    each_name,
    make_nlp,
    parameters,
    same,
    train,
    trained,
    with_raw_text,
)

pytestmark = pytest.mark.usefixtures("one_thread")


# Labels


@each_kind
def test_labels_may_be_given_to_initialize(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    given = ["NONE", *reversed(data[0][1])]
    nlp.config["initialize"]["components"][name] = {"labels": given}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.initialize(lambda: make_examples(nlp, data))
    assert nlp.get_pipe(name).labels == tuple(given)


@each_kind
def test_labels_beyond_the_given_ones_are_a_warning_then_an_error(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    nlp.config["initialize"]["components"][name] = {"labels": ["LATE", "OTHER"]}
    examples = make_examples(nlp, data)
    with pytest.warns(UserWarning, match=r"W501.*REFUND"):
        optimizer = nlp.initialize(lambda: examples)
    before = parameters(nlp.get_pipe(name))
    with pytest.raises(ValueError, match=r"X506.*REFUND"):
        nlp.update(examples, sgd=optimizer)
    assert same(parameters(nlp.get_pipe(name)), before)


@each_kind
def test_a_resized_pipeline_is_saved_whole(checkpoint, name, data, tmp_path):
    nlp = trained(checkpoint, name, data, n_updates=2)
    nlp.get_pipe(name).add_label("PRAISE")
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe(name).labels == (*data[0][1], "PRAISE")
    assert loaded(TEXT).cats == nlp(TEXT).cats


# Initializing


def test_initialize_reads_a_generator_once(checkpoint):
    nlp = make_nlp(checkpoint)
    component = nlp.get_pipe(EXCLUSIVE)
    component.initialize(lambda: (eg for eg in make_examples(nlp, SINGLE)))
    assert component.cfg["label_counts"] == {
        "given": {"LATE": 2, "REFUND": 2},
        "denied": {"REFUND": 2, "LATE": 2},
    }


@each_kind
def test_the_loss_must_fit_the_kind_of_classes(checkpoint, name, data):
    other = "BinaryCrossEntropy" if name == EXCLUSIVE else "CrossEntropy"
    objective = {"classification": {"@losses": f"spacy-xling.{other}.v1"}}
    with pytest.raises(ValueError, match=rf"X501.* is {other}"):
        make_nlp(checkpoint, name, objective=objective)


@pytest.mark.parametrize(
    "sizes",
    [{"texts_per_update": 1, "pieces_per_update": 9}, {"texts_per_update": 0}, {"pieces_per_update": 0}],
)
def test_raw_text_is_measured_in_one_way(checkpoint, sizes):
    with pytest.raises(ValueError, match="X502"):
        make_nlp(checkpoint, **sizes)


def test_a_masked_lm_term_without_raw_text_is_an_error(checkpoint, tmp_path):
    nlp = make_nlp(checkpoint, mlm_weight=0.1)
    examples = make_examples(nlp, SINGLE)
    with pytest.raises(ValueError, match=r"X503.*xling_textcat"):
        nlp.initialize(lambda: examples)
    with_raw_text(nlp, tmp_path / "raw.txt").initialize(lambda: examples)
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    with pytest.raises(ValueError, match="X503"):
        loaded.update(make_examples(loaded, SINGLE), sgd=loaded.resume_training())


def make_bare(checkpoint, name):
    """What is typed first: an encoder, and nothing else."""
    nlp = spacy.blank("xx")
    nlp.add_pipe(name, config={"model": {"encoder": {"name": str(checkpoint), "dropout": 0.0}}})
    return nlp


@each_kind
def test_an_encoder_and_labelled_text_are_enough_and_the_missing_term_is_said_once(checkpoint, name, data):
    bare, plain = make_bare(checkpoint, name), make_nlp(checkpoint, name, mlm_weight=0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, losses = train(bare, data, 3)
    ((said, where),) = [(str(w.message), w.filename) for w in caught if str(w.message).startswith("[")]
    assert said.startswith(f"[W551] '{name}'")
    # At the line that calls spaCy.
    assert Path(where).name == "textcats.py"
    assert f"[initialize.components.{name}.unlabelled]" in said
    assert train(plain, data, 3)[1] == losses
    assert same(parameters(bare.get_pipe(name)), parameters(plain.get_pipe(name)))


@each_kind
def test_without_mlm_weight_raw_text_has_a_weight_of_a_tenth(checkpoint, name, data, tmp_path):
    pipelines = make_bare(checkpoint, name), make_nlp(checkpoint, name, mlm_weight=0.1)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for nlp in pipelines:
            losses.append(train(with_raw_text(nlp, tmp_path / "raw.txt", name), data, 2)[1])
    assert losses[0] == losses[1]
    assert losses[0][f"{name}_mlm"] > 1.0
    # A pipeline that is loaded has no raw text until it is given some.
    pipelines[0].to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    optimizer = loaded.resume_training()
    with pytest.warns(UserWarning, match=r"^\[W551\]"):
        assert loaded.update(make_examples(loaded, data), sgd=optimizer)[f"{name}_mlm"] == 0.0
    loaded.get_pipe(name).attach_unlabelled(itertools.cycle([RawText(TEXTS[2], "de")]))
    assert loaded.update(make_examples(loaded, data), sgd=optimizer)[f"{name}_mlm"] > 1.0


@each_name
def test_without_an_encoder_the_default_one_is_named(name):
    nlp = spacy.blank("xx")
    nlp.add_pipe(name)
    with pytest.raises(ValueError, match=r"^\[X309\] The encoder 'xlm-roberta-base'"):
        nlp(TEXT)


class HeldoutReader:
    """A reader of raw text with held-out texts."""

    heldout_share = 0.1

    def read_heldout(self, limit):
        return {"de": TEXTS[2:3]}


BEFORE_INITIALIZING = {
    "call": lambda nlp, pipe, examples: nlp(TEXT),
    "pipe": lambda nlp, pipe, examples: list(nlp.pipe([TEXT])),
    "predict": lambda nlp, pipe, examples: pipe.predict([]),
    "model": lambda nlp, pipe, examples: pipe.model.predict([eg.predicted for eg in examples]),
    "evaluate": lambda nlp, pipe, examples: nlp.evaluate(examples),
    "update": lambda nlp, pipe, examples: nlp.update(examples),
    "rehearse": lambda nlp, pipe, examples: pipe.rehearse(examples),
    "get_loss": lambda nlp, pipe, examples: pipe.get_loss(examples, np.full((4, 2), 0.5, dtype="float32")),
    "attach_heldout": lambda nlp, pipe, examples: pipe.attach_heldout(HeldoutReader(), limit=1),
}


@each_name
@pytest.mark.parametrize("labels", [[], ["LATE", "REFUND"]])
@pytest.mark.parametrize("call", BEFORE_INITIALIZING.values(), ids=BEFORE_INITIALIZING)
def test_what_needs_the_encoder_before_initializing_is_X309(checkpoint, name, labels, call):
    # Nothing else is missed first: labels, raw text, dictionaries.
    switching = {"@misc": "spacy-xling.code_switching.v1"}
    nlp = make_nlp(checkpoint, name, mlm_weight=0.1, code_switching=switching)
    pipe = nlp.get_pipe(name)
    for label in labels:
        pipe.add_label(label)
    with pytest.raises(ValueError, match=r"^\[X309\]"):
        call(nlp, pipe, make_examples(nlp, SINGLE))


def test_an_objective_of_another_kind_is_X509(checkpoint):
    config = textcat_config(checkpoint)
    config["objective"] = {"@losses": "spacy-xling.CrossEntropy.v1"}
    with pytest.raises(ValueError, match="X509"):
        spacy.blank("xx").add_pipe(EXCLUSIVE, config=config)


def test_raw_text_is_missed_where_spacy_makes_up_an_example(checkpoint):
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe(EXCLUSIVE, config=textcat_config(checkpoint, mlm_weight=0.1))
    for label in ("LATE", "REFUND"):
        textcat.add_label(label)
    with pytest.raises(ValueError, match="X503"):
        nlp.initialize()


@pytest.fixture
def without_mask_piece(tmp_path):
    folder = make_checkpoint("bert", tmp_path / "checkpoint")
    # Not all releases of transformers write the second.
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        for file in folder.glob(name):
            settings = json.loads(file.read_text())
            del settings["mask_token"]
            file.write_text(json.dumps(settings))
    return folder


def test_initialize_misses_the_mask_piece_of_the_tokenizer(without_mask_piece, nlp):
    nlp.add_pipe(EXCLUSIVE, config=textcat_config(without_mask_piece, mlm_weight=0.1, mlm_on_labelled=True))
    with pytest.raises(ValueError, match="X202"):
        nlp.initialize(lambda: make_examples(nlp, SINGLE))


@pytest.mark.parametrize("mlm_weight", [0.0, None])
@pytest.mark.filterwarnings("ignore:.*W551")
def test_without_masked_lm_term_no_mask_piece_is_needed(without_mask_piece, nlp, mlm_weight):
    nlp.add_pipe(EXCLUSIVE, config=textcat_config(without_mask_piece, mlm_weight=mlm_weight))
    optimizer = nlp.initialize(lambda: make_examples(nlp, SINGLE))
    assert nlp.update(make_examples(nlp, SINGLE), sgd=optimizer)[EXCLUSIVE] > 0
