"""The same algorithm in float64: what the integers approximate, and how far they may be judged from it.

All quantities are real: features x_int / 2^x_bits, labels y_int / 2^label_bits, weights w_int / 2^w_bits. A family
brings prediction and loss (families.py). A step descends on mean loss over the live rows of its block +
l2 / 2 * ||w||^2, at the declared rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError
from .methods.gradient_descent import GradientDescent
from .methods.schedule import Schedule
from .spec import TrainingSpec

FloatArray = NDArray[np.float64]


def _descent(spec: TrainingSpec) -> GradientDescent:
    if not isinstance(spec.method, GradientDescent):
        raise ParameterError(f"method = {spec.method.kind!r}: there is no float reference of it")
    return spec.method


def design_matrix(X_real: ArrayLike, bias: bool) -> FloatArray:
    """Features and, with a bias, a last column of ones: float64 (N, K)."""
    features = np.asarray(X_real, dtype=np.float64)
    return np.hstack([features, np.ones((len(features), 1))]) if bias else features


def scores(X_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> FloatArray:
    """Real scores z, float64 (N,), of real features (N, d) under real weights (K,)."""
    return design_matrix(X_real, spec.method.bias) @ np.asarray(weights, dtype=np.float64)


def train_float(X_real: ArrayLike, y_real: ArrayLike, spec: TrainingSpec, schedule: Schedule) -> FloatArray:
    """The declared algorithm in float64 numpy.

    Args:
        X_real: (N, d) real features, as encoded: x_int / 2^x_bits.
        y_real: (N,) real labels, as encoded: y_int / 2^label_bits.
        spec: the declared algorithm; its learning rates and l2 are used, not the schedule's integers.
        schedule: gives the family, the blocks, and who counts.

    Returns:
        The last weights, float64 (K,).
    """
    matrix, alive = design_matrix(X_real, schedule.bias), schedule.live.mask()
    labels = np.asarray(y_real, dtype=np.float64)
    method, weights = _descent(spec), np.zeros(schedule.width)
    for rate in method.learning_rates:
        for block in range(schedule.blocks):
            rows = schedule.block_rows(block)
            part, mine = matrix[rows], alive[rows]
            residuals = np.where(mine, schedule.family.inverse_link(part @ weights) - labels[rows], 0.0)
            gradient = residuals @ part / max(schedule.live_counts[block], 1)
            weights = weights - rate * (gradient + method.l2 * weights)
    return weights


def train_torch(X_real: ArrayLike, y_real: ArrayLike, spec: TrainingSpec, schedule: Schedule) -> FloatArray:
    """The declared algorithm as a torch user would write it: a loss, autograd and SGD, in float64.

    Arguments and result are those of `train_float`. Torch is imported here, on the first call.
    """
    import torch

    method, alive = _descent(spec), torch.from_numpy(schedule.live.mask())
    matrix = torch.from_numpy(design_matrix(X_real, schedule.bias))
    labels = torch.from_numpy(np.array(y_real, dtype=np.float64))
    weights = torch.zeros(schedule.width, dtype=torch.float64, requires_grad=True)
    # SGD's weight_decay is the gradient of weight_decay / 2 * ||w||^2.
    optimiser = torch.optim.SGD([weights], lr=method.learning_rates[0], weight_decay=method.l2)
    for rate in method.learning_rates:
        optimiser.param_groups[0]["lr"] = rate
        for block in range(schedule.blocks):
            rows = schedule.block_rows(block)
            kept = alive[rows]
            optimiser.zero_grad()
            losses = schedule.family.torch_loss(matrix[rows][kept] @ weights, labels[rows][kept])
            (losses.sum() / max(len(losses), 1)).backward()  # type: ignore[no-untyped-call]  # as torch ships it
            optimiser.step()
    return np.asarray(weights.detach().numpy(), dtype=np.float64)


def objective(X_real: ArrayLike, y_real: ArrayLike, live: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Mean loss over the live rows, (N,) bool, + l2 / 2 * ||w||^2, for real features, labels and weights (K,)."""
    mine = np.asarray(live, dtype=np.bool_)
    z, w = scores(X_real, weights, spec)[mine], np.asarray(weights, dtype=np.float64)
    losses = spec.family.loss(z, np.asarray(y_real, dtype=np.float64)[mine])
    return float(losses.mean() + _descent(spec).l2 / 2 * (w @ w))


def accuracy(X_real: ArrayLike, y_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Share of rows whose predicted class is theirs: class 1 where the prediction is at least 1/2."""
    predicted = spec.family.inverse_link(scores(X_real, weights, spec)) >= 0.5
    return float(np.mean(predicted == (np.asarray(y_real) >= 0.5)))


def r2(X_real: ArrayLike, y_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Coefficient of determination: 1 - residual sum of squares / total sum of squares."""
    labels = np.asarray(y_real, dtype=np.float64)
    residuals = labels - spec.family.inverse_link(scores(X_real, weights, spec))
    return float(1.0 - (residuals @ residuals) / np.sum((labels - labels.mean()) ** 2))
