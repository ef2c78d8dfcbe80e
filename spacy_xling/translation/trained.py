"""A translator that this package has trained, as the commands and components that translate take one."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import spacy
from spacy.util import load_config
from thinc.api import require_gpu

from ..data.codes import match_code
from ..data.files import PIPELINE_FILE, is_pipeline
from ..data.translation_pairs import HELDOUT_SHARE
from ..errors import Errors, Warnings, one_line
from ..models.translation_shim import TranslationShim
from .families import Pair, decode
from .seq2seq import Generated

# Beams are for whom they are worth it: greedy search is the faster one.
BEAMS = 1


def load_trained(name: str, *, gpu_id: int = -1) -> "TrainedEngine":
    """Load the translator of a pipeline.

    name (str): The folder of the pipeline.
    gpu_id (int): The GPU, or -1 for the CPU.
    RETURNS (TrainedEngine): Its first component that was trained to translate.
    RAISES (ValueError): X801: it has none. X817: thinc can't use the GPU.
    """
    if gpu_id >= 0:
        try:
            require_gpu(gpu_id)
        # thinc needs CuPy beside torch.
        except ValueError as error:
            raise ValueError(Errors.X817.format(gpu=gpu_id, error=one_line(error))) from error
    nlp = spacy.load(name)
    found = [pipe for _, pipe in nlp.pipeline if isinstance(getattr(pipe, "engine", None), TrainedEngine)]
    if not found:
        raise ValueError(Errors.X801.format(name=name, found=f"a pipeline of {', '.join(nlp.pipe_names)}"))
    return found[0].engine


def choose_heldout_share(names: Sequence[str], wanted: float | None) -> float:
    """The share of parallel text that translators have not seen.

    names (Sequence[str]): The translators, pipelines that were trained among them.
    wanted (float | None): The share that was asked for; None for that of the first pipeline.
    RETURNS (float): The share.
    WARNS (UserWarning): W821: training held out less than is asked for. Text of its own, 1, is trusted.
    """
    known = {name: share for name in names if (share := _trained_share(name)) is not None}
    if wanted is None:
        return next(iter(known.values()), HELDOUT_SHARE)
    for name, share in known.items():
        if share < wanted < 1:
            warnings.warn(Warnings.W821.format(name=name, share=share, wanted=wanted), stacklevel=2)
    return wanted


def _trained_share(name: str) -> float | None:
    """The share that the config of a pipeline says its training held out."""
    if not is_pipeline(Path(name)):
        return None
    corpora = load_config(Path(name) / PIPELINE_FILE).get("corpora", {})
    share = corpora.get("train", {}).get("heldout_share")
    return float(share) if isinstance(share, (int, float)) else None


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

    def pair(self, source: str | None, target: str) -> Pair:
        """The number of the target, as what the decoder starts with; the source isn't named.

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
    beams (int): The number of beams of its component.
    """

    def __init__(
        self, shim: TranslationShim, languages: Sequence[str], name: str, *, beams: int = BEAMS
    ) -> None:
        shim.require_loaded()
        self.shim = shim
        self.tokenizer = TrainedTokenizer(shim, languages, name)
        self.longest = shim.longest
        self.beams = beams

    def generate(
        self, pieces: Sequence[list[int]], pair: Pair, *, limit: int, beams: int, no_repeat: int
    ) -> list[Generated]:
        """See `Engine`."""
        rows = self.shim.translate(pieces, pair.start or 0, limit=limit, beams=beams, no_repeat=no_repeat)
        texts = decode(self.shim.tokenizer, rows)
        end = self.shim.end
        return [Generated(text, row[-1:] == [end]) for text, row in zip(texts, rows, strict=True)]
