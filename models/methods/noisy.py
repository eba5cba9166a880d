"""The noisy optimum, as a spec declares it: near it, with noise nobody chose. Its integers: noisy_certificate.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Self

from ...errors import ParameterError
from ...formats.fields import Fields, Int, Real, take
from ...formats.toml import toml_value
from ..checks import integer_within, real
from ..families import Family
from ..live import Live
from ..noise import SIGMA_BITS, largest_mu
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .noisy_certificate import EPSILON_MOST, NoisyCertificate, compile_noisy
from .penalised import LONGEST_DISTANCE, Penalised

GRID_RANGE = (0, 30)
EPSILON_RANGE, DELTA_RANGE = (0.01, EPSILON_MOST), (1e-9, 0.1)
USUAL_DISTANCE = 32  # over l2: that of up to 1,024 weights and no fewer rows than a third of these
_FIELDS: Fields = {
    "kind": str,
    "l2": Real(),
    "grid": Int(*GRID_RANGE),
    "distance": Int(0, LONGEST_DISTANCE),
    "epsilon": Real(),
    "delta": Real(),
    "bias": bool,
}


@dataclass(frozen=True, kw_only=True)
class Noisy(Penalised):
    """Weights near those that minimise the mean loss and l2 / 2 times their squares, with noise that hides how near.

    What is proved is how far from the optimum they are before noise, and that nobody chose the noise: the published
    model is (epsilon, delta)-indistinguishable from one by the same method that never saw what is forgotten. Of several
    classes there are weights of each, against all others, and all of them are one model: near together, and hidden
    together.

    Attributes:
        l2: weight of ||w||^2 / 2 beside the mean loss, the intercept included; on encoded features.
        epsilon, delta: what the noise has to hide to, at least; 1.0 and 0.00001 by default.
        grid: weights are multiples of 2^grid units of 2^-w_bits, the noise of 2^11 times as much; by default as many
            bits as noise of this standard deviation needs for up to 1,024 weights.
        distance: how far from the optimum they may be before noise, in units of 2^-w_bits; 0 for one that follows from
            l2 and the numbers of weights and rows.
        bias: whether there is an intercept.
        penalize_intercept: true, if there is a bias.
        standardize: false.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "noisy"

    epsilon: float = 1.0
    delta: float = 1e-5
    distance: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in zip(("epsilon", "delta"), to_be_hidden(self.epsilon, self.delta), strict=True):
            object.__setattr__(self, name, value)
        self.fix_grid(default_grid(self.l2, self.epsilon, self.delta))
        object.__setattr__(self, "distance", integer_within("distance", self.distance, 0, LONGEST_DISTANCE))

    @property
    def noised(self) -> bool:
        """See Method."""
        return True

    @property
    def grids(self) -> tuple[int, int]:
        """See Penalised."""
        return GRID_RANGE

    def to_mapping(self) -> dict[str, object]:
        """See Method."""
        return {
            "kind": self.kind,
            "l2": repr(self.l2),
            "grid": self.grid_bits,
            "distance": self.distance,
            "epsilon": repr(self.epsilon),
            "delta": repr(self.delta),
            "bias": self.bias,
        }

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        found = take(mapping, _FIELDS, what)
        return cls(
            l2=float(found["l2"]),
            epsilon=float(found["epsilon"]),
            delta=float(found["delta"]),
            grid=found["grid"],
            distance=found["distance"],
            bias=found["bias"],
        )

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        texts = {"l2": repr(self.l2), "epsilon": repr(self.epsilon), "delta": repr(self.delta)}
        texts |= {"grid": str(self.grid_bits), "bias": toml_value(self.bias)}
        return {**texts, "distance": str(self.distance)} if self.distance else texts

    def describe(self) -> str:
        """See Method."""
        included = ", the intercept included" if self.bias else ""
        return (
            f"a certified distance from its optimum and noise of 2^{self.grid_bits + SIGMA_BITS} units, "
            f"({self.epsilon!r}, {self.delta!r}) or better: L2 {self.l2!r}{included}"
        )

    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> NoisyCertificate:
        """See Method, and compile_noisy."""
        return compile_noisy(self, family, scales, shape, live)


def to_be_hidden(epsilon: object, delta: object) -> tuple[float, float]:
    """epsilon and delta, in their ranges. Raises ParameterError."""
    found = []
    for name, given, (low, high) in (("epsilon", epsilon, EPSILON_RANGE), ("delta", delta, DELTA_RANGE)):
        value = real(name, given)
        if not low <= value <= high:
            raise ParameterError(f"{name} = {value}: must be between {low} and {high}")
        found.append(value)
    return found[0], found[1]


def default_grid(l2: float, epsilon: float, delta: float) -> int:
    """The bits of the grid for which noise takes the usual distance with half of its strength: 8 for l2 = 0.001."""
    strength = largest_mu(Fraction(epsilon), Fraction(delta)) * (1 << (SIGMA_BITS - 1))
    steps = -(-2 * USUAL_DISTANCE // (Fraction(l2) * strength))
    return max(0, (int(steps) - 1).bit_length())
