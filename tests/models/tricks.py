"""What may be wrong with a checkpoint: each trick writes a file if what it brings is run."""

import json

import torch

KERNEL = "evil/kernel:run"


def writes(ran):
    return f"open({str(ran)!r}, 'w').close()\n"


def change(file, **settings):
    found = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(found | settings))


# Settings


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


# Weights


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
