"""The relation of a one-pass training on standardised features (docs/protocol.md, "One pass").

With the integers of standardization.py, x'(n, k) = 2^e X(n, k) - m(k) takes the place of X in one_pass.py. Of sums of
2^e X over the n rows that count, which are virtual (2^e X: "scaled features"), and B'(k), the sum of x':

    sum S x'(k) x'(j) = sum S 2^e X(k) 2^e X(j) - n m(k) m(j) - m(k) B'(j) - m(j) B'(k)         "centred sums"
    sum S x'(k) Y     = sum S 2^e X(k) Y - m(k) sum S Y                                         "centred sums"
    2^s M(k, 1) + R - 2^(s-1) = rho 2^x B'(k)                                                   "means of products"
    2^tau L(k) + r - 2^(tau-1) = lambda M(k, k), and L(k) W(t, k) for L W(t, k)        "diagonal", "penalties"
    I = 2^(x-f) V(T) - sum_k m(k) M(k),   model = 2^e M(k)                             "intercept", "powers"

Integers that are *forced*, beside those of both files: M as there, since its equation says the sum of x' x' over the
integers, whatever of it wraps on the way; L(k) has a range of its own and r is in [0, 2^tau), and both sides of its
equation stay below p. Nothing is divided by a spread here: A = 0 in standardization.py, so all its rates are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...errors import ZkUnlearnError
from ...models.methods.normal_equations import half_of
from ..field.goldilocks import ONE, ZERO, K, P
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, Product, linear, public
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.relation import Coordinates, Factor, LookedUp, LookupBox, Steps, Sum, Term, variables
from ..language.tables import limb_terms
from .dataset import FEATURES
from .iterations import eq_on
from .model import INTERCEPT
from .normal_vectors import diagonal, sum_of
from .one_pass import CONSTANT_BOX, LAST_BIAS, PRODUCTS, ROUNDED, OnePass
from .signed import constant_on
from .standardization import BOX, FRACTION_REST, OFFSET, POWER, ScalerRelation

SCALED = Address(VIRTUAL, "scaled features")  # 2^e X
PENALTIES, PENALTY_REST = Address(WITNESS, "penalties"), Address(WITNESS, "penalty remainder")  # L, r


@dataclass(frozen=True)
class StandardizedOnePass(OnePass):
    """The relation for one set of public integers, whose features are standardised."""

    @property
    def name(self) -> str:
        """Domain separator."""
        return "standardized one pass"

    @cached_property
    def scaler(self) -> ScalerRelation:
        """What says how features are standardised."""
        standardization = self.schedule.standardization
        if standardization is None:
            raise ZkUnlearnError("normal equations without standardisation")
        return ScalerRelation(
            standardization, self.weight, self.output, self.row, self.schedule.live, self.signed(ROUNDED), each=False
        )

    @property
    def _of_features(self) -> dict[Address, int]:
        own = self.schedule
        penalties = {PENALTIES: own.penalty_bits, PENALTY_REST: own.penalty_shift} if own.penalised else {}
        return {**super()._of_features, **penalties}

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Those of one pass, and what standardises."""
        own = super().columns
        return {**own, WITNESS: (*own[WITNESS], *self.scaler.columns)}

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """2^e X, and 0 of features that are left out."""
        return {SCALED: (self.weight, self.row)}

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Those of one pass, and the integers that standardise."""
        return (*super().boxes, self.scaler.boxes)

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Walk from the lookups to claims about committed columns alone."""
        self.scaler.identities(steps, looked_up[BOX])
        super().identities(steps, looked_up)

    # The one pass over the rows

    def _moments(self, steps: Steps) -> None:
        """As of features as they are, with what means take off added again; and penalties."""
        own = self.schedule
        k, j = (steps.point("features", self.weight.bits) for _ in range(2))
        products, targets, means, of_bias = self._scaled_sums(steps, k, j)
        (m_k, b_k), (m_j, b_j) = (self._means(steps, at) for at in (k, j))
        factor, count = own.factor, own.live.count
        steps.require_zero("means of products", means - b_j * (factor * own.one))
        labels = of_bias * pow(own.one, -1, P)

        gamma, delta = steps.point("moments of products", 2)
        over_rows = self._row_sum(k, j, gamma, delta)
        total = steps.total(over_rows)
        sums = b_j + m_j * count
        known = products + targets * gamma + sums * (delta * factor) + labels * (gamma * delta)
        taken = [
            Product(K(factor * count % P), m_k, m_j),
            Product(K(factor), m_k, b_j),
            Product(K(factor), m_j, b_k),
            Product(gamma, m_k, labels),
        ]
        steps.require_zero("centred sums", known - total, taken)
        ended = steps.sumcheck(over_rows, total)
        self._scaled_features(steps, k, j, ended.point, [values[0] for values in ended.values])
        if own.penalised:
            self._diagonal(steps)

    def _means(self, steps: Steps, at: Point) -> tuple[Hidden, Hidden]:
        """m and B' at a feature."""
        place, rest = {"weight": at}, limb_terms(FRACTION_REST, self.scaler.limbs[FRACTION_REST])
        lacking = K(self.scaler.public.half) * prefix(at, self.schedule.features)
        return steps.evaluate(OFFSET, place), linear((c, steps.evaluate(limb, place)) for c, limb in rest) - lacking

    def _row_sum(self, k: Point, j: Point, gamma: K, delta: K) -> Sum:
        """sum over n of rho S(n) (2^e X(n, k) + delta) (2^e X(n, j) + gamma 2^c Y(n))."""
        row = variables(0, self.row.bits)
        first = Factor((Term(ONE, SCALED, {"row": row, "weight": k}),), constant_on((self.row,), delta))
        second = Factor((Term(ONE, SCALED, {"row": row, "weight": j}), self._labels(gamma)))
        return Sum("moments of products", (self.row.bits,), self._counted(), (first, second))

    def _scaled_features(self, steps: Steps, k: Point, j: Point, row: Point, values: list[Hidden]) -> None:
        """2^e X at features k and j of a row: as one, at a random weight."""
        (tau,) = steps.point("scaled features", 1)
        size, unused, free = self.schedule.features, self.schedule.unused, variables(0, self.weight.bits)
        powers = Factor((Term(ONE, POWER, {"weight": free}),))
        features = Factor((Term(ONE, FEATURES, {"feature": free, "row": row}),))
        weight = sum_of(eq_on(k, size, unused), eq_on(j, size, unused), tau)
        scaled = Sum("scaled features", (self.weight.bits,), weight, (powers, features))
        steps.sumcheck(scaled, values[0] + values[1] * tau)

    def _diagonal(self, steps: Steps) -> None:
        """2^tau L(k) + r - 2^(tau-1) = lambda M(k, k)."""
        own, size = self.schedule, self.schedule.features
        k = steps.point("diagonal", self.weight.bits)
        place, real = {"weight": k}, prefix(k, size)
        value = self._unsigned(steps, PENALTIES, place) * (1 << own.penalty_shift)
        value = value + self._unsigned(steps, PENALTY_REST, place) - real * half_of(own.penalty_shift)
        bits = self.weight.bits
        at: dict[str, Coordinates] = {"weight": variables(0, bits), "other": variables(bits, bits)}
        products = self.signed(PRODUCTS)
        factor = Factor(products.terms(at, ONE), products.taken_off((self.weight, self.other), ONE))
        weight = diagonal(k, size, K(own.penalty_factor))
        steps.sumcheck(Sum("diagonal", (bits, bits), weight, (factor,)), value)

    # Steps

    def _model(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> Hidden:
        """The intercept is what means leave of the bias; "powers" proves the weights. Returns V(T)."""
        free, rounded = {"weight": variables(0, self.weight.bits)}, self.signed(ROUNDED)
        offsets = Factor((Term(ONE, OFFSET, free),))
        weights = Factor(rounded.terms(free, ONE), rounded.taken_off((self.weight,), ONE))
        means = Sum("intercept", (self.weight.bits,), constant_on((self.weight,), ONE), (offsets, weights))
        taken = steps.total(means)
        bias = self.signed(LAST_BIAS).looked_up(looked_up[CONSTANT_BOX], ONE)
        shifted = bias * (1 << self.schedule.intercept_shift)
        steps.require_zero("intercept", steps.evaluate(INTERCEPT, {"output": ()}) - shifted + taken)
        steps.sumcheck(means, taken)
        return bias

    @property
    def _public_penalty(self) -> int:
        """None: each feature has its own."""
        return 0

    def _penalties(self, steps: Steps, t: Point, k: Point, s: K) -> tuple[Hidden, list[tuple[Point, Hidden]]]:
        """(1 - s) L(k) W'(k), as a sum over features, and W' where it ended."""
        if not self.schedule.penalised:
            return public(ZERO), []
        free = {"weight": variables(0, self.weight.bits)}
        limbs = limb_terms(PENALTIES, self.bits_of(PENALTIES))
        own = Factor(tuple(Term(c, limb, free) for c, limb in limbs))
        weight = eq_on(k, self.schedule.features)
        penalties = Sum("penalties", (self.weight.bits,), weight, (own, self._weighted(t)))
        total = steps.total(penalties)
        ended = steps.sumcheck(penalties, total)
        return total * (ONE - s), [(ended.point, self._ended(ended.values[1], t, ended.point))]
