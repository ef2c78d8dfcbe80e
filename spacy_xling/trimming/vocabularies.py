"""The vocabulary of a fast tokenizer: what its pieces need, and the same tokenizer with fewer of them.

A trimmed tokenizer is exact: where each piece of a text, as the whole tokenizer gives it, is kept, the
trimmed one gives the same pieces. Normalizer, pre-tokenizer and added pieces stay as they are, so both see
the same words; why each algorithm then cuts a word alike:

Unigram takes the path of the best score, and of equal ones the first that it comes to. A piece that goes
takes its paths with it. One kind of path is new: a character whose own piece is gone becomes unknown, at a
score of the vocabulary's lowest less 10. As the piece of the lowest score is always kept, that is as low as
before, and lower than the piece that is gone. So no path scores higher than it did, the best path is there,
and those that came before it were worse already.

WordPiece takes the longest piece that fits, again and again. Where the longest is kept, others that go can't
matter. A word is unknown where nothing fits; it stays so if no kept piece reaches over that place, which
holds when each piece can be continued at each of its characters (`unspellable`), as it can in a vocabulary
that was trained.

BPE merges, of all pairs that stand side by side, the one of the lowest rank, and the leftmost of these. No
merge is undone, so each piece that a word goes through is a part of a piece it ends in. Until a piece is
whole no merge crosses its ends, so the merges within it are those of its text alone, whatever stands around
it: `needs` finds them. With these kept, and the order of ranks, each step of the whole tokenizer can be
taken, and no other of a lower rank, for the merges left are a part of those that were.

A tokenizer that was converted when it was loaded counts as it is once it was saved: writing and reading can
change the last bit of a Unigram score.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import Errors
from ..models.portable import with_backend
from ..types import Ints1d

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

KINDS = ("Unigram", "BPE", "WordPiece")


class Vocabulary:
    """The pieces of a tokenizer.

    tokenizer (PreTrainedTokenizerFast): The tokenizer.
    name (str): The encoder's name, for messages.
    RAISES (ValueError): The tokenizer is of an unknown kind.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerFast", name: str) -> None:
        self.tokenizer = tokenizer
        self.name = name
        self.description: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
        self.model: dict[str, Any] = self.description["model"]
        self.kind: str = self.model["type"]
        if self.kind not in KINDS:
            raise ValueError(Errors.X723.format(name=name, found=self.kind, expected=", ".join(KINDS)))
        self.ids: dict[str, int] = tokenizer.get_vocab()
        self._pieces = {id: piece for piece, id in self.ids.items()}
        self._ranks = {(a, b): rank for rank, (a, b) in enumerate(self.model.get("merges", ()))}
        self._prefix: str = self.model.get("continuing_subword_prefix") or ""
        self._suffix: str = self.model.get("end_of_word_suffix") or ""

    def __len__(self) -> int:
        return len(self.ids)

    def required(self) -> frozenset[int]:
        """The ids of pieces that are kept whatever the texts are: special and added ones, the bytes of a
        byte-level tokenizer or one that falls back on bytes, and the one that Unigram scores lowest.
        """
        kept = self._special()
        kept.update(self.ids[piece] for piece in self._alphabet() if piece in self.ids)
        if self.kind == "Unigram":
            scores = [score for _, score in self.model["vocab"]]
            kept.add(min(range(len(scores)), key=scores.__getitem__))
            kept.update([] if self.model["unk_id"] is None else [self.model["unk_id"]])
        elif self.model["unk_token"] is not None:
            kept.add(self.ids[self.model["unk_token"]])
        if self.kind == "BPE":
            kept.update(id for piece in list(kept) for id in self.needs(piece))
        return frozenset(kept)

    def needs(self, id: int) -> set[int]:
        """The pieces without which a piece is of no use. For BPE these are the pieces that it is merged from;
        for the others its characters, so that a word of which it is a part can be spelled once a longer
        piece is gone.

        id (int): The piece.
        RETURNS (set[int]): The ids of these pieces, its own included.
        """
        piece = self._pieces[id]
        if self.kind == "Unigram":
            parts = set(piece)
        elif self.kind == "WordPiece":
            parts = set(_symbols(piece, self._prefix, prefixed=piece.startswith(self._prefix)))
        else:
            parts = {part for symbols in self._spellings(piece) for part in self._merged(symbols, piece)}
        return {id, *(self.ids[part] for part in parts if part in self.ids)}

    def unspellable(self, kept: Ints1d) -> list[str]:
        """Pieces of a WordPiece vocabulary within which a word can be cut, but not be continued.

        kept (Ints1d): Ids of the pieces to look at. *Shape:* (kept,)
        RETURNS (list[str]): Such pieces; for other kinds of tokenizers there are none.
        """
        if self.kind != "WordPiece":
            return []
        special = self._special()
        pieces = [self._pieces[id] for id in kept.tolist() if id not in special]
        return [piece for piece in pieces if not self._continues(piece)]

    def _special(self) -> set[int]:
        return {token["id"] for token in self.description["added_tokens"]} | {*self.tokenizer.all_special_ids}

    def _continues(self, piece: str) -> bool:
        """True if some piece fits from each of the inner characters of a piece on."""
        text = piece.removeprefix(self._prefix)
        return all(
            any(self._prefix + text[start:end] in self.ids for end in range(start + 1, len(text) + 1))
            for start in range(1, len(text))
        )

    def _alphabet(self) -> list[str]:
        """The pieces of single bytes."""
        from tokenizers.pre_tokenizers import ByteLevel

        steps = [self.description["normalizer"], self.description["pre_tokenizer"]]
        pieces: list[str] = ByteLevel.alphabet() if '"ByteLevel"' in json.dumps(steps) else []
        fallback = [f"<0x{byte:02X}>" for byte in range(256)] if self.model.get("byte_fallback") else []
        return [*pieces, *fallback]

    def _spellings(self, piece: str) -> Iterator[list[str]]:
        """The symbols that merging may begin with to end in a piece; a piece may start with the prefix of
        those within a word, or end with the suffix of a word's last, in fact or by chance.
        """
        for ends in {False, bool(self._suffix) and piece.endswith(self._suffix)}:
            for prefixed in {False, bool(self._prefix) and piece.startswith(self._prefix)}:
                text = piece.removesuffix(self._suffix) if ends else piece
                if symbols := _symbols(text, self._prefix, prefixed=prefixed):
                    yield [*symbols[:-1], symbols[-1] + (self._suffix if ends else "")]

    def _merged(self, symbols: list[str], piece: str) -> set[str]:
        """All that comes about when symbols are merged to a piece, or nothing if they can't be."""
        seen = set(symbols)
        while len(symbols) > 1:
            ranks = [self._ranks.get(pair, len(self._ranks)) for pair in pairwise(symbols)]
            at = min(range(len(ranks)), key=ranks.__getitem__)
            if ranks[at] == len(self._ranks):
                return set()
            symbols[at : at + 2] = [_joined(symbols[at], symbols[at + 1], self._prefix)]
            seen.add(symbols[at])
        return seen if symbols == [piece] else set()


def cut_tokenizer(vocabulary: Vocabulary, kept: Ints1d) -> "PreTrainedTokenizerFast":
    """The same tokenizer with some of its pieces, renumbered in the same order.

    vocabulary (Vocabulary): The whole tokenizer's.
    kept (Ints1d): Ids of the pieces to keep, ascending; all of `required` and whatever they need.
        *Shape:* (kept,)
    RETURNS (PreTrainedTokenizerFast): The tokenizer.
    RAISES (ValueError): The pieces can't be numbered so.
    """
    from tokenizers import Tokenizer

    numbers = {old: new for new, old in enumerate(kept.tolist())}
    description = {
        **vocabulary.description,
        "model": _cut_model(vocabulary.model, numbers),
        "added_tokens": [
            {**token, "id": numbers[token["id"]]} for token in vocabulary.description["added_tokens"]
        ],
        "post_processor": _renumber(vocabulary.description["post_processor"], numbers),
    }
    backend = Tokenizer.from_str(json.dumps(description, ensure_ascii=False))
    tokenizer = with_backend(vocabulary.tokenizer, backend)
    found = tokenizer.get_vocab()
    expected = {piece: numbers[id] for piece, id in vocabulary.ids.items() if id in numbers}
    if found != expected:
        wrong = sorted(piece for piece, _ in found.items() ^ expected.items())
        raise ValueError(Errors.X724.format(name=vocabulary.name, pieces=", ".join(wrong[:3])))
    return tokenizer


def _cut_model(model: dict[str, Any], numbers: Mapping[int, int]) -> dict[str, Any]:
    if model["type"] == "Unigram":
        kept = [row for id, row in enumerate(model["vocab"]) if id in numbers]
        return {**model, "vocab": kept, "unk_id": numbers.get(model["unk_id"])}
    vocab = {piece: numbers[id] for piece, id in model["vocab"].items() if id in numbers}
    if model["type"] == "WordPiece":
        return {**model, "vocab": vocab}
    prefix = model["continuing_subword_prefix"] or ""
    merges = [[a, b] for a, b in model["merges"] if {a, b, _joined(a, b, prefix)} <= vocab.keys()]
    return {**model, "vocab": vocab, "merges": merges}


def _renumber(step: Any, numbers: Mapping[int, int]) -> Any:
    """A post-processor with its special pieces' ids as they are now."""
    if step is None:
        return None
    if step["type"] == "Sequence":
        return {**step, "processors": [_renumber(inner, numbers) for inner in step["processors"]]}
    if "special_tokens" in step:
        special = {
            piece: {**token, "ids": [numbers[id] for id in token["ids"]]}
            for piece, token in step["special_tokens"].items()
        }
        return {**step, "special_tokens": special}
    roles = {role: [step[role][0], numbers[step[role][1]]] for role in ("sep", "cls") if role in step}
    return {**step, **roles}


def _symbols(text: str, prefix: str, *, prefixed: bool) -> list[str]:
    """The characters of a piece, as they stand in the vocabulary: all but a word's first with the prefix."""
    if not prefixed:
        return [character if at == 0 else prefix + character for at, character in enumerate(text)]
    return [prefix + character for character in text.removeprefix(prefix)]


def _joined(left: str, right: str, prefix: str) -> str:
    return left + right.removeprefix(prefix)
