"""How a training went: loss, gradient and fit at some of its epochs, and what its owner should know of that.

Everything here is in real numbers, float64, of the rows that count; features are as they are trained on. Nothing of it
is proved, and notes hold no figure that depends on the data, so that they can be logged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .families import Family

FloatArray = NDArray[np.float64]
Piece = tuple[FloatArray, FloatArray, FloatArray]  # rows: features (n, K), labels (n,), how often each counts (n,)

SCORES = {"class": "accuracy", "value": "R^2", "count": "D^2"}  # by what a family predicts
SPACED = 8  # epochs that are shown between the first and the last, each about the same multiple of the one before
LAST_PART = 10  # the last tenth of a run
STILL_FALLING = 0.01  # that part of the distance to the best constant's loss, lost in the last tenth, is worth a note
RISE = 0.01  # that part of all that the loss fell by is a rise, and no rounding
LEAST_CHANGE = 1e-5  # that part of the loss before any training is what rounding may do where nothing can be learnt

ONE_LABEL = "every row that counts has the same label: there is nothing to learn"
CONSTANT = (
    "worse than a constant: on the rows that count, the loss is not below that of predicting their mean for everyone; "
    "use more epochs or another learning_rate"
)
FALLING = (
    f"still falling: in the last tenth of the epochs the loss fell by more than {STILL_FALLING:.0%} of its distance to "
    "that of the best constant; use more epochs or a larger learning_rate"
)
RISING = "warning: the loss rose where it should have settled; use a smaller learning_rate"
SEPARABLE = (
    "separable classes: every row that counts is classified right, and the weights still grow, as l2 is 0; no optimum "
    "exists, so set l2, or the number of epochs decides how large the weights get"
)


@dataclass(frozen=True, kw_only=True, repr=False)  # what is told of the owner's rows stays out of logs
class Point:
    """A model on its way, on all rows that count.

    Attributes:
        epoch: how many epochs it has seen.
        loss: mean loss of a row; one that counts v times has v times its loss.
        penalty: l2 / 2 times the squared norm of the weights that are penalised.
        gradient_norm: Euclidean norm of the gradient of loss + penalty by the weights.
        score: accuracy; else the share that is gone of what the best constant's loss is above the least possible one,
            0.0 where that is nothing.
        weight_norm: Euclidean norm of the weights.
    """

    epoch: int
    loss: float
    penalty: float
    gradient_norm: float
    score: float
    weight_norm: float

    @property
    def objective(self) -> float:
        """What training minimises."""
        return self.loss + self.penalty


@dataclass(frozen=True, repr=False)
class Curve:
    """A training, by some of its epochs.

    Attributes:
        points: in the order of epochs, the first before any, the last after all.
        score_name: what scores are, see SCORES.
        constant_loss: mean loss of the best model that predicts the same for every row.
        notes: what the owner should know; none for a run that came to rest.
    """

    points: tuple[Point, ...]
    score_name: str
    constant_loss: float
    notes: tuple[str, ...]

    @property
    def last(self) -> Point:
        """The trained model."""
        return self.points[-1]


def shown_epochs(epochs: int) -> tuple[int, ...]:
    """The epochs to look at, increasing: 0, some at growing distances, the last tenth's first, and the last three."""
    spaced = np.rint(np.geomspace(1, epochs, SPACED)).astype(np.int64).tolist()
    ends = (0, epochs - -(-epochs // LAST_PART), epochs - 2, epochs - 1, epochs)  # three in a row show an oscillation
    return tuple(sorted({epoch for epoch in (*spaced, *ends) if epoch >= 0}))


def measured(
    family: Family, pieces: Iterable[Piece], epochs: Sequence[int], weights: FloatArray, penalties: FloatArray
) -> Curve:
    """The curve of a run.

    Args:
        pieces: all rows that count, in one pass over them.
        epochs: `shown_epochs` of the run, E of them.
        weights: (E, K) after each.
        penalties: (K,) the l2 of each weight.
    """
    sums = _Sums(family, weights)
    for piece in pieces:
        sums.add(*piece)
    losses, constant, least = sums.losses / sums.rows, sums.constant_loss, sums.least / sums.rows
    fit = sums.right / sums.rows
    if family.predicts != "class":
        fit = (constant - losses) / (constant - least) if constant > least else np.zeros_like(losses)
    gradients = sums.gradients / sums.rows + penalties * weights
    points = tuple(
        Point(
            epoch=epoch,
            loss=float(losses[i]),
            penalty=float(penalties @ weights[i] ** 2) / 2,
            gradient_norm=float(np.linalg.norm(gradients[i])),
            score=float(fit[i]),
            weight_norm=float(np.linalg.norm(weights[i])),
        )
        for i, epoch in enumerate(epochs)
    )
    notes: tuple[str, ...] = (ONE_LABEL,)
    if not sums.one_label:
        notes = notes_on(family, points, constant, penalised=bool(penalties.any()))
    return Curve(points, SCORES[family.predicts], constant, notes)


def notes_on(family: Family, points: Sequence[Point], constant_loss: float, *, penalised: bool) -> tuple[str, ...]:
    """What the owner should know of a run on rows of several labels.

    Args:
        points: of `shown_epochs`.
        constant_loss: of the best constant.
        penalised: whether l2 is not 0.
    """
    first, last = points[0], points[-1]
    start = next(point for point in points if point.epoch >= last.epoch - -(-last.epoch // LAST_PART))
    fallen = first.objective - min(point.objective for point in points)
    least = LEAST_CHANGE * abs(first.objective)
    slack = max(RISE * fallen, least)
    late = [(a, b) for a, b in pairwise(points) if 2 * b.epoch > last.epoch]
    rising = any(b.objective > a.objective + slack for a, b in [*late, (first, last)])
    grows = last.weight_norm > start.weight_norm
    separable = family.predicts == "class" and not penalised and last.score == 1.0 and grows
    distance = abs(constant_loss - last.loss)
    falling = start.objective - last.objective > max(STILL_FALLING * distance, least)
    found = (
        (RISING, rising),
        (CONSTANT, not last.loss < constant_loss),
        (SEPARABLE, separable),
        (FALLING, falling and not (separable or rising)),  # which say more of the same
    )
    return tuple(note for note, holds in found if holds)


class _Sums:
    """Sums over rows, for several models, weights (E, K), at once."""

    def __init__(self, family: Family, weights: FloatArray) -> None:
        self._family, self._weights = family, weights
        self.losses, self.right = (np.zeros(len(weights)) for _ in range(2))
        self.gradients = np.zeros_like(weights)
        self.rows, self.counted, self.labels, self.at_zero, self.least = 0, 0.0, 0.0, 0.0, 0.0
        self.lowest, self.highest = math.inf, -math.inf

    def add(self, X: FloatArray, y: FloatArray, counted: FloatArray) -> None:
        """Rows (n, K) with labels (n,), counted so often (n,)."""
        scores, labels = X @ self._weights.T, y[:, None]
        predicted = self._family.inverse_link(scores)
        self.losses += counted @ self._family.loss(scores, labels)
        self.right += ((predicted >= 0.5) == (labels >= 0.5)).sum(axis=0)
        self.gradients += (counted[:, None] * (predicted - labels)).T @ X
        self.rows += len(y)
        self.counted += float(counted.sum())
        self.labels += float(counted @ y)
        self.at_zero += float(counted @ self._family.loss(np.zeros_like(y), y))
        self.least += float(counted @ self._family.least_loss(y))
        self.lowest, self.highest = min(self.lowest, float(y.min())), max(self.highest, float(y.max()))

    @property
    def one_label(self) -> bool:
        """Whether all labels are equal."""
        return self.lowest == self.highest

    @property
    def constant_loss(self) -> float:
        """Of predicting the mean of all labels, which is the best of all constants.

        A loss is A(z) - y z + B(y), so that the mean of B over all rows follows from losses at z = 0.
        """
        if self.one_label:
            return self.least / self.rows
        mean = np.array([self.labels / self.counted])
        score = np.array([self._family.link(float(mean[0]))])
        spread = self.at_zero / self.counted - float(self._family.loss(np.zeros(1), mean)[0])
        return (float(self._family.loss(score, mean)[0]) + spread) * self.counted / self.rows
