"""Newton's steps in exact integers: what is committed of them for a matrix that somebody found.

The equations are those of newton_steps.py. `run_steps` is the whole in Python's own integers, which have no size; the
prover (prover/witnesses/newton.py) has scores and gradients by matrix products, and the rest from here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, ParameterError, TrainingError
from .certificate import GRADIENT_BITS, bits_for
from .newton_inverse import STEP_BITS, Inverse
from .newton_steps import StepIntegers, SteppedCertificate
from .optimum_reference import RowValues, row_values

IntArray = NDArray[np.int64]
FROM_NEARER = (
    "begin nearer the optimum: prove method = 'optimum' first, and then steps from its model, the previous proof; or "
    "declare a larger l2, for all future statements"
)
Pass = Callable[[IntArray], tuple[RowValues, IntArray]]  # of weights (K,): what is said of rows, and G


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class StepValues:
    """One step, int64 (K,), the bias last if there is one, or of several outputs (O, K).

    Attributes:
        rows: of the weights before it.
        weights: W(t). cut: Gamma. cut_rest: v. remainder: u. after: W(t + 1).
    """

    rows: RowValues
    weights: IntArray
    cut: IntArray
    cut_rest: IntArray
    remainder: IntArray
    after: IntArray


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class InverseValues:
    """That a matrix is the inverse of the second derivative, int64 (K, K), the bias last if there is one.

    Of several outputs int64 (O, K, K).

    Attributes:
        curvature: C. rest: r. error: E.
    """

    curvature: IntArray
    rest: IntArray
    error: IntArray


def starting_weights(integers: IntArray, schedule: SteppedCertificate) -> IntArray:
    """W(0), from the integers (K,), or (O, K), of a model: weights at its scale, the intercept at x_bits more.

    Raises:
        TrainingError: a weight is 32 or more, or the intercept has a finer scale than steps have.
    """
    own, first = integers.astype(object), schedule.steps[0]
    intercept, unit = own[..., schedule.features :], first.intercept_unit
    if (intercept % unit).any():
        raise TrainingError(
            "the intercept of the superseded model, from which steps begin, is no multiple of "
            f"2^-{schedule.scales.w_bits}; prove method = 'optimum' first, and then steps from its model"
        )
    own[..., schedule.features :] = intercept // unit
    for part, unit in zip((slice(0, schedule.features), slice(schedule.features, None)), first.units, strict=True):
        own[..., part] *= unit
    require_weights(own, schedule, "of the superseded model, from which steps begin,")
    return own.astype(np.int64)


def require_weights(weights: NDArray[Any], schedule: SteppedCertificate, which: str) -> None:
    """Weights (K,) are in range. Raises TrainingError."""
    limit = schedule.largest_weight
    if (weights < -limit).any() or (weights >= limit).any():
        raise TrainingError(f"a weight {which} is 32 or more; use a larger l2, or method = 'optimum'")


def rounded_gradient(gradient: IntArray, step: StepIntegers, number: int) -> tuple[IntArray, IntArray]:
    """Gamma and v of a step, counted from 1. Raises TrainingError where the gradient is too long for it."""
    moved = gradient + ((1 << step.shift) >> 1)
    cut, half = moved >> step.shift, 1 << (step.gradient_bits - 1)
    if (cut < -half).any() or (cut >= half).any():
        remedy = "declare one step, or a larger l2, for all future statements"
        if step.gradient_bits > GRADIENT_BITS:  # those of an inverse, which are several
            remedy = FROM_NEARER
        raise TrainingError(
            f"step {number}: a gradient as long as this has {step.gradient_bits} bits at the first step only; {remedy}"
        )
    return cut, moved - (cut << step.shift)


def moved_weights(weights: IntArray, sums: IntArray, step: StepIntegers) -> tuple[IntArray, IntArray]:
    """W(t + 1) and u, from W(t) and sum_l P Gamma, (K,) each."""
    raised = sums + (1 << (step.update_bits - 1))
    by = raised >> step.update_bits
    return weights - by, raised - (by << step.update_bits)


def step_by_step(start: IntArray, matrix: IntArray, schedule: SteppedCertificate, passed: Pass) -> list[StepValues]:
    """All steps of an output from weights (K,), with a matrix (K, K).

    Raises:
        TrainingError: a score, weight or gradient is out of range.
    """
    found, weights = [], start
    for number, step in enumerate(schedule.steps, start=1):
        rows, gradient = passed(weights)
        cut, rest = rounded_gradient(gradient, step, number)
        after, remainder = moved_weights(weights, np.asarray(matrix @ cut).astype(np.int64), step)
        require_weights(after, schedule, f"after step {number}")
        found.append(StepValues(rows, weights, cut, rest, remainder, after))
        weights = after
    return found


def run_steps(
    X: ArrayLike, y: ArrayLike, start: ArrayLike, matrix: ArrayLike, schedule: SteppedCertificate
) -> list[StepValues]:
    """All steps from W(0) (K,) with a matrix (K, K), from features (N, d) and labels (N,), in Python's integers.

    Of several outputs from W(0) (O, K), with matrices (O, K, K), and labels are the numbers of classes.

    Raises:
        DataError: other shapes, or a matrix whose entries have more bits.
        TrainingError: a score, weight or gradient is out of range.
    """
    if schedule.outputs == 1:
        return _run_output(X, y, start, matrix, schedule)
    own = zip(np.asarray(start), np.asarray(matrix), strict=True)
    each = [_run_output(X, np.asarray(y) == output, *one, schedule) for output, one in enumerate(own)]
    return stacked_steps(each)


def stacked_steps(outputs: Sequence[Sequence[StepValues]]) -> list[StepValues]:
    """Steps of all outputs, from those of each."""
    return [_of_outputs(steps) for steps in zip(*outputs, strict=True)]


def _of_outputs(steps: Sequence[StepValues]) -> StepValues:
    names = ("weights", "cut", "cut_rest", "remainder", "after")
    return StepValues(
        RowValues.stacked([own.rows for own in steps]),
        *(np.stack([getattr(own, name) for own in steps]) for name in names),
    )


def _run_output(
    X: ArrayLike, y: ArrayLike, start: ArrayLike, matrix: ArrayLike, schedule: SteppedCertificate
) -> list[StepValues]:
    """Those of one output, whose labels are 0 and 1."""
    features, labels = np.asarray(X).astype(object), np.asarray(y).astype(np.int64)
    own: NDArray[Any] = np.asarray(matrix).astype(object)
    if features.shape != (schedule.rows, schedule.features) or own.shape != (schedule.width, schedule.width):
        raise DataError(f"X, matrix: shapes {features.shape}, {own.shape}")
    half = 1 << (schedule.matrix_bits - 1)
    if (own < -half).any() or (own >= half).any():
        raise DataError(f"matrix: entries have at most {schedule.matrix_bits} bits")
    features = _with_bias(features, schedule)

    def passed(weights: IntArray) -> tuple[RowValues, IntArray]:
        each = weights.astype(object)
        rows = row_values((features @ each).astype(np.int64), schedule)
        r = rows.residuals(labels, schedule).astype(object)
        gradient = (features.T @ r) * (1 << schedule.raised) + schedule.penalty * each
        return rows, gradient.astype(np.int64)

    begin: IntArray = np.asarray(start).astype(np.int64)
    return step_by_step(begin, own, schedule, passed)


def _with_bias(features: NDArray[Any], schedule: SteppedCertificate) -> NDArray[Any]:
    """Features (N, K) as weights meet them."""
    own = features.copy()
    own[:, list(schedule.unused)] = 0
    return np.hstack([own, np.full((len(own), int(schedule.bias)), schedule.one, dtype=object)])


# That a matrix is an inverse ------------------------------------------------------------------------------------------


def inverse_in(schedule: SteppedCertificate) -> Inverse:
    """The integers of one. Raises ParameterError where there are none."""
    if schedule.inverse is None:
        raise ParameterError("inverse: these are steps by a matrix of the owner's choice")
    return schedule.inverse


def stacked_inverses(outputs: Sequence[InverseValues]) -> InverseValues:
    """Of all outputs, from those of each."""
    names = ("curvature", "rest", "error")
    return InverseValues(*(np.stack([getattr(own, name) for own in outputs]) for name in names))


def rounded_curvature(second: NDArray[Any], own: Inverse) -> tuple[IntArray, IntArray]:
    """C and r, of 2^32 H (K, K)."""
    moved = second + (1 << (own.shift - 1))
    cut = moved >> own.shift
    return cut.astype(np.int64), (moved - (cut << own.shift)).astype(np.int64)


def inverse_values(second: NDArray[Any], matrix: IntArray, own: Inverse) -> InverseValues:
    """What is committed of 2^32 H and of P, (K, K) both.

    Raises:
        TrainingError: P is not as near the inverse as is declared.
    """
    curvature, rest = rounded_curvature(second, own)
    error = matrix @ curvature - (np.eye(len(matrix), dtype=np.int64) << own.scale)
    half = 1 << (own.error_bits - 1)
    if (error < -half).any() or (error >= half).any():
        reached = own.scale - bits_for(int(np.abs(error).max()) + 1)
        remedies = ["at most as many, or "] * own.may_have(reached, len(matrix))
        raise TrainingError(
            f"inverse = {own.bits}: the inverse of this second derivative has {reached} bits in numbers of the matrix; "
            f"declare {''.join(remedies)}a larger l2, for all future statements"
        )
    return InverseValues(curvature, rest, error)


def second_derivative(X: ArrayLike, rows: RowValues, schedule: SteppedCertificate) -> NDArray[Any]:
    """2^32 H (K, K) where rows are as they are at W(0), from features (N, d), in Python's integers."""
    own = _with_bias(np.asarray(X).astype(object), schedule)
    counted = np.where(schedule.live.mask(), rows.step, 0).astype(object)
    of_loss = (own * counted[:, None]).T @ own * (1 << schedule.raised)
    penalty = np.eye(schedule.width, dtype=np.int64).astype(object) * (schedule.penalty << STEP_BITS)
    return np.asarray(of_loss + penalty)
