"""At which log-loss shards predict rows that answer by the mean of their probabilities.

The loss of a row is that of the mean of what S shards say of its class y: -log(1/S sum over s of p(z(s, n))), p(z) what
the family predicts of class 1, and 1 - p(z) that of class 0. At speakers s and rows n, with cells F and what shards say
P as in shard_scores.py, one tuple of the table of opinions, in units of 2^-u, u = CHANCE_BITS:

    (F, P, low, high)(s, n) in the table of opinions, on rows that count: low <= 2^u p(z) <= high over the cell F
    sum over s of low(s, n)  = Y(n) B(n) + (1 - Y(n)) (2^u S - B'(n))             "chances of shards", "class chances"
    sum over s of high(s, n) = Y(n) B'(n) + (1 - Y(n)) (2^u S - B(n))

So B and B' are what all say of the class of the row, at least and at most. Both lines have one product, T(n) = Y(n)
(B(n) + B'(n)): the first one's right side is T - B' + 2^u S (1 - Y), and the other's T - B + 2^u S (1 - Y). And

    B / S and B' / S are in cells of mean_cells.py, on rows that count
    sums over rows of S(n) times least, of the cell of B', and of largest, of that of B, are what is stated, down and up
    to a step                                                                                                  "loss"

as -log falls: the loss is at least what the cell of B' has at least, and at most what that of B has at most.

Integers that are *forced*: low and high are what the table says beside F, which is the one of shard_scores.py, in
[0, 2^u]; so are both cells, and B and B', which are made of what is in them, are in [0, 2^(u + 1) S). Y is 0 or 1 by
the proof of the data set. Sums of low and high are at most 2^u S, and right sides less than 2^(u + 3) S < p by S <=
2^12: both lines hold in integers, so B and B' are what they say. Sums over rows are of at most 2^28 times 2^28.

On rows that do not count, and in padding, nothing is looked up: the equations may hold there with anything, each row by
itself, and S(n) leaves them out of the sums that are stated. Speakers that are none are left out by s < S.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ...models.mean_losses import CHANCE_BITS
from ..field.goldilocks import ONE, K
from ..field.multilinear import prefix
from ..language.hidden import public
from ..language.layout import Address, Column
from ..language.relation import Factor, Indicator, LookedUp, LookupBox, Steps, Sum, Term, variables
from ..language.tables import SIGNS, lookup_boxes
from .dataset import LABELS
from .iterations import eq_on
from .loss_tables import MEAN_LOSSES_OF
from .mean_cells import Chances, InCell
from .signed import constant_on
from .two_classes import SIGN_BITS, TwoClasses


@dataclass(frozen=True)
class MeanLoss(TwoClasses):
    """What is stated of predictions by the mean of probabilities, with their loss."""

    scored: Chances

    @property
    def shift(self) -> int:
        """Of the score of all together, as without a loss."""
        return max(1, self.scored.score_bits - SIGN_BITS)

    @property
    def table(self) -> str:
        """See TwoClasses: losses are in a table of their own."""
        return SIGNS

    @property
    def entries(self) -> tuple[Address, ...]:
        """See TwoClasses."""
        return (self.ok,)

    @cached_property
    def sums(self) -> tuple[InCell, InCell]:
        """B and B'."""
        return self._sum_of("least sum"), self._sum_of("largest sum")

    def _sum_of(self, name: str) -> InCell:
        return InCell(self.scored, name, self.row, self.scored.speakers)

    @property
    def low(self) -> Address:
        """See TwoClasses: of the larger sum."""
        return self.sums[1].least

    @property
    def high(self) -> Address:
        """Of the smaller one."""
        return self.sums[0].largest

    @property
    def witness(self) -> tuple[Column, ...]:
        """And both sums."""
        return (*super().witness, *(column for own in self.sums for column in own.columns))

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """And those of both sums."""
        table = MEAN_LOSSES_OF[self.scored.family.name]
        counting = Indicator((self.row,), self.live.forgotten, self.live.ranges)
        lookups = tuple(lookup for own in self.sums for lookup in own.lookups(table))
        return (*super().boxes, lookup_boxes(f"means of {self.scored.matrix}", counting, lookups))

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """And where the lookups of both sums ended."""
        super().identities(steps, ended)
        if self.sums[0].number in ended.values:
            self._of_class(steps, ended)

    def _of_class(self, steps: Steps, ended: LookedUp) -> None:
        """The first two lines of the module's head, at n*."""
        n, scored = ended.point["row"], self.scored
        low, high = (own.value(steps, ended) for own in self.sums)
        label = steps.evaluate(LABELS, {"output": (), "row": n})
        free = {"row": variables(0, self.row.bits)}
        both = Factor(tuple(term for own in self.sums for term in own.terms(free)))
        product = Sum(
            f"class chances of {scored.matrix}",
            (self.row.bits,),
            eq_on(n, scored.rows),
            (self._on_rows(LABELS), both),
        )
        total = steps.total(product)
        steps.sumcheck(product, total)
        whole = K(scored.speakers << CHANCE_BITS)
        other_class = (public(prefix(n, scored.rows)) - label) * whole
        for said, other in ((scored.low, high), (scored.high, low)):
            bits = scored.speaker.bits
            own = Factor((Term(ONE, said, {"output": (), scored.speaker.name: variables(0, bits), "row": n}),))
            inside = constant_on((scored.speaker,), ONE)
            summed = Sum(f"chances of shards of {scored.matrix}", (bits,), inside, (own,))
            steps.sumcheck(summed, total + other_class - other)
