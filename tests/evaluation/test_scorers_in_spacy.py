"""Scores by language against spaCy's own scorer, and in what spaCy trains, prints, packages and evaluates."""

import json
import random
from types import SimpleNamespace

import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.cli.evaluate import evaluate
from spacy.cli.train import train
from spacy.lang.en import English
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import registry
from thinc.api import Config, fix_random_seed
from typer.testing import CliRunner

from spacy_xling.data.languages import set_language
from spacy_xling.evaluation import scorers
from tests.classifiers import BAG_OF_WORDS
from tests.conftest import textcat_config

NAME = "spacy-xling.by_language_scorer.v1"
LANGUAGES = ["en", "da", "de", None]
TRAINED = ["textcat", "textcat_multilabel", "ner", "tagger", "parser", "spancat", "xling_textcat"]
# All others that take a scorer.
FACTORIES = [
    *TRAINED,
    *("attribute_ruler", "beam_ner", "beam_parser", "entity_linker", "entity_ruler", "future_entity_ruler"),
    *("lemmatizer", "morphologizer", "senter", "span_finder", "span_ruler", "spancat_singlelabel"),
    *("trainable_lemmatizer", "xling_textcat_multilabel"),
]


def around(factory, source="en"):
    """The block that goes around a factory's own scorer."""
    default = Language.get_factory_meta(factory).default_config["scorer"]
    return {"@scorers": NAME, "source": source, "scorer": default}


# Against spaCy's own scorer


def random_doc(vocab, draw, language):
    """A text of random words with all kinds of annotation, which mostly follow from the words."""
    words = [draw.choice("abcdefgh") for _ in range(draw.randint(4, 9))]

    def noisy(label, others):
        return draw.choice(others) if draw.random() < 0.3 else label

    tags = [noisy("TU"[word > "d"], "TUV") for word in words]
    deps = ["ROOT", *(noisy("xy"[word > "c"], "xyz") for word in words[1:])]
    heads = [0, *(noisy(n, [n, 0]) for n in range(len(words) - 1))]
    ents = [f"B-{noisy('PER', ['PER', 'LOC'])}" if word < "c" else "O" for word in words]
    doc = Doc(vocab, words=words, tags=tags, heads=heads, deps=deps, ents=ents)
    doc.spans["sc"] = [Span(doc, n, n + 1, noisy("S", "ST")) for n, word in enumerate(words) if word > "e"]
    true = noisy("AB"["a" in words], "ABC")
    doc.cats = {label: float(label == true) for label in "ABC"}
    set_language(doc, language)
    return doc


def predicted_examples(nlp, name, languages=LANGUAGES):
    """Examples by a component that has learnt a little."""
    draw = random.Random(0)
    docs = [random_doc(nlp.vocab, draw, language) for _ in range(24) for language in languages]
    examples = [Example(Doc(nlp.vocab, words=[token.text for token in doc]), doc) for doc in docs]
    fix_random_seed(0)
    seen, examples = examples[: len(docs) // 2], examples[len(docs) // 2 :]
    optimizer = nlp.initialize(lambda: seen)
    optimizer.learn_rate = 0.01
    for _ in range(12):
        nlp.update(seen, sgd=optimizer)
    for example in examples:
        example.predicted = nlp.get_pipe(name)(example.predicted)
    return examples


@pytest.fixture(scope="module", params=TRAINED)
def trained(request, checkpoints):
    """A pipeline of one component with the scorer, and examples with its predictions."""
    settings = {
        "xling_textcat": textcat_config(checkpoints("xlm-roberta")),
        # Actions that are rarer than its default would be left out.
        "parser": {"min_action_freq": 1},
    }
    nlp = spacy.blank("en")
    config = {**settings.get(request.param, {}), "scorer": around(request.param)}
    nlp.add_pipe(request.param, config=config)
    return SimpleNamespace(nlp=nlp, name=request.param, examples=predicted_examples(nlp, request.param))


def own_scores(trained, examples):
    """What spaCy's Scorer gives with the component's default scorer."""
    pipe = trained.nlp.get_pipe(trained.name)
    default = dict(Language.get_factory_meta(trained.name).default_config["scorer"])
    ours, pipe.scorer = pipe.scorer, registry.get("scorers", default.pop("@scorers"))(**default)
    try:
        return Scorer(trained.nlp).score(examples)
    finally:
        pipe.scorer = ours


def test_scores_of_a_language_are_those_of_spacys_scorer_on_its_texts(trained):
    scores = Scorer(trained.nlp).score(trained.examples)
    overall = own_scores(trained, trained.examples)
    by_language = {
        language: own_scores(trained, [eg for eg in trained.examples if eg.reference._.language == language])
        for language in LANGUAGES[:3]
    }
    tokens = [key for key in overall if key.startswith("token_")]
    assert {key: scores[key] for key in overall} == overall
    numbers = [key for key, value in overall.items() if isinstance(value, float) and key not in tokens]
    nested = [key for key, value in overall.items() if isinstance(value, dict)]
    # Neither all right nor all wrong, so that equal scores say something.
    assert any(0 < by_language["da"][key] < 1 for key in numbers)
    for key in numbers:
        for language, expected in by_language.items():
            assert scores[f"{key}_{language}"] == expected[key]
        targets = by_language["da"][key], by_language["de"][key]
        assert scores[f"{key}_targets"] == pytest.approx(sum(targets) / 2)
        assert scores[f"{key}_worst_target"] == min(targets)
        assert scores[f"{key}_gap"] == pytest.approx(by_language["en"][key] - sum(targets) / 2)
    for key in nested:
        assert scores[f"{key}_by_language"] == {lang: found[key] for lang, found in by_language.items()}
    # Nothing else.
    added = {
        f"{key}_{end}" for key in numbers for end in ("en", "da", "de", "targets", "worst_target", "gap")
    }
    added |= {f"{key}_by_language" for key in nested}
    empty = {key for key, value in overall.items() if value is None}
    assert {key for key in scores if not any(key.startswith(name) for name in empty)} == (
        {key for key in overall if key not in empty} | added
    )


def test_the_scorer_is_saved_with_the_pipeline(trained, tmp_path):
    trained.nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.config["components"][trained.name]["scorer"] == around(trained.name)
    assert Scorer(loaded).score(trained.examples) == Scorer(trained.nlp).score(trained.examples)


def test_evaluate_gives_scores_that_json_takes(trained):
    scores = trained.nlp.evaluate(trained.examples)
    assert json.loads(json.dumps(scores)) == scores
    (key,) = {"cats_macro_f", "ents_f", "tag_acc", "dep_las", "spans_sc_f"} & scores.keys()
    assert {f"{key}_da", f"{key}_targets", f"{key}_gap"} <= scores.keys()
    by_component = trained.nlp.evaluate(trained.examples, per_component=True)
    assert by_component[trained.name][f"{key}_da"] == scores[f"{key}_da"]


def test_a_language_without_gold_annotation_is_left_out():
    nlp = spacy.blank("en")
    nlp.add_pipe("ner", config={"scorer": around("ner")})
    examples = predicted_examples(nlp, "ner", ["en", "da", "de"])
    for example in examples:
        if example.reference._.language == "de":
            example.reference.set_ents([], default="missing")
    scores = Scorer(nlp).score(examples)
    assert scores["ents_f_de"] is None
    assert scores["ents_f_targets"] == scores["ents_f_da"] > 0


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_factory_takes_it_from_a_config(factory, monkeypatch):
    monkeypatch.setattr(
        scorers, "score_by_language", lambda scorer, source, examples, **_: {"called": source}
    )
    nlp = spacy.blank("en")
    nlp.add_pipe(factory, config={"scorer": around(factory)})
    again = English.from_config(Config().from_str(nlp.config.to_str()))
    assert again.config["components"][factory]["scorer"] == around(factory)
    assert again.get_pipe(factory).score([]) == {"called": "en"}


# In training

CONFIG = f"""{BAG_OF_WORDS.replace("length = 64", "length = 1024")}
[components.textcat.scorer]
@scorers = "spacy-xling.by_language_scorer.v1"
source = "en"

[components.textcat.scorer.scorer]
@scorers = "spacy.textcat_scorer.v2"

[training.score_weights]
cats_macro_f_targets = 1.0
cats_macro_f_da = 0.0
cats_macro_f_gap = 0.0
cats_f_per_type_by_language = null
cats_score = null
"""
ROWS = [
    ("parcel late", "LATE", "en"),
    ("money back", "REFUND", "en"),
    ("pakken sent", "LATE", "da"),
    ("penge tilbage", "REFUND", "da"),
    ("penge penge", "LATE", "da"),
    ("paket geld", "LATE", "de"),
    ("geld", "REFUND", "de"),
    ("paket geld geld", "REFUND", "de"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run of `spacy train`; `printed` is its table."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.cfg").write_text(CONFIG, encoding="utf-8")
    records = [dict(zip(("text", "label", "lang"), row, strict=True)) for row in ROWS]
    srsly.write_jsonl(folder / "train.jsonl", records)
    command = ["train", folder / "config.cfg", "--output", folder / "output"]
    paths = ["--paths.train", folder / "train.jsonl", "--paths.log", folder / "log.jsonl"]
    filled = CliRunner().invoke(
        app, ["init", "fill-config", str(folder / "config.cfg"), str(folder / "config.cfg")]
    )
    assert filled.exit_code == 0, filled.output
    result = CliRunner().invoke(app, [str(part) for part in (*command, *paths)])
    assert result.exit_code == 0, result.output
    return SimpleNamespace(folder=folder, model=folder / "output" / "model-last", printed=result.output)


def macro_f(nlp, language):
    """spaCy's macro F on the texts of a language, by its own scorer."""
    examples = []
    for text, label, lang in ROWS:
        if lang == language:
            examples.append(Example(nlp(text), nlp.make_doc(text)))
            examples[-1].reference.cats = {label: 1.0}
    labels = nlp.get_pipe("textcat").labels
    return Scorer.score_cats(examples, "cats", labels=labels, multi_label=False)["cats_macro_f"]


def test_the_score_of_training_is_the_mean_of_the_targets(run):
    nlp = spacy.load(run.model)
    english, danish, german = (macro_f(nlp, language) for language in ("en", "da", "de"))
    last = list(srsly.read_jsonl(run.folder / "log.jsonl"))[-1]
    assert 0 < last["score"] < 1
    assert last["score"] == last["scores"]["cats_macro_f_targets"] == pytest.approx((danish + german) / 2)
    assert last["scores"]["cats_macro_f_gap"] == pytest.approx(english - (danish + german) / 2)
    assert danish != german


def test_the_table_of_the_log_has_its_columns(run):
    lines = [line.split() for line in run.printed.splitlines()]
    header = next(line for line in lines if line[:2] == ["E", "#"])
    # A header of several words stands before them.
    row = dict(zip(reversed(header), reversed(lines[lines.index(header) + 2]), strict=False))
    first = next(srsly.read_jsonl(run.folder / "log.jsonl"))
    assert row["CATS_MACRO_F_TARGETS"] == f"{100 * first['score']:.2f}"
    assert row["CATS_MACRO_F_DA"] == f"{100 * first['scores']['cats_macro_f_da']:.2f}"


def test_spacys_own_logger_shows_them_too(run, tmp_path):
    config = Config().from_disk(run.folder / "config.cfg", interpolate=False)
    config["training"]["logger"] = {
        "@loggers": "spacy.ConsoleLogger.v3",
        "output_file": str(tmp_path / "l.jsonl"),
    }
    config.to_disk(tmp_path / "config.cfg")
    train(
        tmp_path / "config.cfg",
        tmp_path / "output",
        overrides={"paths.train": str(run.folder / "train.jsonl")},
    )
    theirs = [row["scores"]["cats_macro_f_targets"] for row in srsly.read_jsonl(tmp_path / "l.jsonl")]
    ours = [100 * row["score"] for row in srsly.read_jsonl(run.folder / "log.jsonl")]
    assert theirs == pytest.approx(ours)


def test_the_saved_pipeline_and_its_package_say_them(run, tmp_path):
    performance = json.loads((run.model / "meta.json").read_text(encoding="utf-8"))["performance"]
    last = list(srsly.read_jsonl(run.folder / "log.jsonl"))[-1]
    assert performance["cats_macro_f_targets"] == pytest.approx(last["score"])
    assert performance["cats_f_per_type_by_language"].keys() == {"en", "da", "de"}
    result = CliRunner().invoke(app, ["package", str(run.model), str(tmp_path), "--build", "none"])
    assert result.exit_code == 0, result.output
    (readme,) = tmp_path.glob("*/README.md")
    assert f"| `CATS_MACRO_F_TARGETS` | {100 * last['score']:.2f} |" in readme.read_text(encoding="utf-8")


def test_spacy_evaluate_writes_them(run, tmp_path):
    nlp = spacy.load(run.model)
    docs = [nlp.make_doc(text) for text, _, _ in ROWS]
    for doc, (_, label, language) in zip(docs, ROWS, strict=True):
        doc.cats = {label: 1.0}
        set_language(doc, language)
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "test.spacy")
    evaluate(str(run.model), tmp_path / "test.spacy", output=tmp_path / "scores.json")
    scores = srsly.read_json(tmp_path / "scores.json")
    assert scores["cats_macro_f_de"] == pytest.approx(macro_f(nlp, "de"))
