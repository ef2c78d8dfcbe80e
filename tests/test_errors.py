"""The catalogue of messages."""

import re
from collections import Counter

from spacy_xling.errors import Errors, Warnings


def test_each_code_is_used_once():
    codes = [
        code
        for catalogue in (Errors, Warnings)
        for folder in catalogue.__bases__
        for code in vars(folder)
        if re.match(r"[XW]\d", code)
    ]
    assert len(codes) > 300
    assert [code for code, count in Counter(codes).items() if count > 1] == []


def test_a_message_begins_with_its_code():
    assert Errors.X101.startswith("[X101] doc._.language")
    assert Warnings.W160.startswith("[W160] ")
