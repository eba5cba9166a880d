"""From a declared spec and the shape of a data set to the integers of the update rule; none can wrap.

Symbols: N rows, d features, K = d + 1 with a bias, E epochs, B blocks of J rows (J a power of two, block b is
rows [bJ, (b+1)J)), n_b live rows in block b, t = e*B + b the step. One step is, in exact integers,

    w_(t+1)k = w_tk - floor((c_e * c_b * g_tk + l_e * w_tk - m_e * (w_tk - w_(t-1)k) + 2^(h-1)) / 2^h)

c_e * c_b / 2^h is the learning rate over n_b, between the scales of g (p_bits + x_bits) and w (w_bits);
l_e / 2^h is learning rate times l2 (not for the bias, unless it is penalised), m_e / 2^h is
momentum. w_(-1) is w_0. The larger h, the finer both are. The static analysis below bounds every
integer expression from spec and shape only and takes the largest h that fits; h, the weight range and
whether a spec is accepted do not depend on which rows are forgotten: what could be trained can be unlearned.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..runs import Runs
from ..scales import REMAINDER_BITS, FixedPoint
from ..shapes import DatasetShape, label_range
from .base import Compiled
from .standardization import Standardization

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent

EXPRESSION_BOUND = 1 << 62  # every integer expression stays below this, far from the field's half
WORD_BOUND = 1 << 63  # where two are added, which is done in 64 bits
FIELD_MODULUS = (1 << 64) - (1 << 32) + 1
WEIGHT_BITS = (32, 24, 20)  # signed ranges of weights, tried in this order
PRECISE_ENOUGH = Fraction(1, 1000)  # a range whose rates are this close is taken at once
WORST_RATE_ERROR = Fraction(1, 100)  # beyond this the declared rates would not mean what they say
Bound = tuple[str, int, int]  # an expression, a bound of its absolute value, what it must stay below


@dataclass(frozen=True, kw_only=True)
class Schedule(Compiled):
    """Every public integer of a run of gradient descent; its size is that of the spec and of the forget list.

    Attributes:
        epochs, block_size: E, J.
        shift: h.
        weight_bits: weights lie in [-2^(weight_bits-1), 2^(weight_bits-1)).
        c_epoch, c_block: the factors c_e (E of them) and c_b (B of them) of the learning rate.
        l_epoch: the factors l_e of L2, E of them. penalize_bias: whether they are those of the bias too.
        m_epoch: the factors m_e of momentum, E of them.
        class_weights: v_0 and v_1, how often a row counts by its label; (1, 1) for other labels than binary ones.
        label_kind, label_multiplier: y = label integer * label_multiplier, scale p_bits.
        rate_scale: learning rate of epoch e in block b = c_e * c_b * n_b * rate_scale, exactly.
        bounds: (expression, bound) pairs of the static analysis, in the order of the arithmetic.
        standardization: how features are standardised; None if they are not.
    """

    epochs: int
    block_size: int
    shift: int
    weight_bits: int
    c_epoch: Runs
    c_block: Runs
    l_epoch: Runs
    m_epoch: Runs
    penalize_bias: bool
    class_weights: tuple[int, int]
    label_kind: str
    label_multiplier: int
    rate_scale: Fraction
    bounds: tuple[tuple[str, int], ...]
    standardization: Standardization | None = None

    @property
    def blocks(self) -> int:
        """B."""
        return -(-self.rows // self.block_size)

    @property
    def steps(self) -> int:
        """T = E * B."""
        return self.epochs * self.blocks

    @property
    def weighted(self) -> bool:
        """Whether rows count differently."""
        return self.class_weights != (1, 1)

    def decays(self, epoch: int) -> NDArray[np.int64]:
        """l_e of every weight, int64 (K,), that of the bias last."""
        decays = np.full(self.width, self.l_epoch[epoch], dtype=np.int64)
        decays[self.features :] *= self.penalize_bias
        return decays

    def row_weights(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """How often each row counts, int64, by its label integer."""
        return np.array(self.class_weights, dtype=np.int64)[labels] if self.weighted else np.ones_like(labels)

    @cached_property
    def live_counts(self) -> Runs:
        """n_b, B of them."""
        return self.live.counts(self.block_size)

    def block_rows(self, block: int) -> slice:
        """The rows of a block; the last block may have fewer than J."""
        return slice(block * self.block_size, min((block + 1) * self.block_size, self.rows))

    def effective_learning_rate(self, epoch: int, block: int) -> float:
        """The learning rate the integers apply to a block's mean gradient; 0.0 where no row is live."""
        return float(self.c_epoch[epoch] * self.c_block[block] * self.live_counts[block] * self.rate_scale)

    def effective_learning_rate_range(self) -> tuple[float, float]:
        """Smallest and largest effective learning rate over all steps that have a live row."""
        factors = {self.c_block[start] * n for start, n in self.live_counts.starts() if n}
        low, high = min(self.c_epoch.values) * min(factors), max(self.c_epoch.values) * max(factors)
        return float(low * self.rate_scale), float(high * self.rate_scale)

    def effective_momentum(self, epoch: int) -> float:
        """The momentum the integers apply in an epoch."""
        return float(Fraction(self.m_epoch[epoch], 1 << self.shift))

    def effective_weight_decay(self, epoch: int) -> float:
        """learning rate * l2 as the integers apply it to the weights at each step of an epoch."""
        return float(Fraction(self.l_epoch[epoch], 1 << self.shift))


@dataclass(frozen=True)
class Geometry:
    """What bounds depend on: the spec and the shape, never the forgotten rows."""

    width: int
    blocks: int
    largest_block: int  # most rows a step can have
    feature: int  # bound of |x|
    residual: int  # bound of |r|
    smallest_rate: Fraction
    largest_rate: Fraction
    l2: Fraction
    momentum: Fraction  # the largest
    scale_bits: int  # w_bits - p_bits - x_bits

    def scaled_rate(self, rate: Fraction, shift: int) -> Fraction:
        """The exact value that c_e * c_b * n_b approximates."""
        return rate * power_of_two(shift + self.scale_bits)


def power_of_two(exponent: int) -> Fraction:
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


def nearest(value: Fraction) -> int:
    """Nearest integer, ties up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def momentum_factor(momentum: Fraction, shift: int) -> int:
    """The factor of a momentum, below 2^h as momenta are below 1."""
    return min(nearest(momentum * (1 << shift)), (1 << shift) - 1)


def _split_bits(geometry: Geometry, shift: int) -> int:
    """k: c_b ~ 2^k / n_b takes k bits of the precision and c_e the others, so that the two errors balance."""
    smallest = geometry.scaled_rate(geometry.smallest_rate, shift)
    # Error of c_e is 2^k / (2 * smallest), of c_b is n / 2^(k+1): equal at 4^k = smallest * n.
    product = int(smallest * geometry.largest_block)
    return max(0, (product.bit_length() - 1) // 2)


def _rate_error(geometry: Geometry, shift: int) -> Fraction:
    """A bound of the relative error of every learning rate and decay, whichever rows are forgotten."""
    smallest, half = geometry.scaled_rate(geometry.smallest_rate, shift), Fraction(1, 2)
    if geometry.blocks == 1:
        error = half * geometry.largest_block / smallest
    else:
        split = _split_bits(geometry, shift)
        of_epoch, of_block = half * (1 << split) / smallest, half * geometry.largest_block / (1 << split)
        error = of_epoch + of_block + of_epoch * of_block
    if geometry.l2:
        error = max(error, half / (geometry.smallest_rate * geometry.l2 * (1 << shift)))
    return error


def _rate_product(geometry: Geometry, shift: int) -> int:
    """A bound of c_e * c_b * n_b, whichever rows are forgotten."""
    largest, half = geometry.scaled_rate(geometry.largest_rate, shift), Fraction(1, 2)
    product = largest + half * geometry.largest_block
    if geometry.blocks > 1:
        split = 1 << _split_bits(geometry, shift)
        product = max(product, (largest / split + half) * (split + half * geometry.largest_block))
    return int(product) + 1


def _bounds(geometry: Geometry, shift: int, weight_bits: int) -> list[Bound]:
    """(expression, bound of its absolute value, what it must stay below), in the order of the arithmetic.

    x       features and the bias integer, proved     2^x_bits
    w       weights, range-checked                    2^(weight_bits - 1)
    z       sum of K products x * w                   K * 2^x_bits * bound(w)
    z - 2^16 q - rem, a table index and a remainder   bound(z) + 2^31 + 2^16
    r       a table entry minus a label, weighted     largest distance of the two public ranges, largest class weight
    g       sum over a block's n rows of r * x        n * bound(r) * 2^x_bits
    step    c g + l w + 2^(h-1) - u, u in [0, 2^h)    bound(c n) * bound(r) * 2^x_bits + l * bound(w) + 2^(h-1)
    moved   step less m (w_t - w_(t-1)): 64 bits      the two added
    update  2^h (w_t - w_(t+1)) against all of that   the two added: below p, a congruence is an equality
    """
    weight = 1 << (weight_bits - 1)
    score = geometry.width * geometry.feature * weight
    table_index = 1 << (15 + REMAINDER_BITS)
    decay = nearest(geometry.largest_rate * geometry.l2 * (1 << shift))
    step = _rate_product(geometry, shift) * geometry.residual * geometry.feature
    step += decay * weight + (1 << (shift - 1))
    move = (2 * weight - 1) << shift
    moved = step + momentum_factor(geometry.momentum, shift) * (2 * weight - 1)
    return [
        ("feature |x|", geometry.feature, EXPRESSION_BOUND),
        ("weight |w|", weight, EXPRESSION_BOUND),
        ("score |z|", score, EXPRESSION_BOUND),
        ("score identity |z - 2^16 q - rem|", score + table_index + (1 << REMAINDER_BITS), EXPRESSION_BOUND),
        ("residual |r|", geometry.residual, EXPRESSION_BOUND),
        ("gradient |g|", geometry.largest_block * geometry.residual * geometry.feature, EXPRESSION_BOUND),
        ("step |c g + l w + 2^(h-1) - u|", step, EXPRESSION_BOUND),
        ("step with momentum", moved, WORD_BOUND),
        ("update |2^h (w_t - w_(t+1))| + |step|", move + moved, FIELD_MODULUS),
    ]


def violated(bounds: list[Bound]) -> Bound | None:
    return next((entry for entry in bounds if entry[1] >= entry[2]), None)


_REMEDIES = {
    "score |z|": "use fewer features",
    "residual |r|": "use fewer p_bits, or more w_bits or x_bits",
    "gradient |g|": "use a smaller batch_size, fewer p_bits, or more w_bits or x_bits",
    "step |c g + l w + 2^(h-1) - u|": "use a smaller learning_rate or l2, fewer p_bits or more x_bits",
}


def _choose_shift(geometry: Geometry) -> tuple[int, int]:
    """The shift h and the weight range: the first range precise enough, else the most precise one.

    Raises:
        ParameterError: an expression is too large whatever h >= 1, or the rates too coarse in every range.
    """
    best: tuple[Fraction, int, int] | None = None
    for weight_bits in WEIGHT_BITS:
        for shift in range(FIELD_MODULUS.bit_length() - weight_bits, 0, -1):
            if violated(_bounds(geometry, shift, weight_bits)) is None:
                error = _rate_error(geometry, shift)
                if best is None or error < best[0]:
                    best = (error, shift, weight_bits)
                break
        if best is not None and best[0] < PRECISE_ENOUGH:
            break
    if best is None:
        bounds = _bounds(geometry, 1, WEIGHT_BITS[-1])
        name, bound, limit = violated(bounds) or bounds[-1]
        remedy = _REMEDIES.get(name, "use fewer features or fewer p_bits")
        raise ParameterError(f"{name} can reach {bound}, which must stay below {limit}: {remedy}")
    error, shift, weight_bits = best
    if error > WORST_RATE_ERROR:
        raise ParameterError(
            f"learning_rate: rounding the step factors to integers at shift {shift} can change a learning "
            f"rate or l2 by {float(100 * error):.3g}%, more than {float(100 * WORST_RATE_ERROR):g}%; use a "
            "larger learning_rate, a smaller batch_size, fewer p_bits, more w_bits, or l2 = 0 or larger"
        )
    return shift, weight_bits


def geometry_of(
    method: GradientDescent, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> tuple[int, Geometry, int]:
    """J, the geometry of a run, and its label multiplier. Raises ParameterError: the spec does not fit the data set."""
    if live.rows != shape.rows:
        raise ParameterError(f"rows that count: of {live.rows}, the data set has {shape.rows}")
    block_size = method.batch_size or 1 << (shape.rows - 1).bit_length()
    if shape.x_bits != scales.x_bits:
        raise ParameterError(f"fixed_point.x_bits = {scales.x_bits}: the data set has {shape.x_bits}")
    if shape.label_kind not in family.label_kinds:
        raise ParameterError(
            f"model = {family.name!r}: needs {' or '.join(family.label_kinds)} labels, "
            f"the data set has {shape.label_kind}"
        )
    if scales.p_bits < shape.label_bits:
        raise ParameterError(
            f"fixed_point.p_bits = {scales.p_bits}: must be at least the {shape.label_bits} bits of the labels"
        )
    multiplier = 1 << (scales.p_bits - shape.label_bits)
    table = family.table(scales)
    low, high = (multiplier * y for y in label_range(shape.label_kind))
    most = max(class_weights_of(method, shape))
    geometry = Geometry(
        width=shape.features + int(method.bias),
        blocks=-(-shape.rows // block_size),
        largest_block=min(block_size, shape.rows),
        feature=1 << shape.x_bits,
        residual=most * max(int(table[-1]) - low, high - int(table[0])),
        smallest_rate=Fraction(min(method.declared_rates)),
        largest_rate=Fraction(max(method.declared_rates)),
        l2=Fraction(method.l2),
        momentum=max(method.momenta),
        scale_bits=scales.w_bits - scales.p_bits - scales.x_bits,
    )
    return block_size, geometry, multiplier


def class_weights_of(method: GradientDescent, shape: DatasetShape) -> tuple[int, int]:
    """v_0 and v_1. Raises ParameterError for labels that the data set does not have, or for one that is not named."""
    weights = method.class_weights
    if not weights:
        return 1, 1
    if shape.label_kind != "binary":
        raise ParameterError(f"class_weight: needs binary labels, the data set has {shape.label_kind}")
    if set(weights) != set(shape.classes):
        named, own = (", ".join(map(repr, sorted(labels))) for labels in (weights, shape.classes))
        raise ParameterError(f"class_weight: names {named}, where the labels are {own}")
    first, second = (weights[label] for label in shape.classes)
    return first, second


def by_epoch(method: GradientDescent, factor: Fraction) -> Runs:
    """nearest(rate * factor) for each epoch; where all share one rate, it is computed once."""
    numerator, denominator = factor.as_integer_ratio()

    def nearest(rate: float) -> int:
        over, under = rate.as_integer_ratio()
        product, divisor = over * numerator, under * denominator
        return (2 * product + divisor) // (2 * divisor)

    rates = method.declared_rates if factor else (0.0,)
    return Runs.of((nearest(rate), method.epochs // len(rates)) for rate in rates)


def momenta_of(method: GradientDescent, shift: int) -> Runs:
    """m_e for each epoch."""
    momenta = method.momenta
    return Runs.of((momentum_factor(momentum, shift), method.epochs // len(momenta)) for momentum in momenta)


def compile_schedule(
    method: GradientDescent, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> Schedule:
    """The integers of a training run on the rows that count.

    Exact rational arithmetic throughout: the same schedule on every platform.

    Raises:
        ParameterError: the spec does not fit the data set, an expression can reach its limit (named, with its
            bound and what to change), or the rates would be off by more than 1%.
    """
    block_size, geometry, multiplier = geometry_of(method, family, scales, shape, live)
    shift, weight_bits = _choose_shift(geometry)
    counts = live.counts(block_size)
    if len(counts.values) == 1:  # one divisor for all: all precision goes to c_e
        c_block, divisor = counts.map(lambda _: 1), counts[0]
    else:
        divisor = 1 << _split_bits(geometry, shift)
        c_block = counts.map(lambda n: (2 * divisor + n) // (2 * n) if n else 0)
    to_weights = power_of_two(shift + geometry.scale_bits)
    return Schedule(
        family=family,
        scales=scales,
        features=shape.features,
        width=geometry.width,
        live=live,
        epochs=method.epochs,
        block_size=block_size,
        shift=shift,
        weight_bits=weight_bits,
        c_epoch=by_epoch(method, to_weights / divisor),
        c_block=c_block,
        l_epoch=by_epoch(method, geometry.l2 * (1 << shift)),
        m_epoch=momenta_of(method, shift),
        penalize_bias=method.penalize_intercept,
        class_weights=class_weights_of(method, shape),
        label_kind=shape.label_kind,
        label_multiplier=multiplier,
        rate_scale=1 / to_weights,
        bounds=tuple((name, bound) for name, bound, _ in _bounds(geometry, shift, weight_bits)),
    )
