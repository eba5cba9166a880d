"""The certificate of the optimum of a quadratic loss (ridge regression): from sums over rows, without a table.

With the symbols of certificate.py; y(i) is a label's integer, at scale l, S(i) = 1 for a row that counts. |x_ik| is at
most 2^x, as a data set's own proof says.

    z(i) = sum x_ik W(k) + 2^x V,   r(i) = z(i) - 2^(x+w-l) y(i)
    F = 2^e / 2 sum S(i) r(i)^2 + c / 2 |W|^2,   G(k) = 2^e sum S(i) r(i) x_ik + c W(k),   G(bias) the same of 2^x

F is c-strongly convex, and G its gradient, with nothing rounded. G is no 64-bit integer, where W is far from the
optimum: it is taken by limbs, W(k) = L_0 + 2^16 L_1 + 2^32 L_2, the last one with a sign; x + w - l = 16 j + m:

    G_i(k) = 2^e sum S(i) (z_i - [i = j] 2^m y) x_ik + c L_i(k)         z_i as z is, of L_i; |L_i| < 2^16
    R = 2^g Gamma + v - floor(2^g / 2)
    G_0 - R = 2^16 kappa_0,  G_1 + kappa_0 = 2^16 kappa_1,  G_2 + kappa_1 = 0        kappa of 48 bits, signed

say that G = G_0 + 2^16 G_1 + 2^32 G_2 is R. e = e0 - ceil(log2 n), e0 of the spec, K and the kind of labels; c is the
integer nearest to n l2 2^(2x + e), so that F is 2^(e + 2x + 2w) n times the mean loss and l2 / 2 |w|^2, and right to
0.1 % for every n. Distances follow from the spec and K.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..scales import Q_BITS_RANGE, REMAINDER_BITS, FixedPoint
from ..shapes import X_BITS_RANGE, DatasetShape, label_range
from .certificate import (
    CUT_ROOM,
    FRACTION,
    SMALLEST_PENALTY,
    Bound,
    Certificate,
    RoundedCertificate,
    bits_for,
    require_fitting,
    rounded_within,
    shares_of,
)
from .fitting import at_least, at_most, one_of
from .geometry import EXPRESSION_BOUND, FIELD_MODULUS, nearest, power_of_two

if TYPE_CHECKING:
    from .optimum import Optimum

LIMBS = 3  # of W
CARRY_BITS = 48  # of kappa, signed
USUAL_SHARES = (1, 2, 4, 8, 16)  # distances that a spec without any has are the default over these, and then
SHARES = (*USUAL_SHARES, 3, 6, 10, 12, 20, 24, 32, 48, 64)  # those between and below; numbers stay


@dataclass(frozen=True, kw_only=True)
class GramCertificate(Certificate):
    """Every public integer of a certificate by sums over rows.

    Attributes:
        raised: e.
        label_kind: of the data set.
    """

    raised: int
    label_kind: str

    @property
    def weight_bits(self) -> int:
        """See Certificate: all of the limbs, whatever their scale."""
        return LIMBS * REMAINDER_BITS

    @property
    def label_place(self) -> tuple[int, int]:
        """(j, m): the limb that labels are in, and their scale there."""
        return divmod(self.scales.x_bits + self.scales.w_bits - self.label_bits, REMAINDER_BITS)

    @property
    def label_shift(self) -> int:
        """From a label to the scale of scores."""
        return self.scales.x_bits + self.scales.w_bits - self.label_bits

    @property
    def bias_penalty(self) -> int:
        """What the gradient of the bias has of it; c, as of weights."""
        return self.penalty

    @property
    def largest_short(self) -> int:
        """Above |R|."""
        return CUT_ROOM << self.shift

    def bounds_of_sums(self) -> list[Bound]:
        """The static analysis, but for what is said of weights."""
        score = self.width << (self.scales.x_bits + REMAINDER_BITS)
        of_rows = self.live.count * sum_of_row(self.width, self.scales, self.label_kind, self.label_bits)
        limb = (of_rows << self.raised) + (self.penalty << REMAINDER_BITS)
        carry = 1 << (CARRY_BITS - 1)
        return [
            ("score of a limb |z_i|", score, EXPRESSION_BOUND),
            ("gradient of a limb |G_i|", limb, EXPRESSION_BOUND),
            (
                "carry identity |G_i - R + kappa - 2^16 kappa|",
                limb + self.largest_short + carry + (carry << REMAINDER_BITS),
                FIELD_MODULUS,
            ),
        ]


@dataclass(frozen=True, kw_only=True)
class LinearOptimumCertificate(RoundedCertificate, GramCertificate):
    """Of a model that is the rounding of the optimum."""


# The static analysis ------------------------------------------------------------------------------------------------


def compile_gram_certificate(
    method: Optimum, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> LinearOptimumCertificate:
    """The integers of a certificate.

    Raises:
        ParameterError: the spec does not fit the data set, or an expression its range, named with what to change.
    """
    require_fitting(scales, shape, live)
    family.require_labels(shape.label_kind)
    width, l2 = shape.features + method.bias, Fraction(method.l2)
    most = _most_raised(l2, width, scales, shape)
    if bits_for(shape.rows) > most:
        raise ParameterError(
            f"{shape.rows} rows: sums over more than 2^{most} could pass 2^62 with {width} weights; "
            f"{one_of(_for_more_rows(method, scales, shape), 'no l2 and no scales would do')}"
        )

    def of_penalty(l2: Fraction) -> tuple[int, ...]:
        _most_raised(l2, width, scales, shape)
        return default_gram_distances(l2, width)

    raised = most - bits_for(live.count)
    found = LinearOptimumCertificate(
        family=family,
        scales=scales,
        features=shape.features,
        width=width,
        unused=shape.unused,
        outputs=shape.outputs,
        live=live,
        grid=method.grid_bits,
        raised=raised,
        penalty=nearest(live.count * l2 * power_of_two(2 * scales.x_bits + raised)),
        distances=method.distances or of_penalty(l2),
        label_kind=shape.label_kind,
        label_bits=shape.label_bits,
    )
    bounds = [*found.bounds_of_sums(), *found.bounds_of_norm()]
    return rounded_within(found, bounds, method, len(USUAL_SHARES), of_penalty)


def sum_of_row(width: int, scales: FixedPoint, label_kind: str, label_bits: int) -> int:
    """What a row can add to the sum of a limb, |(z_i - 2^m y) x|."""
    low, high = label_range(label_kind)
    at_limb = (scales.x_bits + scales.w_bits - label_bits) % REMAINDER_BITS
    return (width << (2 * scales.x_bits + REMAINDER_BITS)) + (max(-low, high) << (scales.x_bits + at_limb))


def _most_raised(l2: Fraction, width: int, scales: FixedPoint, shape: DatasetShape) -> int:
    """e0: the largest for which no gradient of a limb reaches 2^62, whatever n is. Raises ParameterError."""
    of_row = sum_of_row(width, scales, shape.label_kind, shape.label_bits)
    penalty = l2 * (1 << (2 * scales.x_bits + REMAINDER_BITS))
    rounded = 1 << REMAINDER_BITS  # c is at most a half above what it stands for
    fitting = (e0 for e0 in range(62, -1, -1) if ((of_row + penalty) * (1 << e0)) + rounded < EXPRESSION_BOUND)
    most = next(fitting, None)
    if most is None:
        most_l2 = at_most(Fraction(EXPRESSION_BOUND - rounded - 1 - of_row, 1 << (2 * scales.x_bits + REMAINDER_BITS)))
        raise ParameterError(f"l2 = {float(l2)}: too large: its gradient would pass 2^62; use at most {most_l2}")
    least = SMALLEST_PENALTY / power_of_two(2 * scales.x_bits + most - 1)
    if l2 < least:
        raise ParameterError(
            f"l2 = {float(l2)}: too small for {width} weights: rounded to an integer it can be off by more than 0.1 %; "
            f"use at least {at_least(least)}"
        )
    return most


def _for_more_rows(method: Optimum, scales: FixedPoint, shape: DatasetShape) -> list[str]:
    """What would make room for sums over all rows: each is tried."""
    l2, width, needed = Fraction(method.l2), shape.features + method.bias, bits_for(shape.rows)

    def fits(other: Fraction, own: FixedPoint) -> bool:
        try:
            return _most_raised(other, width, own, replace(shape, x_bits=own.x_bits)) >= needed
        except ParameterError:
            return False

    found, features = list[str](), _most_features(l2, scales, shape) - method.bias
    if features > 0:
        found.append(f"use at most {features} features")
    least = max(X_BITS_RANGE[0], Q_BITS_RANGE[0] + scales.cut_bits - scales.w_bits)
    fewer = (x for x in range(scales.x_bits - 1, least - 1, -1) if fits(l2, replace(scales, x_bits=x)))
    if (x_bits := next(fewer, None)) is not None:
        found.append(f"commit to the data set with at most {x_bits} x_bits")
    of_row = sum_of_row(width, scales, shape.label_kind, shape.label_bits)
    room = Fraction(EXPRESSION_BOUND - (1 << REMAINDER_BITS) - 1, 1 << needed) - of_row
    smaller = at_most(room / (1 << (2 * scales.x_bits + REMAINDER_BITS)))
    if smaller > 0 and fits(Fraction(smaller), scales):
        found.append(f"use an l2 of at most {smaller}")
    return found


def _most_features(l2: Fraction, scales: FixedPoint, shape: DatasetShape) -> int:
    """How many weights there may be with so many rows; none if it is less than one."""
    alone = sum_of_row(0, scales, shape.label_kind, shape.label_bits)
    room = Fraction(EXPRESSION_BOUND - (1 << REMAINDER_BITS) - 1, 1 << bits_for(shape.rows)) - alone
    return int(room / (1 << (2 * scales.x_bits + REMAINDER_BITS)) - l2)


def default_gram_distances(l2: Fraction, width: int) -> tuple[int, ...]:
    """D = ceil(sqrt(K) (1 + l2) / l2), and shares of it: what rounded weights leave of a gradient, of any rows."""
    root = isqrt(width << (2 * FRACTION)) + 1
    return shares_of(root * (1 + l2) / (l2 * (1 << FRACTION)), SHARES)
