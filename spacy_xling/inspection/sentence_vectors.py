"""Vectors of texts from the hidden states of an encoder, and how well translations find each other."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import Errors
from ..models.batches import Padding, padding_for, windows
from ..models.checkpoint import Encoder
from ..models.masked_lm import evaluating
from ..models.pooling import MeanPooling
from ..pieces.windows import split_windows

# In a batch of another length, the vector of a text comes out different by this share of its length.
ROUNDING = 1e-6
# Rows of the matrix of cosines in memory at a time.
ROWS = 1024


def sentence_vectors(
    encoder: Encoder, texts: Sequence[str], *, layer: int, pass_pieces: int = 4096
) -> np.ndarray:
    """The mean of a layer's hidden states over the ordinary pieces of each text; of a text longer than the
    window, over those of all its windows.

    encoder (Encoder): The encoder.
    texts (Sequence[str]): The texts.
    layer (int): 0 for what the embedding layer gives to the first layer (word, position and type, after its
        norm; with ALBERT, at the layers' width), k for the output of layer k. That of the last layer is what
        the LM head takes.
    pass_pieces (int): The most pieces, padding included, that pass the encoder at a time.
    RETURNS (np.ndarray): The vectors, zeros for a text without pieces. *Shape:* (texts, width)
    RAISES (ValueError): The encoder has no such layer.
    """
    layer = resolve_layer(encoder, layer)
    if not texts:
        return np.zeros((0, encoder.masked_lm.encoder.width), dtype=np.float32)
    pieces = split_windows(encoder.tokenizer.backend_tokenizer, texts)
    batches = windows(pieces, padding(encoder, pass_pieces), pool_specials=False)
    pooling = MeanPooling()
    with evaluating(encoder.masked_lm):
        sums, counts = zip(
            *(
                pooling.evidence(_hidden(encoder, batch.ids, batch.attention, layer), batch.pooled)
                for batch in batches
            ),
            strict=True,
        )
    owners = torch.cat([batch.texts for batch in batches])
    vectors = pooling.combine((torch.cat(sums), torch.cat(counts)), owners, len(texts))
    return vectors.float().cpu().numpy()


def retrieval_accuracy(source: np.ndarray, target: np.ndarray) -> float:
    """The share of the source vectors whose own target vector is closer, by cosine, than every other one.
    A tie counts as a miss.

    source (np.ndarray): Vectors of texts. *Shape:* (pairs, width)
    target (np.ndarray): Vectors of their translations, in the same order. *Shape:* (pairs, width)
    RETURNS (float): The accuracy at 1, from 0 to 1.
    RAISES (ValueError): The shapes differ, or there are fewer than two pairs.
    """
    if source.ndim != 2 or source.shape != target.shape or len(source) < 2:
        expected = "two of the same shape (pairs, width), with 2 pairs or more"
        raise ValueError(Errors.X734.format(source=source.shape, target=target.shape, expected=expected))
    source, target = _unit(source), _unit(target)
    found = 0
    for start in range(0, len(source), ROWS):
        cosines = source[start : start + ROWS] @ target.T
        rows = np.arange(len(cosines))
        own = cosines[rows, start + rows]
        cosines[rows, start + rows] = -np.inf
        found += int((own > cosines.max(axis=1) + ROUNDING).sum())
    return found / len(source)


def resolve_layer(encoder: Encoder, layer: int | None) -> int:
    """The number of a layer, from 0 (the embeddings); None gives the middle one. X731 for one too many."""
    depth = int(encoder.masked_lm.model.config.num_hidden_layers)
    if layer is None:
        return depth // 2
    if not 0 <= layer <= depth:
        raise ValueError(Errors.X731.format(layer=layer, depth=depth))
    return layer


def padding(encoder: Encoder, pass_pieces: int) -> Padding:
    """How windows become batches for an encoder, on the device where it lies."""
    device = encoder.masked_lm.decoder.weight.device
    return padding_for(encoder.tokenizer, pass_pieces, "fp32", device)


def _hidden(encoder: Encoder, ids: Tensor, attention: Tensor, layer: int) -> Tensor:
    """Hidden states of a layer. *Shape:* (windows, length, width)"""
    outputs = encoder.masked_lm.model.base_model(
        inputs_embeds=encoder.masked_lm.encoder.embed(ids),
        attention_mask=attention,
        output_hidden_states=True,
        return_dict=True,
    )
    # ModernBERT lists its last layer's output before the norm that the LM head takes it after.
    last = layer == len(outputs.hidden_states) - 1
    return outputs.last_hidden_state if last else outputs.hidden_states[layer]


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1, but for those of zeros. *Shape:* (vectors, width)"""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(lengths == 0, 1, lengths)
