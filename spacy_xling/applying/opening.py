"""Where batches are scored: in this process, in several, on Ray, or on Spark, by the same predictor."""

from contextlib import AbstractContextManager

from ..errors import Errors
from ..models.onnx_shim import available_threads
from .engines import PROCESSES, RAY, SPARK, Engine
from .on_processes import in_processes, in_this_process
from .predictor import PredictorSettings

NAMES = (PROCESSES, RAY, SPARK)


def open_engine(
    name: str, settings: PredictorSettings, *, workers: int = 1, address: str | None = None
) -> AbstractContextManager[Engine]:
    """An engine, which ends with the block.

    name (str): One of `NAMES`.
    settings (PredictorSettings): What a worker needs. Without `threads` a worker has its share of those that
        this process may run.
    workers (int): Number of workers, each with a pipeline of its own.
    address (str | None): The cluster of Ray or Spark; None for one on this machine.
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
