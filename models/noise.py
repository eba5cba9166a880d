"""Noise in integers: a Gaussian of standard deviation 2^11, rounded, from uniform coins of 62 bits.

An integer eta of [-2^15, 2^15) has the coins U with C[eta - 1] <= U < C[eta], where C[-2^15 - 1] = 0 and

    C[j] = round(2^62 Phi((j + 1/2) / 2^11)),  C[2^15 - 1] = 2^62

so that eta is a Gaussian rounded to the nearest integer but for TOTAL_VARIATION. Everything is in integers: all owners
and all auditors have the same table, whose SHA-256 is in docs/arithmetic.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

from .gaussian import BITS, LARGEST_EPSILON, ONE, SHOWN, delta_above, density, exponential

SIGMA_BITS = 11
HALF_NOISE = 1 << 15
COIN_BITS = 62
CELL_BITS = 50  # the widest cell has 2^49.68 coins
TOTAL_VARIATION = Fraction(13, 10**16)  # 1.2835e-15 is the distance; the test of it is exact to many more digits
TERMS = 5  # of the series of a cell: what is left of all cells together is below 2^-130
FADED = 1 << (BITS - 80)  # a density after which nothing adds up to a coin
IntArray = NDArray[np.int64]


@lru_cache(maxsize=1)
def noise_edges() -> IntArray:
    """C, int64 (2^16 + 1,): entry i is C[i - 2^15 - 1]."""
    upper = _upper_edges()
    edges = np.empty(2 * HALF_NOISE + 1, dtype=np.int64)
    edges[HALF_NOISE + 1 :] = upper
    edges[1 : HALF_NOISE + 1] = (1 << COIN_BITS) - upper[:HALF_NOISE][::-1]
    edges[0], edges[-1] = 0, 1 << COIN_BITS
    edges.flags.writeable = False
    return edges


def _upper_edges() -> IntArray:
    """C[0] to C[2^15 - 1], from the Gaussian measure of each cell, in units of 2^-BITS."""
    found = np.full(HALF_NOISE, 1 << COIN_BITS, dtype=np.int64)
    height, series = density(Fraction(0))[0], _series()
    step = (ONE << BITS) // exponential(Fraction(1, 1 << (2 * SIGMA_BITS + 1)))[1]  # e^(-h^2 / 2)
    square, half = step * step >> BITS, ONE >> COIN_BITS + 1
    below = (ONE >> 1) - (_cell(0, height, series) >> 1)
    for eta in range(HALF_NOISE):
        below += _cell(eta, height, series)
        found[eta] = below + half >> BITS - COIN_BITS
        height, step = height * step >> BITS, step * square >> BITS
        if height < FADED:
            break
    return found


def _cell(eta: int, height: int, series: tuple[int, ...]) -> int:
    """The measure of ((eta - 1/2) h, (eta + 1/2) h), h = 2^-11, where the density at eta h is `height`."""
    squared, total = eta * eta, 0
    for coefficient in series:
        total = (total * squared >> 2 * SIGMA_BITS) + coefficient
    return height * total >> BITS + SIGMA_BITS


def _series() -> tuple[int, ...]:
    """Of m^8, m^6, .., 1 in the sum over i of He_2i(m) (h / 2)^(2i) / (2i + 1)!, in units of 2^-BITS.

    h phi(m) times it is the Taylor series of a cell's measure at its middle m; He are Hermite's polynomials.
    """
    found = [Fraction(0)] * TERMS
    for i in range(TERMS):
        share = Fraction(1, (2 * i + 1) << 2 * i * (SIGMA_BITS + 1))  # (2i)! / (2i + 1)! of (h / 2)^(2i)
        for k in range(i + 1):
            found[k] += share * Fraction((-1) ** (i - k), factorial(i - k) * factorial(2 * k) << i - k)
    return tuple(round(own * ONE) for own in reversed(found))


def noise_of(coins: IntArray) -> IntArray:
    """eta of U, int64."""
    return np.searchsorted(noise_edges(), coins, side="right") - 1 - HALF_NOISE


@dataclass(frozen=True)
class Hidden:
    """What noise leaves of the difference between two ways to the same weights.

    Attributes:
        mu: of the Gaussians, or above it.
        cells: numbers to which noise was added, each as far from a rounded Gaussian as the table is.
    """

    mu: Fraction
    cells: int

    def delta(self, epsilon: Fraction) -> Fraction:
        """An upper bound of delta."""
        weight = Fraction(ONE + exponential(epsilon)[1], ONE)
        return delta_above(self.mu, epsilon) + weight * self.cells * TOTAL_VARIATION

    def epsilon(self, delta: Fraction) -> Fraction | None:
        """The smallest epsilon in steps of 0.0001 for which delta is enough; None if none below 64 is."""
        high = 1
        while self.delta(Fraction(high, SHOWN)) > delta:
            high *= 2
            if high > LARGEST_EPSILON * SHOWN:
                return None
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.delta(Fraction(middle, SHOWN)) <= delta else (middle, high)
        return Fraction(high, SHOWN)


@lru_cache(maxsize=64)
def largest_mu(epsilon: Fraction, delta: Fraction) -> Fraction:
    """The largest multiple of 2^-20 for which noise hides to this epsilon and delta; 0 if none does."""
    low, high = 0, LARGEST_EPSILON << 20
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if delta_above(Fraction(middle, 1 << 20), epsilon) <= delta else (low, middle)
    return Fraction(low, 1 << 20)
