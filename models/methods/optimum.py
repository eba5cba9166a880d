"""The certified optimum, as a spec declares it: no steps, whatever finds it. Its integers: link_certificate.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar, Self

from ...errors import ParameterError
from ...formats.fields import Fields, Int, ListOf, Real, take
from ...formats.toml import toml_value
from ..checks import integer_within, real
from ..families import Family
from ..live import Live
from ..scales import FineScales, FixedPoint
from ..shapes import DatasetShape
from .base import Method
from .gram_certificate import LinearOptimumCertificate, compile_gram_certificate
from .link_certificate import OptimumCertificate, compile_certificate

GRID_RANGE = (8, 40)
MAX_DISTANCES, LONGEST_DISTANCE = 16, 1 << 40
MAX_WEIGHTS = 2048  # features: curvature has a number for any two of them, by which weights are polished
FINEST_WEIGHTS = 36  # w_bits, beside x_bits of 10
DEFAULT_GRID = 16  # bits, and as many as 1 / l2 has: then a rounding edge is as near as distances by chance only
NOT_STANDARDIZED = (
    "standardize: means and spreads change with the rows, and with them what l2 penalises; an optimum is certified on "
    "features as they are encoded"
)
PENALISED = (
    "penalize_intercept: must be true, or bias false: without a penalty on every weight nothing says how near the "
    "optimum is"
)
OPTIMUM_FIELDS: Fields = {
    "kind": str,
    "l2": Real(),
    "grid": Int(*GRID_RANGE),
    "distances": ListOf(Int(1, LONGEST_DISTANCE), 0, MAX_DISTANCES),
    "bias": bool,
}


@dataclass(frozen=True, kw_only=True)
class Optimum(Method):
    """The weights that minimise the mean loss and l2 / 2 times their squares, rounded to a grid.

    What is proved is that the published weights are the rounding of the optimum: not how it was found.

    Attributes:
        l2: weight of ||w||^2 / 2 beside the mean loss, the intercept included; on encoded features.
        grid: weights are multiples of 2^grid units of 2^-w_bits; by default 16 and as many as 1 / l2 has bits.
        distances: how far from the optimum what is rounded may be, in units of 2^-w_bits: falling; the first for which
            no rounding edge is nearer is proved. Without any they follow from l2 and the numbers of weights and rows.
        bias: whether there is an intercept.
        penalize_intercept: true, if there is a bias.
        standardize: false.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "optimum"
    warms: ClassVar[bool] = True
    scales: ClassVar[type[FixedPoint]] = FineScales

    l2: float
    grid: int | None = None
    distances: tuple[int, ...] = ()
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
        grid = default_grid(self.l2) if self.grid is None else self.grid
        object.__setattr__(self, "grid", integer_within("grid", grid, *GRID_RANGE))
        object.__setattr__(self, "distances", _falling(self.distances))

    @property
    def grid_bits(self) -> int:
        """a."""
        return integer_within("grid", self.grid, *GRID_RANGE)

    @classmethod
    def default_scales(cls, family: Family) -> FixedPoint:
        """See Method: as fine as the steps of the family's table allow; without one as fine as any."""
        if family.quadratic:
            return FineScales(w_bits=FINEST_WEIGHTS)
        return FineScales() if family.curvature <= 0.25 else FineScales(p_bits=27)

    def weight_bits(self, scales: FixedPoint) -> int:
        """See Method."""
        return scales.w_bits - self.grid_bits

    def to_mapping(self) -> dict[str, object]:
        """See Method."""
        return {
            "kind": self.kind,
            "l2": repr(self.l2),
            "grid": self.grid_bits,
            "distances": list(self.distances),
            "bias": self.bias,
        }

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        return cls(**cls.choices_of(take(mapping, OPTIMUM_FIELDS, what)))

    @staticmethod
    def choices_of(found: Mapping[str, Any]) -> dict[str, Any]:
        """What a mapping says of the optimum, as arguments."""
        distances = tuple(found["distances"])
        return {"l2": float(found["l2"]), "grid": found["grid"], "distances": distances, "bias": found["bias"]}

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        texts = {"l2": repr(self.l2), "grid": str(self.grid_bits), "bias": toml_value(self.bias)}
        return {**texts, "distances": toml_value(self.distances)} if self.distances else texts

    @classmethod
    def from_toml(cls, fields: Mapping[str, Any]) -> Self:
        """See Method."""
        return cls(**fields)

    def describe(self) -> str:
        """See Method."""
        included = ", the intercept included" if self.bias else ""
        return f"its optimum, rounded to a grid of 2^{self.grid_bits} units and certified: L2 {self.l2!r}{included}"

    def require_provable(self, shape: DatasetShape) -> None:
        """See Method."""
        if shape.outputs > 1:
            raise ParameterError(f"{shape.outputs} classes: an optimum is certified of one output, that of two classes")
        if shape.features > MAX_WEIGHTS:
            raise ParameterError(
                f"{shape.features} features: an optimum is found with a number for any two of them, and certified of "
                f"at most {MAX_WEIGHTS}"
            )

    def compile(
        self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
    ) -> OptimumCertificate | LinearOptimumCertificate:
        """See Method: by sums over rows where the loss is quadratic, else by the table of the link."""
        self.require_provable(shape)
        certificate_of = compile_gram_certificate if family.quadratic else compile_certificate
        return certificate_of(self, family, scales, shape, live)


def default_grid(l2: float) -> int:
    """The bits of the grid for a penalty: 26 for 0.001."""
    share = Fraction(l2)
    whole = -(-share.denominator // share.numerator)  # ceil(1 / l2)
    return max(GRID_RANGE[0], DEFAULT_GRID + (whole - 1).bit_length())


def penalty(value: object) -> float:
    """l2, where weights have to be penalised. Raises ParameterError."""
    l2 = real("l2", value)
    if l2 <= 0:
        raise ParameterError(f"l2 = {l2}: must be positive: without a penalty nothing says how near the optimum is")
    if not 2.0**-40 <= l2 <= 2.0**40:
        raise ParameterError(f"l2 = {l2}: must be between 2^-40 and 2^40")
    return l2


def _falling(value: object) -> tuple[int, ...]:
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise ParameterError(f"distances: expected a list of integers, found {type(value).__name__}")
    found = tuple(integer_within(f"distances[{i}]", own, 1, LONGEST_DISTANCE) for i, own in enumerate(value))
    if len(found) > MAX_DISTANCES:
        raise ParameterError(f"distances: {len(found)} of them, more than {MAX_DISTANCES}")
    if any(later >= own for own, later in pairwise(found)):
        raise ParameterError("distances: each must be smaller than the one before")
    return found
