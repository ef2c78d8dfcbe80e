"""Pieces that pass an encoder, against a count of the windows."""

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM

from spacy_xling.models.batches import Batch
from spacy_xling.models.checkpoint import load_masked_lm
from spacy_xling.resuming.run_file import read_outcome
from spacy_xling.training.compute import EncoderPieces
from tests.resuming.configs import JOINT, SHARED, SPACY
from tests.resuming.runs import Work, interrupt

LOSS = "spacy-xling.MaskedLMObjective.v1"


@pytest.mark.parametrize("kind", [AutoModel, AutoModelForMaskedLM])
def test_pieces_are_those_that_are_attended_to(kind, checkpoint):
    model = kind.from_pretrained(checkpoint).train()
    ids = torch.full((2, 5), 7)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    with EncoderPieces() as pieces:
        model(input_ids=ids, attention_mask=mask)
        model(inputs_embeds=torch.zeros(1, 4, 32), attention_mask=torch.ones(1, 4, dtype=torch.bool))
        model(ids)
    assert pieces.count == 7 + 4 + 10
    model(ids)
    assert pieces.count == 21


def test_rows_that_fill_a_packed_pass_in_bf16_are_not_counted(checkpoint):
    encoder = load_masked_lm(str(checkpoint)).train().encoder
    attention = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], dtype=torch.bool)
    batch = Batch(ids=torch.full((2, 5), 7), attention=attention)
    assert encoder.packs
    with EncoderPieces() as pieces, torch.autocast("cpu", dtype=torch.bfloat16):
        encoder.encode_all([batch, batch])
    assert pieces.count == 14


def test_passes_that_only_predict_are_not_counted(checkpoint):
    model = AutoModel.from_pretrained(checkpoint).train()
    ids = torch.full((2, 5), 7)
    with EncoderPieces() as pieces:
        pieces.set(3)
        with torch.no_grad():
            model(ids)
        model.eval()(ids)
    assert pieces.count == 3


def note_windows(monkeypatch):
    """The pieces of each call of the joint model's `begin_update`, labelled and masked."""
    from spacy_xling.models.joint_shim import JointShim

    seen = []
    original = JointShim.begin_update

    def noted(self, batch, dropout=0.0):
        labelled = 0 if batch.labelled is None else len(batch.labelled.ids)
        seen.append((labelled, 0 if batch.masked is None else len(batch.masked.pieces.ids)))
        return original(self, batch, dropout)

    monkeypatch.setattr(JointShim, "begin_update", noted)
    return seen


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_a_joint_training_counts_labelled_and_raw_windows(weight, tmp_path, checkpoint, monkeypatch):
    text = JOINT.replace("start = 0.1", f"start = {weight}").replace("end = 0.9", f"end = {weight}")
    work = Work(text, tmp_path, checkpoint)
    seen = note_windows(monkeypatch)
    work.train()
    labelled, masked = np.sum(seen, axis=0)
    assert labelled > 0
    assert (masked > 0) == (weight > 0)
    outcome = read_outcome(work.output)
    assert outcome.encoder_pieces == labelled + masked
    assert outcome.steps == 10
    # The log's last row is of step 9.
    assert outcome.score == pytest.approx(max(row["score"] for row in work.rows()))


def test_a_run_that_was_killed_has_the_count_of_one_that_was_not(tmp_path, checkpoint, monkeypatch):
    outcomes = []
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        work = Work(JOINT, tmp_path / name, checkpoint)
        if name == "killed":
            interrupt(work, monkeypatch)
        work.train(resume=True)
        outcomes.append(read_outcome(work.output)._replace(seconds=0, processor_seconds=0))
    assert outcomes[0] == outcomes[1]


def test_a_shared_transformer_is_counted_at_each_pass(tmp_path, checkpoint):
    counts = []
    for weight in (0.0, 0.5):
        (tmp_path / str(weight)).mkdir()
        block = f'[components.xling_mlm.objective]\n@losses = "{LOSS}"\nmlm_weight = {weight}'
        text = SHARED.replace("texts_per_update = 2", f"texts_per_update = 2\n\n{block}")
        work = Work(text, tmp_path / str(weight), checkpoint)
        work.train()
        counts.append(read_outcome(work.output).encoder_pieces)
    assert 0 < counts[0] < counts[1]


def test_a_pipeline_without_an_encoder_has_no_pieces(tmp_path):
    work = Work(SPACY, tmp_path)
    work.train()
    assert read_outcome(work.output).encoder_pieces == 0
