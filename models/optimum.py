"""What training minimises, as a function of real weights, and where its minimum is.

    f(w) = mean over rows of c_i (loss(x_i . w, y_i) - least loss of y_i) + sum over k of penalty_k w_k^2 / 2

A model of several outputs, one for each class, has as many vectors of weights, on the same features, and f is the sum
of theirs: its minimum is where each of them has its own. Vectors lie one after another in one, (O K,).

Losses are counted from the least possible one, so that f is not negative and a share of it means something for every
family. All in float64, for the owner's eyes: nothing of it is proved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .families import Family

FloatArray = NDArray[np.float64]
PIECE_CELLS = 1 << 16  # features and scores that are worked on at a time: they stay near the processor
NEWTON_STEPS = 60  # far more than a convex function takes from zero
HALVINGS = 40  # of a step that goes too far
CLOSE = 1e-9  # that part of f is how far the minimum may still be below it
DIRECT_WIDTH = 1024  # above it Newton's equations are solved by conjugate gradients, without the matrix
CONJUGATE_STEPS = 200
POWER_STEPS = 64
RIDGE = 1e-10  # of the mean eigenvalue, for directions in which f does not change at all
NO_OPTIMUM = (
    "l2 = 0: the classes are separable, one can be told from all others without an error, so that larger weights are "
    "always better and no optimum exists; use an l2 above 0"
)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Objective:
    """f.

    Attributes:
        family: whose losses are minimised.
        X: float64 (n, K), features as they are trained on, the bias's ones included.
        y: float64 (n, O), labels of each output.
        penalties: float64 (K,), the l2 of each weight of an output.
        counts: float64 (n,), c: how often each row counts; None where it is once.
    """

    family: Family
    X: FloatArray
    y: FloatArray
    penalties: FloatArray
    counts: FloatArray | None = None

    @property
    def outputs(self) -> int:
        """O."""
        return int(self.y.shape[1])

    @property
    def width(self) -> int:
        """O K, the number of all weights."""
        return self.outputs * int(self.X.shape[1])

    def alone(self, output: int) -> Objective:
        """That of one output."""
        return Objective(self.family, self.X, self.y[:, [output]], self.penalties, self.counts)

    @cached_property
    def _least(self) -> float:
        return float(self._counted(self.family.least_loss(self.y), slice(None)).sum()) / len(self.y)

    def _counted(self, values: FloatArray, rows: slice) -> FloatArray:
        """What some rows have, the first axis, as often as they count."""
        if self.counts is None:
            return values
        return np.asarray(values * self.counts[rows].reshape(-1, *[1] * (values.ndim - 1)), dtype=np.float64)

    def values(self, weights: FloatArray) -> FloatArray:
        """f of several models (O K, M): float64 (M,)."""
        flat, models = self._side_by_side(weights), weights.shape[1]
        losses = np.zeros(models)
        for rows in self._pieces(models):
            scores = (self.X[rows] @ flat).reshape(-1, self.outputs, models)
            losses += self._counted(self.family.loss(scores, self.y[rows, :, None]), rows).sum(axis=(0, 1))
        penalties = np.tile(self.penalties, self.outputs) @ weights**2 / 2
        return np.asarray(losses / len(self.y) - self._least + penalties, dtype=np.float64)

    def gradients(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gradients of several models (O K, M): float64 (O K, M); and the largest |score| of each, (M,)."""
        flat, models = self._side_by_side(weights), weights.shape[1]
        sums, largest = np.zeros_like(flat), np.zeros(flat.shape[1])
        for rows in self._pieces(models):
            scores = self.X[rows] @ flat
            np.maximum(largest, np.abs(scores).max(axis=0), out=largest)
            residuals = self.family.inverse_link(scores).reshape(-1, self.outputs, models) - self.y[rows, :, None]
            sums += self.X[rows].T @ self._counted(residuals.reshape(scores.shape), rows)
        stacked = sums.reshape(-1, self.outputs, models).swapaxes(0, 1).reshape(weights.shape)
        gradients = stacked / len(self.y) + np.tile(self.penalties, self.outputs)[:, None] * weights
        return gradients, largest.reshape(self.outputs, models).max(axis=0)

    def _side_by_side(self, weights: FloatArray) -> FloatArray:
        """Weights (O K, M) as (K, O M), so that one product has the scores of all outputs and models."""
        outputs, models = self.outputs, weights.shape[1]
        return weights.reshape(outputs, -1, models).swapaxes(0, 1).reshape(-1, outputs * models)

    def curvature(self, weights: FloatArray) -> float:
        """The largest that an eigenvalue of f's second derivative can be, within a few per cent.

        Where the family has no bound of its own, it is the larger one of the largest at zero and at `weights` (O K,).
        """
        penalty = float(self.penalties.max(initial=0.0))
        if np.isfinite(self.family.curvature):
            once = self._counted(np.ones(len(self.y)), slice(None))
            return self.family.curvature * _largest_eigenvalue(self.X, once) + penalty
        at = (np.zeros(self.X.shape[1]), *weights.reshape(self.outputs, -1))
        return max(_largest_eigenvalue(self.X, self._slopes(w)) for w in at) + penalty

    def _slopes(self, weights: FloatArray) -> FloatArray:
        """The second derivative of the loss of each row, by its score: (n,)."""
        return self._counted(self.family.slope(self.X @ weights), slice(None))

    def newton_step(self, weights: FloatArray, gradient: FloatArray) -> FloatArray:
        """The solution s of f''(w) s = gradient, both (K,), of the only output."""
        slopes, count, width = self._slopes(weights), len(self.y), self.X.shape[1]
        if width <= DIRECT_WIDTH:
            matrix = (self.X * slopes[:, None]).T @ self.X / count + np.diag(self.penalties)
            matrix += RIDGE * float(np.trace(matrix)) / width * np.eye(width)
            return np.asarray(np.linalg.solve(matrix, gradient), dtype=np.float64)
        step, rest = np.zeros(width), gradient.copy()
        direction, size = rest.copy(), float(rest @ rest)
        target = size * CLOSE**2
        for _ in range(CONJUGATE_STEPS):
            if size <= target:
                break
            turned = self.X.T @ (slopes * (self.X @ direction)) / count + self.penalties * direction
            length = size / float(direction @ turned)
            step, rest = step + length * direction, rest - length * turned
            size, before = float(rest @ rest), size
            direction = rest + size / before * direction
        return step

    def _pieces(self, models: int) -> Iterator[slice]:
        step = max(64, PIECE_CELLS // (self.X.shape[1] + self.outputs * models))
        return (slice(start, start + step) for start in range(0, len(self.y), step))


class Minimised(Protocol):
    """What gradient descent can be tried on: an Objective, or several together."""

    @property
    def outputs(self) -> int:
        """How many vectors of weights it has, each with its own minimum."""

    @property
    def width(self) -> int:
        """The number of all weights."""

    def alone(self, output: int) -> Objective:
        """That of one output."""

    def values(self, weights: FloatArray) -> FloatArray:
        """Of several models (width, M): (M,)."""

    def gradients(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The steps' directions (width, M), and the largest |score| of each model, (M,)."""

    def curvature(self, weights: FloatArray) -> float:
        """The largest of any step's direction."""


def minimum(objective: Minimised) -> tuple[FloatArray, float]:
    """Where f is least, float64 (O K,), and f there, by Newton's method with steps halved until f falls.

    Raises:
        ParameterError: f has no minimum.
    """
    found = [_minimum_alone(objective.alone(output)) for output in range(objective.outputs)]
    return np.concatenate([weights for weights, _ in found]), sum(value for _, value in found)


def _minimum_alone(objective: Objective) -> tuple[FloatArray, float]:
    """The same of one output."""
    weights = np.zeros(objective.width)
    value = _value(objective, weights)
    for _ in range(NEWTON_STEPS):
        gradient = objective.gradients(weights[:, None])[0][:, 0]
        step = objective.newton_step(weights, gradient)
        promised = float(gradient @ step) / 2  # how much f falls where it is a parabola
        if promised <= CLOSE * value:
            break
        for halving in range(HALVINGS):
            trial = weights - step / 2**halving
            found = _value(objective, trial)
            if found <= value - promised / 2 ** (halving + 2):
                break
        else:
            break  # f is too flat for float64 to show that it falls
        weights, value = trial, found
    _require_minimum(objective, weights)
    return weights, value


def _require_minimum(objective: Objective, weights: FloatArray) -> None:
    """A class that some weights tell from the others without an error has none, unless weights are penalised."""
    if objective.family.predicts == "class" and not objective.penalties.any():
        scores = objective.X @ weights
        if (np.where(objective.y[:, 0] >= 0.5, scores, -scores) > 0).all():
            raise ParameterError(NO_OPTIMUM)


def _value(objective: Objective, weights: FloatArray) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # what a step that goes too far finds is not less than before
        return float(objective.values(weights[:, None])[0])


def _largest_eigenvalue(X: FloatArray, slopes: FloatArray) -> float:
    """Of X^T diag(slopes) X / n, by the power method: within a few per cent, and never above."""
    vector: FloatArray = np.cos(np.arange(1.0, X.shape[1] + 1.0))  # any that is orthogonal to nothing in particular
    found = 0.0
    for _ in range(POWER_STEPS):
        vector = X.T @ (slopes * (X @ vector)) / len(X)
        found = float(np.linalg.norm(vector))
        if found == 0.0:
            break
        vector = vector / found
    return found
