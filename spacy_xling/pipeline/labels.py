"""What the components learn about labels from examples."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from spacy.training import Example

from ..errors import Errors
from ..objective.classification import LabelCounts


class SeenCategories(NamedTuple):
    """The categories of some examples.

    labels (list[str]): The labels, in the order of first appearance.
    counts (LabelCounts): How often each is given and denied.
    n_unlabelled (int): How many examples have no categories.
    """

    labels: list[str]
    counts: LabelCounts
    n_unlabelled: int


def count_categories(
    examples: Iterable[Example], validate: Callable[[Iterable[Example]], None]
) -> SeenCategories:
    """Look at the examples, once.

    examples (Iterable[Example]): The examples.
    validate (Callable[[Iterable[Example]], None]): Raises an error for categories that don't fit.
    RETURNS (SeenCategories): Their categories.
    """
    labels: dict[str, None] = {}
    counts = LabelCounts()
    n_unlabelled = 0
    for example in examples:
        validate([example])
        cats = example.reference.cats
        labels.update(dict.fromkeys(cats))
        counts.add(cats)
        n_unlabelled += not cats
    return SeenCategories(list(labels), counts, n_unlabelled)


def require_known_labels(examples: Iterable[Example], labels: Sequence[str], name: str) -> None:
    """Refuse examples with other labels than the component's.

    examples (Iterable[Example]): The examples.
    labels (Sequence[str]): The component's labels.
    name (str): Its name.
    RAISES (ValueError): An example has another label.
    """
    known = set(labels)
    for example in examples:
        if not known.issuperset(example.reference.cats):
            unknown = sorted(set(example.reference.cats) - known)
            raise ValueError(Errors.X506.format(name=name, unknown=unknown, known=list(labels)))
