import json

import pytest
import spacy
from spacy.tokens import DocBin, Span
from transformers import AutoTokenizer

from spacy_xling.configs.choices import advise
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.data.languages import set_language
from tests.conftest import SHAPE, TEXTS, write_raw


@pytest.fixture
def raw(tmp_path):
    return write_raw(tmp_path / "raw", {"en": TEXTS[:2], "da": TEXTS[4:6] * 10})


def labelled(path, labels=("a", "b"), lang="en"):
    records = [{"text": text, "label": label, "lang": lang} for text in TEXTS for label in labels]
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return build_labelled_text_v1(path)


def test_raw_text_centres_and_is_learnt_from_where_that_is_asked_for(tmp_path, raw, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    labelled(tmp_path / "dev.jsonl")
    advice = advise(corpus, dev=tmp_path / "dev.jsonl", unlabelled=raw, encoder=str(checkpoint))
    choices = advice.choices
    assert (choices.mode, choices.centring, choices.unlabelled) == ("baseline", True, str(raw))
    assert (choices.train, choices.dev) == (str(corpus.path), str(tmp_path / "dev.jsonl"))
    assert choices.component == "xling_textcat"
    assert advice.warnings == []
    assert ("centring", "true", "raw text of da, which no labelled text is in") in advice.reasons
    joint = advise(corpus, unlabelled=raw, encoder=str(checkpoint), mode="joint").choices
    assert (joint.mode, joint.centring) == ("joint", True)
    plain = advise(corpus, encoder=str(checkpoint)).choices
    assert (plain.mode, plain.centring) == ("baseline", False)
    asked = advise(corpus, unlabelled=raw, encoder=str(checkpoint), mode="baseline")
    assert (asked.choices.mode, asked.reasons[1][2]) == ("baseline", "as you asked")


@pytest.mark.parametrize("raw_text", [{"en": TEXTS * 9}, {"da": TEXTS * 2}])
def test_nothing_is_centred_without_enough_text_of_a_target(raw_text, tmp_path, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    raw = write_raw(tmp_path / "raw", raw_text)
    assert not advise(corpus, unlabelled=raw, encoder=str(checkpoint)).choices.centring


def test_scores_of_any_number_of_labels_are_not_centred(tmp_path, raw, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    assert not advise(corpus, unlabelled=raw, encoder=str(checkpoint), multilabel=True).choices.centring


def test_nothing_is_centred_where_the_language_of_labelled_texts_is_not_known(tmp_path, raw, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl", lang=None)
    assert not advise(corpus, unlabelled=raw, encoder=str(checkpoint)).choices.centring


def write_dictionary(folder, name="en-da.tsv", words=("parcel", "money", "late")):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(f"{word}\t{word}et\n" for word in words), encoding="utf-8")
    return folder


def test_dictionaries_make_it_code_switching_and_are_named_in_their_order(tmp_path, raw, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    terms, induced = write_dictionary(tmp_path / "terms", words=("box",)), write_dictionary(tmp_path / "made")
    advice = advise(corpus, unlabelled=raw, dictionaries=[terms, induced], encoder=str(checkpoint))
    choices = advice.choices
    assert (choices.mode, choices.code_switching) == ("code_switching", True)
    assert choices.dictionaries == [str(terms), str(induced)]
    words = [word.strip(".,").lower() for text in TEXTS for word in text.split()]
    share = sum(word in ("parcel", "money", "late", "box") for word in words) / len(words)
    assert ("dictionary en-da", "4 entries", f"{100 * share:.0f} % of the words of the labelled text") in [
        tuple(reason) for reason in advice.reasons
    ]
    (reason,) = [why for name, _, why in advice.reasons if name == "mode"]
    assert reason == "dictionaries for da; measured as no worse without the masked-LM term"
    assert choices.centring


def test_dictionaries_are_made_once_all_else_was_looked_at(tmp_path, raw, checkpoint):
    corpus, made = labelled(tmp_path / "train.jsonl"), []

    def make():
        made.append(write_dictionary(tmp_path / "made"))
        return made[-1]

    given = {"unlabelled": raw, "make_dictionaries": make}
    with pytest.raises(FileNotFoundError):
        advise(corpus, dev=tmp_path / "no.jsonl", encoder=str(checkpoint), **given)
    with pytest.raises(ValueError, match="X301"):
        advise(corpus, encoder=str(tmp_path), **given)
    assert advise(corpus, encoder=str(checkpoint), mode="baseline", **given).choices.dictionaries is None
    assert made == []
    choices = advise(corpus, encoder=str(checkpoint), dictionaries=[tmp_path / "made"], **given).choices
    assert choices.dictionaries == [str(tmp_path / "made")] * 2
    assert len(made) == 1


def test_what_was_asked_for_comes_before_dictionaries(tmp_path, raw, checkpoint):
    corpus, folder = labelled(tmp_path / "train.jsonl"), write_dictionary(tmp_path / "made")
    found = {
        mode: advise(
            corpus, unlabelled=raw, dictionaries=[folder], encoder=str(checkpoint), mode=mode
        ).choices
        for mode in ("joint", "shared", "baseline")
    }
    assert {mode: choices.mode for mode, choices in found.items()} == {mode: mode for mode in found}
    assert {mode: choices.code_switching for mode, choices in found.items()} == {
        "joint": True,
        "shared": True,
        "baseline": False,
    }


def test_code_switching_without_dictionaries_is_an_error(tmp_path, raw, checkpoint):
    with pytest.raises(ValueError, match=r"\[X743\]"):
        advise(
            labelled(tmp_path / "train.jsonl"), unlabelled=raw, encoder=str(checkpoint), mode="code_switching"
        )


def test_dictionaries_that_switch_nothing_and_languages_without_one_are_warned_of(tmp_path, raw, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    folder = write_dictionary(tmp_path / "made", "fr-it.tsv")
    advice = advise(corpus, unlabelled=raw, dictionaries=[folder], encoder=str(checkpoint))
    assert advice.warnings[-2:] == [
        "The dictionaries are of words of fr, and no labelled text is: nothing will be switched.",
        "No dictionary for da, en: code-switching hardly helps these.",
    ]


def write_translated(folder, languages=("da", "de"), texts=TEXTS):
    """The texts in translation, as files by language."""
    folder.mkdir(exist_ok=True)
    for language in languages:
        records = [
            {"text": f"{text} ({language})", "lang": language, "source_text": text, "source_lang": "en"}
            for text in texts
        ]
        (folder / f"{language}.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return folder


def test_translations_make_it_translate_train_and_are_named_with_their_share(tmp_path, raw, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    folder = write_translated(tmp_path / "translated", ("da",))
    write_translated(folder, ("de",), TEXTS[:6])
    advice = advise(corpus, unlabelled=raw, translations=folder, encoder=str(checkpoint))
    choices = advice.choices
    assert (choices.mode, choices.translated_texts, choices.code_switching) == (
        "translate_train",
        True,
        False,
    )
    assert choices.translations == str(folder)
    assert choices.centring
    assert ("translations da", "9 texts", "of 100 % of the labelled texts") in advice.reasons
    assert ("translations de", "6 texts", "of 67 % of the labelled texts") in advice.reasons
    assert advice.reasons[1][2] == "translations into da, de"


def test_dictionaries_are_used_beside_translations_or_in_their_place_on_request(tmp_path, raw, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    given = {
        "unlabelled": raw,
        "translations": write_translated(tmp_path / "translated"),
        "dictionaries": [write_dictionary(tmp_path / "made")],
        "encoder": str(checkpoint),
    }
    modes = (None, "translate_train", "joint", "code_switching", "baseline", "shared")
    found = {mode: advise(corpus, mode=mode, **given) for mode in modes}
    used = {
        mode: (advice.choices.translated_texts, advice.choices.code_switching)
        for mode, advice in found.items()
    }
    both, words = (True, True), (False, True)
    assert used == {
        **dict.fromkeys((None, "translate_train", "joint"), both),
        **dict.fromkeys(("code_switching", "shared"), words),
        "baseline": (False, False),
    }
    assert found[None].choices.mode == "translate_train"
    said = {
        mode: any("uses no translations" in text for text in advice.warnings)
        for mode, advice in found.items()
    }
    assert [mode for mode, is_said in said.items() if is_said] == ["code_switching", "shared"]


def test_translate_train_without_translations_is_an_error(tmp_path, checkpoint):
    with pytest.raises(ValueError, match=r"\[X749\]"):
        advise(labelled(tmp_path / "train.jsonl"), encoder=str(checkpoint), mode="translate_train")


def test_translations_of_few_labelled_texts_are_warned_of(tmp_path, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    folder = write_translated(tmp_path / "translated", ("da",))
    write_translated(folder, ("de",), TEXTS[:4])
    advice = advise(corpus, dev=corpus.path, translations=folder, encoder=str(checkpoint))
    (warning,) = advice.warnings
    assert warning.startswith("Less than half of the labelled texts have a translation into de:")


def test_texts_with_any_number_of_labels_are_translated_on_request_alone(tmp_path, checkpoint):
    records = [{"text": text, "labels": ["a", "b"], "label_set": ["a", "b"], "lang": "en"} for text in TEXTS]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    corpus = build_labelled_text_v1(tmp_path / "train.jsonl")
    folder = write_translated(tmp_path / "translated")
    advice = advise(corpus, translations=folder, encoder=str(checkpoint))
    assert (advice.choices.mode, advice.choices.translations) == ("baseline", None)
    (reason,) = [reason for setting, _, reason in advice.reasons if setting == "mode"]
    assert "translations were not measured" in reason
    assert "(--mode translate_train)" in reason
    asked = advise(corpus, translations=folder, encoder=str(checkpoint), mode="translate_train")
    assert asked.choices.translations == str(folder)


def test_a_switched_or_translated_text_is_seen_twice_as_often(tmp_path, checkpoint):
    texts = TEXTS * 1000
    records = [{"text": text, "label": "ab"[n % 2], "lang": "en"} for n, text in enumerate(texts)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    corpus = build_labelled_text_v1(tmp_path / "train.jsonl")
    given = (
        {},
        {"dictionaries": [write_dictionary(tmp_path / "made")]},
        {"translations": write_translated(tmp_path / "translated")},
    )
    steps = [advise(corpus, encoder=str(checkpoint), **found).choices.max_steps for found in given]
    assert steps[1:] == pytest.approx([2 * steps[0]] * 2, abs=10)


def test_texts_with_any_number_of_labels_are_switched_on_request_alone(tmp_path, checkpoint):
    records = [{"text": text, "labels": ["a", "b"], "label_set": ["a", "b"], "lang": "en"} for text in TEXTS]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    corpus = build_labelled_text_v1(tmp_path / "train.jsonl")
    found = [write_dictionary(tmp_path / "made")]
    advice = advise(corpus, dictionaries=found, encoder=str(checkpoint))
    assert (advice.choices.mode, advice.choices.dictionaries) == ("baseline", None)
    (reason,) = [reason for setting, _, reason in advice.reasons if setting == "mode"]
    assert "any number of labels (--mode code_switching)" in reason
    asked = advise(corpus, dictionaries=found, encoder=str(checkpoint), mode="code_switching")
    assert asked.choices.dictionaries == [str(found[0])]


def test_steps_are_ten_times_the_labelled_text_in_batches(tmp_path, checkpoint):
    texts = TEXTS * 3000
    records = [{"text": text, "label": "ab"[n % 2]} for n, text in enumerate(texts)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    pieces = sum(len(ids) for ids in tokenizer(TEXTS).input_ids) * 3000
    choices = advise(build_labelled_text_v1(tmp_path / "train.jsonl"), encoder=str(checkpoint)).choices
    assert choices.max_steps == pytest.approx(10 * pieces / 2048, abs=5)
    assert choices.eval_frequency == choices.max_steps // 10


def test_little_text_has_the_fewest_steps_and_a_narrow_encoder_the_highest_rate(tmp_path, checkpoint):
    choices = advise(labelled(tmp_path / "train.jsonl"), encoder=str(checkpoint)).choices
    assert choices.max_steps == 300
    assert SHAPE["hidden_size"] <= 256
    assert choices.learn_rate == 3e-4


def test_texts_with_several_labels_make_it_multilabel(tmp_path, checkpoint):
    records = [{"text": text, "labels": ["a", "b"], "label_set": ["a", "b"]} for text in TEXTS]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    corpus = build_labelled_text_v1(tmp_path / "train.jsonl")
    assert advise(corpus, encoder=str(checkpoint)).choices.component == "xling_textcat_multilabel"
    with pytest.raises(ValueError, match="X741"):
        advise(corpus, encoder=str(checkpoint), multilabel=False)


def test_warnings_name_what_is_missing_or_uneven(tmp_path, checkpoint):
    records = [{"text": f"{text} {n}", "label": "a"} for text in TEXTS for n in range(10)]
    (tmp_path / "train.jsonl").write_text(
        "\n".join(map(json.dumps, [*records, {"text": "x", "label": "rare"}])), encoding="utf-8"
    )
    advice = advise(build_labelled_text_v1(tmp_path / "train.jsonl"), encoder=str(checkpoint))
    assert [text.split()[0] for text in advice.warnings] == ["No", "The", "Labels"]
    assert "rare" in advice.warnings[2]


def test_raw_text_of_the_source_alone_is_a_warning(tmp_path, raw, checkpoint):
    corpus = labelled(tmp_path / "train.jsonl")
    advice = advise(corpus, dev=corpus.path, unlabelled=raw, encoder=str(checkpoint), languages=["en"])
    assert advice.choices.languages == ["en"]
    (warning,) = advice.warnings
    assert warning.startswith("All raw text is in en, as the labels are")


def test_one_label_is_X740(tmp_path, checkpoint):
    with pytest.raises(ValueError, match=r"X740.*labels: a;"):
        advise(labelled(tmp_path / "train.jsonl", labels=("a",)), encoder=str(checkpoint))


def test_a_dev_that_is_not_there_is_X106(tmp_path, checkpoint):
    with pytest.raises(FileNotFoundError, match=r"X106.*none\.spacy"):
        advise(labelled(tmp_path / "train.jsonl"), dev=tmp_path / "none.spacy", encoder=str(checkpoint))


@pytest.mark.parametrize("mode", ["joint", "shared"])
def test_a_masked_lm_term_without_raw_text_is_X742(mode, tmp_path, checkpoint):
    with pytest.raises(ValueError, match=f"X742.*{mode.capitalize()} training"):
        advise(labelled(tmp_path / "train.jsonl"), encoder=str(checkpoint), mode=mode)


def with_entities(path, cats=({"a": 1.0}, {"b": 1.0}), languages=("en",)):
    """Each text of TEXTS with the categories in turn, the languages in turn, and its first word an entity."""
    nlp = spacy.blank("xx")
    docs = [nlp.make_doc(text) for text in TEXTS]
    for n, doc in enumerate(docs):
        doc.cats = dict(cats[n % len(cats)])
        doc.ents = [Span(doc, 0, 1, label="THING")]
        set_language(doc, languages[n % len(languages)])
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return build_labelled_text_v1(path)


def advise_shared(corpus, raw, checkpoint, **settings):
    return advise(corpus, dev=corpus.path, unlabelled=raw, encoder=str(checkpoint), mode="shared", **settings)


def test_a_shared_transformer_has_ner_where_there_are_entities(tmp_path, raw, checkpoint):
    advice = advise_shared(with_entities(tmp_path / "train.spacy"), raw, checkpoint)
    assert advice.choices.pipeline == ["transformer", "xling_mlm", "textcat", "ner"]
    assert advice.reasons[0] == (
        "component",
        "transformer, xling_mlm, textcat, ner",
        "2 labels; each text has one label; 9 entities (THING)",
    )
    assert advice.reasons[1][2] == "as you asked; raw text of da, en"
    assert advice.reasons[2] == ("source", "en", "the language of the labelled text")
    assert advice.warnings == []
    labels_alone = advise_shared(labelled(tmp_path / "train.jsonl"), raw, checkpoint)
    assert labels_alone.choices.pipeline == ["transformer", "xling_mlm", "textcat"]
    assert labels_alone.reasons[0][2] == "2 labels; each text has one label; no entities"


def test_entities_without_labels_are_enough_for_a_shared_transformer(tmp_path, raw, checkpoint):
    corpus = with_entities(tmp_path / "train.spacy", cats=({},))
    advice = advise_shared(corpus, raw, checkpoint)
    assert advice.choices.pipeline == ["transformer", "xling_mlm", "ner"]
    assert advice.reasons[0][2] == "9 entities (THING)"
    assert "the 9 labelled texts" in advice.reasons[5][2]
    assert advice.warnings == []
    with pytest.raises(ValueError, match="X740"):
        advise(corpus, unlabelled=raw, encoder=str(checkpoint))


def test_several_labels_make_a_shared_classifier_multilabel(tmp_path, raw, checkpoint):
    corpus = with_entities(tmp_path / "train.spacy", cats=({"a": 1.0, "b": 1.0}, {"a": 0.0, "b": 1.0}))
    choices = advise_shared(corpus, raw, checkpoint).choices
    assert choices.pipeline == ["transformer", "xling_mlm", "textcat_multilabel", "ner"]


def test_the_source_is_the_language_with_the_most_labelled_texts(tmp_path, raw, checkpoint):
    corpus = with_entities(tmp_path / "train.spacy", languages=("da", "de", "da", None))
    advice = advise_shared(corpus, raw, checkpoint)
    assert advice.choices.source == "da"
    assert advice.reasons[2][2] == "most frequent of da, de"
    unknown = advise_shared(with_entities(tmp_path / "unknown.spacy", languages=(None,)), raw, checkpoint)
    assert unknown.reasons[2][1:] == ("en", "a guess: the labelled text doesn't say its language")
    assert unknown.warnings[0].startswith("The labelled text doesn't say its language")


def test_texts_without_a_label_are_a_warning_where_spacys_textcat_learns_from_them(tmp_path, raw, checkpoint):
    corpus = with_entities(tmp_path / "train.spacy", cats=({"a": 1.0}, {"b": 1.0}, {}))
    (warning,) = advise_shared(corpus, raw, checkpoint).warnings
    assert warning.startswith("3 texts have no label")
    assert advise_shared(corpus, raw, checkpoint, multilabel=True).warnings == []


def test_entities_that_nothing_learns_from_are_a_warning(tmp_path, raw, checkpoint):
    corpus = with_entities(tmp_path / "train.spacy")
    (warning,) = advise(corpus, dev=corpus.path, unlabelled=raw, encoder=str(checkpoint)).warnings
    assert "--mode shared" in warning


def test_a_language_that_is_not_there_is_X130(tmp_path, raw, checkpoint):
    with pytest.raises(ValueError, match=r"X130.*'fi'"):
        advise(labelled(tmp_path / "train.jsonl"), unlabelled=raw, encoder=str(checkpoint), languages=["fi"])


def test_an_encoder_that_is_not_there_is_X301(tmp_path):
    with pytest.raises(ValueError, match="X301"):
        advise(labelled(tmp_path / "train.jsonl"), encoder=str(tmp_path / "nothing"))
