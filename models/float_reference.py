"""The same algorithm in float64: what the integers approximate, and how far they may be judged from it.

All quantities are real: features x_int / 2^x_bits, labels y_int / 2^label_bits, weights w_int / 2^w_bits. A family
brings prediction and loss (families.py). A step descends on mean loss over the live rows of its block, each counted as
its class is, + l2 / 2 * ||w||^2, at the declared rate, and takes a share of the last step again: the declared momentum.

Standardised features are (x - mean) / sqrt(variance) of the rows that count, a constant one zero; in one pass,
2^e (x - mean) with a spread of at least 1/2 and below 1, whose l2 is weighed by its variance. The weights that come out
are of features as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError
from .methods import Compiled, GradientDescent, OnePass, Sisa
from .methods.schedule import Schedule
from .methods.sisa import Stages
from .methods.standardization import LARGEST_EXPONENT
from .spec import TrainingSpec

FloatArray = NDArray[np.float64]
_NONE = 1e-300  # a momentum that is none in effect


def design_matrix(X_real: ArrayLike, bias: bool) -> FloatArray:
    """Features and, with a bias, a last column of ones: float64 (N, K)."""
    features = np.asarray(X_real, dtype=np.float64)
    return np.hstack([features, np.ones((len(features), 1))]) if bias else features


def scores(X_real: ArrayLike, weights: ArrayLike, spec: TrainingSpec) -> FloatArray:
    """Real scores z, float64 (N,), of real features (N, d) under real weights (K,)."""
    return design_matrix(X_real, spec.method.bias) @ np.asarray(weights, dtype=np.float64)


def train_float(
    X_real: ArrayLike, y_real: ArrayLike, spec: TrainingSpec, schedule: Compiled, output: int = 0
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
    return _descended(_problem(X_real, y_real, spec, schedule, output), spec)


def train_float_shards(
    X_real: ArrayLike, y_real: ArrayLike, spec: TrainingSpec, stages: Stages, output: int = 0
) -> dict[int, FloatArray]:
    """A sharded training in float64 numpy: of each shard that has a say the weights of its last stage, by its number.

    Arguments are those of `train_float`. Rows of stages and batches follow from the declared sizes alone.
    """
    features, live, shards = np.asarray(X_real, dtype=np.float64), stages.live.mask(), stages.shards
    if not isinstance(spec.method, Sisa):
        raise ParameterError(f"method = {spec.method.kind!r}: has no shards")
    found = {}
    for shard in range(shards.count):
        weights, first = np.zeros(stages.width), shard * shards.shard_rows
        for number, schedule in enumerate(stages.stages, start=1):
            rows = slice(first, first + shards.seen(shard, number))
            if not live[rows].any():
                continue
            labels, counted = _labels(np.asarray(y_real)[rows], schedule, output, live[rows])
            mean, scale = _standardization(features[rows][live[rows]], spec.method.descent, schedule, once=False)
            size = min(shards.batch_size or shards.shard_rows, shards.prefix(number))
            batches = [slice(start, start + size) for start in range(0, shards.prefix(number), size)]
            problem = _Problem(
                method=spec.method.descent,
                matrix=design_matrix((features[rows] - mean) * scale, stages.bias),
                labels=labels,
                counted=counted,
                penalties=_penalties(spec.method.descent, stages),
                blocks=[(batch, max(int(live[rows][batch].sum()), 1)) for batch in batches],
                mean=mean,
                scale=scale,
            )
            weights = _descended(problem, spec, weights)
            found[shard] = weights
    return found


def _descended(problem: _Problem, spec: TrainingSpec, start: FloatArray | None = None) -> FloatArray:
    """Where all steps lead from weights (K,) of features as they are, or from zero."""
    weights = last = np.zeros(problem.matrix.shape[1]) if start is None else problem.of_trained_features(start)
    for rate, momentum in problem.steps():
        for rows, count in problem.blocks:
            part = problem.matrix[rows]
            residuals = (spec.family.inverse_link(part @ weights) - problem.labels[rows]) * problem.counted[rows]
            gradient = residuals @ part / count
            step = rate * (gradient + problem.penalties * weights) - momentum * (weights - last)
            weights, last = weights - step, weights
    return problem.of_features(weights)


def train_torch(
    X_real: ArrayLike, y_real: ArrayLike, spec: TrainingSpec, schedule: Compiled, output: int = 0
) -> FloatArray:
    """The declared algorithm as a torch user would write it: a loss, autograd and SGD, in float64.

    Arguments and result are those of `train_float`. Torch is imported here, on the first call.
    """
    import torch

    problem = _problem(X_real, y_real, spec, schedule, output)
    arrays = (problem.matrix, problem.labels, problem.counted, problem.penalties)
    matrix, targets, counted, penalties = map(torch.from_numpy, arrays)
    weights = torch.zeros(schedule.width, dtype=torch.float64, requires_grad=True)
    before = problem.method.learning_rates[0]
    optimiser = torch.optim.SGD([weights], lr=before)
    for rate, momentum in problem.steps():
        for rows, count in problem.blocks:
            # SGD's momentum is of gradients, ours of steps: the same but for the rate, where that changes.
            # Without any it would not even remember the last step.
            optimiser.param_groups[0].update(lr=rate, momentum=max(momentum, _NONE) * before / rate)
            before = rate
            optimiser.zero_grad()
            losses = spec.family.torch_loss(matrix[rows] @ weights, targets[rows]) * counted[rows]
            loss = losses.sum() / count
            torch.autograd.backward([loss + (penalties * weights**2).sum() / 2])
            optimiser.step()
    return problem.of_features(np.asarray(weights.detach().numpy(), dtype=np.float64))


# What is descended on -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)  # what is told of the owner's rows stays out of logs
class _Problem:
    """A training in real numbers, of whichever method.

    Attributes:
        method: steps, rates and momenta.
        matrix: (N, K), features as they are trained on, and a column of ones with a bias.
        labels, counted: (N,), what is learnt, and how often each row counts, 0 for those that do not.
        penalties: (K,), l2 of each weight.
        blocks: rows of each step, and by what their sum is divided.
        mean, scale: (d,), what is taken off a feature, and what it is multiplied with then.
    """

    method: GradientDescent
    matrix: FloatArray
    labels: FloatArray
    counted: FloatArray
    penalties: FloatArray
    blocks: list[tuple[slice, int]]
    mean: FloatArray
    scale: FloatArray

    def steps(self) -> Iterator[tuple[float, float]]:
        """Rate and momentum of each epoch."""
        momenta = list(map(float, self.method.momenta))
        whole = momenta if len(momenta) == self.method.epochs else momenta * self.method.epochs
        return zip(self.method.learning_rates, whole, strict=True)

    def of_features(self, weights: FloatArray) -> FloatArray:
        """The weights (K,) of features as they are trained on as those of features as they are."""
        own = weights[: len(self.mean)] * self.scale
        return np.append(own, weights[len(self.mean) :] - own @ self.mean)

    def of_trained_features(self, weights: FloatArray) -> FloatArray:
        """The other way round; a feature that is left out, or constant, has none."""
        own, kept = weights[: len(self.mean)], self.scale != 0
        return np.append(
            np.where(kept, own / np.where(kept, self.scale, 1.0), 0.0), weights[len(self.mean) :] + own @ self.mean
        )


def _problem(X_real: ArrayLike, y_real: ArrayLike, spec: TrainingSpec, schedule: Compiled, output: int) -> _Problem:
    once = isinstance(spec.method, OnePass)
    method = spec.method.descent if isinstance(spec.method, OnePass) else spec.method
    if not isinstance(method, GradientDescent):
        raise ParameterError(f"method = {spec.method.kind!r}: there is no float reference of it")
    features, live = np.asarray(X_real, dtype=np.float64), schedule.live.mask()
    mean, scale = _standardization(features[live], method, schedule, once=once)
    matrix = design_matrix((features - mean) * scale, schedule.bias)
    penalties = _penalties(method, schedule)
    if once and method.standardize:
        penalties[: len(mean)] *= matrix[live, : len(mean)].var(axis=0)
    labels, counted = _labels(y_real, schedule, output, live)
    return _Problem(method, matrix, labels, counted, penalties, _blocks(schedule), mean, scale)


def _penalties(method: GradientDescent, schedule: Compiled) -> FloatArray:
    """l2 of each weight, (K,)."""
    penalties = np.full(schedule.width, method.l2)
    if schedule.bias and not method.penalize_intercept:
        penalties[-1] = 0.0
    return penalties


def _blocks(schedule: Compiled) -> list[tuple[slice, int]]:
    """The rows of each step of an epoch, and how many of them count, at least one."""
    if not isinstance(schedule, Schedule):
        return [(slice(None), schedule.live.count)]
    return [(schedule.block_rows(b), max(schedule.live_counts[b], 1)) for b in range(schedule.batches)]


def _standardization(
    own: FloatArray, method: GradientDescent, schedule: Compiled, *, once: bool
) -> tuple[FloatArray, FloatArray]:
    """Of each feature what is taken off, and what it is multiplied with then, float64 (d,), by the rows that count."""
    used = np.ones(own.shape[1])
    used[list(schedule.unused)] = 0.0  # as if they were constant
    if not method.standardize:
        return np.zeros(own.shape[1]), used
    constant = own.min(axis=0) == own.max(axis=0)  # whose variance may come out as a tiny number
    spread = np.sqrt(np.where(constant, 1.0, own.var(axis=0)))
    power = 2.0 ** np.clip(np.ceil(-np.log2(spread)) - 1, 0, LARGEST_EXPONENT)
    return own.mean(axis=0), used * np.where(constant, 0.0, power if once else 1 / spread)


def _labels(
    y_real: ArrayLike, schedule: Compiled, output: int, live: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """What an output learns, and how often each row counts, 0 for those that do not: float64 (N,) both."""
    labels, counted = np.array(y_real, dtype=np.float64), live.astype(np.float64)
    several = schedule.outputs > 1
    if isinstance(schedule, Schedule):
        classes = labels if several else labels >= 0.5  # labels other than 0 and 1 all count once
        counted *= schedule.row_weights(classes.astype(np.int64))
    return (labels == output).astype(np.float64) if several else labels, counted


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
