"""Readers of raw and of parallel text as somebody else may write them: nothing of it comes from a file."""

from spacy_xling.data.sources import RawText, TextPair

TEXTS = {
    "en": [f"where is my parcel {number}" for number in range(30)],
    "fo": [f"hvar er pakkin hjá mær {number}" for number in range(30)],
}
HELDOUT = {language: [text.upper() for text in texts[:10]] for language, texts in TEXTS.items()}


class Turns:
    """A stream that gives one item after the other, and begins again."""

    def __init__(self, items, first):
        self.items = items
        self.number = first
        languages = [item[-1] for item in items]
        self.lines = {language: languages.count(language) for language in languages}
        self.shares = {language: count / len(items) for language, count in self.lines.items()}

    def __iter__(self):
        return self

    def __next__(self):
        self.number += 1
        return self.items[(self.number - 1) % len(self.items)]

    def state_dict(self):
        return {"number": self.number}

    def load_state_dict(self, state):
        self.number = state["number"]


class OwnText:
    """Raw text."""

    heldout_share = 0.25

    def __call__(self, nlp, *, rank=0):
        rows = zip(*TEXTS.values(), strict=True)
        return Turns([RawText(*pair) for row in rows for pair in zip(row, TEXTS, strict=True)], rank)

    def read_heldout(self, limit):
        return {language: texts[:limit] for language, texts in HELDOUT.items()}

    def sample(self, limit):
        return {language: texts[:limit] for language, texts in TEXTS.items()}


class OwnPairs:
    """Parallel text."""

    def __call__(self, nlp, *, rank=0):
        return Turns(list(self.read()), rank)

    def read(self):
        return (TextPair(*pair, "en-fo") for pair in zip(*TEXTS.values(), strict=True))
