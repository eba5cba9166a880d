"""What Gaussian noise hides, in rational arithmetic that is rounded outwards: the analytic Gaussian mechanism.

Two sums of noise of standard deviation sigma and of points at most Delta apart are as hard to tell apart as N(0, 1) and
N(mu, 1), mu = Delta / sigma (Dong, Roth and Su 2022, Theorem 2.7). For every epsilon that is

    P(one in S) <= e^epsilon P(other in S) + delta,   delta = Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu)

and no smaller delta will do (Balle and Wang 2018, Theorem 8). delta grows with mu and falls with epsilon, so a bound at
a larger mu is one. mu of several statements together, each of which may depend on those before, is the root of the sum
of their squares (Dong, Roth and Su 2022, Corollary 3.3).

Every number here is a pair of integers, below and above a real, in units of 2^-BITS: no floating point, so that all
auditors print the same.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import isqrt

BITS = 256
ONE = 1 << BITS
FAR = 20  # Phi(-20) < 2^-288
PI_DIGITS = 60
PI_BELOW = 3141592653589793238462643383279502884197169399375105820974944  # in units of 10^-60
SHOWN = 10**4  # epsilon is found in steps of 1 / SHOWN
LARGEST_EPSILON = 64
ROOT_BITS = 32  # of square roots, after the point
Bounds = tuple[int, int]


def normal_distribution(x: Fraction) -> Bounds:
    """Phi(x)."""
    low, high = _upper_half(abs(x))
    return (low, high) if x >= 0 else (ONE - high, ONE - low)


def delta_above(mu: Fraction, epsilon: Fraction) -> Fraction:
    """An upper bound of delta for a positive mu, tighter than 2^-100."""
    far, near = normal_distribution(mu / 2 - epsilon / mu), normal_distribution(-mu / 2 - epsilon / mu)
    return Fraction(max(0, far[1] - (exponential(epsilon)[0] * near[0] >> BITS)), ONE)


def exponential(x: Fraction) -> Bounds:
    """e^x, for x >= 0."""
    halvings = max(0, (x.numerator // x.denominator).bit_length() + 1)
    part = x / (1 << halvings)  # below 1/2
    unit_low, unit_high = _scaled(part)
    low = high = term_low = term_high = ONE
    step = 1
    while term_high > 1:
        term_low = (term_low * unit_low >> BITS) // step
        term_high = _quotient_above(_product_above(term_high, unit_high), step)
        low, high, step = low + term_low, high + term_high, step + 1
    high += 2  # what follows is less than the last term, which is one unit
    for _ in range(halvings):
        low, high = low * low >> BITS, _product_above(high, high)
    return low, high


def root_above(value: Fraction) -> Fraction:
    """A rational no smaller than the square root."""
    scaled = _quotient_above(value.numerator << 2 * ROOT_BITS, value.denominator)
    return Fraction(isqrt(scaled) + 1, 1 << ROOT_BITS)


def _upper_half(x: Fraction) -> Bounds:
    """Phi(x) for x >= 0: 1/2 + phi(x) (x + x^3 / 3 + x^5 / 15 + ..)."""
    if x >= FAR:
        return ONE - 1, ONE
    square_low, square_high = _scaled(x * x)
    low, high = _scaled(x)
    sum_low, sum_high, odd = low, high, 1
    while high > 1 or square_high > (odd + 2 << BITS) // 2:
        odd += 2
        low, high = (low * square_low >> BITS) // odd, _quotient_above(_product_above(high, square_high), odd)
        sum_low, sum_high = sum_low + low, sum_high + high
    sum_high += 2  # from here on each term is less than half of the one before
    inverse_low, inverse_high = exponential(x * x / 2)
    root_low, root_high = _root_of_two_pi()
    half = ONE >> 1
    least = (sum_low << 2 * BITS) // (inverse_high * root_high)
    most = _quotient_above(sum_high << 2 * BITS, inverse_low * root_low)
    return half + least, min(ONE, half + most)


def density(x: Fraction) -> Bounds:
    """phi(x) = e^(-x^2 / 2) / sqrt(2 pi)."""
    low, high = exponential(x * x / 2)
    root_low, root_high = _root_of_two_pi()
    return (ONE << 2 * BITS) // (high * root_high), _quotient_above(ONE << 2 * BITS, low * root_low)


@lru_cache(maxsize=1)
def _root_of_two_pi() -> Bounds:
    unit = 10**PI_DIGITS
    low, high = ((2 * own << 2 * BITS) // unit for own in (PI_BELOW, PI_BELOW + 1))
    return isqrt(low), isqrt(high) + 1


def _scaled(x: Fraction) -> Bounds:
    low = (x.numerator << BITS) // x.denominator
    return low, low + 1


def _product_above(left: int, right: int) -> int:
    return -(-left * right >> BITS)


def _quotient_above(value: int, divisor: int) -> int:
    return -(-value // divisor)
