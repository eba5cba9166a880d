"""Plain-Python twins of the kernels: the definitions, on ints, as slow as they are plain.

F elements are ints, K elements pairs of ints, arrays nested lists in the order of the kernels' axes but with
K elements whole: a K array (2, n) is here a list of n pairs.
"""

from __future__ import annotations

from functools import reduce
from itertools import product

P = 2**64 - 2**32 + 1
ROOT_2_32 = pow(7, (P - 1) >> 32, P)

Pair = tuple[int, int]
ZERO, ONE = (0, 0), (1, 0)


def kadd(a: Pair, b: Pair) -> Pair:
    return (a[0] + b[0]) % P, (a[1] + b[1]) % P


def ksub(a: Pair, b: Pair) -> Pair:
    return (a[0] - b[0]) % P, (a[1] - b[1]) % P


def kmul(a: Pair, b: Pair) -> Pair:
    return (a[0] * b[0] + 7 * a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P


def ksum(items) -> Pair:
    return reduce(kadd, items, ZERO)


def kprod(items) -> Pair:
    return reduce(kmul, items, ONE)


def kinv(a: Pair) -> Pair:
    """a^(p^2 - 2)."""
    result, exponent = ONE, P * P - 2
    while exponent:
        if exponent & 1:
            result = kmul(result, a)
        a, exponent = kmul(a, a), exponent >> 1
    return result


def between(lo: Pair, hi: Pair, x: Pair) -> Pair:
    """The line through lo at 0 and hi at 1, at x."""
    return kadd(lo, kmul(x, ksub(hi, lo)))


def fold(values: list[Pair], r: Pair) -> list[Pair]:
    half = len(values) // 2
    return [between(values[i], values[half + i], r) for i in range(half)]


def eq_table(point: list[Pair]) -> list[Pair]:
    return [
        kprod(z if bit else ksub(ONE, z) for z, bit in zip(point, bits, strict=True))
        for bits in product((0, 1), repeat=len(point))
    ]


def contract(values, weights):
    """values[a][i][b] over K, weights[i] -> [a][b]."""
    return [[ksum(kmul(w, line[i][b]) for i, w in enumerate(weights)) for b in range(len(line[0]))] for line in values]


def product_round(factors: list[list[Pair]]) -> list[Pair]:
    half = len(factors[0]) // 2
    points = [0, *range(2, len(factors) + 1)]
    return [ksum(kprod(between(f[i], f[half + i], (x, 0)) for f in factors) for i in range(half)) for x in points]


def layer_up(n: list[Pair], d: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    """A box as one line of top * m pairs."""
    half = len(n) // 2
    lo, hi = range(half), range(half, 2 * half)
    up_n = [kadd(kmul(n[i], d[j]), kmul(n[j], d[i])) for i, j in zip(lo, hi, strict=True)]
    return up_n, [kmul(d[i], d[j]) for i, j in zip(lo, hi, strict=True)]


def fraction_round(n0, n1, d0, d1, eq_top, eq_rest, mu) -> tuple[Pair, Pair]:
    """q(0) and the X^2 coefficient of q, from the values at 0, 1 and 2: (q(0) - 2 q(1) + q(2)) / 2."""
    half, m = len(n0) // 2, len(eq_rest)

    def q(x: int) -> Pair:
        parts = []
        for i in range(half):
            a, b, c, d = (between(v[i], v[half + i], (x, 0)) for v in (n0, n1, d0, d1))
            inner = kadd(kmul(a, d), kmul(c, kadd(b, kmul(mu, d))))
            parts.append(kprod([eq_top[i // m], eq_rest[i % m], inner]))
        return ksum(parts)

    second = kadd(ksub(q(0), kmul((2, 0), q(1))), q(2))
    return q(0), kmul(second, (pow(2, -1, P), 0))


def linear_combination(constant, factors, columns) -> list[Pair]:
    return [
        kadd(constant, ksum(kmul(c, (column[i] % P, 0)) for c, column in zip(factors, columns, strict=True)))
        for i in range(len(columns[0]))
    ]


def root_of_unity(bits: int) -> int:
    return pow(ROOT_2_32, 1 << (32 - bits), P)


def encoding_points(h: int, shift: int) -> list[int]:
    omega = root_of_unity(h)
    reverse = [int(format(i, f"0{h}b")[::-1], 2) if h else 0 for i in range(1 << h)]
    return [shift * pow(omega, i, P) % P for i in reverse]


def encode_rows(rows: list[list[int]], h: int, shift: int) -> list[list[int]]:
    """Horner at every point."""
    return [
        [reduce(lambda value, c, x=x: (value * x + c) % P, reversed(row), 0) for row in rows]
        for x in encoding_points(h, shift)
    ]


def pair_round(n0, n1, b0, b1, eq_top, eq_rest) -> tuple[Pair, Pair]:
    """The same for b0 b1 - n0 n1."""
    half, m = len(b0) // 2, len(eq_rest)

    def q(x: int) -> Pair:
        parts = []
        for i in range(half):
            a, b, c, d = (between(v[i], v[half + i], (x, 0)) for v in (n0, n1, b0, b1))
            parts.append(kprod([eq_top[i // m], eq_rest[i % m], ksub(kmul(c, d), kmul(a, b))]))
        return ksum(parts)

    second = kadd(ksub(q(0), kmul((2, 0), q(1))), q(2))
    return q(0), kmul(second, (pow(2, -1, P), 0))


def signed_limbs(value: int, limbs: int, bits: int) -> list[int]:
    """Of an element of F: the number congruent to it that is nearest to 0, in limbs nearest to 0."""
    rest, found = (value if value <= P // 2 else value - P), []
    for _ in range(limbs - 1):
        limb = (rest + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
        found.append(limb)
        rest = (rest - limb) >> bits
    return [*found, rest]
