"""Does translation language modelling align languages? Masked-LM alone against both, at equal pieces.

    python benchmarks/tlm.py RAW PARALLEL WORK [--steps 12000] [--development]

RAW and PARALLEL are folders of raw text (en, de, da) and of pairs (en-de, en-da). One encoder with random
weights, of the preset `tiny`, is trained twice: on raw text alone, and with most of the pieces from pairs;
steps, pieces, rate, masks and seed are the same. The raw text has the sentences of the pairs too, each side
by itself, so that both runs see the same text.

Score: English to German retrieval, accuracy@1 among 1,000 pairs whose sentences stand in no text of either
run; mean of the ordinary pieces' states in the last layer, each language's mean vector taken off, by cosine.
Beside it the same with the vectors as they are. SETTINGS and LAYER were chosen on 1,000 other held-out pairs,
which `--development` scores.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import torch
from spacy.util import load_config

from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.data.sampling import reservoir_sample
from spacy_xling.data.sources import TextPair
from spacy_xling.data.unlabelled import build_unlabelled_text_v1, files_by_language, read_texts
from spacy_xling.encoders.initialising import init_encoder, preset_config
from spacy_xling.inspection.sentence_vectors import retrieval_accuracy, sentence_vectors
from spacy_xling.models.checkpoint import load_encoder
from spacy_xling.pretraining.runs import pretrain

CONFIG = Path(__file__).parent.parent / "configs" / "pretrain.cfg"
LANGUAGES, PAIRS, SCORED = ["en", "de", "da"], ["en-de", "en-da"], "en-de"
N_SCORED, LAYER = 1000, 2
SHARES = {"MLM": 0.0, "MLM + TLM": 0.8}
SETTINGS = {
    "training.batch_pieces": 1024,
    "training.optimizer.learn_rate.value": 2e-3,
    "encoder.dropout": 0.0,
    "masking.rate": 0.3,
}


def prepare(raw: Path, parallel: Path, work: Path) -> tuple[list[TextPair], list[TextPair]]:
    """Choose pairs for development and for the score, write raw and parallel text without their sentences,
    start an encoder.
    """
    pairs = {name: list(build_parallel_text_v1(parallel, pairs=[name]).read()) for name in PAIRS}
    development, scored = choose(pairs[SCORED])
    heldout = {side for pair in (*development, *scored) for side in (pair.first, pair.second)}
    for name, found in pairs.items():
        pairs[name] = [pair for pair in found if pair.first not in heldout and pair.second not in heldout]
        lines = (f"{pair.first}\t{pair.second}" for pair in pairs[name])
        write_lines(work / "parallel" / f"{name}.tsv", lines)
    for language in LANGUAGES:
        texts = chain(read_texts(files_by_language(raw)[language]), sides(pairs, language))
        unseen = (text for text in dict.fromkeys(text.strip() for text in texts) if text not in heldout)
        write_lines(work / "raw" / f"{language}.txt", unseen)
    if not (work / "start").exists():
        init_encoder(work / "start", build_unlabelled_text_v1(work / "raw"), config=preset_config("tiny"))
    return development, scored


def choose(pairs: list[TextPair]) -> tuple[list[TextPair], list[TextPair]]:
    """Two samples of the pairs neither of whose texts stands in two: each has one right answer."""
    firsts, seconds = (Counter(texts) for texts in zip(*((p.first, p.second) for p in pairs), strict=True))
    unique = [pair for pair in pairs if firsts[pair.first] == seconds[pair.second] == 1]
    development = reservoir_sample(unique, N_SCORED, seed=0)
    chosen = set(development)
    rest = [pair for pair in unique if pair not in chosen]
    return development, reservoir_sample(rest, N_SCORED, seed=0)


def sides(pairs: dict[str, list[TextPair]], language: str) -> Iterator[str]:
    """The texts of one language."""
    for name, found in pairs.items():
        for pair in found:
            if language in name.split("-"):
                yield pair.first if name.startswith(f"{language}-") else pair.second


def write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def train(work: Path, share: float, steps: int) -> Path:
    """Train one of the two encoders; a run that is done is not done again."""
    output = work / f"share-{share}"
    overrides = {
        **SETTINGS,
        "paths.encoder": str(work / "start"),
        "paths.unlabelled": str(work / "raw"),
        "paths.parallel": str(work / "parallel"),
        "training.parallel_share": share,
        "training.max_steps": steps,
    }
    config = load_config(CONFIG, overrides=overrides, interpolate=False)
    pretrain(config, output, resume=True, quiet=False)
    return output / "model-last"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", type=Path)
    parser.add_argument("parallel", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--development", action="store_true")
    arguments = parser.parse_args()
    development, scored = prepare(arguments.raw, arguments.parallel, arguments.work)
    pairs = development if arguments.development else scored
    print(f"| encoder | en to de among {len(pairs)}, centred, % | as they are, % |\n|---|---|---|")
    rows = {"random weights": arguments.work / "start"}
    rows |= {way: train(arguments.work, share, arguments.steps) for way, share in SHARES.items()}
    for name, folder in rows.items():
        encoder = load_encoder(str(folder))
        with torch.inference_mode():
            first = sentence_vectors(encoder, [pair.first for pair in pairs], layer=LAYER)
            second = sentence_vectors(encoder, [pair.second for pair in pairs], layer=LAYER)
        plain = retrieval_accuracy(first, second)
        centred = retrieval_accuracy(first - first.mean(axis=0), second - second.mean(axis=0))
        print(f"| {name} | {100 * centred:.1f} | {100 * plain:.1f} |")


if __name__ == "__main__":
    main()
