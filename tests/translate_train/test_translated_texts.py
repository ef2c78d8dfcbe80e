import json
import math
from collections import Counter

import numpy as np
import pytest

from spacy_xling.translate_train.translated_texts import TranslationSampler, build_translated_texts_v1
from spacy_xling.translate_train.translations import TextPairs, Translations

N = 10_000
DANISH = TextPairs("en", "da", {text: f"{text}-da" for text in "abcdefgh"})
TURKISH = TextPairs("en", "tr", {"a": "a-tr", "b": "b-tr"})
ONE, BOTH = Translations([DANISH]), Translations([DANISH, TURKISH])


def sampler(translations=BOTH, **settings):
    return TranslationSampler(build_translated_texts_v1(**settings), translations)


def visits(found, text, n=N, language="en"):
    """How often each text was learnt from."""
    drawn = (found.draw(text, language) for _ in range(n))
    return Counter(text if translation is None else translation.text for translation in drawn)


def assert_share(hits, trials, share):
    """Within four standard errors of a binomial draw."""
    assert abs(hits - trials * share) <= 4 * math.sqrt(trials * share * (1 - share)) + 1e-9


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("translations", [ONE, BOTH])
def test_share_is_that_of_the_visits_at_which_a_translation_is_taken(share, translations):
    found = visits(sampler(translations, share=share), "a")
    assert_share(N - found["a"], N, share)


@pytest.mark.parametrize(("text", "languages"), [("a", 3), ("c", 2)])
def test_without_a_share_each_language_of_a_text_is_met_as_often(text, languages):
    found = visits(sampler(), text)
    assert len(found) == languages
    for count in found.values():
        assert_share(count, N, 1 / languages)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_alpha_balances_the_languages_by_the_texts_that_they_have(alpha):
    found = visits(sampler(share=1.0, alpha=alpha), "a")
    assert set(found) == {"a-da", "a-tr"}
    assert_share(found["a-da"], N, 8**alpha / (8**alpha + 2**alpha))


def test_a_text_without_translations_stays_and_takes_no_draw():
    found, other = sampler(seed=5), sampler(seed=5)
    assert found.draw("x", "en") is None
    assert found.draw("a", "da") is None
    assert found.draw("a", "tr") is None
    assert [found.draw("a", "en") for _ in range(50)] == [other.draw("a", "en") for _ in range(50)]


def test_a_seed_gives_a_sequence_by_two_numbers_a_visit():
    found = sampler(seed=7)
    drawn = [found.draw("a", "en") for _ in range(100)]
    for translation, (whether, which) in zip(drawn, np.random.default_rng(7).random((100, 2)), strict=True):
        expected = None if whether >= 2 / 3 else ("da", "a-da") if which < 1 / 2 else ("tr", "a-tr")
        assert translation == expected
    assert [sampler(seed=8).draw("a", "en") for _ in range(100)] != drawn


def test_a_restored_sampler_goes_on_where_it_was_saved():
    found = sampler(seed=3)
    visits(found, "a", 10)
    state = json.loads(json.dumps(found.state_dict()))
    other = sampler(seed=4)
    other.load_state_dict(state)
    assert [found.draw("a", "en") for _ in range(50)] == [other.draw("a", "en") for _ in range(50)]


@pytest.mark.parametrize(
    ("translations", "changed"),
    [
        (ONE, "en-tr"),
        (Translations([DANISH, TextPairs("en", "tr", {"a": "a-tr", "b": "b"})]), "en-tr"),
        (Translations([DANISH, TURKISH, TextPairs("en", "de", {"a": "a-de"})]), "en-de"),
    ],
)
def test_a_state_of_other_translations_is_X209(translations, changed):
    with pytest.raises(ValueError, match=rf"X209\] The translations aren't .*: {changed}\."):
        sampler(translations).load_state_dict(sampler().state_dict())


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_out_of_range_is_X208(share):
    with pytest.raises(ValueError, match=rf"X208\] Found share = {share} for translated texts"):
        build_translated_texts_v1(share)


def test_an_alpha_out_of_range_is_X102():
    with pytest.raises(ValueError, match="X102"):
        build_translated_texts_v1(alpha=1.5)
