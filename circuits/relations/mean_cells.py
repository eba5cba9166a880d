"""Sums of what shards say, in the cells that their means are in, and with the bounds of -log that these have.

A sum V(n) of C terms, of which each is in [0, 2^u], u = CHANCE_BITS, at rows n:

    V(n) = C E(n) + R(n),   R(n) + L(n) = C W(n) - 1 on rows that are real                       "mean in cell", "value"
    (j, E, W, least, largest)(n) in the table of mean losses, on rows that count

with tuples of models/mean_losses.py. So -log(V / (2^u C)) is at least `least` and at most `largest`.

Integers that are *forced*: E and W are what the table says beside j. R and its complement L have limbs, all looked up:
both sides of the second line are below p, so R is in [0, C W), and j is the one cell that V / C is in, of some width.
Who uses it says which integer V is, and that it is below p / 2, as C E + R is where C is at most 2^30.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...models.mean_losses import STEP_BITS
from ..field.goldilocks import K
from ..field.multilinear import prefix
from ..language.hidden import Hidden, linear, public
from ..language.layout import Address, Axis, Column
from ..language.relation import Entry, LookedUp, Lookup, Steps, Term, Var
from ..language.tables import limb_columns, limb_lookups, limb_terms
from .shard_scores import OfSpeakers, Opinions


@dataclass(frozen=True)
class Chances(Opinions):
    """What the models of shards say, by a table that also has bounds of it."""

    @property
    def low(self) -> Address:
        """What is said of class 1, at least."""
        return self.own("least chance")

    @property
    def high(self) -> Address:
        """And at most."""
        return self.own("largest chance")

    @property
    def entries(self) -> tuple[Address, ...]:
        """See Opinions."""
        return (*super().entries, self.low, self.high)


@dataclass(frozen=True)
class InCell:
    """A sum, row by row, in the cell of the table that its mean is in.

    Attributes:
        scored: what the models say. name: of the sum.
        row: rows n.
        count: C.
    """

    scored: OfSpeakers
    name: str
    row: Axis
    count: int

    def _own(self, name: str) -> Address:
        return self.scored.own(f"{name} of the {self.name}")

    @property
    def number(self) -> Address:
        """j."""
        return self._own("cell")

    @property
    def edge(self) -> Address:
        """E."""
        return self._own("edge")

    @property
    def width(self) -> Address:
        """W."""
        return self._own("width")

    @property
    def least(self) -> Address:
        """What the loss is at least over the cell."""
        return self._own("least loss")

    @property
    def largest(self) -> Address:
        """What it is at most."""
        return self._own("largest loss")

    @property
    def entries(self) -> tuple[Address, ...]:
        """What is looked up together."""
        return self.number, self.edge, self.width, self.least, self.largest

    @property
    def rests(self) -> tuple[Address, Address]:
        """R, and its complement, in limbs."""
        return self._own("remainder"), self._own("complement")

    @property
    def rest_bits(self) -> int:
        """Of both."""
        return ((self.count << STEP_BITS) - 1).bit_length()

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is committed."""
        return (
            *(Column(column.name, (self.row,)) for column in self.entries),
            *(limb for rest in self.rests for limb in limb_columns(rest, self.rest_bits, (self.row,))),
        )

    def lookups(self, table: str) -> tuple[Lookup, ...]:
        """The tuple, and every limb in range."""
        tuples = Lookup(self.number.name, table, tuple(Entry(((1, column),)) for column in self.entries))
        return (tuples, *(lookup for rest in self.rests for lookup in limb_lookups(rest, self.rest_bits)))

    def terms(self, at: Mapping[str, tuple[Var, ...]]) -> tuple[Term, ...]:
        """The sum, in one over rows."""
        rest = (Term(c, limb, at) for c, limb in limb_terms(self.rests[0], self.rest_bits))
        return (Term(K(self.count), self.edge, at), *rest)

    def value(self, steps: Steps, ended: LookedUp) -> Hidden:
        """The sum where lookups ended; and that the cell is the one that it is in."""
        values, real = ended.values, prefix(ended.point["row"], self.row.size)
        rest, lack = (linear((c, values[limb]) for c, limb in limb_terms(own, self.rest_bits)) for own in self.rests)
        wide = values[self.width] * self.count
        steps.require_zero(f"mean in cell of {self.scored.matrix}", rest + lack - wide + public(real))
        return values[self.edge] * self.count + rest
