"""`spacy xling apply`: files of texts to files of their predictions."""

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from wasabi import msg

from .app import Panel, app, coded_warnings, example, one_line_errors
from .options import Gpu, LanguageField, OverwriteFiles, Quotes, Resume, Separator, TextField


@app.command(
    "apply",
    rich_help_panel=Panel.SHIP,
    epilog=example("apply training/model-best messages.jsonl scored.jsonl"),
)
def apply_command(
    model: Annotated[Path, typer.Argument(help="Folder of a trained or exported pipeline")],
    data: Annotated[
        Path,
        typer.Argument(
            help="Texts: .jsonl, .csv, .tsv (also .gz) or .parquet, or a folder of such files", metavar="IN"
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(help="A file of the same kind; for a folder, a folder", metavar="OUT"),
    ],
    text: TextField = "text",
    lang: LanguageField = "lang",
    language: Annotated[str | None, typer.Option(help="Language of texts that don't name theirs")] = None,
    language_from_name: Annotated[
        bool, typer.Option("--language-from-name", help="Take it from a file's name in a folder, as da.jsonl")
    ] = False,
    scores: Annotated[bool, typer.Option("--scores", help="Write the score of each label, too")] = False,
    prefix: Annotated[str, typer.Option(help="Prefix of the names of the new columns")] = "",
    rejects: Annotated[
        Path | None,
        typer.Option(
            help="JSONL for lines that can't be read or scored, with file, line and error",
            show_default="the first one stops the run",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts that are scored together")] = 256,
    n_process: Annotated[
        int, typer.Option("--n-process", "-n", min=1, help="Workers, each with its own pipeline")
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads of a worker", show_default="its share of the processors"),
    ] = None,
    gpu_id: Gpu = -1,
    engine: Annotated[
        Literal["processes", "ray", "spark"], typer.Option(help="Where workers run")
    ] = "processes",
    address: Annotated[
        str | None,
        typer.Option(help="Cluster of Ray or Spark, as spark://host:7077", show_default="this machine"),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="Part of a folder, as 2/8: every eighth file from the second on")
    ] = None,
    separator: Separator = ",",
    quotes: Quotes = True,
    resume: Resume = False,
    overwrite: OverwriteFiles = False,
) -> None:
    """Score the texts of files, in order and in constant memory.

    Each record keeps its fields, and gets label (labels, of a pipeline that gives any number of them), score,
    language and abstained; with --scores that of each label.
    """
    with one_line_errors(), coded_warnings():
        from ..applying.applying import Shard, apply_files
        from ..applying.formats import Reading
        from ..applying.opening import open_engine
        from ..applying.predictor import PredictorSettings

        settings = PredictorSettings(str(model), text, lang, language, scores, prefix, threads, gpu_id)
        started = time.monotonic()
        results = apply_files(
            data,
            output,
            settings,
            partial(open_engine, engine, workers=n_process, address=address),
            reading=Reading(batch_size, quotes, separator, language_from_name),
            rejects=rejects,
            shard=None if shard is None else Shard.parse(shard),
            resume=resume,
            overwrite=overwrite,
            progress=True,
        )
    seconds = time.monotonic() - started
    texts = sum(done["texts"] for done in results.values())
    rejected = sum(done["counts"].get("rejected", 0) for done in results.values())
    msg.good(f"Saved {texts:,} texts to {output}, in {seconds:,.1f} s")
    if rejected:
        msg.warn(f"{rejected:,} lines could not be read or scored: see {rejects}")
