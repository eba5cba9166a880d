"""What methods that certify an optimum declare alike: a penalty on every weight, and a grid of weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ...errors import ParameterError
from ..checks import integer_within, real
from ..families import Family
from ..scales import FineScales, FixedPoint
from ..shapes import DatasetShape
from .base import Method

LONGEST_DISTANCE = 1 << 40
NOT_STANDARDIZED = (
    "standardize: means and spreads change with the rows, and with them what l2 penalises; an optimum is certified on "
    "features as they are encoded"
)
PENALISED = (
    "penalize_intercept: must be true, or bias false: without a penalty on every weight nothing says how near the "
    "optimum is"
)


@dataclass(frozen=True, kw_only=True)
class Penalised(Method):
    """The mean loss and l2 / 2 times the squares of all weights, which are multiples of 2^grid units of 2^-w_bits.

    Attributes:
        l2, grid, bias, penalize_intercept, standardize: as of the method.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    scales: ClassVar[type[FixedPoint]] = FineScales

    l2: float
    grid: int | None = None
    bias: bool = True
    penalize_intercept: bool = True
    standardize: bool = False

    def __post_init__(self) -> None:
        for name in ("bias", "penalize_intercept", "standardize"):
            if not isinstance(getattr(self, name), bool):
                raise ParameterError(f"{name} = {getattr(self, name)!r}: must be true or false")
        if self.standardize:
            raise ParameterError(NOT_STANDARDIZED)
        if self.bias and not self.penalize_intercept:
            raise ParameterError(PENALISED)
        object.__setattr__(self, "penalize_intercept", True)
        object.__setattr__(self, "l2", penalty(self.l2))

    @property
    @abstractmethod
    def grids(self) -> tuple[int, int]:
        """The finest and the coarsest grid, in bits."""

    def fix_grid(self, default: int) -> None:
        """Put the default in the place of a grid that is not declared. Raises ParameterError."""
        grid = default if self.grid is None else self.grid
        object.__setattr__(self, "grid", integer_within("grid", grid, *self.grids))

    @property
    def grid_bits(self) -> int:
        """a."""
        return integer_within("grid", self.grid, *self.grids)

    @classmethod
    def default_scales(cls, family: Family) -> FixedPoint:
        """See Method: as fine as the steps of the family's table allow."""
        return FineScales() if family.curvature <= 0.25 else FineScales(p_bits=27)

    def weight_bits(self, scales: FixedPoint) -> int:
        """See Method."""
        return scales.w_bits - self.grid_bits

    @classmethod
    def from_toml(cls, fields: Mapping[str, Any]) -> Self:
        """See Method."""
        return cls(**fields)

    def require_provable(self, shape: DatasetShape) -> None:
        """See Method: what does not fit, its integers say as they are laid out."""


def penalty(value: object) -> float:
    """l2, where weights have to be penalised. Raises ParameterError."""
    l2 = real("l2", value)
    if l2 <= 0:
        raise ParameterError(f"l2 = {l2}: must be positive: without a penalty nothing says how near the optimum is")
    if not 2.0**-40 <= l2 <= 2.0**40:
        raise ParameterError(f"l2 = {l2}: must be between 2^-40 and 2^40")
    return l2
