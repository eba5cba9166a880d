"""The training that is proved, on compiled kernels: models/methods/reference.py, in narrow columns.

What the kernel has no room for (weights, residuals or features of too many bits, a handful of rows) and what goes wrong
(a run that diverges) is left to the reference itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ZkUnlearnError
from ...models.methods.reference import Trace, exported, intercept_of, started, train, updates, whole_gradient
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
    """One training run, of one output.

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


def descend(rows: Rows, schedule: Schedule, before: Integers | None = None) -> tuple[NarrowTrace, ...]:
    """Run the declared training on the rows that count, for one output after the other.

    Args:
        before: the integers of the models that training begins from, (outputs, K); from zero without any.

    Raises:
        TrainingError: a score left the activation table, or a weight its range, that of a first one too.
    """
    scaler = _scaler(rows, schedule)
    models = np.zeros((schedule.outputs, schedule.width), dtype=np.int64) if before is None else before
    starts = [started(schedule, model, scaler) for model in models]
    return tuple(_output(rows, schedule, scaler, output, own) for output, own in enumerate(starts))


def resolution_notes(schedule: Schedule, traces: Sequence[NarrowTrace]) -> tuple[str, ...]:
    """What rounding took away of all outputs. Raises ParameterError where nothing is left, be it of one output only.

    See models/methods/resolution.py.
    """
    for trace in traces:
        require_resolution(schedule, trace.weights, trace.u)
    weights, u = (np.concatenate([getattr(trace, name) for trace in traces], axis=1) for name in ("weights", "u"))
    return require_resolution(schedule, weights, u)


def model_of(schedule: Schedule, traces: Sequence[NarrowTrace]) -> Integers:
    """The integers of the trained model, int64 (outputs, K)."""
    return np.stack([exported(schedule, trace.weights[-1], trace.scaler) for trace in traces])


def _output(rows: Rows, schedule: Schedule, scaler: Scaler | None, output: int, start: Integers) -> NarrowTrace:
    """The run of one output."""
    table = schedule.activation_table
    targets = schedule.targets(rows.labels.astype(np.int64), output) * schedule.label_multiplier
    fits = (
        max(schedule.class_weights) * (int(np.abs(table).max()) + int(np.abs(targets).max())) < kernels.LARGEST
        and max(-int(rows.by_feature.min()), int(rows.by_feature.max())) <= kernels.LARGEST_FEATURE
        and len(rows.ids) >= kernels.ROWS
    )
    found = _descend(rows, targets, schedule, scaler, start) if fits else None
    return _by_reference(rows, schedule, output, start) if found is None else found


def _descend(
    rows: Rows, targets: Integers, schedule: Schedule, scaler: Scaler | None, start: Integers
) -> NarrowTrace | None:
    """None for a run that diverges, or whose weights grow too large for the kernel."""
    holes = _holes(schedule)
    narrow = schedule.activation_table.astype(np.int32), targets.astype(np.int32)
    descent = Descent(
        rows.by_feature,
        *narrow,
        _counted(rows, schedule),
        holes,
        epochs=schedule.epochs,
        block_size=schedule.block_size,
    )
    weights = np.zeros((schedule.steps + 1, schedule.width), dtype=np.int64)
    weights[0] = start
    u = np.zeros((schedule.steps, schedule.width), dtype=np.int64)
    gradients = np.zeros((schedule.steps, schedule.features), dtype=np.int64)
    residuals = np.zeros(schedule.steps, dtype=np.int64)
    mask, limit = (1 << schedule.shift) - 1, 1 << (schedule.weight_bits - 1)
    for step in range(schedule.steps):
        epoch, block = divmod(step, schedule.blocks)
        own = exported(schedule, weights[step], scaler)[: schedule.features]
        if int(np.abs(own).max()) >= kernels.LARGEST:
            return None
        intercept, block_rows = intercept_of(schedule, weights[step], scaler), schedule.block_rows(block)
        gradients[step], residuals[step], low, high = descent.step(own, intercept, epoch, block_rows)
        if low < -TABLE_LIMIT or high >= TABLE_LIMIT:
            return None
        v = updates(schedule, weights, step, whole_gradient(schedule, scaler, gradients[step], int(residuals[step])))
        u[step] = v & mask
        weights[step + 1] = weights[step] - (v >> schedule.shift)
        if int(np.abs(weights[step + 1]).max()) >= limit:
            return None
    columns = descent.Q, descent.P, descent.rem
    return NarrowTrace(weights, u, *columns, holes, descent.hole_scores, gradients, residuals, scaler)


def _scaler(rows: Rows, schedule: Schedule) -> Scaler | None:
    """Of standardised features."""
    public = schedule.standardization_of(0)
    return None if public is None else scaler_of(public, *sums_of(rows.by_feature, schedule.live.mask()))


def _counted(rows: Rows, schedule: Schedule) -> npt.NDArray[np.int32]:
    """How often each row counts, if it does: int32 (N,)."""
    return schedule.row_weights(rows.labels.astype(np.int64)).astype(np.int32)


def _holes(schedule: Schedule) -> Integers:
    """Positions of the rows that do not count."""
    return np.flatnonzero(~schedule.live.mask())


def _by_reference(rows: Rows, schedule: Schedule, output: int, start: Integers) -> NarrowTrace:
    """The trace of models/, or its error."""
    trace: Trace = train(rows.features, rows.labels, schedule, output=output, start=start)
    holes = _holes(schedule)
    rem = trace.rem.copy()
    rem[:, holes] = 0
    if not (np.abs(trace.Q) <= TABLE_LIMIT).all():
        raise ZkUnlearnError("the reference trained past its table")
    return NarrowTrace(
        trace.weights, trace.u, trace.Q.astype(np.int16), narrowed(trace.P), rem.astype(np.uint16), holes,
        trace.rem[:, holes], trace.gradients, trace.residuals, trace.scaler,
    )  # fmt: skip
