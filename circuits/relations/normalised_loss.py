"""At which log-loss a model of several classes predicts rows, by chances of classes that sum to one.

Class c is told from all others with chance p(z(c, n)), p the family's; that of the class y of a row, divided by the sum
of all, is what the model says of the row. Its loss is L(z(y, n)) + log(sum over c of p(z(c, n))), L = -log p. At
outputs c and rows n, z as in scored.py, or the sum of those of C models, whose mean then counts:

    z(c, n) = C 2^r Q(c, n) + R(c, n),  R in [0, C 2^r)                                    "score", "chance remainder"
    (Q, low, high)(c, n) in the table of chances, on rows that count
    F(n) = sum over c of Y(c, n) Q(c, n)                                                           "cell of the class"
    (F, ok, least, largest)(n) in the table of losses, on rows that count
    sum over c of low(c, n) = 2^16 A(n) + T(n), T in [0, 2^16); of high likewise B(n) and U(n)        "sum of chances"
    (A, some, log)(n) and (B + 1, 1, above)(n) in the table of logarithms, on rows that count
    sum over rows of S(n) some(n) (least(n) + log(n)), and of S(n) (largest(n) + above(n) + 1), are what is stated,
    down and up to a step                                                                                       "loss"

R is below C 2^r by its limbs where C = 1, else by them and those of C 2^r - 1 - R. A cell is 2^-LOSS_INDEX_BITS of a
unit wide, and z in [Q, Q + 1] cells; so a chance is between low and high, the sum of all between 2^16 A and 2^16 (B +
1), and its logarithm from log(n) to above(n) + 1. Where A is 0 there is no log, but no loss is negative: some(n) is 0,
and counts nothing at least. That all of it may come out a little below zero, where hardly a row has a loss, is said as
it is.

Integers that are *forced*: |z| is below 2^61 (scored.py); Q is what the table holds, so in [-2^15, 2^15), and R has
limbs, all looked up: both sides differ by less than p, it holds in integers, and there is one Q. Y is a one among zeros
(validity.py), so F is a Q. Sums of chances are below 2^32, A and B + 1 are in [0, 2^16) by the table, T and U by limbs,
looked up: so there is one A, and one B, which is not negative as sums are not. Sums over rows are at most 2^28 times
2^28.

On rows that do not count, and in padding, nothing is looked up: the equations may hold there with anything, each row by
itself, and S leaves them out of the sums that are stated. Padding of outputs is cut off in all sums over these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.losses import LOSS_INDEX_BITS
from ...models.normalised_losses import sum_bits
from ..field.goldilocks import ONE, K
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, linear
from ..language.layout import Address, Axis, Column
from ..language.relation import (
    TABLE_BITS,
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    LookupBox,
    Steps,
    Sum,
    Term,
    outer,
    variables,
)
from ..language.tables import Limbs, limb_columns, limb_lookups, limb_terms, lookup_boxes
from .dataset import LABELS, output_axis
from .gridded import Gridded
from .iterations import eq_on
from .loss_tables import LOSSES_OF, chances_at, logs_at
from .scored import OfScores
from .signed import constant_on
from .standardization import counted


@dataclass(frozen=True)
class NormalisedLoss(OfScores):
    """What is stated of a model's losses.

    Attributes:
        scored, live: see OfScores; the model is of several outputs.
        family: by name.
        score_scale: bits of its scores' scale: at least LOSS_INDEX_BITS + 1.
        loss: how often a step goes into the losses' bounds, the lower one rounded down and the other up.
        step_bits: of this step.
        models: C, of which a score is the sum.
    """

    family: str
    score_scale: int
    loss: tuple[int, int]
    step_bits: int
    models: int = 1

    @property
    def shift(self) -> int:
        """r."""
        return self.score_scale - LOSS_INDEX_BITS

    @property
    def rest_bits(self) -> int:
        """Of R."""
        return ((self.models << self.shift) - 1).bit_length()

    @property
    def sum_bits(self) -> int:
        """a: bits of the scale of A and B. Chances have 16 more."""
        return sum_bits(self.output.size)

    # Columns and lookups ---------------------------------------------------------------------------------------------

    @property
    def cell(self) -> Address:
        """Q."""
        return self.scored.own("chance cell")

    @property
    def chances(self) -> tuple[Address, Address]:
        """Least and largest chance."""
        return self.scored.own("least chance"), self.scored.own("largest chance")

    @property
    def rests(self) -> tuple[Address, ...]:
        """R, and what it lacks of the most that it can be if that is no power of two."""
        names = ("chance remainder", "chance complement")[: 1 + (self.models > 1)]
        return tuple(map(self.scored.own, names))

    @property
    def of_class(self) -> Address:
        """F."""
        return self.scored.own("class cell")

    @property
    def class_losses(self) -> tuple[Address, Address, Address]:
        """Whether F is not negative, and the least and the largest loss by it."""
        return self.scored.own("class likely"), self.scored.own("least loss"), self.scored.own("largest loss")

    @property
    def sums(self) -> tuple[Address, Address]:
        """A and B."""
        return self.scored.own("least sum"), self.scored.own("largest sum")

    @property
    def sum_rests(self) -> tuple[Address, Address]:
        """T and U, in a limb each."""
        return self.scored.own("least sum remainder"), self.scored.own("largest sum remainder")

    @property
    def logs(self) -> tuple[Address, Address]:
        """Logarithms of both sums."""
        return self.scored.own("least log"), self.scored.own("largest log")

    @property
    def some(self) -> Address:
        """Whether A is positive."""
        return self.scored.own("least sum positive")

    @cached_property
    def bounds(self) -> tuple[Gridded, ...]:
        """What is stated."""
        return tuple(
            Gridded(f"loss of {self.scored.matrix}", self.scored.own(f"{name} remainder"), self.step_bits, number, up)
            for name, number, up in zip(("least loss", "largest loss"), self.loss, (False, True), strict=True)
        )

    @property
    def grid_rests(self) -> Limbs:
        """What rounding takes away of sums over rows."""
        bits = {integer: bits for own in self.bounds for integer, bits in own.limbs.items()}
        return Limbs(f"losses of {self.scored.matrix}", (output_axis(1),), bits)

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def witness(self) -> tuple[Column, ...]:
        """What is committed."""
        of_row = (self.of_class, *self.class_losses, *self.sums, self.some, *self.logs)
        return (
            *(Column(column.name, self.axes) for column in (self.cell, *self.chances)),
            *(limb for rest in self.rests for limb in limb_columns(rest, self.rest_bits, self.axes)),
            *(Column(column.name, (self.row,)) for column in of_row),
            *(limb for rest in self.sum_rests for limb in limb_columns(rest, TABLE_BITS, (self.row,))),
            *self.grid_rests.columns,
        )

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Of outputs and rows, of rows, and of sums over rows. Large boxes are in parts."""
        matrix, live = self.scored.matrix, self.live
        chances = (
            _tuple(self.cell.name, chances_at(self.family, self.sum_bits + TABLE_BITS), self.cell, *self.chances),
            *(lookup for rest in self.rests for lookup in limb_lookups(rest, self.rest_bits)),
        )
        logs, (low, high), (log, above) = logs_at(self.sum_bits), self.sums, self.logs
        after = (Entry(((1, high),), 1), Entry(((0, high),), 1), Entry(((1, above),)))
        rows = (
            _tuple(self.of_class.name, LOSSES_OF[self.family], self.of_class, *self.class_losses),
            _tuple(low.name, logs, low, self.some, log),
            Lookup(high.name, logs, after),
            *(lookup for rest in self.sum_rests for lookup in limb_lookups(rest, TABLE_BITS)),
        )
        return (
            lookup_boxes(f"chances of {matrix}", Indicator(self.axes, live.forgotten, live.ranges), chances),
            lookup_boxes(f"rows of {matrix}", Indicator((self.row,), live.forgotten, live.ranges), rows),
            self.grid_rests.boxes,
        )

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """The equations of the module's head, where the lookups of some box ended."""
        if self.cell in ended.values:
            self._score(steps, ended)
        if self.of_class in ended.values:
            n = ended.point["row"]
            steps.sumcheck(self._of_class(n), ended.values[self.of_class])
            for chance, own, rest in zip(self.chances, self.sums, self.sum_rests, strict=True):
                claim = ended.values[own] * K(1 << TABLE_BITS) + _together(ended, rest, TABLE_BITS)
                steps.sumcheck(self._of_chances(chance, n), claim)
        for bound, summed in zip(self.bounds, self._losses(), strict=True):
            if bound.is_in(ended):
                total = steps.total(summed)
                bound.require(steps, ended, total)
                steps.sumcheck(summed, total)

    def _score(self, steps: Steps, ended: LookedUp) -> None:
        o, n, whole = ended.point["output"], ended.point["row"], self.models << self.shift
        rest, *lack = (_together(ended, own, self.rest_bits) for own in self.rests)
        for own in lack:
            real = prefix(o, self.output.size) * prefix(n, self.row.size)
            steps.require_zero(f"chance remainder of {self.scored.matrix}", rest + own - real * K(whole - 1))
        self.scored.score(steps, {"output": o, "row": n}, ended.values[self.cell] * K(whole) + rest)

    def _of_class(self, n: Point) -> Sum:
        """sum over outputs and rows of eq(n*, n) Y(c, n) Q(c, n)."""
        bits = self.output.bits
        free = {"output": variables(0, bits), "row": variables(bits, self.row.bits)}
        weight = outer(constant_on((self.output,), ONE), eq_on(n, self.row.size), bits)
        factors = tuple(Factor((Term(ONE, column, free),)) for column in (LABELS, self.cell))
        return Sum(f"cell of the class of {self.scored.matrix}", (bits, self.row.bits), weight, factors)

    def _of_chances(self, chance: Address, n: Point) -> Sum:
        """sum over outputs of a chance at n*."""
        bits = self.output.bits
        own = Factor((Term(ONE, chance, {"output": variables(0, bits), "row": n}),))
        return Sum(f"sum of chances of {self.scored.matrix}", (bits,), constant_on((self.output,), ONE), (own,))

    def _losses(self) -> tuple[Sum, Sum]:
        """Over rows that count, of what is at least and at most."""
        _, least, largest = self.class_losses
        log, above = self.logs
        free = {"row": variables(0, self.row.bits)}
        low = tuple(Term(ONE, column, free) for column in (least, log))
        high = tuple(Term(ONE, column, free) for column in (largest, above))
        weight, name = counted(self.live, self.row), f"loss of {self.scored.matrix}"
        some = Factor((Term(ONE, self.some, free),))
        return (
            Sum(name, (self.row.bits,), weight, (some, Factor(low))),
            Sum(name, (self.row.bits,), weight, (Factor(high, constant_on((self.row,), ONE)),)),
        )


def _tuple(name: str, table: str, *columns: Address) -> Lookup:
    return Lookup(name, table, tuple(Entry(((1, column),)) for column in columns))


def _together(ended: LookedUp, integer: Address, bits: int) -> Hidden:
    return linear((c, ended.values[limb]) for c, limb in limb_terms(integer, bits))
