"""The losses of two classes: log(1 + e^(-t)) over cells of t, bounded from below and from above in integers.

t is the score of a row, its sign turned where the class is 0. Cell i belongs to t in [j, j + 1] / 2^LOSS_INDEX_BITS,
j = i - 2^15, so the table ends at |t| = 64; the loss falls, so its least value over a cell is that at the upper edge.

Everything is computed with integers only, FRACTION_BITS fractional bits and floors, with a bound on the error by which
bounds are moved outwards before they are rounded outwards: the same table on every platform, and no loss outside.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

LOSS_INDEX_BITS = 9  # cells a unit of the score, as a power of two
LOSS_BITS = 16  # scale of the bounds
LARGEST_SCORE = 1 << (15 - LOSS_INDEX_BITS)
HALF_TABLE = 1 << 15
FRACTION_BITS = 192
ONE = 1 << FRACTION_BITS
ERROR = 1 << 40  # of an edge, in units of 2^-FRACTION_BITS; see `_edges`


def artanh(start: int) -> int:
    """x + x^3 / 3 + x^5 / 5 + .. for x = start / ONE: less than two units off a term, of which there are as many as do
    not vanish: at most 64 for x <= 1/3."""
    square = start * start >> FRACTION_BITS
    power = total = start
    index = 1
    while power:
        power = power * square >> FRACTION_BITS
        index += 2
        total += power // index
    return total


def log_of_two() -> int:
    """2 artanh(1/3): less than 2^8 units off."""
    return 2 * artanh(ONE // 3)


def _exp_of_cell() -> int:
    """e^(-1 / 2^LOSS_INDEX_BITS), less than 2^6 units off: one a term of the series, of fewer than 32."""
    term = total = ONE
    index = 0
    while term not in (0, -1):
        index += 1
        term = -(term >> LOSS_INDEX_BITS) // index
        total += term
    return total


def _edges() -> list[int]:
    """log(1 + e^(-j / 2^LOSS_INDEX_BITS)) for j = 0 .. 2^15, each less than ERROR units off.

    With v(j) = e^(-j / 2^LOSS_INDEX_BITS), the j-th less the next is log((1 + v(j)) / (1 + v(j + 1))) = 2 artanh(d),
    d = (v(j) - v(j + 1)) / (2 + v(j) + v(j + 1)) < 2^-10. Each multiplication adds the error of the ratio and a floor,
    2^7 units: v is less than 2^22 units off, d less than 2^22 (its denominator is 2 at least, and d small), the step
    less than 2^24, and sums of 2^15 of them less than 2^39.
    """
    ratio, value = _exp_of_cell(), ONE
    loss = log_of_two()
    found = [loss]
    for _ in range(HALF_TABLE):
        following = value * ratio >> FRACTION_BITS
        d = ((value - following) << FRACTION_BITS) // (2 * ONE + value + following)
        loss -= 2 * artanh(d)
        found.append(loss)
        value = following
    return found


@cache
def loss_bounds() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the largest loss over each cell, rounded down and up: int64 (2^16,) each, scale LOSS_BITS."""
    right = _edges()
    linear = FRACTION_BITS - LOSS_INDEX_BITS
    left = [value + (j << linear) for j, value in enumerate(right)]  # log(1 + e^t) = t + log(1 + e^-t)
    return rounded_outwards(left[:0:-1] + right, ERROR)


def rounded_outwards(edges: list[int], error: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of a falling function at the edges of all cells, less than `error` units off: its bounds over each cell."""
    shift = FRACTION_BITS - LOSS_BITS
    low = [max(0, (value - error) >> shift) for value in edges[1:]]
    high = [-(-(value + error) >> shift) for value in edges[:-1]]
    found = np.array(low, dtype=np.int64), np.array(high, dtype=np.int64)
    for table in found:
        table.setflags(write=False)
    return found
