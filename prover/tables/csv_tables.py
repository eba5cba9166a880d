"""Tables from CSV: UTF-8, commas, the first line names the columns; read line by line."""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from ...errors import DataError
from ..kernels.storage import Growing
from .ids import row_ids, row_numbers
from .raw_table import (
    PIECE_ROWS,
    RawTable,
    Wanted,
    bad_cell,
    labels_of,
    number,
)

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_csv(file: BinaryIO, source: str, wanted: Wanted) -> RawTable:
    """See read.read_table."""
    try:
        return _read(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), source, wanted)
    except UnicodeDecodeError:
        raise _undecodable(file) from None


def _read(text: io.TextIOWrapper, source: str, wanted: Wanted) -> RawTable:
    target, id_column = wanted.target, wanted.id_column
    records = _records(text)
    names = next(records, (0, []))[1]
    if not names:
        raise DataError("the file has no header")
    for separator in (";", "\t"):
        if len(names) == 1 and separator in names[0]:
            raise DataError(f"fields are separated by {separator!r}, must be by commas", line=1, expected=",")
    try:
        features = wanted.features_of(names)
    except DataError as error:
        raise error.at(line=1) from None
    columns = [(names.index(name), name) for name in features]
    lines, label_texts, ids = array("q"), [], []
    unique: dict[str, list[str]] = {name: [] for name in wanted.unique}
    X, piece = Growing(len(features)), np.empty((PIECE_ROWS, len(features)))

    for row, (line, cells) in enumerate(records):
        lines.append(line)
        if len(cells) != len(names):
            reason = f"{len(cells)} fields, but the header has {len(names)}"
            raise DataError(reason, line=line, expected=len(names), found=len(cells))
        piece[row % PIECE_ROWS] = _numbers(cells, columns, line)
        if target is not None:
            label_texts.append(cells[names.index(target)])
        if id_column is not None:
            ids.append(cells[names.index(id_column)])
        for name, values in unique.items():
            values.append(cells[names.index(name)])
        if (row + 1) % PIECE_ROWS == 0:
            X.append(piece)
    if not lines:
        raise DataError("there is a header, but no row")
    X.append(piece[: len(lines) % PIECE_ROWS])
    try:
        labels = None if target is None else labels_of(label_texts, target)
        numbered = id_column is None
        texts = row_numbers(len(lines)) if numbered else row_ids(ids, id_column, lines, several=wanted.several)
        keys = wanted.keys_of(unique, lines)
    except DataError as error:
        raise error.at(line=None if error.row is None else lines[error.row]) from None
    unused = wanted.unused_of(names)
    return RawTable(X.finish(), labels, texts, tuple(features), target, source, lines, unused, keys)


def _records(text: io.TextIOWrapper) -> Iterator[tuple[int, list[str]]]:
    """Records with the line each begins on, counted from 1; blank lines are skipped."""
    reader = csv.reader(text, strict=True)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"a quoted field is broken ({error})", line=line) from None


def _numbers(cells: Sequence[str], columns: Sequence[tuple[int, str]], line: int) -> list[float]:
    """The features of a row."""
    values = []
    for index, name in columns:
        value = number(cells[index])
        if value is None or not math.isfinite(value):
            raise DataError(bad_cell(cells[index], "a number"), line=line, column=name, found=cells[index])
        values.append(value)
    return values


def _undecodable(file: BinaryIO) -> DataError:
    """Where a file is no UTF-8."""
    file.seek(0)
    for count, line in enumerate(file, start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            guess = "; it looks like UTF-16" if count == 1 and line[:2] in UTF16_MARKS else ""
            return DataError(f"not UTF-8 text{guess}", line=count)
    return DataError("not UTF-8 text")
