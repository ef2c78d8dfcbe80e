"""Texts to sentences and back, with all that stands between them."""

import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache

import spacy
from spacy.language import Language
from spacy.util import compile_infix_regex

from ..data.codes import parse_code

LINE = re.compile(r"[^\r\n]+")
# They end a sentence without a space after them, and may themselves be followed by one that closes a
# quotation.
WIDE_STOPS = "[。！？｡．」』）]"
WORD_END = re.compile(r"\S(?=\s|$)")


def split_sentences(text: str, language: str | None) -> list[str]:
    """Split a text into its sentences.

    Lines are split by spaCy's sentencizer, on the words of the language's own tokenizer if spaCy has one that
    needs nothing else: it knows abbreviations. A line end ends a sentence, too.

    text (str): The text.
    language (str | None): The code of its language; None if it isn't known.
    RETURNS (list[str]): What stands between sentences and the sentences in turn, so that their concatenation
        is the text: the sentences are 1, 3, 5 ...
    """
    parts, end = [], 0
    nlp = _splitter(parse_code(language).language if language else "xx")
    # Without it, spaCy would keep each word of a stream.
    with nlp.memory_zone():
        for line in LINE.finditer(text):
            for found in nlp(line.group()).sents:
                sentence = found.text.strip()
                if sentence:
                    start = line.start() + found.start_char + found.text.index(sentence)
                    parts += [text[end:start], sentence]
                    end = start + len(sentence)
    return [*parts, text[end:]]


def whole(text: str) -> list[str]:
    """A text as one sentence, as `split_sentences` gives them, but for the white space around it."""
    inner = text.strip()
    start = text.find(inner)
    return [text[:start], inner, text[start + len(inner) :]] if inner else [text]


def cut(sentence: str, fits: Callable[[str], bool]) -> list[str]:
    """Cut a sentence that is too long for a model into parts that aren't, at the end of a word where there is
    one.

    sentence (str): The sentence, without blanks around it.
    fits (Callable[[str], bool]): Whether a part is short enough; those that a part begins with are, too.
    RETURNS (list[str]): As `split_sentences`, with parts instead of sentences.
    """
    parts, start = [""], 0
    while not fits(sentence[start:]):
        ends = [found.end() for found in WORD_END.finditer(sentence, start)]
        end = _last_that_fits(sentence, start, ends, fits)
        if end is None:
            characters = range(start + 1, len(sentence) + 1)
            # A part of one character is passed on, whatever it is.
            end = _last_that_fits(sentence, start, characters, fits) or start + 1
        rest = sentence[end:].lstrip()
        following = len(sentence) - len(rest)
        parts += [sentence[start:end], sentence[end:following]]
        start = following
        if not rest:
            return parts
    return [*parts, sentence[start:], ""]


def join(parts: Sequence[str], *, spaced: bool) -> str:
    """Join translated sentences as the sentences stood.

    parts (Sequence[str]): As `split_sentences` gives them, with translations instead of sentences.
    spaced (bool): The target puts spaces between sentences: one stands where the source had none.
    RETURNS (str): The text.
    """
    joined = list(parts)
    for between in range(2, len(joined) - 1, 2):
        joined[between] = joined[between] or (" " if spaced else "")
    return "".join(joined)


def _last_that_fits(
    sentence: str, start: int, ends: Sequence[int], fits: Callable[[str], bool]
) -> int | None:
    """The greatest of rising ends whose part is short enough; None if none is."""
    fitting = bisect_left(ends, True, key=lambda end: not fits(sentence[start:end]))
    return ends[fitting - 1] if fitting else None


@lru_cache(maxsize=64)
def _splitter(language: str) -> Language:
    try:
        nlp = spacy.blank(language)
    # spaCy hasn't the language, or has its tokenizer from a library that isn't there.
    except ImportError:
        nlp = spacy.blank("xx")
        infixes = [*(nlp.Defaults.infixes or ()), WIDE_STOPS]
        nlp.tokenizer.infix_finditer = compile_infix_regex(infixes).finditer
    nlp.max_length = sys.maxsize
    nlp.add_pipe("sentencizer")
    return nlp
