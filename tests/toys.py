"""Small relations that use what the language has and the product's own relations do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from zkunlearn.circuits.field.goldilocks import ONE
from zkunlearn.circuits.field.multilinear import Point, eq_table, prefix, prefix_eq
from zkunlearn.circuits.language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from zkunlearn.circuits.language.relation import (
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    PublicVector,
    Section,
    Steps,
    Sum,
    Term,
    variables,
)
from zkunlearn.circuits.language.tables import RANGE, RANGE_COUNTS, lookup_boxes, multiplicity_column, range_table

AMOUNTS = Address("dataset", "amounts")
FEATURES, RESIDUALS, COUNTS = (Address("dataset", name) for name in ("features", "residuals", "counts"))
RATES, STEPS = Address(WITNESS, "rates"), Address(WITNESS, "steps")
GAMMA = Address(VIRTUAL, "gamma")


@dataclass(frozen=True)
class ScaledGradient:
    """steps(k) = rates(k) gamma(k), gamma(k) = sum over rows n of features(k, n) residuals(n) counts(n).

    gamma is virtual: a term of the sum over k, "scaled", and the claim of the one over n, "gradient", which has three
    factors.
    """

    rows: int
    features: int
    name = "scaled gradient"
    sections: tuple[Section, ...] = ()

    @property
    def row(self) -> Axis:
        return Axis("row", self.rows)

    @property
    def feature(self) -> Axis:
        return Axis("feature", self.features)

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        row, feature = (self.row,), (self.feature,)
        return {
            "dataset": (Column("features", feature + row), Column("residuals", row), Column("counts", row)),
            WITNESS: (Column("rates", feature), Column("steps", feature)),
        }

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        return {GAMMA: (self.feature,)}

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        bits, k = self.feature.bits, steps.point("scaled", self.feature.bits)
        own, row = variables(0, bits), variables(0, self.row.bits)
        factors = tuple(Factor((Term(ONE, column, {"feature": own}),)) for column in (RATES, GAMMA))
        scaled = steps.sumcheck(Sum("scaled", (bits,), self._at(k), factors), steps.evaluate(STEPS, {"feature": k}))
        (_, (gamma,)), ended = scaled.values, scaled.point
        counted = [Term(ONE, column, {"row": row}) for column in (RESIDUALS, COUNTS)]
        terms = (Term(ONE, FEATURES, {"feature": ended, "row": row}), *counted)
        gradient = Sum("gradient", (self.row.bits,), self._real, tuple(Factor((term,)) for term in terms))
        steps.sumcheck(gradient, gamma)

    def _at(self, k: Point) -> PublicVector:
        """eq(k, k') on real k'."""
        size = self.features
        return PublicVector(lambda: eq_table(k)[:, :size], lambda x: prefix_eq(k, x, size))

    @property
    def _real(self) -> PublicVector:
        ones = np.zeros((2, self.rows), dtype=np.uint64)
        ones[0] = 1
        return PublicVector(lambda: ones, lambda x: prefix(x, self.rows))


@dataclass(frozen=True)
class Shards:
    """The amounts of some ranges of rows, less holes, are 16-bit integers; about other rows nothing is said."""

    rows: int
    ranges: tuple[tuple[int, int], ...]
    holes: tuple[int, ...]
    name = "shards"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        counts = multiplicity_column(RANGE_COUNTS, len(self.sections))
        return {"dataset": (Column("amounts", (Axis("row", self.rows),)),), WITNESS: (counts,)}

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        return {}

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        counted = Indicator((Axis("row", self.rows),), self.holes, self.ranges)
        boxes = lookup_boxes("amounts", counted, (Lookup("amounts", RANGE, (Entry(((1, AMOUNTS),)),)),))
        return tuple(Section((box,), (range_table(i, len(boxes)),)) for i, box in enumerate(boxes))

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """None."""
