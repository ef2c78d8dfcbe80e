"""Names of labels, languages and columns: what can't be meant is taken off, what is alike is found."""

from collections.abc import Iterable
from unicodedata import normalize

from ..errors import Warnings

# White space, control characters, and what has no width: joiners, marks of direction, a byte order mark.
_RANGES = ((0x00, 0x20), (0x7F, 0xA0), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x2069))
UNSEEN = "\xad\u1680\u3000\ufeff" + "".join(chr(c) for first, last in _RANGES for c in range(first, last + 1))


def clean_name(name: str) -> str:
    """A name without the blanks and signs without width around it."""
    return name.strip(UNSEEN)


def find_alike(names: Iterable[str]) -> list[list[str]]:
    """Find names that differ in case, blanks or Unicode normal form alone: groups of two or more, in the
    order of the names.
    """
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        key = " ".join(normalize("NFKC", clean_name(name).casefold()).split())
        groups.setdefault(key, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def alike_warnings(labels: Iterable[str], languages: Iterable[str]) -> list[str]:
    """Warnings of labels, and of languages, that are probably the same: a line for each with such."""
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
