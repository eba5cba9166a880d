"""One step of gradient descent in exact integers, for some rows: scores, predictions, their part of the gradient.

Blocks of rows may have models of their own, all of which one step moves: those of shards that are trained apart.

Features are small integers. Weights, and residuals, are limb0 + 2^15 limb1 with signed 16-bit limbs. Then products of
16-bit numbers are added up in pairs, in one instruction, into 32-bit sums, which are widened before they can overflow.

A block of rows is read twice, the second time from a near cache. Features that are 2^k bytes apart in memory share
cache sets, so for many epochs blocks are first copied to lie together. Scores are sums over features, so pairs of
features are interleaved, which puts rows in an order that `_row_at` undoes; gradients are sums over rows, which are
pairs as they are.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from .compiled import INT, array_of, device, kernel
from .field import LANES, int_add, int_mul, splat
from .memory import load_whole, store
from .pairs import RUN, broadcast, interleave_high, interleave_low, load_words, pair_dot, widen
from .storage import empty
from .threads import run_tasks, spans, thread_count
from .values import Array

WIDE = 4 * LANES  # 16-bit numbers in lanes
ROWS = 2 * WIDE  # whose scores are added up together
FEATURES = 4  # whose gradients share a pass
LIMB_BITS = 15
LARGEST = 1 << 29  # above this, weights and residuals have no room in two limbs
LARGEST_FEATURE = 1 << 12
SUMMED = {1 << 11: 32, LARGEST_FEATURE: 16}  # products in a 32-bit sum, by the largest feature: limbs are up to 2^14
BLOCK_CELLS = 1 << 20  # features and rows of a block, 1 MB: they stay in the second cache
MOST_ROWS = 512
MANY_EPOCHS = 8  # are worth a copy of the features
CACHE_LINE = 64  # bytes
TABLE_MIDDLE = 1 << 15
REMAINDER_BITS = 16


@device
def _row_at(i):
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
def _scores(features, weights, own, scratch, stride, width, first, count, summed):
    """scratch[_row_at(i)] = sum over k < width of weight k times features[first + k stride + i].

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
def _add_gradient(features, limbs, sums, stride, width, first, count, summed):
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


@kernel(
    array_of("int16", True), array_of("uint64", True), array_of("int64", True), array_of("int32", True),
    array_of("int32", True), array_of("int32", True), array_of("int32", True), array_of("int16"), array_of("int32"),
    array_of("uint16"), array_of("int64"), array_of("int64"), array_of("int64"), array_of("int64"), array_of("int16"),
    array_of("int64"), INT, INT, INT, INT, INT, INT, INT, INT, INT, INT, INT,
)  # fmt: skip
def _descend(
    features, weights, intercepts, table, targets, counted, holes, quotients, predictions, remainders, hole_scores,
    gradients, sums, scratch, limbs, found, stride, step, room, width, height, start, stop, epoch, model_bits, models,
    summed,
):  # fmt: skip
    """Rows start..stop of a step, `height` of them at a time; `start` is a multiple of it.

    Feature k of row i of the a-th `height` rows is features[a step + k stride + i]; there are `room` rows, and lanes
    that would run on beyond begin with rows before, which are left out. A model is that of 2^model_bits rows; weights,
    intercepts (what is added to all scores) and gradients, (.., d + 1), the sum of residuals last, are of one model
    after another, from number `models` on.
    holes[i] is -1 for a live row, else where its score goes; `epoch` is where rows begin in the columns.
    found: the least and the largest q of live rows.
    """
    low, high = np.int64(TABLE_MIDDLE), np.int64(-TABLE_MIDDLE - 1)
    up, limb1, pairs = np.int64(64 - LIMB_BITS), limbs.size // 2, (width + 1) // 2
    for own in range(start >> model_bits, ((stop - 1) >> model_bits) + 1):
        model, total = own - models, np.int64(0)
        intercept = intercepts[model]
        sums[:] = 0
        for first in range(max(start, own << model_bits), min(stop, (own + 1) << model_bits), height):
            count = min(height, min(stop, (own + 1) << model_bits) - first)
            padded = -(-count // ROWS) * ROWS
            before = max(0, first + padded - room)
            block = first // height * step + first % height - before
            _scores(features, weights, 2 * pairs * model, scratch, stride, width, block, padded, summed)
            for i in range(before):
                limbs[i], limbs[limb1 + i] = 0, 0
            for i in range(before, before + count):
                row, z = first - before + i, scratch[_row_at(i)] + intercept
                q = z >> REMAINDER_BITS
                at = epoch + row
                if holes[row] >= 0:
                    hole_scores[holes[row]] = z
                    quotients[at], predictions[at], remainders[at] = 0, 0, 0
                    limbs[i], limbs[limb1 + i] = 0, 0
                    continue
                low, high = min(low, q), max(high, q)
                p = table[(q + TABLE_MIDDLE) & (2 * TABLE_MIDDLE - 1)]  # where that wraps, the caller starts over
                quotients[at], predictions[at], remainders[at] = q, p, z & ((1 << REMAINDER_BITS) - 1)
                residual = (np.int64(p) - targets[row]) * counted[row]
                total += residual
                limb = (residual << up) >> up
                limbs[i], limbs[limb1 + i] = limb, (residual - limb) >> LIMB_BITS
            for i in range(before + count, padded):
                limbs[i], limbs[limb1 + i] = 0, 0
            _add_gradient(features, limbs, sums, stride, width, block, padded, summed)
        at = model * (width + 1)
        for k in range(width):
            gradients[at + k] += sums[2 * LANES * k : 2 * LANES * (k + 1)].sum()
        gradients[at + width] += total
    found[0], found[1] = low, high


class Descent:
    """The rows of one training run, and where its columns go.

    Args:
        features: int16 (d, N), at most LARGEST_FEATURE in absolute value; N >= ROWS.
        table: int32 (2^16,), the activation.
        targets: int32 (N,), labels at the predictions' scale.
        counted: int32 (N,), how often a row counts that does; so many residuals are below LARGEST in absolute value.
        holes: rows that do not count.
        epochs: number of passes.
        block_size: rows of a model in a step, a power of two, but for the last ones of an epoch.

    Attributes:
        Q, P, rem: int16, int32, uint16 (epochs, N): table indices less 2^15, predictions, remainders; 0 in holes.
        hole_scores: int64 (epochs, holes): z of the rows that do not count.
    """

    def __init__(
        self,
        features: Array,
        table: Array,
        targets: Array,
        counted: Array,
        holes: NDArray[np.int64],
        *,
        epochs: int,
        block_size: int,
    ) -> None:
        self._width, self.rows = features.shape
        if self.rows < ROWS:
            raise ValueError(f"at least {ROWS} rows are needed, which lanes are filled with")
        largest = max(-int(features.min()), int(features.max()))
        self._summed = next(summed for bound, summed in SUMMED.items() if largest <= bound)
        self._table, self._targets, self._counted = table, targets, counted
        self._holes = np.full(self.rows, -1, dtype=np.int32)
        self._holes[holes] = np.arange(len(holes))
        self.Q, self.P, self.rem = (empty((epochs, self.rows), kind) for kind in ("i2", "i4", "u2"))
        self.hole_scores = np.zeros((epochs, len(holes)), dtype=np.int64)
        # A block's features stay in the second cache.
        fitting = BLOCK_CELLS // max(1, self._width)
        largest_height = min(MOST_ROWS, max(ROWS, 1 << (fitting.bit_length() - 1)))
        self._block_bits, self._height = block_size.bit_length() - 1, min(block_size, largest_height)
        self._features, self._stride, self._step, self._room = features.reshape(-1), self.rows, self._height, self.rows
        if epochs >= MANY_EPOCHS and block_size >= ROWS:
            self._features, self._stride = self._in_blocks(features), self._height
            self._step, self._room = self._width * self._height, self.rows + self._height
        self._spaces = [self._space() for _ in range(thread_count())]

    def _in_blocks(self, features: Array) -> Array:
        """The features of each block of rows together, the last one filled up: (blocks, d, height), flat."""
        width, height, whole = self._width, self._height, self.rows // self._height
        blocks = _aligned((whole + 1) * width * height).reshape(whole + 1, width, height)
        blocks[:-1] = features[:, : whole * height].reshape(width, whole, height).transpose(1, 0, 2)
        blocks[-1] = 0
        blocks[-1, :, : self.rows - whole * height] = features[:, whole * height :]
        return blocks.reshape(-1)

    def _space(self) -> tuple[Array, ...]:
        """Of one thread: sums, scores, limbs of residuals, and what was found."""
        sums, height = np.zeros(2 * LANES * -(-self._width // FEATURES) * FEATURES, dtype=np.int64), self._height
        scratch, limbs = np.zeros(max(ROWS, height), dtype=np.int64), _aligned(2 * max(ROWS, height))
        limbs[:] = 0
        return sums, scratch, limbs, np.zeros(2, dtype=np.int64)

    def step(
        self, weights: NDArray[np.int64], intercepts: NDArray[np.int64], epoch: int, first: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int]:
        """One block of rows for each of M models.

        Returns:
            Gradients, int64 (M, d), sums of residuals, int64 (M,), the least and the largest q that counts.

        Args:
            weights: (M, d), of models of blocks one after another.
            intercepts: (M,), what is added to all scores, at their scale.
            first: number of the first block.

        Raises:
            ValueError: a weight is not below LARGEST in absolute value.
        """
        models = len(weights)
        arrays = self._features, self._weight_pairs(weights), intercepts, self._table, self._targets, self._counted
        columns = self.Q.reshape(-1), self.P.reshape(-1), self.rem.reshape(-1), self.hole_scores[epoch]
        start, stop = first << self._block_bits, min((first + models) << self._block_bits, self.rows)
        cuts = spans(stop - start, cost=max(1, self._width // 8), grain=self._height)
        gradients = np.zeros((len(cuts), models, self._width + 1), dtype=np.int64)
        tasks = []
        for (low, high), own, space in zip(cuts, gradients, self._spaces, strict=False):
            sizes = self._stride, self._step, self._room, self._width, self._height
            where = start + low, start + high, epoch * self.rows, self._block_bits, first
            outputs = *columns, own.reshape(-1), *space
            tasks.append(partial(_descend, *arrays, self._holes, *outputs, *sizes, *where, self._summed))
        run_tasks(tasks)
        sums = gradients.sum(axis=0)
        lows, highs = zip(*(space[-1].tolist() for space in self._spaces[: len(cuts)]), strict=True)
        return sums[:, :-1], sums[:, -1], min(lows), max(highs)

    def _weight_pairs(self, weights: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Limbs 0 of all pairs of a model's weights, then limbs 1: uint64, a pair of 16 bits in both words."""
        if int(np.abs(weights).max()) >= LARGEST:
            raise ValueError(f"a weight is not below {LARGEST}")
        low = (weights << (64 - LIMB_BITS)) >> (64 - LIMB_BITS)
        limbs = np.zeros((len(weights), 2, -(-self._width // 2) * 2), dtype=np.int16)
        limbs[:, 0, : self._width], limbs[:, 1, : self._width] = low, (weights - low) >> LIMB_BITS
        words = limbs.view(np.uint32).astype(np.uint64)
        return (words | words << np.uint64(32)).reshape(-1)


def _aligned(count: int) -> NDArray[np.int16]:
    """Cells to be filled, which begin with a cache line."""
    cells = empty(count + CACHE_LINE // 2, np.int16)
    first = -cells.ctypes.data % CACHE_LINE // 2
    return cells[first : first + count]
