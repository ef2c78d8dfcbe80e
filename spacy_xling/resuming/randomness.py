"""The global random generators, which spaCy and its components draw from."""

import base64
import random
from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from thinc.api import fix_random_seed

States = dict[str, str]


class Generator(NamedTuple):
    """A global generator. A state is a string, so that two can be compared and any JSON library holds them.

    get (Callable[[], str]): Gives its state.
    set (Callable[[str], None]): Puts it in a state.
    """

    get: Callable[[], str]
    set: Callable[[str], None]


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
    """Save where Python's, numpy's and torch's global generators stand; CUDA's is left out.

    RETURNS (dict[str, str]): State by name of the generator.
    """
    return {name: generator.get() for name, generator in GENERATORS.items()}


def set_generator_states(states: States) -> None:
    """Go to saved states.

    states (dict[str, str]): A value of `generator_states`.
    """
    for name, state in states.items():
        GENERATORS[name].set(state)


def cuda_states() -> list[str]:
    """Save where torch's generators on CUDA devices stand.

    RETURNS (list[str]): A state per device, none without CUDA.
    """
    return [_encode(state.numpy()) for state in torch.cuda.get_rng_state_all()] if _has_cuda() else []


def set_cuda_states(states: list[str]) -> None:
    """Go to saved states, if there is CUDA.

    states (list[str]): A value of `cuda_states`.
    """
    if _has_cuda():
        torch.cuda.set_rng_state_all([torch.from_numpy(_decode(state, np.uint8)) for state in states])


def _has_cuda() -> bool:
    return torch.cuda.is_available()


def _encode(numbers: Any) -> str:
    return base64.b64encode(memoryview(numbers).cast("B")).decode("ascii")


def _decode(text: str, dtype: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=dtype).copy()


def _python_state() -> str:
    _, numbers, gauss = random.getstate()
    return f"{_encode(array('I', numbers))} {gauss!r}"


def _set_python_state(state: str) -> None:
    numbers, gauss = state.split()
    version, _, _ = random.getstate()
    # None, or the second of two numbers that random.gauss makes at a time.
    spare = None if gauss == "None" else float(gauss)
    random.setstate((version, tuple(_decode(numbers, np.uint32).tolist()), spare))


def _numpy_state() -> str:
    state: dict[str, Any] = np.random.get_state(legacy=False)
    position = f"{state['state']['pos']} {state['has_gauss']} {float(state['gauss'])!r}"
    return f"{_encode(np.asarray(state['state']['key'], dtype=np.uint32))} {position}"


def _set_numpy_state(state: str) -> None:
    key, position, has_gauss, gauss = state.split()
    np.random.set_state(("MT19937", _decode(key, np.uint32), int(position), int(has_gauss), float(gauss)))


def _torch_state() -> str:
    return _encode(torch.get_rng_state().numpy())


def _set_torch_state(state: str) -> None:
    torch.set_rng_state(torch.from_numpy(_decode(state, np.uint8)))


GENERATORS = {
    "python": Generator(_python_state, _set_python_state),
    "numpy": Generator(_numpy_state, _set_numpy_state),
    "torch": Generator(_torch_state, _set_torch_state),
}
