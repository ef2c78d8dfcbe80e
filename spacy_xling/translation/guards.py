"""What translation models are known to do wrong, seen from the texts alone.

Each guard is given a sentence and its translation. All are cheap, and none knows the languages: they find
what no good translation looks like, and not what is merely wrong.
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import eq
from typing import Any

import regex

# An n-gram of words that stands so often in a row, and not in the source, is a loop.
LONGEST_NGRAM = 8
COPIES = 3
COPIES_OF_ONE_WORD = 4
LETTERS_IN_A_ROW = regex.compile(r"(\w{1,8}?)\1{9}", regex.IGNORECASE)
# Shorter sentences may well be names, and stay as they are.
SHORTEST_COPY = 4
# Letters that a translation may have for each of the source, or the other way round, and as many more.
LENGTH_RATIO = 3.0
LENGTH_MARGIN = 20
# An ideograph says about as much as three letters.
WIDE = 3
# Share of the letters of a translation that are of its script.
SCRIPT_SHARE = 0.5
SHORTEST_OF_A_SCRIPT = 4

# Scripts of ISO 15924 that are several of Unicode's, or none.
SCRIPTS = {
    "Jpan": ("Hani", "Hira", "Kana"),
    "Hang": ("Hang", "Hani"),
    "Hans": ("Hani",),
    "Hant": ("Hani",),
}
# They put no spaces between words, so that a character counts as one.
UNSPACED = {"Jpan", "Hans", "Hant", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"}
UNITS = regex.compile(
    r"[\p{sc=Hani}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}\p{sc=Tibt}]|[\w&&\p{L}\p{M}\p{N}]+",
    regex.V1,
)
LETTER = regex.compile(r"\p{L}")


def find_doubts(
    source: str, translation: str, *, script: str | None, unfinished: bool = False
) -> tuple[str, ...]:
    """Look for all that can be wrong with a translation.

    source (str): A sentence.
    translation (str): Its translation.
    script (str | None): The script of the target, by ISO 15924; None if it isn't known.
    unfinished (bool): The model came to no end, so that the translation was ended.
    RETURNS (tuple[str, ...]): Kinds of doubt, some of `KINDS`; an empty one is nothing else besides.
    """
    if is_empty(source, translation):
        return ("empty",)
    found = (
        ("copied", is_copied(source, translation)),
        ("repeated", is_repeated(source, translation)),
        ("length", unfinished or is_impossible_length(source, translation)),
        ("script", script is not None and is_wrong_script(source, translation, script=script)),
    )
    return tuple(kind for kind, holds in found if holds)


KINDS = ("empty", "copied", "repeated", "length", "script")


def is_empty(source: str, translation: str) -> bool:
    """Nothing is left of a sentence with words: the translation has no letter and no digit."""
    return bool(_units(source)) and not _units(translation)


def is_copied(source: str, translation: str) -> bool:
    """The translation is the source, but for case and punctuation; names of up to three words may be."""
    units = _units(source)
    return len(units) >= SHORTEST_COPY and units == _units(translation)


def is_repeated(source: str, translation: str) -> bool:
    """A word stands four times in a row, two to eight words three times, or one to eight letters ten times,
    and not so in the source. Characters are words where a script has no spaces.
    """
    if LETTERS_IN_A_ROW.search(translation) and not LETTERS_IN_A_ROW.search(source):
        return True
    return bool(_loops(_units(translation)) - _loops(_units(source)))


def is_impossible_length(source: str, translation: str) -> bool:
    """One of both is more than three times as long as the other, and 20 letters more. Ideographs and
    syllables of the width of two letters count as three.
    """
    first, second = sorted((_size(source), _size(translation)))
    return second > LENGTH_RATIO * first + LENGTH_MARGIN


def is_wrong_script(source: str, translation: str, *, script: str) -> bool:
    """Of the words that don't stand in the source, too, as names do, fewer than half of the letters are of
    the target's script. Three letters and fewer say nothing.
    """
    pattern = _letters_of(script)
    known = set(_units(source))
    new = "".join(word for word in _units(translation) if word not in known)
    letters = LETTER.findall(new)
    if pattern is None or len(letters) < SHORTEST_OF_A_SCRIPT:
        return False
    return len(pattern.findall(new)) < SCRIPT_SHARE * len(letters)


def _units(text: str) -> list[str]:
    return UNITS.findall(text.casefold())


def _loops(units: Sequence[str]) -> set[int]:
    """The lengths of n-grams that follow themselves."""
    found = set()
    for n in range(1, min(LONGEST_NGRAM, len(units) // 2) + 1):
        # So many units in a row are those that stand n before them.
        longest = max(sum(run) for _, run in groupby(map(eq, units[n:], units)))
        if longest >= n * ((COPIES_OF_ONE_WORD if n == 1 else COPIES) - 1):
            found.add(n)
    return found


def _size(text: str) -> int:
    return sum(
        WIDE if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
        if character.isalnum()
    )


@lru_cache(maxsize=256)
def _letters_of(script: str) -> Any | None:
    """Matches a letter of a script, also one that several have; None if Unicode has no such script."""
    names = "".join(rf"\p{{scx={name}}}" for name in SCRIPTS.get(script, (script,)))
    try:
        return regex.compile(rf"[\p{{L}}&&[{names}]]", regex.V1)
    except regex.error:
        return None
