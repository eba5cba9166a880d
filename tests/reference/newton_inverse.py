"""Newton's steps by a matrix that is proved to be an inverse: protocol.md, "Newton's steps", "With `inverse`"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from .channel import Channel
from .field import ONE, ZERO, K, Point, eq_at, log2_ceil, prefix, prefix_eq, require
from .formats import outputs_of
from .newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS, Newton, NoisyNewton, least_penalty, scale_of_matrix
from .optimum_integers import OptimumIntegers
from .relations import FEATURES, rounds, three_factors

CURVATURE, OF_BOTH = "curvature", "curvature of bias and bias"
WITH_BIAS = "curvature of the bias"
ERROR, ERROR_OF_BIAS, ERROR_FROM_BIAS = "inverse error", "inverse error of the bias", "inverse error from the bias"
ERROR_OF_BOTH = "inverse error of bias and bias"


@dataclass(frozen=True)
class InverseIntegers:
    """b, f, q."""

    b: int
    f: int
    q: int


def inverse_integers(own: OptimumIntegers, spec: Mapping[str, Any], count: int, outputs: int = 1) -> InverseIntegers:
    x, w, p = (spec["scales"][name] for name in ("x_bits", "w_bits", "p_bits"))
    b, l2, e0 = spec["method"]["inverse"], Fraction(float(spec["method"]["l2"])), own.e + log2_ceil(count)
    require("statement", own.width <= 64)
    step = max(high - low for low, high in pairwise(own.table))
    top = 2 ** (e0 + 2 * x) * step + int(2**32 * (l2 * Fraction(2) ** (e0 + p + x - w) + 1)) + 1
    require("statement", top < 2**62)
    f = 1
    while top + 2 ** (f - 1) >= 2 ** (f + 31):
        f += 1
    width = own.width // outputs
    eps, eta = Fraction(width, 2**b), Fraction(width * 2**f, 2**33 * least_penalty(own, spec, count))
    require("statement", eta < 1 and eps + (1 + eps) * eta / (1 - eta) <= Fraction(1, 2))
    return InverseIntegers(b, f, scale_of_matrix(own, spec, count) + 32 - f)


class NewtonInverse(Newton):
    def prepare(self, statement: dict[str, Any]) -> None:
        count = statement["dataset"]["rows"] - len(self.forgotten)
        outputs = outputs_of(statement["dataset"]["encoding"])
        self.v = inverse_integers(self.i, statement["spec"], count, outputs)

    def of_matrices(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        error = self.v.q - self.v.b + 1

        def of(matrix: str, name: str) -> dict[str, int]:
            return {matrix: 26, name: 32, f"{name} remainder": self.v.f}

        beside = {OF_BIAS: 26, **of(FROM_BIAS, WITH_BIAS), ERROR_OF_BIAS: error, ERROR_FROM_BIAS: error}
        return beside, {**of(CORNER, OF_BOTH), ERROR_OF_BOTH: error}, {**of(MATRIX, CURVATURE), ERROR: error}

    def after_steps(self, ch: Channel) -> None:
        ((at, values),) = self.ended["matrix limbs"]
        k, l_, gamma, delta = at["weight"], at["source"], ZERO, ZERO
        if self.bias:
            gamma, delta = ch.point("curvature", 2)
        self.o = at.get("output", [])
        real = self.real_output(self.o) * prefix(k, self.features) * prefix(l_, self.features)
        ended = {name: self.joined(values[limb] for limb in self.limbs[name]) for name in self.of_matrices()[2]}
        for name in (CURVATURE, ERROR):
            ended[name] -= (1 << (self.bits_of[name] - 1)) * real * ch.one
        same = sum((eq_at(k, i) * eq_at(l_, i) for i in range(self.features)), gamma * delta)
        same *= self.real_output(self.o)
        self.curvature(ch, (k, gamma), (l_, delta), self.rounded(ch, ended[CURVATURE], ended, real), same)
        self.inverse(ch, (k, gamma), (l_, delta), ended[ERROR], same)

    def rounded(self, ch: Channel, whole: K, ended: Mapping[str, K], real: K) -> K:
        """R."""
        return 2**self.v.f * whole + ended[f"{CURVATURE} remainder"] - 2 ** (self.v.f - 1) * real * ch.one

    def rounded_of_bias(self, ch: Channel, name: str, at: Mapping[str, Point], real: K) -> K:
        rest = self.integer(ch, f"{name} remainder", at)
        return 2**self.v.f * self.entry(ch, name, at, real) + rest - 2 ** (self.v.f - 1) * real * ch.one

    def curvature(self, ch: Channel, first: tuple[Point, K], second: tuple[Point, K], claim: K, same: K) -> None:
        (k, gamma), (l_, delta) = first, second
        if self.bias:
            there = self.real_output(self.o)
            for point, share in ((l_, gamma), (k, delta)):
                place = {"output": self.o, "weight": point}
                claim += share * self.rounded_of_bias(ch, WITH_BIAS, place, there * prefix(point, self.features))
            claim += gamma * delta * self.rounded_of_bias(ch, OF_BOTH, {"output": self.o}, there)
        claim -= 2**32 * self.i.c * same * ch.one
        n, claim = rounds(ch, "curvature", self.row.bits, 4, claim)
        step = super().evaluate(ch, self.moves[0].address(("witness", "step")), {"output": self.o, "row": n})
        x, y = (
            ch.hidden(1)[0] if self.i.unused else self.evaluate(ch, FEATURES, {"row": n, "feature": point})
            for point in (k, l_)
        )

        def summand() -> tuple[K, K, K, K]:
            more = self.one * prefix(n, self.rows) * ch.one
            return 2**self.i.e * self.live(n), step, x + gamma * more, y + delta * more

        three_factors(ch, "curvature", claim, summand)
        if self.i.unused:
            self.used_features(ch, x, k, n)
            self.used_features(ch, y, l_, n)

    def inverse(self, ch: Channel, first: tuple[Point, K], second: tuple[Point, K], error: K, same: K) -> None:
        (k, gamma), (l_, delta) = first, second
        totals = ch.hidden(1 + (self.bias and bool(self.several)))
        expected, products = error + 2**self.v.q * same * ch.one, []
        if self.bias:
            there = self.real_output(self.o)
            at, real = {"output": self.o, "weight": k}, there * prefix(k, self.features)
            after, real_after = {"output": self.o, "weight": l_}, there * prefix(l_, self.features)
            both = {"output": self.o}
            if not self.several:
                left = self.entry(ch, FROM_BIAS, at, real) + gamma * self.entry(ch, CORNER, both, ONE)
                right = self.entry(ch, WITH_BIAS, after, real_after) + delta * self.entry(ch, OF_BOTH, both, ONE)
                products = [(ONE, left, right)]
            expected += gamma * self.entry(ch, ERROR_OF_BIAS, after, real_after)
            expected += delta * self.entry(ch, ERROR_FROM_BIAS, at, real)
            expected += gamma * delta * self.entry(ch, ERROR_OF_BOTH, both, there)
        ch.zero("inverse", lambda: (sum(totals, ZERO) - expected, products))
        self.product_of_matrices(ch, first, second, totals[0])
        if len(totals) > 1:
            self.product_of_biases(ch, first, second, totals[1])

    def product_of_matrices(self, ch: Channel, first: tuple[Point, K], second: tuple[Point, K], total: K) -> None:
        (k, gamma), (l_, delta) = first, second
        bits = self.output.bits if self.several else 0
        point, claim = rounds(ch, "inverse", bits + self.source.bits, 3, total)
        o, m = point[:bits], point[bits:]
        real = self.real_output(o) * prefix(m, self.features)
        matrix = self.entry(ch, MATRIX, {"output": o, "weight": k, "source": m}, prefix(k, self.features) * real)
        if self.bias:
            matrix += gamma * self.entry(ch, OF_BIAS, {"output": o, "weight": m}, real)
        place = {"output": o, "weight": m, "source": l_}
        curvature = self.entry(ch, CURVATURE, place, real * prefix(l_, self.features))
        if self.bias:
            curvature += delta * self.entry(ch, WITH_BIAS, {"output": o, "weight": m}, real)
        same = prefix_eq(self.o, o, self.output.size) * prefix(m, self.features)
        ch.zero("inverse", lambda: (claim, [(-same, matrix, curvature)]))

    def product_of_biases(self, ch: Channel, first: tuple[Point, K], second: tuple[Point, K], total: K) -> None:
        o, claim = rounds(ch, "inverse of intercepts", self.output.bits, 3, total)
        real, sides = self.real_output(o), []
        for (at, share), names in ((first, (FROM_BIAS, CORNER)), (second, (WITH_BIAS, OF_BOTH))):
            beside = self.entry(ch, names[0], {"output": o, "weight": at}, real * prefix(at, self.features))
            sides.append(beside + share * self.entry(ch, names[1], {"output": o}, real))
        left, right = sides
        same = prefix_eq(self.o, o, self.output.size)
        ch.zero("inverse of intercepts", lambda: (claim, [(-same, left, right)]))


class NoisyNewtonInverse(NewtonInverse, NoisyNewton):
    """The same with noise."""
