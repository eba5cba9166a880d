"""Features standardised by the rows that count, in exact integers (docs/arithmetic.md, "Standardised features").

Of n counted rows, for each feature x (integers of [-2^x_bits, 2^x_bits]), with f = floor(n / 2):

    S = sum x,  Q = sum x^2
    mu  = floor((S + f) / n),            rho = S + f - n mu,            B = rho - f = sum (x - mu)
    C   = Q - mu (n mu + 2 B)            = sum (x - mu)^2
    e   = the one of 0..cap with  H_e <= C <= T_e:  the largest with 4^e C < n 4^x_bits, or 0
    nu  = floor((2^e B + f) / n),        rho' = 2^e B + f - n nu,       B' = rho' - f = sum x'
    x'  = 2^e x - m,                     m = 2^e mu + nu
    V   = 4^e C - nu (n nu + 2 B')       = sum x'^2
    D   = nearest(A / (V + V0)):         2 D (V + V0) + rem = 2 A + V + V0,  rem in [0, 2 (V + V0))

x' is the feature with mean zero, as large as x_bits allow; D takes its spread out of a step: gradient descent on x'
whose steps are D times a gradient is gradient descent on x' / sqrt((V + V0) / n). V0 = n 4^max(0, x_bits - 5) keeps D
finite; V + V0 is at most 0.8 % more than V (3.2 % of 4 bits), but for features whose e is the cap. A constant feature
has C = V = 0 and x' = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
LARGEST_EXPONENT = 15
EXACT_ROWS = 1 << 23  # of which sums of squares of 30 bits are exact in float64


@dataclass(frozen=True)
class Standardization:
    """The public integers of a standardisation.

    Attributes:
        rows: N.
        count: n, how many of them count.
        x_bits: scale of features.
        cap: largest exponent e.
        amplitude: A, what D is a share of.
        unused: numbers of the features that are left out: sums of them are 0, as if their values were, and so is A.
        each: what A is of each row that counts; None where it does not depend on these.
    """

    rows: int
    count: int
    x_bits: int
    cap: int
    amplitude: int
    unused: tuple[int, ...] = ()
    each: int | None = None

    def of(self, count: int) -> Standardization:
        """The same where so many rows count. Of none it is that of one: sums are then 0, and so is what follows."""
        own = max(1, count)
        return replace(self, count=own, amplitude=self.amplitude if self.each is None else self.each * own)

    @property
    def half(self) -> int:
        """f."""
        return self.count // 2

    @property
    def floor(self) -> int:
        """V0."""
        return spread_floor(self.count, self.x_bits)

    @property
    def upper(self) -> tuple[int, ...]:
        """T_e, for e in 0..cap: the largest C of each."""
        whole = self.count << (2 * self.x_bits)
        return (whole + self.count, *((whole - 1) >> (2 * e) for e in range(1, self.cap + 1)))

    @property
    def lower(self) -> tuple[int, ...]:
        """H_e, for e in 0..cap: the least C of each."""
        whole = self.count << (2 * self.x_bits)
        return (*(-(-whole >> (2 * e + 2)) for e in range(self.cap)), 0)

    # Bits of what is committed in limbs: the same whichever rows are forgotten, but for those of D.

    @property
    def remainder_bits(self) -> int:
        """Of rho and rho', below n."""
        return max(1, (self.rows - 1).bit_length())

    @property
    def slack_bits(self) -> int:
        """Of T_e - C and C - H_e."""
        return largest_spread(self.rows, self.x_bits).bit_length()

    @property
    def rate_bits(self) -> int:
        """Of D."""
        return self.largest_rate.bit_length()

    @property
    def largest_rate(self) -> int:
        """A bound of D."""
        return self.amplitude // self.floor + 1

    @property
    def division_bits(self) -> int:
        """Of rem, below 2 (V + V0)."""
        return (2 * (largest_spread(self.rows, self.x_bits) + spread_floor(self.rows, self.x_bits))).bit_length()

    @property
    def bias_rate(self) -> int:
        """D of the bias, whose x' is 2^x_bits in every row: nearest(A / (n 4^x_bits))."""
        spread = self.count << (2 * self.x_bits)
        return (2 * self.amplitude + spread) // (2 * spread)


def spread_floor(count: int, x_bits: int) -> int:
    """V0 of so many rows."""
    return count << (2 * max(0, x_bits - 5))


def largest_spread(count: int, x_bits: int) -> int:
    """A bound of C and V: a mean off by less than 1 adds less than 1 to a square."""
    return (count << (2 * x_bits)) + count


def largest_feature(x_bits: int, cap: int) -> int:
    """A bound of |x'| and |m|."""
    return (1 << (x_bits + 1 + cap)) + (1 << cap)


def published_bits(weight_bits: int, width: int, x_bits: int, own: Standardization | None) -> tuple[int, int]:
    """Bits of the weights of a model, and of its intercept, signs included, from those of trained weights.

    With standardised features these are 2^e W_k, and 2^x_bits V less the sum of the m_k W_k: their exponents and
    means are not public, so e is taken to be the cap, and |m| <= 2^e (2^x_bits + 1).
    """
    if own is None:
        return weight_bits, weight_bits + x_bits
    raised = weight_bits + own.cap
    return raised, (width * ((1 << x_bits) + 1) << (raised - 1)).bit_length() + 1


def root_above(value: int) -> int:
    """An integer that is at least the square root."""
    return isqrt(value) + 1


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Scaler:
    """The integers of the head of this file for d features; int64 (d,) each."""

    mu: IntArray
    rho: IntArray
    C: IntArray
    e: IntArray
    nu: IntArray
    rho2: IntArray
    V: IntArray
    D: IntArray
    rem: IntArray

    @property
    def power(self) -> IntArray:
        """2^e."""
        return np.left_shift(np.int64(1), self.e)

    @property
    def shift(self) -> IntArray:
        """m."""
        return self.power * self.mu + self.nu


def sums_of(X: NDArray[np.generic], live: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """S and Q of the rows that count, exactly: int64 (d,) each.

    Args:
        X: (d, N), integers of at most 15 bits, of any type.
        live: (N,).
    """
    S, Q = (np.zeros(len(X), dtype=np.int64) for _ in range(2))
    for k, feature in enumerate(X):
        own = feature[live].astype(np.float64)
        for start in range(0, len(own), EXACT_ROWS):
            part = own[start : start + EXACT_ROWS]
            S[k] += int(part.sum())
            Q[k] += int(part @ part)
    return S, Q


def scaler_of(public: Standardization, S: IntArray, Q: IntArray) -> Scaler:
    """All integers of a standardisation, from the sums of the rows that count: int64 (d,) each."""
    n, f = public.count, public.half
    S, Q = S.copy(), Q.copy()
    S[list(public.unused)] = Q[list(public.unused)] = 0
    mu = (S + f) // n
    B = S - n * mu
    C = Q - mu * (n * mu + 2 * B)
    fits = C[:, None] >= np.array(public.lower, dtype=np.int64)
    e = np.argmax(fits, axis=1).astype(np.int64)  # the first threshold that C reaches
    power = np.left_shift(np.int64(1), e)
    nu = (power * B + f) // n
    B2 = power * B - n * nu
    V = power * power * C - nu * (n * nu + 2 * B2)
    spread = V + public.floor
    amplitude = np.full(len(S), public.amplitude)
    amplitude[list(public.unused)] = 0
    D = (2 * amplitude + spread) // (2 * spread)
    rem = 2 * amplitude + spread - 2 * D * spread
    return Scaler(mu, B + f, C, e, nu, B2 + f, V, D, rem)
