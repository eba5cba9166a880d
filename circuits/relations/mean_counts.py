"""How far the mean of what shards of a Poisson model expect is from labels: squares, and the deviance, as intervals.

With the sum V(n) of what S shards expect, as in shard_counts.py, squares are those of residuals.py, of units of 2^-16.

Half the deviance of a row is y log y - y + mu - y log mu, of which mu is the mean of e^z. V / S is less than 2^16 mu by
a unit at most, and more by less than c units, c = `slack`. With L(n) = LOGS[Y(n)], by a table as in expected_counts.py,

    V(n) = B(n) + c S = B'(n) - S on rows that are real                                                "means of shards"
    B / S and B' / S are in cells of mean_cells.py, on rows that count; u = CHANCE_BITS
    A = sum over rows of S(n) (S L + B)(n),  F = sum of S(n) Y(n) (least of B' - (u - 16) ceil(2^16 log 2))(n), and G
    that of S(n) Y(n) (largest of B - (u - 16) floor(2^16 log 2))(n)
    A + c S N + S F and A + c S N + S G are what is stated, N rows counting, down and up to a step           "deviance"

so, as -log falls, S 2^16 times the sum of half deviances is more than the first but for (1 + chord) S a row, and less
than the second but for 3 S a row: circuits/statements/deviances.py has both ends.

Integers that are *forced*: V is by shard_counts.py, in (20 S, 2^28 S), and B and B' are in cells, below 2^31 S: "means
of shards" holds in integers. Y is in the table of logarithms, so L is its own. Sums are below 2^62 by the number of
rows and of shards: Y is below 2^16, and what it is multiplied with below 2^21.

On rows that do not count, and in padding, nothing is looked up, and S(n) leaves them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.counts import P_BITS
from ...models.mean_losses import CHANCE_BITS, LOGS_OF_TWO
from ..field.goldilocks import ONE, K
from ..field.multilinear import prefix
from ..language.hidden import Hidden, public
from ..language.layout import Address, Axis, Column
from ..language.relation import Entry, Factor, Indicator, LookedUp, Lookup, LookupBox, Steps, Sum, Term, variables
from ..language.tables import COUNT_LOGS, Limbs, lookup_boxes
from .dataset import LABELS, output_axis
from .gridded import Gridded
from .loss_tables import MEAN_LOSSES_OF
from .mean_cells import InCell
from .residuals import Residuals
from .shard_counts import SpokenCounts
from .signed import constant_on
from .standardization import counted

MOST_SPOKEN = 1 << 24  # rows times shards of which sums of deviances stay below 2^62
CELLS = MEAN_LOSSES_OF["logistic"]  # the table: no mean is in its first cell, where those of families differ


@dataclass(frozen=True)
class MeanCounts(Residuals):
    """What is stated of the mean of what shards expect.

    Attributes:
        deviances: how often a step goes into the bounds of the sum of deviances, the lower one rounded down and the
            other up; None if they are not stated.
        deviance_bits: of this step, whose unit is 2^-16 / S of half a deviance.
        slack: c.
    """

    scored: SpokenCounts
    deviances: tuple[int, int] | None = None
    deviance_bits: int = 1
    slack: int = 1

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """DM."""
        return {self.scored.product: self.scored.axes}

    @property
    def log(self) -> Address:
        """L."""
        return self.scored.own("label logarithm")

    @cached_property
    def sums(self) -> tuple[InCell, InCell]:
        """B and B'."""
        less, more = (
            InCell(self.scored, f"{name} sum", self.row, self.scored.speakers) for name in ("lesser", "greater")
        )
        return less, more

    @cached_property
    def ends(self) -> tuple[Gridded, ...]:
        """What is stated of deviances."""
        if self.deviances is None:
            return ()
        own = self.scored
        return tuple(
            Gridded(f"deviance of {own.matrix}", own.own(f"{name} remainder"), self.deviance_bits, number, up)
            for name, number, up in zip(
                ("least deviance", "largest deviance"), self.deviances, (False, True), strict=True
            )
        )

    @property
    def bounds(self) -> tuple[Gridded, ...]:
        """See Residuals."""
        return (self.bound, *self.ends)

    @property
    def rest(self) -> Limbs:
        """See Residuals."""
        own = super().rest
        return Limbs(own.box, own.axes, {integer: bits for each in self.bounds for integer, bits in each.limbs.items()})

    @property
    def _of_labels(self) -> tuple[Axis, Axis]:
        return output_axis(1), self.row

    @property
    def witness(self) -> tuple[Column, ...]:
        """And with deviances logarithms of labels, and both sums."""
        if self.deviances is None:
            return super().witness
        more = (Column(self.log.name, self._of_labels), *(column for own in self.sums for column in own.columns))
        return (*super().witness, *more)

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """And with deviances those of labels, and of both sums."""
        if self.deviances is None:
            return super().boxes
        logs = Lookup(self.log.name, COUNT_LOGS, (Entry(((1, LABELS),)), Entry(((1, self.log),))))
        labels, rows = (
            Indicator(axes, self.live.forgotten, self.live.ranges) for axes in (self._of_labels, (self.row,))
        )
        means = tuple(lookup for own in self.sums for lookup in own.lookups(CELLS))
        more = lookup_boxes(f"labels of {self.scored.matrix}", labels, (logs,))
        return (*super().boxes, more, lookup_boxes(f"means of {self.scored.matrix}", rows, means))

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """See Residuals; and where the lookups of both sums ended."""
        super().identities(steps, ended)
        if self.deviances is None:
            return
        if self.sums[0].number in ended.values:
            self._means(steps, ended)
        if self.bound.is_in(ended):
            self._deviances(steps, ended)

    def _means(self, steps: Steps, ended: LookedUp) -> None:
        n, own = ended.point["row"], self.scored
        real = public(prefix(n, own.rows) * own.speakers)
        less, more = (each.value(steps, ended) for each in self.sums)
        found = own.score(steps, {"output": (), "row": n})
        steps.require_zero(f"means of shards of {own.matrix}", found - less - real * self.slack)
        steps.require_zero(f"means of shards of {own.matrix}", found - more + real)

    def _deviances(self, steps: Steps, ended: LookedUp) -> None:
        """A, which is sent, and then F, and G."""
        row = {"row": variables(0, self.row.bits)}
        labels = Term(ONE, LABELS, {"output": (), **row})
        less, more = self.sums
        shards = self.scored.speakers
        logs = Term(K(shards), self.log, {"output": (), **row})
        common = self._proved(steps, Factor((logs, *less.terms(row)))) + public(
            K(self.slack * shards * self.live.count)
        )
        down, up = LOGS_OF_TWO
        for own, column, log in zip(self.ends, (more.least, less.largest), (up, down), strict=True):
            off = constant_on((self.row,), K(-(CHANCE_BITS - P_BITS) * log))
            found = self._proved(steps, Factor((labels,)), Factor((Term(ONE, column, row),), off))
            own.require(steps, ended, common + found * shards)

    def _proved(self, steps: Steps, *factors: Factor) -> Hidden:
        summed = Sum(f"deviance of {self.scored.matrix}", (self.row.bits,), counted(self.live, self.row), factors)
        total = steps.total(summed)
        steps.sumcheck(summed, total)
        return total
