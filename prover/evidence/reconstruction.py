"""Reconstruct forgotten rows from two models: the attack of whoever holds the one before and the one after.

Bertran, Tang, Kearns, Morgenstern, Roth and Wu, *Reconstruction Attacks on Machine Unlearning: Simple Models are
Vulnerable* (NeurIPS 2024). Both models are where their gradient is zero, so the gradient of the forgotten rows at the
model before is what the remaining rows' gradient there is short of:

    sum over forgotten rows of r x = - (sum over remaining rows of (f'(w_before) - f'(w_after)) x) - penalties,

and of the sum over the remaining rows the attacker knows the mean over any rows of the same sort: no label is needed,
and no Hessian: where scores move little, the difference is the Hessian times the difference of weights. For one row the
right side is that row times its residual, and the feature that is always one says what the residual is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.families import Family

FloatArray = NDArray[np.float64]
NEAR = 0.1  # of a feature's standard deviation: a value that is found so exactly is found


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Known:
    """What an attacker knows beside two models.

    Attributes:
        family: of the models.
        X: float64 (n, K), rows of the same sort as were trained on, the bias's ones last if there is one.
        counted: float64 (n,), how often each counts in training.
        penalties: float64 (K,), the l2 of each weight.
        bias: whether there is one.
        remaining: how many rows the model after was trained on.
        forgotten: how many more the model before was.
    """

    family: Family
    X: FloatArray
    counted: FloatArray
    penalties: FloatArray
    bias: bool
    remaining: int
    forgotten: int


def reconstruct(known: Known, before: FloatArray, after: FloatArray) -> FloatArray:
    """The features of the forgotten row, or of several one that stands for all of them: float64 (d,).

    Args:
        before, after: weights (O, K).
    """
    moved = known.family.inverse_link(known.X @ before.T) - known.family.inverse_link(known.X @ after.T)
    means = (moved * known.counted[:, None]).T @ known.X / len(known.X)
    fallen = known.remaining * (means + known.penalties * (before - after))
    gradients = -fallen - known.forgotten * known.penalties * before  # (O, K): residuals times rows
    direction: FloatArray = gradients[0] if len(gradients) == 1 else np.linalg.svd(gradients, full_matrices=False)[2][0]
    if known.bias:
        return direction[:-1] / direction[-1] if direction[-1] else np.zeros(len(direction) - 1)
    mean, size = known.X.mean(axis=0), float(direction @ direction)  # a length and a sign that make it the usual row
    return direction * (direction @ mean / size) if size else direction


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Yardstick:
    """Of each feature that varies, mean and standard deviation over known rows: guesses count in units of these."""

    mean: FloatArray
    spread: FloatArray
    used: NDArray[np.bool_]

    @classmethod
    def of(cls, features: FloatArray) -> Yardstick:
        """Of rows (n, d)."""
        spread = features.std(axis=0)
        return cls(features.mean(axis=0), spread, spread > 0)

    def units(self, features: FloatArray) -> FloatArray:
        """Features (.., d) in these units, without those that do not vary."""
        return np.asarray(((features - self.mean)[..., self.used]) / self.spread[self.used], dtype=np.float64)


def likeness(guess: FloatArray, rows: FloatArray, yardstick: Yardstick) -> tuple[float, float]:
    """How like a guess (d,) is to the row that it is most like, of rows (b, d).

    Returns:
        The cosine of both, in units of the yardstick: 1 is the row but for its distance from the mean, 0 nothing to do
        with it; and the part of features whose value is found within a tenth of a standard deviation.
    """
    mine, theirs = yardstick.units(guess), yardstick.units(rows)
    lengths = np.linalg.norm(theirs, axis=1) * np.linalg.norm(mine)
    cosines = np.divide(theirs @ mine, lengths, out=np.zeros(len(theirs)), where=lengths > 0)
    best = int(np.argmax(cosines))
    near = np.abs(theirs[best] - mine) <= NEAR
    return float(cosines[best]), float(near.mean()) if len(near) else 0.0
