"""The training that is proved, on compiled kernels: models/methods/reference.py, in narrow columns.

Models of shards take their steps together, as if they were one: a step is one call of a kernel, whatever their number.

What the kernel has no room for (weights, residuals or features of too many bits, a handful of rows) and what goes wrong
(a run that diverges) is left to the reference itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ZkUnlearnError
from ...models.methods.reference import Trace, started, train
from ...models.methods.resolution import require_resolution
from ...models.methods.schedule import Schedule
from ...models.methods.standardization import Scaler, scaler_of, sums_of
from .. import kernels
from ..kernels import Descent
from ..matrices.commitment import Cells, narrowed
from .rows import Rows

TABLE_LIMIT = 1 << 15  # |q| below this has a table row
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class NarrowTrace:
    """One training run, of one output; or those of all shards of a stage, beside one another.

    Of shards arrays of a step, and of a scaler, have an axis of these before the last one, or last where there is none
    of features: weights are (T + 1, shards, K), residuals (T, shards).

    Attributes:
        weights: int64 (T + 1, K), scale w_bits; row 0 is the start, row T the last; the bias last, if there is one.
        u: int64 (T, K), remainders of the update.
        Q: int16 (E, N), table indices less 2^15; 0 in rows that do not count.
        P: (E, N), predictions; 0 in these rows.
        rem: uint16 (E, N), z - 2^16 Q; 0 in these rows.
        forgotten: positions of these.
        forgotten_scores: int64 (E, forgotten), their z.
        gradients: int64 (T, d), sum of r x for each feature, and residuals: int64 (T,), sum of r, over what counts.
        scaler: of standardised features; None if they are not.
    """

    weights: Integers
    u: Integers
    Q: npt.NDArray[np.int16]
    P: Cells
    rem: npt.NDArray[np.uint16]
    forgotten: Integers
    forgotten_scores: Integers
    gradients: Integers
    residuals: Integers
    scaler: Scaler | None

    def of_model(self, number: int, rows: slice) -> NarrowTrace:
        """That of one of the models that were trained together, on these rows, as of a training of its own."""
        first, stop = np.searchsorted(self.forgotten, (rows.start, rows.stop))
        return NarrowTrace(
            weights=self.weights[:, number],
            u=self.u[:, number],
            Q=self.Q[:, rows],
            P=self.P[:, rows],
            rem=self.rem[:, rows],
            forgotten=self.forgotten[first:stop] - rows.start,
            forgotten_scores=self.forgotten_scores[:, first:stop],
            gradients=self.gradients[:, number],
            residuals=self.residuals[:, number],
            scaler=None if self.scaler is None else each_array(lambda own: own[number], self.scaler),
        )


Traces = tuple[NarrowTrace, ...]  # of each output


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Scaling:
    """How features are standardised for each of M models that are trained together.

    Attributes:
        scaler: arrays of M times d integers.
        bias_rates: int64 (M,), D of the bias.
    """

    scaler: Scaler
    bias_rates: Integers


def each_array(change: Callable[..., Integers], *scalers: Scaler) -> Scaler:
    """The scaler of what `change` makes of each array, of one scaler or of several."""
    return Scaler(*(change(*(getattr(own, item.name) for own in scalers)) for item in fields(Scaler)))


def descend(rows: Rows, schedule: Schedule, before: Integers | None = None) -> Traces:
    """Run the declared training on the rows that count, for one output after the other.

    Args:
        before: the integers of the models that it begins from, (outputs, K); from zero weights without any.

    Raises:
        TrainingError: a score left the activation table, or a weight its range, a first one too.
    """
    scaling = scaling_of(rows.by_feature, schedule)
    models = np.zeros((schedule.outputs, schedule.width), dtype=np.int64) if before is None else before
    starts = started(schedule, models[:, None], None if scaling is None else scaling.scaler)
    traces = []
    for output, own in enumerate(starts):
        found = _output(rows.by_feature, rows.labels, schedule, output, own, scaling)
        found = _by_reference(rows, schedule, output, own[0]) if found is None else found
        traces.append(found.of_model(0, slice(0, schedule.rows)))
    return tuple(traces)


def scaling_of(features: npt.NDArray[np.int16], schedule: Schedule) -> Scaling | None:
    """How features (d, N) are standardised by the rows that count for each model; None if they are not."""
    publics = [own for own in map(schedule.standardization_of, range(schedule.shards)) if own is not None]
    if not publics:
        return None
    live, places = schedule.live.mask(), [schedule.shard_rows(shard) for shard in range(schedule.shards)]
    scalers = [
        scaler_of(public, *sums_of(features[:, place], live[place]))
        for public, place in zip(publics, places, strict=True)
    ]
    return Scaling(each_array(lambda *own: np.stack(own), *scalers), np.array([public.bias_rate for public in publics]))


def descend_together(
    features: npt.NDArray[np.int16],
    labels: npt.NDArray[np.int32],
    schedule: Schedule,
    starts: Integers,
    scaling: Scaling | None,
) -> Traces | None:
    """Run a stage of a sharded training: all shards, for one output after the other.

    None where kernels cannot: something is too large for them, or one of the runs diverges.

    Args:
        features: (d, N), and labels: (N,), of the rows of the stage.
        starts: the first weights of each output and shard, (outputs, shards, K).
        scaling: of the shards; None where features are trained on as they are.
    """
    traces = []
    for output, own in enumerate(starts):
        found = _output(features, labels, schedule, output, own, scaling)
        if found is None:
            return None
        traces.append(found)
    return tuple(traces)


def resolution_notes(schedule: Schedule, traces: Sequence[NarrowTrace]) -> tuple[str, ...]:
    """What rounding took away of all outputs. Raises ParameterError where nothing is left, be it of one output only.

    See models/methods/resolution.py.
    """
    for trace in traces:
        require_resolution(schedule, trace.weights, trace.u)
    weights, u = (np.concatenate([getattr(trace, name) for trace in traces], axis=1) for name in ("weights", "u"))
    return require_resolution(schedule, weights, u)


def model_of(schedule: Schedule, traces: Sequence[NarrowTrace]) -> Integers:
    """The integers of the trained model, int64 (outputs, K); of shards, (outputs, shards, K)."""
    found = []
    for trace in traces:
        own, intercepts = _unscaled(schedule, trace.weights[-1], trace.scaler)
        found.append(np.concatenate([own, intercepts[..., None][..., : schedule.bias]], axis=-1))
    return np.stack(found)


def models_by_epoch(schedule: Schedule, traces: Sequence[NarrowTrace]) -> Integers:
    """The same before any epoch and after each, int64 (E + 1, outputs, K)."""
    steps = range(0, schedule.steps + 1, schedule.batches)
    until = ([replace(own, weights=own.weights[: step + 1]) for own in traces] for step in steps)
    return np.stack([model_of(schedule, own) for own in until])


def _unscaled(schedule: Schedule, weights: Integers, scaler: Scaler | None) -> tuple[Integers, Integers]:
    """What features as they are committed are multiplied by, (.., d), and what is added to scores, (..)."""
    own, biases = weights[..., : schedule.features], weights[..., schedule.features :]
    intercepts = biases.sum(axis=-1) << schedule.scales.x_bits
    if scaler is None:
        return own, intercepts
    return scaler.power * own, intercepts - (scaler.shift * own).sum(axis=-1)


def _output(
    features: npt.NDArray[np.int16],
    labels: npt.NDArray[np.int32],
    schedule: Schedule,
    output: int,
    starts: Integers,
    scaling: Scaling | None,
) -> NarrowTrace | None:
    """The run of one output, of models that begin from weights (M, K); None for what kernels have no room for."""
    table, holes = schedule.activation_table, _holes(schedule)
    apart = _Apart.of(schedule)
    if apart is not None:
        features, labels, holes = apart.taken(features), apart.taken(labels), apart.holes(schedule)
    targets = schedule.targets(labels.astype(np.int64), output) * schedule.label_multiplier
    if (
        max(schedule.class_weights) * (int(np.abs(table).max()) + int(np.abs(targets).max())) >= kernels.LARGEST
        or max(-int(features.min()), int(features.max())) > kernels.LARGEST_FEATURE
        or features.shape[1] < kernels.ROWS
    ):
        return None
    descent = Descent(
        features,
        table.astype(np.int32),
        targets.astype(np.int32),
        schedule.row_weights(labels.astype(np.int64)).astype(np.int32),
        holes,
        epochs=schedule.epochs,
        block_size=schedule.block_size,
    )
    found = _descend(descent, schedule, starts, scaling)
    return found if apart is None or found is None else apart.in_order(found, schedule)


def _descend(descent: Descent, schedule: Schedule, starts: Integers, scaling: Scaling | None) -> NarrowTrace | None:
    """None for a run that diverges, or whose weights grow too large for the kernel.

    A step is one block of each of M models: of one mini-batch after another, or of all shards.
    """
    models, updates = len(starts), _Updates(schedule, scaling)
    scaler = None if scaling is None else scaling.scaler
    steps = schedule.steps
    weights = np.zeros((steps + 1, models, schedule.width), dtype=np.int64)
    weights[0] = starts
    u = np.zeros((steps, models, schedule.width), dtype=np.int64)
    gradients = np.zeros((steps, models, schedule.features), dtype=np.int64)
    residuals = np.zeros((steps, models), dtype=np.int64)
    mask, limit = (1 << schedule.shift) - 1, 1 << (schedule.weight_bits - 1)
    for step in range(steps):
        epoch, batch = divmod(step, schedule.batches)
        own, intercepts = _unscaled(schedule, weights[step], scaler)
        if int(np.abs(own).max()) >= kernels.LARGEST:
            return None
        gradients[step], residuals[step], low, high = descent.step(own, intercepts, epoch, batch * models)
        if low < -TABLE_LIMIT or high >= TABLE_LIMIT:
            return None
        moved = weights[step] - weights[max(step - 1, 0)]
        v = updates.of(epoch, batch, gradients[step], residuals[step], weights[step], moved)
        u[step] = v & mask
        weights[step + 1] = weights[step] - (v >> schedule.shift)
        if int(np.abs(weights[step + 1]).max()) >= limit:
            return None
    columns = descent.Q, descent.P, descent.rem
    return NarrowTrace(weights, u, *columns, _holes(schedule), descent.hole_scores, gradients, residuals, scaler)


@dataclass(frozen=True, repr=False)
class _Apart:
    """Rows of shards batch by batch: those of a step beside one another, of which there are `batches`.

    Attributes:
        sizes: of shards, of batches that there are places for, of rows of one.
    """

    sizes: tuple[int, int, int]
    batches: int

    @classmethod
    def of(cls, schedule: Schedule) -> _Apart | None:
        """None where rows of a step are beside one another as they are: of one shard, or one batch."""
        if schedule.stage is None or schedule.batches == 1:
            return None
        slots = schedule.shard_places // schedule.block_size
        return cls((schedule.shards, slots, schedule.block_size), schedule.batches)

    def taken(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Those that steps take, of all rows, which are the last axis."""
        apart = values.reshape(*values.shape[:-1], *self.sizes)[..., : self.batches, :]
        return np.ascontiguousarray(apart.swapaxes(-3, -2)).reshape(*values.shape[:-1], -1)

    def whole(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """All rows, in their order; zeros where no step takes them."""
        shards, _, size = self.sizes
        found = np.zeros((*values.shape[:-1], *self.sizes), dtype=values.dtype)
        apart = values.reshape(*values.shape[:-1], self.batches, shards, size)
        found[..., : self.batches, :] = apart.swapaxes(-3, -2)
        return found.reshape(*values.shape[:-1], -1)

    def holes(self, schedule: Schedule) -> Integers:
        """Which of those taken do not count."""
        return np.flatnonzero(~self.taken(schedule.live.mask()))

    def in_order(self, trace: NarrowTrace, schedule: Schedule) -> NarrowTrace:
        """A run on rows that were taken as one on all."""
        scores = np.zeros((schedule.epochs, self.batches * self.sizes[0] * self.sizes[2]), dtype=np.int64)
        scores[:, self.holes(schedule)] = trace.forgotten_scores
        Q, P, rem = map(self.whole, (trace.Q, trace.P, trace.rem))
        return replace(trace, Q=Q, P=P, rem=rem, forgotten_scores=self.whole(scores)[:, trace.forgotten])


class _Updates:
    """What weights move back in a step: that of models/methods/reference.py, of several models at a time."""

    def __init__(self, schedule: Schedule, scaling: Scaling | None) -> None:
        self._schedule, self._scaling = schedule, scaling
        self._factors = schedule.c_block.array().reshape(schedule.shards, -1, 1)
        self._used = np.ones(schedule.width, dtype=np.int64)
        self._used[list(schedule.unused)] = 0

    def of(
        self, epoch: int, batch: int, gradients: Integers, residuals: Integers, weights: Integers, moved: Integers
    ) -> Integers:
        """v, int64 (M, K): 2^h times what the weights move back, before it is rounded down.

        Args:
            batch: which one of each model the step takes.
            gradients, residuals: of each, (M, d) and (M,).
            weights: (M, K); moved: how far the step before moved them.
        """
        schedule = self._schedule
        rates = schedule.c_epoch[epoch] * self._factors[:, batch]
        half = 1 << (schedule.shift - 1)
        change = rates * self._gradients(gradients, residuals) + schedule.decays(epoch) * weights + half
        return np.asarray(change - schedule.m_epoch[epoch] * moved, dtype=np.int64)

    def _gradients(self, gradients: Integers, residuals: Integers) -> Integers:
        """What step factors are multiplied with, (M, K); 0 for features that are left out."""
        of_bias = residuals[:, None] << self._schedule.scales.x_bits
        if self._scaling is not None:
            scaler = self._scaling.scaler  # sums may wrap on the way: the result is small, or is multiplied with 0
            gradients = scaler.D * (scaler.power * gradients - scaler.shift * residuals[:, None])
            of_bias *= self._scaling.bias_rates[:, None]
        return np.concatenate([gradients, of_bias[:, : self._schedule.bias]], axis=1) * self._used


def _holes(schedule: Schedule) -> Integers:
    """Positions of the rows that do not count."""
    return np.flatnonzero(~schedule.live.mask())


def _by_reference(rows: Rows, schedule: Schedule, output: int, start: Integers) -> NarrowTrace:
    """The trace of models/, or its error; of one model."""
    trace: Trace = train(rows.features, rows.labels, schedule, output=output, start=start)
    holes = _holes(schedule)
    rem = trace.rem.copy()
    rem[:, holes] = 0
    if not (np.abs(trace.Q) <= TABLE_LIMIT).all():
        raise ZkUnlearnError("the reference trained past its table")
    return NarrowTrace(
        weights=trace.weights[:, None],
        u=trace.u[:, None],
        Q=trace.Q.astype(np.int16),
        P=narrowed(trace.P),
        rem=rem.astype(np.uint16),
        forgotten=holes,
        forgotten_scores=trace.rem[:, holes],
        gradients=trace.gradients[:, None],
        residuals=trace.residuals[:, None],
        scaler=None if trace.scaler is None else each_array(lambda own: own[None], trace.scaler),
    )
