"""The relation of gradient descent on standardised features (docs/protocol.md, "Standardised training").

As in gradient_descent.py, for each output, with x'(n, k) = 2^e X(n, k) - m in place of X, and D in every step
(standardization.py):

    z(e, n) = sum_k 2^e_k X(n, k) W(e, b, k) + 2^x V(e, b) - sum_k m(k) W(e, b, k) on rows that are real    "product"
    gradient(t, k) = DP(k) gamma(t, k) - DM(k) R(t),  gradient(t, bias) = D_b 2^x R(t)                      "parts"
    gamma(t, k) = c_e c_b sum over the block of S v (P - Y) X(n, k),  R(t) = c_e c_b sum of S v (P - Y)     "gradient"
    M = 2^e W(T),  I = 2^x V(T) - sum_k m(k) W(T, k)                                          "powers", "intercept"

DP = 2^e D and DM = D m, so that DP gamma - DM R is D times the sum of r x'. gamma and R are virtual: gamma is a factor
of the sum over features, "scaled gradient", and both are what one sum over rows says at a random weight. None of these
needs a range, as each is a function of the others. W, V and the remainders of the update have theirs, and both sides
of its equation together stay below p (models/methods/standardized.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...errors import ZkUnlearnError
from ..field.goldilocks import ONE, K, Vector, kscale
from ..field.multilinear import Point, eq, eq_index, eq_table, prefix, prefix_eq
from ..language.hidden import Hidden, Product
from ..language.layout import VIRTUAL, Address, Axis, Column
from ..language.relation import (
    Coordinates,
    Factor,
    LookedUp,
    LookupBox,
    PublicVector,
    Steps,
    Sum,
    Term,
    outer,
    variables,
)
from .dataset import FEATURES
from .descent_columns import Z
from .gradient_descent import GradientDescent
from .iterations import Iteration, block_factors, block_rates, epoch_rates, eq_on, ones
from .model import INTERCEPT
from .parameters import BIAS, WEIGHTS, ParameterColumns
from .signed import constant_on
from .standardization import BOX, CENTRED_RATE, OFFSET, POWER, SCALED_RATE, ScalerRelation

GRADIENTS, RESIDUALS = Address(VIRTUAL, "gradients"), Address(VIRTUAL, "residuals")  # without c_e c_b


@dataclass(frozen=True)
class StandardizedDescent(GradientDescent):
    """The relation for one schedule, whose features are standardised."""

    @property
    def name(self) -> str:
        """Domain separator."""
        return "standardized gradient descent"

    @cached_property
    def scaler(self) -> ScalerRelation:
        """What says how features are standardised."""
        public = self.schedule.standardization
        if public is None:
            raise ZkUnlearnError("a schedule without standardisation")
        return ScalerRelation(public, self.weight, self.output, self.row, self.schedule.live, self._last(WEIGHTS))

    @property
    def besides(self) -> tuple[Column, ...]:
        """What standardises."""
        return self.scaler.columns

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Scores, and sums over the rows of a block: of residuals times features, and of residuals."""
        steps = (self.output, *self.iterations)
        return {**super().virtual, GRADIENTS: (*steps, self.weight), RESIDUALS: steps}

    def _boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Those of gradient descent, and the integers that standardise."""
        return (*super()._boxes(), self.scaler.boxes)

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Walk from the lookups to claims about committed columns alone."""
        self.scaler.identities(steps, looked_up[BOX])
        super().identities(steps, looked_up)

    def _product(self, steps: Steps, star: LookedUp) -> None:
        """z(e*, n*), as the sums of three factors and of two."""
        e_star, row_star = star.point["epoch"], star.point["row"]
        fixed = {"output": star.point["output"], "epoch": e_star}
        groups = (self.block.bits, self.batch.bits, self.weight.bits)
        blocks, width = sum(groups[:2]), self.weight.size
        b_star, j_star = row_star[:blocks], row_star[blocks:]
        b, a, k = variables(0, groups[0]), variables(*groups[:2]), variables(blocks, groups[2])
        at: dict[str, Coordinates] = {**fixed, **self._step(b, a), "weight": k}
        own, axes = self._steps(WEIGHTS), (self.block, self.batch, self.weight)
        weights = Factor(own.terms(at, ONE), own.taken_off(axes, self._real_models(fixed)))

        offsets = Factor((Term(ONE, OFFSET, self._scaled(b, k)),))
        means = Sum("means of scores", groups, self._existing(b_star, j_star), (offsets, weights))
        taken = steps.total(means)
        steps.sumcheck(means, taken)
        features = Factor((Term(ONE, FEATURES, {"row": self._in_dataset((*b, *a, *j_star)), "feature": k}),))
        powers = Factor((Term(ONE, POWER, self._scaled(b, k)),))
        weight = PublicVector(
            lambda: _repeated(eq_table(b_star).reshape(2, 1 << groups[0], 1 << groups[1]), width),
            lambda point: eq(b_star, point[:blocks]) * prefix(point[blocks:], width),
        )
        product = Sum("product", groups, weight, (powers, features, weights))
        steps.sumcheck(product, star.values[Z] - self._bias(steps, fixed, b_star, j_star) + taken)

    def _scaled(self, block: Coordinates, feature: Coordinates) -> dict[str, Coordinates]:
        """Where the scaler of a feature is: the same in all blocks."""
        return {"weight": feature}

    def _existing(self, blocks: Point, j: Point) -> PublicVector:
        """eq(b, b') [row (b', j) is real] [k real] on blocks b', their batches, and features k.

        blocks: b, and where there are such batches the one of the shard; rows of these are all real.
        """
        b, a, last = blocks[: self.block.bits], blocks[self.block.bits :], self.block.size - 1
        count, rows = self.block.size, self.schedule.rows - last * (self.schedule.block_size << len(a))
        within = ONE if a else prefix(j, rows)

        def table() -> Vector:
            own = eq_table(b)[:, :count].copy()
            own[:, last:] = kscale(own[:, last:], within)
            return own

        def evaluate(block: Point) -> K:
            missing = (ONE - within) * eq_index(b, last) * eq_index(block, last)
            return prefix_eq(b, block, count) - missing

        of_batches = outer(eq_on(a, self.batch.size), constant_on((self.weight,), ONE), len(a))
        return outer(PublicVector(table, evaluate), of_batches, len(b))

    def _model(
        self, steps: Steps, looked_up: Mapping[str, LookedUp], model: Mapping[str, Point], k: Point
    ) -> Mapping[ParameterColumns, Hidden]:
        """The intercept is what means leave of the bias; "powers" proves the weights. Returns W(T) at k, and V(T)."""
        last, real, o = self._last(WEIGHTS), self._real(model), model["output"]
        free: dict[str, Coordinates] = {"weight": variables(0, self.weight.bits)}
        offsets = Factor((Term(ONE, OFFSET, free),))
        weights = Factor(last.terms({"output": o, **free}, ONE), last.taken_off((self.weight,), real))
        means = Sum("intercept", (self.weight.bits,), constant_on((self.weight,), ONE), (offsets, weights))
        taken = steps.total(means)
        bias = self._last_bias(steps, looked_up, model)
        one = 1 << self.schedule.scales.x_bits
        steps.require_zero("intercept", steps.evaluate(INTERCEPT, {"output": o}) - bias * one + taken)
        steps.sumcheck(means, taken)
        real = real * prefix(k, self.weight.size)
        return {WEIGHTS: last.value(steps, {"output": o, "weight": k}, real), BIAS: bias}

    def _gradient(self, steps: Steps, claim: Hidden, t: Iteration, o: Point, k: Point, s: Point) -> None:
        """claim = eq(s, 0) (DP gamma - DM R) + eq(s, 1) D_b 2^x R of output o at iteration t and feature k."""
        e, b, _ = t
        by_step: dict[str, Coordinates | PublicVector] = {
            "output": o, "epoch": epoch_rates(self.schedule, e), "block": block_factors(self.schedule, b)
        }  # fmt: skip
        free = {"weight": variables(0, self.weight.bits)}
        gradients = Factor((Term(ONE, GRADIENTS, {**by_step, **free}),))
        scaled = Factor((Term(ONE, SCALED_RATE, free),))
        own = Sum("scaled gradient", (self.weight.bits,), eq_on(k, self.weight.size), (scaled, gradients))
        alone = PublicVector(lambda: ones(), lambda _: ONE)
        residuals = steps.total(Sum("residuals", (), alone, (Factor((Term(ONE, RESIDUALS, by_step),)),)))
        total, centred = steps.total(own), steps.evaluate(CENTRED_RATE, {"weight": k})
        of_bias = K(self.scaler.public.bias_rate << self.schedule.scales.x_bits) * eq_index(s, 1)
        parts = claim - total * eq_index(s, 0) - residuals * of_bias
        steps.require_zero("parts", parts, [Product(eq_index(s, 0), centred, residuals)])

        ended = steps.sumcheck(own, total)
        (tau,) = steps.point("parts", 1)
        claim = ended.values[1][0] + residuals * tau
        self._rows(steps, claim, e, block_rates(self.schedule, b), o, self._of_rows(ended.point, ONE, tau))


def _repeated(values: Vector, width: int) -> Vector:
    """Each value `width` times: K (2, ..) -> K (2, .., width)."""
    return values[..., None].repeat(width, axis=-1)
