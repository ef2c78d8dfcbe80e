"""Command lines of spaCy in Markdown, and whether they parse; nothing is run."""

import re
import shlex
from pathlib import Path

import srsly
from spacy.cli._util import app
from thinc.api import Config
from typer import BadParameter
from typer.main import get_command

import spacy_xling.cli  # noqa: F401  adds `xling`

ROOT = Path(__file__).parents[2]
# Stands for a config that isn't in the repository.
SOME_FILE = Path(__file__)
# A command line at the start of a line of code, and a mention in a sentence.
IN_CODE = re.compile(r"^(?:.*\btorchrun .*-m |.*\bpython[\d.]* -m )?spacy (?:xling|project run) .*")
IN_TEXT = re.compile(r"`spacy ((?:xling|project run) [^`]+)`")
# What a mention leaves out.
MISSING = re.compile(r"^Missing (argument|option|parameter)|requires an argument")
SPACY = get_command(app)
(USAGE_ERROR,) = (cls for cls in BadParameter.__mro__ if cls.__name__ == "UsageError")


def find_blocks(markdown):
    """The blocks of code of a page, in order: the language that a fence names, and the code.

    Lines that go on after a backslash are joined. An indented block is as one whose fence names nothing.
    """
    blocks, fenced, goes_on = [], False, False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            fenced, goes_on = not fenced, False
            if fenced:
                blocks.append((line.strip().removeprefix("```"), []))
        elif fenced:
            blocks[-1][1].append(line)
        elif line.startswith("    "):
            if not goes_on:
                blocks.append(("", []))
            blocks[-1][1].append(line.strip())
            goes_on = True
        else:
            goes_on = False
    return [(language, re.sub(r"\\\n\s*", " ", "\n".join(lines))) for language, lines in blocks]


def find_commands(markdown):
    """The command lines of a page: what follows `spacy`, and whether it is whole."""
    for line in "\n".join(code for _, code in find_blocks(markdown)).splitlines():
        line = line.strip()
        if IN_CODE.match(line):
            # Neither a comment nor what the shell does with the output.
            yield line[line.index("spacy ") + len("spacy ") :].partition(" # ")[0], True
    for mention in IN_TEXT.findall(re.sub(r"\n +|\n", " ", markdown)):
        yield mention, False


def parse(line, *, whole=True):
    """Parse a command line as spaCy would, to the settings that it hands on to a config.

    line (str): What follows `spacy`.
    whole (bool): Whether it must have all arguments that are required.
    RAISES (ValueError): What is wrong with it.
    """
    arguments = [stand_in(part) for part in shlex.split(line) if part not in ("...", "MODEL...")]
    command, names = SPACY, []
    while hasattr(command, "commands"):
        if not arguments and not whole:
            return
        names.append(arguments.pop(0) if arguments else "")
        if names[-1] not in command.commands:
            raise ValueError(f"{line}: there is no command {' '.join(names)!r}")
        command = command.commands[names[-1]]
    try:
        context = command.make_context(names[-1], arguments)
    except USAGE_ERROR as error:
        if whole or not MISSING.search(error.format_message()):
            raise ValueError(f"{line}: {error.format_message()}") from error
        return
    if names[0] == "project":
        check_project(line, context)
    elif context.args:
        check_settings(line, context.params.get("config_path") or context.params["plan_path"], context.args)


def stand_in(argument):
    """A config's path, where it is in the repository; that of some file for another config."""
    if not argument.endswith(".cfg"):
        return argument
    return str(ROOT / argument if (ROOT / argument).exists() else SOME_FILE)


def check_settings(line, path, arguments):
    """Settings that are handed on have a dot in their name, a value, and a place in the config."""
    config = None if path == SOME_FILE else Config().from_disk(path, interpolate=False)
    arguments = [part for argument in arguments for part in argument.split("=", 1)]
    for name, value in zip(arguments[::2], [*arguments[1::2], "--"], strict=False):
        parts = name.removeprefix("--").split(".")
        if len(parts) < 2 or value.startswith("--"):
            raise ValueError(f"{line}: {name} is no option, and no setting with a value")
        block = config
        for part in parts if config is not None else ():
            if part not in block:
                raise ValueError(f"{line}: {path.name} has no {name}")
            block = block[part]


def check_project(line, context):
    """A workflow or command and variables of project.yml."""
    project = srsly.read_yaml(ROOT / "project.yml")
    known = {*project["workflows"], *(command["name"] for command in project["commands"])}
    variables = {f"--vars.{name}" for name in project["vars"]}
    found = {part for part in context.args if part.startswith("--")}
    if context.params["subcommand"] not in known or not found <= variables:
        raise ValueError(f"{line}: not in project.yml")
