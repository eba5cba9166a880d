"""Randomness of secrets, from the operating system only."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import prod

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import P, Vector
from ...verifier.protocol.merkle import SALT_BYTES
from ..kernels import run_tasks, thread_count
from ..kernels.storage import empty

Salts = npt.NDArray[np.uint8]  # (n, 32)
PIECE = 1 << 20  # bytes that a thread asks for at a time
MANY = 4  # pieces: of more, a thread of its own may draw some time before they are used


def random_field(*shape: int) -> Vector:
    """Uniform elements of F, of the given shape: 64-bit integers, those not below p drawn again."""
    count = prod(shape)
    values = _random_bytes(8 * count).view("<u8").astype(np.uint64, copy=False)
    while True:
        rejected = np.flatnonzero(values >= np.uint64(P))
        if not len(rejected):
            return values.reshape(shape)
        values[rejected] = np.frombuffer(os.urandom(8 * len(rejected)), dtype="<u8")


def random_integers(bits: int, count: int) -> npt.NDArray[np.int64]:
    """Uniform integers below 2^bits, bits at most 63, int64 (count,)."""
    values = _random_bytes(8 * count).view("<u8").astype(np.uint64) & np.uint64((1 << bits) - 1)
    return values.astype(np.int64)


def random_salts(count: int) -> Salts:
    """Uniform salts, uint8 (count, 32)."""
    return _random_bytes(SALT_BYTES * count).reshape(count, SALT_BYTES)


def salts_ahead(count: int) -> Callable[[], Salts]:
    """What gives such salts, to be called once. Many are drawn from now on, while others have other things to do."""
    if SALT_BYTES * count <= MANY * PIECE or thread_count() == 1:
        return partial(random_salts, count)
    salts = empty((count, SALT_BYTES), np.uint8)

    def draw() -> Salts:
        lines = salts.reshape(-1)
        for start in range(0, lines.size, MANY * PIECE):
            part = lines[start : start + MANY * PIECE]
            part[:] = np.frombuffer(os.urandom(part.size), dtype=np.uint8)
        return salts

    thread = ThreadPoolExecutor(1, thread_name_prefix="zkunlearn-entropy")
    drawn = thread.submit(draw)
    thread.shutdown(wait=False)
    return drawn.result


def _random_bytes(count: int) -> npt.NDArray[np.uint8]:
    """Uniform bytes; many of them on all threads, as the system makes them no faster than they are used."""
    result = empty(count, np.uint8)

    def fill(start: int, stop: int) -> None:
        result[start:stop] = np.frombuffer(os.urandom(stop - start), dtype=np.uint8)

    pieces = range(0, count, PIECE)
    run_tasks([partial(fill, start, min(count, start + PIECE)) for start in pieces])
    return result
