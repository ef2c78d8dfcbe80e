"""Samples in constant memory."""

from collections.abc import Iterable
from typing import TypeVar

from ..generators import make_generator

Item = TypeVar("Item")


def reservoir_sample(items: Iterable[Item], size: int, *, seed: int) -> list[Item]:
    """Draw items without replacement in one pass that holds no more than the sample (Vitter 1985, ACM
    Transactions on Mathematical Software 11(1), algorithm R).

    items (Iterable[Item]): The items.
    size (int): How many to draw, 1 or more.
    seed (int): Seed of the draws.
    RETURNS (list[Item]): The sample, in no order; all items if there are not more.
    """
    generator = make_generator(seed)
    sample: list[Item] = []
    for number, item in enumerate(items):
        if number < size:
            sample.append(item)
        elif (slot := int(generator.integers(number + 1))) < size:
            sample[slot] = item
    return sample
