"""`spacy xling preview-masks`: masked texts as the model will see them."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .app import Panel, app, echo, example, names, one_line_errors
from .options import EncoderName, Languages, RawTextPath, SamplingSeed

if TYPE_CHECKING:
    from ..inspection.previews import PreviewPiece, WindowPreview

COLOURS = {"special": "bright_black", "mask": "yellow", "random": "red", "kept": "green"}
LEGEND = (
    ("mask", "[MASK<-was] the mask piece"),
    ("random", "[RANDOM now<-was] a random piece"),
    ("kept", "[KEPT piece] a target that stays as it is"),
)


@app.command(
    "preview-masks",
    rich_help_panel=Panel.ENCODER,
    epilog=example("preview-masks xlm-roberta-base raw"),
)
def preview_masks_command(
    encoder: EncoderName,
    texts: RawTextPath,
    n: Annotated[int, typer.Option("--n", min=1, help="Texts of each language: a sample")] = 5,
    rate: Annotated[float, typer.Option(help="Share of the words or pieces that become targets")] = 0.15,
    by: Annotated[Literal["word", "piece"], typer.Option(help="Mask whole words or single pieces")] = "word",
    seed: SamplingSeed = 0,
    languages: Languages = "",
    window: Annotated[
        int | None,
        typer.Option(min=1, help="Most pieces of a window", show_default="what the encoder can take"),
    ] = None,
    overlap: Annotated[int, typer.Option(min=0, help="Pieces that a long text's windows share")] = 32,
) -> None:
    """Masked texts as the model will see them in training, with what was there before."""
    with one_line_errors():
        from ..inspection.previews import preview_encoder_masks

        previews = preview_encoder_masks(
            encoder,
            texts,
            n=n,
            rate=rate,
            by=by,
            seed=seed,
            languages=names(languages),
            window=window,
            overlap=overlap,
        )
        echo("  ".join(_coloured(text, fate) for fate, text in LEGEND))
        for preview in previews:
            echo(f"\n{_heading(preview)}\n{preview.text.strip()}\n{format_window(preview)}")


def format_window(preview: "WindowPreview") -> str:
    """The pieces of a window as one line, which shows the fate of each even without colours."""
    return " ".join(_coloured(_marked(piece), piece.fate) for piece in preview.pieces)


def _marked(piece: "PreviewPiece") -> str:
    if piece.fate == "mask":
        return f"[MASK<-{piece.target}]"
    if piece.fate == "random":
        return f"[RANDOM {piece.shown}<-{piece.target}]"
    return f"[KEPT {piece.shown}]" if piece.fate == "kept" else piece.shown


def _heading(preview: "WindowPreview") -> str:
    targets = sum(piece.target is not None for piece in preview.pieces)
    ordinary = sum(piece.fate != "special" for piece in preview.pieces)
    language = preview.language or "text"
    place = "" if preview.windows == 1 else f", window {preview.window} of {preview.windows}"
    return typer.style(f"{language}{place}: {targets} of {ordinary} pieces to guess", bold=True)


def _coloured(text: str, fate: str) -> str:
    return typer.style(text, fg=COLOURS[fate]) if fate in COLOURS else text
