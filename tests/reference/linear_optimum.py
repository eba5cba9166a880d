"""Certified optima of linear models: protocol.md, "Linear optimum"; their integers: arithmetic.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

from .arithmetic import unused_features
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, P, Point, eq_at, log2_ceil, prefix, require
from .optimum import OF_WEIGHT, SIGNED, Optimum
from .optimum_integers import radius_of
from .relations import FEATURES, LABELS, RANGE, Address, rounds

Z: tuple[Address, ...] = tuple(("virtual", f"z of limb {i}") for i in range(3))
CARRIES = (" low carry", " high carry")
LARGEST_LABEL = {"real": 2**15, "binary": 1, "count": 2**16 - 1}


@dataclass(frozen=True)
class LinearIntegers:
    a: int
    e: int
    c: int
    g: int
    distances: list[int]
    number: int
    width: int
    unused: list[int]
    label: tuple[int, int]

    @property
    def table(self) -> list[int]:
        return []

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
            found |= {name: 48, f"{name} gradient": 24, f"{name} gradient remainder": self.g}
            found |= {f"{name}{carry}": 48 for carry in CARRIES}
            found |= {f"{name} below": self.a, f"{name} above": self.a, f"{name} rounded": 49 - self.a}
        return found


def linear_integers(
    spec: dict[str, Any], dataset: dict[str, Any], forgotten: list[int], number: int = 0
) -> LinearIntegers:
    encoding, method, scales, rows = dataset["encoding"], spec["method"], spec["scales"], dataset["rows"]
    x, w, a, kind = scales["x_bits"], scales["w_bits"], method["grid"], encoding["label_kind"]
    require("statement", spec["family"] == "linear" and kind in LARGEST_LABEL)
    require("statement", x == encoding["x_bits"] and a <= w)
    l2, count = Fraction(float(method["l2"])), rows - len(forgotten)
    width = len(encoding["features"]) + method["bias"]
    j, m = divmod(x + w - encoding["label_bits"], 16)
    row = width * 2 ** (2 * x + 16) + LARGEST_LABEL[kind] * 2 ** (x + m)
    fitting = [e0 for e0 in range(63) if 2**e0 * (row + l2 * 2 ** (2 * x + 16)) + 2**16 < 2**62]
    require("statement", bool(fitting) and log2_ceil(rows) <= fitting[-1])
    require("statement", 2 * 500 <= l2 * 2 ** (2 * x + fitting[-1]))
    e = fitting[-1] - log2_ceil(count)
    c = (2 * count * l2 * 2 ** (2 * x + e) + 1).__floor__() // 2
    distances = method["distances"] or default_distances(l2, width)
    g = max(0, (c * distances[0]).bit_length() - 23)
    require("statement", number < len(distances))
    limb = 2**e * count * row + c * 2**16
    bounds = [
        (width * 2 ** (x + 16), 2**62),
        (limb, 2**62),
        (limb + (2**23 + 2) * 2**g + 2**47 + 2**63, P),
        (c * distances[0], 2**62),
        ((width + 2) * 2**46, P),
        (2**49 + 4 * 2**a, P),
        (2 ** (48 - a + x), 2**62),
    ]
    require("statement", all(bound < limit for bound, limit in bounds))
    usual = method["distances"] or distances[:5]
    require("statement", 2 * distances[0] < 2**a and 2 * width * min(usual) <= 2**a)
    last = c * min(distances)
    require("statement", radius_of(last, g, width) >= min(2**10, last))
    return LinearIntegers(a, e, c, g, distances, number, width, unused_features(spec["without"], encoding), (j, m))


def default_distances(l2: Fraction, width: int) -> list[int]:
    longest = Fraction(isqrt(width * 2**40) + 1, 2**20) * (1 + l2) / l2
    shares = (1, 2, 4, 8, 16, 3, 6, 10, 12, 20, 24, 32, 48, 64)
    return list(dict.fromkeys((longest / share).__ceil__() for share in shares))


class LinearOptimum(Optimum):
    """Its gradient, too, of a trained model, whose bias is something else (distance.py)."""

    name = "linear optimum"
    virtual = frozenset(Z)
    of_weight = (*OF_WEIGHT[:3], *CARRIES, *OF_WEIGHT[3:])
    with_sign = (*SIGNED, *CARRIES)
    row_columns = ()
    of_tables = (RANGE,)

    def integers(self, statement: dict[str, Any]) -> Any:
        return linear_integers(statement["spec"], statement["dataset"], self.forgotten, statement["distance"])

    @property
    def in_scores(self) -> int:
        """What scores have of the bias."""
        return self.one

    @property
    def bias_penalty(self) -> int:
        return int(self.i.c)

    def live_gradient(self, ch: Channel, k: Point, weights: Mapping[str, K], bias: Mapping[str, K]) -> None:
        shares, gamma = (ONE, *ch.point("limbs", 2)), ZERO
        of_features, of_constants = self.ended["feature limbs"][0][1], self.ended["constant limbs"][0][1]
        real = prefix(k, self.features)
        by_limbs = self.by_limbs(ch, [of_features[limb] for limb in self.limbs["weights"]], shares, real)
        claim = self.lines(ch, weights, shares, real) - self.i.c * by_limbs
        bias_limbs = ZERO
        if self.bias:
            (gamma,) = ch.point("gradient", 1)
            bias_limbs = self.by_limbs(ch, [of_constants[limb] for limb in self.limbs["bias"]], shares, ONE)
            claim += gamma * (self.lines(ch, bias, shares, ONE) - self.bias_penalty * bias_limbs)
        n, claim = rounds(ch, "gradient", self.row.bits, 3, claim)
        x = ch.hidden(1)[0] if self.i.unused else self.evaluate(ch, FEATURES, {"row": n, "feature": k})
        z = ch.hidden(3)
        y = self.evaluate(ch, LABELS, {"output": [], "row": n})
        j, m = self.i.label
        score = sum((share * own for share, own in zip(shares, z, strict=True)), ZERO)

        def counted() -> Constraint:
            own = x + gamma * self.one * prefix(n, self.rows) * ch.one
            return claim, [(-(2**self.i.e) * self.live(n), own, score - 2**m * shares[j] * y)]

        ch.zero("gradient", counted)
        if self.i.unused:
            self.used_features(ch, x, k, n)
        self.scores(ch, n, score - self.in_scores * prefix(n, self.rows) * bias_limbs, shares)

    def lines(self, ch: Channel, own: Mapping[str, K], shares: tuple[K, ...], real: K) -> K:
        """What the gradients of limbs are, times shares."""
        low, high = (own[carry] for carry in CARRIES)
        first = self.short_gradient(ch, own, real) + 2**16 * low
        return shares[0] * first + shares[1] * (2**16 * high - low) - shares[2] * high

    def by_limbs(self, ch: Channel, limbs: list[K], shares: tuple[K, ...], real: K) -> K:
        whole = sum((share * limb for share, limb in zip(shares, limbs, strict=True)), ZERO)
        return whole - shares[2] * 2**15 * real * ch.one

    def scores(self, ch: Channel, n: Point, claim: K, shares: tuple[K, ...]) -> None:
        k, left = rounds(ch, "product", self.weight.bits, 3, claim)
        x = self.evaluate(ch, FEATURES, {"row": n, "feature": k})
        limbs = [self.evaluate(ch, limb, {"weight": k}) for limb in self.limbs["weights"]]
        weight = self.by_limbs(ch, limbs, shares, prefix(k, self.features))

        def product() -> Constraint:
            used = prefix(k, self.features) - sum((eq_at(k, i) for i in self.i.unused), ZERO)
            return left, [(-used, x, weight)]

        ch.zero("product", product)
