"""The predictor on Ray: on a Dataset, and as the engine of `spacy xling apply`."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import cycle
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import Errors, one_line, requiring
from ..types import JsonDict
from .arrow import import_pyarrow, score_tables
from .engines import RAY, Engine
from .predictor import Columns, Predictions, PredictorSettings, predict

if TYPE_CHECKING:
    import pyarrow
    import ray.data


def predict_dataset(
    dataset: "ray.data.Dataset",
    settings: PredictorSettings,
    *,
    workers: int = 1,
    batch_size: int = 256,
    **options: Any,
) -> "ray.data.Dataset":
    """Score the texts of a Dataset.

    dataset (ray.data.Dataset): The texts, in a column that the settings name.
    settings (PredictorSettings): The pipeline, by the path that workers see. `threads` None stands for 1.
    workers (int): Number of actors, each with a pipeline of its own.
    batch_size (int): Texts that are scored together.
    options (Any): More for `map_batches`, e.g. `memory`, `num_gpus`, `runtime_env`.
    RETURNS (ray.data.Dataset): The rows, with the new columns, see `Predictor`. One of these is `error`: it
        says why a text couldn't be scored, and is null for the others.
    RAISES (ImportError): X904, X913: a library is missing.
    """
    ray = _import_ray()
    settings = settings._replace(threads=settings.threads or 1)
    return dataset.map_batches(
        TableWorker,
        fn_constructor_args=(settings, batch_size),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=settings.threads,
        **options,
    )


class TableWorker:
    """What an actor of a Dataset runs."""

    def __init__(self, settings: PredictorSettings, batch_size: int) -> None:
        self.settings = settings
        self.batch_size = batch_size

    def __call__(self, table: "pyarrow.Table") -> "pyarrow.Table":
        parts = list(score_tables(self.settings, iter([table]), self.batch_size))
        return import_pyarrow().concat_tables(parts)


class Worker:
    """What an actor of the engine runs."""

    def __init__(self, settings: PredictorSettings) -> None:
        self.settings = settings

    def predict(self, columns: Columns) -> Predictions:
        """Score a batch of texts. The pipeline is loaded for the first of them."""
        return predict(self.settings, columns)


@contextmanager
def ray_engine(settings: PredictorSettings, workers: int, address: str | None) -> Iterator[Engine]:
    """Score in actors. One that dies is started again, and what it was at is done again. Without an address
    it is the cluster that this process is in, or one on this machine. See `opening.open_engine`.
    """
    ray = _import_ray()
    threads = settings.threads or 1
    address = address or os.environ.get("RAY_ADDRESS")
    # A cluster of its own has room for all workers, which would wait for it otherwise.
    where: JsonDict = (
        {"address": address} if address else {"num_cpus": threads * workers, "include_dashboard": False}
    )
    is_ours = not ray.is_initialized()
    try:
        if is_ours:
            _require_listener(address or "")
            ray.init(**where, log_to_driver=False, configure_logging=False)
    # Ray's errors of starting have no class in common.
    except Exception as error:
        expected = "a running cluster at --address, or room for one on this machine"
        raise ValueError(
            Errors.X914.format(engine="Ray", error=one_line(error), expected=expected)
        ) from error
    options = {"num_cpus": threads, "max_restarts": -1, "max_task_retries": -1}
    actor = ray.remote(**options)(Worker)
    actors = cycle([actor.remote(settings) for _ in range(workers)])

    def submit(columns: Columns) -> "Future[Predictions]":
        return next(actors).predict.remote(columns).future()

    try:
        yield Engine(submit, ahead=2 * workers)
    finally:
        if is_ours:
            ray.shutdown()


def _require_listener(address: str) -> None:
    """Refuse an address of host:port at which nobody listens, for Ray keeps trying for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _import_ray() -> ModuleType:
    with requiring(Errors.X913, library="Ray", engine=RAY):
        import ray
        import ray.data
    return ray
