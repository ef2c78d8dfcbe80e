"""The masked-LM loss of held-out text among the scores of a component, and what it must leave alone."""

import io
import math

import numpy as np
import pytest
import spacy
import torch
from spacy import registry
from spacy.training.loop import train
from transformers import AutoModelForMaskedLM

from spacy_xling.data.heldout import is_heldout
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.training.callbacks import build_attach_unlabelled_v1
from tests.conftest import SINGLE, TEXTS, make_checkpoint, make_examples, textcat_config, write_raw
from tests.own_sources import HELDOUT, OwnText
from tests.own_sources import TEXTS as OWN_TEXTS
from tests.pipeline.shared import make_shared, shared_examples
from tests.resuming.configs import JOINT, SHARED
from tests.resuming.runs import Work, count_moments, is_killed

SHARE = 0.3
WEIGHTS = """
[training.score_weights]
cats_score = 0.5
mlm_heldout_score = 0.5
mlm_heldout_loss_da = 0.0
"""
RAW = {
    "en": [f"{text} {number}" for number in range(8) for text in TEXTS[:2]],
    "de": [f"{text} {number}" for number in range(8) for text in TEXTS[2:4]],
    "da": [f"{text} {number}" for number in range(8) for text in TEXTS[4:6]],
}


@pytest.fixture
def reader(tmp_path):
    return build_unlabelled_text_v1(write_raw(tmp_path / "raw", RAW), heldout_share=SHARE)


def make_joint(checkpoint, reader, mlm_weight=0.1, **settings):
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("xling_textcat", config=textcat_config(checkpoint, mlm_weight=mlm_weight))
    examples = make_examples(nlp, SINGLE)
    pipe.initialize(lambda: examples, nlp=nlp, unlabelled=reader, **settings)
    return nlp, pipe, examples


def reference_loss(folder, masked):
    """Hugging Face's own model on each window by itself."""
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    losses, start = [], 0
    for length in masked.pieces.lengths.tolist():
        places = [n for n, at in enumerate(masked.positions) if start <= at < start + length]
        ids = torch.tensor(masked.pieces.ids[start : start + length])[None]
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        for n in places:
            at, target = masked.positions[n] - start, masked.targets[n]
            losses.append(-torch.log_softmax(logits[at], dim=0)[target].item())
        start += length
    assert len(losses) == len(masked.targets)
    return sum(losses) / len(losses)


def test_the_loss_is_that_of_the_checkpoints_own_model(checkpoint, reader):
    nlp, pipe, examples = make_joint(checkpoint, reader, heldout_texts=4)
    scores = nlp.evaluate(examples)
    losses = [scores[f"mlm_heldout_loss_{language}"] for language in RAW]
    expected = [reference_loss(checkpoint, pipe._heldout[language]) for language in RAW]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert scores["mlm_heldout_loss"] == pytest.approx(sum(expected) / 3, rel=1e-5)
    assert scores["mlm_heldout_score"] == pytest.approx(math.exp(-sum(expected) / 3), rel=1e-5)
    # Nothing of the classifier's own scores is lost, and a second look finds the same.
    assert scores["cats_score"] is not None
    again = nlp.evaluate(examples)
    assert {k: v for k, v in again.items() if k != "speed"} == {
        k: v for k, v in scores.items() if k != "speed"
    }


def test_a_reader_from_outside_the_package_feeds_the_masked_lm_term(checkpoint):
    registry.readers("own.Text.v1", func=OwnText)
    reader = registry.resolve({"reader": {"@readers": "own.Text.v1"}})["reader"]
    nlp, pipe, examples = make_joint(checkpoint, reader, heldout_texts=4)
    own = [text for pair in zip(*OWN_TEXTS.values(), strict=True) for text in pair]
    assert pipe._raw.take(n_windows=4).ids.tolist() == pipe._split(own[:4]).ids.tolist()
    assert pipe.update(examples, sgd=nlp.create_optimizer())["xling_textcat_mlm"] > 0
    scores = nlp.evaluate(examples)
    assert [name for name in HELDOUT if scores[f"mlm_heldout_loss_{name}"] > 0] == ["en", "fo"]
    # A training that continues from its state reads what it would have read next.
    state = pipe.training_state()
    following = pipe._raw.take(n_windows=20).ids.tolist()
    pipe.load_training_state(state)
    assert pipe._raw.take(n_windows=20).ids.tolist() == following


def test_the_texts_are_those_that_training_never_sees(checkpoint, reader):
    _, pipe, _ = make_joint(checkpoint, reader, heldout_texts=4)
    held = {language: [t for t in texts if is_heldout(t, SHARE)][:4] for language, texts in RAW.items()}
    counts = {language: masked.pieces.n_texts for language, masked in pipe._heldout.items()}
    assert counts == {language: len(texts) for language, texts in held.items()}
    seen = {next(pipe._raw.texts).text for _ in range(300)}
    assert seen.isdisjoint(text for texts in held.values() for text in texts)


def test_languages_can_be_chosen_and_no_raw_text_is_needed_for_training(checkpoint, reader):
    nlp, pipe, examples = make_joint(
        checkpoint, reader, mlm_weight=0.0, heldout_texts=4, heldout_languages=["da", "de"]
    )
    _, everything, _ = make_joint(checkpoint, reader, heldout_texts=4)
    assert pipe._raw is None
    scores, others = nlp.evaluate(examples), everything.heldout_scores()
    assert {key for key in scores if key.startswith("mlm")} == {
        "mlm_heldout_loss",
        "mlm_heldout_loss_da",
        "mlm_heldout_loss_de",
        "mlm_heldout_score",
    }
    # Masks of a language depend on no other.
    assert scores["mlm_heldout_loss_da"] == others["mlm_heldout_loss_da"]


def test_a_component_without_held_out_text_has_no_such_scores(checkpoint, reader):
    nlp, _, examples = make_joint(checkpoint, reader)
    assert [key for key in nlp.evaluate(examples) if key.startswith("mlm")] == []


def test_the_shared_encoder_has_the_loss_of_the_same_checkpoint(checkpoint, reader):
    _, joint, _ = make_joint(checkpoint, reader, heldout_texts=4)
    for mlm_weight in (0.3, 0.0):
        nlp = make_shared(checkpoint, mlm_weight=mlm_weight)
        examples = shared_examples(nlp)
        for name, pipe in nlp.pipeline:
            given = {"unlabelled": reader, "heldout_texts": 4} if name == "xling_mlm" else {}
            pipe.initialize(lambda examples=examples: examples, nlp=nlp, **given)
        nlp._link_components()
        scores = nlp.evaluate(examples)
        for key, value in joint.heldout_scores().items():
            assert scores[key] == pytest.approx(value, rel=1e-5)


def test_measuring_leaves_modes_and_generators_alone(checkpoint, reader):
    _, pipe, _ = make_joint(checkpoint, reader, heldout_texts=4)
    module = pipe.model.shims[0].module
    module.train()
    module.head.eval()
    modes = [part.training for part in module.modules()]
    state, torch_state, own = np.random.get_state(), torch.get_rng_state(), pipe.training_state()
    pipe.heldout_scores()
    assert [part.training for part in module.modules()] == modes
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), state, strict=True))
    assert pipe.training_state() == own
    assert all(p.grad is None for p in module.parameters())


def make_work(kind, folder, encoder, **changes):
    component = {JOINT: "xling_textcat", SHARED: "xling_mlm"}[kind]
    folder.mkdir()
    settings = f"initialize__components__{component}__"
    changes = {f"{settings}{name}": value for name, value in changes.items()}
    changes[f"{settings}unlabelled__heldout_share"] = SHARE
    work = Work(kind, folder, encoder, **changes)
    write_raw(folder / "raw", RAW)
    return work


@pytest.mark.parametrize("kind", [JOINT, SHARED], ids=["joint", "shared"])
def test_training_is_number_for_number_that_without(kind, tmp_path):
    # With dropout, so that every draw counts.
    encoder = make_checkpoint("xlm-roberta", tmp_path / "encoder", hidden_dropout_prob=0.2)
    results = []
    for number, limit in enumerate((0, 3)):
        work = make_work(kind, tmp_path / str(number), encoder, heldout_texts=limit)
        work.output.mkdir()
        train(work.start(), work.output, stdout=io.StringIO(), stderr=io.StringIO())
        files, rows = work.result()
        weights = {name: content for name, content in files.items() if "model-last" in name}
        results.append((weights, rows))
    (plain, plain_rows), (measured, rows) = results
    names = [name for name in plain if "/model" in name.removeprefix("model-last") or "/cfg" in name]
    assert len(names) > 2
    assert [name for name in names if plain[name] != measured[name]] == []
    for row, plain_row in zip(rows, plain_rows, strict=True):
        assert set(row["scores"]) - set(plain_row["scores"]) == {
            "mlm_heldout_score",
            "mlm_heldout_loss",
            *(f"mlm_heldout_loss_{language}" for language in RAW),
        }
        assert row["losses"] == plain_row["losses"]
        assert {k: v for k, v in row["scores"].items() if k in plain_row["scores"]} == plain_row["scores"]


def test_the_score_is_weighted_and_a_killed_run_goes_on(checkpoint, tmp_path, monkeypatch):
    works = [
        make_work(JOINT, tmp_path / name, checkpoint, heldout_texts=3, heldout_languages=["de", "da"])
        for name in ("whole", "killed")
    ]
    for work in works:
        work.text += WEIGHTS
    whole, killed = works
    moments = count_moments(whole, monkeypatch)
    assert is_killed(killed, moments * 2 // 3, monkeypatch)
    killed.train(resume=True)
    for row in whole.rows():
        scores = row["scores"]
        assert row["score"] == pytest.approx(0.5 * scores["cats_score"] + 0.5 * scores["mlm_heldout_score"])
        assert scores["mlm_heldout_loss_da"] > 0
    assert len({row["scores"]["mlm_heldout_loss"] for row in whole.rows()}) == len(whole.rows())
    assert killed.rows() == whole.rows()


def test_a_sourced_component_is_given_its_text_by_the_callback(checkpoint, reader):
    nlp, pipe, _ = make_joint(checkpoint, reader)
    build_attach_unlabelled_v1("xling_textcat", reader, heldout_texts=4, heldout_languages=["da"])(nlp)
    assert set(pipe.heldout_scores()) == {"mlm_heldout_score", "mlm_heldout_loss", "mlm_heldout_loss_da"}


def test_bad_settings_are_refused(checkpoint, tmp_path, reader):
    for given in (None, build_unlabelled_text_v1(tmp_path / "raw")):
        with pytest.raises(ValueError, match=r"X535.*heldout_texts = 4"):
            make_joint(checkpoint, given, mlm_weight=0.0, heldout_texts=4)
    with pytest.raises(ValueError, match=r"X535.*heldout_texts = -1"):
        make_joint(checkpoint, reader, heldout_texts=-1)
    with pytest.raises(ValueError, match=r"X536.*'sv'.*'da'"):
        make_joint(checkpoint, reader, heldout_texts=4, heldout_languages=["sv"])


def test_a_language_without_held_out_text_is_a_warning(checkpoint, tmp_path):
    trained = [text for text in (f"Paketet {n}" for n in range(9)) if not is_heldout(text, SHARE)]
    given = build_unlabelled_text_v1(write_raw(tmp_path / "raw", {**RAW, "sv": trained}), heldout_share=SHARE)
    with pytest.warns(UserWarning, match=r"W701.*'sv'"):
        _, pipe, _ = make_joint(checkpoint, given, mlm_weight=0.0, heldout_texts=4)
    assert set(pipe._heldout) == set(RAW)
