"""`spacy xling compare`: recipes side by side, over seeds."""

from pathlib import Path
from typing import Annotated

import typer
from spacy.cli._util import parse_config_overrides, show_validation_error
from wasabi import msg

from .app import Panel, app, example, one_line_errors
from .options import PASS_ON, Code, Gpu, Numbers, read_config


@app.command(
    "compare",
    rich_help_panel=Panel.TRAIN,
    epilog=example(
        "compare configs/compare.cfg --output compared --paths.train train.jsonl --paths.dev dev.jsonl "
        "--paths.test test"
    ),
    context_settings=PASS_ON,
)
def compare_command(
    ctx: typer.Context,
    plan_path: Annotated[Path, typer.Argument(help="Plan, as configs/compare.cfg", exists=True)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the comparison")],
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Runs at a time; they share the processor's threads")
    ] = 1,
    equal_compute: Annotated[
        bool,
        typer.Option("--equal-compute", help="Give each recipe as many encoder passes as the costliest"),
    ] = False,
    json: Numbers = None,
    code_path: Code = None,
    use_gpu: Gpu = -1,
) -> None:
    """Train each recipe of a plan with each seed, and compare them on the test text of each language.

    Stop it at any moment and start it again: finished runs are never repeated, one that has begun resumes.
    Settings of the plan can be given as options, such as --compare.seeds [0,1].
    """
    overrides = parse_config_overrides(ctx.args)
    overrides |= {"compare.equal_compute": True} if equal_compute else {}
    with show_validation_error(plan_path, hint_fill=False), one_line_errors():
        plain = read_config(plan_path, overrides)
        from ..comparison.comparing import JSON_FILE, MARKDOWN_FILE, compare
        from ..comparison.plan import read_plan
        from ..comparison.running import Machine
        from ..comparison.summary_tables import format_text
        from ..data.files import require_new_files
        from ..writing import write_file

        if json is not None:
            require_new_files([json], overwrite=True, inputs=[plan_path])
        try:
            done = compare(read_plan(plain), output, Machine(jobs, use_gpu, code_path))
        except KeyboardInterrupt:
            msg.warn("Stopped. The same command resumes from here")
            raise typer.Exit(130) from None
    try:
        if json is not None:
            with one_line_errors():
                write_file(json, (output / JSON_FILE).read_bytes())
    finally:
        if done.summary is not None:
            print(format_text(done.summary))
            msg.good(f"The table is at {output / MARKDOWN_FILE}")
        for failure in done.failures:
            msg.fail(f"{failure.title}: {failure.error}", f"Its log: {failure.log}")
    if done.failures:
        raise typer.Exit(1)
