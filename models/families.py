"""The families of generalised linear models, each as one object: what it predicts, and what it learns by.

A score z = w . x predicts inverse_link(z). The loss of a row is the one whose derivative by z is inverse_link(z) - y
(the matching loss; but for probit, the negative log-likelihood up to a constant), so every family is trained by the
same steps. The integers that are proved know a family by its activation table alone; its functions on real numbers
serve comparisons in float64 (float_reference.py).

The cut of link and loss follows scikit-learn's sklearn/_loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from statistics import NormalDist
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .activation import (
    Builder,
    activation_table,
    edge_table,
    linear_entries,
    logistic_edges,
    logistic_entries,
    poisson_entries,
    probit_edges,
    probit_entries,
)
from .scales import DEFAULT_SCALES, FixedPoint

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float64]
_SQRT_HALF = math.sqrt(0.5)
DENSITY_AT_ZERO = 1.0 / math.sqrt(2.0 * math.pi)
NORMAL_CELLS, NORMAL_END = 64, 40  # cells a unit, and where Phi is 0 or 1 in float64


def ask_for_classes(kind: str, needed: Sequence[str]) -> str:
    """What to add where labels of a kind do not fit: numbers may have been meant as classes."""
    if kind != "real" or "categorical" not in needed:
        return ""
    return '; for classes that are numbers ask when committing: label_kind="categorical" (--label categorical)'


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of models.

    Attributes:
        name: in specs and statements.
        title: for people.
        predicts: "class", one of two; "value", in the units of the label; or "count", the expected one, exp(z).
        label_kinds: kinds of labels it can learn from, of shapes.LABEL_KINDS.
        entries: builds the activation table from (q_bits, p_bits), see activation.py.
        inverse_link: predictions for real scores, float64 of their shape.
        loss: losses for real scores and labels, float64 of their shape.
        torch_loss: the same on torch tensors, for autograd.
        slope: derivatives of the predictions by the scores, float64 of their shape: of the losses, the second ones.
        curvature: the largest value of `slope`; infinity if there is none.
        link: the score that predicts a number; predictions lie between its domain's ends, which it does not take.
        least_loss: the loss of each label (N,) at the best score for it, float64 (N,).
        scales: what a spec takes that declares none.
        quadratic: whether the loss is, so that its gradient follows from sums over the rows (methods/one_pass.py).
        edges: builds the table of the inverse link at the edges of cells; None where no optimum can be certified.
    """

    name: str
    title: str
    predicts: Literal["class", "value", "count"]
    label_kinds: tuple[str, ...]
    entries: Builder = field(repr=False)
    inverse_link: Callable[[FloatArray], FloatArray] = field(repr=False)
    loss: Callable[[FloatArray, FloatArray], FloatArray] = field(repr=False)
    torch_loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = field(repr=False)
    slope: Callable[[FloatArray], FloatArray] = field(repr=False)
    curvature: float
    link: Callable[[float], float] = field(repr=False)
    least_loss: Callable[[FloatArray], FloatArray] = field(repr=False, default=np.zeros_like)
    scales: FixedPoint = DEFAULT_SCALES
    quadratic: bool = False
    edges: Builder | None = field(repr=False, default=None)

    def require_labels(self, kind: str) -> None:
        """Raises ParameterError for a kind of labels that it cannot learn from."""
        if kind not in self.label_kinds:
            needed, hint = " or ".join(self.label_kinds), ask_for_classes(kind, self.label_kinds)
            raise ParameterError(f"model = {self.name!r}: needs {needed} labels, the data set has {kind}{hint}")

    def table(self, scales: FixedPoint) -> NDArray[np.int64]:
        """The activation table, int64 (65536,), scale p_bits, index scale q_bits. Raises ParameterError."""
        return activation_table(self.entries, scales.q_bits, scales.p_bits)

    def edge_table(self, scales: FixedPoint) -> NDArray[np.int64]:
        """The inverse link at edges of cells, int64 (65537,), scale p_bits. Raises ParameterError if there is none."""
        if self.edges is None:
            raise ParameterError(
                f"model = {self.name!r}: the optimum of a {self.title} cannot be certified: what it predicts grows "
                "without bound, and no table of that is fine enough to settle how the optimum is rounded; use "
                "method = 'gradient descent', and prove-distance says how near the optimum its model is"
            )
        return edge_table(self.edges, scales.q_bits, scales.p_bits)


# Logistic ----------------------------------------------------------------------------------------------------------


def _sigmoid(z: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):  # where exp is infinite, the quotient is 0, as it should be
        return np.asarray(1.0 / (1.0 + np.exp(-z)), dtype=np.float64)


def _logistic_loss(z: FloatArray, y: FloatArray) -> FloatArray:
    return np.logaddexp(0.0, z) - y * z


def _logistic_slope(z: FloatArray) -> FloatArray:
    p = _sigmoid(z)
    return p * (1.0 - p)


def _logit(mean: float) -> float:
    return math.log(mean) - math.log1p(-mean)


def _logistic_torch(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.softplus(z) - y * z


# Linear ------------------------------------------------------------------------------------------------------------


def _identity(z: FloatArray) -> FloatArray:
    return z


def _linear_loss(z: FloatArray, y: FloatArray) -> FloatArray:
    return (z - y) ** 2 / 2


def _linear_torch(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (z - y) ** 2 / 2


# Probit ------------------------------------------------------------------------------------------------------------


@cache
def normal_table() -> tuple[FloatArray, FloatArray]:
    """The middles of cells, and Phi there: both float64 (cells,)."""
    end = NORMAL_CELLS * NORMAL_END
    centres = np.arange(-end, end + 1, dtype=np.float64) / NORMAL_CELLS
    return centres, np.array([0.5 * math.erfc(-c * _SQRT_HALF) for c in centres])


def _normal_cdf(z: FloatArray) -> FloatArray:
    """Phi, numpy having none: from the nearest cell's middle by five terms of its Taylor series, 1e-15 off at most."""
    centres, values = normal_table()
    clipped = np.clip(z, -NORMAL_END, NORMAL_END)
    cells = np.rint(np.nan_to_num(clipped) * NORMAL_CELLS).astype(np.int64) + NORMAL_CELLS * NORMAL_END
    c = centres[cells]
    t = clipped - c
    series = (3.0 - 6.0 * c**2 + c**4) / 120
    for coefficient in ((3.0 * c - c**3) / 24, (c**2 - 1.0) / 6, -c / 2, 1.0):
        series = series * t + coefficient
    return np.asarray(values[cells] + _normal_density(c) * t * series, dtype=np.float64)


def _normal_density(z: FloatArray) -> FloatArray:
    return np.asarray(DENSITY_AT_ZERO * np.exp(-(z**2) / 2), dtype=np.float64)


def _probit_loss(z: FloatArray, y: FloatArray) -> FloatArray:
    return z * _normal_cdf(z) + _normal_density(z) - y * z


def _probit_torch(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    import torch

    losses: torch.Tensor = z * torch.special.ndtr(z) + DENSITY_AT_ZERO * torch.exp(-(z**2) / 2) - y * z
    return losses


# Poisson -----------------------------------------------------------------------------------------------------------


def _exp(z: FloatArray) -> FloatArray:
    return np.exp(z)


def _poisson_loss(z: FloatArray, y: FloatArray) -> FloatArray:
    return np.exp(z) - y * z


def _poisson_least(y: FloatArray) -> FloatArray:
    return y - y * np.log(np.maximum(y, 1.0))  # counts: 0 log 0 is 0


def _poisson_torch(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.exp(z) - y * z


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family(
                name="logistic",
                title="logistic regression",
                predicts="class",
                label_kinds=("binary", "categorical"),
                entries=logistic_entries,
                inverse_link=_sigmoid,
                loss=_logistic_loss,
                torch_loss=_logistic_torch,
                slope=_logistic_slope,
                curvature=0.25,
                link=_logit,
                edges=logistic_edges,
            ),
            Family(
                name="linear",
                title="linear regression",
                predicts="value",
                label_kinds=("binary", "real", "count"),
                entries=linear_entries,
                inverse_link=_identity,
                loss=_linear_loss,
                torch_loss=_linear_torch,
                slope=np.ones_like,
                curvature=1.0,
                link=float,
                quadratic=True,
            ),
            Family(
                name="probit",
                title="probit regression",
                predicts="class",
                label_kinds=("binary", "categorical"),
                entries=probit_entries,
                inverse_link=_normal_cdf,
                loss=_probit_loss,
                torch_loss=_probit_torch,
                slope=_normal_density,
                curvature=DENSITY_AT_ZERO,
                link=NormalDist().inv_cdf,
                edges=probit_edges,
            ),
            Family(
                name="poisson",
                title="Poisson regression",
                predicts="count",
                label_kinds=("count",),
                entries=poisson_entries,
                inverse_link=_exp,
                loss=_poisson_loss,
                torch_loss=_poisson_torch,
                slope=_exp,
                curvature=math.inf,
                link=math.log,
                least_loss=_poisson_least,
                scales=FixedPoint(w_bits=18, p_bits=10),  # |z| < 8: e^32 has no room beside labels of 16 bits
            ),
        )
    }
)


def family_named(name: str) -> Family:
    """Raises ParameterError for an unknown name."""
    family = FAMILIES.get(name) if isinstance(name, str) else None
    if family is None:
        raise ParameterError(f"model = {name!r}: must be one of {', '.join(FAMILIES)}")
    return family
