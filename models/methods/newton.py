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
from .link_certificate import compile_certificate
from .newton_steps import MAX_WEIGHTS, NewtonCertificate, compile_steps
from .optimum import OPTIMUM_FIELDS, Optimum

MAX_STEPS = 8
_FIELDS: Fields = {**OPTIMUM_FIELDS, "steps": Int(1, MAX_STEPS)}


@dataclass(frozen=True, kw_only=True)
class Newton(Optimum):
    """Steps from the model that is superseded, with a matrix of the owner's, to what is certified and rounded.

    What is proved is each step, integer for integer, and what method "optimum" proves of where the last one ended. As
    the matrix is the owner's choice, steps could lead anywhere: only the certificate binds.

    Attributes:
        steps: how many, each with one pass over the rows.
        l2, grid, distances, bias, penalize_intercept, standardize: as of Optimum.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "newton"
    warms: ClassVar[bool] = False
    begins: ClassVar[bool] = True

    steps: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "steps", integer_within("steps", self.steps, 1, MAX_STEPS))

    def to_mapping(self) -> dict[str, object]:
        """See Method."""
        return {**super().to_mapping(), "steps": self.steps}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        found = take(mapping, _FIELDS, what)
        return cls(**cls.choices_of(found), steps=found["steps"])

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        return {**super().to_toml(), "steps": toml_value(self.steps)}

    def describe(self) -> str:
        """See Method."""
        steps = "one step" if self.steps == 1 else f"{self.steps} steps"
        return f"{steps} with a matrix of the owner's to {super().describe()}"

    def require_provable(self, shape: DatasetShape) -> None:
        """See Method."""
        super().require_provable(shape)
        if shape.features + self.bias > MAX_WEIGHTS:
            raise ParameterError(
                f"{shape.features + self.bias} weights: the matrix of steps has a number for any two of them, and is "
                f"proved of at most {MAX_WEIGHTS}; method = 'optimum' proves the same of its model without it"
            )

    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> NewtonCertificate:
        """See Method, and compile_steps."""
        self.require_provable(shape)
        return compile_steps(compile_certificate(self, family, scales, shape, live), self.steps, self.l2)
