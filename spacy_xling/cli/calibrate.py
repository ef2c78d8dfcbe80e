"""`spacy xling calibrate`: temperatures and a threshold from dev text, offsets of languages from raw text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from wasabi import msg, table

from .app import Panel, app, coded_warnings, example, one_line_errors
from .options import OverwritePipeline, TrainedPipeline, Unlabelled

if TYPE_CHECKING:
    from ..evaluation.calibration import Row

HEADER = (
    "language",
    "texts",
    "temperature",
    "ECE before",
    "ECE after",
    "accuracy",
    "answered",
    "accuracy there",
)
LEGEND = """\
ECE           expected calibration error in percent, {bins} bins, on the texts that the temperatures fit
temperature   * that of all texts: no language, or fewer than {min_texts} texts of it, or no mistake"""


@app.command(
    "calibrate",
    rich_help_panel=Panel.EVALUATE,
    epilog=example("calibrate training/model-best dev --output calibrated --by-language"),
)
def calibrate_command(
    model: TrainedPipeline,
    dev: Annotated[Path, typer.Argument(help="Labelled dev text: a folder of files by language, or a file")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the calibrated pipeline")],
    component: Annotated[
        str | None, typer.Option(help="Name of the component", show_default="the only one")
    ] = None,
    by_language: Annotated[
        bool, typer.Option("--by-language", help="A temperature for each language, by doc._.language")
    ] = False,
    min_texts: Annotated[
        int, typer.Option(min=1, help="Least texts of a language for a temperature of its own")
    ] = 50,
    abstain_below: Annotated[
        float | None, typer.Option(help="Score of the top label below which to set doc._.abstained")
    ] = None,
    target_accuracy: Annotated[
        float | None, typer.Option(help="Instead: the accuracy to reach on the texts that are answered")
    ] = None,
    centred: Annotated[
        bool,
        typer.Option(
            "--centre",
            help="First shift the logits of languages with --unlabelled text to the source's",
        ),
    ] = False,
    unlabelled: Unlabelled = None,
    source: Annotated[str, typer.Option(help="Language of the training labels, for --centre")] = "en",
    temperature: Annotated[
        bool, typer.Option("--temperature/--no-temperature", help="Fit temperatures, or only centre")
    ] = True,
    overwrite: OverwritePipeline = False,
) -> None:
    """Make scores say how often they are right: divide logits by the temperature that fits dev text best.

    Temperatures change no top label. Offsets, with --centre, change those of target languages, and none of
    the source. Temperatures need text that neither training nor testing sees; to centre only, give the
    training text.
    """
    with one_line_errors(), coded_warnings():
        from ..data.conversion import read_docs
        from ..data.files import PIPELINE_FILE, require_new_folder
        from ..data.labelled import build_labelled_text_v1
        from ..data.unlabelled import build_unlabelled_text_v1
        from ..errors import Errors
        from ..evaluation.by_language import load_pipeline
        from ..evaluation.calibration import calibrate, centre, find_component, with_translations
        from ..writing import write_folder, writing_errors

        require_new_folder(
            output, overwrite=overwrite, replaces=PIPELINE_FILE, inputs=[model, dev, unlabelled]
        )
        if centred != (unlabelled is not None):
            given, missing = ("--centre", "--unlabelled") if centred else ("--unlabelled", "--centre")
            raise ValueError(Errors.X769.format(found=given, missing=missing))
        thresholds = abstain_below is not None or target_accuracy is not None
        if not temperature and (not centred or by_language or thresholds):
            raise ValueError(Errors.X757)
        nlp = load_pipeline(model)
        pipe = find_component(nlp, component)
        docs = with_translations(nlp, pipe, read_docs(build_labelled_text_v1(dev)))
        if centred:
            texts = centre(pipe, docs, build_unlabelled_text_v1(unlabelled), source=source)
            counts = ", ".join(f"{language} ({len(raw):,})" for language, raw in texts.raw.items())
            msg.info(f"Centred by {source} ({len(texts.source):,} texts): {counts}")
        if temperature:
            rows = calibrate(
                pipe,
                docs,
                by_language=by_language,
                min_texts=min_texts,
                abstain_below=abstain_below,
                target_accuracy=target_accuracy,
            )
        try:
            with writing_errors(output):
                write_folder(output, nlp.to_disk)
        finally:
            if temperature:
                print(format_calibration(rows, min_texts=min_texts, by_language=by_language))
        if pipe.calibration and pipe.calibration.abstain_below is not None:
            msg.info(
                f"doc._.abstained is True where the best score is below {pipe.calibration.abstain_below:.4f}"
            )
    msg.good("Saved the calibrated pipeline", output)


def format_calibration(rows: Sequence["Row"], *, min_texts: int, by_language: bool) -> str:
    """A table with a row for each language, that of all texts last, and its legend."""
    from ..evaluation.reliability import BINS

    cells = [_cells(row, marks=by_language and row is not rows[-1]) for row in rows]
    # Empty columns are left out.
    shown = [n for n in range(len(HEADER)) if n < 5 or any(line[n] for line in cells)]
    lines = [[line[n] for n in shown] for line in cells]
    header = [HEADER[n] for n in shown]
    aligns = ["l", *["r"] * (len(shown) - 1)]
    text = table(lines[:-1], header=header, footer=lines[-1], divider=True, aligns=aligns)
    legend = LEGEND.format(bins=BINS, min_texts=min_texts)
    return f"{text}\n{legend if by_language else legend.splitlines()[0]}\n"


def _cells(row: "Row", *, marks: bool) -> list[str]:
    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.1f}"

    return [
        row.language,
        f"{row.texts:,}",
        f"{row.temperature:.3f}" + ("" if row.own or not marks else "*"),
        percent(row.ece_before),
        percent(row.ece_after),
        percent(row.accuracy),
        percent(row.answered),
        percent(row.answered_accuracy),
    ]
