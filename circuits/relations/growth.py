"""The relation of a data set that was committed afresh: with other rows after its own, or without some of them.

At one random row rho of the old data set, feature k and column of labels j, zeros before rho for the rows that a larger
padding has:

    sum over new rows n of [n < N] eq(0 .. 0 rho, n) X'(k, n)  =  X(k, rho)                             "growth"

and the same of labels at j, of each limb of keys and of both blinds; all of them in one sum, with the shares
eq(sigma, i) of a random sigma.
Both sides are multilinear in what was drawn, and all columns were committed before: so they agree in every cell. What
is in rows from N on is not in the sum: it is new, and the validity of the new data set says what it can be. Where no
row is added, the sum is the value X'(k, rho), and each column is compared by itself                "recommitment of .."

Where rows H were destroyed, those from before among them, no row is added, and the sum is over old rows:

    sum over old rows n outside of H of [n < N] eq(rho, n) X(k, n)  =  X'(k, rho)                  "destruction"

The right side is the whole new column, so it is zero in H: cells, labels and blinds. Were the sum over new rows, these
could hold anything there.

Nothing here is an integer, so nothing has a range.

| matrix | columns |
|---|---|
| dataset, new dataset | as in circuits/relations/validity.py, of N rows and of N' |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..field.goldilocks import ZERO, Vector
from ..field.multilinear import Point, eq_index, eq_table, log2_ceil, prefix_eq
from ..language.hidden import Hidden, linear
from ..language.layout import Address, Column
from ..language.relation import Factor, LookedUp, PublicVector, Steps, Sum, Term, WithoutLookups, variables
from .dataset import DATASET, dataset_columns, feature_axis, output_axis, row_axis
from .iterations import eq_on

NEW_DATASET = "new dataset"


@dataclass(frozen=True)
class Growth(WithoutLookups):
    """The relation for two shapes.

    Attributes:
        old_rows: N. rows: N', at least as many.
        destroyed: rows that are zeros in the new data set, if more are than in the old one; then N' is N.
        key_limbs: columns of the keys of rows.
    """

    old_rows: int
    rows: int
    features: int
    outputs: int
    destroyed: tuple[int, ...] = ()
    key_limbs: int = 0

    @property
    def name(self) -> str:
        """Domain separator."""
        return "growth"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above; there is no witness."""
        sizes = {DATASET: self.old_rows, NEW_DATASET: self.rows}
        own = self.features, self.outputs, self.key_limbs
        return {name: dataset_columns(rows, *own) for name, rows in sizes.items()}

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """The equation of the module's head."""
        axes = (feature_axis(self.features), output_axis(self.outputs), row_axis(self.old_rows))
        at = {axis.name: steps.point("growth", axis.bits) for axis in axes}
        if self.destroyed:
            new = self._values(steps, NEW_DATASET, at)
            self._sum(steps, "destruction", new, DATASET, at, eq_on(at["row"], self.rows, self.destroyed))
            return
        old = self._values(steps, DATASET, at)
        if self.rows > self.old_rows:
            self._sum(steps, "growth", old, NEW_DATASET, at, self._first(at["row"]))
            return
        for own, value, new_value in zip(self.columns[DATASET], old, self._values(steps, NEW_DATASET, at), strict=True):
            steps.require_zero(f"recommitment of {own.name}", value - new_value)

    def _values(self, steps: Steps, matrix: str, at: Mapping[str, Point]) -> list[Hidden]:
        """All columns of a matrix at a point."""
        return [steps.evaluate(Address(matrix, own.name), _of(own, at)) for own in self.columns[matrix]]

    def _sum(
        self,
        steps: Steps,
        name: str,
        values: Sequence[Hidden],
        matrix: str,
        at: Mapping[str, Point],
        weight: PublicVector,
    ) -> None:
        """These values of all columns of the other matrix are sums over weighted rows of this one."""
        sigma = steps.point(f"{name} shares", log2_ceil(len(values)))
        shares = [eq_index(sigma, i) for i in range(len(values))]
        row = row_axis(self.rows)
        free = {**at, "row": variables(0, row.bits)}
        terms = tuple(
            Term(share, Address(matrix, own.name), _of(own, free))
            for share, own in zip(shares, self.columns[matrix], strict=True)
        )
        steps.sumcheck(Sum(name, (row.bits,), weight, (Factor(terms),)), linear(zip(shares, values, strict=True)))

    def _first(self, point: Point) -> PublicVector:
        """[n < N] eq(0 .. 0 rho, n) on new rows n."""
        rho = (*[ZERO] * (row_axis(self.rows).bits - len(point)), *point)

        def table() -> Vector:
            values = eq_table(rho)[:, : self.rows].copy()
            values[:, self.old_rows :] = 0
            return values

        return PublicVector(table, lambda x: prefix_eq(rho, x, self.old_rows))


def _of(column: Column, at: Mapping[str, Any]) -> dict[str, Any]:
    """The coordinates on a column's own axes."""
    return {axis.name: at[axis.name] for axis in column.axes}
