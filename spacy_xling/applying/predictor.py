"""The one predictor of all engines: it takes the path of a pipeline, and maps a batch of columns to columns.

What goes to a worker is a `PredictorSettings`, plain data that any engine can pickle; the pipeline is loaded
there, once for each process. Neither torch nor an engine is imported here, so that exported pipelines are
applied without.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from spacy.tokens import Doc
from spacy.util import load_config
from thinc.api import require_gpu

from ..data.languages import get_language, set_language
from ..errors import Errors, one_line
from ..evaluation.by_language import load_pipeline, require_pipeline
from ..evaluation.predictions import kind_of, unread_doc
from ..pipeline.calibrated import EXTENSION, register_abstention_extension
from ..types import JsonDict

Columns = Mapping[str, Sequence[Any]]
# Columns that were made, with a value for each text.
Predictions = dict[str, list[Any]]
# The column of what keeps a text from being scored. It is null for the others.
ERROR = "error"
# Scores are written with as many decimals: what lies behind depends on the texts that pass with them.
DECIMALS = 6


class PredictorSettings(NamedTuple):
    """What a worker needs to make a predictor.

    model (str): The folder of a pipeline, as the worker sees it.
    text (str): The column of the text.
    lang (str): The column of the text's language; it may be missing.
    language (str | None): The language of texts that don't name theirs.
    scores (bool): Give the score of each label, too.
    prefix (str): What the names of the new columns begin with.
    threads (int | None): Threads of a worker; None for the libraries' own choice.
    gpu_id (int): The GPU, or -1 for the CPU.
    """

    model: str
    text: str = "text"
    lang: str = "lang"
    language: str | None = None
    scores: bool = False
    prefix: str = ""
    threads: int | None = None
    gpu_id: int = -1


class Predictor:
    """Scores texts by a pipeline. Memory that a batch needs is free after it.

    settings (PredictorSettings): The settings.
    RAISES (ValueError): X751: there is no whole pipeline. X817: the GPU can't be used.
    """

    def __init__(self, settings: PredictorSettings) -> None:
        if settings.gpu_id >= 0:
            try:
                require_gpu(settings.gpu_id)
            # thinc needs CuPy beside torch.
            except ValueError as error:
                raise ValueError(Errors.X817.format(gpu=settings.gpu_id, error=one_line(error))) from error
        register_abstention_extension()
        self.settings = settings
        self.nlp = load_pipeline(Path(settings.model), _threads_of_exported(settings))
        self.kind = kind_of(self.nlp)
        if settings.threads is not None and (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(settings.threads)

    @property
    def names(self) -> list[str]:
        """The new columns, without the prefix: `label`, or `labels` of a pipeline that gives any number of
        them, `score`, `scores` where they are asked for, `language`, `abstained`, and `error`.
        """
        label = "labels" if self.kind.multi_label else "label"
        return [label, "score", *(["scores"] if self.settings.scores else []), "language", EXTENSION, ERROR]

    def __call__(self, columns: Columns) -> Predictions:
        """Score a batch of texts.

        columns (Columns): The texts, and their languages, by the names of the settings. Others are passed
            over.
        RETURNS (Predictions): The new columns, see `names`, with a value for each text. The label is
            the one with the highest score, null for a text without a piece; the score is the highest, scores
            are a dictionary by label, all with six decimals. The language is the one that the pipeline was
            given. `abstained` is null where the pipeline has no threshold for it. A text that can't be scored
            has null everywhere, and an error in the last column.
        """
        texts = columns[self.settings.text]
        languages = columns.get(self.settings.lang) or repeat(None)
        with self.nlp.memory_zone():
            rows = self._rows([(text, language) for text, language in zip(texts, languages)])  # noqa: B905  (None without end)
        return {name: [row.get(name) for row in rows] for name in self.names}

    def _rows(self, texts: Sequence[tuple[object, Any]]) -> list[JsonDict]:
        """The values of each text. What fails is scored again in halves, so that an error is one text's."""
        try:
            docs = [self._make_doc(*text) for text in texts]
            return [self._row(doc) for doc in self.nlp.pipe(docs, batch_size=max(1, len(docs)))]
        except Exception as error:
            if len(texts) == 1:
                return [{ERROR: one_line(error)}]
        middle = len(texts) // 2
        return self._rows(texts[:middle]) + self._rows(texts[middle:])

    def _make_doc(self, text: object, language: Any) -> Doc:
        if not isinstance(text, str):
            raise ValueError(Errors.X902.format(found=type(text).__name__))
        doc = unread_doc(self.nlp, text, language)
        if get_language(doc) is None:
            set_language(doc, self.settings.language)
        return doc

    def _row(self, doc: Doc) -> JsonDict:
        if not doc.cats:
            raise ValueError(Errors.X752.format(text=doc.text[:60]))
        for label, score in doc.cats.items():
            if not math.isfinite(score):
                raise ValueError(Errors.X754.format(score=score, label=label, text=doc.text[:60]))
        best, score = max(doc.cats.items(), key=itemgetter(1))
        return {
            # A text without a piece has zeros for all.
            "label": best if score > 0 else None,
            "labels": [label for label, score in doc.cats.items() if score >= self.kind.threshold],
            "score": round(float(score), DECIMALS),
            "scores": {label: round(float(score), DECIMALS) for label, score in doc.cats.items()},
            "language": get_language(doc),
            EXTENSION: doc._.get(EXTENSION),
        }


def _threads_of_exported(settings: PredictorSettings) -> JsonDict:
    """The changes of a pipeline's config, by dot name, that give exported classifiers as many threads."""
    require_pipeline(Path(settings.model))
    config = Path(settings.model) / "config.cfg"
    if settings.threads is None or not config.is_file():
        return {}
    components = load_config(config).get("components", {})
    return {
        f"components.{name}.model.threads": settings.threads
        for name, component in components.items()
        if component.get("model", {}).get("@architectures") == "spacy-xling.ExportedTextCat.v1"
    }


@lru_cache(maxsize=1)
def predictor_of(settings: PredictorSettings) -> Predictor:
    """The predictor of this process, loaded when it is first asked for."""
    return Predictor(settings)


def predict(settings: PredictorSettings, columns: Columns) -> Predictions:
    """Score a batch of texts by the predictor of this process, see `Predictor`."""
    return predictor_of(settings)(columns)


def without_errors(found: Columns) -> Columns:
    """The new columns of files, whose errors go elsewhere."""
    return {name: values for name, values in found.items() if name != ERROR}


def set_predictions(names: Sequence[str], found: Columns, settings: PredictorSettings) -> JsonDict:
    """The new columns under the names that they get beside others.

    names (Sequence[str]): The columns that are there.
    found (Columns): The new ones, as `Predictor` gives them.
    settings (PredictorSettings): The settings.
    RETURNS (JsonDict): The new columns by name.
    RAISES (ValueError): X903: one of these is there already, but for the column of the language.
    """
    added = {f"{settings.prefix}{name}": values for name, values in found.items()}
    given = {settings.lang} & {f"{settings.prefix}language"}
    taken = [name for name in added if name in names and name not in given]
    if taken:
        raise ValueError(Errors.X903.format(taken=", ".join(taken), first=taken[0]))
    return added
