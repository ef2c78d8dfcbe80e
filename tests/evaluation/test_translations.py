import sys

import pytest
import spacy
from spacy.training import Example

from spacy_xling.data.doc_translations import set_translation, set_translation_language
from spacy_xling.evaluation.translations import score_translations

FOUND = [
    ("Pakken kom sent.", "Pakken kom for sent.", "en", "da"),
    ("Jeg vil have penge.", "Jeg vil have mine penge tilbage.", "en", "da"),
    ("Das Haus ist alt.", "Das Haus ist sehr alt.", "en", "de"),
]


@pytest.fixture
def nlp():
    return spacy.blank("xx")


def make_example(nlp, found, expected, source, target):
    predicted, reference = nlp.make_doc("text"), nlp.make_doc("text")
    reference._.language = source
    if found is not None:
        set_translation(predicted, found)
    set_translation(reference, expected)
    set_translation_language(reference, target)
    return Example(predicted, reference)


def test_scores_are_sacrebleus_by_pair_and_their_mean(nlp):
    sacrebleu = pytest.importorskip("sacrebleu")
    scores = score_translations(make_example(nlp, *row) for row in FOUND)
    chrf, bleu = {}, {}
    for pair in ("en-da", "en-de"):
        rows = [row for row in FOUND if f"{row[2]}-{row[3]}" == pair]
        hypotheses, references = [row[0] for row in rows], [[row[1] for row in rows]]
        chrf[pair] = sacrebleu.corpus_chrf(hypotheses, references, word_order=2).score / 100
        bleu[pair] = sacrebleu.corpus_bleu(hypotheses, references).score / 100
    assert scores["translation_chrf_per_pair"] == pytest.approx(chrf)
    assert scores["translation_bleu_per_pair"] == pytest.approx(bleu)
    assert scores["translation_chrf"] == pytest.approx(sum(chrf.values()) / 2)
    assert scores["translation_bleu"] == pytest.approx(sum(bleu.values()) / 2)
    assert 0.3 < scores["translation_chrf"] < 1


def test_right_translations_have_1_and_missing_ones_0(nlp):
    pytest.importorskip("sacrebleu")
    right = [make_example(nlp, expected, expected, *pair) for _, expected, *pair in FOUND]
    assert score_translations(right)["translation_chrf"] == pytest.approx(1.0)
    missing = [make_example(nlp, None, expected, *pair) for _, expected, *pair in FOUND]
    assert score_translations(missing)["translation_chrf"] == 0.0


def test_without_expected_translations_there_is_no_score(nlp):
    example = Example(nlp.make_doc("text"), nlp.make_doc("text"))
    scores = score_translations([example])
    assert scores["translation_chrf"] is None
    assert scores["translation_chrf_per_pair"] == {}


def test_chinese_and_japanese_are_not_cut_at_blanks(nlp):
    pytest.importorskip("sacrebleu")
    for target, expected in (("zh-Hans", "我想要我的钱回来了"), ("ja", "私はお金を返してほしい")):
        found = f"{expected[:-1]}x"
        scores = score_translations([make_example(nlp, found, expected, "en", target)])
        assert scores["translation_bleu"] > 0.5
    # A hyphen in the code of the source doesn't hide the target.
    scores = score_translations([make_example(nlp, "我想要我的钱回来x", "我想要我的钱回来了", "pt-BR", "zh")])
    assert scores["translation_bleu"] > 0.5


def test_without_sacrebleu_the_extra_is_named(nlp, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(ImportError, match="X826"):
        score_translations([make_example(nlp, *FOUND[0])])
