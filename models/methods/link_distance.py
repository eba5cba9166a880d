"""How far the weights of a logistic or probit training are from the optimum: from a training to public integers.

With the symbols of distance.py and link_certificate.py, whose weights have 16 bits more than those of the training:
w = w_m + 16, so that z has the same cells, and W(k) = 2^16 M(k), V = 2^16 B for the weights M and the bias B that are
committed, at scale w_m. c is nearest(n l2 2^(p + x + e - w)) again, l2 being that of the training.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..families import Family
from ..live import Live
from ..scales import Q_BITS_RANGE, REMAINDER_BITS, W_BITS_RANGE, FineScales, FixedPoint
from ..shapes import DatasetShape
from .certificate import WEIGHT_ROOM, within_bounds
from .distance import DistanceCertificate, declared_fields, require_objective
from .fitting import one_of
from .link_certificate import LinkCertificate, bits_beyond, most_p_bits, raised_penalty, require_link

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent


@dataclass(frozen=True, kw_only=True)
class LinkDistance(DistanceCertificate, LinkCertificate):
    """Every public integer of a distance from the optimum of a declared link."""

    @property
    def unit_bits(self) -> int:
        """See Certificate: w - w_m."""
        return REMAINDER_BITS

    @property
    def longest(self) -> int:
        """See DistanceCertificate: 32, as no weight is farther from 0."""
        return self.scales.w_bits + WEIGHT_ROOM - 1

    least_cells: ClassVar[int] = Q_BITS_RANGE[0]  # the coarsest scale of a table that scores are looked up in

    def for_larger_scores(self, score: float) -> str:
        """See LinkCertificate: what a model with a distance is trained with."""
        own = self.scales
        w_bits = own.w_bits - self.unit_bits - bits_beyond(score, own)
        fewer = [f"fixed_point.w_bits = {w_bits}"] * (
            w_bits >= max(W_BITS_RANGE[0], self.least_cells + REMAINDER_BITS - own.x_bits)
        )
        return f"train with {one_of([*fewer, 'a lower learning_rate'], '')}, for all future statements"

    @property
    def mean_scale(self) -> int:
        """See DistanceCertificate: 2^(e + p + x) n."""
        return self.live.count << (self.raised + self.scales.p_bits + self.scales.x_bits)

    def penalties(self, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """See Certificate."""
        return np.concatenate([self.penalty * weights[: self.counted], np.zeros_like(weights[self.counted :])])


def fine_scales(family: Family, scales: FixedPoint) -> FineScales:
    """Those of a distance: cells of scores as the training has them, predictions as fine as their steps allow."""
    p_bits = most_p_bits(family, scales.q_bits)
    return FineScales(x_bits=scales.x_bits, w_bits=scales.w_bits + REMAINDER_BITS, p_bits=p_bits)


def compile_link_distance(
    method: GradientDescent,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    distance: int,
    slope: int | None,
) -> LinkDistance:
    """The integers of a distance of 2^distance units of 2^-w, and of a slope of 2^slope.

    Raises:
        ParameterError: the training has no objective whose optimum says something, named with why; or an expression
            its range.
    """
    require_objective(method, slope)
    fine = fine_scales(family, scales)
    require_link(method.kind, family, fine, shape, live, family.label_kinds)
    raised, penalty = raised_penalty(Fraction(method.l2), fine, live, declared=False)
    found = LinkDistance(
        **declared_fields(method, family, fine, shape, live, distance, slope), raised=raised, penalty=penalty
    )
    found.require_distance(distance)
    return within_bounds(found, [*found.bounds_of_rows(), *found.bounds_of_weights(found.largest_gradient)])
