"""The matrix of Newton's steps: the inverse of the second derivative at their start, corrected to lead to the optimum.

Nothing of how it is found is proved, unless it is declared to be that inverse: then it is not corrected. One step of
Newton's method from a rounded model leaves the square of that rounding, far more than a certificate allows. So the
inverse is corrected as Broyden (1965) does, by what changes the step it is for and as little as possible else, so that
the first step that moves weights ends at the optimum; entries are then moved by units along small combinations of the
gradient's numbers, until it ends there to a unit or so.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
import numpy.typing as npt

from ...models.methods.newton_inverse import STEP_BITS
from ...models.methods.newton_reference import rounded_gradient
from ...models.methods.newton_steps import MATRIX_BITS, SteppedCertificate
from ...models.methods.optimum_reference import RowValues
from .curve import Integers, Reals
from .mean_loss import Mean
from .optimum_search import EXACT_BITS, Problem, inverse_curvature

MOST_UNITS = 1 << 16  # of a number, in a combination of several
LARGEST = (1 << (MATRIX_BITS - 1)) - 1
SLOPE_BITS = 17  # of the table, which has none above 2^16


def matrix_of_steps(
    problem: Problem, mean: Mean, schedule: SteppedCertificate, start: Integers, target: Integers
) -> Integers:
    """P, int64 (K, K), from where steps begin to where they should end, int64 (K,) both.

    Raises:
        TrainingError: a score is out of range where steps begin.
    """
    inverse = inverse_curvature(schedule, mean, start) * 2.0**schedule.inverse_scale
    gradient = problem.gradient(start, problem.values(start))
    for number, step in enumerate(schedule.steps, start=1):
        cut, _ = rounded_gradient(gradient, step, number)
        if cut.any():
            return corrected(inverse, cut, (start - target) << step.update_bits, 1 << step.update_bits)
    return _rounded(inverse)  # nothing moves


def corrected(matrix: Reals, cut: Integers, wanted: Integers, close: int = 1) -> Integers:
    """A matrix (K, K) of whole numbers near the given one, whose product with `cut` is near `wanted`, (K,) both.

    close: what is near enough, where small combinations of `cut` come as near.
    """
    own = _rounded(matrix)
    missing = (wanted - own @ cut).astype(np.float64)
    own = _rounded(own + np.outer(missing, cut / (cut.astype(np.float64) @ cut)))
    for value, combination in _ladder(cut, close):
        units = np.rint((wanted - own @ cut) / value).astype(np.int64)
        own = _rounded(own + np.outer(units, combination))
    return own


def _ladder(cut: Integers, close: int) -> Iterator[tuple[int, Integers]]:
    """Combinations of some numbers that are not all zero, with their values: one smaller than the one before.

    The largest is replaced by what it leaves when the second is taken from it, as Euclid does, until that is small, or
    a combination has large numbers.
    """
    left = [(int(value), row) for value, row in zip(cut, np.eye(len(cut), dtype=np.int64), strict=True) if value]
    heap = [(-abs(value), i) for i, (value, _) in enumerate(left)]
    heapify(heap)
    while heap:
        _, i = heappop(heap)
        value, combination = left[i]
        yield value, combination
        if abs(value) <= close or not heap:
            return
        other, row = left[heap[0][1]]
        units = round(value / other)
        value, combination = value - units * other, combination - units * row
        if value and np.abs(combination).max() <= MOST_UNITS:
            left[i] = value, combination
            heappush(heap, (-abs(value), i))


def _rounded(values: npt.NDArray[Any]) -> Integers:
    """The nearest whole numbers that have MATRIX_BITS."""
    return np.asarray(np.clip(np.rint(values), -LARGEST, LARGEST), dtype=np.int64)


# Declared to be the inverse -------------------------------------------------------------------------------------------


def second_derivative(problem: Problem, rows: RowValues) -> Integers:
    """2^32 H where rows are as given, int64 (K, K): sums of whole numbers that float64 has."""
    own, width = problem.schedule, problem.schedule.width
    counted, found = np.where(own.live.mask(), rows.step, 0), np.zeros((width, width), dtype=np.int64)
    size = 1 << max(0, EXACT_BITS - SLOPE_BITS - 2 * own.scales.x_bits)
    for start in range(0, len(counted), size):
        piece = problem.piece(slice(start, start + size))
        found += ((piece * counted[start : start + size]) @ piece.T).astype(np.int64)
    return (found << own.raised) + (np.eye(width, dtype=np.int64) * (own.penalty << STEP_BITS))


def inverse_of(curvature: Integers, scale: int) -> Integers:
    """The whole numbers nearest to 2^scale times the inverse of a matrix of such, int64 (K, K)."""
    inverse = np.linalg.inv(curvature.astype(np.float64))
    found = np.rint(inverse * 2.0**scale).astype(np.int64)
    off = found @ curvature - (np.eye(len(found), dtype=np.int64) << scale)
    return np.asarray(np.rint(found - off.astype(np.float64) @ inverse), dtype=np.int64)
