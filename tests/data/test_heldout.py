import pytest

from spacy_xling.data.heldout import check_heldout_share, is_heldout

TEXTS = [f"text number {number}" for number in range(20_000)]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5])
def test_as_many_texts_are_held_out_as_the_share_says(share):
    found = sum(is_heldout(text, share) for text in TEXTS) / len(TEXTS)
    # Four standard deviations of a share of 20,000 draws.
    assert abs(found - share) < 4 * (share * (1 - share) / len(TEXTS)) ** 0.5


def test_a_share_of_zero_holds_nothing_out():
    assert not any(is_heldout(text, 0.0) for text in TEXTS)


def test_a_smaller_share_holds_out_some_of_those_of_a_greater_one():
    small = {text for text in TEXTS if is_heldout(text, 0.01)}
    great = {text for text in TEXTS if is_heldout(text, 0.05)}
    assert small < great


def test_white_space_around_a_text_does_not_matter():
    assert all(is_heldout(text, 0.3) == is_heldout(f"  {text}\t", 0.3) for text in TEXTS[:500])


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_out_of_range_is_X136(share):
    with pytest.raises(ValueError, match="X136"):
        check_heldout_share(share)
