"""The declared training in float64 instead of integers: what the integers cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...models.float_reference import train_float, train_float_shards
from ...models.methods import Optimum, Sisa
from ...models.methods.gradient_descent import GradientDescent
from ...models.methods.one_pass import OnePass
from ...models.methods.sisa import stages_of
from ...models.optimum import Objective, minimum
from .answers import Answers
from .setting import Side, sample_of
from .trainers import ALONE

FloatArray = NDArray[np.float64]
MOST_PRODUCTS = 1 << 32  # of a feature and a weight: half a minute


def float_model(side: Side) -> Answers | None:
    """What a model's training would be in float64; None where it is not written in it, or would take long."""
    if isinstance(side.trainer.spec.method, Sisa):
        parts = _float_parts(side)
        return None if parts is None else side.model.with_parts(parts)
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
    found = [train_float(*_encoded(side), trainer.spec, schedule, output) for output in trainer.outputs]
    return np.asarray(np.stack(found), dtype=np.float64)


def _float_parts(side: Side) -> dict[int, FloatArray] | None:
    """The same of the last stage of each shard that has a say, by its number: all stages from zero weights."""
    trainer, schedule = side.trainer, stages_of(side.trainer.schedule(side.live))
    rows = sum(schedule.shards.stage(number).rows for number in range(1, schedule.shards.slices + 1))
    if schedule.stages[0].epochs * schedule.width * rows * len(trainer.outputs) > MOST_PRODUCTS:
        return None
    each = [train_float_shards(*_encoded(side), trainer.spec, schedule, output) for output in trainer.outputs]
    return {number: np.stack([own[number] for own in each]) for number in side.model.parts}


def _encoded(side: Side) -> tuple[FloatArray, FloatArray]:
    """Features (N, d) and labels (N,) in real numbers."""
    encoding, rows = side.statement.dataset.encoding, side.trainer.rows
    return rows.features / 2.0**encoding.x_bits, rows.labels / 2.0**encoding.label.label_bits
