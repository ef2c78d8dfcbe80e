"""Code-switching of any training corpus, for spaCy's own components."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np
from spacy.attrs import DEP, ENT_ID, ENT_IOB, ENT_KB_ID, ENT_TYPE, HEAD, MORPH, POS, SENT_START, TAG
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

from ..data.labelled import Augmenter, docbin_example
from ..data.languages import UNKNOWN, get_language, set_language
from ..dictionaries.dictionary import Dictionaries, Dictionary
from ..dictionaries.reader import entry_key
from ..dictionaries.words import Word, find_words, is_unspaced, sentence_starts
from ..errors import Errors, Warnings
from ..generators import make_generator
from .code_switching import CodeSwitching, build_code_switching_v1, cased, draw

# What a token keeps when its text changes. Its lemma is not among it.
KEPT = (TAG, POS, MORPH, ENT_IOB, ENT_TYPE, ENT_KB_ID, ENT_ID)


def build_code_switching_augmenter_v1(
    dictionaries: Callable[[Language], Dictionaries],
    *,
    copies: int = 1,
    rate: float = 1.0,
    by: Literal["text", "word"] = "text",
    alpha: float = 0.0,
    seed: int = 0,
    language: str | None = None,
) -> Augmenter:
    """Give each text as it is, and beside it copies whose words are replaced by their translations;
    registered as `spacy-xling.code_switching_augmenter.v1`, for spaCy's `Corpus` and
    `spacy-xling.LabelledText.v1`.

    Tokens are replaced one by one, and keep their annotations: categories, entities, spans, tags and the
    parse are those of the text as it was; only lemmas of replaced tokens are left out. spaCy reads a corpus
    once unless `max_epochs = -1`, and then the copies are the same in each epoch: take more of them.

    dictionaries (Callable): A reader of dictionaries, e.g. `spacy-xling.Dictionaries.v1`.
    copies (int): How many copies of each text, each with draws of its own.
    rate (float): Share of the words that the dictionary has which are replaced, in (0, 1].
    by (Literal["text", "word"]): Whether a target language is drawn for each copy or for each word.
    alpha (float): Exponent of the sampling of target languages, p ~ entries^alpha.
    seed (int): Seed of the draws.
    language (str | None): The language of texts that don't say theirs in `doc._.language`.
    RETURNS (Augmenter): What spaCy calls with the pipeline and each example.
    RAISES (ValueError): A setting out of range.
    """
    if copies < 0:
        raise ValueError(
            Errors.X208.format(name="copies", found=copies, what="code-switching", expected="0 or more")
        )
    settings = build_code_switching_v1(1.0, rate, by, alpha, seed)
    generator = make_generator(seed)
    known: Dictionaries | None = None
    warned: set[str] = set()

    def augment(nlp: Language, example: Example) -> Iterator[Example]:
        nonlocal known
        yield example
        # Dictionaries are read at the first text.
        known = dictionaries(nlp) if known is None else known
        own = get_language(example.reference) or language
        found = known.of(own)
        if not found:
            name = own or UNKNOWN
            if name not in warned:
                warned.add(name)
                text = Warnings.W543.format(language=name, sources=", ".join(known.sources))
                warnings.warn(text, stacklevel=2)
            return
        for _ in range(copies):
            reference = switch_doc(example.reference, found, settings, generator)
            if reference is not None:
                yield docbin_example(nlp, reference, None)

    return augment


def switch_doc(
    doc: Doc, dictionaries: Sequence[Dictionary], settings: CodeSwitching, generator: np.random.Generator
) -> Doc | None:
    """Replace tokens of a Doc by translations.

    doc (Doc): The Doc, which isn't changed.
    dictionaries (Sequence[Dictionary]): The dictionaries of its language, one or more.
    settings (CodeSwitching): How to switch; its share plays no part.
    generator (Generator): Where the draws come from.
    RETURNS (Doc | None): A Doc with as many tokens and the same annotations; None if no token was
        replaced. Its language is that of the translations if one was drawn for the text, else unknown.
    """
    tokens = [token for token in doc if _is_words(token.text)]
    begins = sentence_starts(doc.text, [Word(t.text, t.idx, t.idx + len(t)) for t in tokens])
    draws = draw(len(tokens), dictionaries, settings, generator)
    words = [token.text for token in doc]
    replaced = set()
    for number, token in enumerate(tokens):
        dictionary, key = dictionaries[draws.languages[number]], entry_key(token.text)
        if key in dictionary and draws.taken[number]:
            translation = dictionary[key].pick(draws.translations[number])
            words[token.i] = cased(translation, token.text, begins[number])
            replaced.add(token.i)
    if not replaced:
        return None
    spaces = None if doc.has_unknown_spaces else _spaces(doc, words, replaced)
    switched = Doc(doc.vocab, words=words, spaces=spaces)
    _copy_annotations(doc, switched, replaced)
    set_language(switched, dictionaries[draws.languages[0]].target if settings.by == "text" else None)
    return switched


def _is_words(text: str) -> bool:
    """Tell whether a token is one that a dictionary may have: words from its first to its last character."""
    words = find_words(text)
    return bool(words) and words[0].start == 0 and words[-1].end == len(text)


def _spaces(doc: Doc, words: list[str], replaced: set) -> list[bool]:
    """Whether a blank follows each token, as the scripts of the words have it where one was replaced."""
    spaces = [bool(token.whitespace_) for token in doc]
    for number in range(len(words) - 1):
        if replaced & {number, number + 1} and _is_words(words[number]) and _is_words(words[number + 1]):
            was_unspaced = is_unspaced(doc[number].text[-1]) or is_unspaced(doc[number + 1].text)
            is_now = is_unspaced(words[number][-1]) and is_unspaced(words[number + 1])
            spaces[number] = (spaces[number] or was_unspaced) and not is_now
    return spaces


def _copy_annotations(doc: Doc, switched: Doc, replaced: set) -> None:
    attributes = [*KEPT, DEP, HEAD] if doc.has_annotation("DEP") else [*KEPT, SENT_START]
    switched.from_array(attributes, doc.to_array(attributes))
    for before, now in zip(doc, switched, strict=True):
        if before.i not in replaced:
            now.lemma_ = before.lemma_
    switched.cats = dict(doc.cats)
    for key, group in doc.spans.items():
        spans = [
            Span(switched, span.start, span.end, label=span.label, kb_id=span.kb_id, span_id=span.id)
            for span in group
        ]
        switched.spans[key] = SpanGroup(switched, name=group.name, spans=spans, attrs=dict(group.attrs))
    # What belongs to tokens and spans is kept by their characters.
    starts = {before.idx: now.idx for before, now in zip(doc, switched, strict=True)}
    ends = {before.idx + len(before): now.idx + len(now) for before, now in zip(doc, switched, strict=True)}
    for key, value in doc.user_data.items():
        if isinstance(key, tuple) and len(key) == 4 and key[0] == "._.":
            key = (*key[:2], starts.get(key[2], key[2]), ends.get(key[3], key[3]))
        switched.user_data[key] = value
