"""What a reader of raw text, and one of parallel text, has to offer, be it of this package or of another."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from spacy.language import Language

from ..types import StateDict

Item = TypeVar("Item", covariant=True)


class RawText(NamedTuple):
    """A text without labels.

    text (str): The text.
    language (str | None): Its language, or None if it is not known.
    """

    text: str
    language: str | None


class TextPair(NamedTuple):
    """A text in two languages.

    first (str): The text.
    second (str): Its translation.
    languages (str): The pair of languages, e.g. "en-da"; of a file its name up to the first dot.
    """

    first: str
    second: str
    languages: str


class TextStream(Protocol[Item]):
    """An endless stream of texts, whose place can be saved."""

    @property
    def lines(self) -> Mapping[str | None, int]:
        """Number of texts of each language, or pair of languages."""

    @property
    def shares(self) -> Mapping[str | None, float]:
        """How often each language is drawn; all together 1."""

    def __iter__(self) -> Iterator[Item]: ...

    def __next__(self) -> Item: ...

    def state_dict(self) -> StateDict:
        """Save where the stream stands, as plain data that JSON can hold."""

    def load_state_dict(self, state: StateDict) -> None:
        """Go to a saved state; the texts that follow are those that followed when it was saved.

        state (StateDict): A value of `state_dict` of a stream over the same texts.
        """


@runtime_checkable
class RawTextReader(Protocol):
    """A reader of raw text, as `spacy-xling.UnlabelledText.v1` builds."""

    @property
    def heldout_share(self) -> float:
        """Share of the texts that the stream never gives, from 0 to below 1."""

    def __call__(self, nlp: Language | None, *, rank: int = 0) -> TextStream[RawText]:
        """Start a stream.

        nlp (Language | None): The pipeline, if there is one; spaCy calls every reader with it.
        rank (int): Number of the process, of several that read the same texts each in an order of its own.
        RETURNS (TextStream[RawText]): The stream.
        """

    def read_heldout(self, limit: int) -> Mapping[str | None, Sequence[str]]:
        """Read texts that the stream never gives.

        limit (int): The most texts of a language.
        RETURNS (Mapping[str | None, Sequence[str]]): Texts by language, none twice.
        """

    def sample(self, limit: int) -> Mapping[str | None, Sequence[str]]:
        """Sample texts that the stream gives.

        limit (int): The most texts of a language.
        RETURNS (Mapping[str | None, Sequence[str]]): Texts by language.
        """


@runtime_checkable
class ParallelTextReader(Protocol):
    """A reader of parallel text, as `spacy-xling.ParallelText.v1` builds."""

    def __call__(self, nlp: Language | None, *, rank: int = 0) -> TextStream[TextPair]:
        """Start a stream, as `RawTextReader.__call__` does."""

    def read(self) -> Iterator[TextPair]:
        """Read all pairs once.

        YIELDS (TextPair): The pairs.
        """
