"""Newton's steps to a certified optimum, or a noisy one, as a spec declares them. Their integers: newton_steps.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, Self

from ...errors import ParameterError
from ...formats.fields import Fields, Int, Real, take
from ...formats.toml import toml_value
from ..checks import integer_within
from ..families import Family
from ..live import Live
from ..noise import SIGMA_BITS
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .link_certificate import compile_certificate, require_link, unpolished_distances
from .newton_inverse import INVERSE_RANGE, MAX_INVERTED
from .newton_steps import MAX_WEIGHTS, NewtonCertificate, NoisyNewtonCertificate, compile_steps
from .noisy import GRID_RANGE as NOISY_GRID_RANGE
from .noisy import Noisy, default_grid, to_be_hidden
from .noisy_certificate import compile_noisy
from .optimum import OPTIMUM_FIELDS, Optimum

MAX_STEPS = 8
_FIELDS: Fields = {**OPTIMUM_FIELDS, "steps": Int(1, MAX_STEPS)}
_INVERSE: Fields = {"inverse": Int(*INVERSE_RANGE)}  # stands only where it is declared
_NOISE: Fields = {"epsilon": Real(), "delta": Real(), "grid": Int(*NOISY_GRID_RANGE)}  # likewise
ONE_WITHOUT_THE_OTHER = "{given}: goes with {missing}: declare both, and the model has noise, or neither"
TOO_COARSE = (
    "grid = {grid}: too coarse: noise of 2^11 steps of it would have a deviation of {deviation:g} in weights; leave "
    "the grid out, which is finer for noise than for a rounding"
)
SEVERAL_DISTANCES = "distances: {count} of them; under noise there are no edges of a grid: declare one, or none"


@dataclass(frozen=True, kw_only=True)
class Newton(Optimum):
    """Steps from the model that is superseded, with a matrix of the owner's, to what is certified and rounded.

    What is proved is each step, integer for integer, and what method "optimum" proves of where the last one ended. As
    long as the matrix is the owner's choice, steps could lead anywhere: only the certificate binds. With `inverse` the
    matrix is proved to be the inverse of the second derivative where steps begin, so that they are Newton's. With
    `epsilon` and `delta` it is what method "noisy" proves, and the model has noise instead of being rounded.

    Of several classes each output has steps and a matrix of its own, and what they lead to is certified together.

    Attributes:
        steps: how many, each with one pass over the rows.
        inverse: no number of matrix times second derivative is farther from the identity's than 2^-inverse; None, and
            the matrix is any.
        epsilon, delta: what noise has to hide to, at least; None, and the model is rounded.
        l2, bias, penalize_intercept, standardize: as of Optimum.
        grid, distances: as of Optimum; under noise as `grid` and `distance` of Noisy, of which there is one at most.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "newton"
    warms: ClassVar[bool] = False
    begins: ClassVar[bool] = True

    steps: int = 1
    inverse: int | None = None
    epsilon: float | None = None
    delta: float | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in ("epsilon", "delta") if getattr(self, name) is not None}
        if len(given) == 1:
            (name,) = given
            other = "delta" if name == "epsilon" else "epsilon"
            raise ParameterError(ONE_WITHOUT_THE_OTHER.format(given=f"{name} = {given[name]}", missing=other))
        if given:
            for name, value in zip(given, to_be_hidden(self.epsilon, self.delta), strict=True):
                object.__setattr__(self, name, value)
        super().__post_init__()
        if given and len(self.distances) > 1:
            raise ParameterError(SEVERAL_DISTANCES.format(count=len(self.distances)))
        object.__setattr__(self, "steps", integer_within("steps", self.steps, 1, MAX_STEPS))
        if self.inverse is not None:
            object.__setattr__(self, "inverse", integer_within("inverse", self.inverse, *INVERSE_RANGE))

    @property
    def noised(self) -> bool:
        """See Method."""
        return self.epsilon is not None

    @property
    def grids(self) -> tuple[int, int]:
        """See Penalised."""
        return NOISY_GRID_RANGE if self.noised else super().grids

    @property
    def usual_grid(self) -> int:
        """See Optimum."""
        if self.epsilon is None or self.delta is None:
            return super().usual_grid
        return default_grid(self.l2, self.epsilon, self.delta)

    @property
    def hiding(self) -> Noisy | None:
        """Of a model with noise, the same without steps; else None."""
        if self.epsilon is None or self.delta is None:
            return None
        return Noisy(
            l2=self.l2,
            grid=self.grid,
            bias=self.bias,
            distance=self.distances[0] if self.distances else 0,
            epsilon=self.epsilon,
            delta=self.delta,
        )

    def to_mapping(self) -> dict[str, object]:
        """See Method; with `inverse`, and epsilon and delta, only where they are declared."""
        inverse = {} if self.inverse is None else {"inverse": self.inverse}
        noise = {"epsilon": repr(self.epsilon), "delta": repr(self.delta)} if self.noised else {}
        return {**super().to_mapping(), "steps": self.steps, **inverse, **noise}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        noised = not {"epsilon", "delta"}.isdisjoint(mapping)
        declared = (_FIELDS, _INVERSE if "inverse" in mapping else {}, _NOISE if noised else {})
        found = take(mapping, {name: kind for own in declared for name, kind in own.items()}, what)
        noise: dict[str, Any] = {name: float(found[name]) for name in ("epsilon", "delta") if noised}
        return cls(**cls.choices_of(found), steps=found["steps"], inverse=found.get("inverse"), **noise)

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        inverse = {} if self.inverse is None else {"inverse": toml_value(self.inverse)}
        noise = {"epsilon": repr(self.epsilon), "delta": repr(self.delta)} if self.noised else {}
        return {**super().to_toml(), "steps": toml_value(self.steps), **inverse, **noise}

    def describe(self) -> str:
        """See Method."""
        steps = "one step" if self.steps == 1 else f"{self.steps} steps"
        matrix = "a matrix of the owner's"
        if self.inverse is not None:
            matrix = f"the inverse of the second derivative where they begin, to {self.inverse} bits,"
        ended = super().describe() if self.hiding is None else self.hiding.describe()
        return f"{steps} with {matrix} to {ended}"

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

    def compile(
        self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
    ) -> NewtonCertificate | NoisyNewtonCertificate:
        """See Method, and compile_steps."""
        self.require_provable(shape)
        own = self
        if self.inverse is not None and not self.distances:  # as no correction of the matrix polishes where steps end
            width = shape.outputs * (shape.features + self.bias)
            longest = unpolished_distances(Fraction(self.l2), scales, width, live.count)
            own = replace(self, distances=longest[: 1 if self.noised else None])
        if own.hiding is not None:
            require_link(self.kind, family, scales, shape, live, family.label_kinds)
            if self.grid_bits + SIGMA_BITS > scales.w_bits:
                raise ParameterError(
                    TOO_COARSE.format(grid=self.grid, deviation=2.0 ** (self.grid_bits + SIGMA_BITS - scales.w_bits))
                )
            hidden = compile_noisy(own.hiding, family, scales, shape, live)
            return compile_steps(hidden, NoisyNewtonCertificate, self.steps, self.l2, self.inverse)
        certificate = compile_certificate(own, family, scales, shape, live)
        return compile_steps(certificate, NewtonCertificate, self.steps, self.l2, self.inverse)
