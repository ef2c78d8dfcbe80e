"""`spacy xling evaluate-translation`: translators side by side on held-out parallel text."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from wasabi import table

from .app import Panel, app, coded_warnings, example, names, one_line_errors, say_where
from .options import Gpu, Numbers, ParallelTextPath

if TYPE_CHECKING:
    from ..evaluation.translators import DirectionScores


@app.command(
    "evaluate-translation",
    rich_help_panel=Panel.EVALUATE,
    epilog=example("evaluate-translation translator/model-best parallel"),
)
def evaluate_translation_command(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Trained pipelines, checkpoints of transformers, or folders converted for CTranslate2",
            metavar="MODEL...",
        ),
    ],
    parallel: ParallelTextPath,
    directions: Annotated[
        str,
        typer.Option(help="What is translated into what, as en-da,da-en", show_default="as files are named"),
    ] = "",
    heldout_share: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of the pairs that training held out; 1 for separate text",
            show_default="that of the first trained pipeline, or 0.02",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Most pairs of a direction; 0 for all")] = 0,
    beams: Annotated[
        int | None,
        typer.Option(min=1, help="Number of beams, 1 for greedy search", show_default="the model's"),
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap samples")] = 1000,
    gpu_id: Gpu = -1,
    json: Numbers = None,
) -> None:
    """Score translators by chrF++ and BLEU, with intervals and the significance of differences."""
    with one_line_errors(), coded_warnings():
        from ..data.files import require_new_files
        from ..data.translation_pairs import build_translation_pairs_v1
        from ..evaluation.by_language import column_names
        from ..evaluation.translators import evaluate_translators
        from ..translation.trained import choose_heldout_share
        from ..translation.translating import Model, load_engine, name_of_pair
        from ..translation.translator import Settings
        from ..writing import write_json

        require_new_files([json] if json else [], overwrite=True, inputs=[parallel])
        corpus = build_translation_pairs_v1(
            parallel,
            directions=names(directions) or None,
            heldout=True,
            heldout_share=choose_heldout_share(models, heldout_share),
            limit=limit,
        )
        load = cache(lambda name: load_engine(Model(name, gpu_id=gpu_id)))
        find_engines = [
            lambda source, target, model=model: load(name_of_pair(model, source, target)) for model in models
        ]
        titles = column_names([Path(model) for model in models])
        results = evaluate_translators(
            dict(zip(titles, find_engines, strict=True)),
            corpus,
            Settings(beams=beams),
            resamples=resamples,
        )
        if json is not None:
            write_json(json, {direction: asdict(scores) for direction, scores in results.items()})
        print(format_scores(results))
        say_where({"Numbers": json})


def format_scores(results: "dict[str, DirectionScores]") -> str:
    """A table of the scores by direction, with the signatures of the metrics below it."""
    rows: list[tuple[str, ...]] = []
    signatures: dict[str, str] = {}
    for direction, scores in results.items():
        signatures |= scores.signatures
        for name, by_metric in scores.systems.items():
            cells: list[str] = []
            for score in by_metric.values():
                p = "" if score.p is None else f"{score.p:.3f}"
                cells += [f"{score.score:.1f} ± {score.half_width:.1f}", p]
            rows.append((direction, f"{scores.texts:,}", name, *cells))
    header = ["direction", "texts", "translator"]
    for metric in signatures:
        header += [metric, "p"]
    shown = table(rows, header=header, divider=True, aligns=("l", "r", "l", *"rr" * len(signatures)))
    return "\n".join([str(shown), *(f"{metric}: {said}" for metric, said in signatures.items())])
