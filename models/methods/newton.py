"""Newton's steps to a certified optimum, as a spec declares them. Their integers: newton_steps.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from ...errors import ParameterError
from ...formats.fields import Fields, Int, take
from ...formats.toml import toml_value
from ..checks import integer_within
from ..families import Family
from ..live import Live
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .link_certificate import compile_certificate, unpolished_distances
from .newton_inverse import INVERSE_RANGE, MAX_INVERTED
from .newton_steps import MAX_WEIGHTS, NewtonCertificate, compile_steps
from .optimum import OPTIMUM_FIELDS, Optimum

MAX_STEPS = 8
_FIELDS: Fields = {**OPTIMUM_FIELDS, "steps": Int(1, MAX_STEPS)}
_WITH_INVERSE: Fields = {**_FIELDS, "inverse": Int(*INVERSE_RANGE)}  # stands only where it is declared


@dataclass(frozen=True, kw_only=True)
class Newton(Optimum):
    """Steps from the model that is superseded, with a matrix of the owner's, to what is certified and rounded.

    What is proved is each step, integer for integer, and what method "optimum" proves of where the last one ended. As
    long as the matrix is the owner's choice, steps could lead anywhere: only the certificate binds. With `inverse` the
    matrix is proved to be the inverse of the second derivative where steps begin, so that they are Newton's.

    Of several classes each output has steps and a matrix of its own, and what they lead to is certified together.

    Attributes:
        steps: how many, each with one pass over the rows.
        inverse: no number of matrix times second derivative is farther from the identity's than 2^-inverse; None, and
            the matrix is any.
        l2, grid, distances, bias, penalize_intercept, standardize: as of Optimum.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "newton"
    warms: ClassVar[bool] = False
    begins: ClassVar[bool] = True

    steps: int = 1
    inverse: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "steps", integer_within("steps", self.steps, 1, MAX_STEPS))
        if self.inverse is not None:
            object.__setattr__(self, "inverse", integer_within("inverse", self.inverse, *INVERSE_RANGE))

    def to_mapping(self) -> dict[str, object]:
        """See Method; with `inverse` only where it is declared."""
        inverse = {} if self.inverse is None else {"inverse": self.inverse}
        return {**super().to_mapping(), "steps": self.steps, **inverse}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        found = take(mapping, _WITH_INVERSE if "inverse" in mapping else _FIELDS, what)
        return cls(**cls.choices_of(found), steps=found["steps"], inverse=found.get("inverse"))

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        inverse = {} if self.inverse is None else {"inverse": toml_value(self.inverse)}
        return {**super().to_toml(), "steps": toml_value(self.steps), **inverse}

    def describe(self) -> str:
        """See Method."""
        steps = "one step" if self.steps == 1 else f"{self.steps} steps"
        matrix = "a matrix of the owner's"
        if self.inverse is not None:
            matrix = f"the inverse of the second derivative where they begin, to {self.inverse} bits,"
        return f"{steps} with {matrix} to {super().describe()}"

    def require_provable(self, shape: DatasetShape) -> None:
        """See Method."""
        weights = shape.outputs * (shape.features + self.bias)
        in_all = "" if shape.outputs == 1 else f" of {shape.outputs} classes"
        if self.inverse is not None and weights > MAX_INVERTED:
            raise ParameterError(
                f"inverse: {weights} weights{in_all}: that a matrix is an inverse is proved of at most {MAX_INVERTED}; "
                f"without `inverse` steps have up to {MAX_WEIGHTS}, by a matrix of the owner's"
            )
        if weights > MAX_WEIGHTS:
            raise ParameterError(
                f"{weights} weights{in_all}: the matrix of steps has a number for any two of them, and is proved of at "
                f"most {MAX_WEIGHTS}; method = 'optimum' proves the same of its model without it"
            )

    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> NewtonCertificate:
        """See Method, and compile_steps."""
        self.require_provable(shape)
        usual = None if self.inverse is None else unpolished_distances  # no correction of the matrix polishes its steps
        certificate = compile_certificate(self, family, scales, shape, live, usual)
        return compile_steps(certificate, self.steps, self.l2, self.inverse)
