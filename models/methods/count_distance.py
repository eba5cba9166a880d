"""How far the weights of a Poisson training are from the optimum: from a training to public integers.

The loss of a row is exp(z) - y z: convex, without a largest slope. With l2 the mean of it is strongly convex, so all
that a distance needs is a bound of its gradient at the weights that are committed, whose scores are in the table. With
the symbols of link_distance.py, but for what follows, the weights M, B at the scale w of the training:

    z(i) = sum x_ik M(k) + 2^x B = 2^16 Q + M',   2^16 P' + u = (T[Q+1] - T[Q]) M' + 2^15,   r(i) = T[Q] + P' - 2^p y(i)
    G(k) = 2^e sum S(i) r(i) x_ik + c M(k),   G(bias) = 2^e sum S(i) r(i) 2^x + c B

T is the table of counts.py, and no score is cut: so T[Q] + P' is at most a unit less than 2^p exp(z), and at most a
unit and a chord's height more. With n rows, and |x_ik| <= 2^x, the gradient of the function with exp itself,

    F = 2^(e + p + x + w) sum S(i) (exp(z(i)) - y(i) z(i)) + c / 2 |M|^2        z, x in real numbers, M in integers

is nearer to G than `blur`, and it is shorter than c D + blur where |G| <= c D is shown. Distances and losses are those
of F: nothing is said of how the table goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..counts import COUNT_BITS, LEAST_Q_BITS, P_BITS, chord, count_edges, require_table
from ..families import Family
from ..live import Live
from ..scales import REMAINDER_BITS, FineScales, FixedPoint
from ..shapes import DatasetShape
from .certificate import FRACTION, WEIGHT_ROOM, require_fitting, within_bounds
from .distance import declared_fields, require_objective
from .geometry import EXPRESSION_BOUND, nearest, power_of_two
from .link_distance import LinkDistance

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent

LEAST_PENALTY = 1 << 12  # c, which is then right to 0.013 %
MOST_RAISED = 62  # above that no gradient is below 2^62


@dataclass(frozen=True, kw_only=True)
class CountDistance(LinkDistance):
    """Every public integer of a distance from the optimum of a Poisson regression."""

    least_cells: ClassVar[int] = LEAST_Q_BITS

    @property
    def edges(self) -> NDArray[np.int64]:
        """See LinkCertificate."""
        return count_edges(self.scales.q_bits)

    @property
    def trained_bits(self) -> int:
        """w."""
        return self.scales.w_bits - self.unit_bits

    @property
    def committed_penalty(self) -> int:
        """See DistanceCertificate: c is of what is committed."""
        return self.penalty

    def penalties(self, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """See Certificate."""
        return super().penalties(weights) >> self.unit_bits

    @property
    def longest(self) -> int:
        """See DistanceCertificate: 32."""
        return self.trained_bits + WEIGHT_ROOM - 1

    @property
    def blur(self) -> tuple[int, int]:
        """How far from G the gradient with exp is: of the weights that are penalised, and of a bias that is not."""
        unit = (1 + chord(self.scales.q_bits)) * (self.live.count << (self.raised + self.scales.x_bits))
        root = Fraction(isqrt(self.counted << (2 * FRACTION)) + 1, 1 << FRACTION)
        return (unit * root).__ceil__(), unit.__ceil__()

    @property
    def _gradient(self) -> int:
        """A bound of the length of the gradient with exp."""
        return self.penalty * self.distance + self.blur[0]

    @property
    def excess(self) -> Fraction:
        """See DistanceCertificate."""
        return Fraction(self._gradient**2, 2 * self.penalty * self.mean_scale << self.trained_bits)

    @property
    def real_distance(self) -> Fraction:
        """See DistanceCertificate."""
        return Fraction(self._gradient, self.penalty << self.trained_bits)

    @property
    def real_slope(self) -> Fraction | None:
        """See DistanceCertificate."""
        return None if self.slope is None else Fraction((1 << self.slope) + self.blur[1], self.mean_scale)

    @property
    def largest_gradient(self) -> int:
        """See LinkCertificate: neither labels nor what is expected reach 2^16."""
        return _largest_sum(self.live, self.raised, self.scales) + (
            self.penalty * self.largest_weight >> self.unit_bits
        )


def compile_count_distance(
    method: GradientDescent,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    distance: int,
    slope: int | None,
) -> CountDistance:
    """The integers of a distance of 2^distance units of 2^-w, and of a slope of 2^slope.

    Raises:
        ParameterError: the training has no objective whose optimum says something, named with why; or an expression
            its range.
    """
    require_objective(method, slope)
    require_fitting(scales, shape, live)
    family.require_labels(shape.label_kind)
    require_table(family, scales)
    fine = FineScales(x_bits=scales.x_bits, w_bits=scales.w_bits + REMAINDER_BITS, p_bits=P_BITS)
    raised, penalty = _raised_penalty(Fraction(method.l2), scales, fine, live)
    found = CountDistance(
        **declared_fields(method, family, fine, shape, live, distance, slope), raised=raised, penalty=penalty
    )
    found.require_distance(distance)
    return within_bounds(found, [*found.bounds_of_rows(), *found.bounds_of_weights(found.largest_gradient)])


def _largest_sum(live: Live, raised: int, scales: FixedPoint) -> int:
    """A bound of 2^e sum S r x_k."""
    return live.count << (raised + scales.p_bits + scales.x_bits + COUNT_BITS)


def _raised_penalty(l2: Fraction, scales: FixedPoint, fine: FixedPoint, live: Live) -> tuple[int, int]:
    """e and c. Raises ParameterError where sums are too long, or c cannot be near l2, or is too large."""
    limit = EXPRESSION_BOUND >> 1
    if _largest_sum(live, 0, fine) >= limit:
        most = (limit - 1) >> (fine.p_bits + fine.x_bits + COUNT_BITS)
        raise ParameterError(
            f"{live.count} rows: sums of so many counts could pass 2^61; a distance is of up to {most}"
        )
    share = live.count * l2 * power_of_two(fine.p_bits + fine.x_bits - scales.w_bits)
    raised = next((e for e in range(MOST_RAISED) if share * power_of_two(e) >= LEAST_PENALTY), MOST_RAISED)
    if raised and _largest_sum(live, raised, fine) >= limit:
        raise ParameterError(f"l2 = {float(l2)}: too small for {live.count} rows: its integer would be far off")
    penalty = nearest(share * power_of_two(raised))
    if penalty << (scales.w_bits + WEIGHT_ROOM - 1) >= limit:
        raise ParameterError(f"l2 = {float(l2)}: too large: its gradient would pass 2^61")
    return raised, penalty
