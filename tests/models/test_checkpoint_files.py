"""Whatever a checkpoint brings, none of it is run. Each trick writes a file if it is."""

import contextlib
import json
import re
import runpy
import shutil
from pathlib import Path

import pytest
import spacy
import torch
import transformers
from huggingface_hub.utils import filter_repo_objects
from transformers import AutoModelForMaskedLM, modeling_utils

import spacy_xling
from spacy_xling.configs.choices import encoder_facts
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.encoders.initialising import init_encoder
from spacy_xling.exporting.exporting import export_pipeline
from spacy_xling.inspection.inspection import inspect_encoder
from spacy_xling.inspection.previews import preview_encoder_masks
from spacy_xling.models import checkpoint_files
from spacy_xling.models.checkpoint import (
    load_encoder,
    load_masked_lm,
    load_tokenizer,
    read_config,
    save_checkpoint,
)
from spacy_xling.models.checkpoint_files import make_model
from spacy_xling.pretraining.runs import pretrain
from spacy_xling.trimming.trimming import trim_encoder
from tests.conftest import SINGLE, TEXTS, make_examples, textcat_config
from tests.pipeline.shared import initialize_shared, make_shared, shared_examples

KERNEL = "evil/kernel:run"
NAME = "xling_textcat"


@pytest.fixture
def ran(tmp_path):
    """The file that each trick writes."""
    return tmp_path / "ran"


@pytest.fixture
def kernels(tmp_path, ran, monkeypatch):
    """As if the library `kernels` were installed, with a folder for its hub."""
    code = tmp_path / "kernels" / "evil" / "kernel" / "__init__.py"
    code.parent.mkdir(parents=True)
    code.write_text(writes(ran))

    def get_kernel(repository, *args, **kwargs):
        return runpy.run_path(str(tmp_path / "kernels" / repository / "__init__.py"))

    monkeypatch.setattr(modeling_utils, "is_kernels_available", lambda: True, raising=False)
    monkeypatch.setattr(modeling_utils, "get_kernel", get_kernel, raising=False)


def writes(ran):
    return f"open({str(ran)!r}, 'w').close()\n"


def change(file, **settings):
    found = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(found | settings))


# What may be wrong with a checkpoint: settings


def kernel_under(key):
    def trick(folder, ran):
        change(folder / "config.json", **{key: KERNEL})

    return trick


def kernel_of_a_part(folder, ran):
    change(folder / "config.json", text_config={"parts": [{"attn_implementation": {"": KERNEL}}]})


def kernel_by_another_name(folder, ran):
    change(folder / "config.json", attribute_map={"size": "_attn_implementation_internal"}, size=KERNEL)


def kernel_in_another_file(folder, ran):
    change(folder / "config.json", configuration_files=["config.4.0.0.json"])
    settings = json.loads((folder / "config.json").read_text())
    change(folder / "config.4.0.0.json", **settings, _attn_implementation_internal=KERNEL)


def kernels_used(folder, ran):
    change(folder / "config.json", use_kernels=True)


def kernel_to_generate(folder, ran):
    change(folder / "generation_config.json", attn_implementation=KERNEL)


def quantisation(folder, ran):
    change(folder / "config.json", quantization_config={"quant_method": "hqq"})


def weights_of_another_name(folder, ran):
    change(folder / "config.json", transformers_weights="evil.safetensors.index.json")
    change(folder / "evil.safetensors.index.json", metadata={}, weight_map={"weight": "evil.bin"})
    write_pickle(folder / "evil.bin", ran)


def adapter(folder, ran):
    change(folder / "adapter_config.json", peft_type="LORA", megatron_core="megatron.evil")


def part_with_code(folder, ran):
    part = {"model_type": "rag", "auto_map": {"AutoModel": "evil/repository--evil.Model"}}
    change(folder / "config.json", model_type="modernvbert", vision_config=part)


def part_of_a_type(folder, ran):
    change(folder / "config.json", vision_config={"model_type": "timm_wrapper"})


def tokenizers_of_others(folder, ran):
    change(folder / "config.json", model_type="rag")


def tokenizer_that_is_none(folder, ran):
    change(folder / "tokenizer_config.json", tokenizer_class="AutoModelForMaskedLM")


SETTINGS = {
    "internal": kernel_under("_attn_implementation_internal"),
    "private": kernel_under("_attn_implementation"),
    "public": kernel_under("attn_implementation"),
    "experts": kernel_under("_experts_implementation"),
    "kernel_config": kernel_under("kernel_config"),
    "part": kernel_of_a_part,
    "alias": kernel_by_another_name,
    "file": kernel_in_another_file,
    "used": kernels_used,
    "generation": kernel_to_generate,
    "quantised": quantisation,
    "renamed": weights_of_another_name,
    "adapter": adapter,
    "part_code": part_with_code,
    "part_type": part_of_a_type,
    "rag": tokenizers_of_others,
    "tokenizer": tokenizer_that_is_none,
}

# and weights


class Payload:
    """A pickle that writes a file when it is read."""

    def __init__(self, ran):
        self.ran = ran

    def __reduce__(self):
        return exec, (writes(self.ran),)


def write_pickle(file, ran):
    torch.save({"weight": Payload(ran)}, file)


def pickle(folder, ran):
    (folder / "model.safetensors").unlink()
    write_pickle(folder / "pytorch_model.bin", ran)


def pickled_shards(folder, ran):
    (folder / "model.safetensors").unlink()
    shard = "pytorch_model-00001-of-00001.bin"
    write_pickle(folder / shard, ran)
    change(folder / "pytorch_model.bin.index.json", metadata={}, weight_map={"weight": shard})


def pickle_among_shards(folder, ran):
    (folder / "model.safetensors").unlink()
    write_pickle(folder / "evil.bin", ran)
    change(folder / "model.safetensors.index.json", metadata={}, weight_map={"weight": "evil.bin"})


WEIGHTS = {"pickle": pickle, "shards": pickled_shards, "among": pickle_among_shards}


# What is done with it


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


@pytest.mark.parametrize("implementation", ["eager", "sdpa", None, {"": "eager"}])
def test_attention_that_transformers_has_is_loaded(checkpoint, tmp_path, implementation):
    folder = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    change(
        folder / "config.json",
        attn_implementation=implementation,
        _attn_implementation_autoset=True,
        conv_kernel_size=9,
        use_kernels=False,
        label2id={"kernel": 0, "implementation": 1},
    )
    assert_equal(load_masked_lm(str(folder)), load_masked_lm(str(checkpoint)))


def assert_equal(found, expected):
    found, expected = found.model.state_dict(), expected.model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())


def test_sharded_safetensors_are_loaded(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    (folder / "model.safetensors").unlink()
    AutoModelForMaskedLM.from_pretrained(checkpoint).save_pretrained(folder, max_shard_size="10KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    assert not (folder / "model.safetensors").exists()
    assert_equal(load_masked_lm(str(folder)), load_masked_lm(str(checkpoint)))


def pickled(checkpoint, tmp_path):
    """The checkpoint with good weights in a pickle."""
    folder = shutil.copytree(checkpoint, tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    model = AutoModelForMaskedLM.from_pretrained(checkpoint)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


def test_pickles_beside_safetensors_are_not_read(checkpoint, tmp_path, ran):
    folder = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    write_pickle(folder / "pytorch_model.bin", ran)
    assert_equal(load_masked_lm(str(folder)), load_masked_lm(str(checkpoint)))
    assert not ran.exists()


def test_pickles_are_read_where_the_user_says_so_but_never_run(checkpoint, tmp_path, ran, monkeypatch):
    folder = pickled(checkpoint, tmp_path)
    with pytest.raises(ValueError, match=r"^\[X331\]"):
        load_masked_lm(str(folder))
    monkeypatch.setenv(checkpoint_files.PICKLES_VARIABLE, "1")
    assert_equal(load_masked_lm(str(folder)), load_masked_lm(str(checkpoint)))
    write_pickle(folder / "pytorch_model.bin", ran)
    with pytest.raises(ValueError, match=r"^\[X301\]"):
        load_masked_lm(str(folder))
    assert not ran.exists()


def test_the_command_of_the_refusal_converts_them(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = pickled(checkpoint, tmp_path)
    with pytest.raises(ValueError, match="X331") as caught:
        load_masked_lm(str(folder))
    (line,) = re.findall('python -c "(.+?)"', str(caught.value))
    exec(line, {})
    assert_equal(load_masked_lm(str(tmp_path / "converted")), load_masked_lm(str(checkpoint)))
    text = TEXTS[0]
    assert load_tokenizer("converted")(text).input_ids == load_tokenizer(str(checkpoint))(text).input_ids


def test_no_file_is_named_after_a_chat_template(checkpoint, tmp_path):
    # In the folder, templates would become files of a folder of their own.
    folder = tmp_path / "a" / "b" / "checkpoint"
    shutil.copytree(checkpoint, folder)
    templates = [{"name": name, "template": ""} for name in ("default", "../../../evil")]
    change(folder / "tokenizer_config.json", chat_template=templates)
    (folder / "additional_chat_templates").mkdir()
    encoder = load_encoder(str(folder))
    saved = tmp_path / "x" / "y" / "saved"
    save_checkpoint(encoder.masked_lm.model, encoder.tokenizer, saved)
    assert all(path.is_file() for path in saved.iterdir())
    assert not list(tmp_path.rglob("*.jinja"))


# The hub


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Put a checkpoint into the cache of the hub, where it is found without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))

    def put(folder):
        place = tmp_path / "cache" / "models--nobody--encoder"
        (place / "refs").mkdir(parents=True)
        (place / "refs" / "main").write_text("a" * 40)
        return shutil.copytree(folder, place / "snapshots" / ("a" * 40))

    return put


def test_a_cached_checkpoint_loads_offline_and_leaves_no_trace_of_the_cache(checkpoint, cache, tmp_path):
    cache(checkpoint)
    encoder, expected = load_encoder("nobody/encoder"), load_encoder(str(checkpoint))
    assert_equal(encoder.masked_lm, expected.masked_lm)
    assert encoder.window == expected.window
    assert encoder.tokenizer(TEXTS).input_ids == expected.tokenizer(TEXTS).input_ids
    assert encoder.masked_lm.model.config.name_or_path == "nobody/encoder"
    save_checkpoint(encoder.masked_lm.model, encoder.tokenizer, tmp_path / "saved")
    for file in (tmp_path / "saved").glob("*.json"):
        assert str(tmp_path) not in file.read_text(), file.name


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("trick", sorted({*SETTINGS, *WEIGHTS}))
def test_a_cached_checkpoint_is_looked_at(checkpoint, cache, ran, trick):
    (SETTINGS | WEIGHTS)[trick](cache(checkpoint), ran)
    with pytest.raises(ValueError, match=r"^\[X33[01]\].*'nobody/encoder'"):
        load_encoder("nobody/encoder")
    assert not ran.exists()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with one checkpoint, and the names of the files that were fetched from it."""
    fetched = []

    def serve(folder):
        def snapshot_download(name, *, allow_patterns, ignore_patterns):
            files = [file for file in folder.rglob("*") if file.is_file()]
            names = [str(file.relative_to(folder)) for file in files]
            for wanted in filter_repo_objects(
                names, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns
            ):
                fetched.append(wanted)
                (tmp_path / "fetched").mkdir(exist_ok=True)
                shutil.copy(folder / wanted, tmp_path / "fetched" / Path(wanted).name)
            return str(tmp_path / "fetched")

        monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
        monkeypatch.setattr(
            "huggingface_hub.list_repo_files", lambda name: [f.name for f in folder.iterdir()]
        )
        return fetched

    return serve


def test_of_a_checkpoint_on_the_hub_no_more_is_fetched_than_is_needed(checkpoint, hub, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "hub")
    for name in ("pytorch_model.bin", "tf_model.h5", "model.onnx", "modeling.py", "model.fp16.safetensors"):
        (folder / name).touch()
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    fetched = hub(folder)
    load_tokenizer("nobody/encoder")
    read_config("nobody/encoder")
    assert {Path(name).suffix for name in fetched} <= {".json", ".txt", ".model"}
    assert not any(name.startswith("onnx") for name in fetched)
    assert_equal(load_masked_lm("nobody/encoder"), load_masked_lm(str(checkpoint)))
    assert {name for name in fetched if not name.endswith((".json", ".txt"))} == {"model.safetensors"}


def test_pickles_on_the_hub_are_fetched_only_where_the_user_says_so(checkpoint, hub, tmp_path, monkeypatch):
    fetched = hub(pickled(checkpoint, tmp_path))
    with pytest.raises(ValueError, match=r"^\[X331\].*'nobody/encoder'.*pytorch_model.bin"):
        load_masked_lm("nobody/encoder")
    assert "pytorch_model.bin" not in fetched
    monkeypatch.setenv(checkpoint_files.PICKLES_VARIABLE, "1")
    assert_equal(load_masked_lm("nobody/encoder"), load_masked_lm(str(checkpoint)))
    assert "pytorch_model.bin" in fetched


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
