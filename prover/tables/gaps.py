"""Cells without a value: all of them are counted before the first one is refused, so that one look shows what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...errors import DataError
from ...formats.files import SHOWN_TEXT

# How tools write that there is no value, as they spell it; a class may well be called "none".
WORDS = frozenset({"#N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null"})
SHOWN_COLUMNS = 12


def is_gap(text: str) -> bool:
    """Whether a cell of a text file has no value."""
    stripped = text.strip()
    return not stripped or stripped in WORDS


def gap_text(text: str) -> str:
    """What is wrong with such a cell."""
    return f"{text.strip()[:SHOWN_TEXT]!r} says that a value is missing" if text.strip() else "the cell is empty"


class Gaps:
    """What is missing of a table."""

    def __init__(self) -> None:
        self._first: tuple[int, str, str] | None = None
        self._columns: Counter[str] = Counter()

    def note(self, row: int, column: str, reason: str = "the cell is empty", count: int = 1) -> None:
        """So many cells of a column are missing, the first of them in `row`."""
        if self._first is None:
            self._first = row, column, reason
        self._columns[column] += count

    def refuse(self, rows: int, lines: Sequence[int] | None = None) -> None:
        """Raise DataError if anything is missing in a table of so many rows, naming the first cell, with all counts."""
        if self._first is None:
            return
        row, column, reason = self._first
        if self._columns.total() > 1:
            listed = [f"{count:,} in {name!r}" for name, count in self._columns.most_common(SHOWN_COLUMNS)]
            more = ", ..." if len(self._columns) > SHOWN_COLUMNS else ""
            reason += f"; of {rows:,} rows values are missing: {', '.join(listed)}{more}"
        reason += "; leave such rows out, or fill them by a constant"
        raise DataError(
            reason, line=None if lines is None else lines[row], row=row if lines is None else None, column=column
        )
