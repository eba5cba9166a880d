"""The manifest as a file: one line for each kind, field and operation, and the check that rejects it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FILE = Path(__file__).parent / "manifest.txt"
Row = tuple[str, str, str, str]


def written(rows: Iterable[Row]) -> str:
    """Kind by kind, field by field: `    operation: answer`."""
    lines: list[str] = []
    last: tuple[str, str] = ("", "")
    for kind, field, operation, answer in rows:
        if kind != last[0]:
            lines += ["", f"# {kind}"] if lines else [f"# {kind}"]
        if (kind, field) != last:
            lines.append(field)
        lines.append(f"    {operation}: {answer}")
        last = (kind, field)
    return "\n".join(lines) + "\n"


def read(text: str) -> list[Row]:
    """What `written` wrote."""
    rows: list[Row] = []
    kind = field = ""
    for line in text.splitlines():
        if line.startswith("# "):
            kind = line[2:]
        elif line.startswith("    "):
            operation, answer = line[4:].split(": ", 1)
            rows.append((kind, field, operation, answer))
        elif line:
            field = line
    return rows
