"""A relation as a part of a larger one, in which its columns, lookups and checks have names of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..field.multilinear import Point
from .hidden import Hidden, Product
from .layout import Address, Axis, Column
from .relation import Entry, Factor, LookedUp, Lookup, LookupBox, Steps, Sum, SumResult, Term


@dataclass(frozen=True)
class Naming:
    """What is called how in the whole.

    Attributes:
        prefix: before the names of lookups, sums, checks and challenges.
        matrices: of a matrix of the part: that of the whole, and what is put before the names of its columns there.
            Those of other matrices are called the same.
    """

    prefix: str
    matrices: Mapping[str, tuple[str, str]]

    def address(self, column: Address) -> Address:
        """Where a column of the part is."""
        matrix, before = self.matrices.get(column.matrix, (column.matrix, ""))
        return Address(matrix, before + column.name)

    def columns(self, matrix: str, columns: Iterable[Column]) -> tuple[Column, ...]:
        """Columns of a matrix of the part."""
        return tuple(replace(column, name=self.address(Address(matrix, column.name)).name) for column in columns)

    def virtual(self, axes: Mapping[Address, tuple[Axis, ...]]) -> dict[Address, tuple[Axis, ...]]:
        """Columns that no matrix holds."""
        return {self.address(column): own for column, own in axes.items()}

    def box(self, box: LookupBox) -> LookupBox:
        """Lookups of the part."""
        lookups = (
            Lookup(self.prefix + lookup.name, lookup.table, tuple(map(self._entry, lookup.entries)))
            for lookup in box.lookups
        )
        return replace(box, name=self.prefix + box.name, lookups=tuple(lookups))

    def _entry(self, entry: Entry) -> Entry:
        return Entry(tuple((factor, self.address(column)) for factor, column in entry.terms), entry.constant)

    def sum(self, statement: Sum) -> Sum:
        """A sum of the part."""
        factors = tuple(Factor(tuple(map(self._term, own.terms)), own.constant) for own in statement.factors)
        return replace(statement, name=self.prefix + statement.name, factors=factors)

    def _term(self, term: Term) -> Term:
        return replace(term, column=self.address(term.column))

    def looked_up(self, boxes: Iterable[LookupBox], found: Mapping[str, LookedUp]) -> dict[str, LookedUp]:
        """What was found of boxes of the part, in the words of the part."""
        ended = ((box, found[self.prefix + box.name]) for box in boxes)
        return {
            box.name: LookedUp(own.point, {column: own.values[self.address(column)] for column in box.columns})
            for box, own in ended
        }


@dataclass(frozen=True)
class PartSteps:
    """The steps of the whole, for the walk of a part."""

    steps: Steps
    naming: Naming

    def point(self, label: str, bits: int) -> Point:
        """See Steps."""
        return self.steps.point(self.naming.prefix + label, bits)

    def evaluate(self, column: Address, at: Mapping[str, Point]) -> Hidden:
        """See Steps."""
        return self.steps.evaluate(self.naming.address(column), at)

    def total(self, statement: Sum) -> Hidden:
        """See Steps."""
        return self.steps.total(self.naming.sum(statement))

    def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
        """See Steps."""
        return self.steps.sumcheck(self.naming.sum(statement), claim)

    def require_zero(self, check: str, expression: Hidden, products: Sequence[Product] = ()) -> None:
        """See Steps."""
        self.steps.require_zero(self.naming.prefix + check, expression, products)
