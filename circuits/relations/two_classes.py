"""How well a model of two classes predicts rows: how many right, at which loss, and which wrong.

Rows have a class y = 0 or 1; 1 is predicted where the score is positive. At rows n, z as in scored.py:

    z(n) - 1 = 2^r (F(n) (2 Y(n) - 1) + Y(n) - 1) + R(n),  R(n) in [0, 2^r)                   "score", "flip"
    ok(n) = [F(n) >= 0], and low(n), high(n) if there is a loss, on rows that count        "signs" or a table of losses
    sum over rows n of S(n) ok(n) = the number that is stated                                 "right predictions"
    sum of S(n) low(n) and of S(n) high(n) are what is stated, down and up to a step          "loss"
    sum of S(n) Y(n) and of S(n) Y(n) ok(n) are those of the confusion matrix                 "confusion"

So F is q = floor((z - 1) / 2^r) where y = 1, and -q - 1 where y = 0: not negative exactly where the prediction is
right, as the floor is not centred. In the code the first line is one with that of the score, solved for
2^(r + 1) Y(n) F(n) at a random row n.

If the score is the sum of those of C models, whose mean has a loss, 2^r is taken C times, and R(n) in [0, C 2^r) is
shown by R and by C 2^r - 1 - R, its complement, both in limbs                                         "remainder"

With a loss, r is such that 2^-LOSS_INDEX_BITS is the width of a cell, and the table ends at |z| = 64: no row that
counts has a larger score, or there is no proof. z is then in (q, q + 1] cells, so y z, where y counts as 1 or -1, is in
[F, F + 1], and the loss, which falls in y z, is between the table's low and high: log(1 + e^(-y z)) of logistic models,
-log Phi(y z) of probit ones. Without a loss r follows from what
scores can be, and no row can be too large.

Integers that are *forced*: |z| is below 2^62 (scored.py), and the proof of the data set says that Y is 0 or 1. F is
what the table holds, so it is in [-2^15, 2^15), and R has limbs, all looked up. So both sides of the first line differ
by less than 2^63 + 2^48 < p: it holds in integers, and there is one q and one R. ok, low and high are what the table
says beside F. Sums are of at most 2^28 rows times 2^28.

On rows that do not count, and in padding, F, R, ok, low and high are no integers: the equation may hold there with
anything, and S leaves them out of all sums that are stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.losses import LOSS_INDEX_BITS
from ..field.goldilocks import ONE, K
from ..field.multilinear import Point, prefix
from ..language.hidden import linear, public
from ..language.layout import Address, Axis, Column
from ..language.relation import Entry, Factor, Indicator, LookedUp, Lookup, LookupBox, Steps, Sum, Term, variables
from ..language.tables import (
    LOSSES,
    SIGNS,
    Limbs,
    limb_columns,
    limb_lookups,
    limb_terms,
    lookup_boxes,
)
from .dataset import LABELS, output_axis
from .gridded import Gridded
from .iterations import eq_on
from .scored import OfScores
from .standardization import counted

SIGN_BITS = 15  # of |q|


@dataclass(frozen=True)
class TwoClasses(OfScores):
    """What is stated of a model's predictions.

    Attributes:
        scored, live: see OfScores; the model is of one output.
        right: how many of them it predicts right.
        score_scale: bits of its scores' scale, with a loss: at least LOSS_INDEX_BITS + 1.
        loss: how often a step goes into the losses' bounds, the lower one rounded down and the other up; none without.
        step_bits: of this step.
        confusion: of each class, as it is, how many are predicted 0 and 1: four numbers; or none.
        losses: the table of losses, which is the family's.
        models: C, with a loss.
    """

    right: int
    score_scale: int = 0
    loss: tuple[int, int] | None = None
    step_bits: int = 0
    confusion: tuple[int, ...] = ()
    losses: str = LOSSES
    models: int = 1

    @property
    def shift(self) -> int:
        """r."""
        if self.loss is None:
            return max(1, self.scored.score_bits - SIGN_BITS)
        return self.score_scale - LOSS_INDEX_BITS

    @property
    def whole(self) -> int:
        """C 2^r."""
        return self.models << self.shift

    @property
    def rest_bits(self) -> int:
        """Of R."""
        return (self.whole - 1).bit_length()

    @property
    def flipped(self) -> Address:
        """F."""
        return self.scored.own("flipped score")

    @property
    def ok(self) -> Address:
        """Whether the prediction is right."""
        return self.scored.own("right")

    @property
    def remainder(self) -> Address:
        """R, in limbs."""
        return self.scored.own("remainder")

    @property
    def row_rests(self) -> tuple[Address, ...]:
        """R, and its complement if there are several models."""
        return (self.remainder, self.scored.own("remainder complement"))[: 1 + (self.models > 1)]

    @property
    def low(self) -> Address:
        """What the loss is at least."""
        return self.scored.own("least loss")

    @property
    def high(self) -> Address:
        """What it is at most."""
        return self.scored.own("largest loss")

    @cached_property
    def bounds(self) -> tuple[Gridded, ...]:
        """What is stated of the losses."""
        if self.loss is None:
            return ()
        return tuple(
            Gridded(f"loss of {self.scored.matrix}", self.scored.own(f"{name} remainder"), self.step_bits, number, up)
            for name, number, up in zip(("least loss", "largest loss"), self.loss, (False, True), strict=True)
        )

    @property
    def table(self) -> str:
        """Where F is looked up."""
        return SIGNS if self.loss is None else self.losses

    @property
    def entries(self) -> tuple[Address, ...]:
        """What is looked up there beside it."""
        return (self.ok,) if self.loss is None else (self.ok, self.low, self.high)

    @property
    def rests(self) -> Limbs:
        """What rounding takes away of sums."""
        bits = {integer: bits for own in self.bounds for integer, bits in own.limbs.items()}
        return Limbs(f"losses of {self.scored.matrix}", (output_axis(1),), bits)

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def witness(self) -> tuple[Column, ...]:
        """What is committed, besides the model's own."""
        return (
            *(Column(column.name, (self.row,)) for column in (self.flipped, *self.entries)),
            *(limb for rest in self.row_rests for limb in limb_columns(rest, self.rest_bits, (self.row,))),
            *self.rests.columns,
        )

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """F in its table with what is beside it there, and every limb in range. Large boxes are in parts."""
        entries = tuple(Entry(((1, column),)) for column in (self.flipped, *self.entries))
        rests = (lookup for rest in self.row_rests for lookup in limb_lookups(rest, self.rest_bits))
        lookups = (Lookup(self.flipped.name, self.table, entries), *rests)
        counting = Indicator((self.row,), self.live.forgotten, self.live.ranges)
        rows = lookup_boxes(f"rows of {self.scored.matrix}", counting, lookups)
        return (rows, self.rests.boxes) if self.bounds else (rows,)

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """Where the lookups of rows, or of sums, ended."""
        if self.flipped in ended.values:
            self._flip(steps, ended)
        for own, column in zip(self.bounds, (self.low, self.high), strict=False):
            if own.is_in(ended):
                total = self._sum(own.name, (self._on_rows(column),))
                found = steps.total(total)
                own.require(steps, ended, found)
                steps.sumcheck(total, found)

    def totals(self, steps: Steps) -> None:
        """The numbers that are stated."""
        matrix, ok, labels = self.scored.matrix, self._on_rows(self.ok), self._on_rows(LABELS)
        right = self._sum(f"right predictions of {matrix}", (ok,))
        steps.sumcheck(right, public(K(self.right)))
        if self.confusion:
            _, _, missed, hit = self.confusion
            ones = self._sum(f"confusion of {matrix}", (labels,))
            steps.sumcheck(ones, public(K(missed + hit)))
            hits = self._sum(f"confusion of {matrix}", (labels, ok))
            steps.sumcheck(hits, public(K(hit)))

    def _on_rows(self, column: Address) -> Factor:
        output = {"output": ()} if column == LABELS else {}
        return Factor((Term(ONE, column, {**output, "row": variables(0, self.row.bits)}),))

    def _sum(self, name: str, factors: tuple[Factor, ...]) -> Sum:
        """Over rows that count."""
        return Sum(name, (self.row.bits,), counted(self.live, self.row), factors)

    def _flip(self, steps: Steps, ended: LookedUp) -> None:
        """sum over n of eq(n*, n) 2 C 2^r Y(n) F(n) = z - [n* real] + C 2^r ([n* real] + F - Y) - R at n*."""
        n, real, scale = ended.point["row"], prefix(ended.point["row"], self.scored.rows), K(self.whole)
        label = steps.evaluate(LABELS, {"output": (), "row": n})
        rest, *lack = (
            linear((c, ended.values[limb]) for c, limb in limb_terms(own, self.rest_bits)) for own in self.row_rests
        )
        for own in lack:
            steps.require_zero(f"remainder of {self.scored.matrix}", rest + own - public(real * (scale - ONE)))
        score = self.scored.score(steps, {"output": (), "row": n})
        claim = score - rest + (ended.values[self.flipped] - label) * scale + real * (scale - ONE)
        steps.sumcheck(self._product(n, scale + scale), claim)

    def _product(self, n: Point, scale: K) -> Sum:
        row = variables(0, self.row.bits)
        labels = Factor((Term(scale, LABELS, {"output": (), "row": row}),))
        name = f"flip of {self.scored.matrix}"
        return Sum(name, (len(row),), eq_on(n, self.scored.rows), (labels, self._on_rows(self.flipped)))
