"""One container for every file this package writes.

    magic      b"zkunlearn\\x00"
    kind       one byte of length, then that many bytes of ASCII
    version    two bytes, big-endian: of this kind, `KINDS`
    payload    one map in deterministic CBOR (RFC 8949, 4.2), to the end of the file

`read_container` and `write_container` are the two functions most callers need; `take` then reads fields.

A file may come from anyone. `cbor.scan` walks the bytes and refuses everything outside a small part of CBOR
before the CBOR library sees them, so a declared length never reserves memory that the file does not fill.
Then the decoded payload is encoded again and has to give the same bytes. Nothing in a file is ever executed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import cbor2

from ..errors import DataError, FormatError
from .cbor import MAX_INT, check_value, scan
from .files import read_file

MAGIC = b"zkunlearn\x00"
KINDS = {"dataset.opening": 3, "model.opening": 3}  # kind and version; every kind of statement enters itself
PUBLIC_MODE, SECRET_MODE = 0o644, 0o600


def encode(kind: str, payload: Mapping[str, object]) -> bytes:
    """A whole file as bytes.

    Raises:
        FormatError: an unknown kind, or a payload that a reader would refuse.
    """
    if kind not in KINDS:
        raise FormatError(f"cannot write an artefact of unknown kind {kind!r}")
    name = kind.encode("ascii")
    head = MAGIC + bytes([len(name)]) + name + KINDS[kind].to_bytes(2, "big")
    return head + canonical_map(payload)


def canonical_map(payload: Mapping[str, object]) -> bytes:
    """A map in the one encoding that a reader accepts. Raises FormatError for what a reader would refuse."""
    content = dict(payload)
    check_value(content)
    return cbor2.dumps(content, canonical=True)


def decode(data: bytes, kind: str | None, max_bytes: int) -> tuple[str, dict[str, Any]]:
    """Kind and payload of a whole file.

    Args:
        data: the file.
        kind: the kind it has to be, or None for any known one.
        max_bytes: the length above which it is refused unread.

    Raises:
        FormatError: anything but what `encode` writes, byte for byte.
    """
    if len(data) > max_bytes:
        raise FormatError(f"{len(data)} bytes are more than the {max_bytes} this artefact can have")
    found, start = _read_head(data)
    if kind is not None and found != kind:
        raise FormatError(f"this is a {found}, but a {kind} is needed")
    body = data[start:]
    if scan(body, 0) != len(body):
        raise FormatError("there are bytes after the end of the payload")
    try:
        payload = cbor2.loads(body)
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise FormatError("the payload is not valid CBOR") from error
    if not isinstance(payload, dict):
        raise FormatError("the payload is not a map")
    if cbor2.dumps(payload, canonical=True) != body:
        raise FormatError("the payload is not in its one canonical encoding")
    return found, payload


def read_container(path: Path | str, kind: str | None, max_bytes: int) -> tuple[str, dict[str, Any]]:
    """`decode` of a file, with the file's name in every message.

    Raises:
        DataError: there is no such file, or it cannot be read.
        FormatError: as `decode`.
    """
    data = read_file(path, max_bytes)
    try:
        return decode(data, kind, max_bytes)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def write_container(path: Path | str, kind: str, payload: Mapping[str, object], *, secret: bool = False) -> None:
    """Write an artefact, whole or not at all.

    Args:
        path: where to, as for `write_file`.
        kind: one of `KINDS`.
        payload: its fields.
        secret: no one else may read the file, from the moment it exists.

    Raises:
        FormatError: as `encode`.
        DataError: the file cannot be written.
    """
    write_file(path, encode(kind, payload), secret=secret)


def write_file(path: Path | str, data: bytes, *, secret: bool = False) -> None:
    """Write a file atomically: under its name there is the old one, the new one or none, never a part.

    A file already there is replaced, a symbolic link too (not what it points to).

    Raises:
        DataError: the file cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".zkunlearn-{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(temporary, flags, SECRET_MODE if secret else PUBLIC_MODE)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(target.parent)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise DataError(f"{path}: cannot be written ({getattr(error, 'strerror', error)})") from error


def _sync_directory(directory: Path) -> None:
    """Make a rename in the directory durable, where directories can be opened (everywhere but on Windows)."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read_head(data: bytes) -> tuple[str, int]:
    """The kind, and where the payload starts."""
    if not data.startswith(MAGIC):
        raise FormatError("this is not a zkunlearn file")
    size = len(MAGIC) + 1
    name = data[size : size + data[size - 1]] if len(data) >= size else b""
    start = size + len(name) + 2
    if len(data) < start or len(name) != data[size - 1]:
        raise FormatError("the file ends within its header")
    kind = name.decode("ascii", errors="replace")
    version = int.from_bytes(data[start - 2 : start], "big")
    if kind not in KINDS:
        raise FormatError(f"this is an artefact of unknown kind {kind!r}, perhaps of a newer version")
    known = KINDS[kind]
    if version > known:
        raise FormatError(f"this {kind!r} file was written by a newer version (format {version}, here {known})")
    if version != known:
        raise FormatError(
            f"this {kind!r} file has format {version}, not {known}: it was written by an older version, if by any"
        )
    return kind, start


@dataclass(frozen=True)
class Int:
    """An integer field with low <= value <= high."""

    low: int = 0
    high: int = MAX_INT

    def problem(self, value: object) -> str | None:
        if type(value) is not int:
            return f"is {_describe(value)}, not an integer"
        return None if self.low <= value <= self.high else f"is {value}, not in {self.low}..{self.high}"


@dataclass(frozen=True)
class Bytes:
    """A byte string field of exactly `size` bytes."""

    size: int

    def problem(self, value: object) -> str | None:
        if type(value) is not bytes:
            return f"is {_describe(value)}, not a byte string"
        return None if len(value) == self.size else f"has {len(value)} bytes, not {self.size}"


@dataclass(frozen=True)
class ListOf:
    """A list field of `low` to `high` elements, each as `element` says."""

    element: Int | Bytes | type
    low: int = 0
    high: int = MAX_INT

    def problem(self, value: object) -> str | None:
        if type(value) is not list:
            return f"is {_describe(value)}, not a list"
        if not self.low <= len(value) <= self.high:
            return f"has {len(value)} elements, not {self.low}..{self.high}"
        for index, element in enumerate(value):
            problem = _problem(self.element, element)
            if problem is not None:
                return f"is wrong at element {index}: it {problem}"
        return None


Expected = type | Int | Bytes | ListOf


def take(
    payload: object, expected: Mapping[str, Expected | tuple[Expected, ...]], where: str = "payload"
) -> dict[str, Any]:
    """The fields of a decoded map, after checking that it has exactly the expected ones.

    Args:
        payload: what should be a map.
        expected: for each field its type (int, bytes, str, bool, list, dict, NoneType; compared exactly, so
            True is no integer), or bounds, or a tuple of alternatives.
        where: what the map is, for messages.

    Raises:
        FormatError: an unknown, missing or wrong field.
    """
    if type(payload) is not dict:
        raise FormatError(f"{where} is {_describe(payload)}, not a map")
    for name in payload:
        if name not in expected:
            raise FormatError(f"{where} has an unknown field {str(name)[:40]!r}")
    for name, wanted in expected.items():
        if name not in payload:
            raise FormatError(f"{where} lacks the field {name!r}")
        alternatives = wanted if isinstance(wanted, tuple) else (wanted,)
        problems = [_problem(alternative, payload[name]) for alternative in alternatives]
        if None not in problems:
            raise FormatError(f"{where}: field {name!r} {problems[0]}")
    return dict(payload)


def _problem(expected: Expected, value: object) -> str | None:
    if not isinstance(expected, type):
        return expected.problem(value)
    return None if type(value) is expected else f"is {_describe(value)}, not {NAMES[expected]}"


NAMES = {
    int: "an integer",
    bytes: "a byte string",
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a map",
    NoneType: "null",
}


def _describe(value: object) -> str:
    return NAMES.get(type(value), type(value).__name__)
