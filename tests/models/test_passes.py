import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import pytest
import torch

from spacy_xling.models.passes import count_passes, count_threads, passes_at_once, run_passes


def run_at_once(run, batches, at_once, mode=nullcontext, n_threads=4, gather=list):
    return run_passes(run, batches, gather, mode, n_threads=n_threads, at_once=at_once)


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("costs", "n_threads", "expected"),
    [
        ([], 4, 1),
        ([512], 4, 1),
        ([100] * 9, 1, 1),
        # The second of two threads waits for a third of the time, then not at all.
        ([100, 100, 100], 2, 1),
        ([100, 100, 100, 100], 2, 2),
        ([100, 100], 2, 2),
        ([1024, 140, 140, 140, 140], 2, 1),
        ([512, 140, 140, 140, 140], 2, 2),
        # Of four threads one waits for the third round, then three.
        ([100] * 11, 4, 4),
        ([100] * 12, 4, 4),
        ([100] * 9, 4, 2),
        ([100] * 8, 3, 3),
        # Five threads of seven have nothing to do, then two in the second round.
        ([100] * 2, 7, 1),
        ([100] * 12, 7, 7),
        ([100] * 16, 8, 8),
        ([100] * 100, 7, 7),
    ],
)
def test_passes_at_once_share_all_threads_and_wait_for_the_last_little(costs, n_threads, expected):
    assert passes_at_once(costs, n_threads) == expected


@pytest.mark.parametrize(
    ("cost", "n_threads", "expected"),
    [
        (0, 2, 1),
        (2000, 1, 1),
        (2001, 1, 2),
        # A second thread has enough to do from a cost of 2,048 pieces on.
        (2047, 2, 2),
        (2048, 2, 2),
        (4000, 2, 2),
        (4001, 2, 4),
        # Of four threads, two have.
        (3000, 4, 2),
        (100_000, 4, 52),
    ],
)
def test_passes_are_as_many_as_must_be_for_each_thread_that_has_enough_to_do(cost, n_threads, expected):
    assert count_passes(cost, 2000, n_threads) == expected


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_results_come_in_the_order_of_the_batches(at_once):
    # The first pass ends last, if it isn't the only one at a time.
    last = threading.Event()

    def run(number):
        if number == 0 and at_once > 1:
            assert last.wait(10)
        if number == 6:
            last.set()
        return number * number

    assert run_at_once(run, range(7), at_once) == [0, 1, 4, 9, 16, 25, 36]


def test_no_batches_have_no_results():
    assert run_at_once(lambda batch: batch, [], 1) == []


def test_as_many_passes_run_at_a_time_as_they_may():
    # Passes in pairs: each waits for another.
    barrier = threading.Barrier(2)
    run_at_once(lambda batch: barrier.wait(10), range(6), 2)


@pytest.mark.parametrize(("at_once", "share"), [(1, 4), (2, 2), (4, 1)])
def test_passes_share_the_threads_of_torch(four_threads, at_once, share):
    found = run_at_once(lambda batch: torch.get_num_threads(), range(8), at_once)
    assert set(found) == {share}


@pytest.mark.parametrize(("at_once", "share"), [(1, 4), (2, 2), (4, 1)])
def test_results_are_gathered_once_by_a_thread_that_ran_passes(four_threads, at_once, share):
    ran, gathered = set(), []
    # Each thread runs a pass of each round.
    together = threading.Barrier(at_once)

    def run(number):
        ran.add(threading.get_ident())
        together.wait(10)
        return number

    def gather(found):
        gathered.append((threading.get_ident(), torch.get_num_threads()))
        return sum(found)

    assert run_at_once(run, range(12), at_once, gather=gather) == 66
    ((thread, n_threads),) = gathered
    assert thread in ran
    assert n_threads == share


def test_an_error_while_results_are_gathered_is_raised():
    def gather(found):
        raise ValueError("no such text")

    with pytest.raises(ValueError, match="no such text"):
        run_at_once(lambda number: number, range(4), 2, gather=gather)


def threads_of_a_new_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_threads_of_torch_are_as_before_afterwards(four_threads):
    run_at_once(lambda batch: batch, range(8), 4)
    assert torch.get_num_threads() == 4
    assert threads_of_a_new_thread() == 4


def test_other_threads_that_begin_while_passes_run_have_all_threads_of_torch(four_threads):
    def run(batch):
        until = time.monotonic() + 10
        while threads_of_a_new_thread() != 4:
            assert time.monotonic() < until
        return torch.get_num_threads()

    assert run_at_once(run, range(2), 2) == [2, 2]


def test_several_threads_may_predict_at_a_time(four_threads):
    def predict(start):
        return run_at_once(lambda number: number + 1, range(start, start + 50), 4, n_threads=count_threads())

    with ThreadPoolExecutor(8) as pool:
        for start, found in enumerate(pool.map(predict, range(100))):
            assert found == list(range(start + 1, start + 51))
    assert threads_of_a_new_thread() == 4


@pytest.mark.parametrize("at_once", [1, 4])
def test_each_thread_runs_its_passes_in_one_context_of_its_own(at_once):
    inside = threading.local()
    entered = []

    @contextmanager
    def mode():
        entered.append(threading.get_ident())
        inside.yes = True
        yield
        inside.yes = False

    assert run_at_once(lambda batch: inside.yes, range(20), at_once, mode) == [True] * 20
    assert len(entered) == at_once


@pytest.mark.parametrize("at_once", [1, 2])
def test_an_error_of_a_pass_is_raised_and_the_rest_is_left_out(at_once):
    begun, threads = [], threading.active_count()

    def run(number):
        begun.append(number)
        if number == 1:
            raise ValueError("no such piece")
        return number

    with pytest.raises(ValueError, match="no such piece"):
        run_at_once(run, range(100_000), at_once)
    assert len(begun) < 100_000
    assert threading.active_count() == threads


@pytest.mark.parametrize("n_started", [0, 1, 3])
def test_passes_run_in_the_calling_thread_where_no_more_can_start(four_threads, monkeypatch, n_started):
    start, started = threading.Thread.start, []

    def start_some(thread):
        if len(started) == n_started:
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(thread)
        started.append(thread.ident)

    # Each thread has a pass, the calling one too.
    together = threading.Barrier(n_started + 1)
    ran = set()

    def run(number):
        if number <= n_started:
            together.wait(10)
        ran.add(threading.get_ident())
        return number * number

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_some)
        assert run_at_once(run, range(7), 4) == [0, 1, 4, 9, 16, 25, 36]
    assert ran == {threading.get_ident(), *started}
    assert torch.get_num_threads() == 4
    assert threads_of_a_new_thread() == 4


@pytest.mark.parametrize("n_started", [0, 1])
def test_an_error_in_the_calling_thread_is_raised_once_all_have_ended(four_threads, monkeypatch, n_started):
    start, started = threading.Thread.start, []

    def start_some(thread):
        if len(started) == n_started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    begun = []

    def run(number):
        begun.append(number)
        if threading.current_thread() not in started:
            raise ValueError("no such piece")
        time.sleep(0.001)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_some)
        with pytest.raises(ValueError, match="no such piece"):
            run_at_once(run, range(100_000), 4)
    assert len(begun) < 100_000
    assert not any(thread.is_alive() for thread in started)


def test_an_interrupt_ends_the_threads_and_is_raised(four_threads, monkeypatch):
    join, joined, begun = threading.Thread.join, [], []

    def interrupted(thread):
        joined.append(thread)
        if len(joined) == 1:
            raise KeyboardInterrupt
        join(thread)

    def run(number):
        begun.append(number)
        time.sleep(0.001)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_at_once(run, range(100_000), 2)
    assert len(begun) < 100_000
    assert not any(thread.is_alive() for thread in joined)
    assert threads_of_a_new_thread() == 4
