"""Does translation language modelling align languages? Masked-LM alone against both, at equal pieces.

    python benchmarks/tlm.py RAW PARALLEL WORK [--steps 1500]

RAW and PARALLEL are folders of raw text (en, de, da) and of pairs (en-de, en-da). One encoder with random
weights, of the preset `tiny`, is trained twice: on raw text alone, and with half of the pieces from pairs;
steps, pieces, rate and seed are the same. The raw text of the first run has the sentences of the pairs too,
each side by itself, so that both runs see the same text. Score: English to German retrieval, accuracy@1
among 1,000 held-out pairs that neither run trained on; mean of the ordinary pieces' states in layer 1 of 2,
which was fixed beforehand, by cosine. Beside it the same with each language's mean vector taken off.
"""

import argparse
import gzip
from itertools import chain
from pathlib import Path

import torch
from spacy.util import load_config

from spacy_xling.data.heldout import is_heldout
from spacy_xling.data.parallel import TextPair, build_parallel_text_v1
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.encoders.initialising import init_encoder, preset_config
from spacy_xling.encoders.runs import pretrain
from spacy_xling.encoders.sentence_vectors import retrieval_accuracy, sentence_vectors
from spacy_xling.models.checkpoint import load_encoder

CONFIG = Path(__file__).parent.parent / "configs" / "pretrain.cfg"
LANGUAGES, PAIRS, SCORED = ["en", "de", "da"], ["en-de", "en-da"], "en-de"
N_SCORED, HELDOUT_SHARE, LAYER = 1000, 0.05, 1
SHARES = {"MLM": 0.0, "MLM + TLM": 0.5}


def prepare(raw: Path, parallel: Path, work: Path) -> None:
    """Write the raw text of both runs, with the sentences of the pairs, and start an encoder."""
    pairs = list(build_parallel_text_v1(parallel, pairs=PAIRS).read())
    (work / "raw").mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        (source,) = raw.glob(f"{language}.txt*")
        opened = gzip.open if source.suffix == ".gz" else open
        with opened(source, "rt", encoding="utf-8") as handle:
            texts = chain((line.strip() for line in handle), sides(pairs, language))
            (work / "raw" / f"{language}.txt").write_text("\n".join(dict.fromkeys(texts)), encoding="utf-8")
    if not (work / "start").exists():
        init_encoder(work / "start", build_unlabelled_text_v1(work / "raw"), config=preset_config("tiny"))


def sides(pairs: list[TextPair], language: str) -> list[str]:
    """The texts of one language."""
    if language == "en":
        return [pair.first for pair in pairs]
    return [pair.second for pair in pairs if pair.languages.endswith(f"-{language}")]


def heldout_pairs(parallel: Path) -> list[TextPair]:
    """Pairs that neither run sees on either side, no text of which stands in two."""
    firsts, seconds, found = set(), set(), []
    for pair in build_parallel_text_v1(parallel, pairs=[SCORED]).read():
        unseen = is_heldout(pair.first, HELDOUT_SHARE) and is_heldout(pair.second, HELDOUT_SHARE)
        if unseen and pair.first not in firsts and pair.second not in seconds:
            found.append(pair)
        firsts.add(pair.first)
        seconds.add(pair.second)
    return found[:N_SCORED]


def train(work: Path, parallel: Path, share: float, steps: int) -> Path:
    """Train one of the two encoders; a run that is done is not done again."""
    output = work / f"share-{share}"
    overrides = {
        "paths.encoder": str(work / "start"),
        "paths.unlabelled": str(work / "raw"),
        "paths.parallel": str(parallel),
        "corpora.unlabelled.heldout_share": HELDOUT_SHARE,
        "training.parallel_share": share,
        "training.max_steps": steps,
        "training.batch_pieces": 4096,
        "training.optimizer.learn_rate.value": 1e-3,
    }
    config = load_config(CONFIG, overrides=overrides, interpolate=False)
    config["corpora"]["parallel"]["pairs"] = PAIRS
    pretrain(config, output, resume=True, quiet=False)
    return output / "model-last"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", type=Path)
    parser.add_argument("parallel", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    arguments = parser.parse_args()
    prepare(arguments.raw, arguments.parallel, arguments.work)
    pairs = heldout_pairs(arguments.parallel)
    print(f"| encoder | en to de among {len(pairs)}, % | centred, % |\n|---|---|---|")
    rows = {"random weights": arguments.work / "start"}
    rows |= {
        way: train(arguments.work, arguments.parallel, share, arguments.steps)
        for way, share in SHARES.items()
    }
    for name, folder in rows.items():
        encoder = load_encoder(str(folder))
        with torch.inference_mode():
            first = sentence_vectors(encoder, [pair.first for pair in pairs], layer=LAYER)
            second = sentence_vectors(encoder, [pair.second for pair in pairs], layer=LAYER)
        plain = retrieval_accuracy(first, second)
        centred = retrieval_accuracy(first - first.mean(axis=0), second - second.mean(axis=0))
        print(f"| {name} | {100 * plain:.1f} | {100 * centred:.1f} |")


if __name__ == "__main__":
    main()
