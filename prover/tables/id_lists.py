"""Lists of ids as people and their tools write them: one a line, or a column of a CSV, Parquet or Arrow file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...circuits.statements.ids import identify
from ...errors import DataError, FormatError, require_path
from ...formats.files import opened
from ...formats.lists import MAX_LIST_BYTES, read_ids
from .arrow_tables import ARROW_ENDS, read_arrow_column
from .csv_format import CsvFormat
from .csv_tables import read_csv_ids
from .parquet_tables import read_parquet_column

PLAIN = CsvFormat()
TABLES = (".csv", ".tsv")
COLUMNS = {".parquet": read_parquet_column, **dict.fromkeys(ARROW_ENDS, read_arrow_column)}
COLUMN = "say which column has the ids"


def read_id_list(
    path: str | Path, column: str | None = None, *, comments: bool = True, written: CsvFormat = PLAIN, least: int = 1
) -> tuple[str, ...]:
    """Ids in a file, exactly as they are written, also those that are there twice; empty lines are skipped.

    Args:
        column: of a CSV with a header, or of a Parquet or Arrow file, told apart by the end of its name; without it
            there is one id a line.
        comments: of such lines, whether those that begin with # are none; False where ids of the data begin so.
        written: how a CSV is written.
        least: how many there have to be: 1, or 0, where an empty file is a list of nobody.

    Raises:
        DataError: unreadable, no id at all, or a row of a table without one; names file and line.
    """
    require_path("path", path)
    end = Path(path).suffix.lower()
    if not least and Path(path).is_file() and not Path(path).stat().st_size:
        return ()
    if column is None and end in COLUMNS:
        raise DataError(f"{path}: a table; {COLUMN}")
    if column is None:
        return read_ids(path, comments, least)
    try:
        with opened(path, MAX_LIST_BYTES) as file:
            if end in COLUMNS:
                return _column_ids(COLUMNS[end](file, column), column, least)
            return read_csv_ids(file, column, written, least)
    except DataError as error:
        raise (error if str(error).startswith(str(path)) else error.at(file=str(path))) from None
    except FormatError as error:
        raise DataError(str(error)) from None


def _column_ids(values: Sequence[object], column: str, least: int) -> tuple[str, ...]:
    """Texts as they are, and of integers those by which they name rows. Raises DataError, naming the row."""
    ids = []
    for row, value in enumerate(values):
        try:
            ids.append(value if isinstance(value, str) and value.strip() else identify(value))
        except DataError as error:
            raise error.at(row=row, column=column) from None
    if len(ids) < least:
        raise DataError("there is no id in it")
    return tuple(ids)


def column_hint(path: str | Path, column: str | None) -> str:
    """What to add to the refusal of ids that came from a file which may be a CSV."""
    return f"; of a CSV {COLUMN}" if column is None and Path(path).suffix.lower() in TABLES else ""
