"""Code-switched texts, as the model sees them in training."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..data.conversion import read_docs
from ..data.labelled import build_labelled_text_v1
from ..data.languages import UNKNOWN, get_language
from ..data.sampling import reservoir_sample
from ..dictionaries.dictionary import Dictionaries
from ..dictionaries.words import find_words
from ..errors import Errors
from .code_switching import CodeSwitcher, CodeSwitching, Replacement


class PreviewWord(NamedTuple):
    """A word, or a phrase, of a switched text.

    text (str): How the text had it.
    replacement (Replacement | None): What stands there now; None for what stays.
    """

    text: str
    replacement: Replacement | None


class TextPreview(NamedTuple):
    """A switched text.

    before (str): The text.
    now (str): The text as the model sees it.
    words (Sequence[PreviewWord]): Its words.
    """

    before: str
    now: str
    words: Sequence[PreviewWord]


def preview_switching(
    labelled: Path, dictionaries: Dictionaries, settings: CodeSwitching, *, n: int = 5
) -> list[TextPreview]:
    """Switch a sample of labelled texts.

    labelled (Path): Labelled text.
    dictionaries (Dictionaries): The dictionaries.
    settings (CodeSwitching): How to switch; its seed draws the sample too.
    n (int): How many texts.
    RETURNS (list[TextPreview]): The texts.
    RAISES (ValueError): No text is in a language that there is a dictionary of.
    """
    docs = read_docs(build_labelled_text_v1(labelled))
    fitting = [doc for doc in docs if dictionaries.of(get_language(doc))]
    if not fitting:
        found = ", ".join(sorted({get_language(doc) or UNKNOWN for doc in docs}))
        sources = ", ".join(dictionaries.sources)
        raise ValueError(Errors.X159.format(path=labelled, found=found, sources=sources))
    switcher = CodeSwitcher(settings, dictionaries)
    previews = []
    for doc in reservoir_sample(fitting, n, seed=settings.seed):
        switched = switcher.switch(doc.text, get_language(doc))
        words = list(_words(doc.text, switched.replacements))
        previews.append(TextPreview(doc.text, switched.text, words))
    return previews


def _words(text: str, replacements: Sequence[Replacement]) -> Iterator[PreviewWord]:
    words, number = find_words(text), 0
    for replacement in replacements:
        yield from (PreviewWord(word.text, None) for word in words[number : replacement.first])
        number = replacement.first + replacement.n_words
        before = text[words[replacement.first].start : words[number - 1].end]
        yield PreviewWord(before, replacement)
    yield from (PreviewWord(word.text, None) for word in words[number:])
