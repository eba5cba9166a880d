"""Which of several classes a model predicts for each row: that of the largest score, and of equal ones the first.

Of outputs c that can be predicted ("kept": those of classes that are not forgotten), at rows n, z as in scored.py:

    B(c, n) (B(c, n) - 1) = 0,   sum_c B(c, n) = sum over kept c of B(c, n) = 1 on rows that are real
                                                                                       "one or none", "one class"
    gap(c, n) = sum over kept c' of B(c', n) z(c', n) - z(c, n) - sum over c' > c of B(c', n)  at kept c, else 0
                                                                                       "later classes", "gap", "score"
    gap(c, n) in [0, 2^b) on rows that count

So B has one one at each row, at a kept output: its sum with z is a score there. gap says that no other is larger, and
that those before are smaller: so it is the first of the largest ones. Scores are compared whole, not cut into cells:
none is equal to another by rounding.

Integers that are *forced*: B is 0 or 1. |z| is below 2^(b - 1), so both sides of "gap" differ by less than
2^b + 2^b < p for b <= 62, and it holds in integers where gap has limbs that are looked up: on rows that count. On
others gap is whatever the equation says, and B is one output all the same, which no sum that is stated contains.

Everything holds at the random output and row where the lookups of gap ended; z is virtual, and its value at the
end of a sum becomes the claim of "score".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..field.goldilocks import ONE, K, Vector, kadd, ksum
from ..field.multilinear import Point, eq_at, eq_table, prefix
from ..language.hidden import Hidden, linear, public
from ..language.layout import VIRTUAL, Address, Axis, Column
from ..language.relation import (
    Factor,
    Indicator,
    LookedUp,
    LookupBox,
    PublicVector,
    Steps,
    Sum,
    Term,
    Var,
    outer,
    variables,
)
from ..language.tables import limb_columns, limb_lookups, limb_terms, lookup_boxes
from .iterations import eq_on
from .scored import OfScores
from .signed import constant_on
from .standardization import counted, tabled


@dataclass(frozen=True)
class Argmax(OfScores):
    """The predictions of a model of several outputs.

    Attributes:
        scored, live: see OfScores.
        gone: outputs that are not predicted, increasing.
    """

    gone: tuple[int, ...] = ()

    @property
    def gap_bits(self) -> int:
        """b."""
        return self.scored.score_bits + 1

    @property
    def predicted(self) -> Address:
        """B."""
        return self.scored.own("predicted")

    @property
    def gap(self) -> Address:
        """By how much a score is less than the largest one, in limbs."""
        return self.scored.own("gap")

    @property
    def scores(self) -> Address:
        """z."""
        return Address(VIRTUAL, f"scores of {self.scored.matrix}")

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Proved by "score"."""
        return {self.scores: self.axes}

    @property
    def witness(self) -> tuple[Column, ...]:
        """What is committed, besides the model's own."""
        return (Column(self.predicted.name, self.axes), *limb_columns(self.gap, self.gap_bits, self.axes))

    @property
    def boxes(self) -> tuple[LookupBox, ...]:
        """Every limb of a gap in range. Large boxes are in parts."""
        counting = Indicator(self.axes, self.live.forgotten, self.live.ranges)
        return lookup_boxes(f"gaps of {self.scored.matrix}", counting, limb_lookups(self.gap, self.gap_bits))

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """The equations of the module's head, where lookups of gaps ended."""
        first, bits = limb_terms(self.gap, self.gap_bits)[0][1], self.gap_bits
        if first not in ended.values:
            return
        o, n = ended.point["output"], ended.point["row"]
        gap = linear((c, ended.values[limb]) for c, limb in limb_terms(self.gap, bits))
        self._one_or_none(steps, o, n)
        self._one_class(steps, n)
        self._gap(steps, o, n, gap + self._later(steps, o, n))

    def _one_or_none(self, steps: Steps, o: Point, n: Point) -> None:
        """0 = sum over (c, m) of eq((o*, n*), (c, m)) B (B - 1)."""
        own = self.on_all()
        less = constant_on(self.axes, -ONE)
        weight = outer(eq_on(o, self.output.size), eq_on(n, self.row.size), self.output.bits)
        factors = (Factor((own,)), Factor((own,), less))
        steps.sumcheck(self._sum("one or none", weight, factors), public(K(0)))

    def _one_class(self, steps: Steps, n: Point) -> None:
        """[n* real] = sum over c of B(c, n*), over all outputs, and over those that are kept."""
        real = public(prefix(n, self.row.size))
        for gone in ((), self.gone)[: 1 + bool(self.gone)]:
            steps.sumcheck(self._over_outputs("one class", self._kept(gone), n), real)

    def _later(self, steps: Steps, o: Point, n: Point) -> Hidden:
        """sum over c of eq(o*, c) sum over c' > c of B(c', n*), c kept."""
        at, below = self._eq_of_kept(o), np.zeros((2, self.output.size), dtype=np.uint64)
        for c in range(1, self.output.size):
            below[:, c] = kadd(below[:, c - 1 : c], at[:, c - 1 : c])[:, 0]
        later = self._over_outputs("later classes", tabled(below), n)
        found = steps.total(later)
        steps.sumcheck(later, found)
        return found

    def _gap(self, steps: Steps, o: Point, n: Point, claim: Hidden) -> None:
        """The claim = sum over kept c and m of eq(n*, m) ([o* kept] B(c, m) - eq(o*, c)) z(c, m)."""
        kept = prefix(o, self.output.size) - ksum(eq_at(o, self.gone))
        free = self._free()
        predicted = Term(kept, self.predicted, free)
        at_output = eq_on(o, self.output.size, self.gone)
        less = outer(at_output, constant_on((self.row,), -ONE), self.output.bits)
        weight = outer(self._kept(self.gone), eq_on(n, self.row.size), self.output.bits)
        scores = Factor((Term(ONE, self.scores, free),))
        ended = steps.sumcheck(self._sum("gap", weight, (Factor((predicted,), less), scores)), claim)
        bits = self.output.bits
        at = {"output": ended.point[:bits], "row": ended.point[bits:]}
        self.scored.score(steps, at, ended.values[1][0])

    # What is summed ----------------------------------------------------------------------------------------------

    def on_all(self) -> Term:
        """B in a sum over outputs and rows."""
        return Term(ONE, self.predicted, self._free())

    def over_rows(self, name: str, factors: tuple[Factor, ...]) -> Sum:
        """A sum over outputs, and over rows that count."""
        weight = outer(constant_on((self.output,), ONE), counted(self.live, self.row), self.output.bits)
        return self._sum(name, weight, factors)

    def _free(self) -> dict[str, tuple[Var, ...]]:
        return {"output": variables(0, self.output.bits), "row": variables(self.output.bits, self.row.bits)}

    def _sum(self, name: str, weight: PublicVector, factors: tuple[Factor, ...]) -> Sum:
        return Sum(f"{name} of {self.scored.matrix}", (self.output.bits, self.row.bits), weight, factors)

    def _over_outputs(self, name: str, weight: PublicVector, n: Point) -> Sum:
        predicted = Term(ONE, self.predicted, {"output": variables(0, self.output.bits), "row": n})
        return Sum(f"{name} of {self.scored.matrix}", (self.output.bits,), weight, (Factor((predicted,)),))

    def _kept(self, gone: tuple[int, ...]) -> PublicVector:
        """One on outputs but for some."""

        def evaluate(x: Point) -> K:
            return prefix(x, self.output.size) - ksum(eq_at(x, gone))

        values = np.zeros((2, self.output.size), dtype=np.uint64)
        values[0] = 1
        values[0, list(gone)] = 0
        return PublicVector(lambda: values, evaluate)

    def _eq_of_kept(self, o: Point) -> Vector:
        """eq(o*, c) on kept outputs c."""
        values = eq_table(o)[:, : self.output.size].copy()
        values[:, list(self.gone)] = 0
        return values
