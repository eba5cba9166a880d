"""The relation of each method of training, by the method's kind (models/methods)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ...models.methods import GradientDescent as GradientDescentMethod
from ...models.methods import Newton as NewtonMethod
from ...models.methods import Noisy as NoisyMethod
from ...models.methods import OnePass as OnePassMethod
from ...models.methods import Optimum as OptimumMethod
from ...models.methods import Sisa as SisaMethod
from ...models.methods.gram_certificate import LinearOptimumCertificate
from ...models.methods.link_certificate import OptimumCertificate
from ...models.methods.newton_steps import NewtonCertificate, NoisyNewtonCertificate
from ...models.methods.normal_equations import NormalEquations
from ...models.methods.schedule import Schedule
from ..language.relation import Relation
from .gradient_descent import GradientDescent
from .linear_optimum import LinearOptimum
from .newton import Newton, NoisyNewton
from .newton_inverse import NewtonInverse, NoisyNewtonInverse
from .noisy import Noisy
from .one_pass import OnePass
from .optimum import Optimum
from .sisa import Sisa
from .standardized_descent import StandardizedDescent
from .standardized_one_pass import StandardizedOnePass


def descent(schedule: Schedule) -> Relation:
    """On features as they are, or on standardised ones."""
    return GradientDescent(schedule) if schedule.standardization is None else StandardizedDescent(schedule)


def normal_equations(schedule: NormalEquations) -> Relation:
    """On features as they are, or on standardised ones."""
    return OnePass(schedule) if schedule.standardization is None else StandardizedOnePass(schedule)


def optimum(schedule: OptimumCertificate | LinearOptimumCertificate) -> Relation:
    """Of a link, or of squares, whose gradient is a sum over rows."""
    return LinearOptimum(schedule) if isinstance(schedule, LinearOptimumCertificate) else Optimum(schedule)


def newton(schedule: NewtonCertificate | NoisyNewtonCertificate) -> Relation:
    """By a matrix of the owner's choice, or by one that is proved to be an inverse; to a rounding, or with noise."""
    if isinstance(schedule, NoisyNewtonCertificate):
        return NoisyNewton(schedule) if schedule.inverse is None else NoisyNewtonInverse(schedule)
    return Newton(schedule) if schedule.inverse is None else NewtonInverse(schedule)


RELATIONS_OF_METHOD: Mapping[str, Callable[[Any], Relation]] = MappingProxyType(  # of what the method compiles
    {
        GradientDescentMethod.kind: descent,
        OnePassMethod.kind: normal_equations,
        OptimumMethod.kind: optimum,
        NewtonMethod.kind: newton,
        NoisyMethod.kind: Noisy,
        SisaMethod.kind: Sisa,
    }
)
