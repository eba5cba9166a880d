"""The relation of each method of training, by the method's kind (models/methods)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ...errors import ParameterError
from ...models.methods import GradientDescent as GradientDescentMethod
from ...models.methods import OnePass as OnePassMethod
from ...models.methods.normal_equations import NormalEquations
from ...models.methods.schedule import Schedule
from ..language.relation import Relation
from .gradient_descent import GradientDescent
from .one_pass import OnePass
from .standardized_descent import StandardizedDescent


def descent(schedule: Schedule) -> Relation:
    """On features as they are, or on standardised ones."""
    return GradientDescent(schedule) if schedule.standardization is None else StandardizedDescent(schedule)


def normal_equations(schedule: NormalEquations) -> Relation:
    """On features as they are. Raises ParameterError for standardised ones, which are not proved yet."""
    if schedule.standardization is not None:
        raise ParameterError("standardize: one-pass training takes features as they are; use gradient descent")
    return OnePass(schedule)


RELATIONS_OF_METHOD: Mapping[str, Callable[[Any], Relation]] = MappingProxyType(  # of what the method compiles
    {GradientDescentMethod.kind: descent, OnePassMethod.kind: normal_equations}
)
