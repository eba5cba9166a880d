"""docs/mutation.md: a row for each check that was deleted, written as they are found."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from checks import PLACES, ROOT, Check

PAGE = ROOT / "docs" / "mutation.md"
NOTHING = "**nothing**"
ACCEPTED = " | accepted | "
TABLE = "| file and function | check | without it | noticed by |\n|---|---|---|---|\n"
ROW = re.compile(r"^\| (?:" + "|".join(PLACES) + r")/")
A_TEST = re.compile(r"\| (?:tests/\S|does not end|\*\*nothing\*\*)[^|]*\|$")  # any other last cell was written by hand


class Page:
    """The page as it is: text by hand, which stays, and rows; those of checks that are no more are left out."""

    def __init__(self, checks: Sequence[Check], path: Path = PAGE) -> None:
        self._path, self._lock = path, threading.Lock()
        self._head, _, rest = path.read_text(encoding="utf-8").partition(TABLE)
        old: dict[str, list[str]] = {}
        for row in filter(ROW.match, rest.splitlines()):
            old.setdefault(_what(row), []).append(row)
        self._checks = checks
        self._rows: dict[Check, str] = {}
        for check in checks:
            rows = old.get(_what(check.start))
            if rows:
                self._rows[check] = rows.pop(0)

    def has(self, check: Check) -> bool:
        """Whether it has a row that says what notices it, or why it stays."""
        return NOTHING not in self._rows.get(check, NOTHING)

    def add(self, check: Check, what: str, test: str) -> str:
        """Write the row of a check in its place; why one stays that nothing notices is kept. Returns the row."""
        row = f"{check.start}{what} | {test} |"
        with self._lock:
            old = self._rows.get(check)
            if test == NOTHING and old is not None and not A_TEST.search(old):
                row = old
            self._rows[check] = row
            self._write([self._rows[own] for own in self._checks if own in self._rows])
        return row

    def _write(self, rows: Sequence[str]) -> None:
        accepted, unnoticed = (sum(what in row for row in rows) for what in (ACCEPTED, NOTHING))
        by_hand = sum(not A_TEST.search(row) for row in rows)
        sums = (
            f"{len(rows)} of {len(self._checks)} checks: {accepted} whose deletion lets something in, {by_hand} that "
            f"stay though no test needs them, {unnoticed} that nothing notices."
        )
        self._path.write_text(self._head + TABLE + "\n".join([*rows, "", sums, ""]), encoding="utf-8")


def unnoticed(rows: Iterable[str]) -> int:
    """How many of them say so."""
    return sum(NOTHING in row for row in rows)


def _what(row: str) -> str:
    """The cells of a row that say which check it is of."""
    return row[: row.index("` | ") + len("` | ")]
