"""How far trained weights are from the optimum of their own objective: from a training to public integers.

With the symbols of certificate.py and link_certificate.py, whose weights have 16 bits more than those of the training:
w = w_m + 16, so that z has the same cells, and W(k) = 2^16 M(k), V = 2^16 B for the weights M and the bias B that are
committed, at scale w_m. c is nearest(n l2 2^(p + x + e - w)) again, l2 being that of the training.

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

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..scales import REMAINDER_BITS, FineScales, FixedPoint
from ..shapes import DatasetShape
from .certificate import WEIGHT_ROOM, within_bounds
from .geometry import EXPRESSION_BOUND
from .link_certificate import LinkCertificate, raised_penalty, require_link

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent

FINEST = 10  # scale of a table's cells at which predictions have the most bits
LARGEST_SLOPE = EXPRESSION_BOUND.bit_length() - 2  # no gradient of rows reaches 2^61
STANDARDIZED = (
    "standardize: what l2 penalises hangs on spreads that are secret, and a distance is one on features as they are "
    "encoded"
)
LINEAR = "a linear model: its distance follows from sums of products of the rows, and is not proved yet"
NO_PENALTY = "l2 = 0: without a penalty nothing says how near the optimum is"
CLASS_WEIGHTS = "class_weight: the distance is that of an objective which counts each row once"
LEFT_OPEN = "slope: the intercept is not penalised, so it has to be said what another one gains"
SAID_TWICE = "slope: no intercept is without a penalty, and the distance says all of it"


@dataclass(frozen=True, kw_only=True)
class DistanceCertificate(LinkCertificate):
    """Every public integer of a distance.

    Attributes:
        slope: s, of a bias that is not penalised: its gradient is in [-2^s, 2^s); None where there is none.
    """

    slope: int | None

    @property
    def unit_bits(self) -> int:
        """See Certificate: w - w_m."""
        return REMAINDER_BITS

    @property
    def counted(self) -> int:
        """How many weights are penalised: the first ones."""
        return self.width if self.slope is None else self.features

    def penalties(self, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """See Certificate."""
        return np.concatenate([self.penalty * weights[: self.counted], np.zeros_like(weights[self.counted :])])

    @property
    def _mean(self) -> int:
        """2^(e + p + x) n: G in these is the gradient of the mean loss."""
        return self.live.count << (self.raised + self.scales.p_bits + self.scales.x_bits)

    @property
    def excess(self) -> Fraction:
        """By how much at most the mean loss, with the penalty, is above the least there is, with this intercept."""
        return Fraction(self.penalty * self.distance**2, 2 * self._mean << self.scales.w_bits)

    @property
    def real_distance(self) -> Fraction:
        """D, for weights of encoded features."""
        return Fraction(self.distance, 1 << self.scales.w_bits)

    @property
    def real_slope(self) -> Fraction | None:
        """What a unit of the intercept gains at most of the mean loss."""
        return None if self.slope is None else Fraction(1 << self.slope, self._mean)


def fine_scales(family: Family, scales: FixedPoint) -> FineScales:
    """Those of a distance: cells of scores as the training has them, predictions as fine as their steps allow."""
    most = 28 if family.curvature <= 0.25 else 27
    p_bits = most - max(0, FINEST - scales.q_bits)
    return FineScales(x_bits=scales.x_bits, w_bits=scales.w_bits + REMAINDER_BITS, p_bits=p_bits)


def distance_bits(scales: FixedPoint) -> int:
    """The logarithm of the largest D, which is 32: no weight is farther from 0."""
    return scales.w_bits + WEIGHT_ROOM - 1


def compile_distance(
    method: GradientDescent,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    distance: int,
    slope: int | None,
) -> DistanceCertificate:
    """The integers of a distance of 2^distance units of 2^-w, and of a slope of 2^slope.

    Raises:
        ParameterError: the training has no objective whose optimum says something, named with why; or an expression
            its range.
    """
    _require_objective(method, family)
    fine = fine_scales(family, scales)
    require_link(method.kind, family, fine, shape, live)
    free = method.bias and not method.penalize_intercept
    if free != (slope is not None):
        raise ParameterError(LEFT_OPEN if free else SAID_TWICE)
    if slope is not None and not 0 <= slope <= LARGEST_SLOPE:
        raise ParameterError(f"slope = {slope}: must be between 0 and {LARGEST_SLOPE}")
    if not 0 <= distance <= distance_bits(fine):
        raise ParameterError(f"distance = {distance}: must be between 0 and {distance_bits(fine)}, which is 32")
    raised, penalty = raised_penalty(Fraction(method.l2), fine, live)
    found = DistanceCertificate(
        family=family,
        scales=fine,
        features=shape.features,
        width=shape.features + method.bias,
        unused=shape.unused,
        outputs=shape.outputs,
        live=live,
        raised=raised,
        penalty=penalty,
        distances=(1 << distance,),
        slope=slope,
    )
    return within_bounds(found, [*found.bounds_of_rows(), *found.bounds_of_weights(found.largest_gradient)])


def _require_objective(method: GradientDescent, family: Family) -> None:
    """The training descends on what an optimum can be certified of. Raises ParameterError."""
    refused = [
        (family.quadratic, LINEAR),
        (method.standardize, STANDARDIZED),
        (bool(method.class_weights), CLASS_WEIGHTS),
        (method.l2 == 0, NO_PENALTY),
    ]
    for found, why in refused:
        if found:
            raise ParameterError(why)
