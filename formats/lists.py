"""Lists in small text files, one entry a line: ids of rows to forget, record digests of forgotten rows, and digests of
statements with those that they supersede.

Blank lines are skipped, and comments, which begin with #. Every refusal is one line that names the file and the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from ..errors import DataError
from .files import SHOWN_TEXT, read_text, write_file

LIST_HEAD = "# record digests of the forgotten rows, for `zkunlearn verify --forget-file`"
COMMENT = "#"
NOTHING = "-"  # what the first statement of a chain supersedes
MAX_LIST_BYTES = 1 << 32  # 2^26 digests, far more than a forget list has
DIGEST_BYTES = 32  # SHA-256

Key = TypeVar("Key")


def read_ids(path: str | Path, comments: bool = True, least: int = 1) -> tuple[str, ...]:
    """Row ids, one a line, exactly as they are written, also those that are there twice.

    Args:
        comments: whether lines that begin with # are none; False where ids of the data begin so.
        least: how many there have to be: 1, or 0.

    Raises:
        DataError: unreadable, or no id at all.
    """
    lines = (line for _, line in _lines(path))
    ids = tuple(line for line in lines if line.strip() and not (comments and line.startswith(COMMENT)))
    if len(ids) < least:
        raise DataError(f"{path}: there is no id in it")
    return ids


def read_digests(path: str | Path) -> tuple[bytes, ...]:
    """Record digests of 32 bytes, 64 hexadecimal characters a line; what follows a # is a comment.

    Raises:
        DataError: unreadable, a line that is no digest, or a digest that is there twice.
    """
    digests: dict[bytes, int] = {}
    for number, line in _lines(path):
        text = line.partition(COMMENT)[0].strip()
        if not text:
            continue
        where = f"{path}: line {number}: {text[:SHOWN_TEXT]!r}"
        digest = parse_digest(text)
        if digest is None:
            raise DataError(f"{where} is not a record digest of {2 * DIGEST_BYTES} hexadecimal characters")
        _note_once(digests, digest, number, where)
    return tuple(digests)


def read_history(path: str | Path) -> tuple[tuple[bytes, bytes | None], ...]:
    """A data set's list of proved statements: the digest of each, and of the one it supersedes, None if there is none.

    Raises:
        DataError: unreadable, or a line that is not two digests, or one and "-".
    """
    found = []
    for number, line in _lines(path):
        statement, _, before = line.partition(" ")
        digest, superseded = parse_digest(statement), parse_digest(before)
        if digest is not None and (superseded is not None or before == NOTHING):
            found.append((digest, superseded))
        elif line:
            raise DataError(f"{path}: line {number}: {line[:SHOWN_TEXT]!r} is not two digests")
    return tuple(found)


def write_digests(path: str | Path, digests: Iterable[bytes]) -> None:
    """Write a public list of record digests, whole or not at all. Raises DataError."""
    lines = [LIST_HEAD, *(digest.hex() for digest in digests)]
    write_file(path, "".join(f"{line}\n" for line in lines).encode())


def parse_digest(text: str) -> bytes | None:
    """A digest from 64 hexadecimal characters; None where it is none."""
    return bytes.fromhex(text) if re.fullmatch(rf"[0-9a-fA-F]{{{2 * DIGEST_BYTES}}}", text) else None


def _note_once(seen: dict[Key, int], key: Key, number: int, where: str) -> None:
    if key in seen:
        raise DataError(f"{where} is also on line {seen[key]}")
    seen[key] = number


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Lines without their ends, numbered from 1. Not str.splitlines, which also splits where an id may go on."""
    return enumerate(re.split(r"\r\n|\n|\r", read_text(path, MAX_LIST_BYTES)), start=1)
