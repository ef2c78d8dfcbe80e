"""`spacy xling explain`: how much each word adds to the score of a text."""

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from wasabi import table

from ..errors import Errors
from .app import Panel, app, coded_warnings, echo, example, one_line_errors, say_where
from .options import LanguageField, LanguageOfFile, Quotes, TextField

if TYPE_CHECKING:
    from ..explaining import Explanation

# Characters of the bar of a table's strongest word.
BAR = 20


@app.command(
    "explain",
    rich_help_panel=Panel.EVALUATE,
    epilog=example('explain training/model-best "Wo bleibt mein Paket?" --label LATE --language de'),
)
def explain_command(
    model: Annotated[Path, typer.Argument(help="Trained pipeline, or an exported one")],
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT|FILE",
            help="A text, or a file or folder of them: .jsonl, .csv, .tsv, .txt (also .gz), .spacy",
        ),
    ],
    label: Annotated[str | None, typer.Option(help="Label", show_default="that with the best score")] = None,
    method: Annotated[
        Literal["occlusion", "integrated_gradients"],
        typer.Option(help="Leave each word out, or integrate gradients (extra `explain`)"),
    ] = "occlusion",
    language: LanguageOfFile = None,
    limit: Annotated[int, typer.Option(min=1, help="Most texts of a file: the first ones")] = 20,
    top: Annotated[int, typer.Option(min=1, help="Most words of a text in its table")] = 10,
    html: Annotated[Path | None, typer.Option(help="File to write the marked texts to")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="File to write all scores to")] = None,
    text_field: TextField = "text",
    language_field: LanguageField = "lang",
    quotes: Quotes = True,
) -> None:
    """How much each word of a text adds to the score of a label.

    Occlusion, the default, is the score of the text minus that of the text without the word; it works for any
    pipeline. With integrated gradients the words' scores sum to the difference between the text and one that
    says nothing.
    """
    with one_line_errors(), coded_warnings():
        from ..data.files import find_files, require_new_files
        from ..evaluation.by_language import load_pipeline, require_pipeline
        from ..evaluation.predictions import unread_doc
        from ..explaining import explain
        from ..explaining.rendering import render
        from ..translation.sources import Source, Sources
        from ..writing import write_file, write_json

        path = path_of(text)
        if path is None:
            sources = iter([Source({}, text, language)])
        else:
            read = Sources(path, text=text_field, lang=language_field, language=language, quoted=quotes)
            sources = (source for source in read if source.text.strip())
        written = [file for file in (html, json) if file is not None]
        require_new_files(written, overwrite=True, inputs=[model, path])
        require_pipeline(model)
        nlp = load_pipeline(model)
        explanations: list[Explanation] = []
        try:
            for source in islice(sources, limit):
                doc = unread_doc(nlp, source.text, source.language)
                explanations.append(explain(nlp, doc, label, method))
                echo(format_explanation(explanations[-1], top))
            if not explanations:
                raise ValueError(Errors.X128.format(path=path, files=len(find_files(Path(text)))))
        finally:
            # Explanations from before an error are kept.
            if explanations and json is not None:
                write_json(json, [asdict(explanation) for explanation in explanations])
            if explanations and html is not None:
                write_file(html, render(explanations, page=True))
        say_where({"Scores": json, "Marked texts": html})


def path_of(text: str) -> Path | None:
    """A path that exists, or that is named like a file that can be read; None for a text."""
    from ..data.files import GZIP, Kinds

    if not text.strip():
        return None
    path = Path(text)
    try:
        is_there = path.exists()
    except (OSError, ValueError):
        # A text may be too long for a name.
        is_there = False
    named = tuple(f".{kind}{end}" for kind in Kinds.TEXTS for end in ("", GZIP))
    looks_like_one = text.endswith(named) and not any(map(str.isspace, text))
    return path if is_there or looks_like_one else None


def format_explanation(explanation: "Explanation", top: int) -> str:
    """The marked text, styled, and a table of its `top` strongest words."""
    strongest = max(abs(word.score) for word in explanation.words) or 1.0
    # Of equal ones, the first in the text.
    ranked = sorted(explanation.words, key=lambda word: -abs(word.score))[:top]
    rows = [
        (word.text, f"{word.start}-{word.end}", f"{word.score:+.4f}", _bar(word.score / strongest))
        for word in sorted(ranked, key=lambda word: -word.score)
    ]
    lines = [f"{typer.style(explanation.label, bold=True)} {explanation.score:.4f}", _styled(explanation)]
    if explanation.original is not None:
        lines.insert(1, f"{explanation.original} ->")
    if explanation.baseline is not None:
        lines[0] += f", {explanation.baseline:.4f} without words"
    header = ("word", "characters", "score", "")
    return "\n".join([*lines, table(rows, header=header, divider=True, aligns=("l", "r", "r", "l"))])


def _bar(share: float) -> str:
    return ("+" if share > 0 else "-") * round(BAR * abs(share))


def _styled(explanation: "Explanation") -> str:
    """The text, with words in colour whose score is at least a tenth of the strongest one's."""
    strongest = max(abs(word.score) for word in explanation.words)
    parts, end = [], 0
    for word in explanation.words:
        colour = "green" if word.score > 0 else "red"
        is_strong = word.score != 0 and abs(word.score) >= strongest / 10
        parts += [
            explanation.text[end : word.start],
            typer.style(word.text, fg=colour, bold=True) if is_strong else word.text,
        ]
        end = word.end
    return "".join([*parts, explanation.text[end:]])
