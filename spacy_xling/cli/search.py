"""`spacy xling search`: good settings of a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from spacy.cli._util import parse_config_overrides, show_validation_error
from wasabi import msg, table

from .app import Panel, app, example, one_line_errors
from .options import PASS_ON, Code, Gpu, read_config

if TYPE_CHECKING:
    from ..comparison.searching import Trial

# Trials to print.
SHOWN = 10


@app.command(
    "search",
    rich_help_panel=Panel.TRAIN,
    epilog=example(
        "search configs/compare.cfg --output searched --paths.train train.jsonl --paths.dev dev.jsonl"
    ),
    context_settings=PASS_ON,
)
def search_command(
    ctx: typer.Context,
    plan_path: Annotated[
        Path, typer.Argument(help="Plan with [search], as configs/compare.cfg", exists=True)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the search")],
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Trials at a time; they share the processor's threads")
    ] = 1,
    code_path: Code = None,
    use_gpu: Gpu = -1,
) -> None:
    """Search for good settings of a recipe, such as lambda, by its score on the source's dev text.

    Stop it at any moment and start it again. Needs the extra `search`.
    """
    overrides = parse_config_overrides(ctx.args)
    with show_validation_error(plan_path, hint_fill=False), one_line_errors():
        plain = read_config(plan_path, overrides)
        from ..comparison.plan import read_plan
        from ..comparison.running import Machine
        from ..comparison.searching import as_options, search

        plan = read_plan(plain)
        try:
            trials = search(plan, output, Machine(jobs, use_gpu, code_path))
        except KeyboardInterrupt:
            msg.warn("Stopped. The same command resumes from here")
            raise typer.Exit(130) from None
    print(format_trials(trials))
    if trials[0].score is None:
        msg.fail("No trial has finished", f"See the logs under {output / 'trials'}", exits=1)
    print(f"Best on dev:\n{as_options(plan, trials[0])}")


def format_trials(trials: "list[Trial]") -> str:
    """A table of the best trials, of all trials with the best first."""
    names = list(trials[0].settings)
    rows = [
        (
            str(trial.number),
            "failed" if trial.score is None else f"{100 * trial.score:.1f}",
            *(
                f"{value:.4g}" if isinstance(value, float) else str(value)
                for value in trial.settings.values()
            ),
        )
        for trial in trials[:SHOWN]
    ]
    short = [
        name.rpartition(".")[2] if name.count(".") < 2 else ".".join(name.split(".")[-2:]) for name in names
    ]
    aligns = ("r", "r", *"r" * len(names))
    return str(table(rows, header=("trial", "score", *short), divider=True, aligns=aligns))
