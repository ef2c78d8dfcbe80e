"""Code-switching by dictionaries: pure functions of a text, dictionaries and a generator.

Half of the texts stay as they are. For each of the others a target language is drawn, and each word that the
dictionary of that language has is replaced by one of its translations (CoSDA-ML, Qin et al. 2020, arXiv
2006.06402, where the language is drawn for each word).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ..data.languages import sampling_shares
from ..dictionaries.dictionary import Dictionaries, Dictionary
from ..dictionaries.words import Word, find_words, is_unspaced, lower, sentence_starts
from ..draws import MaterialDraws
from ..errors import Errors
from ..training.ranks import ranks

Unit = Literal["text", "word"]


@dataclass(frozen=True)
class CodeSwitching:
    """How texts are code-switched; see `build_code_switching_v1`."""

    share: float
    rate: float
    by: Unit
    alpha: float
    seed: int


class Replacement(NamedTuple):
    """What replaces some words of a text.

    first (int): The first word that is replaced, from 0 on.
    n_words (int): How many are.
    translation (str): What stands there now.
    target (str): The language of the translation.
    """

    first: int
    n_words: int
    translation: str
    target: str


class Draws(NamedTuple):
    """What was drawn for each word of a text.

    languages (list[int]): Number of the dictionary.
    taken (list[bool]): Whether the word is replaced.
    translations (list[float]): By which of its translations, as a number from 0 to below 1.
    """

    languages: list[int]
    taken: list[bool]
    translations: list[float]


class SwitchedText(NamedTuple):
    """A text after the draw.

    text (str): The text.
    n_words (int): How many words the text had.
    replacements (Sequence[Replacement]): What was replaced; nothing if the text stays as it is.
    """

    text: str
    n_words: int
    replacements: Sequence[Replacement]

    @property
    def n_replaced(self) -> int:
        """How many words were replaced."""
        return sum(replacement.n_words for replacement in self.replacements)


def build_code_switching_v1(
    share: float = 0.5, rate: float = 1.0, by: Unit = "text", alpha: float = 0.0, seed: int = 0
) -> CodeSwitching:
    """Replace words of labelled texts by their translations, drawn again at each visit, in training only.

    share (float): Share of the texts that are switched, from 0 to 1; the others stay as they are.
    rate (float): Share of the words that the dictionary has which are replaced in a switched text, in (0, 1].
    by (Literal["text", "word"]): Whether a target language is drawn for each text or for each word.
    alpha (float): Exponent of the sampling of target languages, p ~ entries^alpha: 0 all alike, 1 by the size
        of the dictionaries.
    seed (int): Seed of the draws.
    RETURNS (CodeSwitching): The settings.
    RAISES (ValueError): A share or rate out of range, or alpha.
    """
    if not 0 <= share <= 1:
        raise ValueError(
            Errors.X208.format(name="share", found=share, what="code-switching", expected="0 to 1")
        )
    if not 0 < rate <= 1:
        raise ValueError(
            Errors.X208.format(name="rate", found=rate, what="code-switching", expected="above 0, up to 1")
        )
    sampling_shares({}, alpha)
    return CodeSwitching(share, rate, by, alpha, seed)


class CodeSwitcher(MaterialDraws):
    """Switches texts one after the other, with a generator of its own.

    settings (CodeSwitching): How to switch.
    dictionaries (Dictionaries): Where translations come from.
    """

    def __init__(self, settings: CodeSwitching, dictionaries: Dictionaries) -> None:
        super().__init__("dictionaries", dictionaries.checksums, settings.seed, ranks().number)
        self.settings = settings
        self.dictionaries = dictionaries

    def switch(self, text: str, language: str | None) -> SwitchedText:
        """Draw whether a text is switched, and switch it.

        text (str): The text.
        language (str | None): Its language. A text of a language without dictionary, or of an unknown one,
            stays as it is.
        RETURNS (SwitchedText): The text as it is to be learnt from.
        """
        dictionaries = self.dictionaries.of(language)
        words = find_words(text)
        is_switched = dictionaries and words and self._generator.random() < self.settings.share
        if not is_switched:
            return SwitchedText(text, len(words), ())
        replacements = draw_replacements(text, words, dictionaries, self.settings, self._generator)
        return SwitchedText(write_text(text, words, replacements), len(words), replacements)


def draw_replacements(
    text: str,
    words: Sequence[Word],
    dictionaries: Sequence[Dictionary],
    settings: CodeSwitching,
    generator: np.random.Generator,
) -> list[Replacement]:
    """Draw which words of a text are replaced, and by what. Of entries that begin at the same word the
    longest is taken.

    text (str): The text.
    words (Sequence[Word]): Its words.
    dictionaries (Sequence[Dictionary]): The dictionaries of its language, one or more.
    settings (CodeSwitching): How to switch; its share plays no part.
    generator (Generator): Where the draws come from.
    RETURNS (list[Replacement]): The replacements, in the order of the words.
    """
    draws = draw(len(words), dictionaries, settings, generator)
    keys = [lower(word.text) for word in words]
    replacements: list[Replacement] = []
    first = 0
    while first < len(words):
        dictionary = dictionaries[draws.languages[first]]
        n_words, key = dictionary.match(text, words, keys, first)
        if n_words and draws.taken[first]:
            translation = dictionary[key].pick(draws.translations[first])
            replacements.append(Replacement(first, n_words, translation, dictionary.target))
        first += max(1, n_words)
    return replacements


def draw(
    n_words: int,
    dictionaries: Sequence[Dictionary],
    settings: CodeSwitching,
    generator: np.random.Generator,
) -> Draws:
    """Draw what becomes of each word of a text, should it be in the dictionary. For the arguments see
    `draw_replacements`.
    """
    # A last row for the text as a whole.
    numbers = generator.random((n_words + 1, 3))
    drawn = numbers[:-1, 0] if settings.by == "word" else np.repeat(numbers[-1, 0], n_words)
    shares = sampling_shares(
        {dictionary.target: len(dictionary) for dictionary in dictionaries}, settings.alpha
    )
    # The last limit, 1 but for rounding, isn't needed.
    limits = np.cumsum(list(shares.values()))[:-1]
    return Draws(
        languages=np.searchsorted(limits, drawn, side="right").tolist(),
        taken=(numbers[:-1, 1] < settings.rate).tolist(),
        translations=numbers[:-1, 2].tolist(),
    )


def write_text(text: str, words: Sequence[Word], replacements: Sequence[Replacement]) -> str:
    """Write a text with its replacements. What isn't replaced stays, and so does a capital at the start of a
    sentence. Blanks beside a replaced word are as its script has them.
    """
    if not replacements:
        return text
    begins = sentence_starts(text, words)
    replaced = {replacement.first: replacement for replacement in replacements}
    written, end, number, follows = "", 0, 0, False
    while number < len(words):
        word, found = words[number], replaced.get(number)
        now = word.text if found is None else cased(found.translation, word.text, begins[number])
        gap = text[end : word.start]
        if written and (found or follows) and not gap.strip():
            gap = "" if is_unspaced(written[-1]) and is_unspaced(now) else gap or " "
        written += gap + now
        follows = found is not None
        number += found.n_words if found else 1
        end = words[number - 1].end
    return written + text[end:]


def cased(translation: str, word: str, begins: bool) -> str:
    """A translation with the capitals of the word that it replaces: in capitals if the word is, with a first
    capital if the word has one and begins a sentence, else as it is.
    """
    if len(word) > 1 and word.isupper():
        return translation.upper()
    return translation[:1].upper() + translation[1:] if begins and word[0].isupper() else translation
