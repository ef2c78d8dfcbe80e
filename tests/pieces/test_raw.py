import json
from functools import partial
from itertools import chain, pairwise

import numpy as np
import pytest

from spacy_xling.data.sources import RawText
from spacy_xling.pieces.cutting import cut_texts
from spacy_xling.pieces.raw import READ_AHEAD, RawWindows
from tests.conftest import TEXTS, make_tokenizer, split_windows

WINDOW, OVERLAP = 16, 4


class Endless:
    """Numbered texts without end, every third one long; `read` counts those handed out."""

    def __init__(self):
        self.read = 0

    def text(self, number):
        words = [TEXTS[(number + i) % len(TEXTS)] for i in range(3 if number % 3 == 2 else 1)]
        return f"{number} " + " ".join(words)[: 15 + 40 * (number % 3)]

    def __iter__(self):
        return self

    def __next__(self):
        self.read += 1
        return RawText(self.text(self.read - 1), None)

    def state_dict(self):
        return {"read": self.read}

    def load_state_dict(self, state):
        self.read = state["read"]


@pytest.fixture(scope="module")
def split():
    return partial(split_windows, make_tokenizer("bpe"), window=WINDOW, overlap=OVERLAP)


@pytest.fixture(scope="module")
def expected(split):
    """(ids, words) of the stream's first windows, by a loop over its texts one by one."""
    texts, windows = Endless(), []
    for number in range(300):
        pieces = split([texts.text(number)])
        for start, end in pairwise(np.cumsum([0, *pieces.lengths])):
            windows.append((pieces.ids[start:end].tolist(), pieces.words[start:end].tolist()))
    return windows


def listed(pieces):
    assert pieces.n_texts == len(pieces.lengths)
    assert pieces.texts.tolist() == list(range(pieces.n_texts))
    ends = np.cumsum(pieces.lengths)
    return [
        (pieces.ids[end - length : end].tolist(), pieces.words[end - length : end].tolist())
        for end, length in zip(ends, pieces.lengths, strict=True)
    ]


def test_take_by_windows_gives_so_many_in_order_none_lost_or_repeated(split, expected):
    raw = RawWindows(Endless(), partial(cut_texts, split=split))
    taken = []
    for n in [1, 7, 2, 40, 1, 1, 30]:
        windows = listed(raw.take(n_windows=n))
        assert len(windows) == n
        taken += windows
    assert taken == expected[: len(taken)]


def test_long_texts_come_as_several_windows(split, expected):
    first = Endless().text(2)
    count = len(split([first]).lengths)
    assert count > 4
    assert len(expected) > 600
    raw = RawWindows(Endless(), partial(cut_texts, split=split))
    before = sum(len(split([Endless().text(number)]).lengths) for number in range(2))
    raw.take(n_windows=before)
    windows = listed(raw.take(n_windows=count))
    # Without what neighbouring windows share, and the specials: the text's own pieces.
    ids = windows[0][0][1:-1] + [piece for ids, _ in windows[1:] for piece in ids[1 + OVERLAP : -1]]
    assert ids == make_tokenizer("bpe")(first, add_special_tokens=False)["input_ids"]


def test_take_by_pieces_gives_the_fewest_windows_that_hold_so_many(split, expected):
    raw = RawWindows(Endless(), partial(cut_texts, split=split))
    start = 0
    for wanted in [1, 16, 17, 100, 500, 3, 333]:
        windows = listed(raw.take(n_pieces=wanted))
        n, pieces = 0, 0
        while pieces < wanted:
            pieces += len(expected[start + n][0])
            n += 1
        assert windows == expected[start : start + n]
        start += n


def test_take_by_windows_and_by_pieces_in_turn_keeps_the_order(split, expected):
    raw = RawWindows(Endless(), partial(cut_texts, split=split))
    taken = []
    for turn in range(12):
        taken += listed(raw.take(n_windows=5) if turn % 2 else raw.take(n_pieces=70))
    assert taken == expected[: len(taken)]


def test_take_nothing_reads_nothing(split):
    raw = RawWindows(Endless(), partial(cut_texts, split=split))
    assert raw.take().n_texts == raw.take(n_windows=0).n_texts == raw.take(n_pieces=0).n_texts == 0
    assert raw.texts.read == 0


def test_take_reads_ahead_no_further_than_it_says(split):
    for how in ({"n_windows": 3}, {"n_pieces": 1}):
        raw = RawWindows(Endless(), partial(cut_texts, split=split))
        raw.take(**how)
        assert raw.texts.read == READ_AHEAD


@pytest.mark.parametrize("how", [{"n_windows": 3}, {"n_windows": 1}, {"n_pieces": 25}, {"n_pieces": 200}])
def test_a_restored_state_goes_on_exactly_at_every_point(split, expected, how):
    raw = RawWindows(Endless(), partial(cut_texts, split=split))
    given = 0
    for _ in range(20):
        state = json.loads(json.dumps(raw.state_dict()))
        # A stream that had gone elsewhere, and has windows of its own waiting.
        other = RawWindows(Endless(), partial(cut_texts, split=split))
        other.take(n_pieces=37)
        other.load_state_dict(state)
        ahead = [listed(other.take(**how)) for _ in range(4)]
        assert list(chain(*ahead)) == expected[given : given + sum(map(len, ahead))]
        # The stream itself continues as the restored one did.
        assert listed(raw.take(**how)) == ahead[0]
        given += len(ahead[0])


def test_saving_a_state_takes_nothing(split):
    raw, other = (RawWindows(Endless(), partial(cut_texts, split=split)) for _ in range(2))
    for _ in range(5):
        raw.state_dict()
        assert listed(raw.take(n_pieces=30)) == listed(other.take(n_pieces=30))


def test_a_state_holds_the_windows_read_ahead(split, expected):
    raw = RawWindows(Endless(), partial(cut_texts, split=split))
    taken = len(listed(raw.take(n_pieces=1)))
    state = raw.state_dict()
    waiting = [(window["ids"], window["words"]) for window in state["waiting"]]
    assert waiting == expected[taken : taken + len(waiting)]
    assert state["texts"] == {"read": READ_AHEAD}
