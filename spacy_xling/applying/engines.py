"""Where batches are scored: in this process, in several, on Ray, or on Spark, by the same predictor."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Optional

from ..errors import Errors, one_line
from ..models.onnx_shim import available_threads
from .formats import Batch
from .predictor import Columns, Predictions, Predictor, PredictorSettings, predict

PROCESSES, RAY, SPARK = "processes", "ray", "spark"
NAMES = (PROCESSES, RAY, SPARK)


class Engine(NamedTuple):
    """What scores batches.

    submit (Callable[[Columns], Future]): Begins to score a batch, or has scored it.
    ahead (int): Batches that are worth beginning before the first of them is done.
    """

    submit: Callable[[Columns], "Future[Predictions]"]
    ahead: int


def open_engine(
    name: str, settings: PredictorSettings, *, workers: int = 1, address: Optional[str] = None
) -> AbstractContextManager[Engine]:
    """An engine, which ends with the block.

    name (str): One of `NAMES`.
    settings (PredictorSettings): What a worker needs. Without `threads` a worker has its share of those that
        this process may run.
    workers (int): Number of workers, each with a pipeline of its own.
    address (Optional[str]): The cluster of Ray or Spark; None for one on this machine.
    RETURNS (AbstractContextManager[Engine]): The engine.
    RAISES (ValueError): X912: there is no such engine. X914: it can't be started. X915: it has no address.
        (ImportError): X913: its library is missing.
    """
    if name not in NAMES:
        raise ValueError(Errors.X912.format(found=name, expected=", ".join(NAMES)))
    if name == PROCESSES and address is not None:
        raise ValueError(Errors.X915.format(found=name))
    if settings.threads is None and workers > 1:
        settings = settings._replace(threads=max(1, available_threads() // workers))
    if name == RAY:
        from .on_ray import ray_engine

        return ray_engine(settings, workers, address)
    if name == SPARK:
        from .on_spark import spark_engine

        return spark_engine(settings, workers, address)
    return in_this_process(settings) if workers == 1 else in_processes(settings, workers)


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


def in_order(engine: Engine, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions]]:
    """Score batches, and give them back in their order.

    engine (Engine): The engine.
    batches (Iterable[Batch]): The batches; as many as the engine says are read ahead.
    YIELDS (tuple[Batch, Predictions]): Each batch, and the new columns.
    RAISES (ValueError): X909: a worker ended.
    """
    waiting: deque[tuple[Batch, Future[Predictions]]] = deque()
    for batch in batches:
        waiting.append((batch, engine.submit(batch.columns)))
        if len(waiting) > engine.ahead:
            yield _taken(*waiting.popleft())
    while waiting:
        yield _taken(*waiting.popleft())


def _taken(batch: Batch, future: "Future[Predictions]") -> tuple[Batch, Predictions]:
    return batch, result_of(future)


def result_of(future: "Future[Predictions]") -> Predictions:
    """Wait for the new columns of a batch.

    future (Future): What the engine gave.
    RETURNS (Predictions): The columns.
    RAISES (ValueError): X909: the worker ended.
    """
    try:
        return future.result()
    except BrokenExecutor as error:
        raise ValueError(Errors.X909.format(error=one_line(error))) from error
    except ValueError as error:
        # Ray's own error has the traceback of the worker in its message.
        raise getattr(error, "cause", error) from None
