"""Methods of training: each with its fields, its integers, and a reference of its run in plain integers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .base import Compiled, Method
from .gradient_descent import GradientDescent
from .one_pass import OnePass

__all__ = ["DEFAULT_METHOD", "METHODS", "Compiled", "GradientDescent", "Method", "OnePass"]

METHODS: Mapping[str, type[Method]] = MappingProxyType({method.kind: method for method in (GradientDescent, OnePass)})
DEFAULT_METHOD = GradientDescent.kind
