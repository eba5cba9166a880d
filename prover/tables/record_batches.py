"""Tables that pyarrow (the extra `parquet`) reads as record batches, some rows at a time."""

from __future__ import annotations

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...models.encoding.readers import ColumnReader, NumberSource
from ..kernels.storage import Growing, held
from .cells import numbers_of
from .gaps import Gaps, missing_rows
from .ids import incomplete_ids, row_ids, row_numbers
from .raw_table import (
    MAX_TEXT,
    RawTable,
    Wanted,
    check_finite,
    check_names,
    find,
    first_line,
    labels_from,
    names_of,
    require_room,
)
from .unfit import CATEGORIES, OF_FILES, OTHERS, TIMES, UNREAD, Refusals, all_unfit, with_more

HOLDS_CATEGORIES = "holds categories"
NUMBER_BYTES = np.dtype(np.float64).itemsize


class BatchFile(ABC):
    """A file of record batches, of which the columns are known, and nothing else was read."""

    schema: Any
    listed: frozenset[str]  # names of columns that list their values themselves: these are categories

    @property
    @abstractmethod
    def rows(self) -> int | None:
        """How many there are; None if the file does not say so before they are read."""

    @abstractmethod
    def unpacked(self, features: set[str], others: set[str]) -> int:
        """Bytes that are unpacked to read these columns, as far as the file says before: of features at a time."""

    @abstractmethod
    def batches(self, features: Sequence[str], others: Sequence[str]) -> Iterator[Any]:
        """Pieces of at most PIECE_ROWS rows with these columns."""


def read_batches(what: str, opened: Callable[[Any], BatchFile], source: str, wanted: Wanted) -> RawTable:
    """The table in a file.

    Args:
        what: kind of file it is, for messages.
        opened: makes it readable, by pyarrow.
        source: its name.

    Raises:
        DataError: see read.read_table.
    """
    with _opened(what, opened) as (arrow, table):
        index = index_columns(table.schema)
        wanted = _with_index(wanted, index)
        names = [name for name in table.schema.names if name not in index or name in wanted.others]
        features = wanted.features_of(names)
        made = names_of(features, wanted)
        _require_readable(arrow.types, table, features, wanted, len(made))
        X, values, gaps = _read(arrow, table, features, wanted, made)
    whole = gaps.whole(len(X))
    own = {name: whole.of(listed) for name, listed in values.items()}
    target, id_column = wanted.target, wanted.id_column
    labels = None if target is None else labels_from(own[target], target, wanted.classes)
    named: Sequence[object] = row_numbers(len(X)) if id_column is None else values[id_column]
    if id_column is None:
        ids = tuple(whole.of(row_numbers(len(X))))
    else:
        ids = row_ids(own[id_column], id_column, several=wanted.several)
    more = wanted.unused_of(names), wanted.keys_of(own), incomplete_ids(whole.others(named), ids), whole.left_out
    listed = target in table.listed
    return RawTable(whole.rows(X), labels, ids, made, target, source, None, *more, labels_listed=listed)


def read_column(what: str, opened: Callable[[Any], BatchFile], name: str) -> list[object]:
    """The values of one column, whatever else is in a file. Arguments as of `read_batches`. Raises DataError."""
    found: list[object] = []
    with _opened(what, opened) as (arrow, table):
        check_names(table.schema.names)
        find(name, table.schema.names)
        _require_flat(arrow.types, table.schema.field(name).type, name)
        _require_room(table, table.rows or 0, 0, set(), {name})
        for batch in table.batches([], [name]):
            if len(found) + batch.num_rows > (table.rows or 0):
                _require_room(table, len(found) + batch.num_rows, 0, set(), {name})
            found += _values(arrow, batch.column(name), name)
    return found


@contextmanager
def _opened(what: str, opened: Callable[[Any], BatchFile]) -> Iterator[tuple[Any, BatchFile]]:
    """pyarrow, and what it opened; whatever it says about what is no such file is a DataError."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
    except ImportError:
        raise DataError(f"reading {what} needs pyarrow: pip install 'zkunlearn[parquet]'") from None
    try:
        yield arrow, opened(arrow)
    except (arrow.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise DataError(f"not {what} that can be read ({first_line(error)})") from None


def index_columns(schema: Any) -> list[str]:
    """The columns in which pandas has put the index of a frame: they name rows. Numbers from 0 on are in none."""
    try:
        found = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
    except (ValueError, KeyError, TypeError, RecursionError):  # written by something else
        return []
    names = {*schema.names}
    return [name for name in found if isinstance(name, str) and name in names] if isinstance(found, list) else []


def listed_columns(schema: Any, is_dictionary: Callable[[Any], bool]) -> frozenset[str]:
    """Names of the columns of a schema that list their values."""
    return frozenset(field.name for field in schema if is_dictionary(field.type))


def _with_index(wanted: Wanted, index: list[str]) -> Wanted:
    """A frame's index names its rows, unless something else does. Raises DataError where it cannot."""
    if wanted.id_column is not None or not index or not {*index}.isdisjoint({wanted.target, *(wanted.features or ())}):
        return wanted
    if len(index) > 1:
        raise DataError(f"the index of the frame has {len(index)} columns; name the one with row ids, or reset it")
    return replace(wanted, id_column=index[0])


def _require_readable(kinds: Any, table: BatchFile, features: list[str], wanted: Wanted, width: int) -> None:
    """Columns of the right types, which fit into memory; none of their values has been read."""
    others = wanted.others
    refused: dict[str, DataError] = {}
    for name, own in zip(features, wanted.sourced(features), strict=True):
        kind = table.schema.field(name).type
        if own is None or own.as_numbers:
            listed = name in table.listed and own is None and name not in wanted.numbers
            if listed or not _are_numbers(kinds, kind):
                reason = HOLDS_CATEGORIES if listed else f"holds {kind}, not numbers"
                refused[name] = DataError(reason, column=name, found=str(kind))
        else:
            _require_flat(kinds, kind, name)
    if refused:
        raise _with_others(kinds, table, refused, wanted)
    for name in others:
        _require_flat(kinds, table.schema.field(name).type, name)
    _require_room(table, table.rows or 0, width, {*features}, {*others})


def _require_room(table: BatchFile, rows: int, width: int, features: set[str], others: set[str]) -> None:
    numbers = held(rows * width * NUMBER_BYTES)
    require_room(rows, width, numbers + table.unpacked(features, others), len(others))


def _read(
    arrow: Any, table: BatchFile, features: list[str], wanted: Wanted, made: tuple[str, ...]
) -> tuple[NDArray[Any], dict[str, list[object]], Gaps]:
    """The numbers (N, d), the other columns by name, and what is missing, if that is not refused."""
    X, gaps, others, sources = (
        Growing(len(made)),
        Gaps(wanted.target, wanted.gaps),
        wanted.others,
        wanted.sourced(features),
    )
    values: dict[str, list[object]] = {name: [] for name in others}
    for batch in table.batches(features, others):
        if X.rows + batch.num_rows > (table.rows or 0):
            _require_room(table, X.rows + batch.num_rows, len(made), {*features}, {*others})
        columns, refused = [], Refusals()
        for name, own in zip(features, sources, strict=True):
            with refused.kept():
                columns.append(_cells(arrow, batch.column(name), own, X.rows))
        refused.say()
        for name in table.listed.intersection(features):
            column = batch.column(name)
            known = arrow.types.is_dictionary(column.type)
            wanted.lists(name, column.dictionary if known else column.unique(), known)
        piece = np.concatenate(columns, axis=1)
        if not np.isfinite(piece).all():
            gaps.note_numbers(np.stack([own[:, 0] for own in columns], axis=1), features, X.rows)
            check_finite(np.where(np.isnan(piece), 0, piece), made, X.rows)
        for name in others:
            values[name] += _values(arrow, batch.column(name), name)
        if wanted.target is not None:
            labels = values[wanted.target][X.rows :]
            missing = [X.rows + row for row in missing_rows(labels) if wanted.lacks_label(labels[row])]
            gaps.note_rows(missing, wanted.target)
        X.append(piece)
    if wanted.whole:
        gaps.refuse(X.rows)
    return X.finish(), values, gaps


def _are_numbers(kinds: Any, found: Any) -> bool:
    own = found.value_type if kinds.is_dictionary(found) else found
    return any(is_kind(own) for is_kind in (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal))


def _with_others(kinds: Any, table: BatchFile, refused: dict[str, DataError], wanted: Wanted) -> DataError:
    """What is wrong with the first of these columns, what to do, and which others are like it."""
    found = {name: _kind_of(kinds, table.schema.field(name).type) for name in refused}
    name, first = next(iter(refused.items()))
    if len(refused) > 1:
        return all_unfit(first, found, None if wanted.known else OF_FILES)
    return with_more(first, wanted.categories_remedy(name) if first.reason == HOLDS_CATEGORIES else wanted.remedy)


def _kind_of(kinds: Any, found: Any) -> str:
    """What is in a column of a type that is none of numbers, as far as the type says."""
    if kinds.is_dictionary(found):
        return CATEGORIES
    if kinds.is_temporal(found):
        return TIMES
    texts = (kinds.is_string, kinds.is_large_string, getattr(kinds, "is_string_view", kinds.is_string))
    return UNREAD if any(is_kind(found) for is_kind in texts) else OTHERS


def _require_flat(kinds: Any, found: Any, name: str) -> None:
    """A row of a list can hold any number of values, which nothing counts before they are read."""
    if kinds.is_nested(found.value_type if kinds.is_dictionary(found) else found):
        raise DataError(f"holds {found}, not a value for each row", column=name, found=str(found))


def _values(arrow: Any, column: Any, name: str) -> list[object]:
    """Labels or ids of some rows; of texts that are equal there is one."""
    kinds = arrow.types
    if any(is_kind(column.type) for is_kind in _plain(kinds)) and column.null_count == 0:
        plain: list[object] = column.to_numpy(zero_copy_only=False).tolist()
        return plain
    if kinds.is_string(column.type) or kinds.is_large_string(column.type):
        column = column.dictionary_encode()
    if not kinds.is_dictionary(column.type):
        listed: list[object] = column.to_pylist()
        return listed
    # The dictionary may have all texts of the file, so only those of these rows are looked at.
    codes = column.indices.cast(arrow.int64(), safe=False).fill_null(-1).to_numpy(zero_copy_only=False)
    used, places = np.unique(codes, return_inverse=True)
    listing = column.dictionary  # of which pyarrow cannot take some, if it is of views, as polars writes it
    known = [listing[place].as_py() for place in used[used >= 0].tolist()]
    if any(isinstance(word, (str, bytes)) and len(word) > MAX_TEXT for word in known):
        raise DataError(f"holds texts of more than {MAX_TEXT} characters", column=name)
    words = [None] * (len(used) - len(known)) + known
    return [words[place] for place in places.tolist()]


def _plain(kinds: Any) -> tuple[Callable[[Any], bool], ...]:
    """Kinds of columns of which numpy makes the objects that pyarrow would make one by one."""
    return kinds.is_integer, kinds.is_float32, kinds.is_float64, kinds.is_boolean


def _cells(arrow: Any, column: Any, own: ColumnReader | None, first: int) -> NDArray[np.float64]:
    """A column of some rows as features (n, width); what is missing is not a number."""
    if own is not None and not own.as_numbers:
        return numbers_of(column.to_pylist(), own, first)
    # What Python makes of such a number, too, is the nearest float64.
    plain = column.dictionary_decode() if arrow.types.is_dictionary(column.type) else column
    if not arrow.types.is_float64(plain.type):
        plain = plain.cast(arrow.float64(), safe=False)
    found = np.asarray(plain.to_numpy(zero_copy_only=False), dtype=np.float64)
    return (own.filled_in(found) if isinstance(own, NumberSource) else found)[:, None]
