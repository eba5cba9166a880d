"""The relation of a one-pass training: linear regression by its normal equations (docs/protocol.md, "One pass").

With the names of models/methods/normal_equations.py; S(n) is the indicator of rows that count, x = x_bits, the bias is
V beside the weights W, and M(k, 1), b(1), A(k, 1), B(1) are those of the constant 2^x:

    A(k, l) = sum_n S(n) X(n, k) X(n, l),  A(k, 1) = sum_n S(n) 2^x X(n, k),  2^s M + R - 2^(s-1) = rho A,  and
    B(k) = sum_n S(n) X(n, k) Y(n),  B(1) = sum_n S(n) 2^x Y(n),  2^a b + r - 2^(a-1) = rho 2^c B  "moments of products"
    g(t, k) = sum_l M(k, l) W(t, l) + L W(t, k) + M(k, 1) V(t) - b(k)                  "parts", "products", "iterations"
    f(t)    = sum_l M(l, 1) W(t, l) + M(1, 1) V(t) - b(1)                              "parts", "products", "iterations"
    2^h (W(t, k) - W(t + 1, k)) = c_t g(t, k) - m_t (W(t, k) - W(t - 1, k)) + 2^(h-1) - u(t, k)                "update"
    2^h (V(t) - V(t + 1))       = the same of f, V and v                                                       "update"
    W(-1) = W(0) = 0, V(-1) = V(0) = 0                                                                "initial weights"
    W(T, k) = 2^f M(k) + q(k) - 2^(f-1),   I = 2^(x-f) V(T)                                        "model", "intercept"

For features that are left out 0 stands for X ("used features"), so that their weights stay 0. Without a bias, every
line and column about it is left out. M(1, 1) is public, and has the penalty of the bias in it.

Integers that are *forced*: A and B are functions of the data. R and r are looked up, in [0, 2^s) and [0, 2^a), M and b
in ranges so small that no side of their equations can wrap: so M is rho A / 2^s rounded, and nothing else, and so is b.
M(k, l) = M(l, k) follows, as A is symmetric: all of M is looked up, not a half of it. W, V, u and v are looked up, and
the two sides of an update stay below p together: with u in [0, 2^h) there is one next W. The model's weights M(k) have
a range of their own and q is in [0, 2^f): W(T) is what both say, and each W(T) is said by one pair. (M is both the
matrix and the model; they have different arguments.) The intercept is V(T), shifted.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| witness | limbs of W and u (epoch, weight), of M and R (weight, other), of M(., 1), its rest, b, r, M, q (weight) |
| | limbs of V and v (epoch, output), of V(T), b(1) and its rest (output); counts (section, entry) |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.methods.normal_equations import PRODUCT_BITS, NormalEquations, half_of
from ..field.goldilocks import ONE, ZERO, K
from ..field.multilinear import Point, eq_index, prefix
from ..language.hidden import Hidden, Product, linear, public
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import (
    Coordinates,
    Factor,
    LookedUp,
    LookupBox,
    PublicVector,
    Section,
    Steps,
    Sum,
    Term,
    variables,
)
from ..language.tables import (
    RANGE_COUNTS,
    Limbs,
    limb_terms,
    multiplicity_column,
    range_table,
)
from .dataset import DATASET, FEATURES, LABELS, dataset_columns
from .iterations import epoch_rates, eq_on, rate_at
from .model import COEFFICIENTS, INTERCEPT, MODEL, model_columns
from .normal_vectors import counted_times, shifted_steps, sum_of
from .signed import Signed, constant_on
from .training import TrainingAxes

WEIGHTS, WEIGHT_REST = Address(WITNESS, "weights"), Address(WITNESS, "weight remainder")  # W, u
BIASES, BIAS_REST = Address(WITNESS, "biases"), Address(WITNESS, "bias remainder")  # V, v
PRODUCTS, PRODUCT_REST = Address(WITNESS, "products"), Address(WITNESS, "product remainder")  # M, R
MEANS, MEAN_REST = Address(WITNESS, "sums"), Address(WITNESS, "sum remainder")  # M(., 1)
TARGETS, TARGET_REST = Address(WITNESS, "targets"), Address(WITNESS, "target remainder")  # b, r
ROUNDED, ROUNDED_REST = Address(WITNESS, "model weights"), Address(WITNESS, "model weight remainder")  # M(k), q
LAST_BIAS = Address(WITNESS, "last bias")  # V(T)
BIAS_TARGET, BIAS_TARGET_REST = Address(WITNESS, "bias target"), Address(WITNESS, "bias target remainder")  # b(1)
STEP_BOX, BIAS_BOX, PRODUCT_BOX = "weight limbs", "bias limbs", "product limbs"
FEATURE_BOX, CONSTANT_BOX = "feature limbs", "constant limbs"


@dataclass(frozen=True)
class OnePass(TrainingAxes):
    """The relation for one set of public integers, which say who counts.

    Attributes:
        schedule: the integers of the declared algorithm (models/methods/normal_equations.py).
    """

    schedule: NormalEquations

    @property
    def name(self) -> str:
        """Domain separator."""
        return "one pass"

    # Axes ----------------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> Axis:
        """Steps t."""
        return Axis("epoch", self.schedule.epochs)

    @property
    def other(self) -> Axis:
        """Features l; those of `weight` are k."""
        return Axis("other", self.schedule.features)

    # Columns and lookups -------------------------------------------------------------------------------------------

    @cached_property
    def integers(self) -> tuple[Limbs, ...]:
        """What is committed in limbs, by box of lookups."""
        own = self.schedule
        found: tuple[Limbs, ...] = (
            Limbs(STEP_BOX, (self.epoch, self.weight), {WEIGHTS: own.weight_bits, WEIGHT_REST: own.shift}),
            Limbs(PRODUCT_BOX, (self.weight, self.other), {PRODUCTS: PRODUCT_BITS, PRODUCT_REST: own.product_shift}),
            Limbs(FEATURE_BOX, (self.weight,), self._of_features),
        )
        if own.bias:
            constant = {LAST_BIAS: own.weight_bits, BIAS_TARGET: own.target_bits, BIAS_TARGET_REST: own.target_shift}
            steps = {BIASES: own.weight_bits, BIAS_REST: own.shift}
            found += (Limbs(BIAS_BOX, (self.epoch, self.output), steps), Limbs(CONSTANT_BOX, (self.output,), constant))
        return found

    @property
    def _of_features(self) -> dict[Address, int]:
        """What each feature has one of."""
        own = self.schedule
        constant = {MEANS: PRODUCT_BITS, MEAN_REST: own.product_shift} if own.bias else {}
        targets = {TARGETS: own.target_bits, TARGET_REST: own.target_shift}
        return {**constant, **targets, ROUNDED: own.model_bits, ROUNDED_REST: own.fine_bits}

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above."""
        limbs = (limb for own in self.integers for limb in own.columns)
        return {
            DATASET: dataset_columns(self.schedule.rows, self.schedule.features, self.schedule.outputs),
            MODEL: model_columns(self.schedule),
            WITNESS: (*limbs, multiplicity_column(RANGE_COUNTS, len(self.sections))),
        }

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Every limb in range. Large boxes are in parts."""
        return tuple(own.boxes for own in self.integers)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Section i has the i-th part of each box."""
        parts = self.boxes
        count = max(len(boxes) for boxes in parts)
        return tuple(
            Section(tuple(boxes[i] for boxes in parts if i < len(boxes)), (range_table(i, count),))
            for i in range(count)
        )

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Walk from the lookups to claims about committed columns alone: the equations of the module's head."""
        self._moments(steps)
        t = steps.point("update", self.epoch.bits)
        k = steps.point("update", self.weight.bits)
        s = eq_index(steps.point("update", 1), 1) if self.schedule.bias else ZERO
        self._initial_weights(steps, k, s)
        bias = self._model(steps, looked_up)
        gradient = self._update(steps, t, k, s, bias)
        self._parts(steps, gradient, t, k, s)

    # The one pass over the rows

    def _moments(self, steps: Steps) -> None:
        """What M and b are scaled from, as one sum over the rows at random weights: at features k and j."""
        k, j = (steps.point("features", self.weight.bits) for _ in range(2))
        parts = self._scaled_sums(steps, k, j)
        gamma, delta = (
            steps.point("moments of products", 2)
            if self.schedule.bias
            else (*steps.point("moments of products", 1), ZERO)
        )
        claim = linear(zip((ONE, gamma, delta, gamma * delta), parts, strict=False))  # two parts without a bias
        self._over_rows(steps, claim, k, j, gamma, delta)

    def _scaled_sums(self, steps: Steps, k: Point, j: Point) -> tuple[Hidden, ...]:
        """rho A(k, j), rho 2^c B(k), and with a bias rho A(j, 1) and rho 2^c B(1), of the committed integers."""
        own = self.schedule
        real, other = prefix(k, own.features), prefix(j, own.features)
        pair = {"weight": k, "other": j}
        products = self._unscaled(steps, PRODUCTS, PRODUCT_REST, pair, real * other)
        targets = self._unscaled(steps, TARGETS, TARGET_REST, {"weight": k}, real)
        if not own.bias:
            return products, targets
        means = self._unscaled(steps, MEANS, MEAN_REST, {"weight": j}, other)
        return products, targets, means, self._unscaled(steps, BIAS_TARGET, BIAS_TARGET_REST, {"output": ()}, ONE)

    def _unscaled(self, steps: Steps, integer: Address, rest: Address, at: Mapping[str, Point], real: K) -> Hidden:
        """2^shift integer + rest - 2^(shift-1) at a point, where `real` is the indicator of real cells."""
        shift = self.bits_of(rest)
        value = self.signed(integer).value(steps, at, real) * (1 << shift)
        return value + self._unsigned(steps, rest, at) - real * half_of(shift)

    def _over_rows(self, steps: Steps, claim: Hidden, k: Point, j: Point, gamma: K, delta: K) -> None:
        """claim = sum over n of rho S(n) (X(n, k) + delta 2^x) (X(n, j) + gamma 2^c Y(n))."""
        own, row = self.schedule, variables(0, self.row.bits)
        constant = constant_on((self.row,), delta * own.one) if own.bias else None
        used_k, used_j = (eq_on(at, own.features, own.unused) for at in (k, j))
        places = (used_k, used_j) if own.unused else (k, j)
        first = Factor((Term(ONE, FEATURES, {"row": row, "feature": places[0]}),), constant)
        second = Factor((Term(ONE, FEATURES, {"row": row, "feature": places[1]}), self._labels(gamma)))
        over_rows = Sum("moments of products", (self.row.bits,), self._counted(), (first, second))
        ended = steps.sumcheck(over_rows, claim)
        if own.unused:
            (tau,) = steps.point("used features", 1)
            one = Factor((Term(ONE, FEATURES, {"row": ended.point, "feature": variables(0, self.weight.bits)}),))
            used = Sum("used features", (self.weight.bits,), sum_of(used_k, used_j, tau), (one,))
            steps.sumcheck(used, ended.values[0][0] + ended.values[1][0] * tau)

    def _labels(self, share: K) -> Term:
        """share 2^c Y(n) on rows n."""
        return Term(
            share * (1 << self.schedule.target_raise), LABELS, {"output": (), "row": variables(0, self.row.bits)}
        )

    def _counted(self) -> PublicVector:
        """rho S(n) on rows n."""
        return counted_times(self.schedule.live, self.row, K(self.schedule.factor))

    # Steps

    def _initial_weights(self, steps: Steps, k: Point, s: K) -> None:
        """W(0, k) = 0, and V(0) = 0."""
        first: dict[str, Point] = {"epoch": (ZERO,) * self.epoch.bits}
        real = prefix(k, self.schedule.features)
        values = [(ONE - s, self.signed(WEIGHTS).value(steps, {**first, "weight": k}, real))]
        if self.schedule.bias:
            values.append((s, self.signed(BIASES).value(steps, {**first, "output": ()}, ONE)))
        steps.require_zero("initial weights", linear(values))

    def _model(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> Hidden:
        """The committed model is what its limbs say, where their lookups ended. Returns V(T)."""
        ended = looked_up[FEATURE_BOX]
        k = ended.point["weight"]
        weights = self.signed(ROUNDED).looked_up(ended, prefix(k, self.schedule.features))
        steps.require_zero("model", steps.evaluate(COEFFICIENTS, {"output": (), "weight": k}) - weights)
        if not self.schedule.bias:
            return public(ZERO)
        bias = self.signed(LAST_BIAS).looked_up(looked_up[CONSTANT_BOX], ONE)
        shifted = bias * (1 << self.schedule.intercept_shift)
        steps.require_zero("intercept", steps.evaluate(INTERCEPT, {"output": ()}) - shifted)
        return bias

    def _update(self, steps: Steps, t: Point, k: Point, s: K, bias: Hidden) -> Hidden:
        """The update equation at (t, k, s), solved for the gradient times c_t, which is handed on as a claim.

        sum over real t' of shifted_steps(t, t') W(t', k)  -  2^h eq(t, T - 1) W(T, k)
            = gradient + 2^(h - 1) [t, k real] - u(t, k)               and the same for V: 1 - s times that, and s times
        """
        own, real = self.schedule, prefix(k, self.schedule.features)
        free: dict[str, Coordinates] = {"epoch": variables(0, self.epoch.bits)}
        terms = self.signed(WEIGHTS).terms({**free, "weight": k}, ONE - s)
        last = [(ONE - s, self._last_weight(steps, k, real))]
        rest = [(ONE - s, self._unsigned(steps, WEIGHT_REST, {"epoch": t, "weight": k}))]
        if own.bias:
            terms += self.signed(BIASES).terms({**free, "output": ()}, s)
            last.append((s, bias))
            rest.append((s, self._unsigned(steps, BIAS_REST, {"epoch": t, "output": ()})))
        trained = (ONE - s) * real + s
        factor = Factor(terms, self.signed(WEIGHTS).taken_off((self.epoch,), trained))
        update = Sum("update", (self.epoch.bits,), shifted_steps(own, t), (factor,))
        change = steps.total(update)
        steps.sumcheck(update, change)

        scale, half = K(1 << own.shift), K(half_of(own.shift))
        moved = change - linear(last) * (scale * eq_index(t, own.epochs - 1))
        return moved - half * prefix(t, own.epochs) * trained + linear(rest)

    def _last_weight(self, steps: Steps, k: Point, real: K) -> Hidden:
        """W(T, k) = 2^f M(k) + q(k) - 2^(f-1)."""
        return self._unscaled(steps, ROUNDED, ROUNDED_REST, {"weight": k}, real)

    def _parts(self, steps: Steps, claim: Hidden, t: Point, k: Point, s: K) -> None:
        """claim = sum over t' of eq(t, t') c_t' ((1 - s) g(t', k) + s f(t')); W' is the sum of these times W(t')."""
        own = self.schedule
        rate, real = rate_at(own, t), prefix(k, own.features)
        product = self._product(t, k, s)
        total = steps.total(product)
        targets = [(ONE - s, self.signed(TARGETS).value(steps, {"weight": k}, real))]
        products: list[Product] = []
        biases = public(ZERO)
        if own.bias:
            targets.append((s, self.signed(BIAS_TARGET).value(steps, {"output": ()}, ONE)))
            means = self.signed(MEANS).value(steps, {"weight": k}, real)
            biases = steps.total(self._steps_of_biases(t))
            products = [Product(ONE, biases, means * (s - ONE) - s * own.corner)]
        rest, others = self._penalties(steps, t, k, s)
        steps.require_zero("parts", claim - total - rest + linear(targets) * rate, products)

        ended = steps.sumcheck(product, total)
        weights = self._ended(ended.values[1], t, ended.point)
        self._iterations(steps, t, [(ended.point, weights), *others], biases)

    def _product(self, t: Point, k: Point, s: K) -> Sum:
        """sum over l of ((1 - s) (M(k, l) + L eq(k, l)) + s M(l, 1)) W'(l)."""
        own, free = self.schedule, variables(0, self.weight.bits)
        terms = self.signed(PRODUCTS).terms({"weight": k, "other": free}, ONE - s)
        if own.bias:
            terms += self.signed(MEANS).terms({"weight": free}, s)
        offset = constant_on((self.weight,), -self.signed(PRODUCTS).offset * ((ONE - s) * prefix(k, own.features) + s))
        constant = sum_of(offset, eq_on(k, own.features), (ONE - s) * self._public_penalty)
        rows = Factor(terms, constant)
        return Sum("products", (self.weight.bits,), constant_on((self.weight,), ONE), (rows, self._weighted(t)))

    @property
    def _public_penalty(self) -> int:
        """L, where it is the same for all features."""
        return self.schedule.penalty

    def _penalties(self, steps: Steps, t: Point, k: Point, s: K) -> tuple[Hidden, list[tuple[Point, Hidden]]]:
        """What penalties of features' own add to the claim, and where else W' is known by then, with its value."""
        return public(ZERO), []

    def _weighted(self, t: Point) -> Factor:
        """W'(l) = sum over t' of eq(t, t') c_t' W(t', l) on features l."""
        free = variables(0, self.weight.bits)
        weights = self.signed(WEIGHTS)
        terms = weights.terms({"epoch": epoch_rates(self.schedule, t), "weight": free}, ONE)
        return Factor(terms, weights.taken_off((self.weight,), rate_at(self.schedule, t)))

    def _ended(self, values: Iterable[Hidden], t: Point, at: Point) -> Hidden:
        """W' at a feature, from the values of its limbs."""
        weights = self.signed(WEIGHTS)
        limbs = (coefficient for coefficient, _ in limb_terms(WEIGHTS, weights.bits))
        offset = weights.offset * rate_at(self.schedule, t) * prefix(at, self.schedule.features)
        return linear(zip(limbs, values, strict=True)) - offset

    def _steps_of_biases(self, t: Point) -> Sum:
        """V' = sum over t' of eq(t, t') c_t' V(t')."""
        biases = self.signed(BIASES)
        terms = biases.terms({"epoch": variables(0, self.epoch.bits), "output": ()}, ONE)
        factor = Factor(terms, biases.taken_off((self.epoch,), ONE))
        return Sum("iterations", (self.epoch.bits,), epoch_rates(self.schedule, t), (factor,))

    def _iterations(self, steps: Steps, t: Point, known: list[tuple[Point, Hidden]], biases: Hidden) -> None:
        """W' where it is known, and V', are sums over the steps: as one, at random weights."""
        shares = (ONE, *steps.point("iterations", len(known) - 1 + self.schedule.bias))
        free: dict[str, Coordinates] = {"epoch": variables(0, self.epoch.bits)}
        terms: tuple[Term, ...] = ()
        claim, real = public(ZERO), ZERO
        for share, (at, value) in zip(shares, known, strict=False):
            terms += self.signed(WEIGHTS).terms({**free, "weight": at}, share)
            claim, real = claim + value * share, real + share * prefix(at, self.schedule.features)
        if self.schedule.bias:
            terms += self.signed(BIASES).terms({**free, "output": ()}, shares[-1])
            claim, real = claim + biases * shares[-1], real + shares[-1]
        factor = Factor(terms, self.signed(WEIGHTS).taken_off((self.epoch,), real))
        steps.sumcheck(Sum("iterations", (self.epoch.bits,), epoch_rates(self.schedule, t), (factor,)), claim)

    # Integers

    @cached_property
    def _bits(self) -> Mapping[Address, int]:
        return {integer: bits for own in self.integers for integer, bits in own.bits.items()}

    def bits_of(self, integer: Address) -> int:
        """How many bits an integer is committed in."""
        return self._bits[integer]

    def signed(self, integer: Address) -> Signed:
        """One that may be negative."""
        return Signed(integer, self._bits[integer])

    def _unsigned(self, steps: Steps, integer: Address, at: Mapping[str, Point]) -> Hidden:
        """One that may not, at a point."""
        terms = limb_terms(integer, self._bits[integer])
        return linear((c, steps.evaluate(limb, at)) for c, limb in terms)
