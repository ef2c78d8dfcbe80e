"""Where the texts come from that replace labelled ones: dictionaries, translations."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from spacy.language import Language

from ..data.languages import UNKNOWN
from ..data.sources import RawText
from ..errors import Errors, Warnings
from ..translate_train.translated_texts import TranslationSampler
from ..translate_train.translations import TranslatedText, Translations
from ..types import StateDict

if TYPE_CHECKING:
    from ..dictionaries.dictionary import Dictionaries
    from ..switching.code_switching import SwitchedText

# The share of the words, or texts, below which a warning says that hardly any is known.
HARDLY_ANY = 0.1


class TextSource(ABC):
    """A source of other texts, for training: what is attached, and where its draws stand.

    settings (CodeSwitching or TranslatedTexts): How to draw, with a share of 0 for never; None for a source
        that isn't there.
    name (str): The component, for messages.
    """

    # What is said where nothing is attached, something else is, or what nobody asked for.
    missing: str
    wrong: str
    unused: str

    def __init__(self, settings: Any, name: str) -> None:
        self.settings = settings
        self.name = name
        self._draws: Any = None

    @property
    def is_used(self) -> bool:
        """Whether texts are drawn from it."""
        return self.settings is not None and self.settings.share != 0

    def attach(self, material: object) -> None:
        """Take what texts are made from, as the reader gives it, and begin the draws. Something else is a
        ValueError.
        """
        kind, sampler = self._kinds()
        if not isinstance(material, kind):
            raise ValueError(self.wrong.format(name=self.name, found=type(material).__name__))
        if self.settings is None:
            warnings.warn(self.unused.format(name=self.name), stacklevel=3)
        else:
            self._draws = sampler(self.settings, material)

    def initialize(
        self, reader: Callable | None, nlp: Language | None, labelled: Callable[[], Sequence[RawText]]
    ) -> None:
        """Read what texts are made from, and compare it with labelled texts. With a share of 0 nothing is
        read. A ValueError says that there is no reader where one is needed.
        """
        self._draws = None
        if reader is None:
            self.require()
        elif self.settings is None:
            warnings.warn(self.unused.format(name=self.name), stacklevel=4)
        elif self.is_used:
            material = reader(nlp)
            self.attach(material)
            self._compare(material, labelled())

    def require(self) -> None:
        """Raise a ValueError where texts are to be drawn, and there is nothing to make them from."""
        if self.is_used and self._draws is None:
            raise ValueError(self.missing.format(name=self.name))

    def state(self) -> StateDict | None:
        """Where the draws stand, None without any."""
        return None if self._draws is None else self._draws.state_dict()

    def load_state(self, state: StateDict | None) -> None:
        """Continue from a value of `state`. That of other material is a ValueError."""
        if self._draws is not None and state is not None:
            self._draws.load_state_dict(state)

    @abstractmethod
    def _kinds(self) -> tuple[type, Callable]:
        """What is attached, and what draws from it: made of the settings and of that."""

    @abstractmethod
    def _compare(self, material: Any, texts: Sequence[RawText]) -> None: ...


class DictionarySource(TextSource):
    """Dictionaries, by which words are replaced."""

    missing, wrong, unused = Errors.X540, Errors.X541, Warnings.W540

    def draw(self, read: RawText) -> "SwitchedText | None":
        """A labelled text after its draw; None without dictionaries."""
        return None if self._draws is None else self._draws.switch(read.text, read.language)

    def _kinds(self) -> tuple[type, Callable]:
        # These need `regex`, which a pipeline that is only served does without.
        from ..dictionaries.dictionary import Dictionaries
        from ..switching.code_switching import CodeSwitcher

        return Dictionaries, CodeSwitcher

    def _compare(self, material: "Dictionaries", texts: Sequence[RawText]) -> None:
        from ..dictionaries.coverage import measure_coverage

        by_language: dict[str, list[str]] = {}
        for text, language in texts:
            by_language.setdefault(language or UNKNOWN, []).append(text)
        if texts and not by_language.keys() & set(material.sources):
            message = Warnings.W541.format(
                name=self.name, sources=", ".join(material.sources), found=", ".join(by_language)
            )
            warnings.warn(message, stacklevel=5)
        for language, own in by_language.items():
            for dictionary in material.of(language):
                share = measure_coverage(dictionary, own).share
                if share < HARDLY_ANY:
                    message = Warnings.W542.format(name=self.name, pair=dictionary.name, share=100 * share)
                    warnings.warn(message, stacklevel=5)


class TranslationSource(TextSource):
    """Translations of whole texts."""

    missing, wrong, unused = Errors.X547, Errors.X548, Warnings.W546

    def draw(self, read: RawText) -> TranslatedText | None:
        """The translation that replaces a labelled text; None where the text stays."""
        return None if self._draws is None else self._draws.draw(read.text, read.language)

    def _kinds(self) -> tuple[type, Callable]:
        return Translations, TranslationSampler

    def _compare(self, material: Translations, texts: Sequence[RawText]) -> None:
        share = sum(bool(material.of(text, language)) for text, language in texts) / max(len(texts), 1)
        if texts and share < HARDLY_ANY:
            message = Warnings.W547.format(
                name=self.name,
                share=100 * share,
                sources=", ".join(material.sources),
                found=", ".join(dict.fromkeys(language or UNKNOWN for _, language in texts)),
            )
            warnings.warn(message, stacklevel=5)
