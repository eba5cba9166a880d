"""How a run of gradient descent went, in real numbers: from the weights that it had at some epochs, and the rows.

Scores are found anew from the weights: those of the trace are, with mini-batches, of as many models as there are
batches. It takes one pass over the rows for all epochs that are shown.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ...models.convergence import Curve, measured, shown_epochs
from ...models.methods import GradientDescent
from ...models.methods.schedule import Schedule
from .rows import Rows
from .run import NarrowTrace

PIECE_CELLS = 1 << 18  # of features and scores that are worked on at a time: 2 MB, near the processor
Reals = npt.NDArray[np.float64]


def descent_curve(rows: Rows, method: GradientDescent, schedule: Schedule, trace: NarrowTrace) -> Curve:
    """The curve of a run, and the notes on it: models/convergence.py."""
    epochs = shown_epochs(schedule.epochs)
    steps = [epoch * schedule.blocks for epoch in epochs]
    weights = trace.weights[steps] / 2.0**schedule.scales.w_bits
    return measured(
        schedule.family, real_rows(rows, schedule, len(epochs)), epochs, weights, penalties_of(method, schedule.width)
    )


def penalties_of(method: GradientDescent, width: int) -> Reals:
    """The l2 of each weight, float64 (K,); it applies to the bias too."""
    return np.full(width, method.l2)


def real_rows(rows: Rows, schedule: Schedule, models: int) -> Iterator[tuple[Reals, Reals]]:
    """The rows that count, some at a time: float64 (n, K) features as trained on, the bias last; and labels (n,)."""
    live, step = schedule.live.mask(), max(1, PIECE_CELLS // (schedule.width + models))
    label_unit = schedule.label_multiplier / 2.0**schedule.scales.p_bits
    for start in range(0, schedule.rows, step):
        part = slice(start, min(start + step, schedule.rows))
        mine = live[part]
        matrix = np.ones((int(mine.sum()), schedule.width))
        matrix[:, : schedule.features] = rows.by_feature[:, part].T[mine] / 2.0**schedule.scales.x_bits
        if len(matrix):
            yield matrix, np.asarray(rows.labels[part][mine] * label_unit, dtype=np.float64)
