"""How each family of checkpoints is given the languages: by pieces before the text, or by the first piece of
the translation.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from ..data.codes import match_code, parse_code
from ..errors import Errors

TargetIn = Literal["text", "first piece", "start"]


class Family(NamedTuple):
    """A family of tokenizers.

    piece (re.Pattern): The pieces that name languages, with the code as its group.
    target_in (TargetIn): Where the target is named: before the "text", where the source isn't; as "first
        piece" of the translation; or as the "start" of the decoder, instead of its own start piece. For these
        the source is named, too, by the tokenizer's own special pieces.
    """

    piece: re.Pattern
    target_in: TargetIn


# By the class of the tokenizer, for M2M-100 and NLLB have the same model.
FAMILIES = {
    "MarianTokenizer": Family(re.compile(r">>(.+)<<"), "text"),
    "T5Tokenizer": Family(re.compile(r"<2(.+)>"), "text"),
    "M2M100Tokenizer": Family(re.compile(r"__(.+)__"), "first piece"),
    "NllbTokenizer": Family(re.compile(r"([a-z]{3}_[A-Z][a-z]{3})"), "first piece"),
    "MBart50Tokenizer": Family(re.compile(r"([a-z]{2}_[A-Z]{2})"), "first piece"),
    "MBartTokenizer": Family(re.compile(r"([a-z]{2}_[A-Z]{2})"), "start"),
}


class Pair(NamedTuple):
    """Two languages, as a checkpoint is given them.

    source (str | None): Its code of the source; None where the source isn't named.
    prefix (str): Stands before each text.
    first (int | None): The piece that each translation begins with.
    start (int | None): The piece that the decoder starts with, if not with its own.
    """

    source: str | None = None
    prefix: str = ""
    first: int | None = None
    start: int | None = None


class PairTokenizer:
    """The tokenizer of a checkpoint that translates, with the languages that it knows.

    tokenizer (PreTrainedTokenizerBase): The tokenizer.
    name (str): Where it comes from.
    RAISES (ValueError): X801: it isn't of a family that translates.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        kind = type(tokenizer).__name__.removesuffix("Fast")
        if kind not in FAMILIES:
            raise ValueError(Errors.X801.format(name=name, found=type(tokenizer).__name__))
        self.tokenizer = tokenizer
        self.name = name
        self.family = FAMILIES[kind]
        pieces = getattr(tokenizer, "lang_token_to_id", None) or tokenizer.get_vocab()
        found = {match[1]: piece for piece in pieces if (match := self.family.piece.fullmatch(piece))}
        self.pieces = dict(sorted(found.items()))
        if not self.pieces and kind != "MarianTokenizer":
            raise ValueError(
                Errors.X801.format(name=name, found=f"{kind} without pieces that name languages")
            )

    def pair(self, source: str | None, target: str) -> Pair:
        """Find how the checkpoint is given two languages.

        source (str | None): The user's code of the source; None if it isn't known.
        target (str): The user's code of the target.
        RETURNS (Pair): What it is given.
        RAISES (ValueError): X802: it doesn't know one of them. X803: it needs the source.
        """
        if not self.pieces:
            self._require_only("source", source)
            self._require_only("target", target)
            return Pair()
        piece = self.pieces[self._known(target)]
        if self.family.target_in == "text":
            return Pair(prefix=f"{piece} ")
        if source is None:
            raise ValueError(Errors.X803.format(name=self.name))
        number = self.tokenizer.convert_tokens_to_ids(piece)
        if self.family.target_in == "start":
            return Pair(source=self._known(source), start=number)
        return Pair(source=self._known(source), first=number)

    @property
    def longest(self) -> int | None:
        """The most pieces of a text, specials included; None if the tokenizer doesn't say."""
        # One that doesn't know has a number beyond all measure.
        limit = int(self.tokenizer.model_max_length)
        return limit if limit < 10**6 else None

    def encode(self, texts: Sequence[str], pair: Pair) -> list[list[int]]:
        """The numbers of the pieces of texts, special ones included."""
        if pair.source is not None:
            self.tokenizer.src_lang = pair.source
        # It would warn of long texts, which are cut.
        return self.tokenizer([pair.prefix + text for text in texts], verbose=False)["input_ids"]

    def _known(self, code: str) -> str:
        found = match_code(code, self.pieces)
        if found is None:
            raise ValueError(Errors.X802.format(name=self.name, code=code, known=self._listed(code)))
        return found

    def _listed(self, code: str) -> str:
        """The languages that it knows; of many those alone that begin like one that it doesn't."""
        known = list(self.pieces)
        alike = [other for other in known if other[:1] == code[:1]]
        if len(known) <= 60:
            return ", ".join(known)
        return f"{len(known)}, of which with {code[:1]}: {', '.join(alike)}"

    def _require_only(self, side: Literal["source", "target"], code: str | None) -> None:
        """Refuse a language for a checkpoint of one pair, if it says which one that is. It may name a group
        of languages, by a code of three letters: such are trusted.
        """
        only = getattr(self.tokenizer, f"{side}_lang", None)
        if code is None or not only or len(parse_code(only).language) != 2:
            return
        if match_code(code, [only]) is None:
            raise ValueError(Errors.X802.format(name=self.name, code=code, known=f"{only} as {side}"))


def decode(tokenizer: Any, rows: Sequence[list[int]]) -> list[str]:
    """Make texts of the numbers of their pieces; special ones are left out."""
    # What the cleaning up takes out is right in some languages.
    texts = tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return [text.strip() for text in texts]
