"""The certificate of an optimum of a declared link: from a spec and a shape to public integers; none can wrap.

With the symbols of certificate.py; p is the scale of predictions, S(i) = 1 for a row that counts. |x_ik| <= 2^x, as a
data set's own proof says. Integers T[q], q in [-2^15, 2^15], are the inverse link at the edges of cells:

    z(i) = sum x_ik W(k) + 2^x V,    z(i) + 2^15 = 2^32 Q + 2^16 M + l          M, l in [0, 2^16)
    2^16 P' + u = (T[Q+1] - T[Q]) M + 2^15,   r(i) = T[Q] + P' - 2^p y(i)       u, P' in [0, 2^16)
    G(k) = 2^e sum S(i) r(i) x_ik + c W(k),   G(bias) = 2^e sum S(i) r(i) 2^x + c V

T[Q] + P' never falls with z, so it is the slope of a convex function of z, and G is a subgradient of

    F = 2^e sum S(i) (Phi(z(i)) - 2^p y(i) z(i)) + c / 2 |W|^2

which is c-strongly convex. Of several classes y(i) is, for each output, whether row i is of its class; K is then the
number of weights of all outputs where a distance follows from it.

e = e0 - ceil(log2 n), e0 of the spec alone; c = nearest(n l2 2^(p + x + e - w)), so that F is 2^(e + p + x + w) n times
the mean loss and l2 / 2 |w|^2, and right to 0.1 % for every n. Distances follow from the spec, K and n.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, isqrt, log2
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..scales import Q_BITS_RANGE, REMAINDER_BITS, FixedPoint
from ..shapes import DatasetShape
from .certificate import (
    FRACTION,
    SMALLEST_PENALTY,
    WEIGHT_ROOM,
    Bound,
    Certificate,
    RoundedCertificate,
    bits_for,
    require_fitting,
    root_up,
    rounded_within,
    shares_of,
)
from .fitting import at_least, at_most, one_of
from .geometry import EXPRESSION_BOUND, FIELD_MODULUS, nearest, power_of_two

if TYPE_CHECKING:
    from .noisy import Noisy
    from .optimum import Optimum

HALF_LIMB = 1 << (REMAINDER_BITS - 1)
USUAL_SHARES = (1, 4, 16)  # distances that a spec without any has are the default over these, and then
SHARES = (*USUAL_SHARES, 2, 6, 8, 10, 12, 14, 20, 24, 32, 48, 64, 128, 256)  # those between and below; numbers stay
LARGEST_STEP = 1 << REMAINDER_BITS  # of the table, from edge to edge
SOME_WAY = 1.02  # scores of weights that are found anew at other scales are not quite the same
FINEST = 10  # scale of a table's cells at which predictions have the most bits


@dataclass(frozen=True, kw_only=True)
class LinkCertificate(Certificate):
    """Every public integer of a certificate by a link.

    Attributes:
        raised: e.
    """

    raised: int

    @property
    def label_multiplier(self) -> int:
        """From a label to the scale of predictions."""
        return 1 << self.scales.p_bits

    @property
    def edges(self) -> NDArray[np.int64]:
        """T, int64 (65537,), scale p_bits."""
        return self.family.edge_table(self.scales)

    def bounds_of_rows(self) -> list[Bound]:
        """The static analysis, but for what is said of weights."""
        score = self.width * self.largest_weight << self.scales.x_bits
        limb = 1 << REMAINDER_BITS
        return [
            ("score |z|", score, EXPRESSION_BOUND),
            ("score identity |z - 2^32 Q - 2^16 M - l|", score + (1 << 47) + (1 << 32) + limb, FIELD_MODULUS),
            ("step identity |D M - 2^16 P' - u|", 3 << (2 * REMAINDER_BITS), FIELD_MODULUS),
        ]

    @property
    def finest_weights(self) -> int:
        """The least w_bits that there could be, whatever scores are."""
        return self.scales.w_range[0]

    def for_larger_scores(self, score: float) -> str:
        """What holds a score that is beyond the table, if it is about as large then."""
        by = bits_beyond(score, self.scales)
        coarser = coarser_scales(self.family, self.scales, by, self.finest_weights)
        remedies = [] if coarser is None else [naming_scales(coarser, self.scales)]
        return f"declare {one_of([*remedies, 'a larger l2'], '')}, for all future statements"

    @property
    def largest_gradient(self) -> int:
        """A bound of |G|."""
        sums = self.live.count << (self.raised + self.scales.p_bits + self.scales.x_bits)
        return sums + self.penalty * self.largest_weight


@dataclass(frozen=True, kw_only=True)
class OptimumCertificate(RoundedCertificate, LinkCertificate):
    """Of a model that is the rounding of the optimum."""

    @property
    def finest_weights(self) -> int:
        """See LinkCertificate: steps of the grid are no more than 1."""
        return max(super().finest_weights, self.grid)


# The static analysis ------------------------------------------------------------------------------------------------


def compile_certificate(
    method: Optimum,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    usual: Callable[[Fraction, FixedPoint, int, int], tuple[int, ...]] | None = None,
) -> OptimumCertificate:
    """The integers of a certificate.

    Args:
        usual: the distances of a spec without any, if these are not default_distances.

    Raises:
        ParameterError: the spec does not fit the data set, or an expression its range, named with what to change.
    """
    common = common_integers(method, family, scales, shape, live)

    def of_penalty(l2: Fraction) -> tuple[int, ...]:
        _most_raised(l2, scales)
        return (usual or default_distances)(l2, scales, shape.outputs * common["width"], live.count)

    distances = method.distances or of_penalty(Fraction(method.l2))
    found = OptimumCertificate(**common, distances=distances, grid=method.grid_bits)
    bounds = [*found.bounds_of_rows(), *found.bounds_of_weights(found.largest_gradient)]
    return rounded_within(found, bounds, method, len(USUAL_SHARES), of_penalty)


def common_integers(
    method: Noisy | Optimum, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> dict[str, Any]:
    """The fields of LinkCertificate but for distances.

    Raises:
        ParameterError: the spec does not fit the data set.
    """
    require_link(method.kind, family, scales, shape, live, family.label_kinds)
    _require_scores(family, shape.features, method, scales)
    raised, penalty = raised_penalty(Fraction(method.l2), scales, live)
    return {
        "family": family,
        "scales": scales,
        "features": shape.features,
        "width": shape.features + method.bias,
        "unused": shape.unused,
        "outputs": shape.outputs,
        "live": live,
        "raised": raised,
        "penalty": penalty,
    }


def require_link(
    kind: str,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    label_kinds: tuple[str, ...] = ("binary",),
) -> None:
    """A method and a data set are of one kind, and the table's steps in range. Raises ParameterError."""
    if family.quadratic:
        raise ParameterError(
            f"method = {kind!r}: not of a {family.title}, which has no table of its inverse link; method = 'optimum' "
            "certifies its optimum"
        )
    require_fitting(scales, shape, live)
    table = family.edge_table(scales)
    if shape.label_kind not in label_kinds:
        more = ", or of several" if "categorical" in label_kinds else ""
        raise ParameterError(
            f"method = {kind!r}: needs labels of two classes{more}, the data set has {shape.label_kind}"
        )
    step = int(np.diff(table).max())
    if step > LARGEST_STEP:
        raise ParameterError(
            f"fixed_point.p_bits = {scales.p_bits}: the table has steps of {step}, more than {LARGEST_STEP}; use at "
            f"most {most_p_bits(family, scales.q_bits)}"
        )


def most_p_bits(family: Family, q_bits: int) -> int:
    """The finest predictions for which no step of a table, with cells at this scale, is longer than a limb."""
    return (28 if family.curvature <= 0.25 else 27) - max(0, FINEST - q_bits)


def bits_beyond(score: float, scales: FixedPoint) -> int:
    """By how many bits weights have to be coarser for a table that ends some way above a score."""
    return max(1, ceil(log2(score * SOME_WAY / scales.z_limit)))


def coarser_scales(family: Family, scales: FixedPoint, by: int, least: int) -> FixedPoint | None:
    """With weights coarser by so many bits, and predictions no finer than their table then allows; None if there are
    none, or fewer than the least w_bits."""
    w_bits, q_bits = scales.w_bits - by, scales.q_bits - by
    if w_bits < max(scales.w_range[0], least) or q_bits < Q_BITS_RANGE[0]:
        return None
    return replace(scales, w_bits=w_bits, p_bits=min(scales.p_bits, most_p_bits(family, q_bits)))


def naming_scales(found: FixedPoint, scales: FixedPoint) -> str:
    """Scales that are coarser than others, for people."""
    p_bits = f" with p_bits = {found.p_bits}" if found.p_bits < scales.p_bits else ""
    return f"w_bits = {found.w_bits}{p_bits}"


def _require_scores(family: Family, features: int, method: Noisy | Optimum, scales: FixedPoint) -> None:
    """No score of so many weights reaches 2^62. Raises ParameterError."""
    room = scales.x_bits + scales.w_bits + WEIGHT_ROOM - 1
    most, width = (EXPRESSION_BOUND - 1) >> room, features + method.bias
    if width > most:
        by = next(by for by in range(room) if (EXPRESSION_BOUND - 1) >> (room - by) >= width)
        coarser = coarser_scales(family, scales, by, method.grid_bits)
        remedies = [f"use at most {most - method.bias} features"] * (most > method.bias)
        remedies += [] if coarser is None else [f"use {naming_scales(coarser, scales)}"]
        raise ParameterError(
            f"{width} weights: scores of more than {most} could pass 2^62 at fixed_point.x_bits = {scales.x_bits} and "
            f"w_bits = {scales.w_bits}; {one_of(remedies, 'no scales would do')}"
        )


def raised_penalty(l2: Fraction, scales: FixedPoint, live: Live, declared: bool = True) -> tuple[int, int]:
    """e and c. Raises ParameterError where a gradient could pass its limit, or c be far from l2.

    Args:
        declared: whether p_bits are, and could be fewer.
    """
    most, needed = _most_raised(l2, scales), bits_for(live.rows)
    if needed > most:
        remedies, enough = list[str](), _enough_p_bits(l2, scales, needed) if declared else None
        if enough is not None:
            remedies.append(f"use at most {enough} p_bits")
        if (smaller := _small_penalty(scales, needed)) is not None:
            remedies.append(f"use an l2 of at most {smaller}")
        raise ParameterError(
            f"{live.rows} rows: gradients of more than 2^{most} could pass 2^62 at {'fixed_point.' * declared}p_bits = "
            f"{scales.p_bits}; {one_of(remedies, 'no l2 would do, and no p_bits')}"
        )
    raised = most - bits_for(live.count)
    return raised, nearest(live.count * l2 * power_of_two(scales.p_bits + scales.x_bits + raised - scales.w_bits))


def _small_penalty(scales: FixedPoint, rows: int) -> float | None:
    """The largest l2 for which gradients of 2^rows rows have room; None if there is none."""
    of_penalty = (EXPRESSION_BOUND >> 1) >> (scales.w_bits + WEIGHT_ROOM - 1)
    found = at_most((of_penalty - 2) / power_of_two(rows + scales.p_bits + scales.x_bits - scales.w_bits))
    try:
        return found if found > 0 and _most_raised(Fraction(found), scales) >= rows else None
    except ParameterError:
        return None


def _most_raised(l2: Fraction, scales: FixedPoint) -> int:
    """e0: the largest for which neither part of a gradient reaches 2^61, whatever n is. Raises ParameterError."""
    of_loss = EXPRESSION_BOUND.bit_length() - 2 - scales.p_bits - scales.x_bits
    scale, limit = (
        scales.p_bits + scales.x_bits - scales.w_bits,
        (EXPRESSION_BOUND >> 1) >> (scales.w_bits + WEIGHT_ROOM - 1),
    )
    most = next((e0 for e0 in range(of_loss, -1, -1) if l2 * power_of_two(e0 + scale) + 1 < limit), None)
    if most is None:
        largest = at_most((limit - 2) / power_of_two(scale))
        raise ParameterError(f"l2 = {float(l2)}: too large: its gradient would pass 2^61; use at most {largest}")
    least = SMALLEST_PENALTY / power_of_two(most + scale - 1)
    if l2 < least:
        raise ParameterError(
            f"l2 = {float(l2)}: too small at fixed_point.p_bits = {scales.p_bits}: rounded to an integer it can be off "
            f"by more than 0.1 %; use at least {at_least(least)}"
        )
    return most


def _enough_p_bits(l2: Fraction, scales: FixedPoint, rows: int) -> int | None:
    """The most for which gradients of 2^rows rows have room; None if there are none."""
    for p_bits in range(scales.p_bits - 1, scales.p_range[0] - 1, -1):
        try:
            if _most_raised(l2, replace(scales, p_bits=p_bits)) >= rows:
                return p_bits
        except ParameterError:
            continue
    return None


def unpolished_distances(l2: Fraction, scales: FixedPoint, width: int, count: int) -> tuple[int, ...]:
    """The same of weights that nobody polishes: ceil((2^(w - p) sqrt(K / n) + K / 8) / l2 + ceil(sqrt K) / 2).

    A rounding error of sqrt(K) / 2 at most is multiplied by 1, and by a matrix of trace K / 4 at most over l2.
    """
    of_predictions = isqrt(int(width * power_of_two(2 * (scales.w_bits - scales.p_bits + FRACTION)) / count))
    of_slopes = Fraction(of_predictions + (width << (FRACTION - 3)) + 1) / (l2 * (1 << FRACTION))
    return shares_of(of_slopes + Fraction(root_up(width), 2), USUAL_SHARES)


def default_distances(l2: Fraction, scales: FixedPoint, width: int, count: int) -> tuple[int, ...]:
    """D = ceil((2^(w - p) sqrt(K / n) + sqrt(K) / 16) / l2), and shares of it.

    The first term is what rounded predictions leave of a gradient, the second what rounded weights do.
    """
    of_predictions = isqrt(int(width * power_of_two(2 * (scales.w_bits - scales.p_bits + FRACTION)) / count))
    of_weights = isqrt(width << (2 * FRACTION - 8))
    longest = Fraction(of_predictions + of_weights + 2) / (l2 * (1 << FRACTION))
    return shares_of(longest, SHARES)
