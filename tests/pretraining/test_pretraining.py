from itertools import islice

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch.nn import functional as F
from transformers import AutoModelForMaskedLM

from spacy_xling.data.heldout import is_heldout
from spacy_xling.models.checkpoint import load_encoder
from spacy_xling.models.masked_lm import mean_losses
from spacy_xling.pieces.padding import pad, padded_positions
from spacy_xling.pretraining.pretraining import Pretraining, Streams, read_heldout
from spacy_xling.pretraining.settings import resolve_settings
from tests.conftest import make_checkpoint


def make_run(config):
    return Pretraining(resolve_settings(config), Accelerator(cpu=True))


def reference_loss(model, masked, pad_id):
    """Sum of -log P over the targets, from full logits of one padded batch."""
    pieces = masked.pieces
    ids = torch.from_numpy(pad(pieces.ids, pieces, pad_id))
    attention = torch.from_numpy(pad(np.ones(len(pieces.ids), dtype=np.int64), pieces, 0))
    positions = torch.tensor([xlm_r_positions(row) for row in ids.tolist()])
    logits = model(input_ids=ids, attention_mask=attention, position_ids=positions).logits.flatten(0, 1)
    at = logits[torch.from_numpy(padded_positions(pieces)[masked.positions])]
    return F.cross_entropy(at, torch.from_numpy(masked.targets), reduction="sum")


def xlm_r_positions(row):
    """Positions of `<s> text </s>` or `<s> text </s> text </s>`, from 2 on; the second text begins again."""
    positions, before = [], None
    for piece in row:
        positions.append(3 if before == 2 and piece not in (1, 2) else positions[-1] + 1 if positions else 2)
        before = piece
    return positions


def same_batches(config, n):
    """What a run of this config draws first."""
    settings = resolve_settings(config)
    streams = Streams(settings, load_encoder(settings.encoder.name, window=settings.encoder.window), 0)
    return [streams.draw() for _ in range(n)]


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("clip", [0.0, 0.1])
def test_steps_are_those_of_plain_pytorch_with_full_logits(run_config, tmp_path, accumulate, clip):
    folder = make_checkpoint(
        "xlm-roberta", tmp_path, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    config = run_config(
        paths__encoder=str(folder),
        training__accumulate_gradient=accumulate,
        training__optimizer__grad_clip=clip,
        training__optimizer__weight_decay=0.1,
    )
    run = make_run(config)
    losses = [run.update() for _ in range(3)]

    model = AutoModelForMaskedLM.from_pretrained(folder).train()
    decays = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decays, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        betas=(0.9, 0.98),
        eps=1e-6,
    )
    batches = same_batches(config, 3 * accumulate)
    schedule = resolve_settings(config).training.optimizer.learn_rate
    for step in range(3):
        of_step = batches[accumulate * step : accumulate * (step + 1)]
        loss = sum(reference_loss(model, batch, 1) for batch in of_step) / sum(
            len(batch.targets) for batch in of_step
        )
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for group in optimizer.param_groups:
            group["lr"] = schedule(step)
        optimizer.step()
        optimizer.zero_grad()
        assert losses[step] == pytest.approx(loss.item(), rel=1e-5)
    own = run.masked_lm.model.state_dict()
    for name, expected in model.state_dict().items():
        torch.testing.assert_close(own[name], expected, rtol=1e-4, atol=2e-5, msg=name)
    assert run.step == 3
    assert run.n_pieces == sum(len(batch.pieces.ids) for batch in batches)


def test_a_step_holds_as_many_pieces_as_asked_in_the_shares_asked(run_config):
    for share in (0.0, 0.25, 1.0):
        config = run_config(training__parallel_share=share, training__batch_pieces=400)
        (batch,) = same_batches(config, 1)
        ends_per_window = np.add.reduceat(batch.pieces.ids == 2, batch.pieces.starts)
        of_pairs = batch.pieces.lengths[ends_per_window == 2].sum()
        assert of_pairs == pytest.approx(400 * share, abs=40)
        assert len(batch.pieces.ids) == pytest.approx(400, abs=60)


def test_masks_are_new_at_each_visit_and_the_same_for_one_seed(run_config):
    first, second = same_batches(run_config(), 2)
    again, _ = same_batches(run_config(), 2)
    assert (first.pieces.ids == again.pieces.ids).all()
    assert first.pieces.ids.tolist() != second.pieces.ids.tolist()
    (other,) = same_batches(run_config(system__seed=1), 1)
    assert first.pieces.ids.tolist() != other.pieces.ids.tolist()


def test_held_out_texts_never_come_up(run_config):
    settings = resolve_settings(run_config(corpora__unlabelled__heldout_share=0.3))
    raw = {text.text for text in islice(settings.corpora.unlabelled(), 1000)}
    pairs = {side for pair in islice(settings.corpora.parallel(), 1000) for side in pair[:2]}
    assert not any(is_heldout(text, 0.3) for text in raw | pairs)
    heldout = {text for texts in settings.corpora.unlabelled.read_heldout(1000).values() for text in texts}
    assert len(raw | heldout) == 240
    assert not raw & heldout


def test_the_held_out_loss_is_the_mean_over_targets_of_each_language(run_config):
    run = make_run(run_config())
    heldout = read_heldout(run.settings, run.encoder)
    run.module.train()
    losses = mean_losses(run.module, heldout, run.padding)
    assert run.module.training
    assert mean_losses(run.module, heldout, run.padding) == losses
    assert sorted(losses) == ["de", "en"]
    model = AutoModelForMaskedLM.from_pretrained(run.settings.encoder.name).eval()
    for language, masked in heldout.items():
        total = reference_loss(model, masked, run.encoder.tokenizer.pad_token_id).item()
        assert losses[language] == pytest.approx(total / len(masked.targets), rel=1e-5)


def test_frozen_parameters_stay_as_they_were(run_config):
    run = make_run(run_config(encoder__freeze_embeddings=True, encoder__freeze_layers=1))
    before = {name: p.detach().clone() for name, p in run.masked_lm.named_parameters()}
    run.update()
    run.update()
    same = {name for name, p in run.masked_lm.named_parameters() if torch.equal(p, before[name])}
    frozen = {name for name in before if "word_embeddings" in name or "layer.0." in name}
    assert frozen <= same
    assert any("layer.1." in name for name in before.keys() - same)


def test_a_loss_that_is_no_number_is_X712(run_config):
    run = make_run(run_config())
    with torch.no_grad():
        run.masked_lm.decoder.bias.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"X712.*nan at step 0"):
        run.update()
