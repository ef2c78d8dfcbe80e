"""`spacy xling init-encoder`"""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from .app import app, names, one_line_errors


@app.command("init-encoder")
def init_encoder_cli(
    texts: Path = typer.Argument(
        ..., help="Raw text: a folder of files by language (da.txt, de.jsonl.gz), or a file"
    ),
    output: Path = typer.Option(..., "--output", "-o", help="Folder to write"),
    parallel: Optional[Path] = typer.Option(
        None, help="Parallel text (en-da.tsv ...): start with piece embeddings aligned across languages"
    ),
    pairs: str = typer.Option("", help="Files of the parallel text to use, e.g. en-da,en-de; all by default"),
    preset: str = typer.Option("mini", help="Shape: tiny, mini, small or base"),
    config: Optional[str] = typer.Option(None, help="Shape: a Hugging Face config.json, instead of a preset"),
    tokenizer: str = typer.Option("unigram", help="Kind of tokenizer: unigram or wordpiece"),
    pieces: Optional[int] = typer.Option(
        None, min=1, help="Pieces of the vocabulary; by default the shape's"
    ),
    languages: str = typer.Option("", help="Languages to use, e.g. da,de; all by default"),
    alpha: float = typer.Option(0.3, help="Balance of languages: 1 by size, 0 all alike"),
    max_texts: int = typer.Option(200_000, min=1, help="The most texts to train the tokenizer on"),
    seed: int = typer.Option(0, help="Seed of draws and weights"),
) -> None:
    """Make an encoder from raw text: a tokenizer, and a masked-LM model that is yet to be trained."""
    with one_line_errors():
        from ..data.parallel import build_parallel_text_v1
        from ..data.unlabelled import build_unlabelled_text_v1
        from ..encoders.initialising import init_encoder, preset_config, read_config

        made = init_encoder(
            output,
            build_unlabelled_text_v1(texts, languages=names(languages), alpha=alpha, seed=seed),
            config=read_config(config) if config else preset_config(preset),
            kind=tokenizer,  # type: ignore[arg-type]
            n_pieces=pieces,
            max_texts=max_texts,
            parallel=build_parallel_text_v1(parallel, pairs=names(pairs)) if parallel else None,
            seed=seed,
            progress=True,
        )
    aligned = f", embeddings aligned by {made.n_contexts:,} contexts" if made.n_contexts else ""
    msg.good(f"{made.path}: {made.n_pieces:,} pieces, {made.n_parameters:,} parameters{aligned}")
