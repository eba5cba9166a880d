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

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError, ZkUnlearnError
from ..families import Family
from ..live import Live
from ..runs import Runs
from ..scales import FixedPoint
from ..shapes import DatasetShape
from ..shards import Stage
from .base import Compiled
from .geometry import (
    EXPRESSION_BOUND,
    WORST_RATE_ERROR,
    Bound,
    Geometry,
    by_epoch,
    choose_shift,
    compiled_fields,
    geometry_of,
    momenta_of,
    power_of_two,
    score_bounds,
    update_bounds,
)
from .standardization import Standardization, published_bits

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent


@dataclass(frozen=True, kw_only=True)
class Schedule(Compiled):
    """Every public integer of a run of gradient descent; its size is that of the spec and of the forget list.

    Attributes:
        epochs, block_size: E, J; J of a stage of a sharded training is rows of a batch of a shard.
        shift: h.
        weight_bits: weights lie in [-2^(weight_bits-1), 2^(weight_bits-1)).
        c_epoch, c_block: the factors c_e (E of them) and c_b (one for each J rows) of the learning rate.
        l_epoch: the factors l_e of L2, E of them. penalize_bias: whether they are those of the bias too.
        m_epoch: the factors m_e of momentum, E of them.
        class_weights: v_0, v_1, .., how often a row counts by its class; ones for labels that are no classes.
        label_kind, label_multiplier: y = label integer * label_multiplier, scale p_bits.
        rate_scale: learning rate of epoch e in block b = c_e * c_b * n_b * rate_scale, exactly; without n_b of full
            batches of shards with standardised features, where D divides by it.
        bounds: (expression, bound) pairs of the static analysis, in the order of the arithmetic.
        standardization: how features are standardised, in a stage those of a whole shard; None if they are not.
        stage: of a sharded training, each of whose shards trains a model of its own. None if one model is trained by
            all blocks in turn.
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
    class_weights: tuple[int, ...]
    label_kind: str
    label_multiplier: int
    rate_scale: Fraction
    bounds: tuple[tuple[str, int], ...]
    standardization: Standardization | None = None
    stage: Stage | None = None

    @property
    def shards(self) -> int:
        """How many models are trained side by side."""
        return 1 if self.stage is None else self.stage.count

    @property
    def batches(self) -> int:
        """B: steps of a model in an epoch."""
        return -(-self.rows // self.block_size) if self.stage is None else self.stage.batches

    @property
    def blocks(self) -> int:
        """What the high bits of a row tell apart: mini-batches, or in a stage shards."""
        return self.batches if self.stage is None else self.shards

    @property
    def steps(self) -> int:
        """T = E * B, of each model."""
        return self.epochs * self.batches

    @property
    def shard_places(self) -> int:
        """Rows that are counted for a model; the last one may have fewer."""
        return self.rows if self.stage is None else self.stage.shard_places

    @property
    def committed_bits(self) -> tuple[int, int]:
        """See Compiled."""
        return published_bits(self.weight_bits, self.width, self.scales.x_bits, self.standardization)

    @property
    def weighted(self) -> bool:
        """Whether rows count differently."""
        return max(self.class_weights) > 1

    def decays(self, epoch: int) -> NDArray[np.int64]:
        """l_e of every weight, int64 (K,), that of the bias last."""
        decays = np.full(self.width, self.l_epoch[epoch], dtype=np.int64)
        decays[self.features :] *= self.penalize_bias
        return decays

    def penalties(self, l2: float) -> NDArray[np.float64]:
        """l2 of every weight, in real units, float64 (K,), that of the bias last."""
        penalties = np.full(self.width, l2)
        penalties[self.features :] *= self.penalize_bias
        return penalties

    def row_weights(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """How often each row counts, int64, by its label integer."""
        return np.array(self.class_weights, dtype=np.int64)[labels] if self.weighted else np.ones_like(labels)

    def targets(self, labels: NDArray[np.int64], output: int) -> NDArray[np.int64]:
        """A column of labels, int64 (N,), from what is stored of rows: the label itself, or the number of its class."""
        return (labels == output).astype(np.int64) if self.label_kind == "categorical" else labels

    @cached_property
    def live_counts(self) -> Runs:
        """n_b, of each J rows."""
        return self.live.counts(self.block_size)

    @cached_property
    def shard_counts(self) -> Runs:
        """How many rows count for each model."""
        return self.live.counts(self.shard_places)

    def standardization_of(self, shard: int) -> Standardization | None:
        """How features are standardised for one of the models: by the rows that count for it."""
        if self.stage is None or self.standardization is None:
            return self.standardization
        return self.standardization.of(self.shard_counts[shard])

    def block_rows(self, block: int) -> slice:
        """The rows of a block; the last block may have fewer than J."""
        return slice(block * self.block_size, min((block + 1) * self.block_size, self.rows))

    def shard_rows(self, shard: int) -> slice:
        """The rows of a shard; the last one may have fewer than others."""
        return slice(shard * self.shard_places, min((shard + 1) * self.shard_places, self.rows))

    def of_shards(self, first: int, count: int) -> Schedule:
        """That of some shards of a stage, from the `first`-th on: the same integers. Raises ZkUnlearnError for none."""
        if self.stage is None:
            raise ZkUnlearnError("a schedule without shards")
        own, start = self.stage.of(first, count), first << self.stage.place_bits
        forgotten = self.live.forgotten_within(start, start + own.rows)
        return replace(
            self,
            live=Live(own.rows, tuple(row - start for row in forgotten), own.ranges, may_be_empty=True),
            block_size=own.block_size,
            c_block=self.c_block.part(start // self.block_size, -(-(start + own.rows) // self.block_size)),
            stage=own,
        )

    def effective_learning_rate(self, epoch: int, block: int) -> float:
        """The learning rate the integers apply to a block's mean gradient; 0.0 where no row is live."""
        return float(self.c_epoch[epoch] * self._factor(block))

    def effective_learning_rate_range(self) -> tuple[float, float]:
        """Smallest and largest effective learning rate over all steps that have a live row."""
        factors = {self._factor(start) for start, n in self.live_counts.starts() if n}
        low, high = min(self.c_epoch.values) * min(factors), max(self.c_epoch.values) * max(factors)
        return float(low), float(high)

    def _factor(self, block: int) -> Fraction:
        """What c_e is multiplied with in a block."""
        count = self.live_counts[block]
        if self.stage is not None and self.standardization is not None and self.standardization.each is None:
            count = min(count, 1)
        return self.c_block[block] * count * self.rate_scale

    def effective_momentum(self, epoch: int) -> float:
        """The momentum the integers apply in an epoch."""
        return float(Fraction(self.m_epoch[epoch], 1 << self.shift))

    def effective_weight_decay(self, epoch: int) -> float:
        """learning rate * l2 as the integers apply it to the weights at each step of an epoch."""
        return float(Fraction(self.l_epoch[epoch], 1 << self.shift))


def _split_bits(geometry: Geometry, shift: int) -> int:
    """k: c_b ~ 2^k / n_b takes k bits of the precision and c_e the others, so that the two errors balance."""
    smallest = geometry.scaled_rate(geometry.smallest_rate, shift)
    # Error of c_e is 2^k / (2 * smallest), of c_b is n / 2^(k+1): equal at 4^k = smallest * n.
    product = int(smallest * geometry.largest_block)
    return max(0, (product.bit_length() - 1) // 2)


def _rate_error(geometry: Geometry, shift: int) -> Fraction:
    """A bound of the relative error of every learning rate and decay, whichever rows are forgotten."""
    smallest, half = geometry.scaled_rate(geometry.smallest_rate, shift), Fraction(1, 2)
    if geometry.one_divisor:
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
    if not geometry.one_divisor:
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
    moves = _rate_product(geometry, shift) * geometry.residual * geometry.feature
    return [
        ("feature |x|", geometry.feature, EXPRESSION_BOUND),
        ("weight |w|", weight, EXPRESSION_BOUND),
        *score_bounds(geometry.width * geometry.feature * weight),
        ("residual |r|", geometry.residual, EXPRESSION_BOUND),
        ("gradient |g|", geometry.largest_block * geometry.residual * geometry.feature, EXPRESSION_BOUND),
        *update_bounds(geometry, "step |c g + l w + 2^(h-1) - u|", moves, shift, weight_bits),
    ]


_REMEDIES = {
    "score |z|": "use fewer features",
    "residual |r|": "use fewer p_bits, or more w_bits or x_bits",
    "gradient |g|": "use a smaller batch_size, fewer p_bits, or more w_bits or x_bits",
    "step |c g + l w + 2^(h-1) - u|": "use a smaller learning_rate or l2, fewer p_bits or more x_bits",
}


def compile_schedule(
    method: GradientDescent, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> Schedule:
    """The integers of a training run on the rows that count.

    Exact rational arithmetic throughout: the same schedule on every platform.

    Raises:
        ParameterError: the spec does not fit the data set, an expression can reach its limit (named, with its
            bound and what to change), or the rates would be off by more than 1%.
    """
    return _compiled(method, family, scales, shape, live, geometry_of(method, family, scales, shape, live))


def compile_stage(
    method: GradientDescent, family: Family, scales: FixedPoint, shape: DatasetShape, stage: Stage, live: Live
) -> Schedule:
    """The integers of one stage of some shards.

    Those of a shard depend on the spec, on its own rows and on those of them that are forgotten: not on how many rows
    there are besides, nor on which shards are trained with it. So every step divides by a number of rows of its own.
    Ranges and scales are those of a whole shard, or of a whole batch, in all stages.

    Args:
        live: who counts of the stage's rows.

    Raises:
        ParameterError: as compile_schedule.
    """
    alone = replace(shape, rows=stage.shards.shard_rows)
    geometry = geometry_of(method, family, scales, alone, Live(alone.rows))
    own = replace(geometry, block_size=stage.block_size, one_divisor=False)
    return _compiled(method, family, scales, shape, live, own, stage)


@lru_cache(maxsize=16)  # no row that is forgotten changes it
def _shift(geometry: Geometry) -> tuple[int, int, Fraction]:
    """The shift, the bits of weights and the error of rates. Raises ParameterError."""
    return choose_shift(lambda h, bits: _bounds(geometry, h, bits), lambda h: _rate_error(geometry, h), _REMEDIES)


def _compiled(
    method: GradientDescent,
    family: Family,
    scales: FixedPoint,
    shape: DatasetShape,
    live: Live,
    geometry: Geometry,
    stage: Stage | None = None,
) -> Schedule:
    """The schedule, from what its bounds depend on."""
    shift, weight_bits, error = _shift(geometry)
    if error > WORST_RATE_ERROR:
        raise ParameterError(
            f"learning_rate: rounding the step factors to integers at shift {shift} can change a learning "
            f"rate or l2 by {float(100 * error):.3g}%, more than {float(100 * WORST_RATE_ERROR):g}%; use a "
            "larger learning_rate, a smaller batch_size, fewer p_bits, more w_bits, or l2 = 0 or larger"
        )
    counts = live.counts(geometry.block_size)
    if len(counts.values) == 1 and stage is None:  # one divisor for all: all precision goes to c_e
        c_block, divisor = counts.map(lambda _: 1), counts[0]
    else:
        divisor = 1 << _split_bits(geometry, shift)
        c_block = counts.map(lambda n: (2 * divisor + n) // (2 * n) if n else 0)
    to_weights = power_of_two(shift + geometry.scale_bits)
    return scheduled(
        method,
        compiled_fields(family, scales, shape, geometry, live),
        geometry,
        (shift, weight_bits, _bounds(geometry, shift, weight_bits)),
        label_kind=shape.label_kind,
        c_epoch=by_epoch(method, to_weights / divisor),
        c_block=c_block,
        rate_scale=1 / to_weights,
        stage=stage,
    )


def scheduled(
    method: GradientDescent,
    compiled: Mapping[str, Any],
    geometry: Geometry,
    chosen: tuple[int, int, list[Bound]],
    *,
    label_kind: str,
    c_epoch: Runs,
    c_block: Runs,
    rate_scale: Fraction,
    standardization: Standardization | None = None,
    stage: Stage | None = None,
) -> Schedule:
    """The schedule of a method: what follows from it, whether features are standardised or not, and what does not.

    Args:
        compiled: of `compiled_fields`.
        chosen: h, the bits of weights, and the bounds.
    """
    shift, weight_bits, bounds = chosen
    return Schedule(
        **compiled,
        epochs=method.epochs,
        block_size=geometry.block_size,
        shift=shift,
        weight_bits=weight_bits,
        c_epoch=c_epoch,
        c_block=c_block,
        l_epoch=by_epoch(method, geometry.l2 * (1 << shift)),
        m_epoch=momenta_of(method, shift),
        penalize_bias=method.penalize_intercept,
        class_weights=geometry.class_weights,
        label_kind=label_kind,
        label_multiplier=geometry.label_multiplier,
        rate_scale=rate_scale,
        bounds=tuple((name, bound) for name, bound, _ in bounds),
        standardization=standardization,
        stage=stage,
    )
