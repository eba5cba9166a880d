"""The columns of a committed model, which every relation about one shares.

Scores of an output are sum_k x_k w_k + intercept, so an intercept is at the scale of scores, x_bits + w_bits. Where
training has a bias at scale w_bits, as gradient descent has, the intercept is 2^x_bits times it; elsewhere it may be
any integer.
"""

from __future__ import annotations

from ...models.methods.base import Compiled
from ..language.layout import Address, Axis, Column
from .dataset import output_axis

MODEL = "model"  # the matrix
COEFFICIENTS, INTERCEPT = Address(MODEL, "weights"), Address(MODEL, "intercept")


def weight_axis(schedule: Compiled) -> Axis:
    """Weights of an output, one for each feature."""
    return Axis("weight", schedule.features)


def model_columns(schedule: Compiled, models: tuple[Axis, ...] = ()) -> tuple[Column, ...]:
    """The columns of a model commitment: of each output weights at scale w_bits, and an intercept if there is one.

    models: where there is a model, if not at each output.
    """
    own = models or (output_axis(schedule.outputs),)
    weights = Column(COEFFICIENTS.name, (*own, weight_axis(schedule)))
    return (weights, Column(INTERCEPT.name, own)) if schedule.bias else (weights,)
