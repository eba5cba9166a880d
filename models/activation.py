"""The activation tables: inverse links at 2^16 cell centres, the same integers on every platform.

Entry i of a table belongs to q = i - 2^15 and is

    round(2^p_bits * inverse_link((q + 1/2) / 2^q_bits)).

Every value is computed with integers only (FRACTION_BITS fractional bits, floor at every step), together with
a bound on its error; if the bound did not settle which integer is nearest, the table would be refused.
Nothing depends on the platform's libm, and an auditor can follow the bound by hand.

    logistic   1 / (1 + exp(-x));  exp(-x) for successive cells by one multiplication each
    linear     exact shifts; a tie (q_bits = p_bits) goes up
    probit     1/2 + integral of the normal density, cell after cell by its Taylor series at the cell's centre
    poisson    exp(x), by one multiplication each
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .scales import P_BITS_RANGE, Q_BITS_RANGE, TABLE_BITS

Builder = Callable[[int, int], NDArray[np.int64]]  # of the entries for (q_bits, p_bits)
TABLE_SIZE = 1 << TABLE_BITS
HALF_TABLE = TABLE_SIZE // 2  # cells on each side of zero
MAX_ENTRY_BITS = 62  # a table entry is an integer expression: it stays below 2^62
FRACTION_BITS = 192  # the errors bounded below then stay under 2^-112 of an output unit
ONE = 1 << FRACTION_BITS
_GUARD_BITS = 32  # extra precision of constants, so that each is right to one unit


def _exp_constant(numerator: int, log2_denominator: int) -> int:
    """ONE * exp(numerator / 2^log2_denominator), less than two units off; |numerator| is 1.

    Each of at most 64 terms is less than four guard units off and those left out are below one: 2^8 guard
    units, then one floor.
    """
    term = total = ONE << _GUARD_BITS
    index = 0
    while term not in (0, -1):  # floor division ends negative terms at -1
        index += 1
        term = (term * numerator >> log2_denominator) // index
        total += term
    return total >> _GUARD_BITS


def _round_units(values: Iterable[int], p_bits: int, errors: Callable[[int], int]) -> list[int]:
    """Nearest integers to 2^p_bits * v / ONE for fixed-point v, each wrong by less than errors(v) units.

    Raises:
        ParameterError: a value is so near a tie that its error bound does not settle the rounding.
    """
    shift = FRACTION_BITS - p_bits
    half, mask = 1 << (shift - 1), (1 << shift) - 1
    rounded = []
    for value in values:
        shifted = value + half
        distance = shifted & mask
        error = errors(value)
        if distance <= error or mask - distance <= error:
            raise ParameterError(f"p_bits = {p_bits}: a table entry is too near a rounding tie; change p_bits")
        rounded.append(shifted >> shift)
    return rounded


def _exp_cells(sign: int, q_bits: int) -> list[int]:
    """exp(sign * (j + 1/2) / 2^q_bits) * ONE for j = 0 .. 2^15 - 1; errors are those of `_exp_steps`."""
    return _exp_steps(_exp_constant(sign, q_bits + 1), sign, q_bits, HALF_TABLE)


def _exp_steps(value: int, sign: int, q_bits: int, count: int) -> list[int]:
    """value * exp(sign * j / 2^q_bits) for j < count <= 2^15 + 1.

    Error, in units, of entry j: below 2^17 * max(1, value / ONE). One multiplication adds the error of the
    ratio and one floor, together less than 4 units relative to the larger of value and ONE; there are 2^15.
    """
    ratio = _exp_constant(sign, q_bits)
    values = []
    for _ in range(count):
        values.append(value)
        value = value * ratio >> FRACTION_BITS
    return values


def _mirrored(upper: list[int], p_bits: int) -> NDArray[np.int64]:
    """The whole table of an f with f(-x) = 1 - f(x), from its entries for q >= 0."""
    right = np.array(upper, dtype=np.int64)
    return np.concatenate([(1 << p_bits) - right[::-1], right])


def logistic_entries(q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """1 / (1 + exp(-x))."""
    # v -> ONE^2 / (ONE + v) shrinks errors (its slope is at most one) and floors once: 2^17 + 1 units.
    square = ONE << FRACTION_BITS
    values = (square // (ONE + value) for value in _exp_cells(-1, q_bits))
    return _mirrored(_round_units(values, p_bits, lambda _: 1 << 18), p_bits)


def logistic_edges(q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """1 / (1 + exp(-x)) at the edges of cells, 2^16 + 1 of them; errors are those of `logistic_entries`."""
    square = ONE << FRACTION_BITS
    values = (square // (ONE + value) for value in _exp_steps(ONE, -1, q_bits, HALF_TABLE + 1))
    return _mirrored_edges(_round_units(values, p_bits, lambda _: 1 << 18), p_bits)


def _mirrored_edges(upper: list[int], p_bits: int) -> NDArray[np.int64]:
    """All edges of an f with f(-x) = 1 - f(x), from those for x >= 0, the first of which is 1/2."""
    right = np.array(upper, dtype=np.int64)
    return np.concatenate([(1 << p_bits) - right[:0:-1], right])


def linear_entries(q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """x; ties go up."""
    doubled = 2 * np.arange(-HALF_TABLE, HALF_TABLE, dtype=np.int64) + 1
    shift = p_bits - q_bits - 1
    if shift >= 0:
        return doubled << shift
    return (doubled + (1 << (-shift - 1))) >> -shift


def poisson_entries(q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """exp(x). Raises ParameterError for entries of 2^62 and more."""
    _require_exp_below(q_bits, p_bits)
    falling = _round_units(_exp_cells(-1, q_bits), p_bits, _exp_error)
    rising = _round_units(_exp_cells(1, q_bits), p_bits, _exp_error)
    return np.array(falling[::-1] + rising, dtype=np.int64)


def poisson_edges(q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """exp(x) at the edges of cells, 2^16 + 1 of them; errors and refusals are those of `poisson_entries`."""
    _require_exp_below(q_bits, p_bits)
    falling = _round_units(_exp_steps(ONE, -1, q_bits, HALF_TABLE + 1), p_bits, _exp_error)
    rising = _round_units(_exp_steps(ONE, 1, q_bits, HALF_TABLE + 1), p_bits, _exp_error)
    return np.array(falling[:0:-1] + rising, dtype=np.int64)


def _require_exp_below(q_bits: int, p_bits: int) -> None:
    """Raises ParameterError where exp of the table's last score is 2^62 and more."""
    # log2(e) < 1.4427; the table ends at x = 2^(15 - q_bits).
    if (14427 << (TABLE_BITS - 1 - q_bits)) + 10000 * p_bits > 10000 * MAX_ENTRY_BITS:
        raise ParameterError(
            f"poisson: exp(z) for z up to {1 << (TABLE_BITS - 1 - q_bits)} at p_bits = {p_bits} exceeds "
            f"2^{MAX_ENTRY_BITS}; use more w_bits or x_bits (a smaller range of z) or fewer p_bits"
        )


def _exp_error(value: int) -> int:
    """Of exp, in units of 2^-FRACTION_BITS: see `_exp_steps`."""
    return ((max(value, ONE) >> FRACTION_BITS) + 1) << 17


def _pi() -> int:
    """pi at FRACTION_BITS + _GUARD_BITS fractional bits, by Machin's formula; less than 2^12 units off."""
    one = ONE << _GUARD_BITS

    def arctan_inverse(n: int) -> int:
        power = total = one // n
        index, sign = 1, 1
        while power:
            power //= n * n
            index, sign = index + 2, -sign
            total += sign * (power // index)
        return total

    return 4 * (4 * arctan_inverse(5) - arctan_inverse(239))


def _cell_polynomial(centre_bits: int, half_cell_bits: int) -> tuple[list[int], int]:
    """Coefficients a_i and a denominator D, by which the normal density integrates over a cell exactly,

        integral over the cell of width 2 / 2^half_cell_bits centred at c = j / 2^centre_bits
            =  density(c) * (sum_i a_i * j^(2i)) / D,

    but for the truncation of the Taylor series, which is below one unit (2^-FRACTION_BITS).

    With d half a cell, the integral is 2d * density * sum_m He_2m(c) d^2m / (2m+1)!, since the n-th
    derivative of the density is (-1)^n He_n times it. Cramer's inequality bounds that by sqrt(n!), so the
    remainder is at most 2 sqrt((2m)!) d^(2m+1) / (2m+1)! <= 2 d^(2m+1), m the first term left out.
    """
    terms = 1
    while half_cell_bits * (2 * terms + 1) - 1 < FRACTION_BITS:
        terms += 1
    top = terms - 1
    coefficients = [0] * terms
    factorial = math.factorial(2 * top + 1)
    previous, hermite = [0], [1]  # He_{n-1}, He_n as coefficient lists, lowest power first
    for n in range(2 * top + 1):
        if n % 2 == 0:
            scale = factorial // math.factorial(n + 1)
            for power in range(0, n + 1, 2):
                # c^power d^n over the common denominator 2^(q_bits * 2 top + half_cell_bits * 2 top).
                shift = centre_bits * (2 * top - power) + half_cell_bits * (2 * top - n)
                coefficients[power // 2] += (hermite[power] * scale) << shift
        risen = [0, *hermite]
        lowered = [n * a for a in previous] + [0] * (len(risen) - len(previous))
        previous, hermite = hermite, [a - b for a, b in zip(risen, lowered, strict=True)]
    return coefficients, factorial << (2 * top * (centre_bits + half_cell_bits) + half_cell_bits - 1)


def probit_entries(q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """1/2 plus the integrals of the cells up to x.

    The density takes two multiplications a cell: density(j+1) / density(j) = exp(-(2j+1) / 2^(2 q_bits + 1)).

    Error, in units: the ratio at cell j is off by at most 3j + 2, the density by their sum, below 2^32, a
    cell's integral by that and 2 more (its polynomial is at most D), and 2^15 cells by less than 2^48.
    """
    coefficients, denominator = _cell_polynomial(q_bits, q_bits + 1)
    descending = coefficients[::-1]
    guarded = ONE << _GUARD_BITS
    density = math.isqrt(guarded**3 // (2 * _pi())) >> _GUARD_BITS  # 1 / sqrt(2 pi), one unit off at most
    ratio = _exp_constant(-1, 2 * q_bits + 1)
    ratio_step = _exp_constant(-1, 2 * q_bits)
    value = ONE // 2
    nearly_one = ONE - (ONE >> (p_bits + 2))
    values = []
    for j in range(HALF_TABLE):
        square = j * j
        polynomial = 0
        for coefficient in descending:
            polynomial = polynomial * square + coefficient
        integral = density * polynomial // denominator
        value += integral // 2 if j == 0 else integral  # the cell at zero counts from its centre
        values.append(value)
        if value > nearly_one:
            break  # the function rises to one: every later entry rounds to 2^p_bits as this one does
        density = density * ratio >> FRACTION_BITS
        ratio = ratio * ratio_step >> FRACTION_BITS
    upper = _round_units(values, p_bits, lambda _: 1 << 49)
    return _mirrored(upper + [1 << p_bits] * (HALF_TABLE - len(upper)), p_bits)


def probit_edges(q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """The same at the edges of cells, 2^16 + 1 of them: 1/2 plus the integrals of whole cells, centred at odd halves.

    Errors are those of `probit_entries`: density(j+1) / density(j) = exp(-(j+1) / 2^(2 q_bits)), j + 1/2 the centres.
    """
    coefficients, denominator = _cell_polynomial(q_bits + 1, q_bits + 1)
    descending = coefficients[::-1]
    guarded = ONE << _GUARD_BITS
    at_zero = math.isqrt(guarded**3 // (2 * _pi())) >> _GUARD_BITS
    density = at_zero * _exp_constant(-1, 2 * q_bits + 3) >> FRACTION_BITS
    ratio = ratio_step = _exp_constant(-1, 2 * q_bits)
    value = ONE // 2
    nearly_one = ONE - (ONE >> (p_bits + 2))
    values = [value]
    for j in range(HALF_TABLE):
        square = (2 * j + 1) ** 2
        polynomial = 0
        for coefficient in descending:
            polynomial = polynomial * square + coefficient
        value += density * polynomial // denominator
        values.append(value)
        if value > nearly_one:
            break
        density = density * ratio >> FRACTION_BITS
        ratio = ratio * ratio_step >> FRACTION_BITS
    upper = _round_units(values, p_bits, lambda _: 1 << 49)
    return _mirrored_edges(upper + [1 << p_bits] * (HALF_TABLE + 1 - len(upper)), p_bits)


@lru_cache(maxsize=4)
def edge_table(edges: Builder, q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """The inverse link of a family at the edges of cells, rounded to nearest: int64 (65537,), read-only, scale p_bits.

    Entry i belongs to the score (i - 2^15) / 2^q_bits. Raises ParameterError where a rounding is not settled.
    """
    table = edges(q_bits, p_bits)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=8)
def activation_table(entries: Builder, q_bits: int, p_bits: int) -> NDArray[np.int64]:
    """The activation table of a family: its inverse link at the centre of each cell, rounded to nearest.

    Args:
        entries: builds it (families.py has one for each family).
        q_bits: scale of the index; entry i belongs to scores in [q, q + 1) / 2^q_bits with q = i - 2^15.
        p_bits: scale of the entries.

    Returns:
        int64 array of shape (65536,), read-only, scale p_bits, not decreasing; cached.

    Raises:
        ParameterError: scales out of range, or entries of 2^62 and more (poisson).
    """
    for name, bits, (low, high) in (("q_bits", q_bits, Q_BITS_RANGE), ("p_bits", p_bits, P_BITS_RANGE)):
        if not low <= bits <= high:
            raise ParameterError(f"{name} = {bits}: must be between {low} and {high}")
    table = entries(q_bits, p_bits)
    table.setflags(write=False)
    return table


def table_digest(table: NDArray[np.int64]) -> str:
    """SHA-256, in hexadecimal, of a table's entries as little-endian 64-bit integers."""
    return hashlib.sha256(np.ascontiguousarray(table, dtype="<i8").tobytes()).hexdigest()
