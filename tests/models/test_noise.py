"""Noise in integers: its table is exact, its shape that of a Gaussian, and what it hides is bounded from above."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from math import factorial, log2
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy.stats import chi2
from zkunlearn.models.gaussian import BITS, ONE, delta_above, exponential, normal_distribution, root_above
from zkunlearn.models.noise import (
    CELL_BITS,
    COIN_BITS,
    HALF_NOISE,
    SIGMA_BITS,
    TOTAL_VARIATION,
    Hidden,
    largest_mu,
    noise_edges,
    noise_of,
)

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "arithmetic.md"


def measures() -> np.ndarray:
    """Of all cells under the Gaussian itself, by numerical integration (three nodes a cell), longdouble (2^16,)."""
    middle = np.arange(-HALF_NOISE, HALF_NOISE).astype(np.longdouble)
    nodes, weights = (np.sqrt(np.longdouble(3) / 5), 0, -np.sqrt(np.longdouble(3) / 5)), (5, 8, 5)
    sigma, root = np.longdouble(1 << SIGMA_BITS), np.sqrt(8 * np.arctan(np.longdouble(1)))
    found = sum(
        np.longdouble(weight) / 18 * np.exp(-(((middle + node / 2) / sigma) ** 2) / 2)
        for node, weight in zip(nodes, weights, strict=True)
    )
    return np.asarray(found / (sigma * root))


def test_the_table_is_the_one_that_is_written_down() -> None:
    edges = noise_edges()
    assert edges[0] == 0 and edges[-1] == 1 << COIN_BITS and len(edges) == 2 * HALF_NOISE + 1
    assert hashlib.sha256(edges.astype("<i8").tobytes()).hexdigest() in DOCUMENT.read_text()


def test_edges_are_the_gaussians_own_rounded() -> None:
    edges, rng = noise_edges(), np.random.default_rng(1)
    places = [1, 2, 32767, 32768, 32769, 65534, 65535, *rng.integers(32768 - 20000, 32768 + 20000, 300).tolist()]
    with mpmath.workdps(60):
        for i in places:
            exact = 2**COIN_BITS * mpmath.ncdf(mpmath.mpf(2 * (i - HALF_NOISE) - 1) / 2 ** (SIGMA_BITS + 1))
            assert int(edges[i]) == int(mpmath.floor(exact + mpmath.mpf(0.5))), i


def test_no_cell_is_wider_than_its_bits_and_negative_noise_is_as_likely_as_positive() -> None:
    cells = np.diff(noise_edges())
    assert (cells >= 0).all() and 49.6 < log2(int(cells.max())) < CELL_BITS
    assert (cells[1:] == cells[1:][::-1]).all() and cells[0] == 0


def test_the_distance_from_a_rounded_gaussian_is_what_is_added_to_delta() -> None:
    cells = np.diff(noise_edges()).astype(np.longdouble) / np.longdouble(2) ** COIN_BITS
    distance = float(np.abs(cells - measures()).sum() / 2)
    assert 1.28e-15 < distance < 1.285e-15 < TOTAL_VARIATION


def test_moments_are_those_of_a_rounded_gaussian() -> None:
    cells, eta = np.diff(noise_edges()), range(-HALF_NOISE, HALF_NOISE)
    sums = [sum(int(cell) * value**power for cell, value in zip(cells, eta, strict=True)) for power in (1, 2, 4)]
    total, variance = 1 << COIN_BITS, Fraction(sums[1], 1 << COIN_BITS)
    assert sums[0] == 0
    assert abs(variance - (1 << 2 * SIGMA_BITS) - Fraction(1, 12)) < Fraction(1, 10**5)  # Sheppard's correction
    assert abs(Fraction(sums[2], total) / variance**2 - 3) < Fraction(1, 10**7)


def test_uniform_coins_give_what_the_table_says() -> None:
    coins = np.random.default_rng(2).integers(0, 1 << COIN_BITS, 1 << 18)
    found, edges = noise_of(coins), noise_edges()
    assert (edges[found + HALF_NOISE] <= coins).all() and (coins < edges[found + HALF_NOISE + 1]).all()
    stops = np.arange(-5120, 5121, 256)
    counts = np.histogram(found, np.concatenate([[-HALF_NOISE], stops, [HALF_NOISE]]))[0]
    upto = np.concatenate([[0], edges[stops + HALF_NOISE], [1 << COIN_BITS]]).astype(np.float64) / 2.0**COIN_BITS
    expected = np.diff(upto) * len(coins)
    assert chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1) > 1e-3  # these coins, always the same


@pytest.mark.parametrize("edge", [-9000, -1, 0, 1, 2048, 9000])
def test_the_edge_of_a_cell_belongs_to_the_cell_above(edge: int) -> None:
    own = noise_edges()[edge + HALF_NOISE]
    assert noise_of(np.array([own - 1, own])).tolist() == [edge - 1, edge]


def test_empty_cells_are_never_drawn() -> None:
    ends = noise_of(np.array([0, (1 << COIN_BITS) - 1]))
    assert (np.diff(noise_edges())[ends + HALF_NOISE] > 0).all() and -ends[0] == ends[1] > 8 << SIGMA_BITS


# What is hidden ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0", "1/3", "-5/2", "19", "-19", "-40"])
def test_distribution_and_exponential_lie_within_their_bounds(text: str) -> None:
    x = Fraction(text)
    with mpmath.workdps(120):
        exact = mpmath.ncdf(mpmath.mpf(x.numerator) / x.denominator) * mpmath.mpf(2) ** BITS
        low, high = normal_distribution(x)
        assert low <= exact <= high and high - low < 1 << (BITS - 190)
        grown, (low, high) = mpmath.exp(mpmath.mpf(abs(x.numerator)) / x.denominator) * ONE, exponential(abs(x))
        assert low <= grown <= high and high - low <= grown * mpmath.mpf(2) ** -230


@pytest.mark.parametrize(("mu", "epsilon"), [(0.05, 0.1), (0.268, 1.0), (0.5, 0.02), (1.0, 4.0), (3.0, 1.0)])
def test_delta_is_what_numerical_integration_finds_and_not_below(mu: float, epsilon: float) -> None:
    """The greatest P(S) - e^epsilon Q(S): the integral of where the difference of densities is positive."""
    with mpmath.workdps(30):
        cut = mpmath.mpf(epsilon) / mpmath.mpf(mu) + mpmath.mpf(mu) / 2  # densities of N(mu, 1) and N(0, 1) cross

        def difference(x: mpmath.mpf) -> mpmath.mpf:
            return mpmath.npdf(x, mu) - mpmath.exp(epsilon) * mpmath.npdf(x)

        found = mpmath.quad(difference, [cut, cut + 2, cut + 6, cut + 12, cut + 30])
        bound = delta_above(Fraction(mu), Fraction(epsilon))
        assert 0 <= mpmath.mpf(bound.numerator) / bound.denominator - found < mpmath.mpf(10) ** -18


def test_one_and_a_hundred_thousandth_need_the_noise_of_the_literature() -> None:
    mu = largest_mu(Fraction(1), Fraction(1, 10**5))
    assert 3.730 < 1 / mu < 3.732
    assert delta_above(mu, Fraction(1)) <= Fraction(1, 10**5) < delta_above(mu + Fraction(2, 1 << 20), Fraction(1))


def test_epsilon_is_rounded_up_and_the_table_is_paid_for() -> None:
    hidden = Hidden(Fraction(1, 4), 1000)
    epsilon = hidden.epsilon(Fraction(1, 10**5))
    assert epsilon is not None and hidden.delta(epsilon) <= Fraction(1, 10**5)
    assert hidden.delta(epsilon - Fraction(1, 10**4)) > Fraction(1, 10**5)
    paid = hidden.delta(epsilon) - Hidden(Fraction(1, 4), 0).delta(epsilon)
    assert paid > 1000 * (1 + 2) * Fraction(128, 10**17)
    assert Hidden(Fraction(100), 1).epsilon(Fraction(1, 10**5)) is None
    assert Hidden(Fraction(1, 4), 10**9).epsilon(Fraction(1, 10**9)) is None


def test_a_root_is_rounded_up() -> None:
    for value in (Fraction(0), Fraction(1), Fraction(64), Fraction(2), Fraction(10, 7)):
        root = root_above(value)
        assert root**2 >= value >= (max(Fraction(0), root - Fraction(1, 1 << 31))) ** 2


def test_the_series_of_a_cell_leaves_nothing_that_could_be_a_coin() -> None:
    """What is left out begins with He_10: its mean size is at most the root of 10!, over 2^(12 * 10) 11!."""
    assert Fraction(factorial(10), 1) < (Fraction(factorial(11) << 120, 1 << 132)) ** 2
