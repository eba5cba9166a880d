"""The certificate of an optimum: integers that say how near weights are to it, whatever their gradient is of.

Symbols: n rows count, K weights with the bias, d without, x, w the scales of features and of weights, a the grid. F is
a c-strongly convex function of weights W(k), in units of 2^-w, with the bias V beside them, and G a subgradient of it
at W: so |W - W*| <= |G| / c, W* being the minimum of F, with no error terms. For a distance D

    t = c D,  G(k) + floor(2^g / 2) = 2^g Gamma(k) + v(k),  sum Gamma(k)^2 <= radius^2      v in [0, 2^g)
    radius = t if g = 0, else floor((2 t - 2^g ceil(sqrt K)) / 2^(g+1))

show |G| <= 2^g |Gamma| + 2^(g-1) sqrt K <= t, so that |W(k) - W*(k)| <= D for each k. Then

    W(k) + 2^(a-1) = 2^a m(k) + A(k) + D,   A, B >= 0 with A(k) + B(k) = 2^a - 1 - 2 D

say that W*(k) + 2^(a-1) is in [2^a m(k), 2^a (m(k) + 1)), too: m is the rounding of W*, which depends on the rows that
count and on what is declared, and on nothing else. What F and G are of rows: link_certificate.py.

Of several classes F is a sum over O outputs, each a function of weights of its own with the same c: so it is c-strongly
convex in all of them together, and all of the above is of O K weights, in one norm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import isqrt
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..live import Live
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .base import Compiled
from .fitting import at_least, one_of
from .geometry import EXPRESSION_BOUND, FIELD_MODULUS

if TYPE_CHECKING:
    from .optimum import Optimum

GRADIENT_BITS = 24  # of Gamma, signed
SLACK_BITS = 46  # radius < 2^23
WEIGHT_ROOM = 6  # bits of weights above their scale, signed: |w| < 32
LEAST_RADIUS = 1 << 10  # the rounding of Gamma takes little of it
SMALLEST_PENALTY = 500  # c, which is then right to 0.1 %
CUT_ROOM = (1 << (GRADIENT_BITS - 1)) + 2  # of Gamma and its remainder, in units of 2^g
FRACTION = 20  # bits of square roots in the default distance
MOST_DOUBLED = 40  # bits of the largest l2, and of the smallest one
C = TypeVar("C", bound="Certificate")
R = TypeVar("R", bound="RoundedCertificate")
Bound = tuple[str, int, int]  # an expression, the bound of its absolute value, and what this must stay below
OfPenalty = Callable[[Fraction], tuple[int, ...]]  # the default distances for an l2; raises ParameterError


@dataclass(frozen=True, kw_only=True)
class Certificate(Compiled):
    """Every public integer of a certificate, but for those of the rows.

    Attributes:
        penalty: c.
        distances: D, the longest first, in units of 2^-w_bits.
        number: which of these is proved.
        label_bits: scale of labels, which those of classes have none of.
        bounds: (expression, bound) pairs of the static analysis.
    """

    distances_are: ClassVar[str] = "distances"  # as a spec declares them

    penalty: int
    distances: tuple[int, ...]
    label_bits: int = 0
    number: int = 0
    bounds: tuple[tuple[str, int], ...] = ()

    def at_distance(self, number: int) -> Self:
        """See Compiled."""
        if not 0 <= number < len(self.distances):
            raise ParameterError(f"distance {number}: the spec has {len(self.distances)}")
        return replace(self, number=number)

    @property
    def one(self) -> int:
        """What a bias is multiplied with."""
        return 1 << self.scales.x_bits

    @property
    def bias_unit(self) -> int:
        """What is committed of a bias, times this, is the intercept, or in units of W as much of scores."""
        return self.one

    @property
    def weight_count(self) -> int:
        """O K: the weights whose gradients are short together."""
        return self.outputs * self.width

    @property
    def weight_bits(self) -> int:
        """Of W, signed."""
        return self.scales.w_bits + WEIGHT_ROOM

    @property
    def unit_bits(self) -> int:
        """W are multiples of 2^this, and committed without these bits."""
        return 0

    def penalties(self, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """c W, int64 (K,): what is penalised has of a gradient."""
        return self.penalty * weights

    @property
    def largest_weight(self) -> int:
        """Above |W|."""
        return 1 << (self.weight_bits - 1)

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
        return radius_of(self.penalty * self.distance, self.shift, self.weight_count)

    def bounds_of_weights(self, gradient: int) -> list[Bound]:
        """The static analysis, for a bound of |G|."""
        cut = 1 << (GRADIENT_BITS - 1)
        return [
            ("gradient |G|", gradient, EXPRESSION_BOUND),
            ("residual identity |G - 2^g Gamma - v|", gradient + ((cut + 2) << self.shift), FIELD_MODULUS),
            *self.bounds_of_norm(),
        ]

    def bounds_of_norm(self) -> list[Bound]:
        """Of these, what has nothing to do with how a gradient is found."""
        return [
            ("threshold c D", self.penalty * self.distances[0], EXPRESSION_BOUND),
            (
                "norm |radius^2 - sum Gamma^2 - slack|",
                (self.weight_count + self.outputs + 1) << SLACK_BITS,  # a slack of each output
                FIELD_MODULUS,
            ),
        ]

    def require_near_distances(self) -> None:
        """None of them is too small beside the first. Raises ParameterError."""
        shortest = min(self.distances)
        if radius_of(self.penalty * shortest, self.shift, self.weight_count) < min(
            LEAST_RADIUS, self.penalty * shortest
        ):
            raise ParameterError(f"distances: {shortest} is too small beside {self.distances[0]}")


@dataclass(frozen=True, kw_only=True)
class RoundedCertificate(Certificate):
    """And those of a model that is the rounding of W and of W*.

    Attributes:
        grid: a.
    """

    grid: int

    @property
    def model_bits(self) -> int:
        """Of m, signed: 2^(weight_bits - 1 - a), to which the largest W is rounded, is among them."""
        return self.weight_bits + 1 - self.grid

    @property
    def committed_bits(self) -> tuple[int, int]:
        """See Compiled: of m, and of 2^x m of the bias."""
        return self.model_bits, self.model_bits + self.scales.x_bits

    @property
    def room(self) -> int:
        """A + B."""
        return (1 << self.grid) - 1 - 2 * self.distance

    def bounds_of_rounding(self) -> list[Bound]:
        """The static analysis."""
        of_identity = (self.largest_weight << 2) + (4 << self.grid)
        return [
            ("rounding identity |W - 2^a m - A - D|", of_identity, FIELD_MODULUS),
            ("intercept |2^x m|", 1 << (self.model_bits - 1 + self.scales.x_bits), EXPRESSION_BOUND),
        ]

    def least_grid(self, distances: tuple[int, ...]) -> int:
        """The finest one that is coarse enough for the first of these distances, and for the last, the shortest."""
        return max(bits_for(2 * distances[0] + 1), bits_for(2 * self.weight_count * distances[-1]))


def rounded_within(found: R, bounds: Sequence[Bound], method: Optimum, usual: int, of_penalty: OfPenalty) -> R:
    """The certificate with its static analysis: its grid is coarse enough, and not too coarse.

    Args:
        bounds: beside those of the rounding.
        usual: how many of the distances are to be found with, where none are declared.
        of_penalty: how distances follow from l2, where none are declared.

    Raises:
        ParameterError: an expression is out of its range; or the grid is too fine for the longest distance, or for the
            shortest that is to be found with, or a distance too small beside others; named with what would fit.
    """
    distances, grid = found.distances[: len(method.distances or range(usual))], found.grid
    other = partial(_other_grid, found, distances, method, usual, of_penalty)
    if grid > found.scales.w_bits:
        steps = f"steps of the model's weights would be 2^{grid - found.scales.w_bits}"
        raise ParameterError(f"grid = {grid}: {steps}; {other()}")
    found = within_bounds(found, [*bounds, *found.bounds_of_rounding()])
    if grid < found.least_grid(distances):
        raise ParameterError(
            f"grid = {grid}: too fine for {found.weight_count} weights and {found.live.count} rows at a distance of "
            f"{_listed(distances)} units: one weight or other is that near an edge; {other()}"
        )
    found.require_near_distances()
    return found


def _other_grid(
    found: RoundedCertificate, distances: tuple[int, ...], method: Optimum, usual: int, of_penalty: OfPenalty
) -> str:
    """What would fit: another grid, shorter distances, or a larger l2 where they follow from it."""
    coarsest, least, remedies = min(found.scales.w_bits, method.grids[1]), found.least_grid(distances), list[str]()
    if least <= coarsest:
        remedies.append(f"use {least} or more, better {min(least + 6, coarsest)}")
    grid = min(found.grid, coarsest)
    if remedies and found.grid > coarsest:  # no distance is in the way
        return remedies[0]
    if method.distances:
        longest = min(((1 << grid) - 1) // 2, (1 << grid) // (2 * found.weight_count))
        with_it = "" if grid == found.grid else f" with grid = {grid}"
        remedies += [f"declare distances of at most {longest}{with_it}"] * (longest > 0)
    else:
        enough = larger_penalty(Fraction(method.l2), lambda l2: found.least_grid(of_penalty(l2)[:usual]) <= grid)
        remedies += [] if enough is None else [f"use an l2 of at least {enough} with grid = {grid}"]
    return one_of(remedies, f"no grid up to {coarsest}, and no l2, would do for so many weights")


def larger_penalty(l2: Fraction, fits: Callable[[Fraction], bool]) -> float | None:
    """A larger l2 that fits, if there is one: the least to a factor of 2."""
    for doubled in range(1, 2 * MOST_DOUBLED):
        try:
            if fits(Fraction(found := at_least(l2 * (1 << doubled)))):
                return found
        except ParameterError:
            return None
    return None


def within_bounds(own: C, bounds: Sequence[Bound]) -> C:
    """The certificate with its static analysis. Raises ParameterError where an expression is out of its range."""
    for name, bound, limit in bounds:
        if bound >= limit:
            raise ParameterError(
                f"{name} can reach {bound}, which must stay below {limit}: {_remedy(own, name, bound, limit)}"
            )
    return replace(own, bounds=tuple((name, bound) for name, bound, _ in bounds))


def _remedy(own: Certificate, name: str, bound: int, limit: int) -> str:
    """What would fit. Bounds of scores grow with weights, norms with weights and slacks, others with distances."""
    if name.startswith(("threshold", "carry", "residual")):
        longest = (EXPRESSION_BOUND - 1) // own.penalty
        if not name.startswith("threshold"):
            shift = ((limit - 1 - bound + (CUT_ROOM << own.shift)) // CUT_ROOM).bit_length() - 1
            longest = min(longest, ((1 << (shift + GRADIENT_BITS - 1)) - 1) // own.penalty)
        return f"declare {own.distances_are} of at most {longest}"
    slacks = own.outputs + 1 if name.startswith("norm") else 0
    weights = (own.weight_count + slacks) * (limit - 1) // bound - slacks
    remedies = [f"use at most {weights // own.outputs - (own.width - own.features)} features"]
    if slacks and own.outputs > 1:
        remedies.append(f"use at most {((limit - 1 >> SLACK_BITS) - 1) // (own.width + 1)} classes")
    return one_of(remedies, "")


def require_fitting(scales: FixedPoint, shape: DatasetShape, live: Live) -> None:
    """A spec is for this data set. Raises ParameterError."""
    if live.rows != shape.rows:
        raise ParameterError(f"rows that count: of {live.rows}, the data set has {shape.rows}")
    if shape.x_bits != scales.x_bits:
        raise ParameterError(f"fixed_point.x_bits = {scales.x_bits}: the data set has {shape.x_bits}")


def shares_of(longest: Fraction, shares: Sequence[int]) -> tuple[int, ...]:
    """Default distances: no two alike."""
    return tuple(dict.fromkeys((longest / share).__ceil__() for share in shares))


def radius_of(threshold: int, shift: int, count: int) -> int:
    """The largest |Gamma|, of so many weights, that shows |G| <= threshold; negative where none does."""
    if not shift:
        return threshold
    return (2 * threshold - (root_up(count) << shift)) >> (shift + 1)


def root_up(value: int) -> int:
    """ceil(sqrt(value))."""
    return isqrt(value - 1) + 1 if value else 0


def bits_for(count: int) -> int:
    """ceil(log2 count)."""
    return (count - 1).bit_length()


def _listed(distances: Sequence[int]) -> str:
    return ", ".join(map(str, distances))
