"""What the documentation takes from the package: commands, registered functions, errors, and project.yml.

A page of docs/ has a line such as `<!-- generated: commands -->` where one of `GENERATED` goes.
"""

import contextlib
import importlib
import inspect
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"[XW]\d{3}$")
ARGUMENT = re.compile(r"(\w+|\*\*\w+) \((.*?)\): (.*)")


def escape(text: str) -> str:
    """Plain text as Markdown; what stands in backticks is code, as it is.

    text (str): The text.
    RETURNS (str): The Markdown.
    """
    parts = re.split(r"(`[^`\n]*`)", text)
    parts[::2] = [re.sub(r"([\\*_\[\]<>#|])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def write_docstring(text: str) -> Iterator[str]:
    """A docstring as Markdown: its prose, then its arguments as a list.

    text (str): The docstring, without indentation.
    RETURNS (Iterator[str]): Its lines.
    """
    in_list = False
    for line in text.splitlines():
        found = ARGUMENT.match(line)
        if found:
            name, kind, words = found.groups()
            name = name.capitalize() if name.isupper() else f"`{name}`"
            yield f"{'' if in_list else chr(10)}- {name} (`{kind}`): {escape(words)}"
            in_list = True
        else:
            # In the list a line continues with an argument; elsewhere an indented one is code.
            yield f"    {escape(line.strip())}" if in_list else line if line[:4] == "    " else escape(line)


def write_commands() -> Iterator[str]:
    """Each command of `spacy xling`: its help, arguments and options.

    RETURNS (Iterator[str]): Lines of Markdown.
    """
    import typer

    from spacy_xling.cli.app import app

    group = typer.main.get_command(app)
    for panel, commands in group.panels().items():
        yield f"\n## {panel}\n"
        for name, command in commands:
            context = command.make_context(name, [], resilient_parsing=True)
            usage = " ".join(command.collect_usage_pieces(context))
            yield f"\n### spacy xling {name}\n\n    spacy xling {name} {usage}\n"
            yield escape(inspect.cleandoc(command.help)) + "\n"
            records = [param.get_help_record(context) for param in command.params]
            yield from (f"- `{names}`: {escape(words)}" for names, words in filter(None, records))
            yield "\n" + inspect.cleandoc(command.epilog or "").replace("\b\n", "").replace(
                "\n  ", "\n\n    "
            )


def read_entry_points() -> dict[str, dict[str, str]]:
    """The entry points of setup.cfg.

    RETURNS (dict[str, dict[str, str]]): By group, name to target.
    """
    parser = ConfigParser()
    # Names keep their capitals.
    parser.optionxform = str
    parser.read(ROOT / "setup.cfg", encoding="utf8")
    lines = {group: text.strip().splitlines() for group, text in parser["options.entry_points"].items()}
    return {
        group: dict(tuple(part.strip() for part in line.split("=", 1)) for line in entries)
        for group, entries in lines.items()
    }


def write_functions() -> Iterator[str]:
    """Each registered function and factory: signature or default config, and docstring.

    RETURNS (Iterator[str]): Lines of Markdown.
    """
    for group, entries in read_entry_points().items():
        registry = group.partition("_")[2]
        if registry in ("scripts", "cli"):
            continue
        yield f"\n## {registry}\n"
        for name, target in sorted(entries.items()):
            module, _, attribute = target.partition(":")
            function: Any = getattr(importlib.import_module(module), attribute)
            yield f"\n### {name}\n"
            if registry == "factories":
                yield from write_factory(name, function)
            else:
                yield f"```python\n{attribute}(\n{write_parameters(function)})\n```\n"
                yield from write_docstring(inspect.getdoc(function) or "")


def write_factory(name: str, factory: Any) -> Iterator[str]:
    """A component: what it is, its default config, and its settings.

    name (str): The factory's name.
    factory (Any): The factory, whose docstring names the component's class.
    RETURNS (Iterator[str]): Lines of Markdown.
    """
    from spacy.language import Language
    from thinc.api import Config

    made = re.search(r"`(\w+)`", inspect.getdoc(factory) or "")[1]
    component = getattr(importlib.import_module(f"spacy_xling.pipeline.{name}"), made)
    config = Config({"components": {name: Language.get_factory_meta(name).default_config}}).to_str()
    yield from write_docstring(inspect.getdoc(component) or "")
    yield f"\n```ini\n{config.removeprefix('[components]').strip()}\n```\n"
    arguments = (inspect.getdoc(component.__init__) or "").partition("\nmodel (")
    yield from write_docstring("".join(arguments[1:]).strip())


def write_parameters(function: Any) -> str:
    """The parameters of a function, one a line, without the types that the docstring has too.

    function (Any): The function.
    RETURNS (str): The lines.
    """
    parameters = [
        param.replace(annotation=param.empty) for param in inspect.signature(function).parameters.values()
    ]
    keyword = next((at for at, param in enumerate(parameters) if param.kind is param.KEYWORD_ONLY), None)
    lines = [f"    {param},\n" for param in parameters]
    return "".join(lines if keyword is None else [*lines[:keyword], "    *,\n", *lines[keyword:]])


def write_errors() -> Iterator[str]:
    """Each message, by the file of spacy_xling/errors that it is in.

    RETURNS (Iterator[str]): Lines of Markdown.
    """
    from spacy_xling.errors import Errors

    names = [base.__module__.rpartition(".")[2] for base in Errors.__bases__]
    yield ", ".join(f"[{name.capitalize()}](#{name})" for name in names)
    for base in Errors.__bases__:
        folder = sys.modules[base.__module__]
        catalogues = [getattr(folder, name, None) for name in ("Errors", "Warnings")]
        messages = {code: text for found in catalogues for code, text in vars(found or object).items()}
        yield f"\n## {folder.__name__.rpartition('.')[2].capitalize()}\n\n{folder.__doc__}\n"
        for code in sorted(filter(CODE.match, messages)):
            text = re.sub(r"\{(\w*)[^}]*\}", r"{\1}", messages[code])
            yield f"\n### {code}\n\n{escape(text)}\n"


def write_project() -> Iterator[str]:
    """What `spacy project document` says of project.yml.

    RETURNS (Iterator[str]): It, in Markdown.
    """
    from weasel.cli.document import project_document

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        project_document(ROOT, Path(folder) / "project.md", no_emoji=True)
        text = (Path(folder) / "project.md").read_text(encoding="utf8")
    # Without its two titles, so that the others are below that of the page, and from there.
    text = text[text.index("The [`project.yml`]") : text.rindex("<!--")]
    yield text.replace("(project.yml)", "(../project.yml)").replace("\n### ", "\n## ")


GENERATED = {
    "commands": write_commands,
    "functions": write_functions,
    "errors": write_errors,
    "project": write_project,
}


def fill(markdown: str) -> str:
    """A page with what is generated in its places; names in the rest lead there.

    markdown (str): The page, with comments that name what goes there.
    RETURNS (str): The page without them.
    """
    parts = re.split(r"<!-- generated: (\w+) -->", markdown)
    parts[1::2] = ["\n".join(GENERATED[name]()) for name in parts[1::2]]
    titles = set(re.findall(r"^### (.+)$", "".join(parts[1::2]), re.MULTILINE))

    def lead(found: re.Match[str]) -> str:
        anchor = re.sub(r"[^\w -]", "", found[1].lower()).replace(" ", "-")
        return f"[{found[0]}](#{anchor})" if found[1] in titles else found[0]

    parts[::2] = [re.sub(r"(?<!\[)`([^`\n]+)`", lead, part) for part in parts[::2]]
    return "".join(parts)
