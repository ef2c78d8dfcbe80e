"""The predictor on Spark: on a DataFrame, and as the engine of `spacy xling apply`."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ..errors import Errors, one_line, requiring
from .arrow import import_pyarrow, require_text, score_tables, types_of_columns
from .engines import SPARK, Engine
from .predictor import Columns, Predictions, PredictorSettings, predict, set_predictions

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructField

# Tries of a task, after which the job fails; on a cluster it is Spark's own setting.
TRIES = 4
CODED = re.compile(r"\[X\d+\] .*")


def predict_dataframe(
    frame: "DataFrame", settings: PredictorSettings, *, batch_size: int = 256
) -> "DataFrame":
    """Score the texts of a DataFrame.

    By `mapInArrow`: columns that aren't read stay as they are, where pandas would turn integers that may be
    null into floats. To learn the new columns, one task runs at once, and loads the pipeline.

    frame (pyspark.sql.DataFrame): The texts, in a column that the settings name.
    settings (PredictorSettings): The pipeline, by the path that workers see. `threads` None stands for 1.
    batch_size (int): Texts that are scored together; Spark hands over
        `spark.sql.execution.arrow.maxRecordsPerBatch` at a time.
    RETURNS (pyspark.sql.DataFrame): The rows, with the new columns, see `Predictor`. One of these is `error`:
        it says why a text couldn't be scored, and is null for the others.
    RAISES (ValueError): X901, X903: columns are missing, or there already. X751: a worker finds no pipeline.
        (ImportError): X904: pyarrow is missing.
    """
    settings = settings._replace(threads=settings.threads or 1)
    names = _names_of_columns(frame.sparkSession, settings)
    new = set_predictions(frame.columns, dict.fromkeys(names, ()), settings)
    require_text(frame.columns, settings)
    kept = [field for field in frame.schema.fields if field.name not in new]
    schema = type(frame.schema)([*kept, *_fields(names, new)])
    return frame.mapInArrow(partial(score_tables, settings, size=batch_size), schema)


def name_batches(settings: PredictorSettings, batches: Iterable[object]) -> "Iterator[pyarrow.RecordBatch]":
    """The names of the new columns, as a column, whatever the batches are."""
    for _ in batches:
        names = list(predict(settings, {settings.text: []}))
        yield import_pyarrow().RecordBatch.from_pydict({"name": names})


def _names_of_columns(spark: "SparkSession", settings: PredictorSettings) -> list[str]:
    """Ask a worker for the names of the new columns, without the prefix."""
    with _coded_errors():
        asked = spark.range(0, 1, 1, 1).mapInArrow(partial(name_batches, settings), "name string")
        return [row.name for row in asked.collect()]


def _fields(names: list[str], new: Iterable[str]) -> "list[StructField]":
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StructField

    types = types_of_columns()
    return [
        StructField(column, from_arrow_type(types[name])) for name, column in zip(names, new, strict=True)
    ]


@contextmanager
def spark_engine(settings: PredictorSettings, workers: int, address: str | None) -> Iterator[Engine]:
    """Score in tasks of a batch each, several at a time. A task that fails is tried again elsewhere. An
    address is that of a master, as spark://host:7077. See `opening.open_engine`.
    """
    is_ours = _import_session().getActiveSession() is None
    spark = start_spark(address or f"local[{workers},{TRIES}]")

    def score(columns: Columns) -> Predictions:
        with _coded_errors():
            return context.parallelize([columns], 1).map(partial(predict, settings)).collect()[0]

    try:
        context = spark.sparkContext
        with ThreadPoolExecutor(workers) as pool:
            yield Engine(lambda columns: pool.submit(score, columns), ahead=2 * workers)
    finally:
        if is_ours:
            spark.stop()


def _import_session() -> "type[SparkSession]":
    with requiring(Errors.X913, library="pyspark", engine=SPARK):
        from pyspark.sql import SparkSession
    return SparkSession


def start_spark(master: str) -> "SparkSession":
    """The session of Spark that there is, or a new one. X914 where there is no Java, or no such master."""
    expected = "Java 17 or later (JAVA_HOME), and a running master at --address"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise ValueError(Errors.X914.format(engine="Spark", error="there is no java", expected=expected))
    if master.startswith("local"):
        # Not any python3 of the system.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = _import_session().builder.master(master).appName("spacy-xling")
    try:
        spark = builder.config("spark.ui.enabled", "false").getOrCreate()
    # Of Java, or of pyspark before it is there.
    except Exception as error:
        raise ValueError(
            Errors.X914.format(engine="Spark", error=one_line(error), expected=expected)
        ) from error
    spark.sparkContext.setLogLevel("OFF")
    return spark


@contextmanager
def _coded_errors() -> Iterator[None]:
    """Find the message of this package in what Spark makes of an error of a worker; errors without pass."""
    try:
        yield
    # Spark wraps an error of a worker in one of its own.
    except Exception as error:
        if found := CODED.search(str(error)):
            raise ValueError(found[0]) from error
        raise
