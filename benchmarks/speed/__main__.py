"""How fast is this package, and how much memory does it take, beside what one would use instead?

    python -m benchmarks.speed [--sections joint memory ...] [--output FILE]

Sections:

- `joint`: training on 8 labelled and 8 raw texts of about 90 pieces a step. Peers: joint training as one
  writes it in PyTorch (two passes, `DataCollatorForLanguageModeling`, all logits, AdamW, fp32), and spaCy's
  own `textcat` on a `transformer`, which sees no raw text. "Trimmed" has 40,000 pieces and not 250,002.
- `memory`: what the masked-LM term adds to peak memory, by vocabulary.
- `optimizer`: a step of `spacy-xling.AdamW.v1` and of torch's, and spaCy's own training with either.
- `inference`: texts of mixed lengths to scores. Peers: spaCy's own, `transformers`' text-classification
  pipeline (batches of 32), ONNX Runtime (int8, texts of like lengths together; needs onnxruntime and onnx).
- `flat`: memory while a million texts pass.
- `agreement`: what bf16 and int8 change in the labels and scores of a trained pipeline.

Weights are random, of a shape of XLM-R, on which speed doesn't depend; `agreement` alone trains. Each
measurement has a process of its own; those of a table take turns, and warm-up isn't timed. Peak memory is
that of the process, from its start. Pipelines train under spaCy's loop: the clock is its `before_update`,
the batcher `spacy.batch_by_sequence.v1`, so that all see the same texts, and nothing is evaluated after
the first step.

What was measured is in FILE at once, with the arguments it was measured with. A run that was stopped goes
on from there, and prints the tables of all that FILE holds. Models take about 10 GB under WORK.

With --beside each measurement is made in a second environment too, in turns: another release of
`transformers`, say.
"""

import argparse
from pathlib import Path

from .machine import commit
from .plan import SECTIONS, beside
from .running import Results, run_apart, run_jobs
from .shapes import SHAPES
from .tables import write_report

WORK = Path("training") / "bench"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shapes = [shape for shape in SHAPES if shape != "tiny"]
    parser.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--shapes", nargs="+", choices=shapes, help="of joint, optimizer and inference")
    parser.add_argument("--peers", nargs="+", help="of the rows, these alone")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each peer")
    parser.add_argument("--steps", type=int, help="timed steps of training; by default as the shape allows")
    parser.add_argument("--texts", type=int, help="texts of inference; by default as the shape allows")
    parser.add_argument("--flat-texts", type=int, default=1_000_000, help="texts of `flat`")
    parser.add_argument("--data", type=Path, help="what `benchmarks/transfer.py prepare` laid out")
    parser.add_argument("--encoder", type=Path, help="a masked-LM checkpoint for it")
    parser.add_argument("--beside", metavar="PYTHON", help="interpreter of an environment to measure too")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for text and models")
    parser.add_argument("--output", type=Path, default=WORK / "speed.json", help="the figures as JSON")
    return parser.parse_args()


def main() -> None:
    options = parse()
    results = Results(options.output, commit())
    work = options.work.resolve()
    jobs = [job for section in options.sections for job in SECTIONS[section](options)]
    if options.peers:
        jobs = [job for job in jobs if job.peer in options.peers]
        if unknown := set(options.peers) - {job.peer for job in jobs}:
            raise SystemExit(f"no section that is measured has the rows {sorted(unknown)}")
    if options.beside:
        jobs = [made for job in jobs for made in (job, beside(job, options.beside))]
    if not results.found["machine"]:
        results.found["machine"] = run_apart("machine:describe", {}, work)
    run_jobs(jobs, results, work)
    print(write_report(results.found))


if __name__ == "__main__":
    main()
