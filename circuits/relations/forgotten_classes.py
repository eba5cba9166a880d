"""The relation of a training without some classes: that of its method, and that no row that counts is of one of them.

    sum over forgotten classes c and rows n of  S(n) Y(c, n) = 0                               "forgotten classes"

By validity every Y(c, n) is 0 or 1, and there are at most 2^28 rows and 256 classes. So the sum is below p, and zero
only if every term is: integers that are not negative cannot cancel. No point has to be drawn, nothing is committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...models.live import Live
from ..field.goldilocks import ONE, ZERO, Vector, ksum
from ..field.multilinear import eq_at
from ..language.hidden import public
from ..language.layout import Address, Axis, Column
from ..language.relation import Factor, LookedUp, PublicVector, Relation, Section, Steps, Sum, Term, outer, variables
from .dataset import LABELS, output_axis, row_axis
from .standardization import counted


@dataclass(frozen=True)
class WithoutClasses:
    """The relation.

    Attributes:
        training: that of the method.
        classes: numbers of the classes, of categorical labels.
        outputs: columns of labels. live: who counts.
    """

    training: Relation
    classes: tuple[int, ...]
    outputs: int
    live: Live

    @property
    def name(self) -> str:
        """Domain separator."""
        return f"{self.training.name} without classes"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Those of the training."""
        return self.training.columns

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Those of the training."""
        return self.training.virtual

    @property
    def sections(self) -> tuple[Section, ...]:
        """Those of the training."""
        return self.training.sections

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Those of the training, then the equation of the module's head."""
        self.training.identities(steps, looked_up)
        output, row = output_axis(self.outputs), row_axis(self.live.rows)
        groups = (output.bits, row.bits)
        label = Term(ONE, LABELS, {"output": variables(0, groups[0]), "row": variables(*groups)})
        weights = outer(self._forgotten(), counted(self.live, row), output.bits)
        steps.sumcheck(Sum("forgotten classes", groups, weights, (Factor((label,)),)), public(ZERO))

    def _forgotten(self) -> PublicVector:
        """Which classes are forgotten."""

        def table() -> Vector:
            values = np.zeros((2, self.outputs), dtype=np.uint64)
            values[0, list(self.classes)] = 1
            return values

        return PublicVector(table, lambda point: ksum(eq_at(point, self.classes)))
