"""A pipeline in which one planted word decides, and texts that hold it."""

import random

from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from tests.conftest import TEXTS
from tests.pipeline.textcats import EXCLUSIVE, make_nlp

WORD = "money"
YES, NO = "YES", "NO"
WORDS = sorted({word.strip(".,") for text in TEXTS for word in text.split()} - {WORD})


def make_texts(n, *, seed):
    """Texts of 5 to 12 words of several languages, each with the planted word at some place."""
    generator = random.Random(seed)
    texts = []
    for _ in range(n):
        words = generator.choices(WORDS, k=generator.randint(4, 11))
        words.insert(generator.randint(0, len(words)), WORD)
        texts.append(" ".join(words) + ".")
    return texts


def without(text):
    """The text with another word instead of the planted one."""
    return text.replace(WORD, WORDS[len(text) % len(WORDS)])


def make_planted(checkpoint, name=EXCLUSIVE, n_updates=100, **changes):
    """A classifier of texts with the planted word and without."""
    nlp = make_nlp(checkpoint, name, **changes)
    texts = make_texts(16 * n_updates, seed=1)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {YES: float(has), NO: float(not has)}})
        for planted in texts
        for text, has in ((planted, True), (without(planted), False))
    ]
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples, sgd=Adam(0.005, L2=0.0, use_averages=False))
    for start in range(0, len(examples), 32):
        nlp.update(examples[start : start + 32], sgd=optimizer)
    return nlp
