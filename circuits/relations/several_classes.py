"""How well a model of several classes predicts rows: how many right, and which are taken for which.

B is what argmax.py proves, Y the columns of labels, of which the proof of the data set says that each row has one:

    sum over rows n and outputs c of S(n) Y(c, n) B(c, n) = the number that is stated       "right predictions"
    sum over rows n of S(n) Y(a, n) B(b, n) = how many of class a are predicted as b        "confusion"

the latter as polynomials in a and b, at a random pair. Losses are in normalised_loss.py and mean_class_loss.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..field.goldilocks import ONE, ZERO, K, Vector, kmul_base, kscalar, ksum
from ..field.multilinear import eq_table
from ..language.hidden import public
from ..language.layout import Address, Axis, Column
from ..language.relation import Factor, LookedUp, LookupBox, Steps, Sum, Term, variables
from .argmax import Argmax
from .dataset import LABELS
from .gridded import Gridded
from .mean_class_loss import MeanClassLoss
from .normalised_loss import NormalisedLoss
from .scored import ScoredModel
from .standardization import counted


@dataclass(frozen=True)
class SeveralClasses:
    """What is stated of a model's predictions.

    Attributes:
        argmax: what the model predicts of which rows.
        right: how many of those that count it predicts right.
        confusion: of each class, as it is, how many are predicted as each: (classes)^2 numbers; or none.
        loss: at which log-loss, if it is stated.
    """

    argmax: Argmax
    right: int
    confusion: tuple[int, ...] = ()
    loss: NormalisedLoss | MeanClassLoss | None = None

    @property
    def scored(self) -> ScoredModel:
        """The model."""
        return self.argmax.scored

    @property
    def bounds(self) -> tuple[Gridded, ...]:
        """Those of the loss; all else is exact."""
        return () if self.loss is None else self.loss.bounds

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Scores, and what the loss has."""
        return self.argmax.virtual if self.loss is None else {**self.argmax.virtual, **self.loss.virtual}

    @property
    def witness(self) -> tuple[Column, ...]:
        """What is committed, besides the model's own."""
        return self.argmax.witness if self.loss is None else (*self.argmax.witness, *self.loss.witness)

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Those of the argmax, and of the loss."""
        return (self.argmax.boxes,) if self.loss is None else (self.argmax.boxes, *self.loss.boxes)

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """Those of the argmax, and of the loss."""
        self.argmax.identities(steps, ended)
        if self.loss is not None:
            self.loss.identities(steps, ended)

    def totals(self, steps: Steps) -> None:
        """The numbers that are stated."""
        own, matrix = self.argmax, self.scored.matrix
        predicted = own.on_all()
        labels = Factor((Term(ONE, LABELS, predicted.at),))
        right = own.over_rows("right predictions", (labels, Factor((predicted,))))
        steps.sumcheck(right, public(K(self.right)))
        if not self.confusion:
            return
        bits, row = own.output.bits, variables(0, own.row.bits)
        point = steps.point(f"confusion of {matrix}", 2 * bits)
        a, b = point[:bits], point[bits:]
        factors = (
            Factor((Term(ONE, LABELS, {"output": a, "row": row}),)),
            Factor((Term(ONE, own.predicted, {"output": b, "row": row}),)),
        )
        summed = Sum(f"confusion of {matrix}", (own.row.bits,), counted(own.live, own.row), factors)
        steps.sumcheck(summed, public(self._confused(eq_table(a), eq_table(b))))

    def _confused(self, at_a: Vector, at_b: Vector) -> K:
        """The extension of the confusion matrix, from eq of both points."""
        size, total = self.argmax.output.size, ZERO
        for actual in range(size):
            counts = np.array(self.confusion[actual * size : (actual + 1) * size], dtype=np.uint64)
            total = total + kscalar(at_a[:, actual]) * ksum(kmul_base(at_b[:, :size], counts))
        return total
