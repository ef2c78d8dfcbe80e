from pathlib import Path

import pytest
from spacy.util import load_config, load_config_from_str

from spacy_xling.configs.render import Choices, render_config, write_config

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("joint", Choices()),
        ("baseline", Choices(mode="baseline")),
        ("multilabel", Choices(multilabel=True)),
        (
            "sentiment",
            Choices(
                train="assets/sentiment/train.jsonl",
                dev="assets/sentiment/dev.jsonl",
                unlabelled="assets/sentiment/raw",
                encoder="bert-base-multilingual-cased",
                max_steps=1,
                eval_frequency=1,
            ),
        ),
    ],
)
def test_the_repositorys_configs_are_what_it_gives(name, choices):
    assert (CONFIGS / f"{name}.cfg").read_text(encoding="utf-8") == render_config(
        choices, f"configs/{name}.cfg"
    )


def test_choices_arrive_where_they_belong():
    choices = Choices(
        mode="baseline",
        multilabel=True,
        train='my "own" données/train.spacy',
        unlabelled="raw text",
        languages=["da", "de"],
        gpu=True,
        learn_rate=1e-5,
        batch_pieces=512,
        max_steps=70,
        eval_frequency=7,
    )
    config = load_config_from_str(render_config(choices, "x.cfg")).interpolate()
    component = config["components"]["xling_textcat_multilabel"]
    assert config["corpora"]["train"]["path"] == 'my "own" données/train.spacy'
    assert config["initialize"]["components"]["xling_textcat_multilabel"]["unlabelled"]["languages"] == [
        "da",
        "de",
    ]
    assert config["initialize"]["components"]["xling_textcat_multilabel"]["unlabelled"]["path"] == "raw text"
    assert config["system"]["gpu_allocator"] == "pytorch"
    assert (component["model"]["encoder"]["precision"], component["model"]["pass_pieces"]) == ("auto", 16384)
    assert component["objective"]["mlm_weight"] == 0
    assert config["training"]["optimizer"]["learn_rate"] == {
        "@schedules": "spacy-xling.warmup_linear.v1",
        "value": 1e-5,
        "total_steps": 70,
        "warmup_share": 0.1,
    }
    assert config["training"]["batcher"]["size"] == 512
    assert (config["training"]["max_steps"], config["training"]["eval_frequency"]) == (70, 7)


def test_the_head_names_what_is_left_to_give():
    text = render_config(Choices(train="train.spacy"), "my.cfg")
    assert (
        "#   spacy train my.cfg --output training\n#     --paths.dev dev.jsonl --paths.unlabelled raw\n"
        in text
    )
    whole = render_config(Choices(mode="baseline", train="a", dev="b", gpu=True), "my.cfg")
    assert "#   spacy train my.cfg --output training --gpu-id 0\n\n" in whole


def test_a_file_that_is_there_is_X142(tmp_path):
    (tmp_path / "my.cfg").write_text("precious")
    with pytest.raises(ValueError, match="X142"):
        write_config(render_config(Choices(), "my.cfg"), tmp_path / "my.cfg")
    assert (tmp_path / "my.cfg").read_text() == "precious"
    write_config(render_config(Choices(), "my.cfg"), tmp_path / "my.cfg", overwrite=True)
    assert load_config(tmp_path / "my.cfg")["nlp"]["pipeline"] == ["xling_textcat"]
