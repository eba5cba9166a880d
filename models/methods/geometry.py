"""What both analyses of gradient descent share: the numbers that bounds depend on, and the choice of h.

The analyses themselves are schedule.py, of features as they are, and standardized.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..runs import Runs
from ..scales import REMAINDER_BITS, FixedPoint
from ..shapes import DatasetShape, label_range

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent

EXPRESSION_BOUND = 1 << 62  # every integer expression stays below this, far from the field's half
WORD_BOUND = 1 << 63  # where two are added, which is done in 64 bits
FIELD_MODULUS = (1 << 64) - (1 << 32) + 1
WEIGHT_BITS = (32, 24, 20)  # signed ranges of weights, tried in this order
PRECISE_ENOUGH = Fraction(1, 1000)  # a range whose rates are this close is taken at once
WORST_RATE_ERROR = Fraction(1, 100)  # beyond this the declared rates would not mean what they say
Bound = tuple[str, int, int]  # an expression, a bound of its absolute value, what it must stay below


@dataclass(frozen=True)
class Geometry:
    """What bounds depend on: the spec and the shape, never the forgotten rows.

    one_divisor: whether every step divides by the same number of rows, whichever are forgotten.
    """

    width: int
    one_divisor: bool
    block_size: int
    largest_block: int  # most rows a step can have
    feature: int  # bound of |x|
    residual: int  # bound of |r|
    label_multiplier: int
    class_weights: tuple[int, ...]
    smallest_rate: Fraction
    largest_rate: Fraction
    l2: Fraction
    momentum: Fraction  # the largest
    scale_bits: int  # w_bits - p_bits - x_bits

    def scaled_rate(self, rate: Fraction, shift: int) -> Fraction:
        """The exact value that c_e * c_b * n_b approximates."""
        return rate * power_of_two(shift + self.scale_bits)


def power_of_two(exponent: int) -> Fraction:
    """2^exponent."""
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


def nearest(value: Fraction) -> int:
    """Nearest integer, ties up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def momentum_factor(momentum: Fraction, shift: int) -> int:
    """The factor of a momentum, below 2^h as momenta are below 1."""
    return min(nearest(momentum * (1 << shift)), (1 << shift) - 1)


def choose_shift(
    bounds_of: Callable[[int, int], list[Bound]],
    error_of: Callable[[int], Fraction],
    remedies: Mapping[str, str],
) -> tuple[int, int, Fraction]:
    """The shift h, the weight range and the error: of the first range precise enough, else of the most precise one.

    Args:
        bounds_of: of a shift and bits of weights.
        error_of: of a shift, of every learning rate and decay, relative.
        remedies: what to change, by the name of an expression.

    Raises:
        ParameterError: an expression is too large whatever h >= 1.
    """
    best: tuple[int, int, Fraction] | None = None
    for weight_bits in WEIGHT_BITS:
        shifts = range(FIELD_MODULUS.bit_length() - weight_bits, 0, -1)
        shift = next((h for h in shifts if _violated(bounds_of(h, weight_bits)) is None), None)
        if shift is not None and (best is None or error_of(shift) < best[2]):
            best = shift, weight_bits, error_of(shift)
        if best is not None and best[2] < PRECISE_ENOUGH:
            break
    if best is None:
        bounds = bounds_of(1, WEIGHT_BITS[-1])
        name, bound, limit = _violated(bounds) or bounds[-1]
        remedy = remedies.get(name, "use fewer features or fewer p_bits")
        raise ParameterError(f"{name} can reach {bound}, which must stay below {limit}: {remedy}")
    return best


def _violated(bounds: list[Bound]) -> Bound | None:
    """The first bound that is not below its limit."""
    return next((entry for entry in bounds if entry[1] >= entry[2]), None)


def score_bounds(score: int) -> list[Bound]:
    """Of scores, and of the identity that cuts them into a table index and a remainder."""
    identity = score + (1 << (15 + REMAINDER_BITS)) + (1 << REMAINDER_BITS)
    return [
        ("score |z|", score, EXPRESSION_BOUND),
        ("score identity |z - 2^16 q - rem|", identity, EXPRESSION_BOUND),
    ]


def update_bounds(geometry: Geometry, name: str, moves: int, shift: int, weight_bits: int) -> list[Bound]:
    """Of the update: `moves` is a bound of what learning adds to it, `name` is the expression that a step is."""
    weight, width = 1 << (weight_bits - 1), (1 << weight_bits) - 1
    decay = nearest(geometry.largest_rate * geometry.l2 * (1 << shift))
    step = moves + decay * weight + (1 << (shift - 1))
    moved = step + momentum_factor(geometry.momentum, shift) * width
    return [
        (name, step, EXPRESSION_BOUND),
        ("step with momentum", moved, WORD_BOUND),
        ("update |2^h (w_t - w_(t+1))| + |step|", (width << shift) + moved, FIELD_MODULUS),
    ]


def geometry_of(
    method: GradientDescent, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> Geometry:
    """The geometry of a run. Raises ParameterError: the spec does not fit the data set."""
    if live.rows != shape.rows:
        raise ParameterError(f"rows that count: of {live.rows}, the data set has {shape.rows}")
    block_size = method.batch_size or 1 << (shape.rows - 1).bit_length()
    if shape.x_bits != scales.x_bits:
        raise ParameterError(f"fixed_point.x_bits = {scales.x_bits}: the data set has {shape.x_bits}")
    family.require_labels(shape.label_kind)
    if scales.p_bits < shape.label_bits:
        raise ParameterError(
            f"fixed_point.p_bits = {scales.p_bits}: must be at least the {shape.label_bits} bits of the labels"
        )
    multiplier = 1 << (scales.p_bits - shape.label_bits)
    table = family.table(scales)
    low, high = (multiplier * y for y in label_range(shape.label_kind))
    weights = _class_weights(method, shape)
    return Geometry(
        width=shape.features + int(method.bias),
        one_divisor=shape.rows <= block_size,
        block_size=block_size,
        largest_block=min(block_size, shape.rows),
        feature=1 << shape.x_bits,
        residual=max(weights) * max(int(table[-1]) - low, high - int(table[0])),
        label_multiplier=multiplier,
        class_weights=weights,
        smallest_rate=Fraction(min(method.declared_rates)),
        largest_rate=Fraction(max(method.declared_rates)),
        l2=Fraction(method.l2),
        momentum=max(method.momenta),
        scale_bits=scales.w_bits - scales.p_bits - scales.x_bits,
    )


def compiled_fields(
    family: Family, scales: FixedPoint, shape: DatasetShape, geometry: Geometry, live: Live
) -> dict[str, Any]:
    """What every method compiles to: the fields of `Compiled`, by name."""
    return {
        "family": family,
        "scales": scales,
        "features": shape.features,
        "width": geometry.width,
        "unused": shape.unused,
        "outputs": shape.outputs,
        "live": live,
    }


def _class_weights(method: GradientDescent, shape: DatasetShape) -> tuple[int, ...]:
    """v_0, v_1, .. Raises ParameterError for labels that the data set does not have, or for one that is not named."""
    weights = method.class_weights
    if not weights:
        return (1,) * max(2, shape.outputs)
    if shape.label_kind not in ("binary", "categorical"):
        raise ParameterError(f"class_weight: needs labels of classes, the data set has {shape.label_kind}")
    if set(weights) != set(shape.classes):
        named, own = (", ".join(map(repr, sorted(labels))) for labels in (weights, shape.classes))
        raise ParameterError(f"class_weight: names {named}, where the labels are {own}")
    return tuple(weights[label] for label in shape.classes)


def by_epoch(method: GradientDescent, factor: Fraction) -> Runs:
    """nearest(rate * factor) for each epoch; where all share one rate, it is computed once."""
    numerator, denominator = factor.as_integer_ratio()

    def integer(rate: float) -> int:
        over, under = rate.as_integer_ratio()
        product, divisor = over * numerator, under * denominator
        return (2 * product + divisor) // (2 * divisor)

    rates = method.declared_rates if factor else (0.0,)
    return Runs.of((integer(rate), method.epochs // len(rates)) for rate in rates)


def momenta_of(method: GradientDescent, shift: int) -> Runs:
    """m_e for each epoch."""
    momenta = method.momenta
    return Runs.of((momentum_factor(momentum, shift), method.epochs // len(momenta)) for momentum in momenta)
