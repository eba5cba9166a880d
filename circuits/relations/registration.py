"""The relation of a registration: public fingerprints are those of the rows of the committed matrix.

At one random row s, with r and c of circuits/statements/fingerprints.py, which followed from the data set:

    sum over k of eq(r, k) X(s, k)  +  sum over outputs j of c_j Y_j(s)  +  blind0(s) + u blind1(s)
        = sum over rows n of eq(s, n) f(n)                                                          "registration"

Both sides are multilinear in s. All columns were committed, and f is fixed by the root that the statement names,
before s is drawn: so they agree in every row. Nothing here is an integer, so nothing has a range.

| matrix | columns |
|---|---|
| dataset | as in circuits/relations/validity.py |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..field.goldilocks import ONE, K
from ..field.multilinear import Point, bits_of, eq_index
from ..language.hidden import Hidden, linear
from ..language.layout import Address, Axis, Column
from ..language.relation import LookedUp, Section, Steps
from .dataset import BLINDS, DATASET, FEATURES, LABELS, dataset_columns, feature_axis, output_axis, row_axis

U = K(0, 1)


@dataclass(frozen=True)
class Registration:
    """The relation for one data set.

    Attributes:
        r, c: as above.
        fingerprints: the sum over rows n of eq(s, n) f(n), at a point s.
    """

    rows: int
    features: int
    outputs: int
    r: Point
    c: tuple[K, ...]
    fingerprints: Callable[[Point], K]

    @property
    def name(self) -> str:
        """Domain separator."""
        return "registration"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above; there is no witness."""
        return {DATASET: dataset_columns(self.rows, self.features, self.outputs)}

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def sections(self) -> tuple[Section, ...]:
        """No lookups."""
        return ()

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """The equation of the module's head."""
        s = steps.point("registration", row_axis(self.rows).bits)
        axis, outputs = feature_axis(self.features), output_axis(self.outputs)
        spare = len(self.r) - axis.bits  # leading coordinates, which are zero for every feature
        parts: list[tuple[K, Hidden]] = [
            (eq_index(self.r[:spare], 0), steps.evaluate(FEATURES, {"feature": self.r[spare:], "row": s}))
        ]
        for j, share in enumerate(self.c):
            parts.append((share, steps.evaluate(LABELS, {"output": bits_of(j, outputs.bits), "row": s})))
        for share, column in zip((ONE, U), BLINDS, strict=True):
            parts.append((share, steps.evaluate(column, {"row": s})))
        steps.require_zero("registration", linear(parts) - self.fingerprints(s))
