"""Scoring on this machine: in this process, or in several."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

from .engines import Engine
from .predictor import Columns, Predictions, Predictor, PredictorSettings, predict


@contextmanager
def in_this_process(settings: PredictorSettings) -> Iterator[Engine]:
    """Score here, one batch after another."""
    predictor = Predictor(settings)

    def submit(columns: Columns) -> "Future[Predictions]":
        done: Future[Predictions] = Future()
        done.set_result(predictor(columns))
        return done

    yield Engine(submit, ahead=0)


@contextmanager
def in_processes(settings: PredictorSettings, workers: int) -> Iterator[Engine]:
    """Score in new processes: a fork of one that has run torch may hang."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=end_with_parent) as pool:
        try:
            yield Engine(lambda columns: pool.submit(predict, settings, columns), ahead=2 * workers)
        finally:
            pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """End this process when the one that started it has ended: a kill leaves no workers behind."""

    def watch() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
