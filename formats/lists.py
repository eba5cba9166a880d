"""The small text files that people write by hand: bounds of columns, lists of ids, lists of record digests.

Every refusal is one line that names the file and, where there is one, the line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from ..errors import DataError, FormatError
from .canonical import toml_document
from .container import write_file
from .files import read_file

MAX_LIST_BYTES = 1 << 32  # 2^26 digests, far more than a forget list has
DIGEST_BYTES = 32  # SHA-256
SHOWN_TEXT = 40  # how many characters of a cell or line a message repeats

Key = TypeVar("Key")


def read_bounds(path: str | Path) -> dict[str, tuple[float, float]]:
    """Declared bounds of columns, from TOML: a section [bounds] of lines `name = [low, high]`.

    Raises:
        DataError: unreadable, not TOML, or not bounds.
    """
    try:
        document = toml_document(read_text(path, MAX_LIST_BYTES))
    except FormatError as error:
        raise DataError(f"{path}: {error}") from None
    table = document.get("bounds")
    if set(document) != {"bounds"} or not isinstance(table, dict) or not table:
        raise DataError(f"{path}: must hold one section [bounds] with lines like: age = [0, 120]")
    bounds: dict[str, tuple[float, float]] = {}
    for name, pair in table.items():
        numbers = pair if isinstance(pair, list) else []
        if len(numbers) != 2 or not all(type(v) in (int, float) and math.isfinite(v) for v in numbers):
            raise DataError(f"{path}: bounds of {name!r} must be [low, high], two finite numbers")
        bounds[name] = (float(numbers[0]), float(numbers[1]))
        if bounds[name][0] > bounds[name][1]:
            raise DataError(f"{path}: bounds of {name!r}: the lower one is above the upper one")
    return bounds


def read_ids(path: str | Path) -> tuple[str, ...]:
    """Row ids, one a line, exactly as in the data; blank lines are skipped.

    Raises:
        DataError: unreadable, no id at all, or an id that is there twice.
    """
    lines: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            _note_once(lines, line, number, f"{path}: line {number}: id {line[:SHOWN_TEXT]!r}")
    if not lines:
        raise DataError(f"{path}: there is no id in it")
    return tuple(lines)


def read_digests(path: str | Path) -> tuple[bytes, ...]:
    """Record digests of 32 bytes, 64 hexadecimal characters a line; blank lines and # comments are skipped.

    Raises:
        DataError: unreadable, a line that is no digest, or a digest that is there twice.
    """
    digests: dict[bytes, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        where = f"{path}: line {number}: {text[:SHOWN_TEXT]!r}"
        if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * DIGEST_BYTES}}}", text):
            raise DataError(f"{where} is not a record digest of {2 * DIGEST_BYTES} hexadecimal characters")
        _note_once(digests, bytes.fromhex(text), number, where)
    return tuple(digests)


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write a public text file whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    write_file(path, "".join(f"{line}\n" for line in lines).encode())


def _note_once(seen: dict[Key, int], key: Key, number: int, where: str) -> None:
    if key in seen:
        raise DataError(f"{where} is also on line {seen[key]}")
    seen[key] = number


def read_bytes(path: str | Path, limit: int) -> bytes:
    try:
        return read_file(path, limit)
    except FormatError as error:
        raise DataError(str(error)) from None


def decode_text(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        guess = "; it looks like UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise DataError(f"{source}: line {line}: not UTF-8 text{guess}") from None


def read_text(path: str | Path, limit: int) -> str:
    return decode_text(read_bytes(path, limit), str(path))


def _lines(path: str | Path) -> list[str]:
    """Lines without their ends. Not str.splitlines, which also splits at characters an id may contain."""
    return re.split(r"\r\n|\n|\r", read_text(path, MAX_LIST_BYTES))
