"""What processes that train together do in `test_ranks.py`: run by torchrun as a module, or alone.

    python -m tests.training.joined CHECKPOINT FOLDER

Each case is a batch for each of two processes. Of each the gradients, as an optimiser is given them, and the
losses are written to FOLDER, by each process for itself.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from spacy.lang.xx import MultiLanguage
from thinc.api import fix_random_seed, xp2torch

from spacy_xling.models.architectures import joint_shim, translation_shim
from spacy_xling.training.ranks import launched, ranks
from spacy_xling.types import MaskedPieces
from tests.conftest import MULTI, SINGLE, TEXTS, make_examples
from tests.pipeline.textcats import EXCLUSIVE, INDEPENDENT, plain_config
from tests.pipeline.translators import NAME, PAIRS, translator_config
from tests.pipeline.translators import make_examples as make_pairs

UNLABELLED = [(text, {}) for text in TEXTS[2:7]]
WEIGHTS = {"@losses": "spacy-xling.CrossEntropy.v1", "class_weights": [["LATE", 3.0]]}
PARTLY = [("The box was broken.", {"BROKEN": 1.0}), *MULTI[:2]]

# Component, settings, norm that gradients are clipped to, and steps' batches by process.
CASES = {
    "mean": (EXCLUSIVE, {}, 0.0, [(SINGLE[:3] + UNLABELLED[:1], SINGLE[3:] + UNLABELLED[1:3])]),
    "sum": (
        EXCLUSIVE,
        {"objective": {"reduction": "sum"}},
        0.0,
        [(SINGLE[:3] + UNLABELLED[:1], SINGLE[3:] + UNLABELLED[1:])],
    ),
    "class weights": (
        EXCLUSIVE,
        {"objective": {"classification": WEIGHTS}},
        0.0,
        [(SINGLE[:1], SINGLE[1:] + UNLABELLED[:2])],
    ),
    "accumulated": (
        EXCLUSIVE,
        {},
        0.0,
        [(SINGLE[:1] + UNLABELLED[:1], SINGLE[1:2]), (SINGLE[2:], UNLABELLED[1:3])],
    ),
    "clipped": (EXCLUSIVE, {}, 0.01, [(SINGLE[:3] + UNLABELLED[:1], SINGLE[3:] + UNLABELLED[1:3])]),
    "no labels here": (EXCLUSIVE, {}, 0.0, [(SINGLE, UNLABELLED[:2])]),
    "no masks here": (EXCLUSIVE, {}, 0.0, [(SINGLE[:2] + UNLABELLED[:2], SINGLE[2:])]),
    "labels that aren't known": (INDEPENDENT, {}, 0.0, [(PARTLY[:1] + UNLABELLED[:1], PARTLY[1:])]),
    "translations": (NAME, {"mlm_weight": 0.0}, 0.0, [(PAIRS[:1], PAIRS[1:])]),
}


def mask_every_third(pieces, vocabulary, generator):
    """Masks that depend on the window alone, in whatever batch it stands."""
    starts = np.cumsum(pieces.lengths) - pieces.lengths
    places = np.arange(len(pieces.ids)) - np.repeat(starts, pieces.lengths)
    positions = np.flatnonzero(pieces.is_word & (places % 3 == 1))
    return MaskedPieces(pieces, positions, pieces.ids[positions])


class Recorder:
    """An optimiser that keeps the gradients that it is given, and changes nothing."""

    def __init__(self, grad_clip):
        self.grad_clip = grad_clip
        self.gradients = {}

    def __call__(self, key, weights, gradient):
        self.gradients[key[1]] = xp2torch(gradient).clone()
        return weights, gradient


def make_component(nlp, checkpoint, name, settings):
    if name == NAME:
        pipe = nlp.add_pipe(name, config=translator_config(checkpoint, **settings))
        examples = make_pairs(nlp)
    else:
        objective = {"mlm_weight": 0.3, **settings.get("objective", {})}
        pipe = nlp.add_pipe(name, config=plain_config(checkpoint, objective=objective))
        examples = make_examples(nlp, SINGLE if name == EXCLUSIVE else MULTI)
        # Docs without categories are the raw text.
        examples += make_examples(nlp, UNLABELLED)
    fix_random_seed(0)
    pipe.initialize(lambda: examples)
    pipe.masking = mask_every_third
    shim = (translation_shim if name == NAME else joint_shim)(pipe.model)
    shim.module.to(torch.float64)
    return pipe


def run_case(checkpoint, folder, case):
    name, settings, grad_clip, steps = CASES[case]
    nlp = MultiLanguage()
    pipe = make_component(nlp, checkpoint, name, settings)
    optimizer, losses = Recorder(grad_clip), {}
    for batches in steps:
        own = batches[ranks().number] if ranks().count > 1 else [item for part in batches for item in part]
        examples = make_pairs(nlp, own) if name == NAME else make_examples(nlp, own)
        pipe.update(examples, losses=losses)
    pipe.finish_update(optimizer)
    where = folder / f"{case}-{ranks().number}-{ranks().count}"
    save_file(optimizer.gradients, where.with_suffix(".safetensors"))
    where.with_suffix(".json").write_text(json.dumps(losses))


def run_all(checkpoint, folder):
    torch.set_num_threads(1)
    for case in CASES:
        run_case(checkpoint, folder, case)


if __name__ == "__main__":
    with launched():
        run_all(Path(sys.argv[1]), Path(sys.argv[2]))
