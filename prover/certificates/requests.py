"""Lists of requests for deletion, as people keep them: CSV files with a heading."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ...errors import DataError
from ...formats.files import read_text
from ...verifier.certificates.requests import MAX_REQUESTS, DeletionRequest

COLUMNS = ("reference", "received_at", "due_at", "completed_at")
NEEDED = ("reference", "received_at")
MAX_BYTES = 1 << 25


def read_requests(path: Path | str, completed_at: str) -> tuple[DeletionRequest, ...]:
    """The requests of a CSV file, UTF-8, with a heading of `COLUMNS`, of which the last two may be missing or empty.

    Args:
        completed_at: when those were completed of which the file does not say so.

    Raises:
        DataError: it cannot be read, or a line is no request; naming file and line.
    """
    reader = csv.reader(io.StringIO(read_text(path, MAX_BYTES), newline=""), strict=True)
    found: list[DeletionRequest] = []
    try:
        heading = next(reader, [])
        _require_heading(heading, str(path))
        for cells in reader:
            if not cells:
                continue
            if len(found) == MAX_REQUESTS:
                raise DataError(f"more than {MAX_REQUESTS:,} requests", file=str(path))
            if len(cells) != len(heading):
                reason = f"{len(cells)} cells under {len(heading)} columns"
                raise DataError(reason, file=str(path), line=reader.line_num)
            found.append(_request(dict(zip(heading, cells, strict=True)), completed_at, str(path), reader.line_num))
    except csv.Error as error:
        raise DataError(f"not CSV: {error}", file=str(path), line=reader.line_num) from None
    return tuple(found)


def _require_heading(heading: list[str], file: str) -> None:
    unknown = [name for name in heading if name not in COLUMNS]
    missing = [name for name in NEEDED if name not in heading]
    if unknown or missing or len(set(heading)) < len(heading):
        wrong = f"no column {missing[0]!r}" if missing else f"column {unknown[0]!r}" if unknown else "a column twice"
        raise DataError(f"{wrong}: the heading names {', '.join(COLUMNS)}", file=file, line=1)


def _request(cells: dict[str, str], completed_at: str, file: str, line: int) -> DeletionRequest:
    due, completed = cells.get("due_at") or None, cells.get("completed_at") or completed_at
    try:
        return DeletionRequest(cells["reference"], cells["received_at"], completed, due)
    except DataError as error:
        raise error.at(file=file, line=line) from None
