"""How a training went: loss, gradient and fit at some of its epochs, and what its owner should know of that.

Everything here is in real numbers, float64, of the rows that count; features are as they are trained on. A model of
several outputs, one for each class, is trained on the sum of their losses: it has a label of each, 1 for the class that
a row is of. Nothing of it is proved, and notes hold no figure that depends on the data, so that they can be logged.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .families import Family

FloatArray = NDArray[np.float64]


class Multiplied(ABC):
    """Features of rows, (n, K), that are there as products only."""

    __array_ufunc__ = None  # numpy leaves products with arrays to these

    @abstractmethod
    def __len__(self) -> int:
        """n."""

    @abstractmethod
    def __matmul__(self, weights: FloatArray) -> FloatArray:
        """Scores (n, M) by weights (K, M)."""

    @abstractmethod
    def __rmatmul__(self, values: FloatArray) -> FloatArray:
        """Sums over rows (M, K) of values (M, n)."""


# Rows: features (n, K), labels (n, O), how often each counts (n,).
Piece = tuple[FloatArray | Multiplied, FloatArray, FloatArray]

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
    "separable classes: a class is told from all others without an error on the rows that count, and the weights still "
    "grow, as l2 is 0; no optimum exists, so set l2, or the number of epochs decides how large the weights get"
)


@dataclass(frozen=True, kw_only=True, repr=False)  # what is told of the owner's rows stays out of logs
class Point:
    """A model on its way, on all rows that count.

    Attributes:
        epoch: how many epochs it has seen.
        loss: mean loss of a row, of several outputs the sum of theirs; a row that counts v times has v times its loss.
        penalty: l2 / 2 times the squared norm of the weights that are penalised.
        gradient_norm: Euclidean norm of the gradient of loss + penalty by the weights, those of all outputs.
        score: accuracy; else the share that is gone of what the best constant's loss is above the least possible one,
            0.0 where that is nothing.
        weight_norm: Euclidean norm of the weights, those of all outputs.
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
        constant_loss: mean loss of the best model that predicts the same for every row, summed as `Point.loss` is.
        notes: what the owner should know; none for a run that came to rest.
        stepped: whether epochs lead to the last point; else it is the optimum, however it was found.
    """

    points: tuple[Point, ...]
    score_name: str
    constant_loss: float
    notes: tuple[str, ...]
    stepped: bool = True

    @property
    def last(self) -> Point:
        """The trained model."""
        return self.points[-1]


def mean_curve(curves: Sequence[Curve], counts: Sequence[int], notes: tuple[str, ...]) -> Curve:
    """The mean of trainings of the same epochs, each counted as often as it has rows, at least one curve."""
    shares = np.array(counts) / sum(counts)
    points = tuple(_mean_point(own, shares) for own in zip(*(curve.points for curve in curves), strict=True))
    constant = float(shares @ [curve.constant_loss for curve in curves])
    return Curve(points, curves[0].score_name, constant, notes)


def _mean_point(points: Sequence[Point], shares: FloatArray) -> Point:
    names = [item.name for item in fields(Point) if item.name != "epoch"]
    means = {name: float(shares @ [getattr(point, name) for point in points]) for name in names}
    return Point(epoch=points[0].epoch, **means)


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
        weights: (E, O, K) after each, of all outputs.
        penalties: (K,) the l2 of each weight.
    """
    sums = _Sums(family, weights)
    for piece in pieces:
        sums.add(*piece)
    losses, constant, least = sums.losses / sums.rows, sums.constant_loss, float(sums.least.sum()) / sums.rows
    fit = sums.right / sums.rows
    if family.predicts != "class":
        fit = (constant - losses) / (constant - least) if constant > least else np.zeros_like(losses)
    gradients = sums.gradients / sums.rows + penalties * weights
    points = tuple(
        Point(
            epoch=epoch,
            loss=float(losses[i]),
            penalty=float((weights[i] ** 2 @ penalties).sum()) / 2,
            gradient_norm=float(np.linalg.norm(gradients[i])),
            score=float(fit[i]),
            weight_norm=float(np.linalg.norm(weights[i])),
        )
        for i, epoch in enumerate(epochs)
    )
    notes: tuple[str, ...] = (ONE_LABEL,)
    if not sums.one_label:
        separated = family.predicts == "class" and sums.separated and not penalties.any()
        notes = notes_on(points, constant, separated=separated)
    return Curve(points, SCORES[family.predicts], constant, notes)


def notes_on(points: Sequence[Point], constant_loss: float, *, separated: bool) -> tuple[str, ...]:
    """What the owner should know of a run on rows of several labels.

    Args:
        points: of `shown_epochs`.
        constant_loss: of the best constant.
        separated: whether nothing but the number of epochs bounds the weights: l2 is 0, and an output of a classifier
            is on the right side for every row. One such output is enough, however the others do: it has no optimum.
    """
    first, last = points[0], points[-1]
    start = next(point for point in points if point.epoch >= last.epoch - -(-last.epoch // LAST_PART))
    fallen = first.objective - min(point.objective for point in points)
    least = LEAST_CHANGE * abs(first.objective)
    slack = max(RISE * fallen, least)
    late = [(a, b) for a, b in pairwise(points) if 2 * b.epoch > last.epoch]
    rising = any(b.objective > a.objective + slack for a, b in [*late, (first, last)])
    grows = last.weight_norm > start.weight_norm
    separable = separated and grows
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
    """Sums over rows, for several models, weights (E, O, K), at once."""

    def __init__(self, family: Family, weights: FloatArray) -> None:
        self._family, (models, outputs, width) = family, weights.shape
        self._weights, self._shape = weights.reshape(models * outputs, width), (models, outputs)
        self.losses, self.right = (np.zeros(models) for _ in range(2))
        self.gradients = np.zeros_like(weights)
        self.rows, self.counted = 0, 0.0
        self._wrong = np.zeros(outputs, dtype=np.int64)  # rows on whose wrong side the last model is
        self.labels, self.at_zero, self.least = (np.zeros(outputs) for _ in range(3))
        self.lowest, self.highest = np.full(outputs, math.inf), np.full(outputs, -math.inf)

    def add(self, X: FloatArray | Multiplied, y: FloatArray, counted: FloatArray) -> None:
        """Rows (n, K) with labels (n, O), counted so often (n,)."""
        scores = (X @ self._weights.T).reshape(len(X), *self._shape)
        predicted, labels = self._family.inverse_link(scores), y[:, None, :]
        self.losses += np.einsum("n,neo->e", counted, self._family.loss(scores, labels))
        sides = (predicted >= 0.5) == (labels >= 0.5)
        several = self._shape[1] > 1
        right = scores.argmax(axis=2) == labels.argmax(axis=2) if several else sides[:, :, 0]
        self.right += right.sum(axis=0)
        self._wrong += (~sides[:, -1]).sum(axis=0)
        residuals = (counted[:, None, None] * (predicted - labels)).reshape(len(X), -1)
        self.gradients += (residuals.T @ X).reshape(self.gradients.shape)
        self.rows += len(y)
        self.counted += float(counted.sum())
        self.labels += counted @ y
        self.at_zero += counted @ self._family.loss(np.zeros_like(y), y)
        self.least += counted @ self._family.least_loss(y)
        np.minimum(self.lowest, y.min(axis=0), out=self.lowest)
        np.maximum(self.highest, y.max(axis=0), out=self.highest)

    @property
    def one_label(self) -> bool:
        """Whether all labels are equal."""
        return bool((self.lowest == self.highest).all())

    @property
    def separated(self) -> bool:
        """Whether the last model has no row on the wrong side of an output that has rows on both."""
        return bool(((self._wrong == 0) & (self.lowest < self.highest)).any())

    @property
    def constant_loss(self) -> float:
        """Of predicting the mean of all labels, which is the best of all constants, summed over outputs.

        A loss is A(z) - y z + B(y), so that the mean of B over all rows follows from losses at z = 0.
        """
        total = 0.0
        for output, same in enumerate(self.lowest == self.highest):
            if same:
                total += float(self.least[output]) / self.rows
                continue
            mean = self.labels[output : output + 1] / self.counted
            score = np.array([self._family.link(float(mean[0]))])
            spread = float(self.at_zero[output]) / self.counted - float(self._family.loss(np.zeros(1), mean)[0])
            total += (float(self._family.loss(score, mean)[0]) + spread) * self.counted / self.rows
        return total
