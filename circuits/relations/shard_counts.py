"""What shards of a Poisson model expect, one by one, and their mean: as its sum, a score of all together.

With the table T of models/counts.py, at speakers s and rows n, z as in shard_scores.py, P in units of 2^-16 of a count:

    z(s, n) = 2^16 Q(s, n) + M(s, n),  DM(s, n) = D(s, n) M(s, n)                        "score", "step of shards"
    (Q, T, D)(s, n) in the link table, M and P' in [0, 2^16), DM - 2^16 P' + 2^15 in [0, 2^16), on rows that count
    the score of all together, S times what is expected, is the sum over s of (T + P')(s, n)       "counts of shards"

which residuals.py takes for the sum of the scores of S models, as far from 2^16 Y as it is; the deviance is in
mean_counts.py.

Integers that are *forced*: |z| is below 2^62 by limbs, Q and M have 16 bits by lookups, so they are those of z. D M is
below 2^33, and so P' is the rounding: P = T + P' is one unit less than 2^16 e^z at most, and 1 and a chord more. A P is
below 2^28, and sums of S <= 2^12 of them below 2^40.

On rows that do not count, and in padding, Q, M and P are whatever the equations say, and S(n) leaves them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.live import Live
from ..field.goldilocks import ONE
from ..field.multilinear import Point
from ..language.hidden import Hidden
from ..language.layout import Address, Axis, Column
from ..language.relation import (
    LIMB,
    Coordinates,
    Factor,
    Indicator,
    LookedUp,
    LookupBox,
    Steps,
    Sum,
    Term,
    outer,
    variables,
)
from ..language.tables import lookup_boxes
from .count_cells import CountCells
from .dataset import row_axis
from .iterations import eq_on
from .shard_scores import OfSpeakers
from .signed import constant_on

COUNT_BITS = 28  # of what is expected: e^8 in units of 2^-16


@dataclass(frozen=True)
class SpokenCounts(OfSpeakers, CountCells):
    """What the models of shards expect, one by one.

    Attributes:
        weight_bits, intercept_bits: of the integers of a model.
        live: which rows count.
        q_bits: of the table.
    """

    live: Live
    q_bits: int

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Of what is expected."""
        return (*self.models, row_axis(self.rows))

    @property
    def score_bits(self) -> int:
        """Of all together."""
        return COUNT_BITS + self.speakers.bit_length()

    def of_counts(self, name: str) -> Address:
        """See CountCells."""
        return self.own(f"shard {name}")

    @property
    def of_model(self) -> str:
        """See CountCells."""
        return self.matrix

    @property
    def witness(self) -> tuple[Column, ...]:
        """Limbs of M and I, and what is expected."""
        return (*super().witness, *(Column(column.name, self.axes) for column in self.count_columns))

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Those of M and I, and of what is expected. Large boxes are in parts."""
        counting = Indicator(self.axes, self.live.forgotten, self.live.ranges)
        return (*super().boxes, lookup_boxes(f"counts of {self.matrix}", counting, self.count_lookups))

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """And z is what Q and M say, and DM their product, where lookups ended."""
        super().identities(steps, ended)
        if self.cell not in ended.values:
            return
        model = {axis.name: ended.point[axis.name] for axis in self.models}
        n, values = ended.point["row"], ended.values
        self.score_of(steps, model, n, values[self.cell] * LIMB + values[self.middle])
        s, bits = ended.point[self.speaker.name], (self.speaker.bits, self.axes[-1].bits)
        rows = variables(bits[0], bits[1])
        free: dict[str, Coordinates] = {"output": (), self.speaker.name: variables(0, bits[0]), "row": rows}
        weight = outer(eq_on(s, self.speakers), eq_on(n, self.rows), bits[0])
        factors = tuple(Factor((Term(ONE, column, free),)) for column in (self.step, self.middle))
        steps.sumcheck(Sum(f"step of shards of {self.matrix}", bits, weight, factors), values[self.product])

    def score(self, steps: Steps, at: Mapping[str, Point], claim: Hidden | None = None) -> Hidden:
        """That of all together: the claim, which is proved, or else what is sent."""
        bits = self.speaker.bits
        there: dict[str, Coordinates] = {"output": at["output"], "row": at["row"]}
        free = {**there, self.speaker.name: variables(0, bits)}
        expected = Factor(tuple(Term(ONE, column, free) for column in (self.edge, self.risen)))
        name = f"counts of shards of {self.matrix}"
        summed = Sum(name, (bits,), constant_on((self.speaker,), ONE), (expected,))
        total = steps.total(summed) if claim is None else claim
        steps.sumcheck(summed, total)
        return total
