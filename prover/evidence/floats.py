"""The declared training in float64 instead of integers: what the integers cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...models.float_reference import train_float
from ...models.methods import Optimum
from ...models.methods.gradient_descent import GradientDescent
from ...models.methods.one_pass import OnePass
from ...models.optimum import Objective, minimum
from .answers import Answers
from .setting import Side, sample_of
from .trainers import ALONE

FloatArray = NDArray[np.float64]
MOST_PRODUCTS = 1 << 32  # of a feature and a weight: half a minute


def float_model(side: Side) -> Answers | None:
    """What a model's training would be in float64; None where it is not written in it, or would take long."""
    weights = _float_weights(side)
    return None if weights is None else side.model.with_parts({ALONE: weights})


def _float_weights(side: Side) -> FloatArray | None:
    """The same, (O, K)."""
    trainer, method = side.trainer, side.trainer.spec.method
    schedule = trainer.schedule(side.live)
    if isinstance(method, Optimum) and not method.noised:
        sample = sample_of(trainer.rows, np.flatnonzero(schedule.live.mask()), side)
        sample.X[:, list(schedule.unused)] = 0.0
        objective = Objective(trainer.spec.family, sample.X, sample.y, np.full(schedule.width, method.l2))
        return minimum(objective)[0].reshape(len(trainer.outputs), -1)
    if not isinstance(method, GradientDescent | OnePass):
        return None
    if method.epochs * schedule.width * schedule.rows * len(trainer.outputs) > MOST_PRODUCTS:
        return None
    encoding = side.statement.dataset.encoding
    X = trainer.rows.features / 2.0**encoding.x_bits
    y = trainer.rows.labels / 2.0**encoding.label.label_bits
    found = [train_float(X, y, trainer.spec, schedule, output) for output in trainer.outputs]
    return np.asarray(np.stack(found), dtype=np.float64)
