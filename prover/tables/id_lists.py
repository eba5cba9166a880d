"""Lists of ids as people and their tools write them: one a line, or a column of a CSV."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError, FormatError, require_path
from ...formats.files import opened
from ...formats.lists import MAX_LIST_BYTES, read_ids
from .csv_format import CsvFormat
from .csv_tables import read_csv_ids

PLAIN = CsvFormat()
TABLES = (".csv", ".tsv")
COLUMN = "of a CSV say which column has the ids"


def read_id_list(
    path: str | Path, column: str | None = None, *, comments: bool = True, written: CsvFormat = PLAIN, least: int = 1
) -> tuple[str, ...]:
    """Ids in a file, exactly as they are written, also those that are there twice; empty lines are skipped.

    Args:
        column: of a CSV with a header; without it there is one id a line.
        comments: of such lines, whether those that begin with # are none; False where ids of the data begin so.
        written: how a CSV is written.
        least: how many there have to be: 1, or 0, where an empty file is a list of nobody.

    Raises:
        DataError: unreadable, no id at all, or a row of a CSV without one; names file and line.
    """
    require_path("path", path)
    if not least and Path(path).is_file() and not Path(path).stat().st_size:
        return ()
    if column is None:
        return read_ids(path, comments, least)
    try:
        with opened(path, MAX_LIST_BYTES) as file:
            return read_csv_ids(file, column, written, least)
    except DataError as error:
        raise (error if str(error).startswith(str(path)) else error.at(file=str(path))) from None
    except FormatError as error:
        raise DataError(str(error)) from None


def column_hint(path: str | Path, column: str | None) -> str:
    """What to add to the refusal of ids that came from a file which may be a CSV."""
    return f"; {COLUMN}" if column is None and Path(path).suffix.lower() in TABLES else ""
