"""Files of labelled or raw text to files of their translations, one for each target language.

A run that was killed resumes with the window that it was in, see `growing_files`; its state is a file,
`translation.json`.
"""

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
import tqdm  # type: ignore[import-untyped]

from ..data.files import is_pipeline, name_of, require_new_files
from ..data.records import json_line
from ..data.sources import RawText
from ..errors import Errors, Warnings
from ..models.checkpoint import Precision
from ..resuming.growing_files import State, append, grow, unfinished
from .ctranslate import CTranslate2Engine, is_converted
from .round_trip import RoundTrip
from .seq2seq import Engine, Seq2SeqEngine
from .sources import Source, Sources
from .trained import load_trained
from .translator import DEFAULTS, Settings, SplitText, Translation, Translator, windows

STATE = "translation.json"
SOURCE, TARGET = "{source}", "{target}"
PART = re.compile(r"[A-Za-z0-9_-]+")
OnDoubt = Literal["keep", "drop"]
# They can be saved as they were loaded.
CheckpointEngine = Seq2SeqEngine | CTranslate2Engine


class Model(NamedTuple):
    """Where translations come from.

    name (str): Hub name or folder of a checkpoint, or the folder of one converted for CTranslate2, or of a
        pipeline with a translator that was trained by this package. Where `{source}` or `{target}` stands in
        it, the languages' codes are put in: one checkpoint for each pair.
    precision (Precision): Of weights and sums.
    gpu_id (int): The GPU, or -1 for the CPU.
    """

    name: str
    precision: Precision = "fp32"
    gpu_id: int = -1


class Languages(NamedTuple):
    """What languages are called, and by which codes a checkpoint finds them.

    targets (Mapping[str, str]): The code of each target language, by the name that files and records get.
    sources (Mapping[str, str]): Codes of source languages, where they aren't their names.
    """

    targets: Mapping[str, str]
    sources: Mapping[str, str]

    def code(self, source: str | None) -> str | None:
        """The code of a source language, None for one that isn't known."""
        return None if source is None else self.sources.get(source, source)


def translate_files(
    sources: Sources,
    output: Path,
    model: Model,
    languages: Languages,
    settings: Settings = DEFAULTS,
    *,
    back: str | None = None,
    on_doubt: OnDoubt = "keep",
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
) -> dict[str, dict[str, Any]]:
    """Translate the texts of files.

    Each record is written with all of its fields, its text translated and the target as its language, and
    with the text and language of before as `source_text` and `source_lang`. One whose translation is in doubt
    gets the kinds of doubt as `translation_doubt`. Blank texts are passed over; texts in the target language
    stay as they are. With `back` each text continues from the target language to its own, which the record
    keeps.

    sources (Sources): The records.
    output (Path): The folder, which gets a file LANGUAGE.jsonl for each target.
    model (Model): The checkpoint.
    languages (Languages): The languages.
    settings (Settings): How texts are translated.
    back (str | None): Name of the checkpoint for the way back, as in `Model`; None for one way.
    on_doubt (OnDoubt): "keep" translations that are in doubt, or "drop" their records.
    resume (bool): Continue with what is there.
    overwrite (bool): Replace what is there.
    progress (bool): Show a progress bar.
    RETURNS (dict[str, dict[str, Any]]): For each target the numbers of "records" read, "texts" written and
        "bytes"; whether it is "finished"; and "counts" of sentences and texts, see `Translation`, and of
        those "blank" and "dropped".
    RAISES (ValueError): A language isn't known, or can't name a file; there are files, or of another
        translation; no text was found. (OSError): A file can't be written.
    """
    if not languages.targets:
        raise ValueError(Errors.X811)
    paths = {name: output / f"{name}.jsonl" for name in languages.targets}
    for name, path in paths.items():
        if not name or path.parent != output or name_of(path) != name:
            raise ValueError(Errors.X807.format(found=name))
    if (first := next((source for source in sources if source.text.strip()), None)) is None:
        raise ValueError(Errors.X128.format(path=sources.path, files=len(sources.files)))
    path = output / STATE
    if not resume:
        require_new_files(
            [*paths.values(), path, *map(unfinished, paths.values())],
            overwrite=overwrite,
            inputs=[file.path for file in sources.files],
        )
    load = lru_cache(maxsize=1 if back is None else 2)(lambda name: load_engine(model._replace(name=name)))
    # Before the work of hours, and not after the first language.
    _check_languages(load, model.name, back, languages, first)
    with State.lock(path):
        identity = _identity(sources, model, languages, settings, back, on_doubt)
        state = State.of_run(path, identity, resume=resume)
        state.write()
        for name, code in languages.targets.items():
            if state.of(name)["finished"]:
                continue
            translator = _make_translator(load, model.name, back, code, settings)
            job = Job(sources, name, translator, state, languages, on_doubt, progress)
            grow(paths[name], name, state, job.run)
    results = {name: state.of(name) for name in languages.targets}
    for name, done in results.items():
        for kind, message in (("cut", Warnings.W801), ("blank", Warnings.W802), ("same", Warnings.W803)):
            if count := done["counts"].get(kind):
                warnings.warn(message.format(count=count, language=name), stacklevel=2)
    return results


def _check_languages(
    load: Callable[[str], Engine], name: str, back: str | None, languages: Languages, first: Source
) -> None:
    """Refuse languages that checkpoints of one name don't know, by the first text."""
    own = languages.code(first.language)
    if back is not None and own is None:
        raise ValueError(Errors.X815.format(text=first.text[:60]))
    for code in languages.targets.values():
        if SOURCE not in name and TARGET not in name:
            load(name).tokenizer.pair(own, code)
        if back is not None and own is not None and SOURCE not in back and TARGET not in back:
            load(back).tokenizer.pair(code, own)


def _make_translator(
    load: Callable[[str], Engine], name: str, back: str | None, code: str, settings: Settings
) -> Translator | RoundTrip:
    there = Translator(lambda source: load(name_of_pair(name, source, code)), code, settings)
    return there if back is None else RoundTrip(there, lambda own: load(name_of_pair(back, code, own)))


def load_engine(model: Model) -> Engine:
    """Load a checkpoint, or the translator of a pipeline.

    model (Model): Which one, with a name without `{source}` and `{target}`. A pipeline has the precision that
        it was trained with.
    RETURNS (Engine): It, on its device.
    RAISES (ValueError): It can't be loaded, or doesn't translate. (ImportError): A library is missing.
    """
    if is_pipeline(Path(model.name)):
        return load_trained(model.name, gpu_id=_checked_gpu(model.gpu_id))
    return load_checkpoint(model)


def load_checkpoint(model: Model) -> CheckpointEngine:
    """Load a checkpoint of `transformers`, or one converted for CTranslate2; see `load_engine`."""
    on_gpu = _checked_gpu(model.gpu_id) >= 0
    device = torch.device("cuda", model.gpu_id) if on_gpu else torch.device("cpu")
    engine: type[CheckpointEngine] = CTranslate2Engine if is_converted(model.name) else Seq2SeqEngine
    return engine(model.name, precision=model.precision, device=device)


def _checked_gpu(gpu_id: int) -> int:
    if gpu_id >= torch.cuda.device_count() and gpu_id >= 0:
        raise ValueError(Errors.X809.format(gpu=gpu_id, found=torch.cuda.device_count()))
    return gpu_id


def name_of_pair(name: str, source: str | None, target: str) -> str:
    """Put the codes of two languages into the name of a checkpoint.

    name (str): The name, perhaps with `{source}` and `{target}`.
    source (str | None): The code of the source, or None if it isn't known.
    target (str): The code of the target.
    RETURNS (str): The name of the pair's checkpoint.
    RAISES (ValueError): X803: it has `{source}`, which isn't known. X812: a code can't be part of a name.
    """
    if SOURCE in name and source is None:
        raise ValueError(Errors.X803.format(name=name))
    for place, code in ((SOURCE, source or ""), (TARGET, target)):
        # A language may be anyone's text, as that of a path to other folders.
        if place in name and not PART.fullmatch(code):
            raise ValueError(Errors.X812.format(name=name, found=code))
        name = name.replace(place, code)
    return name


class Job(NamedTuple):
    """The translation into one language.

    sources (Sources): The records.
    target (str): The name of the language.
    translator (Translator | RoundTrip): Translates into it, and perhaps back.
    state (State): How far all have come.
    languages (Languages): Codes of the languages.
    on_doubt (OnDoubt): What becomes of translations that are in doubt.
    progress (bool): Show a progress bar.
    """

    sources: Sources
    target: str
    translator: Translator | RoundTrip
    state: State
    languages: Languages
    on_doubt: OnDoubt
    progress: bool

    def run(self, growing: Path, done: dict[str, Any]) -> None:
        """Translate what isn't translated yet; see `grow`."""
        with tqdm.tqdm(
            total=self.sources.count(),
            initial=done["records"],
            desc=self.target,
            unit=" texts",
            disable=None if self.progress else True,
        ) as bar:
            for records, translations in self._translated(done["records"], bar):
                lines = b"".join(self._lines(records, translations, done))
                append(growing, lines, at=done["bytes"])
                done["records"] += len(records)
                done["bytes"] += len(lines)
                self.state.write()

    def _translated(self, start: int, bar: Any) -> Iterator[tuple[list[Source], list[Translation]]]:
        """The records of each window from one on, and their translations."""
        records: list[Source] = []

        def split() -> Iterator[SplitText]:
            for source in islice(self.sources, start, None):
                records.append(source)
                code = self.languages.code(source.language)
                yield self.translator.split(RawText(source.text, code))

        for window in windows(split(), self.translator.settings.window):
            size, before = len(window), bar.n

            def show(share: float, size: int = size, before: int = before) -> None:
                bar.update(before + int(share * size) - bar.n)

            translations = self.translator.translate(window, on_progress=show)
            show(1.0)
            yield list(records), translations
            records.clear()

    def _lines(
        self, records: list[Source], translations: list[Translation], done: dict[str, Any]
    ) -> Iterator[bytes]:
        counts = Counter(done["counts"])
        for source, translation in zip(records, translations, strict=True):
            counts.update(translation.counts)
            if not source.text.strip():
                counts["blank"] += 1
            elif translation.doubts and self.on_doubt == "drop":
                counts["dropped"] += 1
            else:
                done["texts"] += 1
                yield self._line(source, translation)
        done["counts"] = dict(sorted(counts.items()))

    def _line(self, source: Source, translation: Translation) -> bytes:
        values = {
            **source.values,
            self.sources.text: translation.text,
            self.sources.lang: source.language if isinstance(self.translator, RoundTrip) else self.target,
            "source_text": source.text,
            "source_lang": source.language,
        }
        if translation.doubts:
            values["translation_doubt"] = list(translation.doubts)
        return json_line(values)


def _identity(
    sources: Sources,
    model: Model,
    languages: Languages,
    settings: Settings,
    back: str | None,
    on_doubt: OnDoubt,
) -> dict[str, Any]:
    fields = {name: getattr(sources, name) for name in ("text", "lang", "language", "separator", "quoted")}
    return {
        "data": sources.identity(),
        "fields": fields,
        "model": model.name,
        "back": back,
        "precision": model.precision,
        "codes": {"sources": dict(languages.sources), "targets": dict(languages.targets)},
        **settings._asdict(),
        "on_doubt": on_doubt,
    }
