"""The owner's tables, and the small text files of both sides, from disk to numpy arrays and tuples.

`read_table` is the function most callers need; `read_features` reads chosen columns of rows to predict on. All kinds of
files give the same `RawTable`; what cannot be used is refused with one line that names file, line (or row) and column,
before anything is computed:

    CSV       the first line names the columns; see csv_format.py for what it may look like
    Parquet   numbers, and texts where they are ids or classes; needs the extra `parquet`
    Arrow     the same, in Arrow's own files (Feather, version 2) and streams
    -         standard input: a CSV, or a stream of Arrow's, as its first bytes say
    .npz      arrays X (N, d) and optionally names (d,); labels and ids are arrays named by the caller, and an
              array `ids` is used unasked; nothing pickled is ever loaded

Features may be more than memory holds (prover/kernels/storage.py); labels and ids may not. `read_bounds`,
`read_categories`, `read_ids` and `read_digests` are those of formats/.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import DataError, FormatError
from ...formats.categories import read_categories
from ...formats.files import opened
from ...formats.lists import read_digests, read_ids
from ...formats.toml import read_bounds
from ...models.encoding.dataset import DatasetEncoding
from ...models.encoding.readers import Source
from .arrow_tables import ARROW_ENDS, CONTINUATION, read_arrow
from .csv_format import CsvFormat
from .csv_tables import read_csv
from .gaps import NEW_ROWS, Remedy
from .npz_tables import read_npz
from .parquet_tables import read_parquet
from .raw_table import SHOWN_COLUMNS, RawTable, Wanted
from .survey import Seen, Survey

__all__ = [
    "RawTable",
    "read_bounds",
    "read_categories",
    "read_digests",
    "read_features",
    "read_ids",
    "read_more_rows",
    "read_table",
    "survey_table",
]

LEAST_ROWS = 2  # of a data set
MAX_TABLE_BYTES = 1 << 44  # no limit in practice; the disk is the limit
CSV, CSV_ENDS, PACKED = ".csv", (".csv", ".tsv", ".txt"), (".gz", ".zst")
STANDARD_INPUT = "-"
BY_DIRECTORY = (b"ARROW1", b"PAR1")  # how files begin that have their directory at the end
PLAIN = CsvFormat()
READERS = {CSV: read_csv, ".parquet": read_parquet, **dict.fromkeys(ARROW_ENDS, read_arrow), ".npz": read_npz}


def read_table(
    path: str | Path,
    target: str,
    id_column: str | None = None,
    *,
    several: bool = False,
    unique: Sequence[str] = (),
    features: Sequence[str] | None = None,
    left_out: Sequence[str] = (),
    sources: Sequence[Source] = (),
    numbers: Collection[str] = (),
    whole: bool = True,
    written: CsvFormat = PLAIN,
    classes: Collection[str] = (),
    bounded: Collection[str] | None = None,
) -> RawTable:
    """Read a CSV, Parquet, Arrow or .npz file, told apart by the end of its name.

    Args:
        path: the file.
        target: name of the label column (of the array, in an .npz).
        id_column: name of the column (array) with row ids; without one rows are numbered from 1.
        several: whether one id may have several rows.
        unique: names of columns (arrays) that are no features, and by which no two rows may be equal.
        features: names of the features, whatever else is there; all other columns if None,
        left_out: but for these.
        sources: of columns that are no plain numbers.
        numbers: names of columns that are declared as numbers, even if the file calls them categories.
        whole: whether a row in which a value is missing is refused; otherwise it is left out.
        written: how a CSV is written.
        classes: texts of labels that are these, even if such a text elsewhere says that a value is missing.
        bounded: names of the features, and maybe of the label, that bounds are declared of.

    Raises:
        DataError: the file or one of its cells cannot be used; one line naming file, line and column.
        ParameterError: a feature of a CSV has no bounds, or they have no feature, where they are declared.
    """
    chosen = None if features is None else tuple(features)
    own: dict[str, Any] = {"sources": tuple(sources), "whole": whole, "numbers": numbers, "classes": classes}
    own["bounded"] = bounded
    wanted = Wanted(target, id_column, several, chosen, tuple(unique), tuple(left_out), **own)
    return _table(path, wanted, LEAST_ROWS, written)


def survey_table(
    path: str | Path,
    target: str,
    id_column: str | None = None,
    *,
    unique: Sequence[str] = (),
    features: Sequence[str] | None = None,
    left_out: Sequence[str] = (),
    written: CsvFormat = PLAIN,
) -> tuple[list[Seen], RawTable]:
    """Look at the columns of a file that can become features, whatever is in their cells.

    Args:
        path, target, id_column, unique, features, left_out, written: as for `read_table`.

    Returns:
        What was seen, in the file's order; and a table that has labels and ids, but no features.

    Raises:
        DataError: as for `read_table`.
    """
    chosen = None if features is None else tuple(features)
    wanted = Survey(target, id_column, True, chosen, tuple(unique), tuple(left_out), whole=False, read=written.number)
    table = _table(path, wanted, LEAST_ROWS, written)
    return [wanted.seen[name] for name in table.names], table


def read_features(
    path: str | Path,
    encoding: DatasetEncoding,
    target: str | None = None,
    id_column: str | None = None,
    written: CsvFormat = PLAIN,
) -> RawTable:
    """Read the features of a data set, in their order, from a CSV, Parquet, Arrow or .npz file, whatever else is in it.

    The columns of an .npz without an array `names` are taken by position. One id may have several rows.

    Args:
        path: the file.
        encoding: of the data set.
        target: name of the label column (of the array, in an .npz), if labels are needed, too.
        id_column: name of the column (array) with row ids; without one rows are numbered from 1.
        written: how a CSV is written.

    Raises:
        DataError: the file, one of these columns or one of their cells cannot be used; names file, line and column.
    """
    columns, sources = encoding.columns, encoding.sources
    own: dict[str, Any] = {"sources": sources, "numbers": columns, "gaps": NEW_ROWS, "known": True}
    own["classes"] = encoding.label.classes
    wanted = Wanted(target, id_column, several=True, features=columns, **own)
    return _table(path, wanted, 1, written)


def read_more_rows(
    path: str | Path,
    encoding: DatasetEncoding,
    target: str,
    id_column: str | None = None,
    *,
    several: bool = False,
    written: CsvFormat = PLAIN,
    gaps: Remedy = NEW_ROWS,
) -> RawTable:
    """Read more rows of a data set: no other column may be there. One row is enough.

    Args:
        path, target, id_column, several, written: as for `read_table`.
        encoding: of the data set; its columns may be in any order.
        gaps: what can be done where a value is missing.

    Raises:
        DataError: as for `read_features`; or a column too many.
    """
    columns, sources = encoding.columns, encoding.sources
    own: dict[str, Any] = {"sources": sources, "numbers": columns, "gaps": gaps, "known": True}
    own["classes"] = encoding.label.classes
    wanted = Wanted(target, id_column, several, columns, encoding.keys, **own)
    table = _table(path, wanted, 1, written)
    if table.unused:
        listed = ", ".join(map(repr, table.unused[:SHOWN_COLUMNS]))
        raise DataError(f"a column too many, {listed}: the data set does not have it", file=str(path), line=1)
    return table


def _table(path: str | Path, wanted: Wanted, least: int, written: CsvFormat) -> RawTable:
    """A table of at least so many rows."""
    source, suffix = str(path), _suffix(path)
    if wanted.target is not None and wanted.target == wanted.id_column:
        raise DataError(f"column {wanted.target!r} cannot be both the target and the ids", file=source)
    if wanted.target in wanted.unique or len({*wanted.unique}) < len(wanted.unique):
        raise DataError("unique: the target is among its columns, or one is named twice", file=source)
    if suffix not in READERS:
        packed = f"{', '.join(CSV_ENDS)} (and {' or '.join(PACKED)} of these)"
        known = ", ".join([packed, *(end for end in READERS if end != CSV)])
        raise DataError(f"unknown kind of table {suffix!r}; known are {known}", file=source)
    try:
        with _opened(path) as file:
            suffix = _suffix_of(file) if source == STANDARD_INPUT else suffix
            if suffix != CSV and written != PLAIN:
                raise DataError("delimiter, decimal and encoding are of CSV files", file=source)
            return _read(file, source, suffix, wanted, least, written)
    except FormatError as error:
        raise DataError(str(error)) from None


def _suffix(path: str | Path) -> str:
    """Which reader a file is for: the end of its name, but for that of what it is compressed by."""
    if str(path) == STANDARD_INPUT:
        return CSV  # unless its first bytes say otherwise
    ends = Path(path).suffixes or [""]
    packed = len(ends) > 1 and ends[-1].lower() in PACKED
    end = ends[-2 if packed else -1].lower()
    return CSV if end in CSV_ENDS else end + ends[-1].lower() * packed


def _suffix_of(file: BinaryIO) -> str:
    """Which reader standard input is for, by its first bytes. Raises DataError: a file that is read from its end."""
    if hasattr(file, "peek"):
        start: bytes = file.peek(len(BY_DIRECTORY[0]))
    else:
        start = file.read(len(BY_DIRECTORY[0]))
        file.seek(0)
    if start.startswith(BY_DIRECTORY):
        reason = "a Parquet or Arrow file, of which the end is read first: give its name, or send a stream of Arrow's"
        raise DataError(reason, file=STANDARD_INPUT)
    return ARROW_ENDS[0] if start.startswith(CONTINUATION) else CSV


def _opened(path: str | Path) -> AbstractContextManager[BinaryIO]:
    if str(path) == STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)
    return opened(path, MAX_TABLE_BYTES)


def _read(file: BinaryIO, source: str, suffix: str, wanted: Wanted, least: int, written: CsvFormat) -> RawTable:
    try:
        table = READERS[suffix](file, source, wanted, written)
        if len(table.X) < least:
            raise DataError(f"{'only one row' if len(table.X) else 'no row'}; at least {least} are needed")
    except DataError as error:
        raise error.at(file=source) from None
    return table
