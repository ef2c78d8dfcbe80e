"""Translations instead of labelled texts, drawn again at each visit.

Translate-train of all languages at once, as in XTREME (Hu et al. 2020, arXiv 2003.11080).
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from ..data.languages import check_alpha, sampling_shares
from ..draws import MaterialDraws
from ..errors import Errors
from ..training.ranks import ranks
from .translations import TranslatedText, Translations


@dataclass(frozen=True)
class TranslatedTexts:
    """How translations are drawn; see `build_translated_texts_v1`."""

    share: float | None
    alpha: float
    seed: int


def build_translated_texts_v1(
    share: float | None = None, alpha: float = 0.0, seed: int = 0
) -> TranslatedTexts:
    """Replace a labelled text by a translation, drawn again at each visit, in training only; registered as
    `spacy-xling.translated_texts.v1`.

    share (float | None): Share of the visits of a text with translations at which one is taken, from 0 to
        1. None takes n / (n + 1) for a text with n translations: with alpha 0 each of its languages is met as
        often, its own among them.
    alpha (float): Exponent of the sampling of languages, p ~ texts^alpha: 0 all alike, 1 by the number of
        texts that are translated into each.
    seed (int): Seed of the draws.
    RETURNS (TranslatedTexts): The settings.
    RAISES (ValueError): A share out of range, or alpha.
    """
    if share is not None and not 0 <= share <= 1:
        raise ValueError(
            Errors.X208.format(name="share", found=share, what="translated texts", expected="0 to 1, or null")
        )
    check_alpha(alpha)
    return TranslatedTexts(share, alpha, seed)


class TranslationSampler(MaterialDraws):
    """Draws translations of texts one after the other, with a generator of its own.

    settings (TranslatedTexts): How to draw.
    translations (Translations): What to draw from.
    """

    def __init__(self, settings: TranslatedTexts, translations: Translations) -> None:
        super().__init__("translations", translations.checksums, settings.seed, ranks().number)
        self.settings = settings
        self.translations = translations

    def draw(self, text: str, language: str | None) -> TranslatedText | None:
        """Draw whether a translation is taken instead of a text, and which.

        text (str): The text.
        language (str | None): Its language.
        RETURNS (TranslatedText | None): The translation; None if the text stays, as one without
            translations always does.
        """
        found = self.translations.of(text, language)
        if not found:
            return None
        whether, which = self._generator.random(2)
        share = len(found) / (len(found) + 1) if self.settings.share is None else self.settings.share
        if whether >= share:
            return None
        counts = {target: self.translations.counts[target] for target, _ in found}
        # The last limit, 1 but for rounding, isn't needed.
        limits = list(accumulate(sampling_shares(counts, self.settings.alpha).values()))[:-1]
        return found[bisect_right(limits, which)]
