"""The relation of a certified optimum: the model is the rounding of what minimises (docs/protocol.md, "Optimum").

With the names of models/methods/certificate.py; S(n) is the indicator of rows that count, x = x_bits, and V, b are the
bias and what is said of it:

    DM(n) = D(n) M(n),  z(n) = sum_k X(n, k) W(k) + 2^x V on rows that are real                  "step", "product"
    S(n) = 1 implies (Q, T, D)(n) in the link table,                                                        "link"
        z + 2^15 - 2^32 Q - 2^16 M, M, P' and DM + 2^15 - 2^16 P' in [0, 2^16)         "low", "middle", "risen", "rest"
    G(k) = 2^e sum_n S(n) X(n, k) (T + P' - 2^p Y)(n) + c W(k),  G(b) = 2^e sum_n S(n) 2^x (..)(n) + c V    "gradient"
    G + floor(2^g / 2) = 2^g Gamma + v,  sum_k Gamma(k)^2 + Gamma(b)^2 + slack = radius^2           "gradient", "norm"
    W + 2^(a-1) = 2^a m + A + D,  A + B = 2^a - 1 - 2 D                                           "rounding", "edges"
    the model is m(k), and 2^x m(b)                                                             "model", "intercept"

For features that are left out 0 stands for X ("used features"): their weights are 0 at the optimum. Without a bias,
every line and column about it is left out.

Integers that are *forced*: (Q, T, D) is a row of the table as one tuple, so no edge goes with another cell's step. M
and the low part of z have 16 bits, and |z| is below 2^62, as W has a range: so Q and M are those of z. Whatever 16 bits
the rest of P' has, some field element P' would fit: P' has 16 bits of its own, so both sides are below 2^34, and it is
the rounding. G has no range: what it equals has, Gamma 24 bits and v g bits, together below 2^63 as G is by its static
bound, so Gamma is G rounded. Of 46 bits, slack is not negative; squares of Gamma add up below 2^62. m has a range in
which no 2^a m wraps, A and B have a bits and add up to a number below 2^a: so either is between 0 and that number, and
m is the rounding of W as well as of all that is within D of it. Cells past the last weight are read by the equations of
single weights only, which tie them to each other; the sums leave them out.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| witness | Q, T, D, M, P' (row); limbs of W, Gamma, v, A, B, m (weight), and of the bias, of slack (output) |
| | counts (section, entry) |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.live import Live
from ...models.methods.certificate import GRADIENT_BITS, HALF_LIMB, SLACK_BITS, Certificate
from ..field.goldilocks import ONE, K
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, Product, linear, public
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.relation import (
    LIMB,
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    LookupBox,
    PublicVector,
    Section,
    Steps,
    Sum,
    Term,
    variables,
)
from ..language.tables import (
    LINK,
    LINK_COUNTS,
    RANGE,
    RANGE_COUNTS,
    Limbs,
    limb_terms,
    link_table,
    lookup_boxes,
    multiplicity_column,
    range_table,
)
from .dataset import DATASET, FEATURES, LABELS, dataset_columns
from .iterations import eq_on
from .model import COEFFICIENTS, INTERCEPT, MODEL, model_columns
from .normal_vectors import counted_times
from .signed import Signed, constant_on
from .standardization import counted
from .training import TrainingAxes

Q, EDGE, STEP = Address(WITNESS, "Q"), Address(WITNESS, "edge"), Address(WITNESS, "step")  # Q, T, D
MIDDLE, RISEN = Address(WITNESS, "middle"), Address(WITNESS, "risen")  # M, P'
Z, PRODUCT = Address(VIRTUAL, "z"), Address(VIRTUAL, "step times middle")  # z, DM
SLACK = Address(WITNESS, "slack")
ROW_BOX, FEATURE_BOX, CONSTANT_BOX = "rows", "feature limbs", "constant limbs"


@dataclass(frozen=True)
class Parameter:
    """What is committed in limbs for a weight.

    Attributes:
        weight: W, and cut: Gamma, and model: m; signed.
        cut_rest: v. below, above: A and B.
    """

    weight: Address
    cut: Address
    cut_rest: Address
    below: Address
    above: Address
    model: Address


def _parameter(name: str) -> Parameter:
    parts = ("", " gradient", " gradient remainder", " below", " above", " rounded")
    return Parameter(*(Address(WITNESS, name + part) for part in parts))


WEIGHTS, BIAS = _parameter("weights"), _parameter("bias")


@dataclass(frozen=True)
class Optimum(TrainingAxes):
    """The relation for one set of public integers, which say who counts, and at which distance.

    Attributes:
        schedule: the integers of the certificate (models/methods/certificate.py).
    """

    schedule: Certificate

    @property
    def name(self) -> str:
        """Domain separator."""
        return "optimum"

    # Columns and lookups -------------------------------------------------------------------------------------------

    @cached_property
    def integers(self) -> tuple[Limbs, ...]:
        """What is committed in limbs, by box of lookups."""
        bias = self._bits_of_parameter(BIAS) if self.schedule.bias else {}
        return (
            Limbs(FEATURE_BOX, (self.weight,), self._bits_of_parameter(WEIGHTS)),
            Limbs(CONSTANT_BOX, (self.output,), {**bias, SLACK: SLACK_BITS}),
        )

    def _bits_of_parameter(self, parameter: Parameter) -> dict[Address, int]:
        own = self.schedule
        return {
            parameter.weight: own.weight_bits,
            parameter.cut: GRADIENT_BITS,
            parameter.cut_rest: own.shift,
            parameter.below: own.grid,
            parameter.above: own.grid,
            parameter.model: own.model_bits,
        }

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above."""
        limbs = (limb for own in self.integers for limb in own.columns)
        rows = (Column(column.name, (self.row,)) for column in (Q, EDGE, STEP, MIDDLE, RISEN))
        sections = len(self.sections)
        counts = (multiplicity_column(name, sections) for name in (RANGE_COUNTS, LINK_COUNTS))
        return {
            DATASET: dataset_columns(self.schedule.rows, self.schedule.features, self.schedule.outputs),
            MODEL: model_columns(self.schedule),
            WITNESS: (*rows, *limbs, *counts),
        }

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Proved by "product" and "step"."""
        return {Z: (self.row,), PRODUCT: (self.row,)}

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """What rows that count look up, and every limb in range. Large boxes are in parts."""
        live = Indicator((self.row,), self.schedule.live.forgotten, self.schedule.live.ranges)
        rows = (
            Lookup("link", LINK, tuple(Entry(((1, column),)) for column in (Q, EDGE, STEP))),
            Lookup("middle", RANGE, (Entry(((1, MIDDLE),)),)),
            Lookup("low", RANGE, (Entry(((1, Z), (-LIMB * LIMB, Q), (-LIMB, MIDDLE)), HALF_LIMB),)),
            Lookup("risen", RANGE, (Entry(((1, RISEN),)),)),
            Lookup("rest", RANGE, (Entry(((1, PRODUCT), (-LIMB, RISEN)), HALF_LIMB),)),
        )
        return (lookup_boxes(ROW_BOX, live, rows), *(own.boxes for own in self.integers))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Section i has the i-th part of each box."""
        parts, edges = self.boxes, self.schedule.edges
        count = max(len(boxes) for boxes in parts)
        return tuple(
            Section(
                tuple(boxes[i] for boxes in parts if i < len(boxes)),
                (range_table(i, count), link_table(edges, i, count)),
            )
            for i in range(count)
        )

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Walk from the lookups to claims about committed columns alone: the equations of the module's head."""
        for star in looked_up.values():
            if Z in star.values:
                self._step(steps, star)
                self._product(steps, star)
        at, constants = looked_up[FEATURE_BOX], looked_up[CONSTANT_BOX]
        k = at.point["weight"]
        weights = self._values(WEIGHTS, at, prefix(k, self.schedule.features))
        bias = self._values(BIAS, constants, ONE) if self.schedule.bias else None
        slack = linear((c, constants.values[limb]) for c, limb in limb_terms(SLACK, SLACK_BITS))
        self._norm(steps, bias, slack)
        self._rounding(steps, weights)
        steps.require_zero("model", steps.evaluate(COEFFICIENTS, {"output": (), "weight": k}) - weights.model)
        if bias is not None:
            self._rounding(steps, bias)
            intercept = bias.model * self.schedule.one
            steps.require_zero("intercept", steps.evaluate(INTERCEPT, {"output": ()}) - intercept)
        self._gradient(steps, k, self._of_loss(weights), None if bias is None else self._of_loss(bias))

    # Rows

    def _step(self, steps: Steps, star: LookedUp) -> None:
        """DM(n*) = sum over n of eq(n*, n) D(n) M(n)."""
        n, free = star.point["row"], variables(0, self.row.bits)
        factors = tuple(Factor((Term(ONE, column, {"row": free}),)) for column in (STEP, MIDDLE))
        steps.sumcheck(Sum("step", (self.row.bits,), eq_on(n, self.schedule.rows), factors), star.values[PRODUCT])

    def _product(self, steps: Steps, star: LookedUp) -> None:
        """z(n*) = sum over real k of X(n*, k) W(k), and the bias on real rows."""
        own, n, free = self.schedule, star.point["row"], variables(0, self.weight.bits)
        claim = star.values[Z]
        if own.bias:
            constant = prefix(n, own.rows) * own.one
            claim = claim - self._signed(BIAS.weight).value(steps, {"output": ()}, ONE) * constant
        features = Factor((Term(ONE, FEATURES, {"row": n, "feature": free}),))
        signed = self._signed(WEIGHTS.weight)
        weights = Factor(signed.terms({"weight": free}, ONE), signed.taken_off((self.weight,), ONE))
        used = counted(Live(own.features, own.unused), self.weight)
        steps.sumcheck(Sum("product", (self.weight.bits,), used, (features, weights)), claim)

    # Weights

    def _norm(self, steps: Steps, bias: Values | None, slack: Hidden) -> None:
        """sum over real k of Gamma(k)^2, and that of the bias, and what is left are radius^2."""
        own, free = self._signed(WEIGHTS.cut), variables(0, self.weight.bits)
        cut = Factor(own.terms({"weight": free}, ONE), own.taken_off((self.weight,), ONE))
        squares = Sum("norm", (self.weight.bits,), constant_on((self.weight,), ONE), (cut, cut))
        total = steps.total(squares)
        own_square = [] if bias is None else [Product(ONE, bias.cut, bias.cut)]
        steps.require_zero("norm", total + slack - public(K(self.schedule.radius**2)), own_square)
        steps.sumcheck(squares, total)

    def _values(self, parameter: Parameter, at: LookedUp, real: K) -> Values:
        """All integers of a weight, or the bias, where the lookups of their limbs ended; `real` says of real cells."""
        bits = self._bits_of_parameter(parameter)

        def unsigned(integer: Address) -> Hidden:
            return linear((c, at.values[limb]) for c, limb in limb_terms(integer, bits[integer]))

        def signed(integer: Address) -> Hidden:
            return Signed(integer, bits[integer]).looked_up(at, real)

        return Values(
            real,
            signed(parameter.weight),
            signed(parameter.cut),
            unsigned(parameter.cut_rest),
            unsigned(parameter.below),
            unsigned(parameter.above),
            signed(parameter.model),
        )

    def _rounding(self, steps: Steps, found: Values) -> None:
        """The rounding of a weight, or the bias, from which no edge is nearer than the distance."""
        own = self.schedule
        half, unit = 1 << (own.grid - 1), 1 << own.grid
        rounded = found.weight + found.real * (half - own.distance) - found.model * unit - found.below
        steps.require_zero("rounding", rounded)
        steps.require_zero("edges", found.below + found.above - found.real * own.room)

    def _of_loss(self, found: Values) -> Hidden:
        """What is left of a gradient without the penalty."""
        own = self.schedule
        half = (1 << own.shift) >> 1
        return found.cut * (1 << own.shift) + found.cut_rest - found.real * half - found.weight * own.penalty

    def _gradient(self, steps: Steps, k: Point, weights: Hidden, bias: Hidden | None) -> None:
        """What is left of G(k) and G(b) is sum over n of 2^e S(n) (X(n, k) + gamma 2^x) r(n), at a random gamma."""
        own, row, claim = self.schedule, variables(0, self.row.bits), weights
        constant = None
        if bias is not None:
            (gamma,) = steps.point("gradient", 1)
            claim, constant = claim + bias * gamma, constant_on((self.row,), gamma * own.one)
        used = eq_on(k, own.features, own.unused) if own.unused else k
        features = Factor((Term(ONE, FEATURES, {"row": row, "feature": used}),), constant)
        residual = Factor(
            (
                Term(ONE, EDGE, {"row": row}),
                Term(ONE, RISEN, {"row": row}),
                Term(K(-own.label_multiplier), LABELS, {"output": (), "row": row}),
            )
        )
        raised = counted_times(own.live, self.row, K(1 << own.raised))
        ended = steps.sumcheck(Sum("gradient", (self.row.bits,), raised, (features, residual)), claim)
        if isinstance(used, PublicVector):
            one = Factor((Term(ONE, FEATURES, {"row": ended.point, "feature": variables(0, self.weight.bits)}),))
            steps.sumcheck(Sum("used features", (self.weight.bits,), used, (one,)), ended.values[0][0])

    # Integers

    def bits_of(self, integer: Address) -> int:
        """How many bits an integer is committed in."""
        return next(own.bits[integer] for own in self.integers if integer in own.bits)

    def _signed(self, integer: Address) -> Signed:
        """One that may be negative."""
        return Signed(integer, self.bits_of(integer))


@dataclass(frozen=True)
class Values:
    """What is said of a weight, or the bias, at a point, where `real` is the indicator of real cells; see Parameter."""

    real: K
    weight: Hidden
    cut: Hidden
    cut_rest: Hidden
    below: Hidden
    above: Hidden
    model: Hidden
