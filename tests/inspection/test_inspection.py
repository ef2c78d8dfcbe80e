import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity
from transformers import AutoModelForMaskedLM, AutoTokenizer

from spacy_xling.inspection.distance import median_distance, squared_mmd
from spacy_xling.inspection.inspection import inspect_encoder, masked_lm_loss
from spacy_xling.inspection.sentence_vectors import sentence_vectors
from spacy_xling.models.checkpoint import load_encoder
from spacy_xling.pieces.masking import build_whole_word_masking_v1, masking_vocabulary
from spacy_xling.pieces.windows import split_windows
from tests.conftest import TEXTS, write_raw

LONG = " ".join(TEXTS[4:6] * 4)
BY_LANGUAGE = {
    "da": [*TEXTS[4:6], LONG],
    "de": [*TEXTS[2:4], " ".join(TEXTS[1:4])],
    "en": [*TEXTS[:2], "The box was late."],
    # No piece of the tiny tokenizers.
    "zh": ["我的包裹迟到了。", "盒子 坏了"],
}
PAIRS = [(TEXTS[0], TEXTS[4]), (TEXTS[1], TEXTS[5]), ("The box", "æsken"), (TEXTS[1], "en anden")]


@pytest.fixture
def texts(tmp_path):
    return write_raw(tmp_path / "raw", BY_LANGUAGE)


@pytest.fixture
def parallel(tmp_path):
    folder = tmp_path / "parallel"
    folder.mkdir()
    rows = "".join(f"{first}\t{second}\n" for first, second in PAIRS)
    (folder / "en-da.tsv").write_text(rows, encoding="utf-8")
    (folder / "en-fi.tsv").write_text("The box\tlaatikko\n", encoding="utf-8")
    return folder


def by_language(inspection):
    return {report.language: report for report in inspection.languages}


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert"])
def test_pieces_are_those_of_the_tokenizer(checkpoints, texts, family):
    name = str(checkpoints(family))
    tokenizer = AutoTokenizer.from_pretrained(name)
    reports = by_language(inspect_encoder(name, texts))
    for language, lines in BY_LANGUAGE.items():
        ids = [tokenizer(line, add_special_tokens=False, truncation=False).input_ids for line in lines]
        pieces = [piece for line in ids for piece in line]
        report = reports[language]
        assert report.texts == len(lines)
        assert report.pieces_per_word == pytest.approx(len(pieces) / len(" ".join(lines).split()))
        assert report.pieces_per_character == pytest.approx(
            len(pieces) / len("".join(lines).replace(" ", ""))
        )
        assert report.unknown_share == pytest.approx(pieces.count(tokenizer.unk_token_id) / len(pieces))
        long = [line for line in ids if len(line) + 2 > tokenizer.model_max_length]
        assert report.long_share == pytest.approx(len(long) / len(lines))
    # What the comparison rests on: texts of many windows and of two; unknown pieces, if not of bytes.
    assert reports["da"].long_share == reports["de"].long_share == pytest.approx(1 / 3)
    assert (reports["zh"].unknown_share > 0.3) == (family != "modernbert")
    assert reports["en"].unknown_share == 0


def test_the_loss_is_the_mean_over_targets_of_full_logits(checkpoints, family):
    encoder = load_encoder(str(checkpoints(family)))
    model = AutoModelForMaskedLM.from_pretrained(checkpoints(family)).eval()
    pieces = split_windows(encoder.tokenizer.backend_tokenizer, [*TEXTS, LONG])
    vocabulary = masking_vocabulary(encoder.tokenizer)
    masked = build_whole_word_masking_v1()(pieces, vocabulary, np.random.default_rng(3))
    total = 0.0
    for start, length in zip(pieces.starts, pieces.lengths, strict=True):
        window = torch.tensor(masked.pieces.ids[start : start + length])
        with torch.no_grad():
            scores = model(window.unsqueeze(0)).logits[0].log_softmax(dim=-1)
        for position, target in zip(masked.positions, masked.targets, strict=True):
            if start <= position < start + length:
                total -= float(scores[position - start, target])
    loss, targets = masked_lm_loss(encoder, pieces, seed=3, pass_pieces=200)
    assert targets == len(masked.targets) > 10
    assert loss == pytest.approx(total / targets, rel=1e-4)


def test_the_loss_of_each_language_is_its_own(checkpoint, texts):
    encoder = load_encoder(str(checkpoint))
    reports = by_language(inspect_encoder(str(checkpoint), texts, seed=4))
    for language in ("da", "en"):
        pieces = split_windows(encoder.tokenizer.backend_tokenizer, BY_LANGUAGE[language])
        loss, targets = masked_lm_loss(encoder, pieces, seed=4)
        assert (reports[language].mlm_loss, reports[language].mlm_targets) == (pytest.approx(loss), targets)


def test_there_is_no_loss_where_every_piece_is_unknown(checkpoints):
    encoder = load_encoder(str(checkpoints("bert")))
    pieces = split_windows(encoder.tokenizer.backend_tokenizer, ["包裹", "盒子"])
    assert masked_lm_loss(encoder, pieces) == (None, 0)


@pytest.mark.parametrize(("layer", "used"), [(0, 0), (None, 1), (2, 2)])
def test_closeness_is_that_of_the_layers_vectors(checkpoint, texts, parallel, layer, used):
    encoder = load_encoder(str(checkpoint))

    def vectors(lines):
        return sentence_vectors(encoder, lines, layer=used)

    inspection = inspect_encoder(str(checkpoint), texts, parallel=parallel, layer=layer)
    reports = by_language(inspection)
    assert inspection.layer == used
    source = vectors(BY_LANGUAGE["en"])
    for language in ("da", "de", "zh"):
        expected = squared_mmd(source, vectors(BY_LANGUAGE[language]), bandwidth=median_distance(source))
        assert reports[language].distance == pytest.approx(expected, abs=1e-6)
    # The last pair's first text is that of another pair.
    firsts, seconds = zip(*PAIRS[:3], strict=True)
    nearest = cosine_similarity(vectors(firsts), vectors(seconds)).argmax(axis=1)
    assert reports["da"].pairs == 3
    assert reports["da"].retrieval == pytest.approx((nearest == np.arange(3)).mean())


def test_the_source_comes_first_and_has_no_distance(checkpoint, texts):
    inspection = inspect_encoder(str(checkpoint), texts, source="de")
    assert [report.language for report in inspection.languages] == ["de", "da", "en", "zh"]
    assert [report.distance is None for report in inspection.languages] == [True, False, False, False]


def test_without_parallel_text_there_is_no_retrieval(checkpoint, texts, parallel):
    reports = inspect_encoder(str(checkpoint), texts).languages
    assert {(report.retrieval, report.pairs) for report in reports} == {(None, 0)}
    reports = inspect_encoder(str(checkpoint), texts, parallel=parallel).languages
    assert [report.language for report in reports if report.retrieval is not None] == ["da"]


def test_the_limit_holds_for_texts_and_pairs(checkpoint, texts, parallel):
    inspection = inspect_encoder(str(checkpoint), texts, parallel=parallel, limit=2)
    assert {report.texts for report in inspection.languages} == {2}
    assert by_language(inspection)["da"].pairs == 2


def test_the_seed_decides(checkpoint, texts):
    first, again, other = (inspect_encoder(str(checkpoint), texts, seed=seed) for seed in (1, 1, 2))
    assert asdict(first) == asdict(again)
    assert asdict(first)["languages"] != asdict(other)["languages"]


def test_the_numbers_are_plain_json(checkpoint, texts, parallel):
    inspection = asdict(inspect_encoder(str(checkpoint), texts, parallel=parallel))
    assert json.loads(json.dumps(inspection, allow_nan=False)) == inspection


def test_a_source_without_texts_is_an_error(checkpoint, texts):
    with pytest.raises(ValueError, match=r"\[X730\].*da, de, en, zh.*'fr'"):
        inspect_encoder(str(checkpoint), texts, source="fr")


def test_a_layer_out_of_range_is_an_error(checkpoint, texts):
    with pytest.raises(ValueError, match=r"\[X731\]"):
        inspect_encoder(str(checkpoint), texts, layer=3)


def test_a_language_with_one_text_is_an_error(checkpoint, texts):
    (texts / "fr.txt").write_text("Le colis\n\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"\[X732\].*1 text.*'fr'"):
        inspect_encoder(str(checkpoint), texts)


def test_pairs_of_which_all_but_one_are_the_same_are_an_error(checkpoint, texts, parallel):
    (parallel / "en-de.tsv").write_text("The box\tder Karton\nThe box\tdie Kiste\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"\[X733\].*1 pair.*'en-de'"):
        inspect_encoder(str(checkpoint), texts, parallel=parallel)


def test_parallel_text_of_other_languages_is_an_error(checkpoint, texts, parallel):
    (parallel / "en-da.tsv").unlink()
    with pytest.raises(ValueError, match=r"\[X735\].*en-fi.*'en-LANG.tsv'.*da, de, zh"):
        inspect_encoder(str(checkpoint), texts, parallel=parallel)
