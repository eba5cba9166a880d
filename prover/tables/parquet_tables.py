"""Tables from Parquet, by pyarrow (the extra `parquet`), some rows at a time."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...models.encoding.cells import is_gap_of
from ...models.encoding.readers import ColumnReader, NumberSource
from ..kernels.storage import Growing, held
from .cells import numbers_of
from .csv_format import CsvFormat
from .gaps import Gaps
from .ids import incomplete_ids, row_ids, row_numbers
from .raw_table import (
    MAX_TEXT,
    PIECE_ROWS,
    RawTable,
    Wanted,
    check_finite,
    first_line,
    labels_of,
    names_of,
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
        made = names_of(features, wanted)
        _require_readable(arrow.types, table, features, wanted, len(made))
        # As dictionaries, a text that is in the file once is in memory once, however many rows have it.
        table = parquet.ParquetFile(file, metadata=table.metadata, read_dictionary=others)
        X, values, gaps = _read(arrow, table, features, wanted, made)
    except (arrow.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise DataError(f"not a Parquet file that can be read ({first_line(error)})") from None
    whole = gaps.whole(len(X))
    own = {name: whole.of(listed) for name, listed in values.items()}
    target, id_column = wanted.target, wanted.id_column
    labels = None if target is None else labels_of(texts_of(own[target], target), target)
    named: Sequence[object] = row_numbers(len(X)) if id_column is None else values[id_column]
    ids = tuple(whole.of(row_numbers(len(X))))
    if id_column is not None:
        ids = row_ids(own[id_column], id_column, several=wanted.several)
    more = wanted.unused_of(names), wanted.keys_of(own), incomplete_ids(whole.others(named), ids), whole.left_out
    return RawTable(whole.rows(X), labels, ids, made, target, source, None, *more)


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


def _require_readable(kinds: Any, table: Any, features: list[str], wanted: Wanted, width: int) -> None:
    """Columns of the right types, which fit into memory; nothing but the file's directory has been read."""
    others = wanted.others
    for name, own in zip(features, wanted.sourced(features), strict=True):
        kind = table.schema_arrow.field(name).type
        if own is None or own.as_numbers:
            _require_numbers(kinds, kind, name, wanted.remedy)
        else:
            _require_flat(kinds, kind, name)
    for name in others:
        _require_flat(kinds, table.schema_arrow.field(name).type, name)
    rows = table.metadata.num_rows
    numbers = held(rows * width * np.dtype(np.float64).itemsize)
    require_room(rows, width, numbers + _unpacked(table.metadata, {*features}, {*others}), len(others))


def _read(
    arrow: Any, table: Any, features: list[str], wanted: Wanted, made: tuple[str, ...]
) -> tuple[NDArray[Any], dict[str, list[object]], Gaps]:
    """The numbers (N, d), the other columns by name, and what is missing, if that is not refused."""
    X, gaps, others, sources = Growing(len(made)), Gaps(), wanted.others, wanted.sourced(features)
    values: dict[str, list[object]] = {name: [] for name in others}
    for batch in table.iter_batches(batch_size=PIECE_ROWS, columns=[*features, *others]):
        columns = [_cells(arrow, batch.column(name), own, X.rows) for name, own in zip(features, sources, strict=True)]
        for name, own in zip(features, columns, strict=True):
            missing = np.flatnonzero(np.isnan(own[:, 0]))  # pandas has no other way to say it
            gaps.note_rows((X.rows + missing).tolist(), name)
        piece = np.concatenate(columns, axis=1)
        check_finite(np.where(np.isnan(piece), 0, piece), made, X.rows)
        for name in others:
            values[name] += _values(arrow, batch.column(name), name)
        if wanted.target is not None:
            labels = values[wanted.target][X.rows :]
            gaps.note_rows([X.rows + row for row, label in enumerate(labels) if is_gap_of(label)], wanted.target)
        X.append(piece)
    if wanted.whole:
        gaps.refuse(X.rows)
    return X.finish(), values, gaps


def _unpacked(metadata: Any, features: set[str], others: set[str]) -> int:
    """Bytes of pages, as the file's directory says: of features those of one group of rows, of all others all."""
    largest, texts = 0, 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        chunks = [group.column(k) for k in range(group.num_columns)]
        sizes = [(chunk.path_in_schema, max(0, chunk.total_uncompressed_size)) for chunk in chunks]
        largest = max(largest, sum(size for name, size in sizes if name in features))
        texts += sum(size for name, size in sizes if name in others)
    return largest + texts


def _require_numbers(kinds: Any, found: Any, name: str, remedy: str) -> None:
    if not any(is_kind(found) for is_kind in (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal)):
        raise DataError(f"holds {found}, not numbers{remedy}", column=name, found=str(found))


def _require_flat(kinds: Any, found: Any, name: str) -> None:
    """A row of a list can hold any number of values, which nothing counts before they are read."""
    if kinds.is_nested(found):
        raise DataError(f"holds {found}, not a value for each row", column=name, found=str(found))


def _values(arrow: Any, column: Any, name: str) -> list[object]:
    """Labels or ids of some rows; of texts that are equal there is one."""
    if not arrow.types.is_dictionary(column.type):
        listed: list[object] = column.to_pylist()
        return listed
    # The dictionary may have all texts of the file, so only those of these rows are looked at.
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    used, places = np.unique(codes, return_inverse=True)
    known = column.dictionary.take(arrow.array(used[used >= 0])).to_pylist()
    if any(isinstance(word, (str, bytes)) and len(word) > MAX_TEXT for word in known):
        raise DataError(f"holds texts of more than {MAX_TEXT} characters", column=name)
    words = [None] * (len(used) - len(known)) + known
    return [words[place] for place in places.tolist()]


def _cells(arrow: Any, column: Any, own: ColumnReader | None, first: int) -> NDArray[np.float64]:
    """A column of some rows as features (n, width); what is missing is not a number."""
    if own is not None and not own.as_numbers:
        return numbers_of(column.to_pylist(), own, first)
    # What Python makes of such a number, too, is the nearest float64.
    found = np.asarray(column.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    return (own.filled_in(found) if isinstance(own, NumberSource) else found)[:, None]
