"""How far the counts that a Poisson model expects are from labels: squares, and the deviance, as intervals.

With the table T of models/counts.py, at rows n, z as in scored.py, Y labels, P the integer that is expected, in units
of 2^-16 of a count, which is what residuals.py says of z otherwise:

    z(n) = 2^16 Q(n) + M(n),  DM(n) = D(n) M(n)                                    "cell", "score", "step"
    S(n) = 1 implies (Q, T, D)(n) in the link table, M and P' in [0, 2^16),
        DM - 2^16 P' + 2^15 in [0, 2^16);  P = T + P'
    P(n) - 2^16 Y(n) + 2^(r - 1) = 2^r t(n) + R(n),  R(n) in [0, 2^r)                              "residual"
    sum S(n) t(n)^2 is what is stated, down to a step                                              "squares"

Half the deviance of a row is y log y - y + e^z - y z. With L(n) = LOGS[Y(n)], by a table, in the same units

    sum S(n) Y(n) M(n) = 2^q_bits U + V,  V in [0, 2^q_bits)                                       "deviance"
    sum S(n) (L + T + P' - 2^(16 - q_bits) Y Q)(n) - U + 2 n is what is stated, down to a step

which is not negative, as no row's deviance is, and L and P together are at most two units less than what they are of.

Integers that are *forced*: |z| < 2^62 by limbs, and Q and M have 16 bits by lookups, so they are those of z. D M is
below 2^33, and so P' is the rounding. Y has 16 bits by the proof of the data set; t, R, U and V have limbs, all looked
up: both sides of "residual" are below 2^34, and those of the deviance below 2^62 by the number of rows. Y is in the
table of logarithms, so L is its own.

On rows that do not count Q, M and P are whatever the equations say, and S leaves them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...models.counts import P_BITS
from ..field.goldilocks import ONE, K
from ..field.multilinear import prefix
from ..language.hidden import Hidden, linear, public
from ..language.layout import Address, Axis, Column
from ..language.relation import (
    LIMB,
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    LookupBox,
    Steps,
    Sum,
    Term,
    variables,
)
from ..language.tables import (
    COUNT_LOGS,
    Limbs,
    limb_columns,
    limb_lookups,
    limb_terms,
    lookup_boxes,
)
from .count_cells import CountCells
from .dataset import LABELS, output_axis
from .gridded import Gridded
from .iterations import eq_on
from .residuals import Residuals
from .standardization import counted

MOST_DEVIANCES = 1 << 24  # rows of which sums of deviances stay below 2^62
WHOLE_BITS = 48  # of U: labels times less than a cell, of so many rows, are below 2^44 units


@dataclass(frozen=True)
class ExpectedCounts(Residuals, CountCells):
    """What is stated of a Poisson model.

    Attributes:
        q_bits: of the table.
        deviance: how often a step goes into the sum of deviances; None if it is not stated.
        deviance_bits: of this step.
    """

    q_bits: int = 12
    deviance: int | None = None
    deviance_bits: int = 1

    # Columns and lookups -------------------------------------------------------------------------------------------

    def of_counts(self, name: str) -> Address:
        """See CountCells."""
        return self.scored.own(name)

    @property
    def of_model(self) -> str:
        """See CountCells."""
        return self.scored.matrix

    @property
    def log(self) -> Address:
        """L."""
        return self.scored.own("label logarithm")

    @property
    def whole(self) -> Address:
        """U, in limbs."""
        return self.scored.own("whole part")

    @property
    def part(self) -> Address:
        """V, in limbs."""
        return self.scored.own("part")

    @property
    def deviances(self) -> Gridded | None:
        """What is stated of the deviance."""
        if self.deviance is None:
            return None
        own = self.scored
        return Gridded(f"deviance of {own.matrix}", own.own("deviance remainder"), self.deviance_bits, self.deviance)

    @property
    def bounds(self) -> tuple[Gridded, ...]:
        """See Residuals."""
        return (self.bound,) if self.deviances is None else (self.bound, self.deviances)

    @property
    def rest(self) -> Limbs:
        """See Residuals; of deviances U and V, too."""
        own = super().rest
        if self.deviances is None:
            return own
        more = {**self.deviances.limbs, self.whole: WHOLE_BITS, self.part: self.q_bits}
        return Limbs(own.box, own.axes, {**own.bits, **more})

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """See Residuals."""
        return {self.product: (self.row,)}

    @property
    def _of_labels(self) -> tuple[Axis, Axis]:
        return output_axis(1), self.row

    @property
    def witness(self) -> tuple[Column, ...]:
        """See Residuals."""
        logs = () if self.deviance is None else (Column(self.log.name, self._of_labels),)
        return (
            *(Column(column.name, (self.row,)) for column in self.count_columns),
            *logs,
            *limb_columns(self.residual.integer, self.residual_bits, (self.row,)),
            *limb_columns(self.remainder, self.rest_bits, (self.row,)),
            *self.rest.columns,
        )

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """See Residuals."""
        lookups = (
            *self.count_lookups,
            *limb_lookups(self.residual.integer, self.residual_bits),
            *limb_lookups(self.remainder, self.rest_bits),
        )
        rows = lookup_boxes(f"rows of {self.scored.matrix}", self._counting((self.row,)), lookups)
        if self.deviance is None:
            return rows, self.rest.boxes
        logs = Lookup(self.log.name, COUNT_LOGS, (Entry(((1, LABELS),)), Entry(((1, self.log),))))
        labels = lookup_boxes(f"labels of {self.scored.matrix}", self._counting(self._of_labels), (logs,))
        return rows, labels, self.rest.boxes

    def _counting(self, axes: tuple[Axis, ...]) -> Indicator:
        return Indicator(axes, self.live.forgotten, self.live.ranges)

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """See Residuals."""
        super().identities(steps, ended)
        if self.deviances is not None and self.deviances.is_in(ended):
            self._deviance(steps, ended, self.deviances)

    def _residual(self, steps: Steps, ended: LookedUp) -> None:
        own, n, values = self.scored.matrix, ended.point["row"], ended.values
        real = prefix(n, self.scored.rows)
        label = steps.evaluate(LABELS, {"output": (), "row": n})
        score = self.scored.score(steps, {"output": (), "row": n})
        steps.require_zero(f"cell of {own}", score - values[self.cell] * LIMB - values[self.middle])
        free = {"row": variables(0, self.row.bits)}
        factors = tuple(Factor((Term(ONE, column, free),)) for column in (self.step, self.middle))
        weight = eq_on(n, self.scored.rows)
        steps.sumcheck(Sum(f"step of {own}", (self.row.bits,), weight, factors), values[self.product])
        rest = linear((c, values[limb]) for c, limb in limb_terms(self.remainder, self.rest_bits))
        rounded = self.residual.looked_up(ended, real) * (1 << self.shift) + rest - real * K(1 << (self.shift - 1))
        expected = values[self.edge] + values[self.risen]
        steps.require_zero(f"residual of {own}", expected - label * (1 << P_BITS) - rounded)

    def _deviance(self, steps: Steps, ended: LookedUp, own: Gridded) -> None:
        """Three sums, whose totals are sent: of what is expected, of labels times cells, and times what is left."""
        row = {"row": variables(0, self.row.bits)}
        one = {"output": (), **row}
        labels = Factor((Term(ONE, LABELS, one),))
        terms = (Term(ONE, self.log, one), Term(ONE, self.edge, row), Term(ONE, self.risen, row))
        expected = self._proved(steps, own.name, Factor(terms))
        cells = self._proved(steps, own.name, labels, Factor((Term(ONE, self.cell, row),)))
        below = self._proved(steps, own.name, labels, Factor((Term(ONE, self.middle, row),)))
        whole, part = (
            linear((c, ended.values[limb]) for c, limb in limb_terms(integer, self.rest.bits[integer]))
            for integer in (self.whole, self.part)
        )
        steps.require_zero(own.name, below - whole * (1 << self.q_bits) - part)
        scale = 1 << (P_BITS - self.q_bits)
        own.require(steps, ended, expected - cells * scale - whole + public(K(2 * self.live.count)))

    def _proved(self, steps: Steps, name: str, *factors: Factor) -> Hidden:
        summed = Sum(name, (self.row.bits,), counted(self.live, self.row), factors)
        total = steps.total(summed)
        steps.sumcheck(summed, total)
        return total
