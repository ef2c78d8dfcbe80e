from pathlib import Path

import pytest
from spacy.util import load_config_from_str

from spacy_xling.configs.render import Choices, render_config

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("joint", Choices()),
        ("baseline", Choices(mode="baseline")),
        ("code_switching", Choices(mode="code_switching", code_switching=True)),
        ("translate_train", Choices(mode="translate_train", translated_texts=True)),
        ("multilabel", Choices(multilabel=True)),
        ("shared", Choices(mode="shared", entities=True)),
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
    assert config["training"]["optimizer"]["average_every"] == 7
    assert config["training"]["batcher"]["size"] == 512
    assert (config["training"]["max_steps"], config["training"]["eval_frequency"]) == (70, 7)


@pytest.mark.parametrize(
    ("choices", "pipeline"),
    [
        (Choices(mode="shared"), ["textcat"]),
        (Choices(mode="shared", multilabel=True), ["textcat_multilabel"]),
        (Choices(mode="shared", entities=True), ["textcat", "ner"]),
        (Choices(mode="shared", entities=True, labels=False), ["ner"]),
    ],
)
def test_a_shared_transformer_serves_what_the_texts_teach(choices, pipeline):
    config = load_config_from_str(render_config(choices, "x.cfg")).interpolate()
    assert config["nlp"]["pipeline"] == ["transformer", "xling_mlm", *pipeline]
    assert list(config["components"]) == config["nlp"]["pipeline"]
    weights = {key: weight for key, weight in config["training"]["score_weights"].items() if weight}
    assert sum(weights.values()) == 1
    assert weights.keys() == {{"n": "ents_f", "t": "cats_score"}[name[0]] for name in pipeline}


def test_choices_arrive_in_a_shared_config():
    choices = Choices(
        mode="shared",
        multilabel=True,
        entities=True,
        source="da",
        encoder="my encoder",
        unlabelled="raw",
        gpu=True,
    )
    config = load_config_from_str(render_config(choices, "x.cfg")).interpolate()
    components = config["components"]
    assert components["transformer"]["model"]["name"] == "my encoder"
    assert (
        components["xling_mlm"]["model"]["precision"],
        components["xling_mlm"]["model"]["pass_pieces"],
    ) == (
        "auto",
        16384,
    )
    assert config["initialize"]["components"]["xling_mlm"]["unlabelled"]["path"] == "raw"
    assert components["textcat_multilabel"]["model"]["exclusive_classes"] is False
    assert components["textcat_multilabel"]["threshold"] == 0.5
    scorers = {
        "textcat_multilabel": {"@scorers": "spacy-xling.textcat_scorer.v1", "multi_label": True},
        "ner": {"@scorers": "spacy.ner_scorer.v1"},
    }
    for name, scorer in scorers.items():
        assert components[name]["scorer"] == {
            "@scorers": "spacy-xling.by_language_scorer.v1",
            "source": "da",
            "scorer": scorer,
        }


def test_the_head_names_what_is_left_to_give():
    text = render_config(Choices(train="train.spacy"), "my.cfg")
    assert (
        "#   spacy train my.cfg --output training\n#     --paths.dev dev.jsonl --paths.unlabelled raw\n"
        in text
    )
    whole = render_config(Choices(mode="baseline", train="a", dev="b", gpu=True), "my.cfg")
    assert "#   spacy train my.cfg --output training --gpu-id 0\n\n" in whole
    shared = render_config(Choices(mode="shared", entities=True, dev="b"), "my.cfg")
    assert "#     --paths.train train.spacy --paths.unlabelled raw\n" in shared


@pytest.mark.parametrize("choices", [Choices(train="a$b.jsonl"), Choices(encoder="${paths.train}")])
def test_a_name_that_a_config_file_would_take_for_a_variable_is_X744(choices):
    with pytest.raises(ValueError, match=r"^\[X744\] Found .*\$"):
        render_config(choices, "my.cfg")
