"""Every registered name resolves to its builder, and every factory builds from its default config."""

import importlib
import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import spacy
from spacy import registry
from spacy.language import Language

from tests.conftest import needs_shared

SETUP = Path(__file__).parents[1] / "setup.cfg"
REGISTRIES = {
    "spacy_architectures": "architectures",
    "spacy_augmenters": "augmenters",
    "spacy_batchers": "batchers",
    "spacy_callbacks": "callbacks",
    "spacy_loggers": "loggers",
    "spacy_misc": "misc",
    "spacy_readers": "readers",
    "spacy_scorers": "scorers",
    "thinc_layers": "layers",
    "thinc_losses": "losses",
    "thinc_optimizers": "optimizers",
    "thinc_schedules": "schedules",
}
# Groups that aren't a registry of functions.
OTHERS = {"console_scripts", "spacy_cli", "spacy_factories"}


def read_entry_points():
    """All entry points of setup.cfg: group, name and target."""
    parser = ConfigParser()
    parser.optionxform = str
    parser.read(SETUP, encoding="utf8")
    return [
        (group, *(part.strip() for part in line.split("=")))
        for group, lines in parser["options.entry_points"].items()
        for line in lines.strip().splitlines()
    ]


ENTRY_POINTS = read_entry_points()
FUNCTIONS = [entry for entry in ENTRY_POINTS if entry[0] not in OTHERS]
FACTORIES = [name for group, name, _ in ENTRY_POINTS if group == "spacy_factories"]
# Those that can be made.
MADE = [pytest.param(name, marks=needs_shared if name == "xling_mlm" else ()) for name in sorted(FACTORIES)]


def load(target):
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def snake_case(name):
    """JointTextCat -> joint_text_cat, AdamW -> adam_w; what is in snake case stays as it is."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def test_groups_are_known():
    # A group that neither spaCy nor thinc reads, such as spacy_losses, would be ignored without a word.
    assert {group for group, *_ in ENTRY_POINTS} <= REGISTRIES.keys() | OTHERS


def test_names_are_unique():
    names = [(group, name) for group, name, _ in ENTRY_POINTS]
    assert len(FUNCTIONS) > 15
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("group", "name", "target"), FUNCTIONS, ids=[entry[1] for entry in FUNCTIONS])
def test_name_resolves_to_its_builder(group, name, target):
    assert registry.get(REGISTRIES[group], name) is load(target)


@pytest.mark.parametrize(("group", "name", "target"), FUNCTIONS, ids=[entry[1] for entry in FUNCTIONS])
def test_name_and_builder_belong_together(group, name, target):
    package, thing, version = name.split(".")
    function = target.partition(":")[2]
    assert package == "spacy-xling"
    assert re.fullmatch(r"v[1-9][0-9]*", version)
    # Joined up, for a name may be written TextCat or Textcat.
    expected = f"build_{snake_case(thing)}_{version}"
    assert function.replace("_", "") == expected.replace("_", "")
    assert function.startswith("build_")
    assert function.endswith(f"_{version}")
    assert load(target).__name__ == function


@pytest.mark.parametrize("name", MADE)
def test_factory_builds_from_its_default_config(name):
    component = spacy.blank("xx").add_pipe(name)
    assert component.name == name


@pytest.mark.parametrize("name", FACTORIES)
def test_factory_is_found_by_spacy(name):
    target = next(entry[2] for entry in ENTRY_POINTS if entry[1] == name)
    module, _, function = target.partition(":")
    factory = registry.get("factories", name)
    assert (factory.__module__, factory.__name__) == (module, function)
    assert Language.has_factory(name)


@pytest.mark.parametrize("name", MADE)
def test_default_config_is_whole(name):
    # What a filled config says is what the default config text says: no setting is left to the signature.
    nlp = spacy.blank("xx")
    nlp.add_pipe(name)
    written = nlp.config["components"][name]
    default = Language.get_factory_meta(name).default_config
    assert {key: value for key, value in written.items() if key != "factory"} == default
