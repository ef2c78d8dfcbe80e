"""What an engine is: it scores batches, and they come back in their order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from typing import NamedTuple

from ..errors import Errors, one_line
from .formats import Batch
from .predictor import Columns, Predictions

PROCESSES, RAY, SPARK = "processes", "ray", "spark"


class Engine(NamedTuple):
    """What scores batches.

    submit (Callable[[Columns], Future]): Begins to score a batch, or has scored it.
    ahead (int): Batches that are worth beginning before the first of them is done.
    """

    submit: Callable[[Columns], "Future[Predictions]"]
    ahead: int


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
    """Wait for the new columns of a batch; X909 where the worker ended."""
    try:
        return future.result()
    except BrokenExecutor as error:
        raise ValueError(Errors.X909.format(error=one_line(error))) from error
    except ValueError as error:
        # Ray's own error has the traceback of the worker in its message.
        raise getattr(error, "cause", error) from None
