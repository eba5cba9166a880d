"""How far trained weights are from the optimum of their own objective: what all such certificates have in common.

With the symbols of certificate.py. D, |G| <= c D, are those of weights at the training's scale w_m or a finer one w.

**A bias that is penalised, or none.** F is c-strongly convex, so |G| <= c D shows both

    F(W) - F(W*) <= |G|^2 / (2 c) <= c D^2 / 2,     |W - W*| <= D

**A bias that is not penalised**, as gradient descent has it by default: F is convex, and c-strongly so in the weights
only. For every W' and V', with G the gradient of the weights alone and G_b that of the bias,

    F(W', V') >= F(W, V) + <G, W' - W> + c / 2 |W' - W|^2 + G_b (V' - V)
              >= F(W, V) - |G|^2 / (2 c) - |G_b| |V' - V|

So no weights with this intercept have a loss that is smaller by more than c D^2 / 2, and the optimum for it is within
D; and another intercept gains at most |G_b| <= 2^s for each unit of 2^-w, whatever its weights are. Where the best
intercept is, nothing says: its curvature may be as small as data make it.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .certificate import Certificate
from .geometry import EXPRESSION_BOUND

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent

LARGEST_SLOPE = EXPRESSION_BOUND.bit_length() - 2  # 2^61
STANDARDIZED = (
    "standardize: what l2 penalises hangs on spreads that are secret, and a distance is one on features as they are "
    "encoded"
)
NO_PENALTY = "l2 = 0: without a penalty nothing says how near the optimum is"
CLASS_WEIGHTS = "class_weight: the distance is that of an objective which counts each row once"
LEFT_OPEN = "slope: the intercept is not penalised, so it has to be said what another one gains"
SAID_TWICE = "slope: no intercept is without a penalty, and the distance says all of it"


@dataclass(frozen=True, kw_only=True)
class DistanceCertificate(Certificate):
    """Every public integer of a distance, but for those of the rows.

    Attributes:
        slope: s, of a bias that is not penalised: its gradient is in [-2^s, 2^s); None where there is none.
    """

    slope: int | None

    @property
    def counted(self) -> int:
        """How many weights are penalised: the first ones."""
        return self.width if self.slope is None else self.features

    @property
    def committed_penalty(self) -> int:
        """What a unit of a committed weight has of a gradient, if it is penalised."""
        return self.penalty << self.unit_bits

    @property
    @abstractmethod
    def longest(self) -> int:
        """The logarithm of the largest D."""

    @property
    @abstractmethod
    def mean_scale(self) -> int:
        """G in these is the gradient of the mean loss."""

    @property
    def excess(self) -> Fraction:
        """By how much at most the mean loss, with the penalty, is above the least there is, with this intercept."""
        return Fraction(self.penalty * self.distance**2, 2 * self.mean_scale << self.scales.w_bits)

    @property
    def real_distance(self) -> Fraction:
        """D, for weights of encoded features."""
        return Fraction(self.distance, 1 << self.scales.w_bits)

    @property
    def real_slope(self) -> Fraction | None:
        """What a unit of the intercept gains at most of the mean loss."""
        return None if self.slope is None else Fraction(1 << self.slope, self.mean_scale)

    def require_distance(self, distance: int) -> None:
        """It can be stated. Raises ParameterError."""
        if not 0 <= distance <= self.longest:
            most = float(replace(self, distances=(1 << self.longest,)).real_distance)
            raise ParameterError(f"distance = {distance}: must be between 0 and {self.longest}, which is {most:g}")


def require_objective(method: GradientDescent, slope: int | None) -> None:
    """The training descends on what an optimum can be certified of, and there is a slope if need be.

    Raises:
        ParameterError: naming what there is none of.
    """
    refused = [
        (method.standardize, STANDARDIZED),
        (bool(method.class_weights), CLASS_WEIGHTS),
        (method.l2 == 0, NO_PENALTY),
    ]
    for found, why in refused:
        if found:
            raise ParameterError(why)
    free = method.bias and not method.penalize_intercept
    if free != (slope is not None):
        raise ParameterError(LEFT_OPEN if free else SAID_TWICE)
    if slope is not None and not 0 <= slope <= LARGEST_SLOPE:
        raise ParameterError(f"slope = {slope}: must be between 0 and {LARGEST_SLOPE}")


def declared_fields(
    method: GradientDescent,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    distance: int,
    slope: int | None,
) -> dict[str, Any]:
    """The fields of a DistanceCertificate that follow from what is declared alone, whatever the loss is."""
    return {
        "family": family,
        "scales": scales,
        "features": shape.features,
        "width": shape.features + method.bias,
        "unused": shape.unused,
        "live": live,
        "distances": (1 << max(0, distance),),
        "slope": slope,
    }
