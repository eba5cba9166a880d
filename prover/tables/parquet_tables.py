"""Tables from Parquet, by pyarrow (the extra `parquet`), some rows at a time."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..kernels.storage import Growing, held
from .csv_format import CsvFormat
from .gaps import Gaps
from .ids import row_ids, row_numbers
from .raw_table import (
    MAX_TEXT,
    PIECE_ROWS,
    RawTable,
    Wanted,
    check_finite,
    first_line,
    labels_of,
    require_room,
    texts_of,
)


def read_parquet(file: BinaryIO, source: str, wanted: Wanted, _: CsvFormat) -> RawTable:
    """See read.read_table."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise DataError("reading Parquet needs pyarrow: pip install 'zkunlearn[parquet]'") from None
    try:
        table = parquet.ParquetFile(file)
        index = index_columns(table.schema_arrow)
        wanted = _with_index(wanted, index)
        others = wanted.others
        names = [name for name in table.schema_arrow.names if name not in index or name in others]
        features = wanted.features_of(names)
        _require_readable(arrow.types, table, features, others)
        # As dictionaries, a text that is in the file once is in memory once, however many rows have it.
        table = parquet.ParquetFile(file, metadata=table.metadata, read_dictionary=others)
        X, values = _read(arrow.types, table, features, others)
    except (arrow.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise DataError(f"not a Parquet file that can be read ({first_line(error)})") from None
    target, id_column = wanted.target, wanted.id_column
    labels = None if target is None else labels_of(texts_of(values[target], target), target)
    ids = row_numbers(len(X)) if id_column is None else row_ids(values[id_column], id_column, several=wanted.several)
    unused, keys = wanted.unused_of(names), wanted.keys_of(values)
    return RawTable(X, labels, ids, tuple(features), target, source, unused=unused, keys=keys)


def index_columns(schema: Any) -> list[str]:
    """The columns in which pandas has put the index of a frame: they name rows. Numbers from 0 on are in none."""
    try:
        found = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
    except (ValueError, KeyError, TypeError, RecursionError):  # written by something else
        return []
    names = {*schema.names}
    return [name for name in found if isinstance(name, str) and name in names] if isinstance(found, list) else []


def _with_index(wanted: Wanted, index: list[str]) -> Wanted:
    """A frame's index names its rows, unless something else does. Raises DataError where it cannot."""
    if wanted.id_column is not None or not index or not {*index}.isdisjoint({wanted.target, *(wanted.features or ())}):
        return wanted
    if len(index) > 1:
        raise DataError(f"the index of the frame has {len(index)} columns; name the one with row ids, or reset it")
    return replace(wanted, id_column=index[0])


def _require_readable(kinds: Any, table: Any, features: list[str], others: list[str]) -> None:
    """Columns of the right types, which fit into memory; nothing but the file's directory has been read."""
    for name in features:
        _require_numbers(kinds, table.schema_arrow.field(name).type, name)
    for name in others:
        _require_flat(kinds, table.schema_arrow.field(name).type, name)
    rows = table.metadata.num_rows
    numbers = held(rows * len(features) * np.dtype(np.float64).itemsize)
    require_room(rows, len(features), numbers + _unpacked(table.metadata, {*features}, {*others}), len(others))


def _read(
    kinds: Any, table: Any, features: list[str], others: list[str]
) -> tuple[NDArray[Any], dict[str, list[object]]]:
    """The numbers (N, d), and the other columns by name."""
    X, gaps = Growing(len(features)), Gaps()
    values: dict[str, list[object]] = {name: [] for name in others}
    for batch in table.iter_batches(batch_size=PIECE_ROWS, columns=[*features, *others]):
        columns = [_numbers(batch.column(name)) for name in features]
        piece = np.stack(columns, axis=1)
        missing = np.isnan(piece)  # pandas has no other way to say it
        for k in np.flatnonzero(missing.any(axis=0)).tolist():
            gaps.note(X.rows + int(missing[:, k].argmax()), features[k], count=int(missing[:, k].sum()))
        check_finite(np.where(missing, 0, piece), features, X.rows)
        X.append(piece)
        for name in others:
            values[name] += _values(kinds, batch.column(name), name)
    gaps.refuse(X.rows)
    return X.finish(), values


def _unpacked(metadata: Any, features: set[str], others: set[str]) -> int:
    """Bytes of pages, as the file's directory says: of features those of one group of rows, of all others all."""
    largest, texts = 0, 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        chunks = [group.column(k) for k in range(group.num_columns)]
        sizes = [(chunk.path_in_schema, max(0, chunk.total_uncompressed_size)) for chunk in chunks]
        largest = max(largest, sum(size for name, size in sizes if name in features))
        texts += sum(size for name, size in sizes if name in others)
    return largest + texts


def _require_numbers(kinds: Any, found: Any, name: str) -> None:
    if not any(is_kind(found) for is_kind in (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal)):
        raise DataError(f"holds {found}, not numbers", column=name, found=str(found))


def _require_flat(kinds: Any, found: Any, name: str) -> None:
    """A row of a list can hold any number of values, which nothing counts before they are read."""
    if kinds.is_nested(found):
        raise DataError(f"holds {found}, not a value for each row", column=name, found=str(found))


def _values(kinds: Any, column: Any, name: str) -> list[object]:
    """Labels or ids of some rows; of texts that are equal there is one."""
    if not kinds.is_dictionary(column.type):
        listed: list[object] = column.to_pylist()
        return listed
    words = column.dictionary.to_pylist()
    if any(isinstance(word, (str, bytes)) and len(word) > MAX_TEXT for word in words):
        raise DataError(f"holds texts of more than {MAX_TEXT} characters", column=name)
    return [None if index is None else words[index] for index in column.indices.to_pylist()]


def _numbers(column: Any) -> NDArray[np.float64]:
    """A column of some rows; what is missing is not a number."""
    listed = [np.nan if value is None else float(value) for value in column.to_pylist()]
    return np.array(listed, dtype=np.float64)
