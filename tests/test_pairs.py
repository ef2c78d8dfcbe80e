"""Settings by a user's text survive the config file, whatever the text."""

import pytest
import spacy
from spacy.training import Example
from thinc.api import Config

from spacy_xling.optimizer.adamw import build_adamw_v1
from spacy_xling.pairs import read_pairs, read_text_pairs
from tests.conftest import TEXTS, textcat_config

UGLY = [
    *(
        "topic:late",
        "topic:b",
        "a=b",
        " lead",
        "trail ",
        "@x",
        "",
        "line\nend",
        "#late",
        ";x",
        "[x]",
        "5",
        "null",
    ),
    *("true", "1.5", '"q"', "'s'", "a,b", "tab\t", "cafe\u0301", "日本", "\u2028", "{}", "[]", "\\n", "\\"),
    *("%", "%(x)s", "a.b", "*", "\r", "=", "!x", "🎉", "\x00", "x" * 5000),
]
LOST = ["$5", "a$", "${paths.train}", "${", "$$"]


def objective(name, weights):
    loss, setting = {
        "xling_textcat": ("CrossEntropy.v1", "class_weights"),
        "xling_textcat_multilabel": ("BinaryCrossEntropy.v1", "positive_weights"),
    }[name]
    classification = {"@losses": f"spacy-xling.{loss}", setting: weights}
    return {"objective": {"mlm_weight": 0.0, "classification": classification}}


@pytest.mark.parametrize("name", ["xling_textcat", "xling_textcat_multilabel"])
def test_weights_of_ugly_labels_are_trained_saved_and_loaded_twice(name, checkpoint, tmp_path):
    weights = [[label, 0.5 + number] for number, label in enumerate(UGLY)]
    nlp = spacy.blank("xx")
    nlp.add_pipe(name, config=textcat_config(checkpoint, **objective(name, weights)))
    cats = [{label: float(label == right) for label in UGLY} for right in UGLY]
    examples = [Example.from_dict(nlp.make_doc(TEXTS[0]), {"cats": found}) for found in cats]
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    for folder in ("once", "twice"):
        nlp.to_disk(tmp_path / folder)
        nlp = spacy.load(tmp_path / folder)
        found = nlp.get_pipe(name).objective.classification
        assert found.weights == dict(weights)
        assert set(nlp(TEXTS[1]).cats) == set(UGLY)
    assert nlp.config["components"][name]["objective"]["classification"][found.weights_name] == weights


@pytest.mark.parametrize("text", UGLY)
def test_a_text_that_a_config_file_gives_back_is_taken(text):
    written = Config({"a": {"pairs": [[text, 2.0]]}}).to_str()
    assert read_pairs("pairs", Config().from_str(written)["a"]["pairs"]) == {text: 2.0}


@pytest.mark.parametrize("text", LOST)
def test_a_text_that_a_config_file_would_change_is_X003_when_the_component_is_made(text, checkpoint):
    nlp = spacy.blank("xx")
    changes = objective("xling_textcat", [["other", 1.0], [text, 2.0]])
    with pytest.raises(ValueError, match=r"^\[X003\].*class_weights") as caught:
        nlp.add_pipe("xling_textcat", config=textcat_config(checkpoint, **changes))
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"X003.*rate_factors"):
        build_adamw_v1(0.1, rate_factors=[[text, 2.0]])


@pytest.mark.parametrize(
    "pairs",
    [{"late": 2.0}, {}, "late", [["late", "2"]], [["late"]], [[5, 2.0]], ["late", 2.0], [["a", True]], 3],
)
def test_what_are_no_pairs_is_X001(pairs):
    with pytest.raises(ValueError, match=r"^\[X001\] Found rate_factors = "):
        build_adamw_v1(0.1, rate_factors=pairs)


def test_a_label_that_is_weighed_twice_is_X002():
    with pytest.raises(ValueError, match=r"X002.*class_weights.*late"):
        read_pairs("class_weights", [["late", 2.0], ["late", 3.0]])


def test_factors_of_patterns_are_kept_by_a_config_file():
    factors = [["(?:head|pool)", 10.0], ["[0-9]+", 0.5], ["=:#;", 2.0]]
    block = {"optimizer": {"@optimizers": "spacy-xling.AdamW.v1", "rate_factors": factors}}
    config = Config().from_str(Config(block).to_str())
    optimizer = spacy.registry.resolve(config)["optimizer"]
    assert [(pattern.pattern, factor) for pattern, factor in optimizer.rate_factors] == [
        tuple(pair) for pair in factors
    ]


def test_pairs_of_texts_are_read_in_their_order():
    pairs = [[text, text[::-1]] for text in UGLY]
    assert list(read_text_pairs("codes", pairs).items()) == [tuple(pair) for pair in pairs]
    assert read_text_pairs("codes", None) == read_text_pairs("codes", []) == {}


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ({"da": "dan"}, "X006"),
        ("da", "X006"),
        ([["da"]], "X006"),
        ([["da", 1]], "X006"),
        ([[1, "da"]], "X006"),
        ([["da", "a"], ["da", "b"]], "X002"),
        *(([[text, "da"]], "X003") for text in LOST),
        *(([["da", text]], "X003") for text in LOST),
    ],
)
def test_what_is_no_pair_of_texts_is_a_coded_line(pairs, code):
    with pytest.raises(ValueError, match=rf"^\[{code}\].*codes") as caught:
        read_text_pairs("codes", pairs)
    assert "\n" not in str(caught.value)
