"""One container for every file this package writes.

    magic      b"zkunlearn\\x00"
    kind       one byte of length, then that many bytes of ASCII
    version    two bytes, big-endian: of this kind, `KINDS`
    payload    one map in deterministic CBOR (RFC 8949, 4.2), to the end of the file

`read_container` and `write_container` are the two functions most callers need; `fields.take` then reads fields.

A file may come from anyone. `cbor.scan` walks the bytes and refuses everything outside a small part of CBOR
before the CBOR library sees them, so a declared length never reserves memory that the file does not fill.
Then the decoded payload is encoded again and has to give the same bytes. Nothing in a file is ever executed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cbor2

from ..errors import FormatError
from .cbor import check_value, scan
from .files import opened, read_file, write_file

MAGIC = b"zkunlearn\x00"
KINDS = {"dataset.opening": 3, "model.opening": 5}  # kind and version; every kind of statement enters itself


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
        raise FormatError(f"{len(data)} bytes are more than the {max_bytes} this artefact can have", "kind")
    found, start = _read_head(data)
    if kind is not None and found != kind:
        raise FormatError(f"this is a {found}, but a {kind} is needed", "kind")
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


def kind_of(path: Path | str) -> str:
    """What a file says it is, of whatever version, before the rest is looked at; empty for one that is not ours.

    Raises:
        DataError, FormatError, ParameterError: as `opened`.
    """
    with opened(path, sys.maxsize) as file:
        magic, size = file.read(len(MAGIC)), file.read(1)
        return file.read(size[0]).decode("ascii", errors="replace") if magic == MAGIC and size else ""


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
        raise error.named(path) from error


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


def _read_head(data: bytes) -> tuple[str, int]:
    """The kind, and where the payload starts."""
    if not data.startswith(MAGIC):
        raise FormatError("this is not a zkunlearn file", "kind")
    size = len(MAGIC) + 1
    name = data[size : size + data[size - 1]] if len(data) >= size else b""
    start = size + len(name) + 2
    if len(data) < start or len(name) != data[size - 1]:
        raise FormatError("the file ends within its header", "kind")
    kind = name.decode("ascii", errors="replace")
    version = int.from_bytes(data[start - 2 : start], "big")
    if kind not in KINDS:
        raise FormatError(f"this is an artefact of unknown kind {kind!r}, perhaps of a newer version", "kind")
    known = KINDS[kind]
    if version > known:
        problem = f"this {kind!r} file was written by a newer version (format {version}, here {known})"
        raise FormatError(problem, "version")
    if version != known:
        problem = f"this {kind!r} file has format {version}, not {known}: it was written by an older version, if by any"
        raise FormatError(problem, "version")
    return kind, start
