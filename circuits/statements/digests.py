"""Many digests: hashed row by row, compared, sorted. As packed bytes, 32 for each; in numpy, for the speed.

There may be more than memory holds: they come in pieces, and what is sorted, some at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ...errors import InvalidProof
from .records import DIGEST_BYTES

PIECE = 1 << 12  # rows that are laid out at a time
AT_ONCE = 1 << 19  # that are sorted at a time; up to twice as many are held
MOST_TIMES = 16  # that all of them are gone over: then more are sorted at a time
DIGEST = f"S{DIGEST_BYTES}"  # compared as bytes are; of one length, so that zeros at the end make no difference
Digests = npt.NDArray[np.bytes_]
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


def first_late(pieces: Iterable[bytes]) -> int | None:
    """The number of the first digest that is not greater than the one before it, if there is one."""
    done, before = 0, np.empty(0, DIGEST)
    for piece in pieces:
        own = np.concatenate([before, np.frombuffer(piece, DIGEST)])
        late = np.flatnonzero(own[1:] <= own[:-1])
        if len(late):
            return done - len(before) + int(late[0]) + 1
        done, before = done - len(before) + len(own), own[-1:]
    return None


def increasing(pieces: Callable[[], Iterable[bytes]], count: int) -> Iterator[bytes]:
    """Digests in increasing order, in pieces; AT_ONCE, or a part of MOST_TIMES, are sorted at a time.

    Args:
        pieces: gives all of them, in any order; asked again for what is sorted next, so that no more are held.
        count: how many there are.

    Raises:
        InvalidProof: "distinct records": one is there twice.
    """
    at_once = max(AT_ONCE, -(-count // MOST_TIMES))
    last: Digests = np.empty(0, DIGEST)
    for _ in range(0, count, at_once):
        lowest = _lowest(pieces(), last, at_once)
        last = lowest[-1:].copy()
        for start in range(0, len(lowest), PIECE):
            yield lowest[start : start + PIECE].tobytes()


def _lowest(pieces: Iterable[bytes], after: Digests, at_most: int) -> Digests:
    """The lowest of the digests greater than one, if any, in increasing order. Raises as `increasing`."""
    kept: list[Digests] = []
    held, up_to = 0, after[:0]
    for piece in pieces:
        own = np.frombuffer(piece, DIGEST)
        for bound, inside in ((after, np.greater), (up_to, np.less_equal)):
            own = own[inside(own, bound)] if len(bound) else own
        kept.append(own)
        held += len(own)
        if held >= 2 * at_most:
            kept = [_in_order(kept)[:at_most].copy()]  # without the others, which go
            held, up_to = at_most, kept[0][-1:]
    return _in_order(kept)[:at_most]


def _in_order(kept: list[Digests]) -> Digests:
    found = np.concatenate(kept)
    found.sort()
    twice = np.flatnonzero(found[1:] == found[:-1])
    if len(twice):
        digest = found[twice[:1]].tobytes()
        raise InvalidProof("distinct records", f"the record {digest.hex()} is there twice")
    return found
