"""Texts that are kept from training, chosen by what they say."""

from hashlib import blake2b

from ..errors import Errors

HASH_BYTES = 8


def check_heldout_share(share: float) -> None:
    """Refuse a share of held-out texts outside [0, 1), by a ValueError."""
    if not 0 <= share < 1:
        raise ValueError(Errors.X136.format(share=share))


def is_heldout(text: str, share: float) -> bool:
    """Tell whether a text is held out. A hash of the text decides, so the same wording is always on the same
    side, in whatever file, pair or run it stands.

    text (str): The text; white space around it does not count.
    share (float): Share of all texts that are held out.
    RETURNS (bool): True if it is held out.
    """
    return share > 0 and text_hash(text) < share * 256**HASH_BYTES


def text_hash(text: str) -> int:
    """A number below 2^64, spread evenly over texts, that depends on what a text says, and on nothing else:
    white space around it does not count.
    """
    digest = blake2b(text.strip().encode("utf-8"), digest_size=HASH_BYTES).digest()
    return int.from_bytes(digest, "big")
