"""How far a model's numbers are from labels: the sum of squares, and that of labels from their mean, as intervals.

A linear model predicts the label's integer Y(n) by z(n) / 2^s, s = x_bits + the weights' scale - that of labels. At
rows n, z as in scored.py, in units of 2^-f of a label's unit:

    z(n) - 2^s Y(n) + 2^(r - 1) = 2^r t(n) + R(n),  R(n) in [0, 2^r)                    "residual", "score"
    sum over rows n of S(n) t(n)^2 is what is stated, down to a step                    "squares"

where the score is that of one model. If it is the sum of those of C models, 2^s, 2^(r - 1) and 2^r are taken C times,
and R(n) in [0, C 2^r) is shown by R and by C 2^r - 1 - R, its complement, both in limbs           "remainder"

so t is the residual rounded to nearest: the root of the mean square of t is within half a unit of that of residuals.
And once for all models, with m = sum S(n) Y(n), u = sum S(n) Y(n)^2, n rows that count and labels in units of 2^-g:

    2^g m = n mu + B,  B and n - 1 - B not negative                                     "mean"
    4^g u - mu (n mu + 2 B) is what is stated, down to a step                           "spread"

The left side is sum S(n) (2^g Y(n) - mu)^2, which is more by B^2 / n < n than the squares from the mean itself.
Neither sum is stated: an interval of a step, so that a row that is there or not does not show in it.

Integers that are *forced*: |z| < 2^62 by limbs, Y has 16 bits by the proof of the data set, t and R have limbs, all
looked up: both sides of "residual" are below 2^63. t has so few bits that the squares of all rows stay below 2^62. mu
has limbs, of more bits than any mean; B has limbs, and what it lacks of n - 1: so mu is the floor, and there is one.
The spread is below 2^62 by g.

On rows that do not count t and R are whatever the equation says, and S leaves them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...models.live import Live
from ..field.goldilocks import ONE, K
from ..field.multilinear import prefix
from ..language.hidden import Hidden, Product, linear
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import Factor, Indicator, LookedUp, LookupBox, Steps, Sum, Term, variables
from ..language.tables import Limbs, limb_columns, limb_lookups, limb_terms, lookup_boxes
from .dataset import LABELS, output_axis, row_axis
from .gridded import Gridded
from .scored import OfScores
from .signed import Signed
from .standardization import counted

LABEL_BITS = 17  # of a label's integer, signed
MEAN, MEAN_REST, MEAN_LACK = (Address(WITNESS, name) for name in ("mean label", "mean remainder", "mean complement"))
SPREAD_REST = Address(WITNESS, "spread remainder")
SPREAD_BOX = "spread of labels"


def _on_rows(row: Axis) -> Factor:
    return Factor((Term(ONE, LABELS, {"output": (), "row": variables(0, row.bits)}),))


@dataclass(frozen=True)
class Residuals(OfScores):
    """What is stated of a model's residuals.

    Attributes:
        scored, live: see OfScores; the model is of one output.
        label_shift: s.
        shift: r.
        residual_bits: of t, signed.
        squares: how often a step goes into the sum of squares. step_bits: of this step.
        models: C, of which a score is the sum.
    """

    label_shift: int
    shift: int
    residual_bits: int
    squares: int
    step_bits: int
    models: int = 1

    @property
    def rest_bits(self) -> int:
        """Of R."""
        return ((self.models << self.shift) - 1).bit_length()

    @property
    def lack(self) -> Address:
        """The complement of R, in limbs."""
        return self.scored.own("remainder complement")

    @property
    def rests(self) -> Mapping[Address, int]:
        """R, and where scores are of several models its complement, with their bits."""
        own = (self.remainder, self.lack)[: 1 + (self.models > 1)]
        return dict.fromkeys(own, self.rest_bits)

    @property
    def residual(self) -> Signed:
        """t, in limbs."""
        return Signed(self.scored.own("residual"), self.residual_bits)

    @property
    def remainder(self) -> Address:
        """R, in limbs."""
        return self.scored.own("remainder")

    @property
    def bound(self) -> Gridded:
        """What is stated of the squares."""
        own = self.scored
        return Gridded(f"squares of {own.matrix}", own.own("squares remainder"), self.step_bits, self.squares)

    @property
    def bounds(self) -> tuple[Gridded, ...]:
        """This one."""
        return (self.bound,)

    @property
    def rest(self) -> Limbs:
        """What rounding takes away of their sum."""
        return Limbs(f"squares of {self.scored.matrix}", (output_axis(1),), self.bound.limbs)

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def witness(self) -> tuple[Column, ...]:
        """What is committed, besides the model's own."""
        return (
            *limb_columns(self.residual.integer, self.residual_bits, (self.row,)),
            *(limb for name, bits in self.rests.items() for limb in limb_columns(name, bits, (self.row,))),
            *self.rest.columns,
        )

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Every limb in range. Large boxes are in parts."""
        counting = Indicator((self.row,), self.live.forgotten, self.live.ranges)
        lookups = (
            *limb_lookups(self.residual.integer, self.residual_bits),
            *(lookup for name, bits in self.rests.items() for lookup in limb_lookups(name, bits)),
        )
        return (lookup_boxes(f"rows of {self.scored.matrix}", counting, lookups), self.rest.boxes)

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """Where the lookups of rows, or of the sum, ended."""
        if self.residual.lowest in ended.values:
            self._residual(steps, ended)
        if self.bound.is_in(ended):
            free = {"row": variables(0, self.row.bits)}
            own = Factor(self.residual.terms(free, ONE), self.residual.taken_off((self.row,), ONE))
            squares = Sum(self.bound.name, (self.row.bits,), counted(self.live, self.row), (own, own))
            total = steps.total(squares)
            self.bound.require(steps, ended, total)
            steps.sumcheck(squares, total)

    def totals(self, steps: Steps) -> None:
        """None that is stated exactly."""

    def _residual(self, steps: Steps, ended: LookedUp) -> None:
        n, scale = ended.point["row"], K(self.models << self.shift)
        real = prefix(n, self.scored.rows)
        label = steps.evaluate(LABELS, {"output": (), "row": n})
        rest, *lack = (
            linear((c, ended.values[limb]) for c, limb in limb_terms(name, bits)) for name, bits in self.rests.items()
        )
        half = K(self.models << (self.shift - 1))
        rounded = self.residual.looked_up(ended, real) * scale + rest - real * half
        score = self.scored.score(steps, {"output": (), "row": n})
        of_label = label * K(self.models << self.label_shift)
        steps.require_zero(f"residual of {self.scored.matrix}", score - of_label - rounded)
        for own in lack:
            largest = real * K((self.models << self.shift) - 1)
            steps.require_zero(f"remainder of {self.scored.matrix}", rest + own - largest)


@dataclass(frozen=True)
class Spread:
    """What is stated of the labels themselves.

    Attributes:
        rows: N.
        live: which of them count.
        finer: g.
        stated: how often a step goes into the squares from the mean. step_bits: of this step.
    """

    rows: int
    live: Live
    finer: int
    stated: int
    step_bits: int

    @property
    def row(self) -> Axis:
        """Rows n."""
        return row_axis(self.rows)

    @property
    def mean(self) -> Signed:
        """mu, in limbs."""
        return Signed(MEAN, LABEL_BITS + self.finer)

    @property
    def bound(self) -> Gridded:
        """What is stated of the squares."""
        return Gridded("spread", SPREAD_REST, self.step_bits, self.stated)

    @property
    def limbs(self) -> Limbs:
        """What is committed."""
        rest = (self.live.count - 1).bit_length()
        bits = {MEAN: self.mean.bits, MEAN_REST: rest, MEAN_LACK: rest, **self.bound.limbs}
        return Limbs(SPREAD_BOX, (output_axis(1),), bits)

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """Where the lookups of the limbs ended."""
        if not self.bound.is_in(ended):
            return
        count, bits = self.live.count, self.limbs.bits
        rest, lack = (
            linear((c, ended.values[limb]) for c, limb in limb_terms(name, bits[name]))
            for name in (MEAN_REST, MEAN_LACK)
        )
        mean = self.mean.looked_up(ended, ONE)
        steps.require_zero("mean", rest + lack - K(count - 1))
        labels, squares = self._sums()
        summed = self._proved(steps, labels)
        steps.require_zero("mean", summed * K(1 << self.finer) - mean * K(count) - rest)
        raised = self._proved(steps, squares) * K(1 << (2 * self.finer))
        twice = mean * K(count) + rest * 2
        steps.require_zero("spread", raised - self.bound.expected(ended), [Product(-ONE, mean, twice)])

    def _sums(self) -> tuple[Sum, Sum]:
        counting, label = counted(self.live, self.row), _on_rows(self.row)
        return (
            Sum("labels", (self.row.bits,), counting, (label,)),
            Sum("squares of labels", (self.row.bits,), counting, (label, label)),
        )

    @staticmethod
    def _proved(steps: Steps, summed: Sum) -> Hidden:
        total = steps.total(summed)
        steps.sumcheck(summed, total)
        return total
