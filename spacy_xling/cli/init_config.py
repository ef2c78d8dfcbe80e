"""`spacy xling init-config`: a whole config for the user's data."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from wasabi import msg, table

from .app import Panel, app, example, names, one_line_errors
from .init_dictionaries import print_made
from .options import Dev, DictionariesPath, TranslationsPath, Unlabelled, path_option


@app.command(
    "init-config",
    rich_help_panel=Panel.TRAIN,
    epilog=example(
        "init-config my.cfg --labelled corpus/train.spacy --dev corpus/dev.spacy --parallel parallel"
    ),
)
def init_config_command(
    output: Annotated[Path, typer.Argument(help="Config file to write")],
    labelled: Annotated[
        Path,
        typer.Option("--labelled", "-l", help="Labelled text of the source language: what `convert` takes"),
    ],
    dev: Dev = None,
    unlabelled: Unlabelled = None,
    dictionaries: DictionariesPath = None,
    parallel: Annotated[
        Path | None,
        path_option(
            help="Parallel text, as en-da.tsv: dictionaries are made from it, in a folder beside the config. "
            "Words that --dictionaries has are taken from there"
        ),
    ] = None,
    translations: TranslationsPath = None,
    encoder: Annotated[
        str, typer.Option("--encoder", "-e", help="Masked-LM checkpoint: hub name or folder")
    ] = "xlm-roberta-base",
    languages: Annotated[str, typer.Option(help="Raw text to read, as da,de", show_default="all")] = "",
    multilabel: Annotated[
        bool | None,
        typer.Option(
            "--multilabel/--exclusive",
            help="Texts may have any number of labels, or exactly one",
            show_default="by the data",
        ),
    ] = None,
    mode: Annotated[
        Literal["translate_train", "code_switching", "joint", "baseline", "shared"] | None,
        typer.Option(
            help="Translations of the texts, words replaced by translations, the masked-LM term, none of "
            "them, or the term beside spaCy's textcat and ner on one transformer. All but the last are "
            "centred by raw text",
            show_default="translate_train, with translations and one label a text; code_switching, with "
            "dictionaries; else baseline",
        ),
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Settings for a GPU")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there")] = False,
) -> None:
    """Write a config for `spacy train` that fits the data, and say what was chosen, and why."""
    with one_line_errors():
        from ..configs.choices import advise
        from ..configs.render import render_config
        from ..data.files import require_new_files
        from ..data.labelled import build_labelled_text_v1
        from ..data.parallel import build_parallel_text_v1
        from ..dictionaries.making import init_dictionaries
        from ..writing import write_file

        def make_dictionaries() -> Path:
            folder = output.with_name(f"{output.stem}-dictionaries")
            text = build_parallel_text_v1(parallel)
            made = init_dictionaries(text, folder, labelled=labelled, overwrite=overwrite, progress=True)
            print_made(list(made))
            return folder

        read = [labelled, dev, unlabelled, dictionaries, parallel, translations]
        require_new_files([output], overwrite=overwrite, inputs=read)
        advice = advise(
            build_labelled_text_v1(labelled),
            dev=dev,
            unlabelled=unlabelled,
            dictionaries=[dictionaries] if dictionaries else [],
            make_dictionaries=make_dictionaries if parallel else None,
            translations=translations,
            encoder=encoder,
            languages=names(languages),
            multilabel=multilabel,
            mode=mode,
            gpu=gpu,
        )
        write_file(output, render_config(advice.choices, str(output)))
    print(table(advice.reasons, header=("setting", "value", "because"), divider=True))
    for warning in advice.warnings:
        msg.warn(warning)
    msg.good(f"Saved {output}. Train with: spacy train '{output}' --output training")
