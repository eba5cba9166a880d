"""The owner's tables, and the small text files of both sides, from disk to numpy arrays and tuples.

`read_table` is the function most callers need. CSV, Parquet and .npz give the same `RawTable`; what cannot be
used is refused with one line that names file, line (or row) and column, before anything is computed:

    CSV       UTF-8 (a byte order mark is fine), commas, the first line names the columns
    Parquet   numbers, and texts where they are ids or classes; needs the extra `parquet`
    .npz      arrays X (N, d) and optionally names (d,); labels and ids are arrays named by the caller, and an
              array `ids` is used unasked; nothing pickled is ever loaded

`read_bounds`, `read_ids` and `read_digests` are those of `text_files`. Nothing here needs numba.
"""

from __future__ import annotations

import csv
import difflib
import importlib
import io
import math
import zipfile
import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.errors import DataError
from ..models.schedule import label_range
from .text_files import SHOWN_TEXT, decode_text, read_bounds, read_bytes, read_digests, read_ids

__all__ = ["RawTable", "check_fits", "read_bounds", "read_digests", "read_ids", "read_table"]

MAX_TABLE_BYTES = 1 << 40  # no limit in practice; memory is the limit
SHOWN_COLUMNS = 12  # how many column names a message lists

Labels = NDArray[np.float64] | NDArray[np.str_]
Place = Callable[[int], str]  # row, counted from 0 -> where a person finds it


@dataclass(frozen=True)
class RawTable:
    """A table as the owner has it, before any encoding.

    Attributes:
        X: features, float64 (N, d), finite.
        y: labels (N,): finite float64 where all of them are numbers, else texts of at most two classes.
        ids: N distinct texts; "1" to "N" if the table has none.
        names: d feature names, in column order.
        target: name of the label column.
        source: the file it came from.
        lines: the line of the file that each row begins on; None where rows are not lines.
    """

    X: NDArray[np.float64]
    y: Labels
    ids: tuple[str, ...]
    names: tuple[str, ...]
    target: str
    source: str
    lines: Sequence[int] | None = None

    def place(self, row: int) -> str:
        """Where a person finds a row, which is counted from 0."""
        return f"{self.source}: row {row + 1}" if self.lines is None else f"{self.source}: line {self.lines[row]}"


def read_table(path: str | Path, target: str, id_column: str | None = None) -> RawTable:
    """Read a CSV, Parquet or .npz file, told apart by the end of its name.

    Args:
        path: the file.
        target: name of the label column (of the array, in an .npz).
        id_column: name of the column (array) with row ids; without one rows are numbered from 1.

    Raises:
        DataError: the file or one of its cells cannot be used; one line naming file, line and column.
    """
    source = str(path)
    if target == id_column:
        raise DataError(f"{source}: column {target!r} cannot be both the target and the ids")
    data = read_bytes(path, MAX_TABLE_BYTES)
    suffix = Path(path).suffix.lower()
    if suffix not in _READERS:
        raise DataError(f"{source}: unknown kind of table {suffix!r}; known are {', '.join(_READERS)}")
    table = _READERS[suffix](data, source, target, id_column)
    if len(table.X) < 2:
        raise DataError(f"{source}: {'only one row' if len(table.X) else 'no row'}; at least 2 are needed")
    return table


def check_fits(table: RawTable, bounds: Mapping[str, tuple[float, float]] | None, label_kind: str | None) -> None:
    """Refuse cells that the encoding would refuse, but naming file and line.

    Raises:
        DataError: a value outside its declared bounds, or a label that is not of the declared kind.
    """
    columns = [(name, table.X[:, k]) for k, name in enumerate(table.names)]
    if table.y.dtype.kind == "f":
        labels = table.y.astype(np.float64)
        columns.append((table.target, labels))
        low, high = label_range("count")
        bad = np.flatnonzero((labels != np.rint(labels)) | (labels < low) | (labels > high))
        if label_kind == "count" and len(bad):
            raise DataError(
                f"{table.place(int(bad[0]))}, column {table.target!r}: {labels[bad[0]]} is not a count, "
                f"an integer from {low} to {high}"
            )
    for name, values in columns:
        low_bound, high_bound = (bounds or {}).get(name, (-math.inf, math.inf))
        bad = np.flatnonzero((values < low_bound) | (values > high_bound))
        if len(bad):
            raise DataError(
                f"{table.place(int(bad[0]))}, column {name!r}: {values[bad[0]]} is outside the declared bounds "
                f"[{low_bound}, {high_bound}]"
            )


# --- what all kinds of tables share -------------------------------------------------------------------------


def _check_names(names: Sequence[str], source: str) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name.strip():
            raise DataError(f"{source}: column {number} has no name")
        if name in seen:
            raise DataError(f"{source}: columns {seen[name]} and {number} are both named {name!r}")
        seen[name] = number


def _find(name: str, names: Sequence[str], source: str, what: str = "column") -> int:
    if name in names:
        return names.index(name)
    folded = {other.strip().casefold(): other for other in names}
    near = difflib.get_close_matches(name.strip().casefold(), folded, n=3)
    if near:
        hint = "did you mean " + " or ".join(repr(folded[other]) for other in near) + "?"
    else:
        more = ", ..." if len(names) > SHOWN_COLUMNS else ""
        hint = f"{what}s are " + ", ".join(map(repr, names[:SHOWN_COLUMNS])) + more
    raise DataError(f"{source}: there is no {what} {name!r}; {hint}")


def _feature_names(names: Sequence[str], target: str, id_column: str | None, source: str) -> list[str]:
    """The columns that are neither target nor ids, after checking that those two are there."""
    _check_names(names, source)
    for name in (target, id_column):
        if name is not None:
            _find(name, names, source)
    features = [name for name in names if name not in (target, id_column)]
    if not features:
        raise DataError(f"{source}: no feature column is left beside target and ids")
    return features


def _number(text: str) -> float | None:
    """A real number as people write it; None for anything else, underscores (which float takes) included."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _bad_cell(text: str, what: str) -> str:
    if not text.strip():
        return "the cell is empty"
    if _number(text) is not None:
        return f"{text[:SHOWN_TEXT]!r} is not a finite number"
    return f"{text[:SHOWN_TEXT]!r} is not {what}"


def _labels(texts: Sequence[str], target: str, place: Place) -> Labels:
    """Numbers if all labels are, else texts of two classes."""
    numbers = [_number(text) for text in texts]
    for row, (text, number) in enumerate(zip(texts, numbers, strict=True)):
        if not text.strip() or (number is not None and not math.isfinite(number)):
            raise DataError(f"{place(row)}, column {target!r}: {_bad_cell(text, 'a label')}")
    if None not in numbers:
        return np.array(numbers, dtype=np.float64)
    classes = list(dict.fromkeys(texts))
    if len(classes) > 2:
        mixed = any(number is not None for number in numbers)
        row = numbers.index(None) if mixed else texts.index(classes[2])
        reason = "is not a number" if mixed else "is a third class"
        raise DataError(
            f"{place(row)}, column {target!r}: {texts[row][:SHOWN_TEXT]!r} {reason}; labels are numbers or two classes"
        )
    return np.array(texts, dtype=np.str_)


def _check_ids(ids: Sequence[str], column: str, place: Place) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for row, text in enumerate(ids):
        if not text.strip():
            raise DataError(f"{place(row)}, column {column!r}: the id is empty")
        if "\n" in text or "\r" in text:
            raise DataError(f"{place(row)}, column {column!r}: the id has a line break in it")
        if text in seen:
            first = place(seen[text]).rpartition(": ")[2]
            raise DataError(f"{place(row)}, column {column!r}: id {text[:SHOWN_TEXT]!r} is also that of {first}")
        seen[text] = row
    return tuple(ids)


def _row_numbers(rows: int) -> tuple[str, ...]:
    return tuple(str(row + 1) for row in range(rows))


def _check_finite(column: NDArray[np.float64], name: str, place: Place) -> None:
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise DataError(f"{place(int(bad[0]))}, column {name!r}: {column[bad[0]]} is not a finite number")


# --- CSV ----------------------------------------------------------------------------------------------------


def _csv_records(text: str, source: str) -> list[tuple[int, list[str]]]:
    """Records with the line each begins on, counted from 1; blank lines are skipped."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for record in reader:
            if record:
                records.append((line, record))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{source}: line {line}: a quoted field is broken ({error})") from None
    return records


def _read_csv(data: bytes, source: str, target: str, id_column: str | None) -> RawTable:
    records = _csv_records(decode_text(data, source), source)
    if not records:
        raise DataError(f"{source}: the file has no header")
    names = records.pop(0)[1]
    for separator in (";", "\t"):
        if len(names) == 1 and separator in names[0]:
            raise DataError(f"{source}: line 1: fields are separated by {separator!r}, must be by commas")
    features = _feature_names(names, target, id_column, f"{source}: line 1")
    if not records:
        raise DataError(f"{source}: there is a header, but no row")
    lines = array("q", (line for line, _ in records))

    def place(row: int) -> str:
        return f"{source}: line {lines[row]}"

    indices = [names.index(name) for name in features]
    X = np.empty((len(records), len(features)), dtype=np.float64)
    for row, (_, cells) in enumerate(records):
        if len(cells) != len(names):
            raise DataError(f"{place(row)}: {len(cells)} fields, but the header has {len(names)}")
        for k, index in enumerate(indices):
            number = _number(cells[index])
            if number is None or not math.isfinite(number):
                raise DataError(f"{place(row)}, column {names[index]!r}: {_bad_cell(cells[index], 'a number')}")
            X[row, k] = number
    labels = _labels([cells[names.index(target)] for _, cells in records], target, place)
    if id_column is None:
        ids = _row_numbers(len(records))
    else:
        ids = _check_ids([cells[names.index(id_column)] for _, cells in records], id_column, place)
    return RawTable(X, labels, ids, tuple(features), target, source, lines)


# --- Parquet ------------------------------------------------------------------------------------------------


def _read_parquet(data: bytes, source: str, target: str, id_column: str | None) -> RawTable:
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise DataError(f"{source}: reading Parquet needs pyarrow: pip install 'zkunlearn[parquet]'") from None
    try:
        table = parquet.read_table(arrow.BufferReader(data))
    except (arrow.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"{source}: not a Parquet file that can be read ({_first_line(error)})") from None
    names = list(table.column_names)
    features = _feature_names(names, target, id_column, source)

    def place(row: int) -> str:
        return f"{source}: row {row + 1}"

    X = np.empty((table.num_rows, len(features)), dtype=np.float64)
    for k, name in enumerate(features):
        X[:, k] = _arrow_numbers(arrow, table.column(name), name, source, place)
    labels = _labels(_texts(table.column(target).to_pylist(), target, place), target, place)
    if id_column is None:
        ids = _row_numbers(table.num_rows)
    else:
        ids = _check_ids(_id_texts(table.column(id_column).to_pylist(), id_column, place), id_column, place)
    return RawTable(X, labels, ids, tuple(features), target, source)


def _arrow_numbers(arrow: Any, column: Any, name: str, source: str, place: Place) -> NDArray[np.float64]:
    kinds = arrow.types
    is_number = (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal)
    if not any(is_kind(column.type) for is_kind in is_number):
        raise DataError(f"{source}: column {name!r}: holds {column.type}, not numbers")
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise DataError(f"{place(row)}, column {name!r}: the cell is empty")
    numbers: NDArray[np.float64] = np.array([float(v) for v in column.to_pylist()], dtype=np.float64)
    _check_finite(numbers, name, place)
    return numbers


def _texts(values: Sequence[object], name: str, place: Place) -> list[str]:
    """The text of each label: a number's is what float reads back, a truth value's is 0 or 1."""
    for row, value in enumerate(values):
        if isinstance(value, (list, dict, bytes)):
            raise DataError(f"{place(row)}, column {name!r}: a {type(value).__name__} is not a label")
    return ["" if v is None else str(int(v)) if isinstance(v, (bool, np.bool_)) else str(v) for v in values]


def _id_texts(values: Sequence[object], name: str, place: Place) -> list[str]:
    for row, value in enumerate(values):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int))):
            raise DataError(f"{place(row)}, column {name!r}: a {type(value).__name__} is not an id; use text")
    return ["" if value is None else str(value) for value in values]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


# --- .npz ---------------------------------------------------------------------------------------------------


def _read_npz(data: bytes, source: str, target: str, id_column: str | None) -> RawTable:
    arrays = _load_npz(data, source)
    id_array = id_column or ("ids" if "ids" in arrays and target != "ids" else None)
    for name in ("X", target, *filter(None, [id_array])):
        _find(name, tuple(arrays), source, "array")
    if arrays["X"].ndim != 2 or arrays["X"].shape[1] == 0 or arrays["X"].dtype.kind not in "fiub":
        raise DataError(f"{source}: array 'X' must be numbers (N, d), it is {_shape_of(arrays['X'])}")
    rows, width = arrays["X"].shape
    names = [f"x{k}" for k in range(1, width + 1)]
    if "names" in arrays:
        names = _vector(arrays, "names", "U", width, source)
        _check_names(names, f"{source}: array 'names'")

    def place(row: int) -> str:
        return f"{source}: row {row + 1}"

    X = arrays["X"].astype(np.float64)
    for k, name in enumerate(names):
        _check_finite(X[:, k], name, place)
    labels = _labels(_texts(_vector(arrays, target, "fiubU", rows, source), target, place), target, place)
    if id_array is None:
        return RawTable(X, labels, _row_numbers(rows), tuple(names), target, source)
    ids = _id_texts(_vector(arrays, id_array, "iuU", rows, source), id_array, place)
    return RawTable(X, labels, _check_ids(ids, id_array, place), tuple(names), target, source)


def _load_npz(data: bytes, source: str) -> dict[str, NDArray[Any]]:
    broken = (ValueError, OSError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error)
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise DataError(f"{source}: one array; an .npz with arrays 'X', 'y' is needed (numpy.savez)")
        with loaded as archive:
            return {name: archive[name] for name in archive.files}
    except broken as error:
        raise DataError(f"{source}: not an .npz that can be read ({_first_line(error)})") from None


def _vector(arrays: dict[str, NDArray[Any]], name: str, kinds: str, length: int, source: str) -> list[Any]:
    found = arrays[name]
    if found.shape != (length,) or found.dtype.kind not in kinds:
        wanted = " or ".join(dict.fromkeys(_KIND_NAMES[kind] for kind in kinds))
        raise DataError(f"{source}: array {name!r} must be {length} {wanted}, it is {_shape_of(found)}")
    values: list[Any] = found.tolist()
    return values


def _shape_of(found: NDArray[Any]) -> str:
    return f"{found.dtype} {'x'.join(map(str, found.shape)) or 'scalar'}"


_KIND_NAMES = {"f": "numbers", "i": "integers", "u": "integers", "b": "truth values", "U": "texts"}
_READERS = {".csv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}
