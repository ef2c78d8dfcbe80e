import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity
from transformers import AutoModelForMaskedLM, AutoTokenizer

from spacy_xling.inspection.sentence_vectors import (
    ROWS,
    resolve_layer,
    retrieval_accuracy,
    sentence_vectors,
)
from spacy_xling.models.checkpoint import load_encoder
from spacy_xling.models.masked_lm import evaluating
from tests.conftest import TEXTS, make_checkpoint

DEPTH = 2


@pytest.fixture
def loaded(checkpoints, family):
    """Our encoder, and a model and tokenizer as transformers loads them."""
    path = checkpoints(family)
    model = AutoModelForMaskedLM.from_pretrained(path).eval()
    return load_encoder(str(path)), model, AutoTokenizer.from_pretrained(path)


@torch.no_grad()
def plain_states(model, ids, layer):
    """States of a layer for one unpadded sequence, by hooks on what the family calls its modules."""
    seen = {}
    base = model.base_model
    if hasattr(base, "encoder") and hasattr(base.encoder, "albert_layer_groups"):
        # The layers share one module, which is called once for each.
        states = []
        group = base.encoder.albert_layer_groups[0]
        hook = group.register_forward_pre_hook(lambda _, args: states.append(args[0]))
        states.append(base(ids).last_hidden_state)
        hook.remove()
        return states[layer][0]
    if layer == DEPTH:
        return base(ids).last_hidden_state[0]
    stack = next(m for m in base.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == DEPTH)
    hook = stack[layer].register_forward_pre_hook(
        lambda _, args, kwargs: seen.update(x=args[0] if args else kwargs["x"]), with_kwargs=True
    )
    base(ids)
    hook.remove()
    return seen["x"][0]


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_vector_is_the_mean_of_the_layer_over_ordinary_pieces(loaded, layer):
    encoder, model, tokenizer = loaded
    expected = []
    for text in TEXTS:
        ids = tokenizer(text, return_tensors="pt").input_ids
        # One special piece stands at each end.
        expected.append(plain_states(model, ids, layer)[1:-1].mean(dim=0).numpy())
    vectors = sentence_vectors(encoder, TEXTS, layer=layer)
    assert vectors.shape == (len(TEXTS), 32)
    np.testing.assert_allclose(vectors, np.stack(expected), rtol=1e-4, atol=2e-5)


def test_a_text_longer_than_the_window_is_the_mean_of_all_its_windows_pieces(loaded):
    encoder, model, tokenizer = loaded
    text = " ".join(TEXTS)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    room = encoder.window - 2
    assert len(ids) > 2 * room
    states = []
    for start in range(0, len(ids), room):
        window = [tokenizer.cls_token_id, *ids[start : start + room], tokenizer.sep_token_id]
        states.append(plain_states(model, torch.tensor([window]), 1)[1:-1])
    expected = torch.cat(states).mean(dim=0).numpy()
    # Beside a short text, so that windows of one text stand in different batches too.
    vectors = sentence_vectors(encoder, [TEXTS[0], text], layer=1, pass_pieces=100)
    np.testing.assert_allclose(vectors[1], expected, rtol=1e-4, atol=2e-5)


def test_vectors_keep_the_order_of_texts_whatever_the_batches(checkpoint):
    encoder = load_encoder(str(checkpoint))
    alone = np.concatenate([sentence_vectors(encoder, [text], layer=1) for text in TEXTS])
    for pass_pieces in (1, 70, 4096):
        together = sentence_vectors(encoder, TEXTS, layer=1, pass_pieces=pass_pieces)
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_a_blank_text_has_zeros_and_no_texts_no_rows(checkpoint):
    encoder = load_encoder(str(checkpoint))
    vectors = sentence_vectors(encoder, [TEXTS[0], " "], layer=1)
    assert vectors[0].any()
    assert not vectors[1].any()
    assert sentence_vectors(encoder, [], layer=1).shape == (0, 32)


def test_dropout_is_off_and_the_mode_comes_back(tmp_path):
    path = make_checkpoint("bert", tmp_path / "bert", hidden_dropout_prob=0.5)
    encoder = load_encoder(str(path))
    encoder.masked_lm.train()
    encoder.masked_lm.model.cls.eval()
    vectors = sentence_vectors(encoder, TEXTS, layer=1)
    np.testing.assert_array_equal(vectors, sentence_vectors(encoder, TEXTS, layer=1))
    assert encoder.masked_lm.model.bert.training
    assert not encoder.masked_lm.model.cls.training


def test_the_mode_comes_back_after_an_error(checkpoint):
    encoder = load_encoder(str(checkpoint))
    encoder.masked_lm.train()

    def fail():
        with evaluating(encoder.masked_lm):
            assert not encoder.masked_lm.model.training
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert encoder.masked_lm.model.training
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("layer", [-1, 3])
def test_a_layer_the_encoder_has_not_is_an_error(checkpoint, layer):
    encoder = load_encoder(str(checkpoint))
    with pytest.raises(ValueError, match=r"\[X731\].*to 2 "):
        sentence_vectors(encoder, TEXTS, layer=layer)


def test_the_middle_layer_is_the_default(tmp_path):
    encoder = load_encoder(str(make_checkpoint("bert", tmp_path / "bert", num_hidden_layers=5)))
    assert resolve_layer(encoder, None) == 2
    assert resolve_layer(encoder, 0) == 0


def test_retrieval_by_hand():
    source = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.0]])
    # The first is found, and so is the last; the second and third are each other's closest. Lengths
    # don't count.
    target = np.array([[9.0, 0.0], [1.0, 1.1], [0.1, 1.0], [-0.1, 0.0]])
    assert retrieval_accuracy(source, target) == 0.5


def test_retrieval_goes_from_source_to_target():
    source = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    target = np.array([[1.0, 0.0], [1.0, 0.4], [0.0, 1.0]])
    # From the second source the first target is closest; from the second target the second source.
    assert retrieval_accuracy(source, target) == pytest.approx(2 / 3)
    assert retrieval_accuracy(target, source) == 1.0


def test_a_tie_is_a_miss():
    vectors = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    assert retrieval_accuracy(vectors, vectors) == pytest.approx(1 / 3)
    assert retrieval_accuracy(np.ones((5, 3)), np.ones((5, 3))) == 0.0
    # Rounding doesn't break a tie.
    noise = np.array([[1.0, 1e-9], [2.0, -1e-9], [0.0, 1.0]])
    assert retrieval_accuracy(vectors, noise) == pytest.approx(1 / 3)


def test_a_vector_of_zeros_finds_nothing():
    assert retrieval_accuracy(np.array([[0.0, 0.0], [0.0, 1.0]]), np.eye(2)) == 0.5


def test_retrieval_among_more_pairs_than_one_slice_agrees_with_sklearn():
    generator = np.random.default_rng(0)
    source = generator.normal(size=(ROWS + 200, 8)).astype(np.float32)
    target = source + generator.normal(size=source.shape, scale=0.7).astype(np.float32)
    expected = (cosine_similarity(source, target).argmax(axis=1) == np.arange(len(source))).mean()
    assert 0.1 < expected < 0.9
    assert retrieval_accuracy(source, target) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("pairs", "others"), [((1, 4), (1, 4)), ((3, 4), (2, 4)), ((3, 4), (3, 5)), ((4,), (4,))]
)
def test_shapes_that_do_not_fit_are_an_error(pairs, others):
    with pytest.raises(ValueError, match=r"\[X734\]"):
        retrieval_accuracy(np.ones(pairs), np.ones(others))
