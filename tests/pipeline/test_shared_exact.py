"""Gradients on a shared encoder equal a reference in plain PyTorch: spaCy's losses and the masked-LM term.

The reference runs `AutoModelForMaskedLM` with full logits, heads written out, and autograd.
"""

import numpy as np
import pytest
import spacy
import torch
from thinc.api import NumpyOps
from torch.nn import functional as F
from transformers import AutoModelForMaskedLM, AutoTokenizer

from spacy_xling.models.architectures import joint_shim, lm_head_shim
from tests.conftest import SINGLE, make_checkpoint, make_examples
from tests.pipeline.shared import (
    NO_DROPOUT,
    RawTexts,
    Recorder,
    count_passes,
    initialize_shared,
    make_shared,
    record_masks,
    shared_examples,
    train_step,
    transformer_of,
)


class Float64Ops(NumpyOps):
    """thinc's own matrix product takes nothing but float32, and gradients are float32 where nobody asks."""

    def alloc(self, shape, *, dtype="float32", zeros=True):
        return super().alloc(shape, dtype="float64" if dtype == "float32" else dtype, zeros=zeros)


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """Folder of a tiny checkpoint without dropout, by family."""
    made = {}

    def checkpoint(family):
        if family not in made:
            made[family] = make_checkpoint(family, tmp_path_factory.mktemp(f"still-{family}"), **NO_DROPOUT)
        return made[family]

    return checkpoint


def in_float64(nlp, listeners):
    """Turn encoder, LM head and the listeners' last layers to float64, with weights that aren't zero."""
    generator = np.random.default_rng(1)
    transformer_of(nlp).double()
    if "xling_mlm" in nlp.pipe_names:
        lm_head_shim(nlp.get_pipe("xling_mlm").model)._model.double()
    for name in listeners:
        for node in nlp.get_pipe(name).model.walk():
            node.ops = Float64Ops(use_blis=False)
            for parameter in node.param_names:
                shape = node.get_param(parameter).shape
                node.set_param(parameter, generator.normal(0, 0.3, shape))


def last_layer(nlp, name):
    """Weights of a listener's only layer, as tensors."""
    (node,) = (node for node in nlp.get_pipe(name).model.walk() if node.param_names)
    return [torch.from_numpy(node.get_param(parameter).copy()) for parameter in ("W", "b")]


def mlm_loss(model, pad_id, masked, reduction):
    pieces = masked.pieces
    cuts = pieces.starts[1:]
    labels = np.full(len(pieces.ids), -100)
    labels[masked.positions] = masked.targets
    pad = torch.nn.utils.rnn.pad_sequence
    ids = pad([torch.from_numpy(part) for part in np.split(pieces.ids, cuts)], True, pad_id)
    wanted = pad([torch.from_numpy(part) for part in np.split(labels, cuts)], True, -100)
    logits = model(input_ids=ids, attention_mask=ids != pad_id).logits
    return F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100, reduction=reduction)


def token_vectors(model, tokenizer, texts, docs):
    """Of each text, the vectors of its tokens: the mean of their pieces'."""
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    hidden = model.base_model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
    for row, doc in enumerate(docs):
        align = doc._.trf_data.align
        starts = np.cumsum(align.lengths) - align.lengths
        # Places of the pieces are counted within the text.
        spans = [align.data[s : s + n, 0] for s, n in zip(starts, align.lengths, strict=True)]
        yield torch.stack([hidden[row][torch.from_numpy(span)].mean(0) for span in spans])


def reference_gradients(checkpoint, nlp, batches, masks, listeners, weight, reduction):
    model = AutoModelForMaskedLM.from_pretrained(checkpoint).double()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    layers = {name: last_layer(nlp, name) for name in listeners}
    for examples, masked in zip(batches, masks, strict=True):
        texts = [example.text for example in examples]
        docs = [nlp(text) for text in texts]
        loss = torch.zeros((), dtype=torch.float64)
        for example, vectors in zip(examples, token_vectors(model, tokenizer, texts, docs), strict=True):
            for name, (weights, bias) in layers.items():
                labels = list(nlp.get_pipe(name).labels)
                if name == "textcat":
                    cats = example.reference.cats
                    logits = (vectors.mean(0) @ weights.T + bias).unsqueeze(0)
                    truth = [labels.index(max(cats, key=cats.get))]
                else:
                    logits = vectors @ weights.T + bias
                    truth = [labels.index(token.tag_) for token in example.reference]
                loss = loss + F.cross_entropy(logits, torch.tensor(truth), reduction="sum")
        n_docs = len(examples) if reduction == "mean" else 1
        loss = loss + weight * n_docs * mlm_loss(model, tokenizer.pad_token_id, masked, reduction)
        loss.backward()
    named = {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
    prefix = f"{model.base_model_prefix}."
    encoder = {name[len(prefix) :]: grad for name, grad in named.items() if name.startswith(prefix)}
    head = {name: grad for name, grad in named.items() if not name.startswith(prefix)}
    return encoder, head


def assert_equal(found, expected, largest):
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert np.abs(found[name] - gradient).max() <= 1e-8 * largest, name


def gradients_of_a_step(nlp, batches):
    recorder = Recorder()
    train_step(nlp, batches, recorder)
    assert len(recorder.calls) == len(set(recorder.calls))
    (shim,) = (shim for node in nlp.get_pipe("transformer").model.walk() for shim in node.shims)
    head = recorder.of(lm_head_shim(nlp.get_pipe("xling_mlm").model))
    return recorder.of(shim), head


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("listeners", [("textcat",), ("textcat", "tagger")], ids=["one", "two"])
@pytest.mark.parametrize("n_batches", [1, 2], ids=["whole", "accumulated"])
def test_gradients_on_the_encoder_equal_plain_pytorch_and_each_parameter_is_stepped_once(
    still, listeners, reduction, n_batches, monkeypatch
):
    checkpoint = still("xlm-roberta")
    nlp = make_shared(checkpoint, reduction=reduction, listeners=listeners, model={"pass_pieces": 40})
    examples = shared_examples(nlp)
    initialize_shared(nlp, examples)
    in_float64(nlp, listeners)
    masks = record_masks(nlp.get_pipe("xling_mlm"), monkeypatch)
    batches = [examples] if n_batches == 1 else [examples[:1], examples[1:]]
    found, head = gradients_of_a_step(nlp, batches)
    encoder, expected_head = reference_gradients(checkpoint, nlp, batches, masks, listeners, 0.3, reduction)
    largest = max(np.abs(gradient).max() for gradient in encoder.values())
    assert largest > 1e-3
    assert_equal(found, encoder, largest)
    assert len(head) == len(expected_head)
    # The bias goes by another name where the head stands alone.
    expected_head["bias"] = expected_head.pop("lm_head.bias")
    assert_equal(head, expected_head, largest)


def test_gradients_of_each_family_equal_plain_pytorch(still, family, monkeypatch):
    checkpoint = still(family)
    nlp = make_shared(checkpoint)
    examples = shared_examples(nlp)
    initialize_shared(nlp, examples)
    in_float64(nlp, ("textcat",))
    masks = record_masks(nlp.get_pipe("xling_mlm"), monkeypatch)
    found, head = gradients_of_a_step(nlp, [examples])
    encoder, expected_head = reference_gradients(
        checkpoint, nlp, [examples], masks, ("textcat",), 0.3, "mean"
    )
    largest = max(np.abs(gradient).max() for gradient in encoder.values())
    assert largest > 1e-3
    assert_equal(found, encoder, largest)
    # The decoder's bias goes by another name where the head stands alone.
    (named,) = (name for name, gradient in expected_head.items() if gradient.shape == head["bias"].shape)
    expected_head["bias"] = expected_head.pop(named)
    assert_equal(head, expected_head, largest)


def test_the_gradient_is_the_same_wherever_the_component_stands_behind_the_transformer(still):
    found = []
    for last in (False, True):
        nlp = make_shared(still("xlm-roberta"), last=last)
        examples = shared_examples(nlp)
        initialize_shared(nlp, examples)
        in_float64(nlp, ("textcat",))
        found.append(gradients_of_a_step(nlp, [examples[:1], examples[1:]])[0])
    assert_equal(found[1], found[0], max(np.abs(gradient).max() for gradient in found[0].values()))


def words_of_one_piece(checkpoint):
    pieces = AutoTokenizer.from_pretrained(checkpoint).get_vocab()
    return sorted(piece for piece in pieces if piece.isalpha() and len(piece) > 1)


def test_under_sum_the_two_ways_of_the_objective_give_one_gradient_on_the_encoder(still):
    # A piece of BERT's begins where its word does; XLM-R's begins at the space before, which belongs to the
    # token before.
    checkpoint = still("bert")
    words = words_of_one_piece(checkpoint)
    texts = [" ".join(words[n : n + 3 + n % 2]) for n in range(0, 12, 3)]
    data = [(text, cats) for text, (_, cats) in zip(texts, SINGLE, strict=True)]
    shared = make_shared(checkpoint, reduction="sum", texts_per_update=5)
    examples = make_examples(shared, data)
    initialize_shared(shared, examples)
    in_float64(shared, ("textcat",))
    found, _ = gradients_of_a_step(shared, [examples])

    owner = spacy.blank("xx")
    model = {
        "encoder": {"name": str(checkpoint)},
        "pooling": "mean",
        "pool_specials": False,
    }
    objective = {"mlm_weight": 0.3, "reduction": "sum"}
    textcat = owner.add_pipe(
        "xling_textcat", config={"model": model, "objective": objective, "texts_per_update": 5}
    )
    textcat.initialize(lambda: examples, unlabelled=lambda nlp: RawTexts())
    module = joint_shim(textcat.model).module.double()
    weights, bias = last_layer(shared, "textcat")
    module.head.output.load_state_dict({"weight": weights, "bias": bias})
    assert all(len(doc) == len(pieces) for doc, pieces in _docs_and_pieces(textcat, examples))
    textcat.update(examples)
    prefix = f"model.{module.masked_lm.model.base_model_prefix}."
    named = module.masked_lm.named_parameters()
    expected = {
        name[len(prefix) :]: p.grad.numpy()
        for name, p in named
        if name.startswith(prefix) and p.grad is not None
    }
    largest = max(np.abs(gradient).max() for gradient in expected.values())
    assert largest > 1e-3
    assert_equal(found, expected, largest)


def _docs_and_pieces(textcat, examples):
    for example in examples:
        pieces = joint_shim(textcat.model).split([example.text])
        yield example.predicted, pieces.ids[pieces.is_word]


class Scaler:
    """A gradient scaler as thinc's, which works on CUDA only."""

    _enabled = True
    found_inf = False

    def scale(self, tensors, inplace):
        return [tensor.mul_(1024.0) for tensor in tensors]

    def unscale(self, tensors):
        for tensor in tensors:
            tensor.div_(1024.0)
        return False

    def update(self):
        pass


def scaled_gradients(checkpoint, n_batches, *, mlm, listeners=("textcat",), scaler=True, skip=0):
    """Gradients on the encoder of one step, after so many that change nothing."""
    nlp = make_shared(checkpoint, mlm=mlm, listeners=listeners)
    examples = shared_examples(nlp)
    initialize_shared(nlp, examples)
    in_float64(nlp, listeners)
    (shim,) = (shim for node in nlp.get_pipe("transformer").model.walk() for shim in node.shims)
    if scaler:
        shim._grad_scaler = Scaler()
    for _ in range(skip + 1):
        recorder = Recorder()
        train_step(nlp, [examples] if n_batches == 1 else [examples[:1], examples[1:]], recorder)
    return recorder.of(shim)


@pytest.mark.parametrize("scaler", [False, True], ids=["plain", "scaled"])
def test_nothing_of_the_steps_in_which_the_transformer_was_frozen_is_left(still, scaler, monkeypatch):
    nlp = make_shared(still("xlm-roberta"), listeners=())
    examples = shared_examples(nlp)
    initialize_shared(nlp, examples)
    in_float64(nlp, ())
    (shim,) = (shim for node in nlp.get_pipe("transformer").model.walk() for shim in node.shims)
    if scaler:
        shim._grad_scaler = Scaler()
    passes = count_passes(nlp, monkeypatch)
    for _ in range(2):
        train_step(nlp, [examples], Recorder(), exclude=["transformer"])
    with pytest.warns(UserWarning, match="W520"):
        train_step(nlp, [examples], Recorder(), exclude=["transformer"])
    assert len(passes) == 2
    # It is noticed when the transformer takes a step again.
    recorders = [Recorder() for _ in range(3)]
    for recorder in recorders:
        train_step(nlp, [examples], recorder)
    assert len(passes) == 4
    assert not any(gradient.any() for gradient in recorders[0].of(shim).values())
    expected = scaled_gradients(still("xlm-roberta"), 1, mlm=True, listeners=(), scaler=False, skip=2)
    largest = max(np.abs(gradient).max() for gradient in expected.values())
    assert_equal(recorders[1].of(shim), expected, largest)


@pytest.mark.parametrize("n_batches", [1, 2], ids=["whole", "accumulated"])
def test_the_upstreams_gradient_scaler_does_not_scale_the_term_back(still, n_batches):
    checkpoint = still("xlm-roberta")
    both = scaled_gradients(checkpoint, n_batches, mlm=True)
    classification = scaled_gradients(checkpoint, n_batches, mlm=False)
    term = scaled_gradients(checkpoint, n_batches, mlm=True, listeners=(), scaler=False)
    assert both.keys() == term.keys() >= classification.keys()
    largest = max(np.abs(gradient).max() for gradient in both.values())
    for name, gradient in both.items():
        expected = term[name] + classification.get(name, 0.0)
        assert np.abs(gradient - expected).max() <= 1e-8 * largest, name
