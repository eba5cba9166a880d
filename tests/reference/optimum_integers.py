"""The integers of a certified optimum: arithmetic.md, "Certified optimum"."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise, repeat
from math import isqrt
from typing import Any

from .arithmetic import HALF, PI, TINY, unused_features
from .field import P, log2_ceil, require
from .formats import outputs_of

SHARES = (1, 4, 16, 2, 6, 8, 10, 12, 14, 20, 24, 32, 48, 64, 128, 256)


@lru_cache
def edges(model: str, q_bits: int, p_bits: int) -> list[int]:
    """T for q = -2^15 .. 2^15."""
    with localcontext(Context(prec=56, Emin=-999999, Emax=999999)):
        upper = logistic(q_bits) if model == "logistic" else probit(q_bits)
        found = []
        for value in upper:
            scaled = value * 2**p_bits + Decimal("0.5")
            assert abs(scaled - scaled.to_integral_value()) > TINY or value in (Decimal("0.5"), 1)
            found.append(int(scaled))
        return [2**p_bits - value for value in found[:0:-1]] + found


@lru_cache
def count_edges(q_bits: int, p_bits: int) -> list[int]:
    """2^p exp at the same places: by its own series at every 256th, and from there by products."""
    with localcontext(Context(prec=60, Emin=-999999, Emax=999999)):
        step, found = (Decimal(1) / (1 << q_bits)).exp(), list[int]()
        for first in range(-HALF, HALF, 256):
            start = (Decimal(first) / (1 << q_bits)).exp()
            for value in accumulate(repeat(step, 255), lambda a, b: a * b, initial=start):
                scaled = value * 2**p_bits + Decimal("0.5")
                assert abs(scaled - scaled.to_integral_value()) > TINY
                found.append(int(scaled))
        return [*found, int((Decimal(HALF) / (1 << q_bits)).exp() * 2**p_bits + Decimal("0.5"))]


def logistic(q_bits: int) -> list[Decimal]:
    fall = (Decimal(-1) / (1 << q_bits)).exp()
    return [1 / (1 + v) for v in accumulate(repeat(fall, HALF), lambda a, b: a * b, initial=Decimal(1))]


def probit(q_bits: int) -> list[Decimal]:
    """1/2 + density(z) (z + z^3/3 + z^5/(3 5) + ..) at z = q / 2^q_bits. Beyond 8 it is 1 to 2^-50."""
    values = [Decimal("0.5")]
    for q in range(1, min(HALF + 1, 8 << q_bits)):
        z = Decimal(q) / (1 << q_bits)
        term, square, total, n = z, z * z, z, 1
        while term > TINY:
            n += 2
            term = term * square / n
            total += term
        values.append(Decimal("0.5") + total * (-square / 2).exp() / (2 * PI).sqrt())
    return values + [Decimal(1)] * (HALF + 1 - len(values))


@dataclass(frozen=True)
class OptimumIntegers:
    a: int
    e: int
    c: int
    g: int
    distances: list[int]
    number: int
    width: int
    w_bits: int
    p_bits: int
    table: list[int]
    unused: list[int]

    @property
    def distance(self) -> int:
        return self.distances[self.number]

    @property
    def radius(self) -> int:
        return radius_of(self.c * self.distance, self.g, self.width)

    @property
    def bits(self) -> dict[str, int]:
        found: dict[str, int] = {"slack": 46}
        for name in ("weights", "bias"):
            found |= {name: self.w_bits + 6, f"{name} gradient": 24, f"{name} gradient remainder": self.g}
            found |= {f"{name} below": self.a, f"{name} above": self.a, f"{name} rounded": self.w_bits + 7 - self.a}
        return found


def radius_of(t: int, g: int, width: int) -> int:
    root = isqrt(width)
    root += root * root < width
    return t if g == 0 else (2 * t - 2**g * root) // 2 ** (g + 1)


def default_distances(l2: Fraction, w_bits: int, p_bits: int, width: int, count: int) -> list[int]:
    first = isqrt(int(Fraction(width, count) * Fraction(4) ** (w_bits - p_bits + 20)))
    second = isqrt(width * 2**32)
    longest = Fraction(first + second + 2, 2**20) / l2
    return list(dict.fromkeys((longest / share).__ceil__() for share in SHARES))


def distances_of_steps(l2: Fraction, w_bits: int, p_bits: int, width: int, count: int) -> list[int]:
    """By an inverse, whose end nobody polishes."""
    first = isqrt(int(Fraction(width, count) * Fraction(4) ** (w_bits - p_bits + 20)))
    root = isqrt(width - 1) + 1
    longest = Fraction(first + 2**17 * width + 1, 2**20) / l2 + Fraction(root, 2)
    return sorted({(longest / share).__ceil__() for share in (1, 4, 16)}, reverse=True)


def optimum_integers(
    spec: dict[str, Any], dataset: dict[str, Any], forgotten: list[int], number: int = 0
) -> OptimumIntegers:
    encoding, method, scales, rows = dataset["encoding"], spec["method"], spec["scales"], dataset["rows"]
    x, w, p, a = scales["x_bits"], scales["w_bits"], scales["p_bits"], method["grid"]
    kinds = ("binary", "categorical")
    require("statement", spec["family"] in ("logistic", "probit") and encoding["label_kind"] in kinds)
    require("statement", x == encoding["x_bits"] and a <= w)
    table = edges(spec["family"], x + w - 32, p)
    require("statement", max(b - c for c, b in pairwise(table)) <= 2**16)
    l2, count = Fraction(float(method["l2"])), rows - len(forgotten)
    width, outputs = len(encoding["features"]) + method["bias"], outputs_of(encoding)
    scale = Fraction(2) ** (p + x - w)
    fitting = [e0 for e0 in range(61 - p - x + 1) if l2 * 2**e0 * scale + 1 < Fraction(2) ** (56 - w)]
    require("statement", bool(fitting) and log2_ceil(rows) <= fitting[-1])
    require("statement", l2 * Fraction(2) ** (fitting[-1] - 1) * scale >= 500)
    e = fitting[-1] - log2_ceil(count)
    c = (2 * count * l2 * 2**e * scale + 1).__floor__() // 2
    usual = distances_of_steps if "inverse" in method else default_distances
    distances = method["distances"] or usual(l2, w, p, outputs * width, count)
    g = max(0, (c * distances[0]).bit_length() - 23)
    require("statement", number < len(distances))
    reached = bounds(width, outputs, count, x, w, p, a, e, c, g, distances)
    require("statement", all(bound < limit for bound, limit in reached))
    width *= outputs
    first = method["distances"] or distances[:3]
    require("statement", 2 * distances[0] < 2**a and 2 * width * min(first) <= 2**a)
    last = c * min(distances)
    require("statement", radius_of(last, g, width) >= min(2**10, last))
    unused = unused_features(spec["without"], encoding)
    return OptimumIntegers(a, e, c, g, distances, number, width, w, p, table, unused)


def bounds(
    width: int, outputs: int, count: int, x: int, w: int, p: int, a: int, e: int, c: int, g: int, distances: list[int]
) -> list[tuple[int, int]]:
    """What each expression can reach, and what it must stay below."""
    weight, field = 2 ** (w + 5), P
    score, gradient = width * weight * 2**x, count * 2 ** (e + p + x) + c * weight
    return [
        (score, 2**62),
        (score + 2**47 + 2**32 + 2**16, field),
        (gradient, 2**62),
        (c * distances[0], 2**62),
        (gradient + (2**23 + 2) * 2**g, field),
        ((outputs * (width + 1) + 1) * 2**46, field),
        (4 * weight + 4 * 2**a, field),
        (2 ** (w + 6 - a + x), 2**62),
    ]
