"""The schedule of gradient descent on standardised features: which integers, and why none of them can wrap.

One step is, for the features x' and the D of standardization.py, which are data and no part of a schedule,

    w_(t+1)k = w_tk - floor((c_e * c_b * D_k * g'_tk + l_e * w_tk - m_e * (w_tk - w_(t-1)k) + 2^(h-1)) / 2^h)

with g'_tk = sum over the block of r x'_k. So c_e c_b A stands for rate_e 2^(h + w_bits + x_bits - p_bits) n / n_b: of
one block A is the largest rate, of several c_b stands for J / n_b and A for n / J of it; of batches of shards A is n
times an integer, the same for all shards, so that bounds of D are. Every bound below holds for
all data and all forget lists, as those of schedule.py do. Where a bound follows from Cauchy-Schwarz,
|g'| <= |r| sqrt(n_b V), it is because V is proved to be the sum of x'^2 over the rows that count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..runs import Runs
from ..scales import FixedPoint
from ..shapes import DatasetShape
from ..shards import Stage
from .geometry import (
    EXPRESSION_BOUND,
    FIELD_MODULUS,
    WORST_RATE_ERROR,
    Bound,
    Geometry,
    by_epoch,
    choose_shift,
    compiled_fields,
    geometry_of,
    nearest,
    power_of_two,
    score_bounds,
    update_bounds,
)
from .schedule import Schedule, scheduled
from .standardization import (
    LARGEST_EXPONENT,
    Standardization,
    largest_feature,
    largest_spread,
    root_above,
    spread_floor,
)

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class _Cut:
    """How the digits of a learning rate are divided: 2^epoch_bits of them to c_e, 2^block_bits to c_b, the rest to A.

    Attributes:
        total: the largest rate, at scale 2^(h + w_bits + x_bits - p_bits).
        amplitude: A of one block, exactly; of B blocks it is n / J times as much.
        each: A of each row, where it is n times that; None where it is not.
        error: of every learning rate and decay, relative, whichever rows are forgotten.
    """

    epoch_bits: int
    block_bits: int
    total: Fraction
    amplitude: Fraction
    each: int | None
    error: Fraction

    def whole_amplitude(self, geometry: Geometry, count: int) -> int:
        """A, where so many rows count."""
        if self.each is not None:
            return self.each * count
        times = Fraction(count, geometry.largest_block) if not geometry.one_divisor else 1
        return max(1, nearest(self.amplitude * times))


def _cut(geometry: Geometry, shape: DatasetShape, shift: int, stage: Stage | None) -> _Cut:
    """Digits for everyone, so that each is about as coarse as the others.

    A stands for n / J of the rate where there are blocks of J rows, so what A / (V + V0) loses does not depend on n.
    """
    total = geometry.largest_rate * power_of_two(shift + geometry.scale_bits + 2 * shape.x_bits)
    spread = largest_spread(geometry.largest_block, shape.x_bits) + spread_floor(geometry.largest_block, shape.x_bits)
    ratio, blocks = geometry.largest_rate / geometry.smallest_rate, not geometry.one_divisor
    several, more = ratio != 1, (ratio.__ceil__() - 1).bit_length()
    room = (total / spread).__floor__().bit_length() - 1 - more
    share = max(0, room) // (1 + several + blocks)
    epoch_bits, block_bits = (share + more) * several, share * blocks
    amplitude = total / (1 << (epoch_bits + block_bits))
    of_epoch = ratio / (2 << epoch_bits) if several else Fraction(0)
    of_block = Fraction(1, 2 << block_bits) if blocks else Fraction(0)
    of_row, each = Fraction(1), None
    if stage is not None and blocks:
        of_row = Fraction(1, geometry.largest_block)
        each = max(1, nearest(amplitude * of_row))
    of_division, of_amplitude = spread / (2 * amplitude), 1 / (2 * amplitude * of_row)
    error = (1 + of_epoch) * (1 + of_block) * (1 + of_division) * (1 + of_amplitude) - 1
    if geometry.l2:
        error = max(error, HALF / (geometry.smallest_rate * geometry.l2 * (1 << shift)))
    return _Cut(epoch_bits, block_bits, total, amplitude, each, error)


def _cap(geometry: Geometry, x_bits: int, weight_bits: int) -> int:
    """The largest exponent with which no score can leave its range."""
    caps = range(LARGEST_EXPONENT, 0, -1)
    return next((cap for cap in caps if _score(geometry, x_bits, weight_bits, cap) < EXPRESSION_BOUND), 0)


def _score(geometry: Geometry, x_bits: int, weight_bits: int, cap: int) -> int:
    """A bound of |z|, and of the exported intercept."""
    return geometry.width * largest_feature(x_bits, cap) << (weight_bits - 1)


def _bounds(geometry: Geometry, shape: DatasetShape, shift: int, weight_bits: int, cut: _Cut) -> list[Bound]:
    """(expression, bound of its absolute value, what it must stay below), in the order of the arithmetic.

    x'       standardised features, and m               2^(x_bits + 1 + cap) + 2^cap
    z        sum of K products x' * w                   K * bound(x') * bound(w)
    r        a table entry minus a label, weighted      largest distance of the two public ranges, largest class weight
    sum rx   of a block's n_b rows                      n_b * bound(r) * 2^x_bits
    g'       sum rx' = 2^e sum rx - m sum r             bound(r) * sqrt(n_b * bound(V))
    2 D (V + V0) + rem, D and rem of their bits         4 A bound((V + V0) / V0) + 6 bound(V + V0)
    step     c_e c_b D g' + l w + 2^(h-1) - u           D |g'| <= A bound(r) sqrt(n_b) / (2 sqrt(V0)), c_b ~ n / n_b
    """
    weight, cap = 1 << (weight_bits - 1), _cap(geometry, shape.x_bits, weight_bits)
    spread, floor = largest_spread(shape.rows, shape.x_bits), spread_floor(shape.rows, shape.x_bits)
    most = cut.whole_amplitude(geometry, shape.rows)
    division = 4 * most * -(-(spread + floor) // floor) + 6 * (spread + floor)
    rates = (1 + cut.error) * cut.total * geometry.residual / (2 << max(0, shape.x_bits - 5))
    rates *= root_above(shape.rows) if not geometry.one_divisor else 1
    raw = geometry.largest_block * geometry.residual << shape.x_bits
    gradient = geometry.residual * root_above(geometry.largest_block * spread)
    return [
        ("standardised feature |x'|", largest_feature(shape.x_bits, cap), EXPRESSION_BOUND),
        ("weight |w|", weight, EXPRESSION_BOUND),
        *score_bounds(_score(geometry, shape.x_bits, weight_bits, cap)),
        ("residual |r|", geometry.residual, EXPRESSION_BOUND),
        ("gradient |g|", raw, EXPRESSION_BOUND),
        ("standardised gradient |g'|", gradient, EXPRESSION_BOUND),
        ("division |2 D (V + V0) + rem|", division, FIELD_MODULUS),
        *update_bounds(geometry, "step |c D g + l w + 2^(h-1) - u|", int(rates) + 1, shift, weight_bits),
    ]


_REMEDIES = {
    "score |z|": "use fewer features",
    "residual |r|": "use fewer p_bits, or more w_bits",
    "gradient |g|": "use a smaller batch_size or fewer p_bits",
    "division |2 D (V + V0) + rem|": "use a smaller learning_rate or more p_bits",
    "step |c D g + l w + 2^(h-1) - u|": "use a smaller learning_rate or l2, or fewer p_bits",
}


def _too_coarse(geometry: Geometry, shape: DatasetShape, shift: int, cut: _Cut) -> str:
    """Why rates cannot be what was declared, and what would help."""
    factor = cut.error / WORST_RATE_ERROR
    larger = f"a learning_rate of {float(geometry.largest_rate * factor):.2g} or more"
    return (
        f"learning_rate: rounding the step factors of standardised features to integers at shift {shift} can change a "
        f"learning rate or l2 by {float(100 * cut.error):.3g}% for {shape.rows} rows, more than "
        f"{float(100 * WORST_RATE_ERROR):g}%; use {larger}, more w_bits, l2 = 0 or larger, or standardize = false"
    )


def compile_standardized(
    method: GradientDescent, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> Schedule:
    """The integers of a training on standardised features of the rows that count; see compile_schedule.

    Raises:
        ParameterError: as compile_schedule.
    """
    return _compiled(method, family, scales, shape, live, geometry_of(method, family, scales, shape, live))


def compile_standardized_stage(
    method: GradientDescent, family: Family, scales: FixedPoint, shape: DatasetShape, stage: Stage, live: Live
) -> Schedule:
    """The integers of one stage of some shards on features that are standardised in each shard, by its own rows of the
    stage that count; see compile_stage.

    D divides by how many rows of a shard count, so c_b does not; but of batches, of which A is as many times more.

    Args:
        live: who counts of the stage's rows.

    Raises:
        ParameterError: as compile_schedule.
    """
    alone = replace(shape, rows=stage.shards.shard_rows)
    geometry = geometry_of(method, family, scales, alone, Live(alone.rows))
    own = replace(geometry, block_size=stage.block_size)
    return _compiled(method, family, scales, alone, live, own, stage)


def _compiled(
    method: GradientDescent,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    geometry: Geometry,
    stage: Stage | None = None,
) -> Schedule:
    """The schedule, from what its bounds depend on. shape: of a stage, that of a whole shard."""

    def bounds_of(shift: int, weight_bits: int) -> list[Bound]:
        return _bounds(geometry, shape, shift, weight_bits, _cut(geometry, shape, shift, stage))

    shift, weight_bits, error = choose_shift(bounds_of, lambda h: _cut(geometry, shape, h, stage).error, _REMEDIES)
    cut = _cut(geometry, shape, shift, stage)
    if error > WORST_RATE_ERROR:
        raise ParameterError(_too_coarse(geometry, shape, shift, cut))
    counted = live.count if stage is None else shape.rows
    divisor = 1 if stage is not None and cut.each is None else counted
    cap, amplitude = _cap(geometry, shape.x_bits, weight_bits), cut.whole_amplitude(geometry, counted)
    whole = power_of_two(shift + geometry.scale_bits + 2 * shape.x_bits)
    return scheduled(
        method,
        compiled_fields(family, scales, shape, geometry, live),
        geometry,
        (shift, weight_bits, bounds_of(shift, weight_bits)),
        label_kind=shape.label_kind,
        c_epoch=by_epoch(method, Fraction(1 << cut.epoch_bits) / geometry.largest_rate),
        c_block=_block_factors(geometry, cut, live),
        rate_scale=Fraction(amplitude, divisor) / whole,
        standardization=Standardization(shape.rows, counted, shape.x_bits, cap, amplitude, shape.unused, cut.each),
        stage=stage,
    )


def _block_factors(geometry: Geometry, cut: _Cut, live: Live) -> Runs:
    """c_b: 1 where D divides by the rows that count."""
    counts, scale = live.counts(geometry.block_size), geometry.largest_block << cut.block_bits
    if geometry.one_divisor:
        return counts.map(lambda _: 1)
    return counts.map(lambda n: nearest(Fraction(scale, n)) if n else 0)
