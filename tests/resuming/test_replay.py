import io
import random
from itertools import count, islice

import numpy as np
import pytest
import spacy
from spacy.training import Example

from spacy_xling.resuming.randomness import generator_states, set_generator_states
from spacy_xling.resuming.replay import Batches, LiveOutput, ReplayedPipeline, even_parts
from tests.conftest import make_examples

NLP = spacy.blank("xx")


def examples(*texts):
    return [Example(NLP.make_doc(text), NLP.make_doc(text)) for text in texts]


def drawn_batches():
    """Batches that draw from Python's generator each second time, and from numpy's each third."""
    for number in count():
        chosen = [str(number)]
        if number % 2:
            chosen.append(str(random.random()))
        if number % 3 == 0:
            chosen.append(str(np.random.random()))
        yield number // 4, examples(*chosen)


def texts(drawn):
    return [(epoch, [eg.text for eg in batch]) for epoch, batch in drawn]


def train(batches, n, others_draw):
    """Go through n batches; what happens between them may draw too."""
    seen = []
    for number, drawn in enumerate(islice(batches, n)):
        seen.append(drawn)
        if not batches.is_replaying and others_draw(number):
            random.random()
            np.random.random()
    return texts(seen)


def start():
    random.seed(1)
    np.random.seed(1)


@pytest.mark.parametrize(
    "others_draw",
    [lambda number: False, lambda number: True, lambda number: number % 5 == 1],
    ids=["never", "always", "at times"],
)
def test_batches_come_again_whatever_else_has_drawn(others_draw):
    start()
    expected = train(Batches(drawn_batches(), done=None, on_replayed=None), 20, others_draw)

    start()
    first = Batches(drawn_batches(), done=None, on_replayed=None)
    assert train(first, 11, others_draw) == expected[:11]
    state, generators = first.state, generator_states()

    start()
    again = Batches(drawn_batches(), done=state, on_replayed=lambda: set_generator_states(generators))
    # Numbers go on from 0, so others draw in the same places.
    assert train(again, 20, others_draw) == expected
    assert not again.is_replaying


def test_states_are_kept_only_where_others_have_drawn():
    start()
    alone = Batches(drawn_batches(), done=None, on_replayed=None)
    train(alone, 12, lambda number: False)
    assert {name: list(found) for name, found in alone.state["found"].items()} == {
        "python": ["1"],
        "numpy": ["0"],
        "torch": [],
    }
    start()
    among_others = Batches(drawn_batches(), done=None, on_replayed=None)
    train(among_others, 12, lambda number: True)
    assert list(among_others.state["found"]["numpy"]) == ["0", "3", "6", "9"]


def test_the_replay_ends_when_the_first_new_batch_is_asked_for():
    start()
    first = Batches(drawn_batches(), done=None, on_replayed=None)
    list(islice(first, 3))
    ended = []
    start()
    again = Batches(drawn_batches(), done=first.state, on_replayed=lambda: ended.append(again.count))
    list(islice(again, 3))
    assert (again.is_replaying, ended) == (True, [])
    next(again)
    assert (again.is_replaying, ended) == (False, [3])


@pytest.mark.parametrize("number", [0, 2])
def test_another_text_is_X612_before_anything_is_restored(number):
    first = Batches(
        iter([(0, examples("a")), (0, examples("b")), (0, examples("c"))]), done=None, on_replayed=None
    )
    list(first)
    restored = []
    other = [(0, examples("a")), (0, examples("b")), (0, examples("c"))]
    other[number] = (0, examples("d"))
    again = Batches(iter(other), done=first.state, on_replayed=lambda: restored.append(1))
    with pytest.raises(ValueError, match=r"X612.*first 3 batches"):
        list(again)
    assert restored == []


def test_fewer_batches_are_X612():
    first = Batches(iter([(0, examples("a")), (0, examples("b"))]), done=None, on_replayed=None)
    list(first)
    again = Batches(iter([(0, examples("a"))]), done=first.state, on_replayed=None)
    with pytest.raises(ValueError, match="X612"):
        list(again)


def test_a_replayed_pipeline_learns_nothing_and_has_the_scores_it_had():
    class Pipeline:
        pipeline = (("tagger", None),)
        updated = 0

        def update(self, examples, **settings):
            self.updated += 1

        def evaluate(self, examples):
            return {"score": 0.5}

    class Progress:
        is_replaying = True

    own = Pipeline()
    noted = [{"scores": {"score": 0.25}, "losses": {"loss": 3.0}}, {"losses": {"loss": 1.0}}]
    stand_in = ReplayedPipeline(own, Progress, noted)
    losses, rest = {}, {}
    stand_in.update([], losses=losses)
    assert (own.updated, stand_in.pipeline, stand_in.evaluate([])) == (0, [], {"score": 0.25})
    stand_in.update([], losses=rest)
    assert (losses, rest) == ({"loss": 3.0}, {"loss": 1.0})
    Progress.is_replaying = False
    stand_in.update([])
    assert (own.updated, stand_in.pipeline, stand_in.evaluate([])) == (1, own.pipeline, {"score": 0.5})


def test_output_can_be_told_to_be_quiet():
    stream = io.StringIO()
    output = LiveOutput(stream)
    print("shown", file=output, flush=True)
    output.is_quiet = True
    print("done before", file=output, flush=True)
    assert stream.getvalue() == "shown\n"
    assert not output.isatty()


@pytest.mark.parametrize(("n", "parts", "sizes"), [(5, 2, [2, 3]), (1, 2, [0, 1]), (0, 3, [0, 0, 0])])
def test_a_batch_is_divided_in_as_many_parts_as_are_asked_for(nlp, n, parts, sizes):
    examples = make_examples(nlp, [("late " * (n - number), {}) for number in range(n)])
    divided = even_parts(examples, parts)
    assert [len(part) for part in divided] == sizes
    together = [example for part in divided for example in part]
    assert sorted(map(id, together)) == sorted(map(id, examples))
    assert [len(example.predicted) for example in together] == list(range(1, n + 1))
