"""The same algorithm in float64: what the integers approximate, and how far they may be judged from it.

All quantities are real: features x_int / 2^x_bits, labels y_int / 2^label_bits, weights w_int / 2^w_bits. The
loss of a row is the one whose derivative by the score z is inverse_link(z) - y (the matching loss; but for
probit, the negative log-likelihood up to a constant):

    logistic   log(1 + e^z) - y z        linear    (z - y)^2 / 2
    poisson    e^z - y z                 probit    z Phi(z) + phi(z) - y z

A step descends on mean loss over the live rows of its block + l2 / 2 * ||w||^2, at the declared rate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError
from .methods.schedule import Schedule
from .spec import TrainingSpec

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float64]
_SQRT_HALF = math.sqrt(0.5)
_DENSITY_AT_ZERO = 1.0 / math.sqrt(2.0 * math.pi)


def _normal_cdf(z: FloatArray) -> FloatArray:
    return np.array([0.5 * math.erfc(-v * _SQRT_HALF) for v in z.ravel()], dtype=np.float64).reshape(z.shape)


def inverse_link(model: str, z: ArrayLike) -> FloatArray:
    """Predictions for real scores z, float64 of their shape; raises ParameterError for an unknown model."""
    scores = np.asarray(z, dtype=np.float64)
    if model == "logistic":
        small = np.exp(-np.abs(scores))  # never overflows
        return np.where(scores >= 0, 1.0, small) / (1.0 + small)
    if model == "linear":
        return scores
    if model == "probit":
        return _normal_cdf(scores)
    if model == "poisson":
        return np.exp(scores)
    raise ParameterError(f"model = {model!r}: unknown")


def _loss(model: str, z: FloatArray, y: FloatArray) -> FloatArray:
    if model == "logistic":
        return np.logaddexp(0.0, z) - y * z
    if model == "linear":
        return (z - y) ** 2 / 2
    if model == "probit":
        density = _DENSITY_AT_ZERO * np.exp(-(z**2) / 2)
        return z * _normal_cdf(z) + density - y * z
    return np.exp(z) - y * z


def design_matrix(X_real: ArrayLike, spec: TrainingSpec) -> FloatArray:
    """Features and, if the spec has a bias, a last column of ones: float64 (N, K)."""
    features = np.asarray(X_real, dtype=np.float64)
    return np.hstack([features, np.ones((len(features), 1))]) if spec.bias else features


def scores(X_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> FloatArray:
    """Real scores z, float64 (N,), of real features (N, d) under real weights (K,)."""
    return design_matrix(X_real, spec) @ np.asarray(weights, dtype=np.float64)


def train_float(
    X_real: ArrayLike, y_real: ArrayLike, live: ArrayLike, spec: TrainingSpec, schedule: Schedule
) -> FloatArray:
    """The declared algorithm in float64 numpy.

    Args:
        X_real: (N, d) real features, as encoded: x_int / 2^x_bits.
        y_real: (N,) real labels, as encoded: y_int / 2^label_bits.
        live: (N,) bool.
        spec: the declared algorithm; its learning rates and l2 are used, not the schedule's integers.
        schedule: gives the blocks and their live counts.

    Returns:
        The last weights, float64 (K,).
    """
    matrix, alive = design_matrix(X_real, spec), np.asarray(live, dtype=np.bool_)
    labels = np.asarray(y_real, dtype=np.float64)
    weights = np.zeros(schedule.width)
    for rate in spec.learning_rates:
        for block in range(schedule.blocks):
            rows = schedule.block_rows(block)
            part, mine = matrix[rows], alive[rows]
            residuals = np.where(mine, inverse_link(spec.model, part @ weights) - labels[rows], 0.0)
            gradient = residuals @ part / max(schedule.live_counts[block], 1)
            weights = weights - rate * (gradient + spec.l2 * weights)
    return weights


def _torch_loss(model: str, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    import torch

    losses: torch.Tensor
    if model == "logistic":
        losses = torch.nn.functional.softplus(z) - y * z
    elif model == "linear":
        losses = (z - y) ** 2 / 2
    elif model == "probit":
        density = _DENSITY_AT_ZERO * torch.exp(-(z**2) / 2)
        losses = z * torch.special.ndtr(z) + density - y * z
    else:
        losses = torch.exp(z) - y * z
    return losses


def train_torch(
    X_real: ArrayLike, y_real: ArrayLike, live: ArrayLike, spec: TrainingSpec, schedule: Schedule
) -> FloatArray:
    """The declared algorithm as a torch user would write it: a loss, autograd and SGD, in float64.

    Arguments and result are those of `train_float`. Torch is imported here, on the first call.
    """
    import torch

    alive = torch.from_numpy(np.array(live, dtype=np.bool_))
    matrix = torch.from_numpy(design_matrix(X_real, spec))
    labels = torch.from_numpy(np.array(y_real, dtype=np.float64))
    weights = torch.zeros(schedule.width, dtype=torch.float64, requires_grad=True)
    # SGD's weight_decay is the gradient of weight_decay / 2 * ||w||^2.
    optimiser = torch.optim.SGD([weights], lr=spec.learning_rates[0], weight_decay=spec.l2)
    for rate in spec.learning_rates:
        optimiser.param_groups[0]["lr"] = rate
        for block in range(schedule.blocks):
            rows = schedule.block_rows(block)
            kept = alive[rows]
            optimiser.zero_grad()
            losses = _torch_loss(spec.model, matrix[rows][kept] @ weights, labels[rows][kept])
            (losses.sum() / max(len(losses), 1)).backward()  # type: ignore[no-untyped-call]  # as torch ships it
            optimiser.step()
    return np.asarray(weights.detach().numpy(), dtype=np.float64)


def objective(X_real: ArrayLike, y_real: ArrayLike, live: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Mean loss over all live rows + l2 / 2 * ||w||^2, for real features, labels and weights (K,)."""
    mine = np.asarray(live, dtype=np.bool_)
    z, w = scores(X_real, weights, spec)[mine], np.asarray(weights, dtype=np.float64)
    losses = _loss(spec.model, z, np.asarray(y_real, dtype=np.float64)[mine])
    return float(losses.mean() + spec.l2 / 2 * (w @ w))


def accuracy(X_real: ArrayLike, y_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Share of rows whose predicted class is theirs: class 1 where the prediction is at least 1/2."""
    predicted = inverse_link(spec.model, scores(X_real, weights, spec)) >= 0.5
    return float(np.mean(predicted == (np.asarray(y_real) >= 0.5)))


def r2(X_real: ArrayLike, y_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Coefficient of determination: 1 - residual sum of squares / total sum of squares."""
    labels = np.asarray(y_real, dtype=np.float64)
    residuals = labels - inverse_link(spec.model, scores(X_real, weights, spec))
    return float(1.0 - (residuals @ residuals) / np.sum((labels - labels.mean()) ** 2))
