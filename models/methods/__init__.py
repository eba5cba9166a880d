"""Methods of training: each with its fields, its integers, and a reference of its run in plain integers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from ..families import Family
from .base import Compiled, Method
from .gradient_descent import GradientDescent
from .newton import Newton
from .noisy import Noisy
from .one_pass import OnePass
from .optimum import Optimum
from .sisa import Sisa

__all__ = [
    "METHODS",
    "Compiled",
    "GradientDescent",
    "Method",
    "Newton",
    "Noisy",
    "OnePass",
    "Optimum",
    "Sisa",
    "default_kind",
]

METHODS: Mapping[str, type[Method]] = MappingProxyType(
    {method.kind: method for method in (GradientDescent, OnePass, Optimum, Newton, Noisy, Sisa)}
)


def default_kind(family: Family, fields: Collection[str]) -> str:
    """The method of a spec that names none, by the fields that it declares.

    One pass over the rows where the loss allows it, unless something is declared that only gradient descent has, such
    as a batch size.
    """
    once = family.quadratic and set(fields) <= OnePass.__dataclass_fields__.keys()
    return OnePass.kind if once else GradientDescent.kind
