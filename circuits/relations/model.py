"""The columns of a committed model, which every relation about one shares.

Scores are sum_k x_k w_k + intercept, so an intercept is at the scale of scores, x_bits + w_bits. Where training has a
bias at scale w_bits, as gradient descent has, the intercept is 2^x_bits times it; elsewhere it may be any integer.
"""

from __future__ import annotations

from ...models.methods.base import Compiled
from ..language.layout import Address, Axis, Column

MODEL = "model"  # the matrix
COEFFICIENTS, INTERCEPT = Address(MODEL, "weights"), Address(MODEL, "intercept")
INTERCEPT_AXIS = Axis("intercept", 1)


def weight_axis(schedule: Compiled) -> Axis:
    """Weights, one for each feature."""
    return Axis("weight", schedule.features)


def model_columns(schedule: Compiled) -> tuple[Column, ...]:
    """The columns of a model commitment: weights at scale w_bits, and an intercept if there is one."""
    weights = Column(COEFFICIENTS.name, (weight_axis(schedule),))
    return (weights, Column(INTERCEPT.name, (INTERCEPT_AXIS,))) if schedule.bias else (weights,)
