"""One step of gradient descent in exact integers, for some rows: scores, predictions, their part of the gradient.

Blocks of rows may have models of their own, all of which one step moves: those of shards that are trained apart.

A block of rows is read twice, the second time from a near cache. Features that are 2^k bytes apart in memory share
cache sets, so for many epochs blocks are first copied to lie together. Products are those of products.py.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from .compiled import INT, array_of, kernel
from .field import LANES
from .products import FEATURES, LIMB_BITS, ROWS, SUMMED, add_gradients, aligned, pairs_of, row_at, scores_of
from .storage import empty
from .threads import run_tasks, spans, thread_count
from .values import Array

BLOCK_CELLS = 1 << 20  # features and rows of a block, 1 MB: they stay in the second cache
MOST_ROWS = 512
MANY_EPOCHS = 8  # are worth a copy of the features
TABLE_MIDDLE = 1 << 15
REMAINDER_BITS = 16


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
            scores_of(features, weights, 2 * pairs * model, scratch, stride, width, block, padded, summed)
            for i in range(before):
                limbs[i], limbs[limb1 + i] = 0, 0
            for i in range(before, before + count):
                row, z = first - before + i, scratch[row_at(i)] + intercept
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
            add_gradients(features, limbs, sums, stride, width, block, padded, summed)
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
        fewer = self.rows < self._height  # than a block has, whose lanes would run on before the first
        if fewer or (epochs >= MANY_EPOCHS and block_size >= ROWS):
            self._features, self._stride = self._in_blocks(features), self._height
            self._step, self._room = self._width * self._height, self.rows + self._height
        self._spaces = [self._space() for _ in range(thread_count())]

    def _in_blocks(self, features: Array) -> Array:
        """The features of each block of rows together, the last one filled up: (blocks, d, height), flat."""
        width, height, whole = self._width, self._height, self.rows // self._height
        blocks = aligned((whole + 1) * width * height).reshape(whole + 1, width, height)
        blocks[:-1] = features[:, : whole * height].reshape(width, whole, height).transpose(1, 0, 2)
        blocks[-1] = 0
        blocks[-1, :, : self.rows - whole * height] = features[:, whole * height :]
        return blocks.reshape(-1)

    def _space(self) -> tuple[Array, ...]:
        """Of one thread: sums, scores, limbs of residuals, and what was found."""
        sums, height = np.zeros(2 * LANES * -(-self._width // FEATURES) * FEATURES, dtype=np.int64), self._height
        scratch, limbs = np.zeros(max(ROWS, height), dtype=np.int64), aligned(2 * max(ROWS, height))
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
        arrays = self._features, pairs_of(weights), intercepts, self._table, self._targets, self._counted
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
