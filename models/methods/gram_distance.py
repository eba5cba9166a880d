"""How far the weights of a linear training are from the optimum: from a training to public integers.

With the symbols of distance.py and gram_certificate.py, at the scale w of the training: W(k) are the weights M(k) that
are committed, of 48 bits. The intercept I is any integer at the scale of scores, x + w (not every method ends with
2^x times another one), so it is what is committed of the bias, in 48 bits too, and V = I / 2^x:

    z(i) = sum x_ik M(k) + I,   r(i) = z(i) - 2^(x+w-l) y(i)
    F = 2^e / 2 sum S(i) r(i)^2 + c / 2 (|M|^2 + V^2)
    G(k) = 2^e sum S(i) r(i) x_ik + c M(k),   G(b) = 2^e 2^x sum S(i) r(i) + c V,   c V = 2^-x c I

without V^2 and c V where the bias is not penalised. c = 2^x c', c' = nearest(n l2 2^(x+e)), so that c V is an
integer, and F is 2^(e + 2x + 2w) n times half the mean square of residuals and l2 / 2 |w|^2, with l2 as c' is: e is the
least for which c' is 2^12 or more, so right to 0.013 %. (No model hangs on these, so they need not be one for all n.)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .certificate import require_fitting, within_bounds
from .distance import DistanceCertificate, declared_fields, require_objective
from .geometry import EXPRESSION_BOUND, nearest, power_of_two
from .gram_certificate import GramCertificate, sum_of_row

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent

LEAST_PENALTY = 1 << 12  # c', which is then right to 0.013 %
MOST_RAISED = 62  # above that no gradient is below 2^62


@dataclass(frozen=True, kw_only=True)
class GramDistance(DistanceCertificate, GramCertificate):
    """Every public integer of a distance from the optimum of a quadratic loss."""

    @property
    def bias_unit(self) -> int:
        """See Certificate: the intercept is committed."""
        return 1

    @property
    def bias_penalty(self) -> int:
        """See GramCertificate: c', or none."""
        return self.penalty >> self.scales.x_bits if self.slope is None else 0

    @property
    def largest_short(self) -> int:
        """See GramCertificate."""
        return max(super().largest_short, 0 if self.slope is None else 1 << self.slope)

    @property
    def longest(self) -> int:
        """See DistanceCertificate: no weight is farther from 0, and c D is below 2^62."""
        of_threshold = ((EXPRESSION_BOUND - 1) // self.penalty).bit_length() - 1
        return min(self.weight_bits - 1, of_threshold)

    @property
    def mean_scale(self) -> int:
        """See DistanceCertificate: 2^(e + 2x + w) n."""
        return self.live.count << (self.raised + 2 * self.scales.x_bits + self.scales.w_bits)


def compile_gram_distance(
    method: GradientDescent,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    distance: int,
    slope: int | None,
) -> GramDistance:
    """The integers of a distance of 2^distance units of 2^-w, and of a slope of 2^slope.

    Args:
        method: the steps of the training, one pass over the rows or as many as steps.

    Raises:
        ParameterError: the training has no objective whose optimum says something, named with why; or an expression
            its range.
    """
    if not family.quadratic:
        raise ParameterError(f"model = {family.name!r}: its loss is not quadratic, and its gradient no sum over rows")
    require_objective(method, slope)
    require_fitting(scales, shape, live)
    family.require_labels(shape.label_kind)
    width = shape.features + method.bias
    raised, penalty = _raised_penalty(Fraction(method.l2), width, scales, shape, live)
    found = GramDistance(
        **declared_fields(method, family, scales, shape, live, distance, slope),
        raised=raised,
        penalty=penalty,
        label_kind=shape.label_kind,
        label_bits=shape.label_bits,
    )
    found.require_distance(distance)
    return within_bounds(found, [*found.bounds_of_sums(), *found.bounds_of_norm()])


def _raised_penalty(l2: Fraction, width: int, scales: FixedPoint, shape: DatasetShape, live: Live) -> tuple[int, int]:
    """e and c. Raises ParameterError where c cannot be near l2, or is too large for any distance."""
    share = live.count * l2 * power_of_two(scales.x_bits)
    raised = next((e for e in range(MOST_RAISED) if share * power_of_two(e) >= LEAST_PENALTY), MOST_RAISED)
    of_rows = live.count * sum_of_row(width, scales, shape.label_kind, shape.label_bits)
    if raised and of_rows << raised >= EXPRESSION_BOUND >> 1:
        raise ParameterError(
            f"l2 = {float(l2)}: too small for {live.count} rows and {width} weights: its integer would be far off"
        )
    penalty = nearest(share * power_of_two(raised)) << scales.x_bits
    if penalty >= EXPRESSION_BOUND:
        raise ParameterError(f"l2 = {float(l2)}: too large: its gradient would pass 2^62")
    return raised, penalty
