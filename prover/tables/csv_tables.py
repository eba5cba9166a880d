"""Tables from CSV: the first line names the columns; read line by line."""

from __future__ import annotations

import csv
import io
import itertools
import math
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np

from ...errors import DataError
from ...models.encoding.cells import gap_text, is_gap
from ...models.encoding.readers import ColumnReader
from ..kernels.storage import Growing
from .csv_format import TRUTHS, CsvFormat, require_no_float_ids, spaced, unpacked
from .gaps import Gaps
from .ids import incomplete_ids, row_ids, row_numbers
from .raw_table import (
    PIECE_ROWS,
    RawTable,
    Wanted,
    bad_cell,
    check_names,
    find,
    first_line,
    labels_of,
    names_of,
)
from .survey import Seen
from .unfit import OF_FILES, all_strange, all_unfit, kind_of, with_more

ROW_NAMES = "(names of rows)"
LOOKED_AT, LEAST_LOOKED_AT = 1 << 18, 64  # cells, and rows, for what else is wrong: a second at most


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
    records = _records(text, written)
    names = next(records, (0, []))[1]
    if not names:
        raise DataError("the file has no header")
    names, wanted = _with_row_names(names, wanted)
    target, id_column = wanted.target, wanted.id_column
    try:
        features = wanted.features_of(names)
    except DataError as error:
        raise error.at(line=1) from None
    columns = [(names.index(name), name, own) for name, own in zip(features, wanted.sourced(features), strict=True)]
    made = names_of(features, wanted)
    lines, label_texts, ids = array("q"), [], []
    unique: dict[str, list[str]] = {name: [] for name in wanted.unique}
    gaps, X, piece = Gaps(target, wanted.gaps), Growing(len(made)), np.empty((PIECE_ROWS, len(made)))

    reader = _Cells(columns, written, gaps, wanted, records)
    for row, (line, cells) in enumerate(records):
        lines.append(line)
        if len(cells) != len(names):
            reason = f"{len(cells)} fields, but the header has {len(names)}"
            raise DataError(reason, line=line, expected=len(names), found=len(cells))
        piece[row % PIECE_ROWS] = reader.numbers(row, line, cells)
        if target is not None:
            label_texts.append(cells[names.index(target)])
            if wanted.lacks_label(label_texts[-1]):
                gaps.note(row, target, gap_text(label_texts[-1]))
        if id_column is not None:
            ids.append(cells[names.index(id_column)])
        for name, values in unique.items():
            values.append(cells[names.index(name)])
        if (row + 1) % PIECE_ROWS == 0:
            X.append(piece)
            wanted.require_bounds(made)  # not before: of columns that are no numbers more can be said
    if not lines:
        raise DataError("there is a header, but no row")
    X.append(piece[: len(lines) % PIECE_ROWS])
    if wanted.whole:
        gaps.refuse(len(lines), lines)
    whole = gaps.whole(len(lines))
    named: list[str] = ids if id_column is not None else [*row_numbers(len(lines))]
    found, kept = whole.of(named), whole.of(lines)
    try:
        labels = None if target is None else labels_of(whole.of(label_texts), target, written.number, wanted.classes)
        if id_column is not None:
            require_no_float_ids(found, id_column)
            found = [*row_ids(found, id_column, kept, several=wanted.several)]
        keys = wanted.keys_of({name: whole.of(values) for name, values in unique.items()}, kept)
    except DataError as error:
        raise error.at(line=None if error.row is None else kept[error.row]) from None
    unused = tuple(name for name in wanted.unused_of(names) if name != ROW_NAMES)
    others = unused, keys, incomplete_ids(whole.others(named), found), whole.left_out
    return RawTable(whole.rows(X.finish()), labels, tuple(found), made, target, source, kept, *others)


def read_csv_ids(file: BinaryIO, column: str, written: CsvFormat, least: int = 1) -> tuple[str, ...]:
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
    if len(ids) < least:
        raise DataError("there is a header, but no id")
    require_no_float_ids(ids, column)
    return tuple(ids)


def _with_row_names(names: list[str], wanted: Wanted) -> tuple[list[str], Wanted]:
    """A first column without a name is a frame's index, or R's names of rows: ids, unless others are asked for."""
    if names[0].strip() or len(names) == 1:
        return names, wanted
    own = [ROW_NAMES, *names[1:]]
    if wanted.id_column is None:
        return own, replace(wanted, id_column=ROW_NAMES)
    return own, replace(wanted, left_out=(*wanted.left_out, ROW_NAMES))


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


@dataclass(frozen=True, repr=False)
class _Cells:
    """What becomes of the cells of rows.

    Attributes:
        columns: of each column its place in a row, its name, and what reads it, if it is no plain numbers.
        gaps: where what is missing is noted.
        wanted: what is read.
        records: those that follow.
        kinds: of the cells of each column so far, numbers or truth values.
    """

    columns: Sequence[tuple[int, str, ColumnReader | None]]
    written: CsvFormat
    gaps: Gaps
    wanted: Wanted
    records: Iterator[tuple[int, list[str]]]
    kinds: dict[str, str] = field(default_factory=dict)

    def numbers(self, row: int, line: int, cells: Sequence[str]) -> list[float]:
        """The features of a row; what is missing is noted, and not a number. Raises DataError, about all columns."""
        try:
            return self._numbers(row, line, cells)
        except DataError as error:
            raise self._with_others(error, list(cells)) from None

    def _numbers(self, row: int, line: int, cells: Sequence[str]) -> list[float]:
        values: list[float] = []
        for index, name, own in self.columns:
            text = cells[index]
            if own is not None and (is_gap(text) or not own.as_numbers):
                values += self._read(row, line, text, own)
                continue
            value, kind = self.written.number(text), "a number"
            if value is None and text.strip() in TRUTHS:
                value, kind = TRUTHS[text.strip()], "a truth value"
            if value is None or not math.isfinite(value):
                if not is_gap(text):
                    reason = bad_cell(text, "a number", self.written.number)
                    raise DataError(reason, line=line, column=name, found=text)
                self.gaps.note(row, name, gap_text(text))
                value = math.nan
            elif self.kinds.setdefault(name, kind) != kind:
                reason = f"{text.strip()!r} is {kind}, others are {self.kinds[name]}"
                raise DataError(reason, line=line, column=name, found=text)
            values.append(value)
        return values

    def _with_others(self, error: DataError, cells: list[str]) -> DataError:
        """The same with what to do, and the other columns that cannot be used, as this row and some after it show."""
        seen = {name: Seen(column=name, read=self.written.number) for _, name, own in self.columns if _plain(own)}
        refused: dict[str, dict[str, None]] = {}
        with suppress(DataError, UnicodeError):  # of the file, about what comes later
            most = min(PIECE_ROWS, LOOKED_AT // len(self.columns))
            for _, row in itertools.islice(itertools.chain([(0, cells)], self.records), max(most, LEAST_LOOKED_AT)):
                for at, name, own in self.columns:
                    if at < len(row):  # of a row that is too short nothing is said now
                        _look(seen.get(name, own), row[at], refused.setdefault(name, {}))
        text = next(cells[at] for at, name, _ in self.columns if name == error.column)
        if remedy := self.written.remedy(text):  # which is of all columns
            return with_more(error, remedy)
        missing = [name for _, name, own in self.columns if own is None and seen[name].counts["missing"]]
        kinds = {name: kind for name, own in seen.items() if (kind := kind_of(own)) is not None}
        strange = {name: [*texts] for name, texts in refused.items() if texts and name not in seen}
        ways = None if self.wanted.known else OF_FILES
        found = all_unfit(all_strange(error, strange), kinds, ways, [] if self.wanted.known else missing)
        alone = found is error and error.column in seen and self.written.number(text) is None
        return with_more(error, self.wanted.remedy) if alone else found

    def _read(self, row: int, line: int, text: str, own: ColumnReader) -> Sequence[float]:
        try:
            found = own.cell(text)
        except DataError as error:
            raise error.at(line=line, column=own.column) from None
        if found is None:
            self.gaps.note(row, own.column, gap_text(text))
            return [math.nan] * len(own.features)
        return found


def _plain(own: ColumnReader | None) -> bool:
    """Whether a column is one of numbers."""
    return own is None or own.as_numbers


def _look(own: ColumnReader | None, text: str, refused: dict[str, None]) -> None:
    """Note a cell that its column refuses."""
    try:
        if own is not None:
            own.cell(text)
    except DataError:
        refused[text] = None


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
