"""Names of labels, languages and columns: what can't be meant is taken off, what is alike is found."""

from collections.abc import Iterable
from unicodedata import normalize

from ..errors import Warnings

# Control characters, and what has no width: joiners, marks of direction, a byte order mark; and white space.
WIDTHLESS = (
    *(range(0x00, 0x20), range(0x7F, 0xA0), range(0xAD, 0xAE), range(0x200B, 0x2010)),
    *(range(0x202A, 0x202F), range(0x2060, 0x206A), range(0xFEFF, 0xFF00)),
)
UNSEEN = "".join(
    chr(code) for code in range(0x10000) if chr(code).isspace() or any(code in part for part in WIDTHLESS)
)


def clean_name(name: str) -> str:
    """Take off what can't be seen around a name.

    name (str): The name.
    RETURNS (str): The name without blanks and signs without width around it.
    """
    return name.strip(UNSEEN)


def find_alike(names: Iterable[str]) -> list[list[str]]:
    """Find names that differ in case, blanks or Unicode normal form alone.

    names (Iterable[str]): The names.
    RETURNS (list[list[str]]): Groups of two or more, in the order of the names.
    """
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        key = " ".join(normalize("NFKC", clean_name(name).casefold()).split())
        groups.setdefault(key, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def alike_warnings(labels: Iterable[str], languages: Iterable[str]) -> list[str]:
    """Warn of labels, and of languages, that are probably the same.

    labels (Iterable[str]): The labels.
    languages (Iterable[str]): The languages.
    RETURNS (list[str]): A line for the labels and one for the languages, where there are such.
    """
    found = ((Warnings.W160, find_alike(labels)), (Warnings.W161, find_alike(languages)))
    return [
        message.format(count=len(groups), found="; ".join(map(_shown, groups)))
        for message, groups in found
        if groups
    ]


def _shown(group: list[str]) -> str:
    """The names of a group, by their codes where they look the same."""
    looks = {normalize("NFC", clean_name(name)) for name in group}
    return " and ".join(map(repr if len(looks) == len(group) else ascii, group))
