"""The sdist in an empty environment of each Python from 3.10 to 3.13 that is found: python -m tests.pythons

Each has the versions of constraints.txt. There, away from the sources: pip finds nothing that doesn't fit, a
blank pipeline takes hardly longer than without the package, every registered name is loaded, the quickstart
runs with few steps, and what it trained is exported and scores texts.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
NEEDED = ("project.yml", "configs", "assets")
STEPS = ("--vars.pretrain_steps", "40", "--vars.train_steps", "20")
TRAINED = "training/quickstart/code-switching/model-last"
# CPU seconds of a blank pipeline, but for torch, which thinc imports where there is one. With an argument as
# if the package weren't installed.
BLANK = """
import importlib.metadata, sys, time
import torch
everything = importlib.metadata.distributions
if sys.argv[1:]:
    importlib.metadata.distributions = lambda **given: (
        found for found in everything(**given) if found.metadata["Name"] != "spacy-xling"
    )
start = time.process_time()
import spacy
spacy.blank("xx")
print(time.process_time() - start)
assert sys.argv[1:] or "spacy_xling.pipeline.factories" in sys.modules
"""
# CPU seconds that a blank pipeline may take longer.
LONGER = 0.2
NAMES = """
import importlib.metadata, pathlib, sys
import spacy_xling
assert pathlib.Path(spacy_xling.__file__).is_relative_to(sys.prefix), spacy_xling.__file__
for entry in importlib.metadata.distribution("spacy-xling").entry_points:
    entry.load()
"""
SCORES = """
import spacy
texts = ["Wo bleibt mein Paket?", "I want my money back."]
trained, exported = (
    [doc.cats for doc in spacy.load(path).pipe(texts)] for path in ("TRAINED", "exported")
)
for one, other in zip(trained, exported):
    assert max(abs(one[label] - other[label]) for label in one) < 1e-3, (one, other)
""".replace("TRAINED", TRAINED)


def run(*command: object, cwd: Path) -> str:
    """Run a command, to what it prints; one that fails ends all."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}")
    return result.stdout


def cost(python: Path, cwd: Path) -> float:
    """CPU seconds that a blank pipeline takes longer with the package, by the least of runs in turns: others
    may be at work on the machine.
    """
    times: dict[tuple[str, ...], list[float]] = {(): [], ("without",): []}
    for _ in range(6):
        for arguments, found in times.items():
            found.append(float(run(python, "-c", BLANK, *arguments, cwd=cwd)))
    return min(times[()]) - min(times["without",])


def find_python(version: str) -> Path | None:
    """The interpreter of a version, if there is one that runs."""
    found = shutil.which(f"python{version}")
    if found is None or subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
        return None
    return Path(found)


def try_python(interpreter: Path, sdist: Path, folder: Path) -> str:
    """Install and use the package; what was measured."""
    start = time.perf_counter()
    run(interpreter, "-m", "venv", folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    install = (python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt")
    run(*install, "torch", cwd=folder)
    # First what everyone has: an extra could bring what isn't declared.
    run(*install, sdist, cwd=folder)
    run(python, "-m", "pip", "check", cwd=folder)
    run(python, "-c", NAMES, cwd=folder)
    longer = cost(python, folder)
    if longer > LONGER:
        sys.exit(f"a blank pipeline takes {longer:.2f} CPU seconds longer than without the package")
    run(*install, f"{sdist}[pretrain,onnx]", cwd=folder)
    run(python, "-m", "pip", "check", cwd=folder)
    installed = time.perf_counter()
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    run(python, "-m", "spacy", "project", "run", "quickstart", ".", *STEPS, cwd=folder)
    run(
        python,
        "-m",
        "spacy",
        "xling",
        "export",
        TRAINED,
        "--output",
        "exported",
        "--precision",
        "fp32",
        cwd=folder,
    )
    run(python, "-c", SCORES, cwd=folder)
    done = time.perf_counter()
    return (
        f"installed in {installed - start:.0f} s, used in {done - installed:.0f} s, a blank pipeline takes "
        f"{longer:+.2f} CPU seconds"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("versions", nargs="*", default=VERSIONS, help="e.g. 3.12")
    found = {version: find_python(version) for version in parser.parse_args().versions}
    with tempfile.TemporaryDirectory() as place:
        run(sys.executable, "-m", "build", "--sdist", "--outdir", place, ROOT, cwd=ROOT)
        (sdist,) = Path(place).glob("*.tar.gz")
        for version, interpreter in found.items():
            if interpreter is None:
                print(f"Python {version}: not found")
                continue
            with tempfile.TemporaryDirectory() as folder:
                print(f"Python {version}: {try_python(interpreter, sdist, Path(folder))}", flush=True)
    if not any(found.values()):
        sys.exit(f"none of Python {', '.join(found)} was found")


if __name__ == "__main__":
    main()
