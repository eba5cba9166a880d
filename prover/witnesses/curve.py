"""How a run of gradient descent went, in real numbers: from the weights that it had at some epochs, and the rows.

Scores are found anew from the weights: those of the trace are, with mini-batches, of as many models as there are
batches. It takes one pass over the rows for all epochs that are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ...models.convergence import Curve, Piece, measured, shown_epochs
from ...models.methods import Compiled, GradientDescent
from ...models.methods.schedule import Schedule
from ...models.methods.standardization import Scaler
from ..kernels import run_blas_tasks
from .rows import Rows
from .run import NarrowTrace

PIECE_CELLS = 1 << 16  # of features and scores that are worked on at a time: 512 KB, near the processor
LEAST_ROWS = 64  # however wide they are
Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Units:
    """From integers to the real numbers that are trained on, to which learning rate and L2 apply.

    Attributes:
        factor, offset: float64 (d,); a feature is factor * integer - offset.
        weight: float64 (K,), a unit of each weight.
    """

    factor: Reals
    offset: Reals
    weight: Reals


def descent_curve(
    rows: Rows,
    method: GradientDescent,
    schedule: Schedule,
    traces: Sequence[NarrowTrace],
    epochs: Sequence[int] | None = None,
) -> Curve:
    """The curve of a run, by the trace of each output, and the notes on it: models/convergence.py.

    epochs: at which, those of `shown_epochs` among them; these alone by default.

    Outputs of classes without a row that counts are left out: there is nothing that they could learn.
    """
    outputs, label_unit = outputs_to_learn(rows, schedule), schedule.label_multiplier / 2.0**schedule.scales.p_bits

    def learnt(labels: Integers) -> tuple[Reals, Reals]:
        targets = np.stack([schedule.targets(labels, output) for output in outputs], axis=1)
        return np.asarray(targets * label_unit, dtype=np.float64), schedule.row_weights(labels).astype(np.float64)

    epochs = shown_epochs(schedule.epochs) if epochs is None else epochs
    units = _units(schedule, traces[0].scaler)  # one for all outputs
    steps = [epoch * schedule.batches for epoch in epochs]
    weights = np.stack([traces[output].weights[steps] for output in outputs], axis=1) * units.weight
    pieces = real_rows(rows, schedule, units, len(epochs) * len(outputs), learnt)
    penalties = schedule.penalties(method.l2)
    (curve,) = run_blas_tasks([partial(measured, schedule.family, pieces, epochs, weights, penalties)])
    return curve  # products of pieces are small, and threads of BLAS would wait for one another


def outputs_to_learn(rows: Rows, schedule: Compiled) -> list[int]:
    """All outputs, but of several classes those of which there are rows."""
    if schedule.outputs == 1:
        return [0]
    found: list[int] = np.unique(rows.labels[schedule.live.mask()]).tolist()
    return found


def _units(schedule: Schedule, scaler: Scaler | None) -> Units:
    """Of features as they are, or with mean zero and spread one: models/methods/standardization.py."""
    fixed, weight = schedule.scales, np.full(schedule.width, 2.0**-schedule.scales.w_bits)
    public = schedule.standardization_of(0)
    if scaler is None or public is None:
        return Units(np.full(schedule.features, 2.0**-fixed.x_bits), np.zeros(schedule.features), weight)
    spread = np.sqrt((scaler.V + public.floor) / public.count)
    weight[: schedule.features] *= spread * 2.0**-fixed.x_bits
    return Units(scaler.power / spread, scaler.shift / spread, weight)


def real_rows(
    rows: Rows, schedule: Compiled, units: Units, models: int, learnt: Callable[[Integers], tuple[Reals, Reals]]
) -> Iterator[Piece]:
    """The rows that count, some at a time; a bias is the last feature.

    Args:
        models: that each row is scored by.
        learnt: from label integers (n,) what each output learns, (n, O), and how often each row counts, (n,).
    """
    live, step = schedule.live.mask(), max(LEAST_ROWS, PIECE_CELLS // (schedule.width + models))
    for start in range(0, schedule.rows, step):
        part = slice(start, min(start + step, schedule.rows))
        mine, own = live[part], rows.labels[part].astype(np.int64)
        if not mine.any():
            continue
        matrix = np.ones((schedule.width, len(mine)))  # as rows are stored, feature after feature
        features = matrix[: schedule.features]
        np.multiply(rows.by_feature[:, part], units.factor[:, None], out=features)
        features -= units.offset[:, None]
        labels, counted = learnt(own)
        yield (matrix.T, labels, counted) if mine.all() else (matrix[:, mine].T, labels[mine], counted[mine])
