"""The relation of an evaluation: how many rows of a data set the committed models predict right.

Rows have one of two classes, y = 0 or 1; a model predicts 1 where its score is positive. Of each model, at rows n:

    z(n) = sum_k X(n, k) M(k) + I  on rows that are real                                      "score", "flip"
    z(n) - 1 = 2^r (F(n) (2 Y(n) - 1) + Y(n) - 1) + R(n),  R(n) in [0, 2^r)                   "score", "flip"
    ok(n) = [F(n) >= 0]  on rows that count                                                   "signs"
    sum over rows n of S(n) ok(n) = the number that is stated                                 "right predictions"

So F is q = floor((z - 1) / 2^r) where y = 1, and -q - 1 where y = 0: not negative exactly where the prediction is
right, as the floor is not centred. Only the sum of `ok` becomes public: it says nothing of the classes apart. In the
code the two first lines are one, solved for 2^(r + 1) Y(n) F(n) at a random row n.

Integers that are *forced*: M and I have limbs here, all looked up, whatever their own proof says: so |z| is at most
d 2^(x_bits + weight_bits - 1) + 2^(intercept_bits - 1) < 2^(r + 15) <= 2^62, as the proof of the data set bounds X and
says that Y is 0 or 1. F is what the table of signs holds, so it is in [-2^15, 2^15), and R has limbs, all looked up. So
both sides of the second line differ by less than 2^63 + 2^48 < p: it holds in integers, and there is one q and one R.
No row can be left out because its score is too large: r follows from public bounds. ok is what the table says beside F.

On rows that do not count, and in padding, F, R and ok are no integers: the equation may hold there with anything, and S
leaves them out of the one sum that is stated.

| matrix | columns |
|---|---|
| dataset | as in circuits/relations/validity.py: the rows that are predicted |
| model, second model | as in circuits/relations/model.py |
| witness | of each model flipped score, right (row); limbs of remainders (row), weights (output, weight) and |
| | intercept (output); counts (section, entry) |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.live import Live
from ..field.goldilocks import ONE, K
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, linear, public
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import (
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    LookupBox,
    Section,
    Steps,
    Sum,
    Term,
    variables,
)
from ..language.tables import (
    RANGE_COUNTS,
    SIGN_COUNTS,
    SIGNS,
    limb_columns,
    limb_lookups,
    limb_terms,
    lookup_boxes,
    multiplicity_column,
    range_table,
    sign_table,
)
from .dataset import DATASET, FEATURES, LABELS, dataset_columns, feature_axis, row_axis
from .iterations import eq_on
from .model import COEFFICIENTS, INTERCEPT, MODEL
from .signed import Signed, constant_on
from .standardization import counted

SECOND_MODEL = "second model"
MODELS = (MODEL, SECOND_MODEL)  # the matrices of models, in their order
SIGN_BITS = 15  # of |q|
ROWS = "rows"  # box of lookups
LARGEST_SCORE_BITS = 62


@dataclass(frozen=True)
class Judged:
    """A model, and how many rows it predicts right.

    Attributes:
        matrix: of the model.
        columns: of this matrix: weights, and an intercept if there is one.
        weight_bits, intercept_bits: what its integers have, signs included.
        right: the number of rows.
    """

    matrix: str
    columns: tuple[Column, ...]
    weight_bits: int
    intercept_bits: int
    right: int

    @property
    def bias(self) -> bool:
        """Whether there is an intercept."""
        return len(self.columns) > 1

    @property
    def flipped(self) -> Address:
        """F."""
        return self._own("flipped score")

    @property
    def ok(self) -> Address:
        """Whether the prediction is right."""
        return self._own("right")

    @property
    def remainder(self) -> Address:
        """R, in limbs."""
        return self._own("remainder")

    @property
    def weights(self) -> Signed:
        """M, in limbs."""
        return Signed(self._own("weight"), self.weight_bits)

    @property
    def intercept(self) -> Signed:
        """I, in limbs."""
        return Signed(self._own("intercept"), self.intercept_bits)

    @property
    def box(self) -> str:
        """Of the lookups of M."""
        return f"weights of {self.matrix}"

    @property
    def last_box(self) -> str:
        """Of the lookups of I."""
        return f"intercept of {self.matrix}"

    def committed(self, column: Address) -> Address:
        """A column of circuits/relations/model.py, of this model."""
        return Address(self.matrix, column.name)

    def _own(self, name: str) -> Address:
        return Address(WITNESS, f"{name} of {self.matrix}")


@dataclass(frozen=True)
class Evaluation:
    """The relation for some models of one shape.

    Attributes:
        rows, features: of the data set.
        x_bits: scale of its features.
        live: which of its rows count.
        models: one or two.
    """

    rows: int
    features: int
    x_bits: int
    live: Live
    models: tuple[Judged, ...]

    @property
    def name(self) -> str:
        """Domain separator."""
        return "evaluation"

    @property
    def row(self) -> Axis:
        """Rows n."""
        return row_axis(self.rows)

    def score_bits(self, own: Judged) -> int:
        """The least b with |z| < 2^b for all rows and all models in their ranges."""
        bound = self.features << (self.x_bits + own.weight_bits - 1)
        return (bound + (own.bias << (own.intercept_bits - 1))).bit_length()

    def shift(self, own: Judged) -> int:
        """r."""
        return max(1, self.score_bits(own) - SIGN_BITS)

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above."""
        own = [column for model in self.models for column in self._columns(model)]
        counts = (multiplicity_column(name, len(self.sections)) for name in (RANGE_COUNTS, SIGN_COUNTS))
        return {
            DATASET: dataset_columns(self.rows, self.features, 1),
            **{model.matrix: model.columns for model in self.models},
            WITNESS: (*own, *counts),
        }

    def _columns(self, own: Judged) -> list[Column]:
        """What is committed of a model's predictions."""
        weights, *intercept = own.columns
        return [
            Column(own.flipped.name, (self.row,)),
            Column(own.ok.name, (self.row,)),
            *limb_columns(own.remainder, self.shift(own), (self.row,)),
            *limb_columns(own.weights.integer, own.weight_bits, weights.axes),
            *(
                limb
                for each in intercept
                for limb in limb_columns(own.intercept.integer, own.intercept_bits, each.axes)
            ),
        ]

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """(F, ok) in the table of signs, every limb in range. Large boxes are in parts."""
        of_rows: tuple[Lookup, ...] = ()
        parts = []
        for own in self.models:
            entries = (Entry(((1, own.flipped),)), Entry(((1, own.ok),)))
            of_rows += (Lookup(own.flipped.name, SIGNS, entries), *limb_lookups(own.remainder, self.shift(own)))
            weights, *intercept = own.columns
            limbs = limb_lookups(own.weights.integer, own.weight_bits)
            parts.append(lookup_boxes(own.box, Indicator(weights.axes), limbs))
            for each in intercept:
                limbs = limb_lookups(own.intercept.integer, own.intercept_bits)
                parts.append(lookup_boxes(own.last_box, Indicator(each.axes), limbs))
        return (lookup_boxes(ROWS, Indicator((self.row,), self.live.forgotten, self.live.ranges), of_rows), *parts)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Section i has the i-th part of each box."""
        parts = self.boxes
        count = max(len(boxes) for boxes in parts)
        together = (tuple(boxes[i] for boxes in parts if i < len(boxes)) for i in range(count))
        return tuple(Section(own, (range_table(i, count), sign_table(i, count))) for i, own in enumerate(together))

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """The equations of the module's head, where the lookups of each box ended."""
        for ended in looked_up.values():
            for own in self.models:
                if own.flipped in ended.values:
                    self._scores(steps, own, ended)
                if own.weights.lowest in ended.values:
                    self._weights(steps, own, ended)
                if own.bias and own.intercept.lowest in ended.values:
                    self._intercept(steps, own, ended)
        for own in self.models:
            right = Factor((Term(ONE, own.ok, {"row": variables(0, self.row.bits)}),))
            total = Sum(f"right predictions of {own.matrix}", (self.row.bits,), counted(self.live, self.row), (right,))
            steps.sumcheck(total, public(K(own.right)))

    def _weights(self, steps: Steps, own: Judged, ended: LookedUp) -> None:
        """The committed weights are what their limbs say."""
        real = prefix(ended.point["weight"], self.features)
        found = steps.evaluate(own.committed(COEFFICIENTS), ended.point)
        steps.require_zero(own.box, found - own.weights.looked_up(ended, real))

    def _intercept(self, steps: Steps, own: Judged, ended: LookedUp) -> None:
        """And so is the intercept."""
        found = steps.evaluate(own.committed(INTERCEPT), ended.point)
        steps.require_zero(own.last_box, found - own.intercept.looked_up(ended, ONE))

    def _scores(self, steps: Steps, own: Judged, ended: LookedUp) -> None:
        """sum over n of eq(n*, n) 2^(r + 1) Y(n) F(n) = z - [n* real] + 2^r ([n* real] + F - Y) - R at n*."""
        n, shift = ended.point["row"], self.shift(own)
        real, scale = prefix(n, self.rows), K(1 << shift)
        label = steps.evaluate(LABELS, {"output": (), "row": n})
        rest = linear((c, ended.values[limb]) for c, limb in limb_terms(own.remainder, shift))
        claim = (
            self._score(steps, own, n, real) - rest + (ended.values[own.flipped] - label) * scale + real * (scale - ONE)
        )
        row = variables(0, self.row.bits)
        labels = Factor((Term(scale + scale, LABELS, {"output": (), "row": row}),))
        flipped = Factor((Term(ONE, own.flipped, {"row": row}),))
        steps.sumcheck(Sum(f"flip of {own.matrix}", (len(row),), eq_on(n, self.rows), (labels, flipped)), claim)

    def _score(self, steps: Steps, own: Judged, n: Point, real: K) -> Hidden:
        """z at n: sum over k of X(n, k) M(k), and the intercept on real rows."""
        k = variables(0, feature_axis(self.features).bits)
        features = Factor((Term(ONE, FEATURES, {"row": n, "feature": k}),))
        weights = Factor((Term(ONE, own.committed(COEFFICIENTS), {"output": (), "weight": k}),))
        inside = constant_on((feature_axis(self.features),), ONE)
        product = Sum(f"score of {own.matrix}", (len(k),), inside, (features, weights))
        score = steps.total(product)
        steps.sumcheck(product, score)
        if not own.bias:
            return score
        return score + steps.evaluate(own.committed(INTERCEPT), {"output": ()}) * real
