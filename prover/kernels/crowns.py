"""The upper layers of several fraction trees at once.

A crown has all small layers of a tree in one line: the 2^k nodes of a layer lie at 2^k .. 2^(k + 1) - 1, the root at 1.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from .compiled import IN, INT, OUT, kernel
from .field import LANES, mul2, mul4, seven
from .memory import load, store
from .values import Array, extension, flat, in_place, same_shape


@kernel(OUT, OUT, IN, IN, INT)
def _crowns_up(n, d, starts, bits, plane):
    """Each layer of each crown from the one below; the lowest is there."""
    for tree in range(starts.size):
        for k in range(bits[tree]):
            half = np.int64(1) << (np.int64(bits[tree]) - 1 - k)
            up, lo = np.int64(starts[tree]) + half, np.int64(starts[tree]) + 2 * half
            hi = lo + half
            for i in range(0, half, LANES):
                left = half - i
                n0, n1, x0, x1 = (
                    load(n, lo + i, left), load(n, plane + lo + i, left),
                    load(n, hi + i, left), load(n, plane + hi + i, left),
                )  # fmt: skip
                d0, d1, e0, e1 = (
                    load(d, lo + i, left), load(d, plane + lo + i, left),
                    load(d, hi + i, left), load(d, plane + hi + i, left),
                )  # fmt: skip
                e7 = seven(e1)
                store(n, up + i, left, mul4(n0, e0, n1, e7, x0, d0, x1, seven(d1)))
                store(n, plane + up + i, left, mul4(n0, e1, n1, e0, x0, d1, x1, d0))
                store(d, up + i, left, mul2(d0, e0, d1, e7))
                store(d, plane + up + i, left, mul2(d0, e1, d1, e0))


def crowns_up(n: Array, d: Array, starts: Array, bits: Array) -> None:
    """Fill crowns upwards, in place: n, d over K (2, total); crown i begins at starts[i], and has bits[i] layers."""
    same_shape(n, d)
    _crowns_up(in_place(n), in_place(d), flat(starts), flat(bits), extension(n, 2).shape[1])
