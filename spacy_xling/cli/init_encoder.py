"""`spacy xling init-encoder`: an encoder from raw text."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from wasabi import msg

from .app import Panel, app, example, names, one_line_errors
from .options import LanguageBalance, NewFolder, OverwriteEncoder


@app.command(
    "init-encoder",
    rich_help_panel=Panel.ENCODER,
    epilog=example("init-encoder raw --output start --preset mini --parallel parallel"),
)
def init_encoder_command(
    texts: Annotated[
        Path, typer.Argument(help="Raw text: a folder of files by language (da.txt ...), or a file")
    ],
    output: NewFolder,
    parallel: Annotated[
        Path | None,
        typer.Option(help="Parallel text (en-da.tsv ...): start with embeddings aligned across languages"),
    ] = None,
    pairs: Annotated[str, typer.Option(help="Files of it, as en-da,en-de", show_default="all")] = "",
    preset: Annotated[str, typer.Option(help="Shape: tiny, mini, small or base")] = "mini",
    config: Annotated[
        str | None, typer.Option(help="Shape: a Hugging Face config.json, instead of a preset")
    ] = None,
    tokenizer: Annotated[Literal["unigram", "wordpiece"], typer.Option(help="Kind of tokenizer")] = "unigram",
    pieces: Annotated[
        int | None, typer.Option(min=1, help="Pieces of the vocabulary", show_default="the shape's")
    ] = None,
    languages: Annotated[str, typer.Option(help="Languages to use, as da,de", show_default="all")] = "",
    alpha: LanguageBalance = 0.3,
    max_texts: Annotated[int, typer.Option(min=1, help="Most texts for the tokenizer")] = 200_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of draws and weights")] = 0,
    overwrite: OverwriteEncoder = False,
) -> None:
    """Make an encoder from raw text: a tokenizer, and an untrained masked-LM model."""
    with one_line_errors():
        from ..data.files import require_new_folder
        from ..data.parallel import build_parallel_text_v1
        from ..data.unlabelled import build_unlabelled_text_v1
        from ..encoders.initialising import init_encoder, preset_config
        from ..models.checkpoint import read_config

        require_new_folder(output, overwrite=overwrite, inputs=[Path(config) if config else None])
        made = init_encoder(
            output,
            build_unlabelled_text_v1(texts, languages=names(languages), alpha=alpha, seed=seed),
            config=read_config(config) if config else preset_config(preset),
            kind=tokenizer,
            n_pieces=pieces,
            max_texts=max_texts,
            parallel=build_parallel_text_v1(parallel, pairs=names(pairs)) if parallel else None,
            seed=seed,
            overwrite=overwrite,
            progress=True,
        )
    aligned = f", embeddings aligned by {made.n_contexts:,} contexts" if made.n_contexts else ""
    msg.good(f"{made.path}: {made.n_pieces:,} pieces, {made.n_parameters:,} parameters{aligned}")
