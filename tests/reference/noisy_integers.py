"""The integers of a noisy optimum, and what its noise hides: arithmetic.md, "Noisy optimum"."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

from .arithmetic import HALF, PI, TINY, unused_features
from .field import P, log2_ceil, require
from .formats import outputs_of
from .optimum_integers import bounds, default_distances, distances_of_steps, edges, radius_of

VARIATION = Decimal("1.3e-15")


@lru_cache
def noise_table() -> list[int]:
    """C[-2^15 - 1] .. C[2^15 - 1]; beyond ten standard deviations Phi is 1 to 2^-75."""
    with localcontext(Context(prec=56, Emin=-999999, Emax=999999)):
        upper = []
        for j in range(10 << 11):
            scaled = gaussian(Decimal(2 * j + 1) / 4096) * 2**62 + Decimal("0.5")
            assert abs(scaled - scaled.to_integral_value()) > TINY
            upper.append(int(scaled))
    upper += [2**62] * (HALF - len(upper))
    return [0] + [2**62 - value for value in upper[::-1]] + upper


def gaussian(z: Decimal) -> Decimal:
    """1/2 + density(z) (z + z^3/3 + z^5/(3 5) + ..)."""
    term, square, total, n = abs(z), z * z, abs(z), 1
    while term > TINY * TINY:
        n += 2
        term = term * square / n
        total += term
    half = total * (-square / 2).exp() / (2 * PI).sqrt()
    return Decimal("0.5") + (half if z >= 0 else -half)


def delta_of(mu: Decimal, epsilon: Decimal, cells: int) -> Decimal:
    """For a shift of so many standard deviations, with what the table adds for each of `cells` weights."""
    first, second = (gaussian(max(Decimal(-18), min(Decimal(18), sign * mu / 2 - epsilon / mu))) for sign in (1, -1))
    return first - epsilon.exp() * second + (1 + epsilon.exp()) * cells * VARIATION


@dataclass(frozen=True)
class NoisyIntegers:
    a: int
    e: int
    c: int
    g: int
    distance: int
    width: int
    w_bits: int
    p_bits: int
    table: list[int]
    unused: list[int]
    pads: list[int]

    @property
    def radius(self) -> int:
        return radius_of(self.c * self.distance, self.g, self.width)

    @property
    def half(self) -> int:
        return 2**self.a // 2

    @property
    def bits(self) -> dict[str, int]:
        found: dict[str, int] = {"slack": 46}
        for name in ("weights", "bias"):
            found |= {name: self.w_bits + 6, f"{name} gradient": 24, f"{name} gradient remainder": self.g}
            found |= {f"{name} coins": 62, f"{name} carry": 1, f"{name} above": 50, f"{name} below": 50}
            found |= {f"{name} rest": self.a, f"{name} rounded": self.w_bits + 7 - self.a}
        return found

    @property
    def mu(self) -> Decimal:
        with localcontext(Context(prec=56)):
            return (Decimal(2 * self.distance) / 2**self.a + Decimal(self.width).sqrt()) / 2048


def noisy_integers(
    spec: dict[str, Any], dataset: dict[str, Any], forgotten: list[int], digest: bytes = b"", nonce: bytes = b""
) -> NoisyIntegers:
    encoding, method, scales, rows = dataset["encoding"], spec["method"], spec["scales"], dataset["rows"]
    x, w, p, a = scales["x_bits"], scales["w_bits"], scales["p_bits"], method["grid"]
    require(
        "statement", spec["family"] in ("logistic", "probit") and encoding["label_kind"] in ("binary", "categorical")
    )
    require("statement", x == encoding["x_bits"] and a <= w)
    require("statement", method["kind"] == "noisy" or a + 11 <= w)
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
    declared = [*method.get("distances", []), method.get("distance", 0)][0]
    distance = declared or usual(l2, w, p, outputs * width, count)[0]
    t = c * distance
    g = max(0, t.bit_length() - 23)
    expressions = bounds(width, outputs, count, x, w, p, a, e, c, g, [distance])[:-1]
    expressions.append(((2 ** (w + 5 - a) + 2**15) * 2**x, 2**62))
    require("statement", all(bound < limit for bound, limit in [*expressions, (2**63 + 2**61, P)]))
    width *= outputs  # all weights, from here on
    require("statement", radius_of(t, g, width) >= min(2**10, t))
    unused = unused_features(spec["without"], encoding)
    found = NoisyIntegers(a, e, c, g, distance, width, w, p, table, unused, pads_of(digest, nonce, width))
    require("statement", hides(found, method))
    return found


def hides(own: NoisyIntegers, method: dict[str, Any]) -> bool:
    with localcontext(Context(prec=56, Emin=-999999, Emax=999999)):
        epsilon, delta = Decimal(float(method["epsilon"])), Decimal(float(method["delta"]))
        return own.mu * 2048 < 2**20 and delta_of(own.mu, epsilon, own.width) <= delta


def pads_of(digest: bytes, nonce: bytes, width: int) -> list[int]:
    start = b"zkunlearn noise 1" + len(nonce).to_bytes(4, "little") + nonce + digest
    squeezed = [hashlib.shake_256(start + k.to_bytes(8, "little")).digest(8) for k in range(width)]
    return [int.from_bytes(each, "little") % 2**62 for each in squeezed]
