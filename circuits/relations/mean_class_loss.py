"""At which log-loss shards predict rows of several classes that answer by the mean of their probabilities.

What S shards say of class c at row n is the mean of p(z(c, s, n)), and together they predict c with this, divided by
the sum over all classes. So the loss of a row of class y is -log(1/S sum over s of p(z(y, s, n))) plus log(1/S sum over
c and s of p(z(c, s, n))). With cells F, what shards say P, and bounds of it as in mean_loss.py, at outputs c:

    A(c, n) = sum over s of low(c, s, n),   A'(c, n) = sum over s of high(c, s, n)             "chances of shards"
    B(n) = sum over c of Y(c, n) A(c, n),   B'(n) likewise                                     "class chances"
    V(n) = sum over c and s of low(c, s, n),   V'(n) likewise of high                          "all chances"

B / S and B' / S, and V / (2^k S) and V' / (2^k S), where 2^k is at least the number of classes, are in cells of
mean_cells.py; least and largest are those of these cells:

    sum over rows of S(n) (least of B' - largest of V) + k floor(2^16 log 2) times the rows that count, and of S(n)
    (largest of B - least of V') + k ceil(2^16 log 2) likewise, are what is stated, down and up to a step        "loss"

That all of it may come out a little below zero, where hardly a row has a loss, is said as it is.

Integers that are *forced*: low and high are what the table says beside F, in [0, 2^u]. A and A' are virtual, sums of S
of them where "class chances" ended; Y is a one among zeros (validity.py). So sums are at most 2^(u + k) S < 2^54, and
so are all that are in cells, twice: they hold in integers. Sums over rows are of at most 2^28 times 2^29.

On rows that do not count, and in padding, nothing is looked up: the equations may hold there with anything, each row by
itself, and S(n) leaves them out of the sums that are stated. Outputs and speakers beside them are cut off in all sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.mean_losses import LOGS_OF_TWO
from ..field.goldilocks import ONE, K
from ..language.hidden import Hidden, public
from ..language.layout import VIRTUAL, Address, Axis, Column
from ..language.relation import Factor, Indicator, LookedUp, LookupBox, Steps, Sum, Term, outer, variables
from ..language.tables import Limbs, lookup_boxes
from .dataset import LABELS, output_axis
from .gridded import Gridded
from .iterations import eq_on
from .loss_tables import MEAN_LOSSES_OF
from .mean_cells import Chances, InCell
from .scored import OfScores
from .signed import constant_on
from .standardization import counted


@dataclass(frozen=True)
class MeanClassLoss(OfScores):
    """What is stated of losses.

    Attributes:
        scored, live: see OfScores; models are of several outputs.
        loss: how often a step goes into the losses' bounds, the lower one rounded down and the other up.
        step_bits: of this step.
    """

    scored: Chances
    loss: tuple[int, int]
    step_bits: int

    @property
    def more_bits(self) -> int:
        """k."""
        return (self.output.size - 1).bit_length()

    @cached_property
    def of_class(self) -> tuple[InCell, InCell]:
        """B and B'."""
        return self._pair("class sum", self.scored.speakers)

    @cached_property
    def of_all(self) -> tuple[InCell, InCell]:
        """V and V'."""
        return self._pair("sum", self.scored.speakers << self.more_bits)

    def _pair(self, name: str, count: int) -> tuple[InCell, InCell]:
        low, high = (InCell(self.scored, f"{which} {name}", self.row, count) for which in ("least", "largest"))
        return low, high

    @property
    def said(self) -> tuple[Address, Address]:
        """A and A'."""
        low, high = (Address(VIRTUAL, f"{which} chances of {self.scored.matrix}") for which in ("least", "largest"))
        return low, high

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Proved by "chances of shards"."""
        return dict.fromkeys(self.said, self.axes)

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
    def witness(self) -> tuple[Column, ...]:
        """What is committed."""
        sums = (column for own in (*self.of_class, *self.of_all) for column in own.columns)
        return (*sums, *self.grid_rests.columns)

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Of rows, and of sums over rows. Large boxes are in parts."""
        table = MEAN_LOSSES_OF[self.scored.family.name]
        counting = Indicator((self.row,), self.live.forgotten, self.live.ranges)
        lookups = tuple(lookup for own in (*self.of_class, *self.of_all) for lookup in own.lookups(table))
        return (lookup_boxes(f"means of {self.scored.matrix}", counting, lookups), self.grid_rests.boxes)

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """The equations of the module's head, where the lookups of some box ended."""
        if self.of_class[0].number in ended.values:
            for said, virtual, own in zip((self.scored.low, self.scored.high), self.said, self.of_class, strict=True):
                self._of_class(steps, ended, said, virtual, own.value(steps, ended))
            for said, own in zip((self.scored.low, self.scored.high), self.of_all, strict=True):
                self._of_all(steps, ended, said, own.value(steps, ended))
        logs = (self.more_bits * self.live.count * log for log in LOGS_OF_TWO)
        for bound, summed, log in zip(self.bounds, self._losses(), logs, strict=True):
            if bound.is_in(ended):
                total = steps.total(summed)
                bound.require(steps, ended, total + public(K(log)))
                steps.sumcheck(summed, total)

    def _of_class(self, steps: Steps, ended: LookedUp, said: Address, virtual: Address, claim: Hidden) -> None:
        """sum over c and n of eq(n*, n) Y(c, n) A(c, n); and A where that ended."""
        n, bits = ended.point["row"], self.output.bits
        free = {"output": variables(0, bits), "row": variables(bits, self.row.bits)}
        weight = outer(constant_on((self.output,), ONE), eq_on(n, self.row.size), bits)
        factors = tuple(Factor((Term(ONE, column, free),)) for column in (LABELS, virtual))
        name = f"class chances of {self.scored.matrix}"
        found = steps.sumcheck(Sum(name, (bits, self.row.bits), weight, factors), claim)
        at = {"output": found.point[:bits], "row": found.point[bits:]}
        speaker = self.scored.speaker
        own = Factor((Term(ONE, said, {**at, speaker.name: variables(0, speaker.bits)}),))
        shards = f"chances of shards of {self.scored.matrix}"
        steps.sumcheck(Sum(shards, (speaker.bits,), constant_on((speaker,), ONE), (own,)), found.values[1][0])

    def _of_all(self, steps: Steps, ended: LookedUp, said: Address, claim: Hidden) -> None:
        """sum over c and s."""
        axes = (self.output, self.scored.speaker)
        free = {"output": variables(0, axes[0].bits), axes[1].name: variables(axes[0].bits, axes[1].bits)}
        own = Factor((Term(ONE, said, {**free, "row": ended.point["row"]}),))
        groups, name = tuple(axis.bits for axis in axes), f"all chances of {self.scored.matrix}"
        steps.sumcheck(Sum(name, groups, constant_on(axes, ONE), (own,)), claim)

    def _losses(self) -> tuple[Sum, Sum]:
        """Over rows that count, of what is at least and at most."""
        free = {"row": variables(0, self.row.bits)}
        (low, high), (least, most) = self.of_class, self.of_all
        pairs = ((high.least, least.largest), (low.largest, most.least))
        weight, name = counted(self.live, self.row), f"loss of {self.scored.matrix}"
        first, second = (
            Sum(name, (self.row.bits,), weight, (Factor((Term(ONE, own, free), Term(-ONE, other, free))),))
            for own, other in pairs
        )
        return first, second
