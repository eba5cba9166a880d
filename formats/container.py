"""One container for every file this package writes.

    magic      b"zkunlearn\\x00"
    kind       one byte of length, then that many bytes of ASCII
    version    two bytes, big-endian: of this kind, `KINDS`
    length     of kinds in `WITH_BODY` only: four bytes, big-endian, of the payload
    payload    one map in deterministic CBOR (RFC 8949, 4.2), to the end of the file, or, of these kinds, of its length
    body       of these kinds: whatever follows (body.py). All before it is the front of the file

`read_container` and `write_container` are the two functions most callers need; `fields.take` then reads fields.

A file may come from anyone. `cbor.scan` walks the bytes and refuses everything outside a small part of CBOR
before the CBOR library sees them, so a declared length never reserves memory that the file does not fill.
Then the decoded payload is encoded again and has to give the same bytes. Nothing in a file is ever executed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cbor2

from ..errors import FormatError
from .cbor import check_value, scan
from .files import opened, require_at_most, write_file

MAGIC = b"zkunlearn\x00"
LENGTH_BYTES = 4
HEAD_BYTES = len(MAGIC) + 1 + 255 + 2 + LENGTH_BYTES  # all that can come before a payload
# Kind and version; every kind of statement enters itself.
KINDS = {"dataset.opening": 3, "dataset.left_out": 2, "model.opening": 6}
WITH_BODY: set[str] = set()  # likewise


def encode(kind: str, payload: Mapping[str, object]) -> bytes:
    """A whole file as bytes, or its front.

    Raises:
        FormatError: an unknown kind, or a payload that a reader would refuse.
    """
    if kind not in KINDS:
        raise FormatError(f"cannot write an artefact of unknown kind {kind!r}")
    name = kind.encode("ascii")
    head = MAGIC + bytes([len(name)]) + name + KINDS[kind].to_bytes(2, "big")
    content = canonical_map(payload)
    if kind not in WITH_BODY:
        return head + content
    if len(content) >= 1 << 8 * LENGTH_BYTES:
        raise FormatError(f"a payload of {len(content)} bytes does not fit into a file")
    return head + len(content).to_bytes(LENGTH_BYTES, "big") + content


def canonical_map(payload: Mapping[str, object]) -> bytes:
    """A map in the one encoding that a reader accepts. Raises FormatError for what a reader would refuse."""
    content = dict(payload)
    check_value(content)
    return cbor2.dumps(content, canonical=True)


def decode(data: bytes, kind: str | None, max_bytes: int) -> tuple[str, dict[str, Any]]:
    """Kind and payload of a whole file, or of its front.

    Args:
        data: the file, or all of it before its body.
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
    if found in WITH_BODY:
        start += LENGTH_BYTES
        if front_of(data) != len(data):
            raise FormatError("the payload is cut off, or its length is wrong")
    content = data[start:]
    if scan(content, 0) != len(content):
        raise FormatError("there are bytes after the end of the payload")
    try:
        payload = cbor2.loads(content)
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise FormatError("the payload is not valid CBOR") from error
    if not isinstance(payload, dict):
        raise FormatError("the payload is not a map")
    if cbor2.dumps(payload, canonical=True) != content:
        raise FormatError("the payload is not in its one canonical encoding")
    return found, payload


def front_of(head: bytes) -> int | None:
    """How many bytes of a file come before its body; None if its kind has none, or it is no file of ours.

    Args:
        head: the file's first `HEAD_BYTES`, or more; of a shorter one all.
    """
    kind, start = _kind_in(head)
    if kind not in WITH_BODY:
        return None
    return start + 2 + LENGTH_BYTES + int.from_bytes(head[start + 2 : start + 2 + LENGTH_BYTES], "big")


def read_front(path: Path | str, max_bytes: int) -> tuple[bytes, int]:
    """A file up to its body, of at most `max_bytes`, and the size of the body, which may be anything.

    Raises:
        DataError, FormatError, ParameterError: as `opened`, but for the body's size.
    """
    with opened(path, sys.maxsize) as file:
        size = os.fstat(file.fileno()).st_size
        front = front_of(file.read(HEAD_BYTES))
        front = size if front is None else min(front, size)
        require_at_most(path, front, max_bytes)
        file.seek(0)
        return file.read(front), size - front


def kind_of(path: Path | str) -> str:
    """What a file says it is, of whatever version, before the rest is looked at; empty for one that is not ours.

    Raises:
        DataError, FormatError, ParameterError: as `opened`.
    """
    with opened(path, sys.maxsize) as file:
        return _kind_in(file.read(HEAD_BYTES))[0]


def read_container(path: Path | str, kind: str | None, max_bytes: int) -> tuple[str, dict[str, Any]]:
    """`decode` of a file, or of its front, with the file's name in every message.

    Raises:
        DataError: there is no such file, or it cannot be read.
        FormatError: as `decode`.
    """
    front, _ = read_front(path, max_bytes)
    try:
        return decode(front, kind, max_bytes)
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


def _kind_in(head: bytes) -> tuple[str, int]:
    """What the first bytes of a file say that it is, and where its version follows; empty if it is not ours."""
    size = len(MAGIC) + 1
    if not head.startswith(MAGIC) or len(head) < size:
        return "", 0
    name = head[size : size + head[size - 1]]
    return name.decode("ascii", errors="replace"), size + head[size - 1]


def _read_head(data: bytes) -> tuple[str, int]:
    """The kind, and where the payload starts."""
    if not data.startswith(MAGIC):
        raise FormatError("this is not a zkunlearn file", "kind")
    kind, place = _kind_in(data)
    start = place + 2
    if not place or len(data) < start:
        raise FormatError("the file ends within its header", "kind")
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
