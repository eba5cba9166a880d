"""Linear regression in one pass over the rows, as a spec declares it. Its integers: normal_equations.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from ...errors import ParameterError
from ...formats.fields import Fields, ListOf, Real, take
from ..families import Family
from ..live import Live
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .base import Method
from .distance import DistanceCertificate
from .gradient_descent import MAX_WEIGHTS, GradientDescent
from .gram_distance import compile_gram_distance
from .normal_equations import NormalEquations, compile_normal_equations

MAX_SQUARE = 2048  # features: with each other they make four million products, all of which are range-checked
_SHARED = ("epochs", "learning_rate", "momentum", "l2", "bias", "penalize_intercept", "standardize")
_FIELDS: Fields = {
    "kind": str,
    "epochs": int,
    "learning_rate": ListOf(Real()),
    "momentum": ListOf(str),
    "l2": Real(),
    "bias": bool,
    "penalize_intercept": bool,
    "standardize": bool,
}


@dataclass(frozen=True, kw_only=True)
class OnePass(Method):
    """Full-batch gradient descent from zero weights on a quadratic loss, whose gradient needs the rows only once.

    The gradient is that of the mean of (z - y)^2 / 2: products of features, summed up over the rows, times weights.

    Attributes:
        epochs: steps. Each stands for a pass over the data, of which there is one.
        learning_rate: one number, or one per epoch.
        momentum: as of gradient descent: one number, one per epoch, or "increasing". With lists of both, steps can be
            those of Chebyshev's method.
        l2: weight of ||w||^2 / 2 beside the mean loss.
        bias: whether there is an intercept.
        penalize_intercept: whether l2 applies to the intercept too.
        standardize: whether features are brought to mean zero by the rows that count, and to a spread within a factor
            of two of 0.7; l2 then weighs each feature by its variance, as if its spread were one.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "one-pass"

    epochs: int
    learning_rate: float | tuple[float, ...]
    momentum: float | tuple[float, ...] | str = 0.0
    l2: float = 0.0
    bias: bool = True
    penalize_intercept: bool = False
    standardize: bool = False

    def __post_init__(self) -> None:
        checked = self.descent
        for name in _SHARED:
            object.__setattr__(self, name, getattr(checked, name))

    @cached_property
    def descent(self) -> GradientDescent:
        """The same steps as a method that looks at the rows in each: it takes the same values."""
        return GradientDescent(**{name: getattr(self, name) for name in _SHARED})

    def to_mapping(self) -> dict[str, object]:
        """See Method."""
        whole = self.descent.to_mapping()
        return {**{name: whole[name] for name in _FIELDS}, "kind": self.kind}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        found = take(mapping, _FIELDS, what)
        whole = {**found, "kind": GradientDescent.kind, "batch_size": 0, "class_weight": []}
        return cls._of(GradientDescent.from_mapping(whole, what))

    @classmethod
    def _of(cls, descent: GradientDescent) -> Self:
        return cls(**{name: getattr(descent, name) for name in _SHARED})

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        whole = self.descent.to_toml()
        return {name: whole[name] for name in _SHARED}

    @classmethod
    def from_toml(cls, fields: Mapping[str, Any]) -> Self:
        """See Method."""
        return cls(**fields)

    def describe(self) -> str:
        """See Method."""
        return f"one pass over the rows, then {self.descent.describe()}"

    def require_provable(self, shape: DatasetShape) -> None:
        """See Method."""
        features = shape.features
        if features > MAX_SQUARE:
            raise ParameterError(
                f"{features} features: one-pass has a product of any two of them, and takes at most {MAX_SQUARE}; use "
                f'method = "{GradientDescent.kind}"'
            )
        if self.epochs * (features + 1) > MAX_WEIGHTS:
            raise ParameterError(
                f"{self.epochs} steps of {features} weights are more than one proof can carry ({MAX_WEIGHTS})"
            )

    def compile_distance(
        self,
        family: Family,
        scales: FixedPoint,
        shape: DatasetShape,
        live: Live,
        distance: int,
        slope: int | None,
    ) -> DistanceCertificate:
        """See Method, and gram_distance.py."""
        return compile_gram_distance(self.descent, family, scales, shape, live, distance, slope)

    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> NormalEquations:
        """See Method, and compile_normal_equations."""
        self.require_provable(shape)
        return compile_normal_equations(self.descent, family, scales, shape, live)
