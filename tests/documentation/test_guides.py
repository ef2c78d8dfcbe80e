"""The guides, followed to the letter on the quickstart's text: their commands and code run, page by page."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import srsly

from tests.conftest import needs_shared
from tests.documentation.command_lines import ROOT, find_blocks
from tests.exporting.hub import TOKEN, running_hub
from tests.translation.checkpoints import make_seq2seq

pytestmark = pytest.mark.slow

TEXT = ROOT / "assets" / "quickstart"
PAGES = {path.stem: path for path in sorted((ROOT / "docs" / "guides").glob("*.md"))}
# Other guides begin with what this one makes.
FOLLOWED = [page for page in PAGES if page != "your-data"]
MARKS = {"shared-transformer": needs_shared}
# The guides' languages, and those of the quickstart whose text stands for them.
LANGUAGES = {"en": "en", "da": "de", "de": "de", "sw": "tr"}
# What makes a command short, by its first words.
STEPS = "--training.max_steps 2 --training.eval_frequency 1"
PLANNED = STEPS.replace("--training", "--settings.training")
SHORTER = {
    "spacy train": STEPS,
    "spacy xling train": STEPS,
    "spacy xling pretrain": STEPS,
    "spacy xling compare": f"{PLANNED} --compare.seeds [0] --encoders.adapted.settings.training.max_steps 2",
    "spacy xling search": f"{PLANNED} --search.trials 1",
    "torchrun": STEPS,
    # So short a training reaches no more.
    "spacy xling calibrate training/model-best dev": "--target-accuracy 0.1",
}
# What the dots of a command stand for.
RAW = "--paths.unlabelled raw --paths.encoder xlm-roberta-base"
LABELLED = "--paths.train train.jsonl --paths.dev dev.jsonl"
DOTS = {"spacy xling train": f"{LABELLED} {RAW}", "spacy xling pretrain": RAW}
# What a page takes for granted.
BEFORE = {
    "compare": "cp -r given/dictionaries given/translated .",
    "evaluation": f"""
spacy train configs/baseline.cfg --output training/baseline {LABELLED} --paths.encoder xlm-roberta-base \
    --training.logger.output_file baseline.jsonl
spacy train configs/joint.cfg --output training/joint {LABELLED} {RAW} \
    --training.logger.output_file joint.jsonl
spacy xling inspect xlm-roberta-base raw --json inspect.json""",
    "extend": """
spacy xling init-config my.cfg --labelled train.jsonl --dev dev.jsonl --encoder xlm-roberta-base""",
    "ship": f"""
spacy train configs/baseline.cfg --output training {LABELLED} --paths.encoder xlm-roberta-base \
    --components.xling_textcat.model.head native""",
}
# What its code takes for granted.
LOADED = "import spacy\nnlp = spacy.load('training/model-best')"
# Code that other tests run: on clusters, as a file of functions, and after the quickstart.
RUN_ELSEWHERE = ("apply", "extend", "quickstart")
# Commands that change the environment, and the quickstart.
LEFT_OUT = ("pip install", "make quickstart")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the files that the guides name."""
    folder = tmp_path_factory.mktemp("made") / "project"
    folder.mkdir()
    for name in ("configs", "benchmarks"):
        (folder / name).symlink_to(ROOT / name)
    functions = [
        code for kind, code in find_blocks(PAGES["extend"].read_text(encoding="utf8")) if kind == "python"
    ]
    (folder / "functions.py").write_text("\n".join(functions), encoding="utf8")
    for name in ("raw", "parallel", "test", "dev", "messages", "given/dictionaries", "given/translated"):
        (folder / name).mkdir(parents=True)
    labelled = {name: read_rows(TEXT / f"{name}.jsonl") for name in ("train", "dev")}
    for name, rows in labelled.items():
        srsly.write_jsonl(folder / f"{name}.jsonl", rows)
    with (folder / "messages.csv").open("w", encoding="utf8", newline="") as file:
        table = csv.DictWriter(file, ["text", "label"], extrasaction="ignore")
        table.writeheader()
        table.writerows(labelled["train"])
    for language, other in LANGUAGES.items():
        raw = (TEXT / "raw" / f"{other}.txt").read_text(encoding="utf8").splitlines(keepends=True)
        (folder / "raw" / f"{language}.txt").write_text("".join(raw[:200]), encoding="utf8")
        test = [{**row, "lang": language} for row in read_rows(TEXT / "test" / f"{other}.jsonl")]
        for name in ("test", "dev"):
            srsly.write_jsonl(folder / name / f"{language}.jsonl", test)
        texts = [{"text": row["text"], "lang": language} for row in test]
        srsly.write_jsonl(folder / "messages" / f"{language}.jsonl", texts)
        if language == "en":
            srsly.write_jsonl(folder / "messages.jsonl", texts)
            continue
        for name, path in (("parallel", "parallel"), ("dictionaries", "given/dictionaries")):
            shutil.copy(TEXT / name / f"en-{other}.tsv", folder / path / f"en-{language}.tsv")
        sources = [row["text"] for row in labelled["train"]]
        pairs = zip(sources, test, strict=False)
        rows = [{**row, "source_text": source, "source_lang": "en"} for source, row in pairs]
        srsly.write_jsonl(folder / "given" / "translated" / f"{language}.jsonl", rows)
    encoder = "spacy xling init-encoder raw --output xlm-roberta-base --preset tiny --pieces 1500"
    subprocess.run(shorten(encoder), cwd=folder, check=True, capture_output=True)
    make_seq2seq("nllb", folder / "facebook" / "nllb-200-distilled-600M")
    for source, target in (("en", "da"), ("da", "en"), ("de", "en"), ("sw", "en")):
        made = make_seq2seq("marian", folder / "Helsinki-NLP" / f"opus-mt-{source}-{target}")
        settings = srsly.read_json(made / "tokenizer_config.json")
        srsly.write_json(
            made / "tokenizer_config.json", {**settings, "source_lang": source, "target_lang": target}
        )
    return folder


def read_rows(path):
    rows = list(srsly.read_jsonl(path))[:70]
    return [{**row, "label": row["label"].replace("delivery", "LATE")} for row in rows]


@pytest.fixture(scope="module")
def trained(project):
    """The folder with the pipeline that the guide to one's own data trains."""
    follow("your-data", project)
    # Other guides write these, too.
    shutil.rmtree(project / "training" / "checkpoints")
    (project / "my.cfg").unlink()
    return project


def find_steps(page):
    """What a guide has its reader run, in order: the arguments of a process each, commands made short."""
    before, text = BEFORE.get(page, ""), PAGES[page].read_text(encoding="utf8")
    for kind, code in find_blocks(f"```\n{before}\n```\n{text}"):
        if kind == "python" and page not in RUN_ELSEWHERE:
            yield [sys.executable, "-c", f"{LOADED}\n{code}"]
        elif not kind:
            yield from (shorten(line) for line in code.splitlines() if is_run(line))


def is_run(line):
    return re.match(r"(spacy|torchrun|python|pip|make|mkdir|cp) ", line) and not line.startswith(LEFT_OUT)


def shorten(line):
    name = " ".join(re.sub(r"^torchrun .* -m ", "", line).split()[:3])
    line = line.replace("...", DOTS.get(name, "..."))
    line += next((f" {short}" for first, short in SHORTER.items() if line.startswith(f"{first} ")), "")
    first, *others = shlex.split(line)
    modules = {"spacy": "spacy", "torchrun": "torch.distributed.run"}
    if first in modules:
        return [sys.executable, "-m", modules[first], *others]
    return [sys.executable if first == "python" else first, *others]


def follow(page, folder, **environment):
    """Run what a guide says, and expect each step to end well."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    for step in find_steps(page):
        result = subprocess.run(
            step, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
        )
        said = f"{shlex.join(step)}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
        assert result.returncode == 0, said


@pytest.mark.parametrize("page", [pytest.param(page, marks=MARKS.get(page, ())) for page in FOLLOWED])
def test_a_guide_can_be_followed(page, trained, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(trained, folder, symlinks=True)
    with running_hub(owner="you") as hub:
        reached = {
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_ENDPOINT": hub.endpoint,
            "HF_TOKEN": TOKEN,
        }
        follow(page, folder, **(reached if page == "ship" else {}))


def test_few_guides_have_no_step():
    assert {page for page in PAGES if not list(find_steps(page))} == {"quickstart", "troubleshooting"}
