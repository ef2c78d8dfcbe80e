"""The labelled texts of a component as they are learnt from: in translation, or with words replaced."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from spacy.language import Language
from spacy.training import Example

from ..data.sources import RawText
from .text_field import ReadTexts
from .text_sources import DictionarySource, TranslationSource

if TYPE_CHECKING:
    from ..dictionaries.dictionary import Dictionaries
    from ..switching.code_switching import CodeSwitching
    from ..translate_train.translated_texts import TranslatedTexts
    from ..translate_train.translations import Translations

# How many texts are looked at before training.
LOOKED_AT = 1000


class LearntTexts(ReadTexts):
    """What replaces a component's labelled texts, in training only. A component calls
    `_set_learnt_texts` when it is made.
    """

    def _set_learnt_texts(
        self, *, code_switching: "CodeSwitching | None", translated_texts: "TranslatedTexts | None"
    ) -> None:
        self._dictionaries = DictionarySource(code_switching, self.name)
        self._translations = TranslationSource(translated_texts, self.name)

    def attach_dictionaries(self, dictionaries: "Dictionaries") -> None:
        """Give the component its dictionaries, and begin its draws. `initialize` does so with what it is
        given; call this for a component that was loaded or sourced.

        dictionaries (Dictionaries): As `spacy-xling.Dictionaries.v1` reads them.
        RAISES (ValueError): It is something else.
        """
        self._dictionaries.attach(dictionaries)

    def attach_translations(self, translations: "Translations") -> None:
        """Give the component its translations, and begin its draws. `initialize` does so with what it is
        given; call this for a component that was loaded or sourced.

        translations (Translations): As `spacy-xling.Translations.v1` reads them.
        RAISES (ValueError): It is something else.
        """
        self._translations.attach(translations)

    def _initialize_learnt_texts(
        self,
        nlp: Language | None,
        examples: Iterable[Example],
        *,
        dictionaries: Callable | None,
        translations: Callable | None,
    ) -> None:
        """Read dictionaries and translations, and compare them with the labelled texts."""

        @cache
        def labelled() -> list[RawText]:
            return self.read(eg.reference for eg in islice(examples, LOOKED_AT) if eg.reference.cats)

        self._dictionaries.initialize(dictionaries, nlp, labelled)
        self._translations.initialize(translations, nlp, labelled)

    def _learnt_names(self) -> list[str]:
        """Of the shares that `_learnt_texts` gives, those that training tells of."""
        used = {"translated": self._translations.is_used, "switched": self._dictionaries.is_used}
        return [name for name, is_used in used.items() if is_used]

    def _learnt_texts(self, examples: Sequence[Example]) -> tuple[list[str], dict[str, float]]:
        """The texts of a batch as they are to be learnt from. One without categories stays as it is, words
        are replaced in texts that no translation replaces, and in none that is read in translation. Beside
        them the share of the labelled texts that were "translated", and that of the words of the others that
        were "switched", each from 0 to 1.
        """
        self._dictionaries.require()
        self._translations.require()
        texts = []
        n_labelled = n_translated = n_words = n_replaced = 0
        for example, read in zip(examples, self.read_examples(examples), strict=True):
            text = read.text
            if example.reference.cats:
                n_labelled += 1
                if (translation := self._translations.draw(read)) is not None:
                    n_translated += 1
                    text = translation.text
                elif (switched := self._dictionaries.draw(read)) is not None:
                    n_words += switched.n_words
                    n_replaced += switched.n_replaced
                    text = switched.text
            texts.append(text)
        return texts, {
            "translated": n_translated / max(n_labelled, 1),
            "switched": n_replaced / max(n_words, 1),
        }
