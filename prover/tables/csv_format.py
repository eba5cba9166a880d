"""How a CSV file is written: its delimiter, its decimal mark, its encoding; and whether it is compressed.

What cannot be mistaken is recognised: compression by the first bytes, UTF-16 by its mark, a delimiter by the header.
A decimal comma can be, as 1,234 may be either; it is declared, and so is any other encoding.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import importlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from ...errors import DataError, ParameterError
from ...models.encoding.cells import number

DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")
TRUTHS = {"True": 1.0, "False": 0.0, "true": 1.0, "false": 0.0, "TRUE": 1.0, "FALSE": 0.0}
_FLOAT_ID = re.compile(r"\d+\.0+|\d(\.\d+)?[eE]\+?\d+")  # as tools write integers that they took for floats
UTF8, UTF16 = "utf-8-sig", "utf-16"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_COMMA_NUMBER = re.compile(r"\s*[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class CsvFormat:
    """What is declared of a CSV file.

    Attributes:
        delimiter: one character; None for what the header has: commas, semicolons, tabs or bars.
        decimal: "." or ",".
        encoding: a name that Python knows; None for UTF-8, or UTF-16 with a mark.

    Raises:
        ParameterError: none of these.
    """

    delimiter: str | None = None
    decimal: str = "."
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n\0'):
            raise ParameterError(f"delimiter {self.delimiter!r}: must be one character, and no quote or line break")
        if self.decimal not in DECIMALS:
            raise ParameterError(f"decimal {self.decimal!r}: must be a point or a comma")
        if self.decimal == self.delimiter:
            raise ParameterError("delimiter and decimal mark are both a comma")
        try:
            "".encode(self.encoding or UTF8)
        except (LookupError, ValueError):
            raise ParameterError(f"encoding {self.encoding!r}: unknown") from None

    def encoding_of(self, file: BinaryIO) -> str:
        """That of a file, which can be peeked into."""
        if self.encoding is not None:
            return self.encoding
        return UTF16 if _start(file).startswith(UTF16_MARKS) else UTF8

    def delimiter_of(self, header: str) -> str:
        """That of a file with this first line: what cuts it into most fields."""
        if self.delimiter is not None:
            return self.delimiter
        counts = [len(next(csv.reader([header], delimiter=own), [])) for own in DELIMITERS]
        return DELIMITERS[counts.index(max(counts))]

    def number(self, text: str) -> float | None:
        """A real number; None for anything else. With decimal commas, points are no part of one."""
        if self.decimal == ".":
            return number(text)
        return number(text.replace(",", ".")) if _COMMA_NUMBER.fullmatch(text) else None

    def remedy(self, text: str) -> str:
        """What to add to the refusal of a text that is no number."""
        if self.decimal == "." and "," in text and _COMMA_NUMBER.fullmatch(text):
            return "; if its comma is a decimal mark, declare that (--decimal ',')"
        return ""


def spaced(header: str, delimiter: str) -> bool:
    """Whether there is a space after each delimiter, which then belongs to no cell."""
    names = next(csv.reader([header], delimiter=delimiter), [])[1:]
    return bool(names) and not delimiter.isspace() and all(name.startswith(" ") for name in names)


def require_no_float_ids(texts: Sequence[str], column: str) -> None:
    """Refuse ids all of which are floats, and not all of them integers: the true ones are lost. Raises DataError."""
    row = next((row for row, text in enumerate(texts) if _FLOAT_ID.fullmatch(text)), None)
    if row is not None and all(number(text) is not None for text in texts):
        reason = f"{texts[row]!r} is an id that a tool has turned into a float; export the column as text"
        raise DataError(reason, row=row, column=column, found=texts[row])


def unpacked(file: BinaryIO) -> BinaryIO:
    """A file as it is, or what is compressed in it by gzip or zstandard; it can be peeked into.

    Raises:
        DataError: there is nothing to unpack it by.
    """
    found: Any = file if hasattr(file, "peek") else io.BufferedReader(file)
    if _start(found).startswith(GZIP):
        stream: Any = gzip.GzipFile(fileobj=found)
        found = io.BufferedReader(stream)
    elif _start(found).startswith(ZSTD):
        try:
            arrow: Any = importlib.import_module("pyarrow")
        except ImportError:
            raise DataError("reading zstandard needs pyarrow: pip install 'zkunlearn[parquet]'") from None
        found = io.BufferedReader(arrow.CompressedInputStream(arrow.PythonFile(found, mode="r"), "zstd"))
    result: BinaryIO = found
    return result


def _start(file: Any) -> bytes:
    start: bytes = file.peek(len(ZSTD))
    return start
