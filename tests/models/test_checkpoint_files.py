"""Which files of a checkpoint are read, from a folder, the cache or the hub, and which never are."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub.utils import filter_repo_objects
from transformers import AutoModelForMaskedLM

from spacy_xling.models import checkpoint_files
from spacy_xling.models.checkpoint import (
    load_encoder,
    load_masked_lm,
    load_tokenizer,
    read_config,
    save_checkpoint,
)
from tests.conftest import TEXTS
from tests.models.tricks import SETTINGS, WEIGHTS, change, write_pickle

# A folder


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
