"""A committed model whose integers are in range, and its scores: what relations about predictions share.

Of a model's outputs o and features k, at rows n:

    M(o, k) and I(o) are what their limbs say, all of which are looked up           "weights of ..", "intercept of .."
    z(o, n) = sum_k X(n, k) M(o, k) + I(o) on rows that are real                                       "score of .."

Integers that are *forced*: M and I have limbs here, whatever their own proof says, so |z| is below 2^score_bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ...models.live import Live
from ..field.goldilocks import ONE, ZERO
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, public
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import Factor, Indicator, LookedUp, LookupBox, Steps, Sum, Term, variables
from ..language.tables import limb_columns, limb_lookups, lookup_boxes
from .dataset import FEATURES, feature_axis, row_axis
from .model import COEFFICIENTS, INTERCEPT
from .signed import Signed, constant_on

LARGEST_SCORE_BITS = 62


@dataclass(frozen=True)
class ScoredModel:
    """A model of one or several outputs, on rows that are in range.

    Attributes:
        matrix: of the model.
        columns: of this matrix: weights, and an intercept if there is one.
        weight_bits, intercept_bits: what its integers have, signs included.
        rows: N. x_bits: scale of the features, whose integers are at most 2^x_bits.
    """

    matrix: str
    columns: tuple[Column, ...]
    weight_bits: int
    intercept_bits: int
    rows: int
    x_bits: int

    @property
    def bias(self) -> bool:
        """Whether there is an intercept."""
        return len(self.columns) > 1

    @property
    def output(self) -> Axis:
        """Outputs o."""
        return self.columns[0].axes[0]

    @property
    def features(self) -> int:
        """d."""
        return self.columns[0].axes[-1].size

    @property
    def score_bits(self) -> int:
        """The least b with |z| < 2^b for all rows and all models in their ranges."""
        bound = self.features << (self.x_bits + self.weight_bits - 1)
        return (bound + (self.bias << (self.intercept_bits - 1))).bit_length()

    @property
    def weights(self) -> Signed:
        """M, in limbs."""
        return Signed(self.own("weight"), self.weight_bits)

    @property
    def intercept(self) -> Signed:
        """I, in limbs."""
        return Signed(self.own("intercept"), self.intercept_bits)

    @property
    def box(self) -> str:
        """Of the lookups of M."""
        return f"weights of {self.matrix}"

    @property
    def last_box(self) -> str:
        """Of the lookups of I."""
        return f"intercept of {self.matrix}"

    def own(self, name: str) -> Address:
        """A column of the witness that is this model's."""
        return Address(WITNESS, f"{name} of {self.matrix}")

    def committed(self, column: Address) -> Address:
        """A column of circuits/relations/model.py, of this model."""
        return Address(self.matrix, column.name)

    @property
    def witness(self) -> tuple[Column, ...]:
        """Limbs of M and I."""
        return tuple(
            limb
            for signed, column in zip((self.weights, self.intercept), self.columns, strict=False)
            for limb in limb_columns(signed.integer, signed.bits, column.axes)
        )

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Every limb in range. Large boxes are in parts."""
        named = zip((self.box, self.last_box), (self.weights, self.intercept), self.columns, strict=False)
        return tuple(
            lookup_boxes(name, Indicator(column.axes), limb_lookups(signed.integer, signed.bits))
            for name, signed, column in named
        )

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """The committed integers are what their limbs say, if the lookups that ended are of these."""
        for signed, name, column in (
            (self.weights, self.box, COEFFICIENTS),
            (self.intercept, self.last_box, INTERCEPT),
        )[: len(self.columns)]:
            if signed.lowest in ended.values:
                axes = self.columns[0 if column == COEFFICIENTS else 1].axes
                real = math.prod((prefix(ended.point[axis.name], axis.size) for axis in axes), start=ONE)
                found = self.committed_at(steps, column, ended.point)
                steps.require_zero(name, found - signed.looked_up(ended, real))

    def committed_at(self, steps: Steps, column: Address, at: Mapping[str, Point]) -> Hidden:
        """A column of circuits/relations/model.py at a point."""
        return steps.evaluate(self.committed(column), at)

    def score(self, steps: Steps, at: Mapping[str, Point], claim: Hidden | None = None) -> Hidden:
        """z at an output and a row: the claim, which is proved, or else what is sent."""
        o, n, k = at["output"], at["row"], variables(0, feature_axis(self.features).bits)
        features = Factor((Term(ONE, FEATURES, {"row": n, "feature": k}),))
        weights = Factor((Term(ONE, self.committed(COEFFICIENTS), {"output": o, "weight": k}),))
        inside = constant_on((feature_axis(self.features),), ONE)
        product = Sum(f"score of {self.matrix}", (len(k),), inside, (features, weights))
        constant = public(ZERO)
        if self.bias:
            constant = steps.evaluate(self.committed(INTERCEPT), {"output": o}) * prefix(n, self.rows)
        total = steps.total(product) if claim is None else claim - constant
        steps.sumcheck(product, total)
        return total + constant


@dataclass(frozen=True)
class OfScores:
    """What is said of a model's scores.

    Attributes:
        scored: the model.
        live: which rows count.
    """

    scored: ScoredModel
    live: Live

    @property
    def row(self) -> Axis:
        """Rows n."""
        return row_axis(self.scored.rows)

    @property
    def output(self) -> Axis:
        """Outputs, of several classes one for each."""
        return self.scored.output

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Of what there is of each output and row."""
        return (self.output, self.row)
