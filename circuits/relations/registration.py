"""The relation of a registration: public fingerprints are those of the rows of the committed matrix.

Rows of a segment have the same r and c of circuits/statements/fingerprints.py, which followed from the data set in
which they were first committed. At one random row s, for each segment a .. b - 1 that is registered:

    sum over rows a <= n < b of eq(s, n) (sum over k of eq(r, k) X(n, k) + sum over j of c_j Y_j(n)
                                          + blind0(n) + u blind1(n))
        = sum over rows a <= n < b of eq(s, n) f(n)                                    "registration of segment i"

where Y_j are the columns of labels, and then the limbs of keys, if rows have any.
Both sides are multilinear in s. All columns were committed, and f is fixed by the root that the statement names,
before s is drawn: so they agree in every row. A segment that is the whole data set needs no sum, as the left side is
then what the columns are at s                                                                      "registration"

Nothing here is an integer, so nothing has a range.

| matrix | columns |
|---|---|
| dataset | as in circuits/relations/validity.py |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..field.goldilocks import ONE, K, Vector
from ..field.multilinear import Point, bits_of, eq_index, eq_table, prefix_eq
from ..language.hidden import Hidden, linear, public
from ..language.layout import Address, Column
from ..language.relation import Factor, LookedUp, PublicVector, Steps, Sum, Term, WithoutLookups, variables
from .dataset import (
    BLINDS,
    DATASET,
    FEATURES,
    LABELS,
    dataset_columns,
    feature_axis,
    key_addresses,
    output_axis,
    row_axis,
)

U = K(0, 1)


@dataclass(frozen=True)
class Span:
    """Rows of one segment.

    Attributes:
        segment: its number in the data set.
        start, stop: the first row, and the position after the last.
        r, c: as above.
    """

    segment: int
    start: int
    stop: int
    r: Point
    c: tuple[K, ...]


@dataclass(frozen=True)
class Registration(WithoutLookups):
    """The relation for some segments of one data set.

    Attributes:
        spans: the segments that are registered.
        fingerprints: the sum over rows a <= n < b of eq(s, n) f(n), at a point s.
        key_limbs: columns of the keys of rows.
    """

    rows: int
    features: int
    outputs: int
    spans: tuple[Span, ...]
    fingerprints: Callable[[Point, int, int], K]
    key_limbs: int = 0

    @property
    def name(self) -> str:
        """Domain separator."""
        return "registration"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above; there is no witness."""
        return {DATASET: dataset_columns(self.rows, self.features, self.outputs, self.key_limbs)}

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """The equations of the module's head."""
        s = steps.point("registration", row_axis(self.rows).bits)
        for span in self.spans:
            claim = public(self.fingerprints(s, span.start, span.stop))
            if (span.start, span.stop) == (0, self.rows):
                parts = [
                    (share, steps.evaluate(column, {**at, "row": s})) for share, column, at in self._cells_of(span)
                ]
                whole: Hidden = linear(parts)
                steps.require_zero("registration", whole - claim)
                return
            steps.sumcheck(self._sum(span, s), claim)

    def _cells_of(self, span: Span) -> list[tuple[K, Address, dict[str, Point]]]:
        """What a fingerprint is the sum of: shares of columns, and where they are but for the row."""
        axis, outputs = feature_axis(self.features), output_axis(self.outputs)
        spare = len(span.r) - axis.bits  # leading coordinates, which are zero for every feature
        of_labels, of_keys = span.c[: self.outputs], span.c[self.outputs :]
        return [
            (eq_index(span.r[:spare], 0), FEATURES, {"feature": span.r[spare:]}),
            *((share, LABELS, {"output": bits_of(j, outputs.bits)}) for j, share in enumerate(of_labels)),
            *((share, limb, {}) for share, limb in zip(of_keys, key_addresses(self.key_limbs), strict=True)),
            *((share, column, {}) for share, column in zip((ONE, U), BLINDS, strict=True)),
        ]

    def _sum(self, span: Span, s: Point) -> Sum:
        """The sum over the rows of a segment."""
        bits = row_axis(self.rows).bits
        row: Any = variables(0, bits)
        terms = tuple(Term(share, column, {**at, "row": row}) for share, column, at in self._cells_of(span))
        return Sum(f"registration of segment {span.segment}", (bits,), self._within(span, s), (Factor(terms),))

    def _within(self, span: Span, s: Point) -> PublicVector:
        """[a <= n < b] eq(s, n) on rows n."""

        def table() -> Vector:
            values = eq_table(s)[:, : self.rows].copy()
            values[:, : span.start] = 0
            values[:, span.stop :] = 0
            return values

        return PublicVector(table, lambda x: prefix_eq(s, x, span.stop) - prefix_eq(s, x, span.start))
