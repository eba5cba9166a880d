"""The losses of probit models of two classes: -log Phi(t) over cells of t, bounded in integers as in losses.py.

Phi(t) is what the model says of the class that a row has, t its score, its sign turned where the class is 0. So this is
the negative log-likelihood, not the loss that probit models are trained by (families.py).

Below zero Phi(-x) = phi(x) m(x), m Mills' ratio, phi the normal density. With h the width of a cell, from edge to edge

    m(x) = e^(-x h - h^2 / 2) m(x + h) + integral of e^(-x u - u^2 / 2) over u in [0, h]

as substituting u in the integral of the density shows; it is begun at the table's end, where the asymptotic series of m
encloses it, and goes towards zero, by factors below one, so that errors are not multiplied. There phi(0) m(0) = 1/2,
which gives phi(0). Then

    -log Phi(-x) = log 2 + x^2 / 2 + log(m(0) / m(x)),          -log Phi(x) = -log(1 - phi(x) m(x))

of which the last is log 2 at zero: logarithms of ratios of neighbours are summed up, each 2 artanh of a small number.

Everything is computed with integers only, FRACTION_BITS fractional bits and floors.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .losses import FRACTION_BITS, HALF_TABLE, LOSS_INDEX_BITS, ONE, artanh, log_of_two, rounded_outwards

ERROR = 1 << 64  # of an edge, in units of 2^-FRACTION_BITS; see `_edges`
CELL_BITS = 2 * LOSS_INDEX_BITS  # x h is j / 2^CELL_BITS at the j-th edge


def _decays() -> list[int]:
    """e^(-x h - h^2 / 2) at the j-th edge, j < 2^15: less than 2^22 units off.

    Each multiplication adds the error of the ratio, less than 2^6, and a floor.
    """
    value, ratio = _exp(CELL_BITS + 1), _exp(CELL_BITS)
    found = []
    for _ in range(HALF_TABLE):
        found.append(value)
        value = value * ratio >> FRACTION_BITS
    return found


def _exp(bits: int) -> int:
    """e^(-1 / 2^bits), less than 2^6 units off: two a term of the series, of fewer than 32."""
    term = total = ONE
    index = 0
    while term not in (0, -1):
        index += 1
        term = -(term >> bits) // index
        total += term
    return total


def _over_cell(j: int) -> int:
    """The integral of e^(-x u - u^2 / 2) over u in [0, h], x the j-th edge: less than two units off.

    The function is the sum of a(n) (u / h)^n with (n + 1) a(n + 1) = -(x h a(n) + h^2 a(n - 1)). As x h <= 1/8 and h^2
    is 2^-18, |a(n)| <= 7^-n: after two terms that have vanished all do, and what is left out is below four units. Each
    term is less than four units off, there are fewer than 2^7, and then h takes nine bits.
    """
    before, own, total, index = 0, ONE, 0, 0
    while not (-2 <= own <= 1 and -2 <= before <= 1 and index):
        index += 1
        total += own // index
        before, own = own, -((j * own + before) >> CELL_BITS) // index
    return total >> LOSS_INDEX_BITS


def _mills() -> list[int]:
    """m at the edges j = 0 .. 2^15, each less than 2^38 units off: 2^23 for each step."""
    end = HALF_TABLE >> LOSS_INDEX_BITS  # 64, where terms fall by 2^12 / (2k + 1)
    term, total, index = ONE // end, 0, 0
    while term not in (0, -1):
        total += term
        term = -(term * (2 * index + 1)) // end**2
        index += 1
    value, found = total, [total]
    decays = _decays()
    for j in range(HALF_TABLE - 1, -1, -1):
        value = (decays[j] * value >> FRACTION_BITS) + _over_cell(j)
        found.append(value)
    return found[::-1]


def _edges() -> tuple[list[int], list[int]]:
    """-log Phi at j / 2^LOSS_INDEX_BITS and at the opposite, j = 0 .. 2^15, each less than ERROR units off.

    m is at least 1/65, so a ratio's d = (m(x) - m(x + h)) / (m(x) + m(x + h)) < 2^-10 is less than 2^45 units off, the
    step less than 2^47, and sums of 2^15 of them less than 2^62. phi is less than 2^37 units off at zero, and 2^38
    later, 1 - phi m, at least 1/2, less than 2^39; so a step is less than 2^43, and sums less than 2^58.
    """
    mills, decays = _mills(), _decays()
    loss = log_of_two()
    below, above = [loss], [loss]
    density, share = (ONE << FRACTION_BITS) // (2 * mills[0]), ONE // 2  # phi, and phi m
    far = near = loss
    for j in range(HALF_TABLE):
        own, following = mills[j], mills[j + 1]
        far += ((2 * j + 1) << (FRACTION_BITS - CELL_BITS - 1)) + _log_of_ratio(own, following)
        below.append(far)
        density = density * decays[j] >> FRACTION_BITS
        rest = density * following >> FRACTION_BITS
        near -= _log_of_ratio(ONE - rest, ONE - share)
        above.append(near)
        share = rest
    return above, below


def _log_of_ratio(one: int, other: int) -> int:
    """log(one / other), other being a little less."""
    return 2 * artanh(((one - other) << FRACTION_BITS) // (one + other))


@cache
def probit_loss_bounds() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As `loss_bounds`, of -log Phi."""
    above, below = _edges()
    return rounded_outwards(below[:0:-1] + above, ERROR)
