"""The code-switched texts of a component: its dictionaries, and where its draws stand."""

import warnings
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Optional

from spacy.training import Example

from ..data.languages import UNKNOWN, get_language
from ..errors import Errors, Warnings

if TYPE_CHECKING:
    from ..dictionaries.dictionary import Dictionaries
    from ..switching.code_switching import CodeSwitcher, CodeSwitching, SwitchedText

# How many texts are looked at before training, and the share of their words below which a dictionary has too
# few.
LOOKED_AT = 1000
HARDLY_ANY = 0.1


class SwitchedTexts:
    """Code-switching of a component's labelled texts, in training only. It calls `_set_code_switching` when
    it is made.
    """

    name: str
    code_switching: "Optional[CodeSwitching]"

    def _set_code_switching(self, code_switching: "Optional[CodeSwitching]") -> None:
        self.code_switching = code_switching
        self._switcher: Optional[CodeSwitcher] = None

    def attach_dictionaries(self, dictionaries: "Dictionaries") -> None:
        """Give the component its dictionaries, and begin its draws. `initialize` does so with what it is
        given; call this for a component that was loaded or sourced.

        dictionaries (Dictionaries): As `spacy-xling.Dictionaries.v1` reads them.
        RAISES (ValueError): It is something else.
        """
        from ..dictionaries.dictionary import Dictionaries

        if not isinstance(dictionaries, Dictionaries):
            raise ValueError(Errors.X541.format(name=self.name, found=type(dictionaries).__name__))
        if self.code_switching is None:
            warnings.warn(Warnings.W540.format(name=self.name), stacklevel=2)
        else:
            from ..switching.code_switching import CodeSwitcher

            self._switcher = CodeSwitcher(self.code_switching, dictionaries)

    def _initialize_dictionaries(self, reader: Any, nlp: Any, examples: Iterable[Example]) -> None:
        """Read the dictionaries, and compare them with the labelled texts."""
        self._switcher = None
        if reader is None:
            self._require_dictionaries()
        elif self.code_switching is None:
            warnings.warn(Warnings.W540.format(name=self.name), stacklevel=3)
        elif self._switches:
            dictionaries = reader(nlp)
            self.attach_dictionaries(dictionaries)
            self._compare(
                dictionaries, [eg.reference for eg in islice(examples, LOOKED_AT) if eg.reference.cats]
            )

    def _compare(self, dictionaries: "Dictionaries", docs: Sequence[Any]) -> None:
        from ..dictionaries.coverage import measure_coverage

        by_language: dict[str, list[str]] = {}
        for doc in docs:
            by_language.setdefault(get_language(doc) or UNKNOWN, []).append(doc.text)
        if docs and not by_language.keys() & set(dictionaries.sources):
            text = Warnings.W541.format(
                name=self.name, sources=", ".join(dictionaries.sources), found=", ".join(by_language)
            )
            warnings.warn(text, stacklevel=4)
        for language, texts in by_language.items():
            for dictionary in dictionaries.of(language):
                share = measure_coverage(dictionary, texts).share
                if share < HARDLY_ANY:
                    text = Warnings.W542.format(name=self.name, pair=dictionary.name, share=100 * share)
                    warnings.warn(text, stacklevel=4)

    @property
    def _switches(self) -> bool:
        return self.code_switching is not None and self.code_switching.share > 0

    def _require_dictionaries(self) -> None:
        if self._switches and self._switcher is None:
            raise ValueError(Errors.X540.format(name=self.name))

    def _switch(self, examples: Sequence[Example]) -> "list[SwitchedText]":
        """The texts of a batch as they are to be learnt from. One without categories stays as it is."""
        from ..switching.code_switching import as_it_is

        self._require_dictionaries()
        return [
            as_it_is(example.predicted.text)
            if self._switcher is None or not example.reference.cats
            else self._switcher.switch(example.predicted.text, get_language(example.reference))
            for example in examples
        ]

    def _switching_state(self) -> Optional[dict[str, Any]]:
        return None if self._switcher is None else self._switcher.state_dict()

    def _load_switching_state(self, state: Optional[dict[str, Any]]) -> None:
        if self._switcher is not None and state is not None:
            self._switcher.load_state_dict(state)


def share_replaced(texts: "Sequence[SwitchedText]") -> float:
    """The share of the words of labelled texts that were replaced, from 0 to 1."""
    n_words = sum(text.n_words for text in texts)
    return sum(text.n_replaced for text in texts) / n_words if n_words else 0.0
