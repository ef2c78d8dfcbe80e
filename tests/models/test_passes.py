import threading
from contextlib import contextmanager, nullcontext

import pytest
import torch

from spacy_xling.models.passes import run_passes


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("at_once", [1, 2, 4, 9])
def test_results_come_in_the_order_of_the_batches(at_once):
    # The first pass ends last, if it isn't the only one at a time.
    last = threading.Event()

    def run(number):
        if number == 0 and at_once > 1:
            assert last.wait(10)
        if number == 6:
            last.set()
        return number * number

    assert run_passes(run, range(7), nullcontext, at_once) == [0, 1, 4, 9, 16, 25, 36]


def test_no_batches_have_no_results():
    assert run_passes(lambda batch: batch, [], nullcontext, 4) == []


def test_as_many_passes_run_at_a_time_as_they_may():
    # Passes in pairs: each waits for another.
    barrier = threading.Barrier(2)
    run_passes(lambda batch: barrier.wait(10), range(6), nullcontext, 2)


@pytest.mark.parametrize(("at_once", "share"), [(1, 4), (2, 2), (3, 1), (4, 1)])
def test_passes_share_the_threads_of_torch(four_threads, at_once, share):
    found = run_passes(lambda batch: torch.get_num_threads(), range(8), nullcontext, at_once)
    assert set(found) == {share}


def test_threads_of_torch_are_as_before_afterwards(four_threads):
    run_passes(lambda batch: batch, range(8), nullcontext, 4)
    assert torch.get_num_threads() == 4
    # A new thread too has as many.
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [4]


@pytest.mark.parametrize("at_once", [1, 3])
def test_each_thread_runs_its_passes_in_one_context_of_its_own(at_once):
    inside = threading.local()
    entered = []

    @contextmanager
    def mode():
        entered.append(threading.get_ident())
        inside.yes = True
        yield
        inside.yes = False

    assert run_passes(lambda batch: inside.yes, range(20), mode, at_once) == [True] * 20
    assert len(entered) == at_once


@pytest.mark.parametrize("at_once", [1, 2])
def test_an_error_of_a_pass_is_raised_and_the_rest_is_left_out(at_once):
    begun = []

    def run(number):
        begun.append(number)
        if number == 1:
            raise ValueError("no such piece")
        return number

    with pytest.raises(ValueError, match="no such piece"):
        run_passes(run, range(100_000), nullcontext, at_once)
    assert len(begun) < 100_000
    assert threading.active_count() == 1
