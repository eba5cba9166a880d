"""Many digests at once: hashed row by row, compared, sorted. As packed bytes, 32 for each; in numpy, for the speed."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from .records import DIGEST_BYTES

PIECE = 1 << 12  # rows that are laid out at a time
_DIGEST = type(hashlib.sha256()).digest


def hash_rows(tag: bytes, packed: bytes, size: int) -> bytes:
    """SHA-256(tag | row) of each row of `size` bytes, packed."""
    hashed = []
    for start in range(0, len(packed), PIECE * size):
        piece = np.frombuffer(packed[start : start + PIECE * size], np.uint8).reshape(-1, size)
        rows = np.empty((len(piece), len(tag) + size), np.uint8)
        rows[:, : len(tag)] = np.frombuffer(tag, np.uint8)
        rows[:, len(tag) :] = piece
        listed: list[bytes] = rows.view(f"V{rows.shape[1]}")[:, 0].tolist()
        hashed.append(b"".join(map(_DIGEST, map(hashlib.sha256, listed))))
    return b"".join(hashed)


def first_late(packed: bytes) -> int | None:
    """The first digest that is not greater than the one before it, if there is one."""
    words = _words(packed)
    increases: npt.NDArray[np.bool_] = np.zeros(words.shape[1] - 1, dtype=np.bool_)
    for word in words[::-1]:  # the lowest first
        before, after = word[:-1], word[1:]
        increases = (before < after) | ((before == after) & increases)
    return None if increases.all() else int(np.argmin(increases)) + 1


def increasing(packed: bytes) -> bytes:
    """The same digests in increasing order."""
    words = _words(packed)
    order = np.argsort(words[0])
    first = words[0][order]
    if (first[1:] == first[:-1]).any():
        order = np.lexsort(words[::-1])  # its last key counts first
    return np.frombuffer(packed, np.uint8).reshape(-1, DIGEST_BYTES)[order].tobytes()


def first_twice(packed: bytes) -> bytes | None:
    """The first digest, in increasing order, that is there twice; if there is one."""
    ordered = increasing(packed)
    late = first_late(ordered)
    return None if late is None else ordered[DIGEST_BYTES * late : DIGEST_BYTES * (late + 1)]


def _words(packed: bytes) -> npt.NDArray[np.uint64]:
    """As four numbers each, the highest first: (4, n)."""
    words: npt.NDArray[np.uint64] = np.frombuffer(packed, ">u8").astype(np.uint64)
    return np.ascontiguousarray(words.reshape(-1, 4).T)
