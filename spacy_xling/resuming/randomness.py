"""The global random generators, which spaCy and its components draw from."""

import json
import random
from collections.abc import Callable

import numpy as np
import torch
from thinc.api import fix_random_seed

States = dict[str, str]


def seed_generators(seed: int, rank: int) -> None:
    """Seed the global generators as spaCy does. Of several processes each has torch's for itself, which
    dropout draws from; Python's and numpy's, by which text is shuffled, are alike in all.

    seed (int): The seed.
    rank (int): Number of the process.
    """
    fix_random_seed(seed)
    if rank:
        torch.manual_seed(int(np.random.SeedSequence([seed, rank]).generate_state(1)[0]))


def generator_states() -> States:
    """Where Python's, numpy's and torch's global generators stand, by their names; CUDA's is left out."""
    return {name: get_state() for name, (get_state, _) in GENERATORS.items()}


def set_generator_states(states: States) -> None:
    """Go to saved states, of some generators or of all."""
    for name, state in states.items():
        _, set_state = GENERATORS[name]
        set_state(state)


def cuda_states() -> list[str]:
    """Where torch's generators on CUDA devices stand, a state per device; none without CUDA."""
    return [_encode(state) for state in torch.cuda.get_rng_state_all()]


def set_cuda_states(states: list[str]) -> None:
    """Go to saved states, if there is CUDA."""
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all([_decode(state) for state in states])


def _encode(state: torch.Tensor) -> str:
    return state.numpy().tobytes().hex()


def _decode(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)


def _set_python_state(state: str) -> None:
    version, numbers, gauss = json.loads(state)
    random.setstate((version, tuple(numbers), gauss))


# Of each generator, what gives its state, and what puts it in one. A state is a string, so that two can be
# compared and any JSON library holds them.
GENERATORS: dict[str, tuple[Callable[[], str], Callable[[str], None]]] = {
    "python": (lambda: json.dumps(random.getstate()), _set_python_state),
    "numpy": (
        lambda: json.dumps(np.random.get_state(), default=np.ndarray.tolist),
        lambda state: np.random.set_state(tuple(json.loads(state))),
    ),
    "torch": (lambda: _encode(torch.get_rng_state()), lambda state: torch.set_rng_state(_decode(state))),
}
