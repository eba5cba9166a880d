"""The certificate of an optimum: from a spec and a shape to public integers; none can wrap.

Symbols: n rows count, K weights with the bias, d without, x, w, p the scales of features, weights and predictions, a
the grid, S(i) = 1 for a row that counts. |x_ik| <= 2^x, as a data set's own proof says. Integers T[q], q in
[-2^15, 2^15], are the inverse link at the edges of cells, and of weights W(k), with the bias V beside them:

    z(i) = sum x_ik W(k) + 2^x V,    z(i) + 2^15 = 2^32 Q + 2^16 M + l          M, l in [0, 2^16)
    2^16 P' + u = (T[Q+1] - T[Q]) M + 2^15,   r(i) = T[Q] + P' - 2^p y(i)       u, P' in [0, 2^16)
    G(k) = 2^e sum S(i) r(i) x_ik + c W(k),   G(bias) = 2^e sum S(i) r(i) 2^x + c V

T[Q] + P' never falls with z, so it is the slope of a convex function of z, and G is a subgradient of

    F = 2^e sum S(i) (Phi(z(i)) - 2^p y(i) z(i)) + c / 2 |W|^2

which is c-strongly convex: |W - W*| <= |G| / c, W* being the minimum of F, with no error terms. For a distance D

    t = c D,  G(k) + floor(2^g / 2) = 2^g Gamma(k) + v(k),  sum Gamma(k)^2 <= radius^2      v in [0, 2^g)
    radius = t if g = 0, else floor((2 t - 2^g ceil(sqrt K)) / 2^(g+1))

show |G| <= 2^g |Gamma| + 2^(g-1) sqrt K <= t, so that |W(k) - W*(k)| <= D for each k. Then

    W(k) + 2^(a-1) = 2^a m(k) + A(k) + D,   A, B >= 0 with A(k) + B(k) = 2^a - 1 - 2 D

say that W*(k) + 2^(a-1) is in [2^a m(k), 2^a (m(k) + 1)), too: m is the rounding of W*, which depends on the rows that
count and on what is declared, and on nothing else.

e = e0 - ceil(log2 n), e0 of the spec alone; c = nearest(n l2 2^(p + x + e - w)), so that F is 2^(e + p + x + w) n times
the mean loss and l2 / 2 |w|^2, and right to 0.1 % for every n. Distances follow from the spec, K and n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..scales import REMAINDER_BITS, FixedPoint
from ..shapes import DatasetShape
from .base import Compiled
from .geometry import EXPRESSION_BOUND, FIELD_MODULUS, nearest, power_of_two

if TYPE_CHECKING:
    from .optimum import Optimum

GRADIENT_BITS = 24  # of Gamma, signed
SLACK_BITS = 46  # radius < 2^23
WEIGHT_ROOM = 6  # bits of weights above their scale, signed: |w| < 32
HALF_LIMB = 1 << (REMAINDER_BITS - 1)
LARGEST_STEP = 1 << REMAINDER_BITS  # of the table, from edge to edge
SMALLEST_PENALTY = 500  # c, which is then right to 0.1 %
SHARES = (1, 4, 16)  # distances that a spec without any has are the default over these
LEAST_RADIUS = 1 << 10  # the rounding of Gamma takes little of it
FRACTION = 20  # bits of square roots in the default distance


@dataclass(frozen=True, kw_only=True)
class Certificate(Compiled):
    """Every public integer of a certificate.

    Attributes:
        grid: a.
        raised: e.
        penalty: c.
        distances: D, falling, in units of 2^-w_bits.
        number: which of these is proved.
        bounds: (expression, bound) pairs of the static analysis.
    """

    grid: int
    raised: int
    penalty: int
    distances: tuple[int, ...]
    number: int = 0
    bounds: tuple[tuple[str, int], ...]

    def at_distance(self, number: int) -> Certificate:
        """See Compiled."""
        if not 0 <= number < len(self.distances):
            raise ParameterError(f"distance {number}: the spec has {len(self.distances)}")
        return replace(self, number=number)

    @property
    def one(self) -> int:
        """What a bias is multiplied with."""
        return 1 << self.scales.x_bits

    @property
    def label_multiplier(self) -> int:
        """From a label to the scale of predictions."""
        return 1 << self.scales.p_bits

    @property
    def weight_bits(self) -> int:
        """Of W, signed."""
        return self.scales.w_bits + WEIGHT_ROOM

    @property
    def model_bits(self) -> int:
        """Of m, signed: 2^(weight_bits - 1 - a), to which the largest W is rounded, is among them."""
        return self.weight_bits + 1 - self.grid

    @property
    def committed_bits(self) -> tuple[int, int]:
        """See Compiled: of m, and of 2^x m of the bias."""
        return self.model_bits, self.model_bits + self.scales.x_bits

    @property
    def shift(self) -> int:
        """g, of the longest distance: the same for all."""
        return max(0, (self.penalty * self.distances[0]).bit_length() - (GRADIENT_BITS - 1))

    @property
    def distance(self) -> int:
        """D, the one that is proved."""
        return self.distances[self.number]

    @property
    def radius(self) -> int:
        """Of Gamma."""
        return radius_of(self.penalty * self.distance, self.shift, self.width)

    @property
    def room(self) -> int:
        """A + B."""
        return (1 << self.grid) - 1 - 2 * self.distance

    @property
    def edges(self) -> NDArray[np.int64]:
        """T, int64 (65537,), scale p_bits."""
        return self.family.edge_table(self.scales)


def radius_of(threshold: int, shift: int, width: int) -> int:
    """The largest |Gamma| that shows |G| <= threshold; negative where none does."""
    if not shift:
        return threshold
    return (2 * threshold - (root_up(width) << shift)) >> (shift + 1)


def root_up(value: int) -> int:
    """ceil(sqrt(value))."""
    return isqrt(value - 1) + 1 if value else 0


def bits_for(count: int) -> int:
    """ceil(log2 count)."""
    return (count - 1).bit_length()


# The static analysis ------------------------------------------------------------------------------------------------


def compile_certificate(
    method: Optimum, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> Certificate:
    """The integers of a certificate.

    Raises:
        ParameterError: the spec does not fit the data set, or an expression its range, named with what to change.
    """
    _require_fitting(method, family, scales, shape, live)
    width, l2 = shape.features + method.bias, Fraction(method.l2)
    most = _most_raised(l2, scales)
    if bits_for(shape.rows) > most:
        raise ParameterError(
            f"{shape.rows} rows: gradients of more than 2^{most} could pass 2^62 at fixed_point.p_bits = "
            f"{scales.p_bits}; use fewer p_bits, or a smaller l2"
        )
    raised = most - bits_for(live.count)
    penalty = nearest(live.count * l2 * power_of_two(scales.p_bits + scales.x_bits + raised - scales.w_bits))
    distances = method.distances or default_distances(l2, scales, width, live.count)
    found = Certificate(
        family=family,
        scales=scales,
        features=shape.features,
        width=width,
        unused=shape.unused,
        outputs=shape.outputs,
        live=live,
        grid=method.grid_bits,
        raised=raised,
        penalty=penalty,
        distances=distances,
        bounds=(),
    )
    bounds = _bounds(found)
    for name, bound, limit in bounds:
        if bound >= limit:
            raise ParameterError(f"{name} can reach {bound}, which must stay below {limit}: use fewer features")
    _require_distances(found)
    return replace(found, bounds=tuple((name, bound) for name, bound, _ in bounds))


def _require_fitting(method: Optimum, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> None:
    """Spec and data set are of one kind, and the table's steps and the grid in range. Raises ParameterError."""
    table = family.edge_table(scales)
    if live.rows != shape.rows:
        raise ParameterError(f"rows that count: of {live.rows}, the data set has {shape.rows}")
    if shape.x_bits != scales.x_bits:
        raise ParameterError(f"fixed_point.x_bits = {scales.x_bits}: the data set has {shape.x_bits}")
    if shape.label_kind != "binary":
        raise ParameterError(f"method = 'optimum': needs labels of two classes, the data set has {shape.label_kind}")
    step = int(np.diff(table).max())
    if step > LARGEST_STEP:
        raise ParameterError(
            f"fixed_point.p_bits = {scales.p_bits}: the table has steps of {step}, more than {LARGEST_STEP}; use fewer"
        )
    if method.grid_bits > scales.w_bits:
        raise ParameterError(
            f"grid = {method.grid_bits}: steps of the model's weights would be 2^{method.grid_bits - scales.w_bits}; "
            "use a smaller grid, or a larger l2"
        )


def _most_raised(l2: Fraction, scales: FixedPoint) -> int:
    """e0: the largest for which neither part of a gradient reaches 2^61, whatever n is. Raises ParameterError."""
    of_loss = EXPRESSION_BOUND.bit_length() - 2 - scales.p_bits - scales.x_bits
    scale, limit = (
        scales.p_bits + scales.x_bits - scales.w_bits,
        (EXPRESSION_BOUND >> 1) >> (scales.w_bits + WEIGHT_ROOM - 1),
    )
    most = next((e0 for e0 in range(of_loss, -1, -1) if l2 * power_of_two(e0 + scale) + 1 < limit), None)
    if most is None:
        raise ParameterError(f"l2 = {float(l2)}: too large: its gradient would pass 2^61")
    if l2 * power_of_two(most + scale - 1) < SMALLEST_PENALTY:
        raise ParameterError(
            f"l2 = {float(l2)}: too small at fixed_point.p_bits = {scales.p_bits}: rounded to an integer it can be off "
            "by more than 0.1 %; use a larger one"
        )
    return most


def default_distances(l2: Fraction, scales: FixedPoint, width: int, count: int) -> tuple[int, ...]:
    """D = ceil((2^(w - p) sqrt(K / n) + sqrt(K) / 16) / l2), and shares of it.

    The first term is what rounded predictions leave of a gradient, the second what rounded weights do.
    """
    of_predictions = isqrt(int(width * power_of_two(2 * (scales.w_bits - scales.p_bits + FRACTION)) / count))
    of_weights = isqrt(width << (2 * FRACTION - 8))
    longest = Fraction(of_predictions + of_weights + 2) / (l2 * (1 << FRACTION))
    found = [(longest / share).__ceil__() for share in SHARES]
    return tuple(own for i, own in enumerate(found) if i == 0 or own < found[i - 1])


def _bounds(own: Certificate) -> list[tuple[str, int, int]]:
    """(expression, bound of its absolute value, what it must stay below)."""
    fixed, shift, rows = own.scales, own.shift, own.live.count
    weight = 1 << (own.weight_bits - 1)
    score = own.width * weight << fixed.x_bits
    sums = rows << (own.raised + fixed.p_bits + fixed.x_bits)
    gradient = sums + own.penalty * weight
    cut, limb = 1 << (GRADIENT_BITS - 1), 1 << REMAINDER_BITS
    return [
        ("score |z|", score, EXPRESSION_BOUND),
        ("score identity |z - 2^32 Q - 2^16 M - l|", score + (1 << 47) + (1 << 32) + limb, FIELD_MODULUS),
        ("step identity |D M - 2^16 P' - u|", 3 << (2 * REMAINDER_BITS), FIELD_MODULUS),
        ("gradient |G|", gradient, EXPRESSION_BOUND),
        ("threshold c D", own.penalty * own.distances[0], EXPRESSION_BOUND),
        ("residual identity |G - 2^g Gamma - v|", gradient + ((cut + 2) << shift), FIELD_MODULUS),
        ("norm |radius^2 - sum Gamma^2 - slack|", (own.width + 2) << SLACK_BITS, FIELD_MODULUS),
        ("rounding identity |W - 2^a m - A - D|", (weight << 2) + (4 << own.grid), FIELD_MODULUS),
        ("intercept |2^x m|", 1 << (own.model_bits - 1 + fixed.x_bits), EXPRESSION_BOUND),
    ]


def _require_distances(own: Certificate) -> None:
    """The grid is coarse enough, and distances are near enough to one another. Raises ParameterError."""
    shortest = own.distances[-1]
    if own.distances[0] << 1 >= 1 << own.grid or 2 * own.width * shortest > 1 << own.grid:
        least = max(bits_for(2 * own.distances[0] + 1), bits_for(2 * own.width * shortest))
        raise ParameterError(
            f"grid = {own.grid}: too fine for {own.width} weights and {own.live.count} rows at a distance of "
            f"{_listed(own.distances)} units: one weight or other is that near an edge; use {least} or more, better "
            f"{least + 6}, or a larger l2"
        )
    if radius_of(own.penalty * shortest, own.shift, own.width) < min(LEAST_RADIUS, own.penalty * shortest):
        raise ParameterError(f"distances: {shortest} is too small beside {own.distances[0]}")


def _listed(distances: Sequence[int]) -> str:
    return ", ".join(map(str, distances))
