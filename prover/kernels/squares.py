"""Sums over rows of weighted products of any two features, to some three digits: how a gradient changes with weights.

Features times roots of weights are rounded to as many bits as leave room in 32-bit sums over a piece of rows. Products
of these are exact, in pairs as in products.py, of six features with four at a time.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from functools import partial
from math import isqrt, lcm

import numpy as np
from numpy.typing import NDArray

from .compiled import INT, array_of, device, kernel
from .field import LANES, int_add, splat
from .memory import store
from .pairs import load_words, pair_sum, widen
from .storage import empty
from .threads import run_tasks, spans
from .values import Array

WIDE = 4 * LANES  # 16-bit numbers in lanes
TALL, BROAD = 6, 4  # features whose products with one another share a pass
EVEN = lcm(TALL, BROAD)
STEPS = 63  # of WIDE rows that are scaled at a time, or fewer: ten lines stay in the first cache, at odd numbers
BLOCK_CELLS = 1 << 19  # of which so much is gone through again and again, 1 MB: it stays in the second cache
ROOT_BITS = 15
Floats = NDArray[np.float64]


@kernel(array_of("int16", True), array_of("int32", True), array_of("int16"), INT, INT, INT, INT, INT)
def _scale(features, roots, scaled, stride, width, first, count, height):
    """scaled[k height + i] = roots[first + i] features[k stride + first + i] / 2^ROOT_BITS, rounded, i < count."""
    half, up = np.int32(1 << (ROOT_BITS - 1)), np.int32(ROOT_BITS)
    for k in range(width):
        own = features[k * stride + first : k * stride + first + count]
        by, to = roots[first : first + count], scaled[k * height : k * height + count]
        for i in range(count):
            to[i] = (np.int32(own[i]) * by[i] + half) >> up


@device
def _keep(lanes, at, a, b, c, d):
    """Four sums, each with its last lanes added to the first ones."""
    low, high = widen(a)
    store(lanes, at, LANES, int_add(low, high))
    low, high = widen(b)
    store(lanes, at + LANES, LANES, int_add(low, high))
    low, high = widen(c)
    store(lanes, at + 2 * LANES, LANES, int_add(low, high))
    low, high = widen(d)
    store(lanes, at + 3 * LANES, LANES, int_add(low, high))


@kernel(array_of("int16", True), array_of("int64"), array_of("int64"), INT, INT, INT)
def _multiply(scaled, sums, lanes, width, height, block):
    """sums[k width + j] += sum over i < height of scaled[k height + i] scaled[j height + i], of j to k and some more.

    lanes: to work in. width: a multiple of EVEN, as is `block`, of features j that are gone through for all k; height:
    of WIDE.
    """
    zero = splat(np.uint64(0))
    for start in range(0, width, block):
        for k in range(start, width, TALL):
            for j in range(start, min(start + block, k + TALL), BROAD):
                a0, a1, a2, a3, b0, b1, b2, b3 = zero, zero, zero, zero, zero, zero, zero, zero
                c0, c1, c2, c3, d0, d1, d2, d3 = zero, zero, zero, zero, zero, zero, zero, zero
                e0, e1, e2, e3, f0, f1, f2, f3 = zero, zero, zero, zero, zero, zero, zero, zero
                for i in range(0, height, WIDE):
                    at, to = k * height + i, j * height + i
                    w, x = load_words(scaled, to), load_words(scaled, to + height)
                    y, z = load_words(scaled, to + 2 * height), load_words(scaled, to + 3 * height)
                    v = load_words(scaled, at)
                    a0, a1, a2, a3 = pair_sum(a0, v, w), pair_sum(a1, v, x), pair_sum(a2, v, y), pair_sum(a3, v, z)
                    v = load_words(scaled, at + height)
                    b0, b1, b2, b3 = pair_sum(b0, v, w), pair_sum(b1, v, x), pair_sum(b2, v, y), pair_sum(b3, v, z)
                    v = load_words(scaled, at + 2 * height)
                    c0, c1, c2, c3 = pair_sum(c0, v, w), pair_sum(c1, v, x), pair_sum(c2, v, y), pair_sum(c3, v, z)
                    v = load_words(scaled, at + 3 * height)
                    d0, d1, d2, d3 = pair_sum(d0, v, w), pair_sum(d1, v, x), pair_sum(d2, v, y), pair_sum(d3, v, z)
                    v = load_words(scaled, at + 4 * height)
                    e0, e1, e2, e3 = pair_sum(e0, v, w), pair_sum(e1, v, x), pair_sum(e2, v, y), pair_sum(e3, v, z)
                    v = load_words(scaled, at + 5 * height)
                    f0, f1, f2, f3 = pair_sum(f0, v, w), pair_sum(f1, v, x), pair_sum(f2, v, y), pair_sum(f3, v, z)
                _keep(lanes, 0, a0, a1, a2, a3)
                _keep(lanes, BROAD * LANES, b0, b1, b2, b3)
                _keep(lanes, 2 * BROAD * LANES, c0, c1, c2, c3)
                _keep(lanes, 3 * BROAD * LANES, d0, d1, d2, d3)
                _keep(lanes, 4 * BROAD * LANES, e0, e1, e2, e3)
                _keep(lanes, 5 * BROAD * LANES, f0, f1, f2, f3)
                for own in range(TALL * BROAD):
                    total = np.int64(0)
                    for lane in range(LANES):
                        total += lanes[own * LANES + lane]
                    sums[(k + own // BROAD) * width + j + own % BROAD] += total


@kernel(array_of("int64", True), array_of("float64"), INT, INT, INT)
def _mirror(sums, found, width, size, stride):
    """found[k stride + j], of all k, j < size, from sums[k width + j] of j to k."""
    for k in range(size):
        for j in range(k + 1):
            total = np.float64(sums[k * width + j])
            found[k * stride + j] = total
            found[j * stride + k] = total


def weighted_squares(features: Array, weights: Floats, largest: int, found: Floats) -> float:
    """found[k, j] times what is returned: sum over rows i of weight i features[k, i] features[j, i], nearly.

    Args:
        features: int16 (d, N), of which none is above `largest` in absolute value.
        weights: (N,), not negative. What is less than 2^-24 of the largest may count as nothing.
        found: as many lines and columns as there are features, or more, which stay as they are.
    """
    size, rows = features.shape
    width, most = -(-size // EVEN) * EVEN, float(weights.max(initial=0.0))
    if not most or not largest:
        found[:size, :size] = 0
        return 1.0
    room = isqrt((2**31 - 1) // (2 * STEPS))  # of what is scaled: a lane adds up so many squares of it
    scale = room / largest
    roots = np.floor(np.sqrt(weights / most) * (scale * 2.0**ROOT_BITS)).astype(np.int32)

    def of_rows(start: int, stop: int) -> NDArray[np.int64]:
        sums, lanes = np.zeros(width * width, dtype=np.int64), np.empty(TALL * BROAD * LANES, dtype=np.int64)
        pieces = -(-(stop - start) // (STEPS * WIDE))
        height = (-(-(stop - start) // (pieces * WIDE)) | 1) * WIDE
        block = max(1, BLOCK_CELLS // height // EVEN) * EVEN
        scaled = empty(width * height, np.int16)
        for first in range(start, stop, height):
            count = min(height, stop - first)
            if first == start or count < height:
                scaled[:] = 0  # what is beyond the last feature, or the last row
            _scale(features.reshape(-1), roots, scaled, rows, size, first, count, height)
            _multiply(scaled, sums, lanes, width, height, block)
        return sums

    sums, *others = run_tasks([partial(of_rows, *s) for s in spans(rows, cost=max(1, size**2 // WIDE), grain=WIDE)])
    for other in others:
        sums += other
    _mirror(sums, found.reshape(-1), width, size, len(found))
    return most / scale**2
