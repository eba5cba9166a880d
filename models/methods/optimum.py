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
from ..checks import integer_within
from ..families import Family
from ..live import Live
from ..scales import FineScales, FixedPoint
from ..shapes import DatasetShape
from .certificate import Certificate
from .gram_certificate import compile_gram_certificate
from .link_certificate import compile_certificate
from .penalised import LONGEST_DISTANCE, Penalised

GRID_RANGE = (8, 40)
MAX_DISTANCES = 16
FINEST_WEIGHTS = 36  # w_bits, beside x_bits of 10
DEFAULT_GRID = 16  # bits, and as many as 1 / l2 has: then a rounding edge is as near as distances by chance only
OPTIMUM_FIELDS: Fields = {
    "kind": str,
    "l2": Real(),
    "grid": Int(*GRID_RANGE),
    "distances": ListOf(Int(1, LONGEST_DISTANCE), 0, MAX_DISTANCES),
    "bias": bool,
}


@dataclass(frozen=True, kw_only=True)
class Optimum(Penalised):
    """The weights that minimise the mean loss and l2 / 2 times their squares, rounded to a grid.

    What is proved is that the published weights are the rounding of the optimum: not how it was found. Of several
    classes there are weights of each, against all others, and their optima are certified together.

    Attributes:
        l2: weight of ||w||^2 / 2 beside the mean loss, the intercept included; on encoded features.
        grid: weights are multiples of 2^grid units of 2^-w_bits; by default 16 and as many as 1 / l2 has bits.
        distances: how far from the optimum what is rounded may be, in units of 2^-w_bits: falling; the first for which
            no rounding edge is nearer is proved. Without any they follow from l2 and the numbers of weights and rows:
            a longest one, which is certified where no edge is near, and then shares of it.
        bias: whether there is an intercept.
        penalize_intercept: true, if there is a bias.
        standardize: false.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "optimum"
    warms: ClassVar[bool] = True

    distances: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.fix_grid(self.usual_grid)
        object.__setattr__(self, "distances", _falling(self.distances))

    @property
    def grids(self) -> tuple[int, int]:
        """See Penalised."""
        return GRID_RANGE

    @property
    def usual_grid(self) -> int:
        """That of a spec that declares none."""
        return default_grid(self.l2)

    @classmethod
    def default_scales(cls, family: Family) -> FixedPoint:
        """See Penalised; as fine as any without a table."""
        if family.quadratic:
            return FineScales(w_bits=FINEST_WEIGHTS)
        return super().default_scales(family)

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

    def describe(self) -> str:
        """See Method."""
        included = ", the intercept included" if self.bias else ""
        return f"its optimum, rounded to a grid of 2^{self.grid_bits} units and certified: L2 {self.l2!r}{included}"

    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> Certificate:
        """See Method: by sums over rows where the loss is quadratic, else by the table of the link."""
        if family.quadratic:
            return compile_gram_certificate(self, family, scales, shape, live)
        return compile_certificate(self, family, scales, shape, live)


def default_grid(l2: float) -> int:
    """The bits of the grid for a penalty: 26 for 0.001."""
    share = Fraction(l2)
    whole = -(-share.denominator // share.numerator)  # ceil(1 / l2)
    return max(GRID_RANGE[0], DEFAULT_GRID + (whole - 1).bit_length())


def _falling(value: object) -> tuple[int, ...]:
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise ParameterError(f"distances: expected a list of integers, found {type(value).__name__}")
    found = tuple(integer_within(f"distances[{i}]", own, 1, LONGEST_DISTANCE) for i, own in enumerate(value))
    if len(found) > MAX_DISTANCES:
        raise ParameterError(f"distances: {len(found)} of them, more than {MAX_DISTANCES}")
    if any(later >= own for own, later in pairwise(found)):
        raise ParameterError("distances: each must be smaller than the one before")
    return found
