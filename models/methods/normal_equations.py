"""Linear regression by its normal equations: from a spec and a shape to public integers; none can wrap.

Symbols: n rows count, d features, x, w, y the scales of features, of the model's weights and of labels, S(i) = 1 for a
row that counts. Of features (or standardised ones, standardization.py), of the constant 2^x and of labels:

    A(k, l) = sum S(i) x_ik x_il,   B(k) = sum S(i) x_ik y_i                 the one pass over the rows
    2^s M(k, l) + rest = rho A(k, l) + 2^(s-1)                               rest in [0, 2^s)
    2^a b(k) + rest = rho 2^c B(k) + [2^(a-1) if a > 0]                      rest in [0, 2^a)

rho, close to nu 2^s / (n 4^x), makes M(k, l) / nu the mean of the product of two features, whatever n is; b is in the
units of M times weights, as a - c = s + y - x - g, g the scale of weights. Then, with L(k) = nearest(l2 nu), or
nearest(l2 M(k, k)) for a standardised feature, and zero for a bias that is not penalised, step t is

    v(k) = c_t (sum_l M(k, l) w_t(l) + L(k) w_t(k) - b(k)) - m_t (w_t(k) - w_(t-1)(k)) + 2^(h-1)
    w_(t+1)(k) = w_t(k) - floor(v(k) / 2^h)

so the learning rate is c_t nu / 2^h, c_t = 1 if all are the same. Weights are finer while they are trained than in the
model: g = w + f, with f bits that the last rounding takes away. They have the range of scores in other methods,
2^(31 - x - w), in 32 bits, or in 28 or 24 where many features need the room.

The static analysis takes the largest h that fits from spec and shape alone: h, f, s, a, c, all ranges and whether a
spec is accepted do not depend on which rows are forgotten; of the public integers rho does, by n.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..runs import Runs
from ..scales import FixedPoint
from ..shapes import DatasetShape, label_range
from .base import Compiled
from .geometry import (
    EXPRESSION_BOUND,
    FIELD_MODULUS,
    PRECISE_ENOUGH,
    WORD_BOUND,
    WORST_RATE_ERROR,
    Bound,
    Geometry,
    by_epoch,
    compiled_fields,
    geometry_of,
    momenta_of,
    momentum_factor,
    nearest,
)
from .standardization import (
    LARGEST_EXPONENT,
    Standardization,
    largest_feature,
    largest_spread,
    published_bits,
    root_above,
)

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent

PRODUCT_BITS = 28  # of M, signed
COARSEST = Fraction(1, 1 << 16)  # unit of products, or of weights, with which nothing is trained
STEP_WEIGHT_BITS = (32, 28, 24)  # of weights, tried in this order
WHOLE_WEIGHT_BITS = 32  # for which weights are at the scale of scores
PRODUCT_SHIFTS = (*range(32, 40), *range(31, 15, -1))  # s, tried in this order: two whole limbs first
SMALLEST_CUT = 100  # c_t of the smallest of several learning rates: each is right to half a percent
SMALLEST_VARIANCE = 8  # of a standardised feature M(k, k) is at least nu / 8, unless it is nearly constant
MOST_PENALTY_BITS = 40  # of what l2 times a diagonal product leaves


@dataclass(frozen=True, kw_only=True)
class NormalEquations(Compiled):
    """Every public integer of a one-pass training.

    Attributes:
        epochs: T.
        shift: h.
        weight_bits: of weights in training, signed, at scale w_bits + fine_bits.
        fine_bits: f.
        factor, product_shift: rho, s.
        target_raise, target_shift, target_bits: c, a, and the bits of b, signed.
        c_epoch, m_epoch: c_t and m_t, T of each.
        penalty: nearest(l2 nu).
        penalty_factor, penalty_shift, penalty_bits: l2 as a fraction of 2^penalty_shift, and the bits of L, where it
            depends on the feature.
        penalize_bias: whether L is that of the bias too.
        label_kind, label_bits: of the data set.
        bounds: (expression, bound) pairs of the static analysis, in the order of the arithmetic.
        standardization: how features are standardised; None if they are not.
    """

    epochs: int
    shift: int
    weight_bits: int
    fine_bits: int
    factor: int
    product_shift: int
    target_raise: int
    target_shift: int
    target_bits: int
    c_epoch: Runs
    m_epoch: Runs
    penalty: int
    penalty_factor: int
    penalty_shift: int
    penalty_bits: int
    penalize_bias: bool
    label_kind: str
    label_bits: int
    bounds: tuple[tuple[str, int], ...]
    standardization: Standardization | None = None

    @property
    def one(self) -> int:
        """The constant that a bias is multiplied with."""
        return 1 << self.scales.x_bits

    @property
    def model_bits(self) -> int:
        """Of the last weights, rounded to the model's scale."""
        return self.weight_bits - self.fine_bits

    @property
    def committed_bits(self) -> tuple[int, int]:
        """See Compiled: of weights that are rounded to the model's scale."""
        return published_bits(self.model_bits, self.width, self.scales.x_bits, self.standardization)

    @property
    def intercept_shift(self) -> int:
        """From the bias to the scale of scores: not negative."""
        return self.scales.x_bits - self.fine_bits

    @property
    def penalised(self) -> bool:
        """Whether each feature has a penalty of its own."""
        return self.standardization is not None and self.penalty_factor > 0

    @property
    def corner(self) -> int:
        """What the bias is multiplied with in its own equation: M of the constant, and its penalty."""
        return (
            rounded(self.factor * self.live.count * self.one**2, self.product_shift) + self.penalize_bias * self.penalty
        )

    def effective_learning_rate(self, epoch: int) -> float:
        """The learning rate the integers apply to the mean gradient."""
        unit = Fraction(self.factor * self.live.count * self.one**2, 1 << (self.product_shift + self.shift))
        return float(self.c_epoch[epoch] * unit)


def half_of(shift: int) -> int:
    """What makes a floor after `shift` bits a rounding to nearest."""
    return (1 << shift) >> 1


def rounded(value: int, shift: int) -> int:
    """value / 2^shift to nearest, ties up."""
    return (value + half_of(shift)) >> shift


# The static analysis ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Problem:
    """What does not depend on the rows that count.

    Attributes:
        target: a bound of the labels' absolute value.
    """

    geometry: Geometry
    shape: DatasetShape
    scales: FixedPoint
    target: int
    standardize: bool


@dataclass(frozen=True)
class _Choice:
    """What is chosen.

    Attributes:
        cut: c_t of the largest learning rate.
    """

    problem: _Problem
    weight_bits: int
    cut: int
    product_shift: int
    shift: int

    @property
    def unit(self) -> Fraction:
        """nu, exactly."""
        return self.problem.geometry.largest_rate * (1 << self.shift) / self.cut

    @property
    def fine_bits(self) -> int:
        """f."""
        return self.problem.shape.x_bits - (WHOLE_WEIGHT_BITS - self.weight_bits)

    @property
    def target_scale(self) -> int:
        """a - c."""
        fixed = self.problem.scales
        return self.product_shift + self.problem.shape.label_bits - fixed.x_bits - fixed.w_bits - self.fine_bits

    def factor(self, count: int) -> int:
        """rho, where so many rows count."""
        return max(1, nearest(self.unit * (1 << self.product_shift) / (count << (2 * self.problem.shape.x_bits))))

    @property
    def factor_times_rows(self) -> Fraction:
        """A bound of rho n, whichever rows are forgotten: rho is at most a half above its quotient, or 1."""
        return self.unit * (1 << self.product_shift) / (1 << (2 * self.problem.shape.x_bits)) + self.problem.shape.rows

    @property
    def error(self) -> Fraction:
        """Of the largest learning rate and of l2, relative."""
        l2, half = self.problem.geometry.l2, Fraction(1, 2)
        of_rows = half / self.factor(self.problem.shape.rows)
        least = self.unit * (1 - of_rows) / (SMALLEST_VARIANCE if self.problem.standardize else 1)
        return max(of_rows, half / (l2 * least) if l2 else Fraction(0))

    @property
    def coarseness(self) -> Fraction:
        """The unit of a mean product of features, or of weights: what either rounds off weighs about the same."""
        return max(1 / self.unit, Fraction(1, 1 << (self.problem.scales.w_bits + self.fine_bits)))

    def bounds(self) -> list[Bound]:
        """(expression, bound of its absolute value, what it must stay below), in the order of the arithmetic.

        A        sums of products, rho A                   rho n (4^x + 1): n 4^x, and n more of standardised features
        M        of 28 bits                                rho A / 2^s + 1
        2^s M + rest - rho A                               2^s (2^27 + 1) and rho A: below p
        b        sums of feature times label               rho 2^c n (2^x + 1) max|y| / 2^a + 1
        g        M w + L w - b                             (K + l2) bound(M) 2^(weight_bits - 1) + bound(b)
        step     c g + 2^(h-1) - u                         the largest c_t times that
        moved    step less m (w_t - w_(t-1)): 64 bits      the two added
        update   2^h (w_t - w_(t+1)) against all of that   the two added: below p, a congruence is an equality
        """
        problem, geometry, x_bits = self.problem, self.problem.geometry, self.problem.shape.x_bits
        rows = self.factor_times_rows
        product = int(rows * largest_spread(1, x_bits)) + 1
        entry = (product >> self.product_shift) + 2
        raised, down = max(0, -self.target_scale), max(0, self.target_scale)
        target = int(rows * root_above(largest_spread(1, x_bits)) * problem.target * (1 << raised)) + 1
        goal = (target >> down) + 2
        weight, width = 1 << (self.weight_bits - 1), (1 << self.weight_bits) + (1 << self.fine_bits)
        gradient = int((geometry.width + geometry.l2) * entry + 1) * weight + goal
        step = self.cut * gradient + (1 << (self.shift - 1))
        moved = step + momentum_factor(geometry.momentum, self.shift) * width
        whole = 1 << (PRODUCT_BITS - 1)
        found = [
            ("feature |x|", geometry.feature, EXPRESSION_BOUND),
            ("weight |w|", weight, EXPRESSION_BOUND),
            ("product |rho A|", product, EXPRESSION_BOUND),
            ("scaled product |M|", entry, whole),
            ("product identity |2^s M + rest - rho A|", ((whole + 1) << self.product_shift) + product, FIELD_MODULUS),
            ("target |rho B|", target, EXPRESSION_BOUND),
            ("target identity |2^a b + rest - rho B|", ((4 * goal + 1) << down) + target, FIELD_MODULUS),
            ("gradient |M w + L w - b|", gradient, EXPRESSION_BOUND),
            ("step |c g + 2^(h-1) - u|", step, EXPRESSION_BOUND),
            ("step with momentum", moved, WORD_BOUND),
            ("update |2^h (w_t - w_(t+1))| + |step|", (width << self.shift) + moved, FIELD_MODULUS),
        ]
        return found + self._standardized_bounds(entry)

    def _standardized_bounds(self, entry: int) -> list[Bound]:
        """Of what a standardised feature has besides: its penalty, and its share of the intercept."""
        if not self.problem.standardize:
            return []
        x_bits, width = self.problem.shape.x_bits, self.problem.geometry.width
        factor, shift = penalty_of(self.problem.geometry.l2)
        penalty = factor * entry
        model = 1 << (self.weight_bits - self.fine_bits - 1)
        intercept = width * largest_feature(x_bits, LARGEST_EXPONENT) * model + (1 << WHOLE_WEIGHT_BITS)
        return [
            ("penalty |2^tau L|", penalty, EXPRESSION_BOUND),
            ("penalty identity |2^tau L + rest - lambda M|", 4 * penalty + (4 << shift), FIELD_MODULUS),
            ("intercept |I|", intercept, EXPRESSION_BOUND),
        ]

    @property
    def violated(self) -> Bound | None:
        """The first bound that is not below its limit."""
        return next((bound for bound in self.bounds() if bound[1] >= bound[2]), None)


_REMEDIES = {
    "product |rho A|": "use fewer x_bits",
    "product identity |2^s M + rest - rho A|": "use fewer x_bits",
    "scaled product |M|": "use a smaller learning_rate",
    "target |rho B|": "use fewer w_bits, or more label_bits",
    "target identity |2^a b + rest - rho B|": "use fewer w_bits, or more label_bits",
    "gradient |M w + L w - b|": "use fewer features, a smaller l2, fewer w_bits, or more label_bits",
    "step |c g + 2^(h-1) - u|": "use fewer features, or one learning_rate for all epochs",
    "penalty |2^tau L|": "use a smaller l2",
    "penalty identity |2^tau L + rest - lambda M|": "use a smaller l2",
    "intercept |I|": "use fewer features",
}


def penalty_of(l2: Fraction) -> tuple[int, int]:
    """l2 as lambda / 2^tau, lambda of 16 bits if tau can be that large."""
    if not l2:
        return 0, 0
    digits = l2.numerator.bit_length() - l2.denominator.bit_length()
    shift = min(MOST_PENALTY_BITS, max(0, 15 - digits))
    return nearest(l2 * (1 << shift)), shift


def _candidates(problem: _Problem) -> Iterator[_Choice]:
    """For each range of weights each s, with the largest h; none after one that is as fine as any, and precise."""
    geometry = problem.geometry
    ratio = geometry.largest_rate / geometry.smallest_rate
    cut = 1 if ratio == 1 else (ratio * SMALLEST_CUT).__ceil__()
    highest = min(62, int((1 << (PRODUCT_BITS - 1)) * cut / geometry.largest_rate).bit_length() - 1)
    for weight_bits in STEP_WEIGHT_BITS:
        if WHOLE_WEIGHT_BITS - weight_bits > problem.shape.x_bits:
            continue
        for product_shift in PRODUCT_SHIFTS:
            choices = (_Choice(problem, weight_bits, cut, product_shift, h) for h in range(highest, 0, -1))
            fitting = next((choice for choice in choices if choice.violated is None), None)
            if fitting is not None:
                yield fitting
                if fitting.error <= PRECISE_ENOUGH and fitting.shift == highest:
                    break


def _choose(problem: _Problem) -> _Choice:
    """The finest choice whose rates are precise enough, else the most precise one. Raises ParameterError."""
    best = min(_candidates(problem), key=lambda own: (max(own.error, PRECISE_ENOUGH), own.coarseness), default=None)
    if best is None:
        smallest = _Choice(problem, STEP_WEIGHT_BITS[1], 1, PRODUCT_SHIFTS[-1], 1)
        name, bound, limit = smallest.violated or smallest.bounds()[-1]
        remedy = _REMEDIES.get(name, "use fewer features or a smaller learning_rate")
        raise ParameterError(f"{name} can reach {bound}, which must stay below {limit}: {remedy}")
    if best.error > WORST_RATE_ERROR:
        raise ParameterError(
            f"learning_rate: rounding to integers at shift {best.shift} can change a learning rate or l2 by "
            f"{float(100 * best.error):.3g}%, more than {float(100 * WORST_RATE_ERROR):g}%; use l2 = 0 or larger, a "
            "larger learning_rate, or fewer x_bits"
        )
    if best.coarseness > COARSEST:
        raise ParameterError(
            f"learning_rate: there is room for products of features in units of {float(1 / best.unit):.2g} only; use "
            "fewer features, or learning rates that are larger or differ less"
        )
    return best


def weight_limit(scales: FixedPoint) -> float:
    """What weights stay below in training, without sign, in real units; however many bits they are given."""
    return 2.0 ** (WHOLE_WEIGHT_BITS - 1 - scales.x_bits - scales.w_bits)


def compile_normal_equations(
    method: GradientDescent, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> NormalEquations:
    """The integers of a one-pass training on the rows that count.

    Exact rational arithmetic throughout: the same integers on every platform.

    Args:
        method: the steps.

    Raises:
        ParameterError: the spec does not fit the data set, or a family without a quadratic loss; an expression can
            reach its limit (named, with its bound and what to change), or rounding would change what is declared by
            more than 1%.
    """
    if not family.quadratic:
        raise ParameterError(f"model = {family.name!r}: one-pass needs a loss that is quadratic, which linear has")
    geometry = geometry_of(method, family, scales, shape, live)
    low, high = label_range(shape.label_kind)
    problem = _Problem(geometry, shape, scales, max(-low, high), method.standardize)
    chosen = _choose(problem)
    rho, bounds = chosen.factor(live.count), chosen.bounds()
    unit = Fraction(rho * live.count << (2 * shape.x_bits), 1 << chosen.product_shift)
    by_name = {name: bound for name, bound, _ in bounds}
    raised, down = max(0, -chosen.target_scale), max(0, chosen.target_scale)
    penalty_factor, penalty_shift = penalty_of(geometry.l2)
    # Nothing is divided by a spread, so the amplitude of rates is zero.
    standardization = Standardization(
        shape.rows, live.count, shape.x_bits, cap=LARGEST_EXPONENT, amplitude=0, unused=shape.unused
    )
    return NormalEquations(
        **compiled_fields(family, scales, shape, geometry, live),
        epochs=method.epochs,
        shift=chosen.shift,
        weight_bits=chosen.weight_bits,
        fine_bits=chosen.fine_bits,
        factor=rho,
        product_shift=chosen.product_shift,
        target_raise=raised,
        target_shift=down,
        target_bits=((by_name["target |rho B|"] >> down) + 2).bit_length() + 1,
        c_epoch=by_epoch(method, Fraction(chosen.cut) / geometry.largest_rate),
        m_epoch=momenta_of(method, chosen.shift),
        penalty=nearest(geometry.l2 * unit),
        penalty_factor=penalty_factor if method.standardize else 0,
        penalty_shift=penalty_shift if method.standardize else 0,
        penalty_bits=max(1, rounded(penalty_factor * by_name["scaled product |M|"], penalty_shift).bit_length()),
        penalize_bias=method.penalize_intercept,
        label_kind=shape.label_kind,
        label_bits=shape.label_bits,
        bounds=tuple((name, bound) for name, bound, _ in bounds),
        standardization=standardization if method.standardize else None,
    )
