"""Tables from CSV: the first line names the columns; read line by line."""

from __future__ import annotations

import csv
import io
import itertools
import math
import zlib
from array import array
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from ...errors import DataError
from ..kernels.storage import Growing
from .csv_format import TRUTHS, CsvFormat, require_no_float_ids, spaced, unpacked
from .gaps import Gaps, gap_text, is_gap
from .ids import row_ids, row_numbers
from .raw_table import (
    PIECE_ROWS,
    RawTable,
    Wanted,
    bad_cell,
    check_names,
    find,
    first_line,
    labels_of,
)


def read_csv(file: BinaryIO, source: str, wanted: Wanted, written: CsvFormat) -> RawTable:
    """See read.read_table."""
    try:
        plain = unpacked(file)
        encoding = written.encoding_of(plain)
        return _read(io.TextIOWrapper(plain, encoding=encoding, newline=""), source, wanted, written)
    except UnicodeDecodeError:
        raise _undecodable(file, written) from None
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"the file cannot be read, or unpacked ({first_line(error)})") from None


def _read(text: io.TextIOWrapper, source: str, wanted: Wanted, written: CsvFormat) -> RawTable:
    target, id_column = wanted.target, wanted.id_column
    records = _records(text, written)
    names = next(records, (0, []))[1]
    if not names:
        raise DataError("the file has no header")
    try:
        features = wanted.features_of(names)
    except DataError as error:
        raise error.at(line=1) from None
    columns = [(names.index(name), name) for name in features]
    lines, label_texts, ids = array("q"), [], []
    unique: dict[str, list[str]] = {name: [] for name in wanted.unique}
    kinds: dict[str, str] = {}
    gaps, X, piece = Gaps(), Growing(len(features)), np.empty((PIECE_ROWS, len(features)))

    for row, (line, cells) in enumerate(records):
        lines.append(line)
        if len(cells) != len(names):
            reason = f"{len(cells)} fields, but the header has {len(names)}"
            raise DataError(reason, line=line, expected=len(names), found=len(cells))
        piece[row % PIECE_ROWS] = _numbers(row, line, cells, columns, written, gaps, kinds)
        if target is not None:
            label_texts.append(cells[names.index(target)])
            if is_gap(label_texts[-1]):
                gaps.note(row, target, gap_text(label_texts[-1]))
        if id_column is not None:
            ids.append(cells[names.index(id_column)])
        for name, values in unique.items():
            values.append(cells[names.index(name)])
        if (row + 1) % PIECE_ROWS == 0:
            X.append(piece)
    if not lines:
        raise DataError("there is a header, but no row")
    X.append(piece[: len(lines) % PIECE_ROWS])
    gaps.refuse(len(lines), lines)
    try:
        labels = None if target is None else labels_of(label_texts, target, written.number)
        numbered = id_column is None
        if id_column is not None:
            require_no_float_ids(ids, id_column)
        texts = row_numbers(len(lines)) if numbered else row_ids(ids, id_column, lines, several=wanted.several)
        keys = wanted.keys_of(unique, lines)
    except DataError as error:
        raise error.at(line=None if error.row is None else lines[error.row]) from None
    unused = wanted.unused_of(names)
    return RawTable(X.finish(), labels, texts, tuple(features), target, source, lines, unused, keys)


def read_csv_ids(file: BinaryIO, column: str, written: CsvFormat) -> tuple[str, ...]:
    """The cells of one column, exactly as they are written. Raises DataError: see id_lists.read_id_list."""
    try:
        plain = unpacked(file)
        encoding = written.encoding_of(plain)
        records = _records(io.TextIOWrapper(plain, encoding=encoding, newline=""), written)
        names = next(records, (0, []))[1]
        check_names(names)
        place, ids = find(column, names), []
        for line, cells in records:
            if len(cells) != len(names):
                reason = f"{len(cells)} fields, but the header has {len(names)}"
                raise DataError(reason, line=line, expected=len(names), found=len(cells))
            if not cells[place].strip():
                raise DataError("the id is empty", line=line, column=column)
            ids.append(cells[place])
    except UnicodeDecodeError:
        raise DataError(f"not {written.encoding or 'UTF-8'} text; save the list as a CSV in UTF-8") from None
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"the file cannot be read, or unpacked ({first_line(error)})") from None
    if not ids:
        raise DataError("there is a header, but no id")
    require_no_float_ids(ids, column)
    return tuple(ids)


def _records(text: io.TextIOWrapper, written: CsvFormat) -> Iterator[tuple[int, list[str]]]:
    """Records with the line each begins on, counted from 1; blank lines are skipped."""
    lines = [text.readline()]
    while lines[-1] and not lines[-1].strip():
        lines.append(text.readline())
    delimiter = written.delimiter_of(lines[-1])
    skipped = spaced(lines[-1], delimiter)
    reader = csv.reader(itertools.chain(lines, text), delimiter=delimiter, skipinitialspace=skipped, strict=True)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"a quoted field is broken ({error})", line=line) from None


def _numbers(
    row: int,
    line: int,
    cells: Sequence[str],
    columns: Sequence[tuple[int, str]],
    written: CsvFormat,
    gaps: Gaps,
    kinds: dict[str, str],
) -> list[float]:
    """The features of a row; what is missing is noted, and not a number. `kinds` are those of columns so far."""
    values = []
    for index, name in columns:
        text = cells[index]
        value, kind = written.number(text), "a number"
        if value is None and text.strip() in TRUTHS:
            value, kind = TRUTHS[text.strip()], "a truth value"
        if value is None or not math.isfinite(value):
            if not is_gap(text):
                reason = bad_cell(text, "a number", written.number) + written.remedy(text)
                raise DataError(reason, line=line, column=name, found=text)
            gaps.note(row, name, gap_text(text))
            value = math.nan
        elif kinds.setdefault(name, kind) != kind:
            raise DataError(f"{text.strip()!r} is {kind}, others are {kinds[name]}", line=line, column=name, found=text)
        values.append(value)
    return values


def _undecodable(file: BinaryIO, written: CsvFormat) -> DataError:
    """Where a file is not in its encoding."""
    if written.encoding is not None:
        return DataError(f"not {written.encoding} text")
    remedy = "; declare its encoding, as in --encoding cp1252"
    if not file.seekable():
        return DataError(f"not UTF-8 text{remedy}")
    file.seek(0)
    for count, line in enumerate(unpacked(file), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return DataError(f"not UTF-8 text{remedy}", line=count)
    return DataError(f"not UTF-8 text{remedy}")
