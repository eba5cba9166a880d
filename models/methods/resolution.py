"""What rounding takes from a run of gradient descent: updates of less than half a unit of the weights' scale.

One update is floor((s + 2^(h-1)) / 2^h) with s = c g + l w (schedule.py). While |s| < 2^(h-1) it is zero, whatever the
gradient says: a weight at rest is moved by a mean gradient of at least 2^-(w_bits + 1) / learning rate, and by no
smaller one. A trace tells s of every step, as s = 2^h (w_t - w_(t+1)) + u - 2^(h-1).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..scales import Q_BITS_RANGE, REMAINDER_BITS, W_BITS_RANGE
from .schedule import Schedule

STEPS = 1 << 12  # that are looked at together
MARGIN = Fraction(21, 20)  # so that a rate printed with two digits is not too small
IntArray = NDArray[np.int64]


def smallest_gradient(schedule: Schedule) -> float:
    """The least mean gradient, in real units, that moves a weight from rest at the largest learning rate."""
    return 2.0 ** -(schedule.scales.w_bits + 1) / schedule.effective_learning_rate_range()[1]


def require_resolution(schedule: Schedule, weights: IntArray, u: IntArray) -> tuple[str, ...]:
    """Notes for the owner on updates that rounding took away.

    Args:
        weights: (T + 1, K), scale w_bits, of the whole run.
        u: (T, K), remainders of the updates.

    Returns:
        Sentences; none where every epoch changed a weight, or had nothing to change.

    Raises:
        ParameterError: there was something to learn, and every update was rounded to zero; says what would do.
    """
    moved, lost, largest = _steps(schedule, weights, u)
    if not moved.any() and lost.any():
        raise ParameterError(_refusal(schedule, largest))
    shape = (schedule.epochs, schedule.batches)
    some = np.asarray(moved.reshape(shape).any(axis=1))
    still = np.asarray(lost.reshape(shape).any(axis=1)) & ~some
    active = np.flatnonzero(some)
    end = int(active[-1]) + 1 if len(active) else 0
    last, before = int(still[end:].sum()), int(still[:end].sum())
    reason = (
        f"every update is below half a unit of the weights, 2^-{schedule.scales.w_bits + 1} (a mean gradient of "
        f"less than {smallest_gradient(schedule):.2g} at the largest learning rate)"
    )
    notes = []
    if last:
        count = schedule.epochs - end
        notes.append(
            f"the last {count} of {schedule.epochs} epochs change no weight: {reason}; {end} epochs give the same "
            "model, a larger learning_rate or more w_bits would take it further"
        )
    if before:
        notes.append(
            f"{before} of the first {end} epochs change no weight: {reason}; use a larger learning_rate or more w_bits"
        )
    return tuple(notes)


def _steps(schedule: Schedule, weights: IntArray, u: IntArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
    """For each step whether a weight moved and whether an update was lost; and the largest lost |s|."""
    half, largest = 1 << (schedule.shift - 1), 0
    moved, lost = (np.zeros(schedule.steps, dtype=np.bool_) for _ in range(2))
    for start in range(0, schedule.steps, STEPS):
        part = slice(start, min(start + STEPS, schedule.steps))
        changed = weights[part] != weights[part.start + 1 : part.stop + 1]
        small = np.where(changed, 0, np.abs(u[part] - half))
        moved[part], lost[part] = changed.any(axis=1), small.any(axis=1)
        largest = max(largest, int(small.max()))
    return moved, lost, largest


def _refusal(schedule: Schedule, largest: int) -> str:
    scales, rate = schedule.scales, schedule.effective_learning_rate_range()[1]
    factor = MARGIN * (1 << (schedule.shift - 1)) / largest
    bits = scales.w_bits + (factor.__ceil__() - 1).bit_length()
    most = min(W_BITS_RANGE[1], Q_BITS_RANGE[1] + REMAINDER_BITS - scales.x_bits)
    finer = f", or w_bits of {bits}" if bits <= most else ""
    return (
        f"learning_rate: all {schedule.steps} updates of every weight round to zero at w_bits = {scales.w_bits}, so "
        f"that nothing is learnt; the first would not with a learning_rate of {float(rate * factor):.2g}{finer}"
    )
