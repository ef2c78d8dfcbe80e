"""A translator that was trained, as the commands take one."""

import json
import shutil

import pytest
import spacy
from typer.testing import CliRunner

from spacy_xling.cli.app import app
from spacy_xling.data.files import is_pipeline
from spacy_xling.data.translation_pairs import HELDOUT_SHARE, build_translation_pairs_v1
from spacy_xling.evaluation.translators import evaluate_translators
from spacy_xling.translation.trained import choose_heldout_share
from spacy_xling.translation.translating import Model, load_engine
from tests.conftest import TEXTS
from tests.pipeline.translators import PAIRS, make_translator, train


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, checkpoints):
    nlp, _, examples = make_translator(checkpoints("xlm-roberta"), mlm_weight=0.0, label_smoothing=0.0)
    train(nlp, examples, 60)
    folder = tmp_path_factory.mktemp("trained") / "model"
    nlp.to_disk(folder)
    return folder


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_translate_takes_a_trained_pipeline(pipeline, tmp_path):
    texts = [text for text, _, source, target in PAIRS if (source, target) == ("en", "da")]
    (tmp_path / "en.txt").write_text("\n".join(texts), encoding="utf8")
    result = run(
        "translate",
        tmp_path / "en.txt",
        "--model",
        pipeline,
        "--to",
        "da",
        "--from",
        "en",
        "--output",
        tmp_path / "out",
    )
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (tmp_path / "out" / "da.jsonl").read_text("utf8").splitlines()]
    expected = [translation for _, translation, source, target in PAIRS if (source, target) == ("en", "da")]
    assert [row["text"] for row in rows] == expected


def test_a_language_that_was_not_trained_is_X821(pipeline, tmp_path):
    (tmp_path / "en.txt").write_text(TEXTS[0], encoding="utf8")
    result = run(
        "translate",
        tmp_path / "en.txt",
        "--model",
        pipeline,
        "--to",
        "fi",
        "--from",
        "en",
        "--output",
        tmp_path / "out",
    )
    assert result.exit_code == 1
    assert "X821" in result.output


def test_a_pipeline_without_translator_is_X801(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "model")
    assert is_pipeline(tmp_path / "model")
    with pytest.raises(ValueError, match="X801"):
        load_engine(Model(str(tmp_path / "model")))


def write_parallel(folder):
    folder.mkdir()
    rows = [
        (text, translation) for text, translation, source, target in PAIRS if (source, target) == ("en", "da")
    ]
    (folder / "en-da.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf8")
    return folder


def test_evaluation_gives_sacrebleus_scores_and_how_sure_differences_are(pipeline, checkpoints, tmp_path):
    pytest.importorskip("sacrebleu")
    parallel = write_parallel(tmp_path / "parallel")
    untrained, _, _ = make_translator(checkpoints("xlm-roberta"), mlm_weight=0.0)
    untrained.to_disk(tmp_path / "untrained")
    result = run(
        "evaluate-translation",
        pipeline,
        tmp_path / "untrained",
        parallel,
        "--heldout-share",
        1,
        "--resamples",
        50,
        "--json",
        tmp_path / "scores.json",
    )
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "scores.json").read_text("utf8"))["en-da"]
    assert found["texts"] == 2
    assert "nw:2" in found["signatures"]["chrF++"]
    trained, other = found["systems"].values()
    assert trained["chrF++"]["score"] == pytest.approx(100)
    assert trained["chrF++"]["p"] is None
    assert other["chrF++"]["score"] < 50
    assert 0 < other["chrF++"]["p"] <= 1
    assert "chrF++" in result.output


def test_a_translator_that_cannot_be_loaded_is_missed_before_any_translation(pipeline, tmp_path):
    pytest.importorskip("sacrebleu")
    parallel = write_parallel(tmp_path / "parallel")
    asked = []

    def first(source, target):
        asked.append((source, target))
        return load_engine(Model(str(pipeline)))

    load = {"first": first, "second": lambda source, target: load_engine(Model(str(tmp_path / "none")))}
    corpus = build_translation_pairs_v1(parallel, heldout=True, heldout_share=1.0)
    with pytest.raises(ValueError, match="X301"):
        evaluate_translators(load, corpus)
    assert asked == [("en", "da")]


def test_the_held_out_share_is_that_of_the_training(pipeline, tmp_path):
    config = spacy.util.load_config(pipeline / "config.cfg")
    config["corpora"]["train"] = {"@readers": "spacy-xling.TranslationPairs.v1", "heldout_share": 0.07}
    trained = tmp_path / "trained"
    shutil.copytree(pipeline, trained)
    config.to_disk(trained / "config.cfg")
    names = ["some/checkpoint", str(pipeline), str(trained)]
    assert choose_heldout_share(names, None) == 0.07
    assert choose_heldout_share(names, 0.05) == 0.05
    assert choose_heldout_share(names, 1.0) == 1.0
    assert choose_heldout_share(names[:2], None) == HELDOUT_SHARE
    with pytest.warns(UserWarning, match="W821"):
        assert choose_heldout_share(names, 0.1) == 0.1


def test_nothing_to_evaluate_is_X829(pipeline, tmp_path):
    pytest.importorskip("sacrebleu")
    parallel = write_parallel(tmp_path / "parallel")
    corpus = build_translation_pairs_v1(parallel, heldout=True, heldout_share=0.0)
    with pytest.raises(ValueError, match="X829"):
        evaluate_translators({"trained": lambda source, target: load_engine(Model(str(pipeline)))}, corpus)
