"""The same algorithm in float64: what the integers approximate, and how far they may be judged from it.

All quantities are real: features x_int / 2^x_bits, labels y_int / 2^label_bits, weights w_int / 2^w_bits. A family
brings prediction and loss (families.py). A step descends on mean loss over the live rows of its block, each counted as
its class is, + l2 / 2 * ||w||^2, at the declared rate, and takes a share of the last step again: the declared momentum.

Standardised features are (x - mean) / sqrt(variance) of the rows that count, a constant one zero; the weights that come
out are of features as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError
from .methods.gradient_descent import GradientDescent
from .methods.schedule import Schedule
from .spec import TrainingSpec

FloatArray = NDArray[np.float64]
_NONE = 1e-300  # a momentum that is none in effect


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


def train_float(
    X_real: ArrayLike, y_real: ArrayLike, spec: TrainingSpec, schedule: Schedule, output: int = 0
) -> FloatArray:
    """The declared algorithm in float64 numpy, for one output.

    Args:
        X_real: (N, d) real features, as encoded: x_int / 2^x_bits.
        y_real: (N,) real labels, as encoded: y_int / 2^label_bits; or the numbers of classes.
        spec: the declared algorithm; its learning rates and l2 are used, not the schedule's integers.
        schedule: gives the family, the blocks, and who counts.
        output: of several classes, the one that is told from all others.

    Returns:
        The last weights, float64 (K,), of features as they are.
    """
    labels, counted = _labels(y_real, schedule, output)
    method = _descent(spec)
    mean, scale = _standardization(X_real, method, schedule)
    matrix = _design(X_real, mean, scale, schedule)
    weights = last = np.zeros(schedule.width)
    for rate, momentum in zip(method.learning_rates, _momenta(method), strict=True):
        for block in range(schedule.blocks):
            rows = schedule.block_rows(block)
            part = matrix[rows]
            residuals = (schedule.family.inverse_link(part @ weights) - labels[rows]) * counted[rows]
            gradient = residuals @ part / max(schedule.live_counts[block], 1)
            step = rate * (gradient + schedule.penalties(method.l2) * weights) - momentum * (weights - last)
            weights, last = weights - step, weights
    return _of_features(weights, mean, scale)


def _standardization(X_real: ArrayLike, method: GradientDescent, schedule: Schedule) -> tuple[FloatArray, FloatArray]:
    """Of each feature what is taken off, and what it is multiplied with then: float64 (d,) both."""
    own = np.asarray(X_real, dtype=np.float64)[schedule.live.mask()]
    used = np.ones(own.shape[1])
    used[list(schedule.unused)] = 0.0  # as if they were constant
    if not method.standardize:
        return np.zeros(own.shape[1]), used
    constant = own.min(axis=0) == own.max(axis=0)  # whose variance may come out as a tiny number
    variance = np.where(constant, 1.0, own.var(axis=0))
    return own.mean(axis=0), used * np.where(constant, 0.0, 1 / np.sqrt(variance))


def _design(X_real: ArrayLike, mean: FloatArray, scale: FloatArray, schedule: Schedule) -> FloatArray:
    return design_matrix((np.asarray(X_real, dtype=np.float64) - mean) * scale, schedule.bias)


def _of_features(weights: FloatArray, mean: FloatArray, scale: FloatArray) -> FloatArray:
    """The weights (K,) of standardised features as those of features as they are."""
    own = weights[: len(mean)] * scale
    return np.append(own, weights[len(mean) :] - own @ mean)


def _momenta(method: GradientDescent) -> list[float]:
    """One an epoch."""
    momenta = list(map(float, method.momenta))
    return momenta if len(momenta) == method.epochs else momenta * method.epochs


def _labels(y_real: ArrayLike, schedule: Schedule, output: int) -> tuple[FloatArray, FloatArray]:
    """What an output learns, and how often each row counts, 0 for those that do not: float64 (N,) both."""
    labels = np.array(y_real, dtype=np.float64)
    several = schedule.outputs > 1
    classes = labels if several else labels >= 0.5  # labels other than 0 and 1 all count once
    counted = schedule.row_weights(classes.astype(np.int64)) * schedule.live.mask()
    return (labels == output).astype(np.float64) if several else labels, counted.astype(np.float64)


def train_torch(
    X_real: ArrayLike, y_real: ArrayLike, spec: TrainingSpec, schedule: Schedule, output: int = 0
) -> FloatArray:
    """The declared algorithm as a torch user would write it: a loss, autograd and SGD, in float64.

    Arguments and result are those of `train_float`. Torch is imported here, on the first call.
    """
    import torch

    method = _descent(spec)
    targets, counted = map(torch.from_numpy, _labels(y_real, schedule, output))
    mean, scale = _standardization(X_real, method, schedule)
    matrix = torch.from_numpy(_design(X_real, mean, scale, schedule))
    weights = torch.zeros(schedule.width, dtype=torch.float64, requires_grad=True)
    penalty = torch.from_numpy(schedule.penalties(method.l2))
    optimiser, before = torch.optim.SGD([weights], lr=method.learning_rates[0]), method.learning_rates[0]
    for rate, momentum in zip(method.learning_rates, _momenta(method), strict=True):
        for block in range(schedule.blocks):
            # SGD's momentum is of gradients, ours of steps: the same but for the rate, where that changes.
            # Without any it would not even remember the last step.
            optimiser.param_groups[0].update(lr=rate, momentum=max(momentum, _NONE) * before / rate)
            before, rows = rate, schedule.block_rows(block)
            optimiser.zero_grad()
            losses = schedule.family.torch_loss(matrix[rows] @ weights, targets[rows]) * counted[rows]
            loss = losses.sum() / max(schedule.live_counts[block], 1)
            (loss + (penalty * weights**2).sum() / 2).backward()  # type: ignore[no-untyped-call]  # as torch ships it
            optimiser.step()
    return _of_features(np.asarray(weights.detach().numpy(), dtype=np.float64), mean, scale)


def objective(X_real: ArrayLike, y_real: ArrayLike, live: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Mean loss over the live rows, (N,) bool, + l2 / 2 * ||w||^2, for real features, labels and weights (K,).

    Rows count once here, whatever their class.
    """
    mine, method = np.asarray(live, dtype=np.bool_), spec.method
    z, w = scores(X_real, weights, spec)[mine], np.asarray(weights, dtype=np.float64)
    losses = spec.family.loss(z, np.asarray(y_real, dtype=np.float64)[mine])
    penalised = w if method.penalize_intercept or not method.bias else w[:-1]
    return float(losses.mean() + method.l2 / 2 * (penalised @ penalised))


def accuracy(X_real: ArrayLike, y_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Share of rows whose predicted class is theirs: class 1 where the prediction is at least 1/2."""
    predicted = spec.family.inverse_link(scores(X_real, weights, spec)) >= 0.5
    return float(np.mean(predicted == (np.asarray(y_real) >= 0.5)))


def r2(X_real: ArrayLike, y_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> float:
    """Coefficient of determination: 1 - residual sum of squares / total sum of squares."""
    labels = np.asarray(y_real, dtype=np.float64)
    residuals = labels - spec.family.inverse_link(scores(X_real, weights, spec))
    return float(1.0 - (residuals @ residuals) / np.sum((labels - labels.mean()) ** 2))
