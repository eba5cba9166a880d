"""Where the mean loss and penalty of rows are least, near enough to go on in integers: Newton's method in floats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...models.families import Family
from ...models.methods.link_certificate import LinkCertificate
from ..kernels import run_tasks, spans
from ..kernels.storage import empty
from .curve import Reals
from .rows import Rows

NEWTON_STEPS = 60  # far more than a convex function takes from zero
HALVINGS = 20  # of a step that goes too far
NEAR = 1 / 64  # of the weights: a step that is not longer leaves less than a step by an exact gradient takes away
SHARES, ROUGH = (16, 4), 1 / 4  # one row in so many is looked at first, roughly,
ROWS_A_WEIGHT = 2  # as long as these are twice as many as weights
Singles = NDArray[np.float32]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Mean:
    """The mean loss and penalty, as a function of weights, and its slopes: all in single precision.

    Attributes:
        features: float32 (K, n), of rows that count, as large as their integers.
        labels: float64 (n,).
        penalty: l2 of such weights.
    """

    family: Family
    features: Singles
    labels: Reals
    penalty: float

    def every(self, share: int) -> Mean:
        """That of one row in `share`."""
        features = np.ascontiguousarray(self.features[:, ::share])
        return replace(self, features=features, labels=self.labels[::share])

    def scores(self, weights: Reals) -> Reals:
        """float64 (n,)."""
        return (weights.astype(np.float32) @ self.features).astype(np.float64)

    def value(self, weights: Reals) -> float:
        """The function."""
        losses = self.family.loss(self.scores(weights), self.labels)
        return float(losses.mean() + self.penalty * (weights @ weights) / 2)

    def gradient(self, weights: Reals) -> Reals:
        """Its slopes, float64 (K,)."""
        residuals = (self.family.inverse_link(self.scores(weights)) - self.labels).astype(np.float32)
        return (self.features @ residuals).astype(np.float64) / len(self.labels) + self.penalty * weights

    def second(self, weights: Reals) -> Reals:
        """And theirs, float64 (K, K)."""
        roots = np.sqrt(self.family.slope(self.scores(weights)) / len(self.labels)).astype(np.float32)

        def of_rows(start: int, stop: int) -> Singles:
            scaled = self.features[:, start:stop] * roots[start:stop]
            return scaled @ scaled.T  # of one matrix with itself: a half of it is computed

        found = np.diag(np.full(len(weights), self.penalty))
        for part in run_tasks([partial(of_rows, *span) for span in spans(len(roots), cost=len(weights) ** 2)]):
            found += part
        return found


def mean_of(rows: Rows, schedule: LinkCertificate) -> Mean:
    live = schedule.live.mask()
    features = empty((schedule.width, schedule.live.count), np.float32)
    features[: schedule.features] = np.compress(live, rows.by_feature, axis=1)
    features[list(schedule.unused)] = 0
    features[schedule.features :] = schedule.one
    l2 = float(schedule.penalty) / float(schedule.live.count) * 2.0 ** -loss_bits(schedule)
    labels = rows.labels[live].astype(np.float64)
    return Mean(schedule.family, features, labels, l2 * float(schedule.one) ** 2)


def least_mean(mean: Mean) -> tuple[Reals, Reals]:
    """Where the mean is least, (K,), and its second derivative near there: first on some of the rows, then on all."""
    width, count = mean.features.shape
    weights = np.zeros(width)
    for share in SHARES:
        if count >= share * ROWS_A_WEIGHT * width:
            weights, _ = _least(mean.every(share), weights, ROUGH)
    return _least(mean, weights, NEAR)


def _least(mean: Mean, weights: Reals, near: float) -> tuple[Reals, Reals]:
    """Newton's method from weights on, with steps halved until the mean falls, until a step is short beside weights."""
    value, curvature = mean.value(weights), mean.second(weights)
    for _ in range(NEWTON_STEPS):
        gradient = mean.gradient(weights)
        step = np.linalg.solve(curvature, gradient)
        promised = float(gradient @ step) / 2  # how much it falls where it is a parabola
        for halving in range(HALVINGS):
            trial = weights - step / 2**halving
            found = mean.value(trial)
            if found <= value - promised / 2 ** (halving + 2):
                break
        else:
            break  # it is too flat for single precision to show that it falls
        weights, value = trial, found
        if float(np.linalg.norm(step)) <= near * float(np.linalg.norm(weights)):
            break
        curvature = mean.second(weights)
    return weights, curvature


def loss_bits(schedule: LinkCertificate) -> int:
    """G is n 2^this times the gradient of the mean loss and penalty, at scale w_bits of weights."""
    fixed = schedule.scales
    return fixed.p_bits + fixed.x_bits + schedule.raised - fixed.w_bits
