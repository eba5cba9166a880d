"""The field of protocol.md, section 2, in plain integers, and the multilinear polynomials that everything uses."""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul

P = 2**64 - 2**32 + 1
ROOT_2_32 = pow(7, (P - 1) >> 32, P)


class Refused(Exception):
    """A proof is not accepted; `check` is the name of section 17, or "format" or "mismatch"."""

    def __init__(self, check: str) -> None:
        super().__init__(check)
        self.check = check


def require(check: str, holds: bool) -> None:
    if not holds:
        raise Refused(check)


class K:
    """a + b u with u^2 = 7. Integers mix with it."""

    __slots__ = ("a", "b")

    def __init__(self, a: int, b: int = 0) -> None:
        self.a, self.b = a % P, b % P

    def __add__(self, other: K | int) -> K:
        other = as_k(other)
        return K(self.a + other.a, self.b + other.b)

    def __sub__(self, other: K | int) -> K:
        other = as_k(other)
        return K(self.a - other.a, self.b - other.b)

    def __mul__(self, other: K | int) -> K:
        if isinstance(other, int):
            return K(self.a * other, self.b * other)
        return K(self.a * other.a + 7 * self.b * other.b, self.a * other.b + self.b * other.a)

    def __rsub__(self, other: int) -> K:
        return K(other) - self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> K:
        return K(-self.a, -self.b)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, K) and (self.a, self.b) == (other.a, other.b)

    def __hash__(self) -> int:
        return hash((self.a, self.b))

    def inverse(self) -> K:
        norm = pow(self.a * self.a - 7 * self.b * self.b, -1, P)
        return K(self.a * norm, -self.b * norm)


ZERO, ONE = K(0), K(1)
Point = list[K]


def as_k(value: K | int) -> K:
    return value if isinstance(value, K) else K(value)


def log2_ceil(n: int) -> int:
    return (n - 1).bit_length()


def eq_table(point: Sequence[K]) -> list[K]:
    """eq(point, i) for all i; the first coordinate belongs to the most significant bit."""
    table = [ONE]
    for x in point:
        table = [v for e in table for v in (e - e * x, e * x)]
    return table


def eq(x: Sequence[K], y: Sequence[K]) -> K:
    product = ONE
    for a, b in zip(x, y, strict=True):
        product *= a * b + (1 - a) * (1 - b)
    return product


def eq_at(point: Sequence[K], index: int) -> K:
    """eq(point, bits of index); zero if the index has more bits."""
    bits = len(point)
    return ZERO if index >> bits else eq(point, bits_of(index, bits))


def prefix(point: Sequence[K], size: int) -> K:
    """The extension of [i < size]: for each bit set in size, the indices that first differ from it there."""
    if size >> len(point):
        return ONE
    total, same = ZERO, ONE
    for j, x in enumerate(point):
        if size >> (len(point) - 1 - j) & 1:
            total += same * (1 - x)
            same *= x
        else:
            same *= 1 - x
    return total


def prefix_eq(x: Point, y: Point, size: int) -> K:
    """The sum over i < size of eq(x, i) eq(y, i)."""
    return sum((a * b for a, b in list(zip(eq_table(x), eq_table(y), strict=True))[:size]), ZERO)


def bits_of(index: int, bits: int) -> list[K]:
    """The vertex of the cube, most significant bit first."""
    return [K(index >> (bits - 1 - j) & 1) for j in range(bits)]


def extension(values: Sequence[int], point: Sequence[K]) -> K:
    """The extension of 2^m integers: as a square, so that most products are of plain integers."""
    cut = len(point) // 2
    low = eq_table(point[cut:])
    a, b = [k.a for k in low], [k.b for k in low]
    total = ZERO
    for i, e in enumerate(eq_table(point[:cut])):
        row = values[i * len(low) : (i + 1) * len(low)]
        total += e * K(sum(map(mul, row, a)), sum(map(mul, row, b)))
    return total


def index_of(point: Sequence[K]) -> K:
    """The extension of i."""
    total = ZERO
    for x in point:
        total = 2 * total + x
    return total


def interpolate(values: Sequence[K], x: K) -> K:
    """The polynomial with these values at 0, 1, .., D, at x: Lagrange."""
    total = ZERO
    for i, value in enumerate(values):
        numerator, denominator = ONE, 1
        for j in range(len(values)):
            if j != i:
                numerator, denominator = numerator * (x - j), denominator * (i - j)
        total += value * numerator * pow(denominator, -1, P)
    return total


def horner(coefficients: Sequence[int], x: int) -> int:
    total = 0
    for coefficient in reversed(coefficients):
        total = (total * x + coefficient) % P
    return total
