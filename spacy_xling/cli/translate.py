"""`spacy xling translate`: labelled or raw text into other languages."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from wasabi import msg, table

from ..types import JsonDict
from .app import Panel, app, coded_warnings, example, names, one_line_errors
from .options import Gpu, LanguageField, OverwriteFiles, Quotes, Resume, Separator, TextField


@app.command(
    "translate",
    rich_help_panel=Panel.DATA,
    epilog=example(
        "translate train.jsonl --model facebook/nllb-200-distilled-600M --to da --from en --output translated"
    ),
)
def translate_command(
    data: Annotated[
        Path,
        typer.Argument(
            help="Labelled or raw text: .jsonl, .csv, .tsv, .txt (also .gz), .spacy, or a "
            "folder of files by language"
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="Hub name or folder: Marian (OPUS-MT), M2M-100, NLLB, MADLAD, mBART, or one "
            "converted for CTranslate2. "
            "{source} and {target} in it stand for the languages' codes: one checkpoint for each pair",
        ),
    ],
    to: Annotated[
        str, typer.Option(help="Target languages, as da,de; with the checkpoint's own codes as da=dan_Latn")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write: a .jsonl for each target")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Language of texts that don't name theirs, optionally with its code: en=eng_Latn; "
            "more of these for other languages",
            show_default="the file's name",
        ),
    ] = None,
    round_trip: Annotated[
        bool,
        typer.Option("--round-trip", help="Translate back from the target language into the text's own"),
    ] = False,
    back: Annotated[
        str | None,
        typer.Option(
            help="Hub name or folder of the checkpoint for the way back; implies --round-trip",
            show_default="--model",
        ),
    ] = None,
    beams: Annotated[
        int | None,
        typer.Option(min=1, help="Number of beams, 1 for greedy search", show_default="the checkpoint's"),
    ] = None,
    length_ratio: Annotated[
        float, typer.Option(min=0.1, help="Most pieces of a translation for each of the source")
    ] = 2.0,
    whole: Annotated[bool, typer.Option("--whole", help="Treat a text as one sentence")] = False,
    retry: Annotated[
        bool,
        typer.Option("--retry/--no-retry", help="Translate doubtful sentences again, differently"),
    ] = True,
    on_doubt: Annotated[
        Literal["keep", "drop"],
        typer.Option(help="Keep doubtful translations, with their doubts, or leave them out"),
    ] = "keep",
    precision: Annotated[
        Literal["fp32", "bf16", "auto"],
        typer.Option(help="Of the model; auto: the one that is fast on the device, or the folder's"),
    ] = "fp32",
    gpu_id: Gpu = -1,
    batch_pieces: Annotated[int, typer.Option(min=1, help="Most pieces of a batch, after padding")] = 2048,
    batch_size: Annotated[int, typer.Option(min=1, help="Most sentences of a batch")] = 64,
    window: Annotated[
        int,
        typer.Option(min=1, help="Sentences that are sorted by length together; a kill may lose as many"),
    ] = 2048,
    text: TextField = "text",
    lang: LanguageField = "lang",
    separator: Separator = ",",
    quotes: Quotes = True,
    resume: Resume = False,
    overwrite: OverwriteFiles = False,
) -> None:
    """Translate text, labelled or raw, into other languages.

    Labels and all other fields are kept. The text becomes the translation, `lang` the target; what was there
    before is in `source_text` and `source_lang`. With --round-trip texts come back to their own language, and
    `lang` stays: text as translations are written, to train on. Translations that look wrong (empty, copied,
    repeated, of impossible length, in another script) are counted, and have the field `translation_doubt`.
    """
    with one_line_errors(), coded_warnings():
        from ..translation.sources import Sources
        from ..translation.translating import Languages, Model, translate_files
        from ..translation.translator import Settings

        languages_of_texts = dict(codes(source or ""))
        sources = Sources(
            data,
            text=text,
            lang=lang,
            language=next(iter(languages_of_texts), None),
            separator=separator,
            quoted=quotes,
        )
        results = translate_files(
            sources,
            output,
            Model(model, precision, gpu_id),
            Languages(dict(codes(to)), languages_of_texts),
            Settings(
                beams=beams,
                length_ratio=length_ratio,
                batch_pieces=batch_pieces,
                batch_size=batch_size,
                window=window,
                split=not whole,
                retry=retry,
            ),
            back=back or (model if round_trip else None),
            on_doubt=on_doubt,
            resume=resume,
            overwrite=overwrite,
            progress=True,
        )
    print_results(results)
    msg.good(f"Saved to {output}")


def codes(value: str) -> list[tuple[str, str]]:
    """The languages of a list, e.g. "da,zh=zho_Hans": name and code in the checkpoint of each, which is the
    name where none is given.
    """
    pairs = [name.partition("=") for name in names(value)]
    return [(name.strip(), code.strip() or name.strip()) for name, _, code in pairs]


def print_results(results: dict[str, JsonDict]) -> None:
    """Print what `translate_files` translated, and how many sentences are doubtful."""
    from ..translation.guards import KINDS

    header = ("language", "texts", "sentences", "retried", *KINDS, "dropped texts")
    rows = []
    for language, done in results.items():
        counts = {name: f"{count:,}" for name, count in done["counts"].items()}
        found = [counts.get(f"found {kind}", "0") for kind in KINDS]
        left = [counts.get(f"left {kind}", "0") for kind in KINDS]
        doubts = [one if one == other else f"{one} > {other}" for one, other in zip(found, left, strict=True)]
        totals = [counts.get(name, "0") for name in ("sentences", "retried", "dropped")]
        rows.append((language, f"{done['texts']:,}", *totals[:2], *doubts, totals[2]))
    print(table(rows, header=header, divider=True, aligns=("l", *"r" * (len(header) - 1))))
    print("Doubtful sentences by kind; after >, those that still were after a retry.")
