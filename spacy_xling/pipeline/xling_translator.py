"""A pretrained sequence-to-sequence checkpoint that translates the texts of a pipeline."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from spacy import util
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..data.codes import parse_code
from ..data.doc_translations import set_translation
from ..data.languages import get_language
from ..data.sources import RawText
from ..errors import Warnings
from ..models.checkpoint import Precision
from ..pairs import Pairs, read_text_pairs
from ..translation.held import HeldEngines
from ..translation.seq2seq import Engine
from ..translation.translating import SOURCE, name_of_pair
from ..translation.translator import DEFAULTS, Settings, Translation, Translator, check_settings
from ..types import StateDict

OnDoubt = Literal["keep", "source"]


class XlingTranslator(Pipe):
    """Translates `doc.text` into one language: `doc._.translation`, and beside it `doc._.translation_doubt`,
    a list of the kinds of doubt of `translation.guards`, empty for none.

    A text in the target language stays as it is, and a blank one becomes "". Translations are the same alone
    and in a batch. Nothing is trained. Of two translators in a pipeline each reads `doc.text`, and what the
    later one makes replaces what the earlier one made.
    """

    def __init__(
        self,
        vocab: Vocab,
        name: str = "xling_translator",
        *,
        model: str,
        source: str | None = None,
        target: str = "en",
        codes: Pairs = None,
        precision: Precision = "fp32",
        settings: Settings = DEFAULTS,
        on_doubt: OnDoubt = "keep",
        save: bool = True,
    ) -> None:
        """Make the component; nothing is loaded yet. A checkpoint is loaded by the first text that needs it,
        by `initialize`, or with the pipeline.

        vocab (Vocab): The shared vocabulary.
        name (str): Name of the instance.
        model (str): Hub name or folder of a checkpoint, or of one converted for CTranslate2. Where `{source}`
            or `{target}` stands in it, the languages' codes are put in: one checkpoint for each pair.
        source (str | None): Language of Docs whose `doc._.language` doesn't say it.
        target (str): The language to translate into.
        codes (Pairs): Languages and the codes by which the checkpoint finds them, where it can't find them by
            themselves: [["da", "dan_Latn"]]. With `{source}` in the name, their checkpoints are loaded and
            saved before there is any text.
        precision (Precision): Of weights and sums.
        settings (Settings): How texts are translated; `window` plays no part.
        on_doubt (OnDoubt): "keep" a translation that is in doubt, or take the "source", the text itself.
        save (bool): Save the checkpoints with the pipeline, which then asks no hub; else they are looked for
            by their names wherever it is loaded.
        RAISES (ValueError): X002, X003, X006: `codes` are no such pairs. X810: a setting is too small.
        """
        self.vocab = vocab
        self.name = name
        self.model_name = model
        self.source = source
        self.target = target
        self.codes = read_text_pairs("codes", codes)
        check_settings(settings)
        self.settings = settings
        self.on_doubt = on_doubt
        self.save = save
        self._held = HeldEngines(precision, is_saved=save)

    # Translating

    def __call__(self, doc: Doc) -> Doc:
        """Translate a text.

        doc (Doc): The document, changed in place.
        RETURNS (Doc): The document.
        RAISES (ValueError): X802, X803: the checkpoint doesn't know a language, or needs that of the
            text. X301, X330, X331, X801, X804: it can't be loaded. X812, X813: its language has none.
            (ImportError): X303, X805: a library is missing.
        """
        error_handler = self.get_error_handler()
        try:
            self.set_annotations([doc], self.predict([doc]))
            return doc
        except Exception as error:
            return error_handler(self.name, self, [doc], error)

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Translate a stream of texts. Sentences of like lengths of a batch are translated together.

        stream (Iterable[Doc]): The documents.
        batch_size (int): How many to translate at a time.
        YIELDS (Doc): The documents, in order.
        RAISES: As `__call__`.
        """
        error_handler = self.get_error_handler()
        for docs in util.minibatch(stream, size=batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception as error:
                error_handler(self.name, self, docs, error)
            else:
                yield from docs

    def predict(self, docs: Sequence[Doc]) -> list[Translation]:
        """Translate texts, without changing them.

        docs (Sequence[Doc]): The documents.
        RETURNS (list[Translation]): Their translations.
        RAISES: As `__call__`.
        """
        texts = [RawText(doc.text, self._code(get_language(doc) or self.source)) for doc in docs]
        translator = Translator(self._find_engine, self._target_code, self.settings)
        return translator.translate([translator.split(text) for text in texts])

    def set_annotations(self, docs: Sequence[Doc], translations: Sequence[Translation]) -> None:
        """Write translations to `doc._.translation`, and their doubts to `doc._.translation_doubt`.

        docs (Sequence[Doc]): The documents.
        translations (Sequence[Translation]): What `predict` gave.
        """
        for doc, found in zip(docs, translations, strict=True):
            is_source = bool(found.doubts) and self.on_doubt == "source"
            text = doc.text if is_source else found.text
            set_translation(doc, text, doubts=found.doubts)

    def _code(self, language: str | None) -> str | None:
        return None if language is None else self.codes.get(language, language)

    @property
    def _target_code(self) -> str:
        return self.codes.get(self.target, self.target)

    # Loading

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None
    ) -> None:
        """Load what is known to be needed before there is any text, and see whether it knows the languages.

        get_examples (Callable[[], Iterable[Example]]): Not used.
        nlp (Language | None): Not used.
        RAISES: As `__call__`.
        """
        self._held.is_closed = False
        for code in self._known_sources():
            engine = self._find_engine(code)
            if code is not None:
                engine.tokenizer.pair(code, self._target_code)

    def _find_engine(self, code: str | None) -> Engine:
        return self._held.get(name_of_pair(self.model_name, code, self._target_code))

    def _known_sources(self) -> list[str | None]:
        """Codes of the languages whose checkpoints are needed, as far as that is known without a text."""
        if SOURCE not in self.model_name:
            return [self._code(self.source)]
        named = [self._code(self.source), *self.codes.values()]
        target = parse_code(self._target_code)
        return [code for code in dict.fromkeys(named) if code and not parse_code(code).is_same(target)]

    # Saving and loading

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component: with `save` its checkpoints, which are loaded first if they aren't yet.

        path (str | Path): Path to a directory.
        exclude (Iterable[str]): Names of fields to leave out.
        RAISES (ValueError): X814: the weights are pickles. Else as `__call__`.
        """
        serialize = {"checkpoints": lambda p: self._whole().to_folder(p)}
        util.to_disk(path, serialize if self.save else {}, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "XlingTranslator":
        """Load the component. With `save` no hub is asked, then or later: a text in a language that has no
        checkpoint is an error.

        path (str | Path): Path to a directory.
        exclude (Iterable[str]): Names of fields to leave out.
        RETURNS (XlingTranslator): The component.
        RAISES (ValueError): X313: a folder that isn't whole. Else as `__call__`.
        """
        util.from_disk(path, {"checkpoints": self._held.from_folder} if self.save else {}, exclude)
        return self._loaded()

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component to bytes; see `to_disk`."""
        serialize = {"checkpoints": lambda: self._whole().to_bytes()}
        return util.to_bytes(serialize if self.save else {}, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "XlingTranslator":
        """Load the component from bytes; see `from_disk`."""
        util.from_bytes(bytes_data, {"checkpoints": self._held.from_bytes} if self.save else {}, exclude)
        return self._loaded()

    def _whole(self) -> HeldEngines:
        """All that is to be saved."""
        for code in self._known_sources():
            self._find_engine(code)
        if not self._held.engines:
            warnings.warn(Warnings.W804.format(name=self.name, model=self.model_name), stacklevel=3)
        return self._held

    def _loaded(self) -> "XlingTranslator":
        # Without any checkpoint there is nothing to keep to.
        self._held.is_closed = bool(self._held.engines) and self.save
        return self

    def training_state(self) -> StateDict:
        """Say whether checkpoints are looked for that aren't held: where others are trained, a run that is
        resumed finds what one finds that was never stopped.
        """
        return {"is_closed": self._held.is_closed}

    def load_training_state(self, state: StateDict) -> None:
        """Continue from a value of `training_state`, once the component was loaded."""
        self._held.is_closed = state["is_closed"]
