"""How good models are, in real numbers: scores, losses, and how much of the labels they explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.families import Family

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Sample:
    """Rows in real numbers.

    Attributes:
        X: float64 (n, K), encoded features, and the bias's ones last if there is one.
        y: float64 (n, O), labels of each output.
        counted: float64 (n,), how often each counts in training.
    """

    X: FloatArray
    y: FloatArray
    counted: FloatArray

    def __len__(self) -> int:
        return len(self.X)

    def some(self, places: NDArray[np.int64]) -> Sample:
        """The rows at these places."""
        return Sample(self.X[places], self.y[places], self.counted[places])


@dataclass(frozen=True, repr=False)  # what is told of rows stays out of logs
class Fit:
    """Of one model on one sample.

    Attributes:
        score: accuracy; else the part that is gone of the best constant's loss above the least possible one: R^2, D^2.
        loss: mean loss of a row above the least possible one.
    """

    score: float
    loss: float


def losses(family: Family, sample: Sample, scores: FloatArray) -> FloatArray:
    """Of each row, of all outputs together, above the least possible loss: float64 (n,). Scores are (n, O)."""
    own = family.loss(scores, sample.y) - family.least_loss(sample.y)
    return np.asarray(own.sum(axis=1), dtype=np.float64)


def fit(family: Family, sample: Sample, scores: FloatArray) -> Fit:
    """How good scores (n, O) are."""
    loss = float(losses(family, sample, scores).mean())
    if family.predicts == "class":
        if scores.shape[1] > 1:
            right = scores.argmax(axis=1) == sample.y.argmax(axis=1)
        else:
            right = (scores[:, 0] > 0) == (sample.y[:, 0] >= 0.5)
        return Fit(float(right.mean()), loss)
    labels = sample.y
    if (labels == labels[0]).all():
        return Fit(0.0, loss)
    constant = np.full_like(labels, family.link(float(labels.mean())))
    best = float((family.loss(constant, labels) - family.least_loss(labels)).mean())
    return Fit(1 - loss / best, loss)


def prediction_change(family: Family, one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """By how much predictions of two models differ, by their scores (n, O): the mean, and the largest."""
    moved = np.abs(family.inverse_link(one) - family.inverse_link(other))
    return float(moved.mean()), float(moved.max())
