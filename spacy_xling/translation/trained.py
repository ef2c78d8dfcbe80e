"""A translator that this package has trained, as the commands and components that translate take one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import spacy
from thinc.api import require_gpu

from ..errors import Errors
from ..models.translation_shim import TranslationShim
from .codes import match_code
from .families import Pair
from .seq2seq import Generated

# Beams are for whom they are worth it: greedy search is the faster one.
BEAMS = 1


def is_pipeline(name: str) -> bool:
    """Whether a folder holds a spaCy pipeline."""
    return (Path(name) / "config.cfg").is_file() and (Path(name) / "meta.json").is_file()


def load_trained(name: str, *, gpu_id: int = -1) -> "TrainedEngine":
    """Load the translator of a pipeline.

    name (str): The folder of the pipeline.
    gpu_id (int): The GPU, or -1 for the CPU.
    RETURNS (TrainedEngine): Its first component that was trained to translate.
    RAISES (ValueError): X801: it has none.
    """
    if gpu_id >= 0:
        require_gpu(gpu_id)
    nlp = spacy.load(name)
    found = [pipe for _, pipe in nlp.pipeline if isinstance(getattr(pipe, "engine", None), TrainedEngine)]
    if not found:
        raise ValueError(Errors.X801.format(name=name, found=f"a pipeline of {', '.join(nlp.pipe_names)}"))
    return found[0].engine


class TrainedTokenizer:
    """The tokenizer of a trained translator, with the languages that it translates into.

    shim (TranslationShim): The translator.
    languages (Sequence[str]): The languages, in the order of their numbers.
    name (str): What it is called in messages.
    """

    def __init__(self, shim: TranslationShim, languages: Sequence[str], name: str) -> None:
        self.shim = shim
        self.languages = list(languages)
        self.name = name

    def pair(self, source: Optional[str], target: str) -> Pair:
        """Find the number of a target language; the source isn't named.

        source (Optional[str]): The user's code of the source.
        target (str): The user's code of the target.
        RETURNS (Pair): The number, as what the decoder starts with.
        RAISES (ValueError): X821: it wasn't trained for it.
        """
        found = match_code(target, self.languages)
        if found is None:
            known = ", ".join(self.languages)
            raise ValueError(Errors.X821.format(name=self.name, known=known, found=target))
        return Pair(start=self.languages.index(found))

    def encode(self, texts: Sequence[str], pair: Pair) -> list[list[int]]:
        """Make pieces of texts; see `TranslationShim.encode`."""
        return self.shim.encode(texts)


class TrainedEngine:
    """A trained translator as an `Engine`.

    shim (TranslationShim): The translator.
    languages (Sequence[str]): The languages that it translates into, in the order of their numbers.
    name (str): What it is called in messages.
    """

    def __init__(self, shim: TranslationShim, languages: Sequence[str], name: str) -> None:
        shim.require_loaded()
        self.shim = shim
        self.tokenizer = TrainedTokenizer(shim, languages, name)
        self.longest = shim.longest
        self.beams = BEAMS

    def generate(
        self, pieces: Sequence[list[int]], pair: Pair, *, limit: int, beams: int, no_repeat: int
    ) -> list[Generated]:
        """See `Engine`."""
        rows = self.shim.translate(pieces, pair.start or 0, limit=limit, beams=beams, no_repeat=no_repeat)
        texts = self.shim.decode(rows)
        end = self.shim.end
        return [Generated(text, row[-1:] == [end]) for text, row in zip(texts, rows, strict=True)]
