"""What to put into a training config, after a look at the data and the encoder."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from spacy.tokens import Doc

from ..data.conversion import read_docs
from ..data.files import Kinds, find_files
from ..data.labelled import LabelledText
from ..data.languages import UNKNOWN
from ..data.survey import Survey, raw_lines, survey
from ..data.unlabelled import files_by_language, read_texts
from ..dictionaries.reader import build_dictionaries_v1
from ..errors import Errors
from ..pipeline.centred import FEWEST_TEXTS
from ..translate_train.translations_reader import build_translations_v1
from .debugging import (
    LITTLE,
    DictionaryReport,
    TranslationReport,
    report_dictionaries,
    report_translations,
)
from .render import Choices

# How often training sees each labelled text, and the fewest and the most steps for it.
EPOCHS = 10
# With code-switching or translations a text is another one each time.
CHANGED_EPOCHS = 20
FEWEST_STEPS, MOST_STEPS = 300, 20_000
EVALUATIONS = 10
BATCH_PIECES, GPU_BATCH_PIECES = 2048, 8192
# Modes in which translations are used.
TRANSLATED_MODES = ("translate_train", "joint")
# Peak learning rates by the width of the encoder: narrower ones take and need greater steps.
RATES = ((256, 3e-4), (512, 1e-4), (768, 3e-5), (100_000, 1e-5))
# A label this much rarer than the most frequent one is worth a word.
UNEVEN = 10


class Advice(NamedTuple):
    """What was chosen, why (the setting, its value, and the reason), and what is likely to go wrong."""

    choices: Choices
    reasons: Sequence[tuple[str, str, str]]
    warnings: Sequence[str]


class EncoderFacts(NamedTuple):
    """What of an encoder matters for the choices: the width of its hidden states, and the mean number of
    pieces of the labelled texts, specials included.
    """

    width: int
    pieces_per_text: float


class Material(NamedTuple):
    """What is there beside labelled text.

    raw (Mapping[str, int]): Lines of raw text by language.
    dictionaries (Sequence[DictionaryReport]): What each dictionary has that is used.
    translations (Sequence[TranslationReport]): What translations there are into each language, if they are
        used.
    centred (Sequence[str]): Languages whose scores are centred.
    left_out (Sequence[str]): Kinds of material that were given, and aren't used.
    """

    raw: Mapping[str, int]
    dictionaries: Sequence[DictionaryReport]
    translations: Sequence[TranslationReport]
    centred: Sequence[str]
    left_out: Sequence[str]


def advise(
    corpus: LabelledText,
    *,
    dev: Path | None = None,
    unlabelled: Path | None = None,
    dictionaries: Sequence[Path] = (),
    make_dictionaries: Callable[[], Path] | None = None,
    translations: Path | None = None,
    encoder: str,
    languages: Sequence[str] = (),
    multilabel: bool | None = None,
    mode: str | None = None,
    gpu: bool = False,
) -> Advice:
    """Choose the settings of a config.

    corpus (LabelledText): The labelled text.
    dev (Path | None): Labelled text to choose the checkpoint by.
    unlabelled (Path | None): Raw text by language.
    dictionaries (Sequence[Path]): Dictionaries, the one that wins first.
    make_dictionaries (Callable | None): Makes more of them, and gives their folder; called once all else
        was looked at, unless they aren't used.
    translations (Path | None): Translations of the labelled text.
    encoder (str): Hub name or folder.
    languages (Sequence[str]): Languages of raw text to read, none for all.
    multilabel (bool | None): Texts may have any number of labels; None looks whether any has not one.
    mode (str | None): "translate_train", "code_switching", "joint", "baseline" or "shared"; None takes the
        first of these where there are translations, the second where there are dictionaries, if each text has
        exactly one label, and else the baseline. Dictionaries are used in all but "baseline", translations in
        "translate_train" and "joint". In all but "shared" scores of exactly one label are centred where there
        is raw text of a language that labelled text is not in.
    gpu (bool): Training will be on a GPU.
    RETURNS (Advice): The choices with their reasons.
    RAISES (ValueError): There are fewer than two labels (in the mode "shared", no entities either), texts
        with several where one is expected, no raw text for the masked-LM term, no dictionaries for
        code-switching or no translations for translate-train, or no such language among them; the encoder
        can't be read.
        (FileNotFoundError): There is no `dev`.
    """
    docs = read_docs(corpus)
    if dev is not None:
        find_files(dev, Kinds.LABELLED)
    found = survey(docs)
    has_dictionaries, asked = bool(dictionaries or make_dictionaries), mode is not None
    multilabel = not found.exclusive if multilabel is None else multilabel
    # Code-switching and centring were measured to help where classes exclude each other, and to raise some
    # languages and lower others where they don't; translations weren't measured there.
    by_data = "translate_train" if translations else "code_switching" if has_dictionaries else "baseline"
    mode = mode or ("baseline" if multilabel else by_data)
    _check_labels(found, multilabel, mode)
    if mode == "code_switching" and not has_dictionaries:
        raise ValueError(Errors.X743)
    if mode == "translate_train" and translations is None:
        raise ValueError(Errors.X749)
    if mode in ("joint", "shared") and unlabelled is None:
        raise ValueError(Errors.X742.format(mode=mode.capitalize()))
    raw = raw_lines(unlabelled, languages=languages) if unlabelled else {}
    centred_by = None if mode == "shared" or multilabel else unlabelled
    targets = [] if centred_by is None else _targets(found, centred_by, languages)
    facts = encoder_facts(encoder, docs)
    batch_pieces = GPU_BATCH_PIECES if gpu else BATCH_PIECES
    switches = has_dictionaries and mode != "baseline"
    translates = translations is not None and mode in TRANSLATED_MODES
    translated = report_translations(build_translations_v1(translations)(), docs) if translates else []
    if switches and make_dictionaries is not None:
        dictionaries = [*dictionaries, make_dictionaries()]
    known = report_dictionaries(build_dictionaries_v1(list(dictionaries))(), docs) if switches else []
    uses = {"dictionaries": (has_dictionaries, switches), "translations": (bool(translations), translates)}
    left_out = [kind for kind, (is_given, is_used) in uses.items() if is_given and not is_used]
    material = Material(raw, known, translated, targets, left_out)
    epochs = CHANGED_EPOCHS if switches or translates else EPOCHS
    steps = _steps(epochs * _annotated(found, mode), facts, batch_pieces)
    choices = Choices(
        mode=mode,
        multilabel=multilabel,
        labels=bool(found.labels),
        entities=mode == "shared" and bool(found.entities),
        source=next(iter(_known(found.languages)), Choices().source),
        train=_text(corpus.path),
        dev=_text(dev),
        unlabelled=_text(unlabelled),
        code_switching=switches,
        dictionaries=[str(path) for path in dictionaries] if switches else None,
        translated_texts=translates,
        translations=_text(translations) if translates else None,
        centring=bool(targets),
        encoder=encoder,
        languages=list(languages) or None,
        gpu=gpu,
        learn_rate=next(rate for width, rate in RATES if facts.width <= width),
        batch_pieces=batch_pieces,
        max_steps=steps,
        eval_frequency=max(1, steps // EVALUATIONS),
    )
    reasons = _reasons(choices, found, facts, material, asked=asked)
    return Advice(choices, reasons, list(_warnings(choices, found, material)))


def encoder_facts(encoder: str, docs: Sequence[Doc]) -> EncoderFacts:
    """Look at the shape of an encoder, given by hub name or folder, and at the texts through its tokenizer.

    RAISES (ValueError): It can't be read.
    """
    from ..models.checkpoint import read_config
    from ..training.batching import count_pieces

    pieces = count_pieces(encoder, [doc.text for doc in docs])
    config = read_config(encoder)
    width = getattr(config, "hidden_size", None) or config.dim
    return EncoderFacts(width, sum(pieces) / len(pieces))


def _check_labels(found: Survey, multilabel: bool, mode: str) -> None:
    entities_alone = mode == "shared" and found.entities and not found.labels
    if len(found.labels) < 2 and not entities_alone:
        raise ValueError(Errors.X740.format(labels=", ".join(found.labels) or "none", texts=found.texts))
    if not multilabel and not found.exclusive:
        raise ValueError(Errors.X741)


def _annotated(found: Survey, mode: str) -> int:
    """Number of the texts that something is learnt from."""
    return found.texts - (found.unannotated if mode == "shared" else found.unlabelled)


def _known(languages: Iterable[str]) -> list[str]:
    return [language for language in languages if language != UNKNOWN]


def _targets(found: Survey, unlabelled: Path, languages: Sequence[str]) -> list[str]:
    """Languages with enough raw text to centre by, that no labelled text is in; none if that isn't known."""
    if UNKNOWN in found.languages:
        return []
    return [
        name
        for name, files in files_by_language(unlabelled, languages=languages).items()
        if name and name not in found.languages
        # No more is read than decides.
        if len(list(islice(read_texts(files), FEWEST_TEXTS))) == FEWEST_TEXTS
    ]


def _steps(texts: int, facts: EncoderFacts, batch_pieces: int) -> int:
    """As many as these texts need, rounded to tens."""
    needed = texts * facts.pieces_per_text / batch_pieces
    return int(round(min(max(needed, FEWEST_STEPS), MOST_STEPS), -1))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _reasons(
    choices: Choices, found: Survey, facts: EncoderFacts, material: Material, *, asked: bool
) -> list[tuple[str, str, str]]:
    labelled = _annotated(found, choices.mode)
    epochs = choices.max_steps * choices.batch_pieces / (labelled * facts.pieces_per_text)
    centred = f"{', '.join(material.centred)}, which no labelled text is in"
    steps_reason = f"about {epochs:.0f} times the {labelled:,} labelled texts"
    return [
        ("component", ", ".join(choices.pipeline), _component_reason(choices, found)),
        ("mode", choices.mode, _mode_reason(choices, material, asked=asked)),
        *(
            (f"dictionary {report.name}", f"{report.entries:,} entries", _coverage_reason(report))
            for report in material.dictionaries
        ),
        *(
            (
                f"translations {report.language}",
                f"{report.texts:,} texts",
                f"of {100 * report.share:.0f} % of the labelled texts",
            )
            for report in material.translations
        ),
        *([("centring", "true", f"raw text of {centred}")] if choices.centring else []),
        *([("source", choices.source, _source_reason(found))] if choices.mode == "shared" else []),
        ("learn_rate", f"{choices.learn_rate:g}", f"the encoder is {facts.width} wide"),
        ("batch size", f"{choices.batch_pieces:,} pieces", f"{facts.pieces_per_text:.0f} pieces per text"),
        ("max_steps", f"{choices.max_steps:,}", steps_reason),
        ("precision", "auto" if choices.gpu else "fp32", "on a GPU" if choices.gpu else "on a CPU"),
    ]


def _component_reason(choices: Choices, found: Survey) -> str:
    several = "some texts have several labels, or none of those they were annotated for"
    labels = f"{len(found.labels)} labels; {'each text has one label' if found.exclusive else several}"
    entities = f"{sum(found.entities.values()):,} entities ({', '.join(found.entities)})"
    parts = [labels] if choices.labels else []
    if choices.mode == "shared":
        parts.append(entities if choices.entities else "no entities")
    return "; ".join(parts)


def _mode_reason(choices: Choices, material: Material, *, asked: bool) -> str:
    reasons = ["as you asked"] if asked else []
    if material.left_out and not asked:
        mode = "translate_train" if "translations" in material.left_out else "code_switching"
        kinds = " and ".join(material.left_out)
        reasons.append(f"{kinds} were not measured to help with any number of labels (--mode {mode})")
    if material.translations:
        reasons.append(f"translations into {', '.join(report.language for report in material.translations)}")
    if material.dictionaries:
        reasons.append(f"dictionaries for {', '.join(report.target for report in material.dictionaries)}")
    if choices.mode in ("joint", "shared"):
        reasons.append(f"raw text of {', '.join(material.raw)}")
    elif material.raw and not material.translations and not asked:
        reasons.append("measured as no worse without the masked-LM term")
    return "; ".join(reasons) or "neither translations, dictionaries nor parallel or raw text were given"


def _coverage_reason(report: DictionaryReport) -> str:
    if not report.coverage.words:
        return f"no labelled text is in {report.source}"
    return f"{100 * report.coverage.share:.0f} % of the words of the labelled text"


def _source_reason(found: Survey) -> str:
    known = _known(found.languages)
    if not known:
        return "a guess: the labelled text doesn't say its language"
    return "the language of the labelled text" if len(known) == 1 else f"most frequent of {', '.join(known)}"


def _warnings(choices: Choices, found: Survey, material: Material) -> Iterator[str]:
    raw, sources = material.raw, _known(found.languages)
    if choices.dev is None:
        yield (
            "No --dev: give labelled text to choose the checkpoint by with --paths.dev. `spacy xling convert "
            "--dev-share 0.1` splits a file."
        )
    if not sources:
        yield "The labelled text doesn't say its language: name it with `spacy xling convert --language`."
    yield from _warnings_of_dictionaries(material)
    yield from _warnings_of_translations(choices, material)
    if raw and sources and not set(raw) - set(sources):
        yield f"All raw text is in {', '.join(raw)}, as the labels are: add some of each target language."
    counts = list(found.label_counts.values())
    rare = [name for name, count in found.label_counts.items() if count * UNEVEN < counts[0]]
    if rare:
        setting = "positive_weights" if choices.multilabel else "class_weights"
        advice = "" if choices.mode == "shared" else f' Try {setting} = "balanced".'
        yield (
            f"Labels with less than a tenth of the texts of the most frequent one: {', '.join(rare)}.{advice}"
        )
    yield from _warnings_of_mode(choices, found)


def _warnings_of_dictionaries(material: Material) -> Iterator[str]:
    known = material.dictionaries
    if not known:
        return
    sources = {report.source for report in known}
    if not any(report.coverage.words for report in known):
        yield (
            f"The dictionaries are of words of {', '.join(sorted(sources))}, and no labelled text is: "
            "nothing will be switched."
        )
    foreign = [report.name for report in known if not report.coverage.words]
    if 0 < len(foreign) < len(known):
        yield f"No labelled text is in the language of {', '.join(foreign)}, so they switch nothing."
    translated = {report.language for report in material.translations}
    without = sorted(
        material.raw.keys() - sources - translated - {report.target for report in known} - {UNKNOWN}
    )
    if without:
        yield f"No dictionary for {', '.join(without)}: code-switching hardly helps these."


def _warnings_of_translations(choices: Choices, material: Material) -> Iterator[str]:
    if "translations" in material.left_out and choices.mode in ("code_switching", "shared"):
        yield f"The mode {choices.mode} uses no translations: choose --mode translate_train or joint."
    few = [report.language for report in material.translations if report.share < LITTLE]
    if few:
        yield (
            f"Less than half of the labelled texts have a translation into {', '.join(few)}: a text must be "
            "the same as when it was translated."
        )


def _warnings_of_mode(choices: Choices, found: Survey) -> Iterator[str]:
    if choices.mode != "shared":
        if found.entities:
            yield "The texts have entities, which nothing is learnt from here: choose --mode shared for them."
    elif choices.labels and not choices.multilabel and found.unlabelled:
        yield (
            f"{found.unlabelled:,} texts have no label: textcat learns that no label holds of them. Label "
            "them, or take them out."
        )
