import json

import pytest

from spacy_xling.dictionaries.dictionary import Dictionaries, Dictionary
from spacy_xling.dictionaries.words import find_words
from spacy_xling.switching.code_switching import CodeSwitcher, Replacement, build_code_switching_v1
from spacy_xling.switching.previewing import PreviewWord, preview_switching

DICTIONARIES = Dictionaries(
    [Dictionary("en", "da", {"parcel": {"pakke": 1.0}, "money back": {"penge tilbage": 1.0}})]
)
ALWAYS = build_code_switching_v1(1.0)


def write_labelled(path, *texts, lang="en"):
    records = [{"text": text, "label": "A", "lang": lang} for text in texts]
    with path.open("a", encoding="utf-8") as handle:
        handle.writelines(f"{json.dumps(record)}\n" for record in records)
    return path


def test_a_preview_has_the_text_before_and_now_and_its_words(tmp_path):
    path = write_labelled(tmp_path / "texts.jsonl", "Parcel, Money  back: now!")
    (preview,) = preview_switching(path, DICTIONARIES, ALWAYS)
    assert preview.before == "Parcel, Money  back: now!"
    assert preview.now == "Pakke, penge tilbage: now!"
    assert preview.words == [
        PreviewWord("Parcel", Replacement(0, 1, "pakke", "da")),
        PreviewWord("Money  back", Replacement(1, 2, "penge tilbage", "da")),
        PreviewWord("now", None),
    ]


def test_a_text_that_was_not_drawn_is_shown_as_it_is(tmp_path):
    path = write_labelled(tmp_path / "texts.jsonl", "My parcel!")
    (preview,) = preview_switching(path, DICTIONARIES, build_code_switching_v1(0.0))
    assert preview.now == preview.before == "My parcel!"
    assert preview.words == [PreviewWord("My", None), PreviewWord("parcel", None)]


def test_the_sample_is_of_texts_that_have_a_dictionary(tmp_path):
    path = write_labelled(tmp_path / "texts.jsonl", *(f"parcel {n}" for n in range(20)))
    write_labelled(path, *(f"pakke {n}" for n in range(200)), lang="da")
    write_labelled(path, *(f"parcel of unknown {n}" for n in range(200)), lang=None)
    texts = [preview.before for preview in preview_switching(path, DICTIONARIES, ALWAYS, n=7)]
    assert len(set(texts)) == 7
    assert all(text.removeprefix("parcel ").isdigit() for text in texts)
    assert len(preview_switching(path, DICTIONARIES, ALWAYS, n=99)) == 20


def test_the_seed_gives_sample_and_draws(tmp_path):
    path = write_labelled(tmp_path / "texts.jsonl", *(f"parcel {n} parcel parcel" for n in range(30)))
    one, same, other = (
        preview_switching(path, DICTIONARIES, build_code_switching_v1(0.5, 0.5, seed=seed))
        for seed in (3, 3, 4)
    )
    assert one == same != other
    assert [preview.before for preview in one] != [preview.before for preview in other]


def test_texts_are_switched_as_in_training(tmp_path):
    texts = [f"The parcel {n}, money back." for n in range(6)]
    path = write_labelled(tmp_path / "texts.jsonl", *texts)
    settings = build_code_switching_v1(0.6, 0.5, seed=2)
    previews = preview_switching(path, DICTIONARIES, settings, n=6)
    switcher = CodeSwitcher(settings, DICTIONARIES)
    for preview in previews:
        switched = switcher.switch(preview.before, "en")
        assert preview.now == switched.text
        replacements = [word.replacement for word in preview.words if word.replacement is not None]
        assert replacements == list(switched.replacements)
        shown = " ".join(word.text for word in preview.words)
        assert shown == " ".join(word.text for word in find_words(preview.before))


@pytest.mark.parametrize("lang", ["da", None])
def test_texts_of_other_languages_only_are_X159(tmp_path, lang):
    path = write_labelled(tmp_path / "texts.jsonl", "Pakken", lang=lang)
    with pytest.raises(ValueError, match=rf"X159.*texts\.jsonl.* in {lang or '-'}, .* words of en;"):
        preview_switching(path, DICTIONARIES, ALWAYS)
