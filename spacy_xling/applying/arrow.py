"""Tables of Arrow with predictions beside them: what Parquet, Ray and Spark have in common."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import Errors, requiring
from ..pipeline.calibrated import EXTENSION
from .predictor import ERROR, Columns, PredictorSettings, set_predictions

if TYPE_CHECKING:
    import pyarrow


def import_pyarrow() -> ModuleType:
    """Import pyarrow, or say what to install (X904)."""
    with requiring(Errors.X904):
        import pyarrow
    return pyarrow


@lru_cache
def types_of_columns() -> "dict[str, pyarrow.DataType]":
    """The Arrow type of each new column, without the prefix."""
    pa = import_pyarrow()
    return {
        "label": pa.string(),
        "labels": pa.list_(pa.string()),
        "score": pa.float64(),
        "scores": pa.map_(pa.string(), pa.float64()),
        "language": pa.string(),
        EXTENSION: pa.bool_(),
        ERROR: pa.string(),
    }


def texts_of(table: "pyarrow.Table", settings: PredictorSettings) -> Columns:
    """The columns that a predictor reads.

    table (pyarrow.Table): The table, or a RecordBatch.
    settings (PredictorSettings): The settings.
    RETURNS (Columns): The texts, and their languages where there is a column of them.
    RAISES (ValueError): X901: there is no column of texts.
    """
    require_text(table.schema.names, settings)
    wanted = [settings.text, settings.lang]
    return {name: table.column(name).to_pylist() for name in wanted if name in table.schema.names}


def require_text(names: list[str], settings: PredictorSettings) -> None:
    """Refuse a table whose columns have none of texts (X901)."""
    if settings.text not in names:
        raise ValueError(Errors.X901.format(field=settings.text, found=", ".join(names) or "none"))


def add_predictions(table: "pyarrow.Table", found: Columns, settings: PredictorSettings) -> "pyarrow.Table":
    """Put predictions beside a table, whose own columns stay as they are.

    table (pyarrow.Table): The table, or a RecordBatch.
    found (Columns): The predictions, as `Predictor` gives them.
    settings (PredictorSettings): The settings.
    RETURNS (pyarrow.Table): The table, or a RecordBatch, with all columns.
    RAISES (ValueError): X903: a new column is there already.
    """
    pa, types = import_pyarrow(), types_of_columns()
    added = set_predictions(table.schema.names, found, settings)
    kinds = dict(zip(added, (types[name] for name in found), strict=True))
    names = [name for name in table.schema.names if name not in added]
    fields = [*(table.schema.field(name) for name in names), *(pa.field(*kind) for kind in kinds.items())]
    arrays = [
        *(table.column(name) for name in names),
        *(pa.array(_plain(values), kinds[name]) for name, values in added.items()),
    ]
    return type(table).from_arrays(arrays, schema=pa.schema(fields, metadata=table.schema.metadata))


def _plain(values: Iterable[object]) -> list[object]:
    """Dictionaries as pairs, which pyarrow takes for a map."""
    return [list(value.items()) if isinstance(value, dict) else value for value in values]


def score_tables(
    settings: PredictorSettings, tables: "Iterator[pyarrow.Table]", size: int
) -> "Iterator[pyarrow.Table]":
    """Score tables by the predictor of this process.

    settings (PredictorSettings): The settings.
    tables (Iterator[pyarrow.Table]): The tables, or RecordBatches.
    size (int): Texts that are scored at a time.
    YIELDS (pyarrow.Table): Each, or a part of it, with the new columns, the errors of texts among them.
    RAISES (ValueError): X751, X901, X903.
    """
    from .predictor import predict

    for table in tables:
        for start in range(0, max(1, table.num_rows), size):
            part = table.slice(start, size)
            yield add_predictions(part, predict(settings, texts_of(part, settings)), settings)
