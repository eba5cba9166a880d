"""Tables from Parquet, by pyarrow (the extra `parquet`), some rows at a time."""

from __future__ import annotations

import importlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..kernels.storage import Growing
from .ids import row_ids, row_numbers
from .raw_table import (
    PIECE_ROWS,
    RawTable,
    check_finite,
    feature_names,
    first_line,
    labels_of,
    texts_of,
)


def read_parquet(file: BinaryIO, source: str, target: str, id_column: str | None, several: bool) -> RawTable:
    """See read.read_table."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise DataError("reading Parquet needs pyarrow: pip install 'zkunlearn[parquet]'") from None
    try:
        return _read(arrow, parquet.ParquetFile(file), source, target, id_column, several)
    except (arrow.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise DataError(f"not a Parquet file that can be read ({first_line(error)})") from None


def _read(arrow: Any, table: Any, source: str, target: str, id_column: str | None, several: bool) -> RawTable:
    features = feature_names(list(table.schema_arrow.names), target, id_column)
    for name in features:
        _require_numbers(arrow.types, table.schema_arrow.field(name).type, name)

    X = Growing(len(features))
    others = [target] if id_column is None else [target, id_column]
    values: dict[str, list[object]] = {name: [] for name in others}
    for batch in table.iter_batches(batch_size=PIECE_ROWS, columns=[*features, *others]):
        columns = [_numbers(batch.column(name), name, X.rows) for name in features]
        rows = np.stack(columns, axis=1)
        check_finite(rows, features, X.rows)
        X.append(rows)
        for name in others:
            values[name] += batch.column(name).to_pylist()
    labels = labels_of(texts_of(values[target], target), target)
    if id_column is None:
        return RawTable(X.finish(), labels, row_numbers(X.rows), tuple(features), target, source)
    ids = row_ids(values[id_column], id_column, several=several)
    return RawTable(X.finish(), labels, ids, tuple(features), target, source)


def _require_numbers(kinds: Any, found: Any, name: str) -> None:
    if not any(is_kind(found) for is_kind in (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal)):
        raise DataError(f"holds {found}, not numbers", column=name, found=str(found))


def _numbers(column: Any, name: str, first: int) -> NDArray[np.float64]:
    """A column of some rows."""
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise DataError("the cell is empty", row=first + row, column=name)
    return np.array([float(value) for value in column.to_pylist()], dtype=np.float64)
