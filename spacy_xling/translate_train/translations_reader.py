"""The reader of translations of labelled texts."""

from functools import wraps
from pathlib import Path
from typing import Any, Literal

from spacy.language import Language

from ..data.files import Kinds, TextFile, find_files
from ..data.labelled import read_language
from ..data.names import clean_name
from ..data.records import Record, read_records, text_of
from ..errors import Errors
from .translations import TextPairs, Translations

OnDoubt = Literal["use", "drop"]


class TranslationReader:
    """A reader of translations of labelled texts, registered as `spacy-xling.Translations.v1`.

    path (Path | None): A file, or a folder of files by language, as `spacy xling translate` writes them:
        .jsonl, .csv or .tsv, the name followed by .gz if gzipped. None is an error once it is read.
    languages (list[str] | None): Read only translations into these languages; None or no name for all.
    on_doubt (Literal["use", "drop"]): What becomes of translations that are in doubt. A text whose
        translation is dropped stays, in its own language.
    text (str): Field of the translation. A record with a blank one is passed over.
    lang (str): Field of its language.
    source_text (str): Field of the text that was translated.
    source_lang (str): Field of the language of that text; empty or missing if it isn't known. A record in the
        language that it was in before is passed over.
    translation_doubt (str): Field that is filled if a translation is in doubt.
    language (str | None): Language of translations whose record doesn't name it; None for the file's name
        in a folder.
    quoted (bool): Whether a field of CSV and TSV may stand in double quotes; if not, quotes are text.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        languages: list[str] | None = None,
        on_doubt: OnDoubt = "drop",
        text: str = "text",
        lang: str = "lang",
        source_text: str = "source_text",
        source_lang: str = "source_lang",
        translation_doubt: str = "translation_doubt",
        language: str | None = None,
        quoted: bool = True,
    ) -> None:
        self.path = path
        self.languages = languages
        self.on_doubt = on_doubt
        self.text = text
        self.lang = lang
        self.source_text = source_text
        self.source_lang = source_lang
        self.translation_doubt = translation_doubt
        self.language = language
        self.quoted = quoted

    def __call__(self, nlp: Language | None = None) -> Translations:
        """Read the translations. Of a text that stands twice the first one into each language counts.

        nlp (Language | None): Not needed; spaCy calls every reader with it.
        RETURNS (Translations): The translations.
        RAISES (ValueError): There is no path, no translation, or none into a language that is asked for; a
            record doesn't say what was translated, or its language. (FileNotFoundError): There is no such
            file or folder.
        """
        if self.path is None:
            raise ValueError(Errors.X174)
        pairs: dict[tuple[str | None, str], dict[str, str]] = {}
        # Texts that are translated into several languages are kept once.
        known: dict[str, str] = {}
        n_records = n_doubted = 0
        for file in find_files(Path(self.path), Kinds.TRANSLATIONS):
            for record in read_records(file, quoted=self.quoted):
                n_records += 1
                translation = text_of(record, self.text)
                source_text = self._source_text(record)
                languages = self._languages(record, file)
                if not clean_name(translation) or languages[0] == languages[1]:
                    continue
                if self.on_doubt == "drop" and _is_filled(record.values.get(self.translation_doubt)):
                    n_doubted += 1
                    continue
                texts = pairs.setdefault(languages, {})
                texts.setdefault(known.setdefault(source_text, source_text), translation)
        if not pairs:
            raise ValueError(Errors.X177.format(path=self.path, records=n_records, doubted=n_doubted))
        return Translations([TextPairs(*names, texts) for names, texts in self._wanted(pairs).items()])

    def _source_text(self, record: Record) -> str:
        if self.source_text not in record.values:
            raise ValueError(Errors.X175.format(**record.place(self.source_text)))
        return text_of(record, self.source_text)

    def _languages(self, record: Record, file: TextFile) -> tuple[str | None, str]:
        """The language of the text that was translated, and that of the translation."""
        fallback = file.language if self.language is None else self.language
        target = read_language(record, self.lang) or fallback
        if not target:
            raise ValueError(Errors.X176.format(**record.place(self.lang)))
        source = read_language(record, self.source_lang)
        return (clean_name(source) if source else None), clean_name(target)

    def _wanted(
        self, pairs: dict[tuple[str | None, str], dict[str, str]]
    ) -> dict[tuple[str | None, str], dict[str, str]]:
        """The pairs of languages that are asked for."""
        if not self.languages:
            return pairs
        found = {target for _, target in pairs}
        missing = [name for name in self.languages if name not in found]
        if missing:
            text = Errors.X178.format(
                path=self.path, missing=", ".join(missing), found=", ".join(sorted(found))
            )
            raise ValueError(text)
        return {names: texts for names, texts in pairs.items() if names[1] in self.languages}


# Configs and docs read the settings and what they mean off the class.
@wraps(TranslationReader, assigned=["__doc__"], updated=())
def build_translations_v1(*args: Any, **settings: Any) -> TranslationReader:
    return TranslationReader(*args, **settings)


def _is_filled(value: Any) -> bool:
    return bool(clean_name(value)) if isinstance(value, str) else bool(value)
