"""A table as the owner has it, and what every kind of file has to fulfil. Messages name file, line and column."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...formats.files import SHOWN_TEXT
from ...models.encoding.columns import table_pieces
from ...models.shapes import label_range

SHOWN_COLUMNS = 12  # how many column names a message lists
PIECE_ROWS = 1 << 12  # that are read and turned into numbers at a time

Labels = NDArray[np.float64] | NDArray[np.str_]
Place = Callable[[int], str]  # row, counted from 0 -> where a person finds it


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class RawTable:
    """A table as the owner has it, before any encoding.

    Attributes:
        X: features (N, d), finite real numbers; where they are many, in a file.
        y: labels (N,): finite float64 where all of them are numbers, else texts of at most two classes.
        ids: N distinct texts; "1" to "N" if the table has none.
        names: d feature names, in column order.
        target: name of the label column.
        source: the file it came from.
        lines: the line of the file that each row begins on; None where rows are not lines.
    """

    X: NDArray[Any]
    y: Labels
    ids: tuple[str, ...]
    names: tuple[str, ...]
    target: str
    source: str
    lines: Sequence[int] | None = None

    def place(self, row: int) -> str:
        """Where a person finds a row, which is counted from 0."""
        return f"{self.source}: row {row + 1}" if self.lines is None else f"{self.source}: line {self.lines[row]}"

    def constant_columns(self) -> list[str]:
        """Names of features that have one value in every row."""
        same = np.ones(len(self.names), dtype=bool)
        for _, piece in table_pieces(self.X):
            same &= (piece == self.X[0]).all(axis=0)
        return [name for name, constant in zip(self.names, same, strict=True) if constant]


def check_fits(table: RawTable, bounds: Mapping[str, tuple[float, float]] | None, label_kind: str | None) -> None:
    """Refuse cells that the encoding would refuse, but naming file and line.

    Raises:
        DataError: a value outside its declared bounds, or a label that is not of the declared kind.
    """
    declared = bounds or {}
    if bounds is not None:
        _check_bounds(table, table.X, table.names, declared)
    if table.y.dtype.kind != "f":
        return
    labels = table.y.astype(np.float64)
    low, high = label_range("count")
    bad = np.flatnonzero((labels != np.rint(labels)) | (labels < low) | (labels > high))
    if label_kind == "count" and len(bad):
        raise DataError(
            f"{table.place(int(bad[0]))}, column {table.target!r}: {labels[bad[0]]} is not a count, "
            f"an integer from {low} to {high}"
        )
    _check_bounds(table, labels[:, None], (table.target,), declared)


def _check_bounds(
    table: RawTable, columns: NDArray[Any], names: Sequence[str], bounds: Mapping[str, tuple[float, float]]
) -> None:
    """Columns (N, k) of the table, of which some have bounds."""
    pairs = [bounds.get(name, (-math.inf, math.inf)) for name in names]
    low, high = (np.array(ends) for ends in zip(*pairs, strict=True))
    for start, piece in table_pieces(columns):
        outside = (piece < low) | (piece > high)
        if outside.any():
            row, k = np.argwhere(outside)[0]
            raise DataError(
                f"{table.place(int(start + row))}, column {names[k]!r}: {float(piece[row, k])} is outside the declared "
                f"bounds [{pairs[k][0]}, {pairs[k][1]}]"
            )


def check_names(names: Sequence[str], source: str) -> None:
    """Refuse a column without a name, and two of one name."""
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name.strip():
            raise DataError(f"{source}: column {number} has no name")
        if name in seen:
            raise DataError(f"{source}: columns {seen[name]} and {number} are both named {name!r}")
        seen[name] = number


def find(name: str, names: Sequence[str], source: str, what: str = "column") -> int:
    """Where a name is; if it is nowhere, the message has the names that are near."""
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


def feature_names(names: Sequence[str], target: str, id_column: str | None, source: str) -> list[str]:
    """The columns that are neither target nor ids, after checking that those two are there."""
    check_names(names, source)
    for name in (target, id_column):
        if name is not None:
            find(name, names, source)
    features = [name for name in names if name not in (target, id_column)]
    if not features:
        raise DataError(f"{source}: no feature column is left beside target and ids")
    return features


def number(text: str) -> float | None:
    """A real number as people write it; None for anything else, underscores (which float takes) included."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def bad_cell(text: str, what: str) -> str:
    """What is wrong with a cell that should be `what`."""
    if not text.strip():
        return "the cell is empty"
    if number(text) is not None:
        return f"{text[:SHOWN_TEXT]!r} is not a finite number"
    return f"{text[:SHOWN_TEXT]!r} is not {what}"


def labels_of(texts: Sequence[str], target: str, place: Place) -> Labels:
    """Numbers if all labels are, else texts of two classes."""
    numbers = [number(text) for text in texts]
    for row, (text, value) in enumerate(zip(texts, numbers, strict=True)):
        unusable = "\0" in text or (value is not None and not math.isfinite(value))  # numpy drops zeros at the end
        if not text.strip() or unusable:
            raise DataError(f"{place(row)}, column {target!r}: {bad_cell(text, 'a label')}")
    if None not in numbers:
        return np.array(numbers, dtype=np.float64)
    classes = list(dict.fromkeys(texts))
    if len(classes) > 2:
        mixed = any(value is not None for value in numbers)
        row = numbers.index(None) if mixed else texts.index(classes[2])
        reason = "is not a number" if mixed else "is a third class"
        raise DataError(
            f"{place(row)}, column {target!r}: {texts[row][:SHOWN_TEXT]!r} {reason}; labels are numbers or two classes"
        )
    return np.array(texts, dtype=np.str_)


def check_ids(ids: Sequence[str], column: str, place: Place) -> tuple[str, ...]:
    """Refuse ids that are empty, of several lines, or not distinct."""
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


def row_numbers(rows: int) -> tuple[str, ...]:
    """Ids of rows that have none."""
    return tuple(str(row + 1) for row in range(rows))


def check_finite(rows: NDArray[Any], names: Sequence[str], place: Place, first: int = 0) -> None:
    """Refuse a number that is not finite in some rows (n, d) of the table, of which `first` is the first one's."""
    finite = np.isfinite(rows)
    if not finite.all():
        row, k = np.argwhere(~finite)[0]
        raise DataError(f"{place(int(first + row))}, column {names[k]!r}: {rows[row, k]} is not a finite number")


def texts_of(values: Sequence[object], name: str, place: Place) -> list[str]:
    """The text of each label: a number's is what float reads back, a truth value's is 0 or 1."""
    for row, value in enumerate(values):
        if isinstance(value, (list, dict, bytes)):
            raise DataError(f"{place(row)}, column {name!r}: a {type(value).__name__} is not a label")
    return ["" if v is None else str(int(v)) if isinstance(v, (bool, np.bool_)) else str(v) for v in values]


def id_texts(values: Sequence[object], name: str, place: Place) -> list[str]:
    """The text of each id: texts and integers only."""
    for row, value in enumerate(values):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int))):
            raise DataError(f"{place(row)}, column {name!r}: a {type(value).__name__} is not an id; use text")
    return ["" if value is None else str(value) for value in values]


def first_line(error: Exception) -> str:
    """What an error of another library says, short."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
