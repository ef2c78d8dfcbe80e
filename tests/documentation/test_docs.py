"""README and docs/: command lines parse, links resolve, the reference is whole, and the site builds."""

import functools
import re
import subprocess
import sys
from typing import get_args

import pytest
import srsly

from spacy_xling.cli.app import Panel, app
from spacy_xling.errors import Errors, Warnings
from spacy_xling.models.pooling import PoolingName
from tests.documentation.command_lines import ROOT, find_commands, parse
from tests.test_registry import FACTORIES, FUNCTIONS

sys.path.insert(0, str(ROOT / "docs"))
from generate import GENERATED, fill

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "RESULTS.md",
    ROOT / "examples" / "serving" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINES = [
    pytest.param(line, whole, id=f"{page.relative_to(ROOT)}: {line}")
    for page in PAGES
    for line, whole in find_commands(page.read_text(encoding="utf8"))
]
COMMANDS = app.registered_commands
# The last is an example's.
NAMES = {*(name for _, name, _ in FUNCTIONS), "spacy-xling.Thing.v1"}
CODES = {code for catalogue in (Errors, Warnings) for code in dir(catalogue) if re.match(r"[XW]\d", code)}


@functools.cache
def generated(name):
    return "\n".join(GENERATED[name]())


@functools.cache
def anchors(page):
    """The anchors of a page's headings, as git hosts and the site make them."""
    text = re.sub(
        r"<!-- generated: (\w+) -->", lambda found: generated(found[1]), page.read_text(encoding="utf8")
    )
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.replace("\\", "").lower()).replace(" ", "-") for title in titles}


# Command lines


@pytest.mark.parametrize(("line", "whole"), LINES)
def test_a_command_line_parses(line, whole):
    parse(line, whole=whole)


@pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])
def test_the_example_in_a_commands_help_parses(command):
    *_, line = command.epilog.splitlines()
    assert line.startswith(f"  spacy xling {command.name} ")
    parse(line.removeprefix("  spacy "))


def test_command_lines_of_all_kinds_are_found():
    page = """\
See `spacy xling trim` and `spacy xling
export --format x`; `spacy train` is another's.

    spacy xling train a.cfg \\
        --output b
    torchrun --nproc-per-node 2 -m spacy xling pretrain c.cfg  # on two

```
spacy project run own
```
"""
    assert [(line.split(), whole) for line, whole in find_commands(page)] == [
        (["xling", "train", "a.cfg", "--output", "b"], True),
        (["xling", "pretrain", "c.cfg"], True),
        (["project", "run", "own"], True),
        (["xling", "trim"], False),
        (["xling", "export", "--format", "x"], False),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "xling trian configs/joint.cfg --output o",
        "xling apply model in out --resum",
        "xling apply model in",
        "xling calibrate model dev",
        "xling explain model text --method occlusions",
        "xling train configs/joint.cfg --output o --paths.encodr e",
        "xling train configs/joint.cfg --output o --gold",
        "xling train my.cfg --output o gold",
        "project run quickstat",
        "project run own . --vars.own_tabel t",
    ],
)
def test_a_line_with_a_mistake_does_not_parse(line):
    with pytest.raises(ValueError, match=re.escape(line)):
        parse(line)


def test_a_mention_may_leave_out_arguments_but_not_misspell_them():
    parse("xling apply --resume", whole=False)
    with pytest.raises(ValueError, match="--resum"):
        parse("xling apply --resum", whole=False)


# Links


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_relative_links_and_anchors_resolve(page):
    text = page.read_text(encoding="utf8")
    links = re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)", text)
    for target, anchor in links:
        path = (page.parent / target).resolve() if target else page
        # mkdocs knows no links to folders.
        assert path.is_file(), target
        assert path.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(path), f"{target}#{anchor}"


def test_an_anchor_is_that_of_a_heading():
    found = anchors(ROOT / "docs" / "reference" / "errors.md")
    assert {"error-codes", "x331", "w950"} <= found
    assert "x000" not in found


# Names and codes


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_names_and_codes_exist(page):
    text = page.read_text(encoding="utf8")
    assert set(re.findall(r"spacy-xling\.\w+\.v\d+", text)) <= NAMES
    assert set(re.findall(r"\b[XW]\d{3}\b", text)) <= CODES


# The reference


@pytest.mark.parametrize("name", [name for _, name, _ in FUNCTIONS] + FACTORIES)
def test_the_reference_has_every_registered_name(name):
    assert f"\n### {name}\n" in generated("functions")
    assert f"`{name}`" in (ROOT / "docs" / "reference" / "functions.md").read_text(encoding="utf8")


def test_the_reference_has_the_settings_of_a_function():
    text = generated("functions")
    section = text.partition("### spacy-xling.code_switching.v1\n")[2].partition("\n### ")[0]
    assert "    share=0.5,\n" in section
    assert "- `share` (`float`): Share of the texts that are switched" in section


def test_the_settings_have_every_pooling():
    text = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf8")
    assert f"`pooling` ({', '.join(f'`{name}`' for name in get_args(PoolingName))})" in text


def test_the_reference_has_every_command_and_option():
    text = generated("commands")
    overview = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf8")
    for command in COMMANDS:
        assert f"\n### spacy xling {command.name}\n" in text
        assert f"`spacy xling {command.name}`" in overview
    section = text.partition("### spacy xling calibrate\n")[2].partition("\n### ")[0]
    assert "`--by-language`: A temperature for each language" in section


def test_the_reference_has_every_error():
    assert len(CODES) > 300
    assert set(re.findall(r"^### (\w+)$", generated("errors"), re.MULTILINE)) == CODES


def test_the_reference_has_all_of_the_project():
    project = srsly.read_yaml(ROOT / "project.yml")
    names = [*project["workflows"], *(command["name"] for command in project["commands"])]
    names += [asset["dest"] for asset in project["assets"]]
    assert [name for name in names if f"| `{name}` |" not in generated("project")] == []
    page = (ROOT / "docs" / "project.md").read_text(encoding="utf8")
    assert [name for name in project["workflows"] if f"| `{name}` |" not in page] == []


def test_a_page_is_filled():
    assert fill("a\n<!-- generated: errors -->\nb").splitlines()[0] == "a"
    assert "\n### X001\n" in fill("<!-- generated: errors -->")


def test_a_name_in_a_page_leads_to_what_is_generated_for_it():
    name = "`spacy xling trim`"
    text = fill(f"{name}, [{name}](a.md), `trim`\n<!-- generated: commands -->")
    assert text.splitlines()[0] == f"[{name}](#spacy-xling-trim), [{name}](a.md), `trim`"


# The help


def test_the_help_lists_every_command_in_a_panel():
    from typer.testing import CliRunner

    text = CliRunner().invoke(app, ["--help"]).output
    listed = re.findall(r"^  ([a-z-]+)  ", text.partition("Data:")[2], re.MULTILINE)
    assert sorted(listed) == sorted(command.name for command in COMMANDS)
    assert re.findall(r"^(\w+):$", text, re.MULTILINE)[1:] == [panel.value for panel in Panel]


# The whole


def test_the_readme_has_at_most_200_lines():
    assert len((ROOT / "README.md").read_text(encoding="utf8").splitlines()) <= 200


def test_the_readme_names_every_extra():
    setup = (ROOT / "setup.cfg").read_text(encoding="utf8").partition("[options.extras_require]")[2]
    extras = re.findall(r"^([a-z0-9]+) =$", setup.partition("\n[")[0], re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    assert len(extras) > 10
    assert [name for name in extras if f"`{name}`" not in readme] == []


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    index = srsly.read_json(tmp_path / "search" / "search_index.json")
    assert "reference/errors.html#x331" in {page["location"] for page in index["docs"]}
    html = "".join(path.read_text(encoding="utf8") for path in tmp_path.rglob("*.html"))
    # Nothing is loaded from another host.
    assert re.findall(r"<(?:script|img|link)[^>]* (?:src|href)=\"?https?:", html) == []
