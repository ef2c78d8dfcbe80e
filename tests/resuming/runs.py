"""Training runs for tests of resuming: their files, and how to kill and compare them."""

import io
import json
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config_from_str

from spacy_xling import writing
from spacy_xling.resuming import training_loop
from spacy_xling.resuming.training_loop import train_resumable
from tests.conftest import SINGLE, TEXTS, write_raw
from tests.translation.checkpoints import make_seq2seq


class Killed(BaseException):
    """What a process that is killed does not get to handle."""


class Work:
    """A folder with the files of a run.

    config (str): JOINT, SWITCHED, TRANSLATED, SHARED or SPACY of `configs`.
    folder (Path): An empty folder.
    encoder (Path): A checkpoint, for all but SPACY.
    changes: Settings by dot name, with `__` for the dot.
    """

    def __init__(self, config, folder, encoder=None, **changes):
        if 'factory = "transformer"' in config:
            pytest.importorskip("spacy_transformers", reason="needs the extra 'shared'")
        self.folder = folder
        self.output = folder / "output"
        self.log = folder / "log.jsonl"
        self.text = config
        self.overrides = {"paths.folder": str(folder)}
        if encoder is not None:
            self.overrides["paths.encoder"] = str(encoder)
        self.change(**changes)
        self.fill()

    def change(self, **changes):
        self.overrides.update({name.replace("__", "."): value for name, value in changes.items()})

    def fill(self):
        lines = [{"text": text, "label": max(cats, key=cats.get), "lang": "en"} for text, cats in SINGLE]
        srsly.write_jsonl(self.folder / "train.jsonl", lines)
        write_raw(self.folder / "raw", {"en": TEXTS[:2], "de": TEXTS[2:4] * 10})
        write_dictionaries(self.folder / "dictionaries")
        if "xling_translator" in self.text:
            make_seq2seq("m2m100", self.folder / "translator")
        write_parallel(self.folder / "parallel")
        write_translations(self.folder / "translated")
        nlp = spacy.blank("xx")
        docs = [nlp.make_doc(text) for text in TEXTS]
        for number, doc in enumerate(docs):
            for token in doc:
                token.tag_ = "LONG" if len(token) > 4 else "SHORT"
            # Not every text has entities, nor every batch.
            doc.ents = [doc.char_span(0, len(doc[0]), label="FIRST")] if number % 3 else []
        DocBin(docs=docs[:6]).to_disk(self.folder / "train.spacy")
        # Words of these enter the vocabulary at an evaluation only.
        DocBin(docs=docs).to_disk(self.folder / "dev.spacy")

    def start(self):
        """The initialized pipeline."""
        config = load_config_from_str(self.text, overrides=self.overrides, interpolate=False)
        return init_nlp(config)

    def train(self, **options):
        """Train, and give back what was printed."""
        printed = io.StringIO()
        train_resumable(self.start(), self.output, stdout=printed, stderr=io.StringIO(), **options)
        return printed.getvalue()

    def rows(self):
        """The log, but for what a clock has measured."""
        rows = [json.loads(line) for line in self.log.read_text(encoding="utf8").splitlines()]
        for row in rows:
            row.pop("seconds", None)
            row["scores"].pop("speed", None)
        return rows

    def files(self):
        """All bytes of the output folder, and of the log."""
        paths = [*self.output.rglob("*"), self.log]
        return {path: path.read_bytes() for path in paths if path.is_file()}

    def result(self):
        """All bytes of the saved pipelines, and the log."""
        files = {
            str(path.relative_to(self.output)): self._content(path)
            for name in ("model-last", "model-best")
            for path in sorted((self.output / name).rglob("*"))
            if path.is_file()
        }
        return files, self.rows()

    def _content(self, path):
        if path.parent.name == "transformer" and path.name == "model":
            # Beside the weights, spacy-transformers writes where a process read the config from.
            shims = srsly.msgpack_loads(path.read_bytes())["shims"]
            return [srsly.msgpack_loads(shim)["state"] for node in shims for shim in node]
        return path.read_bytes().replace(str(self.folder).encode(), b"FOLDER")


def write_dictionaries(folder):
    """Some words of the training text with one or two translations in German and Danish."""
    folder.mkdir()
    german = "parcel\tPaket\tbox\tKarton\tmoney\tGeld\tlate\tspät\tlate\tzu spät\torder\tBestellung"
    danish = "parcel\tpakken\tbox\tæsken\tmoney\tpenge\tback\ttilbage\torder\tordre\torder\tbestilling"
    for name, cells in (("en-de", german.split("\t")), ("en-da", danish.split("\t"))):
        lines = (f"{word}\t{found}\n" for word, found in zip(cells[::2], cells[1::2], strict=True))
        (folder / f"{name}.tsv").write_text("".join(lines), encoding="utf8")


def write_parallel(folder):
    """Some pairs of sentences."""
    folder.mkdir()
    for name, rows in (
        ("en-de", zip(TEXTS[:2], TEXTS[2:4], strict=True)),
        ("en-da", zip(TEXTS[:2], TEXTS[4:6], strict=True)),
    ):
        (folder / f"{name}.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf8")


def write_translations(folder):
    """Each training text in German, some in Danish, as files by language."""
    folder.mkdir()
    for language, places in (("de", (0, 1, 2, 3)), ("da", (0, 3))):
        texts = [SINGLE[number][0] for number in places]
        records = [
            {"text": f"{TEXTS[2 + number]} {language}", "source_text": text, "source_lang": "en"}
            for number, text in zip(places, texts, strict=True)
        ]
        srsly.write_jsonl(folder / f"{language}.jsonl", records)


class Moments:
    """The moments at which a run can be killed: before each update, and before each thing that writing does.

    monkeypatch: Of the test.
    lifetime (int | None): How many moments the process lives; None to count them only.
    """

    def __init__(self, monkeypatch, lifetime=None):
        self.count = 0
        self.lifetime = lifetime
        for owner, name in (
            (Language, "update"),
            (training_loop, "save_snapshot"),
            (training_loop, "update_meta"),
            (writing, "flush"),
            (Path, "rename"),
            (Path, "replace"),
            (Path, "unlink"),
            (writing.shutil, "rmtree"),
        ):
            monkeypatch.setattr(owner, name, self.dying(getattr(owner, name)))

    def dying(self, function):
        def call(*args, **kwargs):
            self.count += 1
            # A dead process does nothing more, not even what an exception handler would.
            if self.lifetime is not None and self.count > self.lifetime:
                raise Killed
            return function(*args, **kwargs)

        return call


def is_killed(work, lifetime, monkeypatch, **options):
    """Train for so many moments; whether that was too short."""
    with monkeypatch.context() as patch:
        Moments(patch, lifetime)
        try:
            work.train(**options)
        except Killed:
            return True
    return False


def count_moments(work, monkeypatch):
    """Train to the end; how many moments that took."""
    with monkeypatch.context() as patch:
        moments = Moments(patch)
        work.train()
    return moments.count


def interrupt(work, monkeypatch, evaluation=3):
    """Kill a run at an evaluation, by which time there is a checkpoint of the one before."""
    evaluations = 0
    original = training_loop.update_meta

    def counted(*args):
        nonlocal evaluations
        evaluations += 1
        if evaluations == evaluation:
            raise Killed
        original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(training_loop, "update_meta", counted)
        with pytest.raises(Killed):
            work.train()
