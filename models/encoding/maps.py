"""The maps of columns: `linear`, and `log1p`, the logarithm of 1 + value, by a table of thresholds.

log1p takes low to -1 and high to 1. Between and beyond them, the integer of a value v is the one nearest to

    2^bits (2 (log1p(v) - log1p(low)) / (log1p(high) - log1p(low)) - 1).

No library's logarithm is asked: two of them may differ in the last digit. Instead, that integer is i or more from

    t_i = (1 + low) ratio^((2 i - 1 + 2^(bits + 1)) / 2^(bits + 2)) - 1,        ratio = (1 + high) / (1 + low),

on, and a table holds, for each i, the least float64 that is not below t_i. So every float64 has its nearest integer, on
every platform. The powers are square roots and products of integers, with a bound on their error. Where it leaves open
which float64 an entry is, they are computed with more digits; if these do not settle it either, t_i is probably a
float64 itself, and the bounds are refused.
"""

from __future__ import annotations

import math
import sys
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..shapes import FEATURE_BOUND

LINEAR, LOG1P = "linear", "log1p"
MAPS = (LINEAR, LOG1P)
NARROWEST = 2.0**-16  # of (high - low) / (1 + low); below it, both maps are the same but for parts of the finest unit
FRACTION_BITS = (192, 1024)
ERROR_BITS = 18  # of a power, relative to it and in units of the last bit; see `_powers`
MANTISSA_BITS = 53
KEPT_TABLES = 1 << 10  # of 16 KB each at x_bits 10, 256 KB at 14, and at most 512 KB with what is beyond the bounds

_LARGEST = int(sys.float_info.max)


def log1p_refusal(low: float, high: float) -> str | None:
    """Why log1p cannot map an interval with finite low <= high; None if it can."""
    if low < 0.0:
        return f"lower bound {low}: {LOG1P} needs values of at least 0"
    if high - low < (1.0 + low) * NARROWEST:
        return f"bounds {low}, {high} are too near for {LOG1P}; so near, {LINEAR} is the same"
    return None


def log1p_integers(values: NDArray[np.float64], low: float, high: float, bits: int) -> NDArray[np.int64]:
    """Values (N,), none of them negative, by log1p at scale 2^bits: int64 (N,).

    Past the interval they go on as far as 16 bits reach; what does not fit becomes -2^15 - 1 or 2^15.

    Raises:
        ParameterError: as `log1p_thresholds` does.
    """
    beyond = len(values) > 0 and bool(values.min() < low or values.max() > high)
    least, table = log1p_thresholds(low, high, bits, beyond)
    return least + np.searchsorted(table, values, side="right")


@lru_cache(maxsize=KEPT_TABLES)
def log1p_thresholds(low: float, high: float, bits: int, beyond: bool = False) -> tuple[int, NDArray[np.float64]]:
    """Where integers step up, for an interval that `log1p_refusal` lets pass.

    Args:
        beyond: also outside of the interval: all integers of 16 bits that have values from 0 to the largest float64.

    Returns:
        The integer below the first threshold, and for each one above it the least float64 not below t_i: float64,
        not decreasing, read-only, cached. Without `beyond`, -2^bits, and 2^(bits + 1) thresholds.

    Raises:
        ParameterError: a threshold is too near to a float64.
    """
    scale = 1 << bits
    for fraction_bits in FRACTION_BITS:
        first, step = _powers(low, high, bits, fraction_bits)
        above = _least_floats(first, step, fraction_bits, scale + FEATURE_BOUND if beyond else 2 * scale)
        below = _least_floats(first, step, fraction_bits, FEATURE_BOUND - scale + 1 if beyond else 0, falling=True)
        if above is not None and below is not None:
            table = np.concatenate([below[::-1], above])
            table.setflags(write=False)
            return -scale - len(below), table
    raise ParameterError(f"bounds {low}, {high}: a threshold of {LOG1P} is too near to a float64; change them a little")


def _powers(low: float, high: float, bits: int, fraction_bits: int) -> tuple[int, int]:
    """1 + t_i for i = 1 - 2^bits, and the factor from there to the next, in units of 2^-fraction_bits.

    Let u be one unit, as a part of 1. The ratio is less than u off, relatively, and a square root halves that and
    floors once, so that all roots are less than 2 u off. So the first power is less than 5 u off; each multiplication
    or division by `step` adds less than 3 u, and there are fewer than 2^16 - 2: less than 2^18 u together, and what is
    of second order is far smaller than what is left of that.
    """
    (low_top, low_bottom), (high_top, high_bottom) = low.as_integer_ratio(), high.as_integer_ratio()
    step = ((high_top + high_bottom) * low_bottom << fraction_bits) // (high_bottom * (low_top + low_bottom))
    for _ in range(bits + 1):
        step = math.isqrt(step << fraction_bits)
    first = ((low_top + low_bottom) << fraction_bits) // low_bottom
    return first * math.isqrt(step << fraction_bits) >> fraction_bits, step


def _least_floats(
    power: int, step: int, fraction_bits: int, count: int, falling: bool = False
) -> NDArray[np.float64] | None:
    """The least float64 not below each of `count` values power * step^i - 1, or below power * step^-(i + 1) - 1.

    Only from 0 to the largest float64. None if the error of the powers leaves one of them open.
    """
    one, largest = 1 << fraction_bits, _LARGEST << fraction_bits
    mantissas, exponents = [], []
    for _ in range(count):
        if falling:
            power = (power << fraction_bits) // step
        error = ((power >> fraction_bits) + 1) << ERROR_BITS
        low, high = power - one - error, power - one + error
        if high < 0 or low >= largest:
            break
        shift = high.bit_length() - MANTISSA_BITS
        if shift < 0 or low >> shift != high >> shift:
            return None
        mantissas.append((high >> shift) + 1)  # the value itself lies strictly between low and high
        exponents.append(shift - fraction_bits)
        if not falling:
            power = power * step >> fraction_bits
    return np.ldexp(np.array(mantissas, dtype=np.float64), np.array(exponents, dtype=np.int32))
