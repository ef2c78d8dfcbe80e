"""Whatever a checkpoint brings, none of it is run. Each trick writes a file if it is."""

import contextlib
import re
import shutil
from pathlib import Path

import pytest
import spacy
import torch
import transformers
from transformers import AutoModelForMaskedLM, modeling_utils

import spacy_xling
from spacy_xling.configs.choices import encoder_facts
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.encoders.initialising import init_encoder
from spacy_xling.exporting.exporting import export_pipeline
from spacy_xling.inspection.inspection import inspect_encoder
from spacy_xling.inspection.previews import preview_encoder_masks
from spacy_xling.models import checkpoint_files
from spacy_xling.models.checkpoint import load_masked_lm, read_config
from spacy_xling.models.checkpoint_files import make_model
from spacy_xling.pretraining.runs import pretrain
from spacy_xling.trimming.trimming import trim_encoder
from tests.conftest import SINGLE, TEXTS, make_examples, textcat_config
from tests.models.tricks import KERNEL, SETTINGS, WEIGHTS, change, kernel_of_a_part, write_pickle, writes
from tests.pipeline.shared import initialize_shared, make_shared, shared_examples

NAME = "xling_textcat"


# What is done with a checkpoint


@pytest.fixture(scope="module")
def pipeline(checkpoints, tmp_path_factory):
    """The folder of a trained pipeline."""
    nlp = spacy.blank("xx")
    nlp.add_pipe(NAME, config=textcat_config(checkpoints("xlm-roberta")))
    nlp.initialize(lambda: make_examples(nlp, SINGLE))
    folder = tmp_path_factory.mktemp("pipeline")
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def use(checkpoint, pipeline, corpus, run_config, tmp_path):
    """Do something, by its name, with a checkpoint that was changed by a trick."""

    def initialize(folder):
        nlp = spacy.blank("xx")
        nlp.add_pipe(NAME, config=textcat_config(folder))
        nlp.initialize(lambda: make_examples(nlp, SINGLE))

    def shared(folder):
        nlp = make_shared(checkpoint, model={"head_from": str(folder)})
        initialize_shared(nlp, shared_examples(nlp))

    raw = corpus / "raw"
    uses = {
        "initialize": initialize,
        "shared": shared,
        "inspect": lambda folder: inspect_encoder(str(folder), raw),
        "trim": lambda folder: trim_encoder(str(folder), raw, tmp_path / "out"),
        "preview-masks": lambda folder: preview_encoder_masks(str(folder), raw),
        "pretrain": lambda folder: pretrain(run_config(paths__encoder=str(folder)), tmp_path / "out"),
        "init-encoder": lambda folder: init_encoder(
            tmp_path / "out", build_unlabelled_text_v1(raw), config=read_config(str(folder))
        ),
        "init-config": lambda folder: encoder_facts(str(folder), list(spacy.blank("xx").pipe(TEXTS))),
        "load": lambda folder: spacy.load(folder.parents[1]),
        "export": lambda folder: export_pipeline(folder.parents[1], tmp_path / "out"),
    }

    def made(what, trick, ran):
        if what in ("load", "export"):
            folder = shutil.copytree(pipeline, tmp_path / "pipeline") / NAME / "model"
        else:
            folder = shutil.copytree(checkpoint, tmp_path / "checkpoint")
        trick(folder, ran)
        return lambda: uses[what](folder)

    return made


LOAD_WEIGHTS = ["initialize", "shared", "inspect", "trim", "preview-masks", "pretrain", "load", "export"]
USES = [*LOAD_WEIGHTS, "init-encoder", "init-config"]


def each_with_one(uses, tricks):
    """All loads go through one place: each use with one trick, and each trick with one use, will do."""
    uses, tricks = list(uses), sorted(tricks)
    return [(use, tricks[0]) for use in uses] + [(uses[0], trick) for trick in tricks[1:]]


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("what", "trick"), each_with_one(USES, SETTINGS))
def test_settings_that_could_load_code_are_X330(use, ran, what, trick):
    with pytest.raises(ValueError, match=r"\[X330\]") as caught:
        use(what, SETTINGS[trick], ran)()
    assert "\n" not in str(caught.value)
    assert not ran.exists()


@pytest.mark.parametrize(("what", "trick"), each_with_one(LOAD_WEIGHTS, WEIGHTS))
def test_pickled_weights_are_X331(use, ran, what, trick):
    with pytest.raises(ValueError, match=r"\[X331\].*\.bin\).*SPACY_XLING_PICKLED_WEIGHTS=1") as caught:
        use(what, WEIGHTS[trick], ran)()
    assert "\n" not in str(caught.value)
    assert not ran.exists()


@pytest.mark.usefixtures("kernels")
@pytest.mark.skipif(
    transformers.__version__ >= "5" or not hasattr(modeling_utils, "is_kernels_available"),
    reason="this release refuses such kernels, or knows none",
)
@pytest.mark.parametrize("trick", ["internal", "private", "alias", "file"])
def test_transformers_alone_runs_the_kernels(checkpoint, tmp_path, ran, trick):
    folder = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    SETTINGS[trick](folder, ran)
    with contextlib.suppress(ValueError, TypeError):
        AutoModelForMaskedLM.from_pretrained(folder)
    assert ran.exists()


def test_torch_alone_runs_the_pickle(tmp_path, ran):
    write_pickle(tmp_path / "pytorch_model.bin", ran)
    torch.load(tmp_path / "pytorch_model.bin", weights_only=False)
    assert ran.exists()


@pytest.mark.usefixtures("kernels")
def test_the_head_in_a_shared_pipeline_is_looked_at(checkpoint, tmp_path, ran):
    nlp = make_shared(checkpoint)
    initialize_shared(nlp, shared_examples(nlp)).to_disk(tmp_path / "pipeline")
    SETTINGS["internal"](tmp_path / "pipeline" / "xling_mlm" / "model", ran)
    with pytest.raises(ValueError, match=r"^\[X330\].*xling_mlm"):
        spacy.load(tmp_path / "pipeline")
    assert not ran.exists()


def test_the_refusal_names_file_key_and_value(checkpoint, tmp_path, ran):
    folder = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    kernel_of_a_part(folder, ran)
    with pytest.raises(
        ValueError, match=rf'config.json of .*{folder}.*"attn_implementation": ..": "{KERNEL}"'
    ):
        load_masked_lm(str(folder))


def test_a_config_alone_is_looked_at_too(checkpoint, tmp_path, ran):
    file = Path(shutil.copy(checkpoint / "config.json", tmp_path / "shape.json"))
    assert read_config(str(file)).hidden_size == read_config(str(checkpoint)).hidden_size
    change(file, _attn_implementation=KERNEL)
    with pytest.raises(ValueError, match=r"X330.*shape.json"):
        read_config(str(file))


# What loads all the same


def has_code(folder, ran):
    (folder / "evil.py").write_text(writes(ran))
    change(
        folder / "config.json",
        auto_map={"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "evil/repo--evil.Model"},
        trust_remote_code=True,
    )
    change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]})


@pytest.mark.parametrize("what", USES)
def test_code_beside_a_known_architecture_is_not_run(use, ran, monkeypatch, what):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked whether to run it"))
    use(what, has_code, ran)()
    assert not ran.exists()


def test_code_of_an_unknown_architecture_is_not_run_in_a_new_model(checkpoint, tmp_path, ran, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked whether to run it"))
    folder = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    has_code(folder, ran)
    change(folder / "config.json", model_type="gpt2")
    with pytest.raises(ValueError, match="custom code"):
        make_model(read_config(str(folder)))
    assert not ran.exists()


# One place


def test_nothing_else_of_the_package_loads_a_checkpoint():
    loads = re.compile(
        r"from_pretrained\(|\bAuto(Config|Model\w*|Tokenizer)\b\.|torch\.load\(|pickle\.loads?\(|"
        r"trust_remote_code=True|cached_file|snapshot_download"
    )
    package = Path(spacy_xling.__file__).parent
    found = {path for path in package.rglob("*.py") if loads.search(path.read_text(encoding="utf-8"))}
    # A message, and a model card, have lines of Python for the user.
    excepted = {package / "errors" / "models.py", package / "exporting" / "model_card.py"}
    assert found - excepted == {Path(checkpoint_files.__file__)}
    text = Path(checkpoint_files.__file__).read_text(encoding="utf-8")
    assert (
        text.count("trust_remote_code=False") == len(re.findall(r"\.from_(pretrained|config)\(", text)) == 4
    )
