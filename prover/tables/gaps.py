"""Cells without a value: all of them are counted before the first one is refused, so that one look shows what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...models.encoding.cells import is_gap_of
from ...models.encoding.columns import table_pieces
from ..kernels.storage import Growing

SHOWN_COLUMNS = 12
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


class Gaps:
    """What is missing of a table.

    target: name of the column of labels, of which none can be declared.
    """

    def __init__(self, target: str | None = None) -> None:
        self._target = target
        self._first: tuple[int, str, str] | None = None
        self._columns: Counter[str] = Counter()
        self._rows: set[int] = set()

    def note(self, row: int, column: str, reason: str = "the cell is empty") -> None:
        """A cell of a column is missing."""
        if self._first is None:
            self._first = row, column, reason
        self._columns[column] += 1
        self._rows.add(row)

    def note_rows(self, rows: Iterable[int], column: str) -> None:
        """Cells of a column are missing in these rows."""
        for row in rows:
            self.note(row, column)

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
        declare = "declare in a bounds file what they count as (missing = ..), or "
        reason += (
            f"; {'' if {*self._columns} == {self._target} else declare}leave such rows out (--leave-out-incomplete)"
        )
        raise DataError(
            reason, line=None if lines is None else lines[row], row=row if lines is None else None, column=column
        )

    def _listed(self) -> str:
        listed = [f"{count:,} in {name!r}" for name, count in self._columns.most_common(SHOWN_COLUMNS)]
        return ", ".join(listed) + (", ..." if len(self._columns) > SHOWN_COLUMNS else "")
