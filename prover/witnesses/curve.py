"""How a run of gradient descent went, in real numbers: from the weights that it had at some epochs, and the rows.

Scores are found anew from the weights: those of the trace are, with mini-batches, of as many models as there are
batches. It takes one pass over the rows for all epochs that are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from ...models.convergence import Curve, measured, shown_epochs
from ...models.methods import GradientDescent
from ...models.methods.schedule import Schedule
from ..kernels import run_blas_tasks
from .rows import Rows
from .run import NarrowTrace

PIECE_CELLS = 1 << 16  # of features and scores that are worked on at a time: 512 KB, near the processor
LEAST_ROWS = 64  # however wide they are
Reals = npt.NDArray[np.float64]


def descent_curve(rows: Rows, method: GradientDescent, schedule: Schedule, trace: NarrowTrace) -> Curve:
    """The curve of a run, and the notes on it: models/convergence.py."""
    epochs = shown_epochs(schedule.epochs)
    steps = [epoch * schedule.blocks for epoch in epochs]
    weights = trace.weights[steps] / 2.0**schedule.scales.w_bits
    pieces, penalties = real_rows(rows, schedule, len(epochs)), penalties_of(method, schedule.width)
    (curve,) = run_blas_tasks([partial(measured, schedule.family, pieces, epochs, weights, penalties)])
    return curve  # products of pieces are small, and threads of BLAS would wait for one another


def penalties_of(method: GradientDescent, width: int) -> Reals:
    """The l2 of each weight, float64 (K,); it applies to the bias too."""
    return np.full(width, method.l2)


def real_rows(rows: Rows, schedule: Schedule, models: int) -> Iterator[tuple[Reals, Reals]]:
    """The rows that count, some at a time: float64 (n, K) features as trained on, the bias last; and labels (n,)."""
    live, step = schedule.live.mask(), max(LEAST_ROWS, PIECE_CELLS // (schedule.width + models))
    label_unit = schedule.label_multiplier / 2.0**schedule.scales.p_bits
    for start in range(0, schedule.rows, step):
        part = slice(start, min(start + step, schedule.rows))
        mine = live[part]
        if not mine.any():
            continue
        matrix = np.ones((schedule.width, len(mine)))  # as rows are stored, feature after feature
        np.multiply(rows.by_feature[:, part], 2.0**-schedule.scales.x_bits, out=matrix[: schedule.features])
        labels = np.asarray(rows.labels[part] * label_unit, dtype=np.float64)
        if mine.all():
            yield matrix.T, labels
        else:
            yield matrix[:, mine].T, labels[mine]
