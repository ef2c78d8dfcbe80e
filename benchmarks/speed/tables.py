"""Figures as Markdown: a table a section and shape."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

GIGABYTE = 1e9
# Share of a measurement spent waiting for a core, from which on it is doubtful.
BUSY = 0.05


class Spec(NamedTuple):
    """What a table of peers shows.

    title (str): Its heading.
    key (str): The figure that is compared.
    unit (str): What it is called.
    bases (tuple[str, ...]): Peers that the others are compared with.
    more_is_better (bool): Whether a larger figure is a better one.
    extras (tuple): Other figures: key, title and format.
    memory (bool): Whether the peak memory is shown.
    """

    title: str
    key: str
    unit: str
    bases: tuple[str, ...]
    more_is_better: bool = True
    extras: tuple[tuple[str, str, str], ...] = ()
    memory: bool = True


OPTIMIZER = ("optimizer_seconds", "optimizer, s a step", ".3f")
SPECS = {
    "joint": Spec(
        "Training, 8 labelled and 8 raw texts a step",
        "texts_per_second",
        "labelled texts/s",
        ("PyTorch loop", "spaCy, no raw text"),
        extras=(OPTIMIZER,),
    ),
    "optimizer": Spec(
        "A step of the optimizer",
        "step_milliseconds",
        "ms",
        ("torch, clipped and fused",),
        more_is_better=False,
    ),
    "optimizer-spacy": Spec(
        "spaCy's textcat on a transformer, by optimizer",
        "texts_per_second",
        "labelled texts/s",
        ("spaCy, its Adam",),
        extras=(OPTIMIZER,),
    ),
    "inference": Spec(
        "Texts of mixed lengths to scores",
        "texts_per_second",
        "texts/s",
        ("spaCy", "transformers", "ONNX Runtime, int8"),
        extras=(("outside_encoder", "outside the encoder", ".0%"),),
    ),
    "settings": Spec(
        "Settings of `nlp.pipe`, ours (base in bf16, others in fp32)",
        "texts_per_second",
        "texts/s",
        ("batch_size=1024", "n_process=1"),
        memory=False,
    ),
}

Records = dict[tuple[str, str, str], list[dict[str, Any]]]


def write_report(found: dict[str, Any]) -> str:
    """All tables, what is missing and why, and the machine.

    found (dict[str, Any]): What `Results` holds.
    RETURNS (str): Markdown.
    """
    records: Records = {}
    for record in found["records"]:
        names = (record["section"], record["shape"], record["peer"])
        records.setdefault(names, []).append(record["figures"])
    lines: list[str] = []
    for section, shape in dict.fromkeys((section, shape) for section, shape, _ in records):
        peers = {
            peer: runs for (name, size, peer), runs in records.items() if (name, size) == (section, shape)
        }
        if section in SPECS:
            lines += peer_table(SPECS[section], shape, peers)
        elif section == "flat":
            lines += flat_table(peers)
    lines += memory_table(records)
    lines += agreement_table(records)
    if found["missing"]:
        lines += ["", "Not measured:", ""]
        lines += [
            f"- {gap['section']}, {gap['shape']}, {gap['peer']}: {gap['reason']}" for gap in found["missing"]
        ]
    return "\n".join([*lines, "", *busy_lines(found), *machine_lines(found)]).strip()


def peer_table(spec: Spec, shape: str, peers: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """The medians of the peers, their spread, and what they are times those of some.

    spec (Spec): What is shown.
    shape (str): Name of the shape.
    peers (dict[str, list[dict[str, Any]]]): The figures of each peer's runs.
    RETURNS (Iterator[str]): The lines.
    """
    medians = {peer: median(_values(runs, spec.key)) for peer, runs in peers.items()}
    bases = [base for base in spec.bases if base in medians]
    titles = [spec.title, f"{spec.unit}, median", "least", "greatest", *(f"x {base}" for base in bases)]
    titles += [title for _, title, _ in spec.extras] + (["peak memory, GB"] if spec.memory else [])
    yield from _heading(f"{spec.title}: {shape}", ["peer", *titles[1:]])
    for peer, runs in peers.items():
        values = _values(runs, spec.key)
        ratios = [medians[peer] / medians[base] for base in bases]
        cells = [f"{number:,.4g}" for number in (medians[peer], min(values), max(values))]
        cells += [f"{ratio if spec.more_is_better else 1 / ratio:.2f}" for ratio in ratios]
        for key, _, form in spec.extras:
            known = _values(runs, key)
            cells.append(format(median(known), form) if known else "")
        if spec.memory:
            cells.append(f"{median(_values(runs, 'peak_memory')) / GIGABYTE:.2f}")
        yield _row([peer, *cells])


def memory_table(records: Records) -> Iterator[str]:
    """Peak memory with the masked-LM term and without it, by vocabulary."""
    shapes = dict.fromkeys(shape for section, shape, _ in records if section == "memory")
    if not shapes:
        return
    ways = ("ours", "PyTorch loop")
    titles = [f"{way}: {what}, GB" for way in ways for what in ("with", "without", "added")]
    yield from _heading("Memory that the masked-LM term adds: layers of mini", ["pieces", *titles])
    for shape in shapes:
        cells = []
        for way in ways:
            runs = [records.get(("memory", shape, peer), []) for peer in (way, f"{way}, no raw text")]
            if not all(runs):
                cells += ["", "", ""]
                continue
            more, less = (median(_values(found, "peak_memory")) / GIGABYTE for found in runs)
            cells += [f"{peak:.2f}" for peak in (more, less, more - less)]
        yield _row([f"{int(shape.split('-')[1]):,}", *cells])


def flat_table(peers: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Resident memory while many texts pass."""
    last = {peer: runs[-1] for peer, runs in peers.items()}
    titles = [f"{peer}, MB ({run['texts_per_second']:,.0f} texts/s)" for peer, run in last.items()]
    yield from _heading("Resident memory over many short texts: tiny", ["texts", *titles])
    for places in zip(*(run["resident"] for run in last.values()), strict=True):
        yield _row([f"{places[0][0]:,}", *(f"{resident / 1e6:,.1f}" for _, resident in places)])


def agreement_table(records: Records) -> Iterator[str]:
    """What lower precision changes."""
    found = [
        (shape, peer, runs[-1]) for (section, shape, peer), runs in records.items() if section == "agreement"
    ]
    if not found:
        return
    titles = ["trained on", "precision", "texts", "equal labels", "largest difference of a score"]
    yield from _heading("Beside fp32", [*titles, "accuracy, fp32", "accuracy"])
    for shape, peer, figures in found:
        shares = [figures[key] for key in ("equal_labels", "accuracy_fp32", "accuracy")]
        equal, whole, low = (f"{share:.2%}" for share in shares)
        difference = f"{figures['largest_difference']:.4f}"
        yield _row([shape, peer, f"{figures['texts']:,}", equal, difference, whole, low])


def busy_lines(found: dict[str, Any]) -> Iterator[str]:
    """A warning of measurements that shared the machine with something else."""
    waits = [record["figures"].get("waited", 0.0) for record in found["records"]]
    busy = [wait for wait in waits if wait > BUSY]
    if busy:
        yield (
            f"{len(busy)} of {len(waits)} measurements waited for a core for more than {BUSY:.0%} of their "
            f"time, up to {max(busy):.0%}: something else was running, and their times are not to be trusted."
        )


def machine_lines(found: dict[str, Any]) -> Iterator[str]:
    """Commit, machine and versions."""
    machine = found["machine"]
    yield f"Commit {found['commit']}."
    if machine:
        yield (
            f"{machine['cpu']}, {machine['cores']} cores, {machine['torch_threads']} torch threads, "
            f"{', '.join(machine['instructions']) or 'none of the instructions looked for'}; "
            f"matrix product {machine['gflops_fp32']:,} GFLOP/s in fp32, {machine['gflops_bf16']:,} in bf16."
        )
        yield ", ".join(f"{name} {number}" for name, number in machine["versions"].items()) + "."


def _values(runs: Sequence[dict[str, Any]], key: str) -> list[float]:
    return [run[key] for run in runs if key in run]


def _heading(title: str, columns: Sequence[str]) -> list[str]:
    return ["", f"### {title}", "", _row(columns), "|" + "---|" * len(columns)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
