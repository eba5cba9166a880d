"""The column of a committed model, which every relation about one shares."""

from __future__ import annotations

from ...models.methods.base import Compiled
from ..language.layout import Address, Axis, Column
from .dataset import feature_axis

MODEL = Address("model", "model")


def weight_axis(schedule: Compiled) -> Axis:
    """Weights; as many variables as the features and the bias have, whether there is a bias or not."""
    return Axis("weight", schedule.width, spare=feature_axis(schedule.features).size - schedule.width)


def model_columns(schedule: Compiled) -> tuple[Column, ...]:
    """The column of a model commitment."""
    return (Column(MODEL.name, (weight_axis(schedule),)),)
