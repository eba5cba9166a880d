"""What Poisson models expect, e^z of a score z, in integers: a table of edges, between which it is interpolated.

T[q + 2^15] = nearest(2^P_BITS e^(q / 2^q_bits)) for q in [-2^15, 2^15]. A score of 2^-(q_bits + 16) times z, z = 2^16 Q
+ M with M in [0, 2^16), has P = T[Q] + floor(((T[Q+1] - T[Q]) M + 2^15) / 2^16). P is at most a unit less than 2^P_BITS
e^z, a half for the roundings of T and one for that of P, and at most a unit and what a chord is above its arc more:
h^2 / 8 times the largest e^z for cells of the length h.

And the part of a deviance that is of the count alone: LOGS[y] = floor(2^P_BITS (y log y - y)), 0 log 0 being 0, where
the floor is one of a number that is less than 2^-100 below. All in integers, as of the activation tables.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .activation import FRACTION_BITS, HALF_TABLE, ONE, edge_table, poisson_edges
from .families import Family
from .scales import REMAINDER_BITS, FixedPoint

P_BITS = 16  # of expected counts: more would make steps at scores of 8 longer than a limb, and sums too large
LEAST_Q_BITS = 12  # scores of up to 8
COUNT_BITS = 16  # of labels, and of what is expected, which is below e^8
LOG_ERROR = 1 << 64  # of y log y, in units of 2^-FRACTION_BITS; see `count_logs`
IntArray = NDArray[np.int64]


def require_table(family: Family, scales: FixedPoint) -> None:
    """Scores are small enough for the table. Raises ParameterError."""
    if scales.q_bits < LEAST_Q_BITS:
        raise ParameterError(
            f"fixed_point.x_bits + fixed_point.w_bits = {scales.x_bits + scales.w_bits}: scores of a {family.title} "
            f"may be up to {scales.z_limit:g}, and counts of e^{scales.z_limit:g} are beyond the table that they are "
            "looked up in; train with 28 or more, where scores end at 8"
        )


def count_edges(q_bits: int) -> IntArray:
    """T, int64 (65537,), read-only."""
    return edge_table(poisson_edges, q_bits, P_BITS)


def chord(q_bits: int) -> Fraction:
    """What a chord is above its arc at most, in units of 2^-P_BITS."""
    return Fraction(int(count_edges(q_bits)[-1]) + 1, 1 << (2 * q_bits + 3))


def interpolated(z: IntArray, q_bits: int) -> tuple[IntArray, ...]:
    """Q, M, T[Q], T[Q + 1] - T[Q], P - T[Q], and what is left of the division: int64, like z, with Q in the table."""
    edges = count_edges(q_bits)
    Q, middle = z >> REMAINDER_BITS, z & ((1 << REMAINDER_BITS) - 1)
    edge, step = edges[Q + HALF_TABLE], np.diff(edges)[Q + HALF_TABLE]
    raised = step * middle + (1 << (REMAINDER_BITS - 1))
    risen = raised >> REMAINDER_BITS
    return Q, middle, edge, step, risen, raised - (risen << REMAINDER_BITS)


@cache
def count_logs() -> IntArray:
    """LOGS, int64 (65536,), read-only.

    log (y + 1) - log y = 2 artanh(1 / (2 y + 1)), whose series has at most 64 terms, each less than two units off, so
    logarithms are less than 2^25 units off, and y times them less than 2^41.
    """
    shift, log, found = FRACTION_BITS - P_BITS, 0, [0, -(1 << P_BITS)]
    for y in range(1, (1 << COUNT_BITS) - 1):
        log += 2 * _artanh_inverse(2 * y + 1)
        found.append((((y + 1) * (log - ONE)) - LOG_ERROR) >> shift)
    table = np.array(found, dtype=np.int64)
    table.setflags(write=False)
    return table


def _artanh_inverse(n: int) -> int:
    """artanh(1 / n), n >= 3, in units of 2^-FRACTION_BITS."""
    power = total = ONE // n
    index, square = 1, n * n
    while power:
        power //= square
        index += 2
        total += power // index
    return total
