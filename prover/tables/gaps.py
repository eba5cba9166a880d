"""Cells without a value: all of them are counted before the first one is refused, so that one look shows what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...models.encoding.cells import SAYS_SO, is_gap_of
from ...models.encoding.columns import table_pieces
from ..kernels.storage import Growing

SHOWN_COLUMNS = 12
EMPTY = "the cell is empty"
T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Whole:
    """The rows of a table in which nothing is missing.

    Attributes:
        kept: truth values (N,).
    """

    kept: NDArray[np.bool_]

    def of(self, values: Sequence[T]) -> list[T]:
        """Those of values (N,)."""
        return [*values] if self.kept.all() else list(compress(values, self.kept.tolist()))

    @property
    def left_out(self) -> int:
        """How many are left out."""
        return int((~self.kept).sum())

    def others(self, values: Sequence[T]) -> list[T]:
        """The values (N,) of rows that are left out."""
        return [] if self.kept.all() else list(compress(values, (~self.kept).tolist()))

    def rows(self, X: NDArray[Any]) -> NDArray[Any]:
        """Those of a table (N, d), which may be in a file."""
        if self.kept.all():
            return X
        found = Growing(X.shape[1])
        for start, piece in table_pieces(X):
            found.append(piece[self.kept[start : start + len(piece)]])
        return found.finish()


def missing_rows(values: Sequence[object]) -> list[int]:
    """The rows of cells (N,) in which there is no value."""
    if {*map(type, values)} <= {int, bool}:
        return []
    missing = {value for value in {*values} if is_gap_of(value)}  # each different one is looked at once
    return [row for row, value in enumerate(values) if value in missing] if missing else []


@dataclass(frozen=True)
class Remedy:
    """What can be done about missing cells, in words; empty where nothing can be declared any more.

    Attributes:
        declare: of features.
        leave_out: of whole rows.
        classes: of labels that say in a word that they are missing.
    """

    declare: str
    leave_out: str
    classes: str = ""


OF_FILES = Remedy(
    "declare in a bounds file what they count as (missing = ..)",
    "leave such rows out (--leave-out-incomplete)",
    "if that is a class, name all classes (--classes)",
)
IN_MEMORY = Remedy(
    'declare in bounds what they count as ("missing": ..)', "leave such rows out, and say so by left_out_ids"
)
NEW_ROWS = Remedy("", "leave such rows out")  # of columns that were declared before
APPENDED = Remedy("", "leave such rows out, and say whose they are (--left-out)")


class Gaps:
    """What is missing of a table.

    Args:
        target: name of the column of labels, of which none can be declared.
        remedy: what can be done about it.
    """

    def __init__(self, target: str | None = None, remedy: Remedy = OF_FILES) -> None:
        self._target, self._remedy = target, remedy
        self._says_so = False  # whether a label does in a word
        self._first: tuple[int, str, str] | None = None
        self._columns: Counter[str] = Counter()
        self._rows: set[int] = set()

    def note(self, row: int, column: str, reason: str = EMPTY) -> None:
        """A cell of a column is missing."""
        self.note_rows([row], column, reason)

    def note_rows(self, rows: Sequence[int], column: str, reason: str = EMPTY) -> None:
        """Cells of a column are missing in these rows, which increase."""
        if not rows:
            return
        self._says_so |= column == self._target and reason.endswith(SAYS_SO)
        if self._first is None or rows[0] < self._first[0]:
            self._first = rows[0], column, reason
        self._columns[column] += len(rows)
        self._rows.update(rows)

    def note_numbers(self, cells: NDArray[Any], columns: Sequence[str], first: int = 0) -> None:
        """Cells of some rows (n, d) that are not a number are missing: numbers have no other way to say it.

        Args:
            columns: names of all d.
            first: the number of the first row.
        """
        if cells.dtype.kind != "f":
            return
        missing = np.isnan(cells)
        for k in np.flatnonzero(missing.any(axis=0)).tolist():
            self.note_rows((first + np.flatnonzero(missing[:, k])).tolist(), columns[k])

    def whole(self, rows: int) -> Whole:
        """The rows, of so many, in which nothing is missing. Raises DataError if there is none."""
        kept = np.ones(rows, dtype=np.bool_)
        kept[list(self._rows)] = False
        if rows and not kept.any():
            raise DataError(f"in each of {rows:,} rows a value is missing: {self._listed()}")
        return Whole(kept)

    def refuse(self, rows: int, lines: Sequence[int] | None = None) -> None:
        """Raise DataError if anything is missing in a table of so many rows, naming the first cell, with all counts."""
        if self._first is None:
            return
        row, column, reason = self._first
        if self._columns.total() > 1:
            reason += f"; of {rows:,} rows values are missing: {self._listed()}"
        remedies = ["" if {*self._columns} == {self._target} else self._remedy.declare, self._remedy.leave_out]
        remedies.append(self._remedy.classes if self._says_so else "")
        reason += "; " + ", or ".join(filter(None, remedies))
        raise DataError(
            reason, line=None if lines is None else lines[row], row=row if lines is None else None, column=column
        )

    def _listed(self) -> str:
        listed = [f"{count:,} in {name!r}" for name, count in self._columns.most_common(SHOWN_COLUMNS)]
        return ", ".join(listed) + (", ..." if len(self._columns) > SHOWN_COLUMNS else "")
