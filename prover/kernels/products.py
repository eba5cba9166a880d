"""Products of small features with integers, exactly: scores of rows, and sums over rows.

Features are small integers. What they are multiplied with, weights or residuals, is limb0 + 2^15 limb1 with signed
16-bit limbs. Then products of 16-bit numbers are added up in pairs, in one instruction, into 32-bit sums, which are
widened before they can overflow. Scores are sums over features, so pairs of features are interleaved, which puts rows
in an order that `row_at` undoes; sums over rows are of pairs as they are.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .compiled import INT, array_of, device, kernel
from .field import LANES, int_add, int_mul, splat
from .memory import load_whole, store
from .pairs import RUN, broadcast, interleave_high, interleave_low, load_words, pair_dot, widen
from .squares import weighted_squares
from .storage import empty
from .threads import run_tasks, spans
from .values import Array

WIDE = 4 * LANES  # 16-bit numbers in lanes
ROWS = 2 * WIDE  # whose scores are added up together
FEATURES = 4  # whose gradients share a pass
LIMB_BITS = 15
LARGEST = 1 << 29  # above this, weights and residuals have no room in two limbs
LARGEST_FEATURE = 1 << 12
SUMMED = {1 << 11: 32, LARGEST_FEATURE: 16}  # products in a 32-bit sum, by the largest feature: limbs are up to 2^14
PART_BITS = 29  # of an integer that has no room in two limbs, in several times two
HEIGHT = 1 << 11  # rows of a block: their scores stay in the first cache,
AGAIN = 1 << 9  # and features of so many in the second one
CACHE_LINE = 64  # bytes
Result = TypeVar("Result")


@device
def row_at(i):
    """Where interleaving puts row i of a block: halves of runs together, all first ones before all last ones."""
    lane = i % WIDE
    half = lane // (RUN // 2)
    return i - lane + half % 2 * (WIDE // 2) + half // 2 * (RUN // 2) + lane % (RUN // 2)


@device
def _widened(scratch, at, limb0, limb1, shift):
    """scratch[at..] += limb0 + 2^15 limb1."""
    a, b = widen(limb0)
    c, d = widen(limb1)
    low = int_add(a, int_mul(c, shift))
    high = int_add(b, int_mul(d, shift))
    store(scratch, at, LANES, int_add(load_whole(scratch, at), low))
    store(scratch, at + LANES, LANES, int_add(load_whole(scratch, at + LANES), high))


@device
def _add_pair(features, at, after, w0, w1, low0, low1, high0, high1):
    """Two features of WIDE rows, interleaved, times both limbs of their weights."""
    x, y = load_words(features, at), load_words(features, after)
    low, high = interleave_low(x, y), interleave_high(x, y)
    low0, low1 = pair_dot(low0, low, w0), pair_dot(low1, low, w1)
    return low0, low1, pair_dot(high0, high, w0), pair_dot(high1, high, w1)


@device
def scores_of(features, weights, own, scratch, stride, width, first, count, summed):
    """scratch[row_at(i)] = sum over k < width of weight k times features[first + k stride + i].

    weights: uint64; from `own` on for each pair of features its limbs 0, then for each its limbs 1; of the last one
    half may be zero.
    """
    zero, shift, pairs = splat(np.uint64(0)), splat(np.uint64(1 << LIMB_BITS)), (width + 1) // 2
    own1 = own + pairs
    for i in range(0, count, LANES):
        store(scratch, i, LANES, zero)
    for k in range(0, pairs, summed // 2):
        stop = min(width // 2, k + summed // 2)
        half = width % 2 == 1 and pairs <= k + summed // 2
        for i in range(0, count, ROWS):
            a0, a1, b0, b1, c0, c1, d0, d1 = zero, zero, zero, zero, zero, zero, zero, zero
            at = first + 2 * k * stride + i
            for j in range(k, stop):
                w0, w1, after = broadcast(weights, own + j), broadcast(weights, own1 + j), at + stride
                a0, a1, b0, b1 = _add_pair(features, at, after, w0, w1, a0, a1, b0, b1)
                c0, c1, d0, d1 = _add_pair(features, at + WIDE, after + WIDE, w0, w1, c0, c1, d0, d1)
                at += 2 * stride
            if half:  # the last feature with itself, which has the weight zero
                w0, w1 = broadcast(weights, own + pairs - 1), broadcast(weights, own1 + pairs - 1)
                a0, a1, b0, b1 = _add_pair(features, at, at, w0, w1, a0, a1, b0, b1)
                c0, c1, d0, d1 = _add_pair(features, at + WIDE, at + WIDE, w0, w1, c0, c1, d0, d1)
            _widened(scratch, i, a0, a1, shift)
            _widened(scratch, i + WIDE // 2, b0, b1, shift)
            _widened(scratch, i + WIDE, c0, c1, shift)
            _widened(scratch, i + WIDE + WIDE // 2, d0, d1, shift)


@device
def add_gradients(features, limbs, sums, stride, width, first, count, summed):
    """sums[k] += sum over i < count of residual i features[first + k stride + i], lane by lane.

    limbs: int16 (2, height), of residuals.
    """
    zero, shift, height = splat(np.uint64(0)), splat(np.uint64(1 << LIMB_BITS)), limbs.size // 2
    for k in range(0, width, FEATURES):
        last = first + (width - 1) * stride  # what is added up beyond is not looked at
        at0 = first + k * stride
        at1, at2, at3 = min(at0 + stride, last), min(at0 + 2 * stride, last), min(at0 + 3 * stride, last)
        for part in range(0, count, summed // 2 * WIDE):
            p0, p1, q0, q1, r0, r1, s0, s1 = zero, zero, zero, zero, zero, zero, zero, zero
            for i in range(part, min(count, part + summed // 2 * WIDE), WIDE):
                e, f = load_words(limbs, i), load_words(limbs, height + i)
                x = load_words(features, at0 + i)
                p0, p1 = pair_dot(p0, x, e), pair_dot(p1, x, f)
                x = load_words(features, at1 + i)
                q0, q1 = pair_dot(q0, x, e), pair_dot(q1, x, f)
                x = load_words(features, at2 + i)
                r0, r1 = pair_dot(r0, x, e), pair_dot(r1, x, f)
                x = load_words(features, at3 + i)
                s0, s1 = pair_dot(s0, x, e), pair_dot(s1, x, f)
            _widened(sums, 2 * LANES * k, p0, p1, shift)
            _widened(sums, 2 * LANES * (k + 1), q0, q1, shift)
            _widened(sums, 2 * LANES * (k + 2), r0, r1, shift)
            _widened(sums, 2 * LANES * (k + 3), s0, s1, shift)


@device
def _rows_from(first, count, stride):
    """How many of `count` rows are next, with how many lanes, and how many of these are of rows before."""
    padded = -(-count // ROWS) * ROWS
    if first + padded > stride and count > ROWS:  # the last ones, which do not fill their lanes, come by themselves
        padded = count = count // ROWS * ROWS
    return count, padded, max(0, first + padded - stride)


@kernel(
    array_of("int16", True), array_of("uint64", True), array_of("int64"), array_of("int64"), INT, INT, INT, INT, INT,
    INT,
)  # fmt: skip
def _score(features, weights, scores, scratch, stride, width, parts, start, stop, summed):
    """scores[i] = sum over k of weight k times features[k stride + i], of rows start..stop; there are `stride` rows.

    weights: uint64, the pairs of limbs of one part after another (`pairs_of`).
    """
    pairs, height = (width + 1) // 2, scratch.size
    first = start
    while first < stop:
        count, padded, before = _rows_from(first, min(height, stop - first), stride)
        for part in range(parts):
            up = np.int64(PART_BITS * part)
            scores_of(features, weights, 2 * pairs * part, scratch, stride, width, first - before, padded, summed)
            for i in range(before, before + count):
                scores[first - before + i] += scratch[row_at(i)] << up
        first += count


@kernel(
    array_of("int16", True), array_of("int64", True), array_of("int64"), array_of("int64"), array_of("int16"), INT,
    INT, INT, INT, INT,
)  # fmt: skip
def _add_up(features, values, sums, found, limbs, stride, width, start, stop, summed):
    """found[k] = sum over rows i in start..stop of value i times features[k stride + i]; there are `stride` rows.

    limbs: int16 (2, height), to work in, as are sums.
    """
    up, height, part = np.int64(64 - LIMB_BITS), limbs.size // 2, np.int64(0)
    rounded, left = np.int64(1 << (PART_BITS - 1)), True
    while left:
        left = False
        sums[:] = 0
        first = start
        while first < stop:
            count, padded, before = _rows_from(first, min(height, stop - first), stride)
            for i in range(padded):
                limbs[i], limbs[height + i] = 0, 0
            for i in range(before, before + count):
                value = values[first - before + i]
                for _ in range(part):
                    value = (value + rounded) >> np.int64(PART_BITS)
                rest = (value + rounded) >> np.int64(PART_BITS)
                left = left or rest != 0
                value -= rest << np.int64(PART_BITS)
                limb = (value << up) >> up
                limbs[i], limbs[height + i] = limb, (value - limb) >> np.int64(LIMB_BITS)
            add_gradients(features, limbs, sums, stride, width, first - before, padded, summed)
            first += count
        for k in range(width):
            found[k] += sums[2 * LANES * k : 2 * LANES * (k + 1)].sum() << np.int64(PART_BITS * part)
        part += 1


class Products:
    """Features times integers, where all results are below 2^63.

    Args:
        features: int16 (d, N).
    """

    def __init__(self, features: Array) -> None:
        self._features, (self._width, self._rows) = features, features.shape
        self._largest = largest = max(-int(features.min()), int(features.max()))
        small = self._rows >= ROWS and largest <= LARGEST_FEATURE and features.flags.c_contiguous
        self._summed = next(summed for bound, summed in SUMMED.items() if largest <= bound) if small else 0

    def scores(self, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of all rows, int64 (N,), by weights (d,)."""
        if not self._summed:
            return np.asarray(weights @ self._features.astype(np.int64), dtype=np.int64)
        parts = _parts(weights)
        words, scores = pairs_of(np.stack(parts)), np.zeros(self._rows, dtype=np.int64)

        def of_rows(start: int, stop: int) -> None:
            scratch = np.empty(HEIGHT if len(parts) == 1 else AGAIN, dtype=np.int64)
            flat = self._features.reshape(-1), words, scores, scratch
            _score(*flat, self._rows, self._width, len(parts), start, stop, self._summed)

        self._over_rows(of_rows)
        return scores

    def sums(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Over all rows of their values, (N,), times features: int64 (d,)."""
        if not self._summed:
            return np.asarray(self._features.astype(np.int64) @ values, dtype=np.int64)

        def of_rows(start: int, stop: int) -> NDArray[np.int64]:
            found, height = np.zeros(self._width, dtype=np.int64), min(HEIGHT, -(-self._rows // ROWS) * ROWS)
            sums = np.empty(2 * LANES * -(-self._width // FEATURES) * FEATURES, dtype=np.int64)
            work = values, sums, found, aligned(2 * height)
            _add_up(self._features.reshape(-1), *work, self._rows, self._width, start, stop, self._summed)
            return found

        return np.asarray(sum(self._over_rows(of_rows)), dtype=np.int64)

    def squares(self, weights: NDArray[np.float64], found: NDArray[np.float64]) -> float:
        """Of any two features over all rows of their weights, (N,), nearly; see `weighted_squares`."""
        return weighted_squares(np.ascontiguousarray(self._features), weights, self._largest, found)

    def _over_rows(self, task: Callable[[int, int], Result]) -> list[Result]:
        """On threads, some rows each."""
        return run_tasks(
            [partial(task, *span) for span in spans(self._rows, cost=max(1, self._width // 8), grain=ROWS)]
        )


def _parts(values: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Integers as sums of parts, of which part i is multiplied with 2^(29 i) and has room in two limbs."""
    parts: list[NDArray[np.int64]] = []
    while not parts or values.any():
        rest = (values + (1 << (PART_BITS - 1))) >> PART_BITS
        parts.append(values - (rest << PART_BITS))
        values = rest
    return parts


def pairs_of(weights: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Of one vector (.., d) after another limbs 0 of all pairs, then limbs 1: a pair of 16 bits in both words.

    Raises:
        ValueError: a weight is not below LARGEST in absolute value.
    """
    if int(np.abs(weights).max()) >= LARGEST:
        raise ValueError(f"a weight is not below {LARGEST}")
    width = weights.shape[1]
    low = (weights << (64 - LIMB_BITS)) >> (64 - LIMB_BITS)
    limbs = np.zeros((len(weights), 2, -(-width // 2) * 2), dtype=np.int16)
    limbs[:, 0, :width], limbs[:, 1, :width] = low, (weights - low) >> LIMB_BITS
    words = limbs.view(np.uint32).astype(np.uint64)
    return (words | words << np.uint64(32)).reshape(-1)


def aligned(count: int) -> NDArray[np.int16]:
    """Cells to be filled, which begin with a cache line."""
    cells = empty(count + CACHE_LINE // 2, np.int16)
    first = -cells.ctypes.data % CACHE_LINE // 2
    return cells[first : first + count]
