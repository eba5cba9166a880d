"""Gradient descent in exact integers: the trace that is proved.

Step t = e*B + b, with S_i = 1 for a row that counts (models/live.py) and 0 for another:

    z_i  = sum_k x_ik * w_tk                      scale x_bits + w_bits
    q_i  = floor(z_i / 2^16), rem_i = z_i - 2^16 q_i
    p_i  = activation[q_i + 2^15]                 scale p_bits
    g_k  = sum over block b of S_i * v_(y_i) * (p_i - y_i) * x_ik
    v_k  = c_e * c_b * g_k + l_e * w_tk - m_e * (w_tk - w_(t-1)k) + 2^(h-1),  where w_(-1) = w_0
    w_(t+1)k = w_tk - floor(v_k / 2^h), u_tk = v_k - 2^h floor(v_k / 2^h)

With standardised features (standardization.py) x' stands for x, a gradient is D_k times its sum, and D is that of the
bias for the last; z = sum_k x_ik (2^e_k w_tk) + 2^x_bits b - sum_k m_k w_tk is what that comes to.

Matrix products run in float64 (BLAS) whenever the sum of absolute values of their terms is below 2^53, for
then every partial sum, in any order, is an integer that float64 holds exactly. Otherwise one factor is split
into limbs for which that is so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, TrainingError
from ..activation import HALF_TABLE
from ..scales import REMAINDER_BITS
from ..shapes import label_range
from .schedule import Schedule
from .standardization import Scaler, scaler_of, sums_of

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
EXACT_FLOAT = 1 << 53  # integers up to here are float64 numbers
_LIMB_BITS = 16  # signed, so |limb| <= 2^15; times a feature and summed over 2^21 rows: below 2^53
_LIMB_ROWS = 1 << 21


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Trace:
    """Every value of one training run, of one output; int64, read-only.

    Attributes:
        weights: (T + 1, K), scale w_bits; row 0 is the start, row T the last; the bias last, if there is one.
        Q: (E, N), table index minus 2^15 of every live row, 0 for others.
        P: (E, N), prediction, scale p_bits; 0 for others.
        rem: (E, N), z - 2^16 Q: in [0, 2^16) for live rows, all of z for others.
        u: (T, K), remainder of the update, in [0, 2^h).
        gradients: (T, d), sum of r x for each feature, and residuals: (T,), sum of r, over what counts in a block.
        scaler: of standardised features; None if they are not.
    """

    weights: IntArray
    Q: IntArray
    P: IntArray
    rem: IntArray
    u: IntArray
    gradients: IntArray
    residuals: IntArray
    scaler: Scaler | None


def _integers(name: str, values: ArrayLike) -> IntArray:
    """An array of integers as int64; floats are taken if they hold integers; raises DataError otherwise."""
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return array.astype(np.int64)
    if array.dtype.kind != "f":
        raise DataError(f"{name}: expected integers, found {array.dtype}")
    with np.errstate(invalid="ignore"):
        integers = array.astype(np.int64)
    if (integers != array).any():  # np.array_equal says no when it runs out of memory
        raise DataError(f"{name}: a value is not an integer")
    return integers


def _within(name: str, array: IntArray, low: int, high: int) -> None:
    """Raise DataError unless low <= array <= high."""
    outside = np.argwhere((array < low) | (array > high))
    if len(outside):
        place = ", column ".join(str(i) for i in outside[0])
        raise DataError(f"{name}: {array[tuple(outside[0])]} at row {place} is not in [{low}, {high}]")


def _features(X: ArrayLike, schedule: Schedule) -> FloatArray:
    """Features as float64 (N, d), holding integers in [-2^x_bits, 2^x_bits]."""
    features = _integers("X", X)
    if features.shape != (schedule.rows, schedule.features):
        raise DataError(f"X: shape {features.shape}, expected {(schedule.rows, schedule.features)}")
    one = 1 << schedule.scales.x_bits
    _within("X", features, -one, one)
    return np.asarray(features, dtype=np.float64)


def _limbs(values: IntArray) -> list[tuple[int, FloatArray]]:
    """values = sum of limb * 2^offset, |limb| <= 2^15, as (offset, limb) pairs."""
    limbs = []
    offset, rest = 0, values
    while rest.any():
        high = (rest + (1 << (_LIMB_BITS - 1))) >> _LIMB_BITS  # nearest, so that -1 ends in one limb
        limbs.append((offset, (rest - (high << _LIMB_BITS)).astype(np.float64)))
        offset, rest = offset + _LIMB_BITS, high
    return limbs


def _scores(matrix: FloatArray, column_bounds: IntArray, weights: IntArray) -> IntArray:
    """z = matrix @ weights, exactly. The schedule keeps |z|, and so the int64 sum of limbs, below 2^62."""
    if int(column_bounds @ np.abs(weights)) < EXACT_FLOAT:
        return (matrix @ weights.astype(np.float64)).astype(np.int64)
    scores = np.zeros(len(matrix), dtype=np.int64)
    for offset, limb in _limbs(weights):  # K < 2^16 products of at most 2^30: below 2^46
        scores += (matrix @ limb).astype(np.int64) << offset
    return scores


def _gradient(matrix: FloatArray, column_bound: int, residuals: IntArray) -> IntArray:
    """g = residuals @ matrix, exactly; column_bound is the largest |entry| of the matrix.

    The schedule keeps |g|, and so the int64 sum of limbs, below 2^62.
    """
    if len(residuals) * int(np.abs(residuals).max()) * column_bound < EXACT_FLOAT:
        return (residuals.astype(np.float64) @ matrix).astype(np.int64)
    gradient = np.zeros(matrix.shape[1], dtype=np.int64)
    for start in range(0, len(residuals), _LIMB_ROWS):
        rows = slice(start, start + _LIMB_ROWS)
        for offset, limb in _limbs(residuals[rows]):
            gradient += (limb @ matrix[rows]).astype(np.int64) << offset
    return gradient


def _remedy(schedule: Schedule) -> str:
    """What may keep a training in its ranges."""
    scaled = " or scale the features" if schedule.standardization is None else ""
    return f"lower learning_rate{scaled}; fewer w_bits leave more room"


def _diverged(step: int, schedule: Schedule, z: IntArray, targets: IntArray, live: NDArray[np.bool_]) -> TrainingError:
    epoch, block = divmod(step, schedule.batches)
    worst = int(np.argmax(np.where(live, np.abs(z), -1)))
    fixed = schedule.scales
    size = abs(int(z[worst])) / 2.0 ** (fixed.x_bits + fixed.w_bits)
    row = schedule.block_rows(block).start + worst
    advice = _remedy(schedule)
    if (
        schedule.batches == 1  # a few rows of one batch may be right by chance
        and schedule.family.predicts == "class"
        and not any(schedule.l_epoch.values)
        and ((z > 0) == (targets > 0))[live].all()
    ):
        advice = (
            "every row there is classified right, and scores still grow: where classes are separable there is no "
            "optimum without l2; set l2, or use fewer epochs"
        )
    where = f"step {step} (epoch {epoch}, batch {block})"
    return TrainingError(f"diverged at {where}: |z| = {size:.1f} > {fixed.z_limit:g}", row, f"; {advice}")


def train(
    X: ArrayLike,
    y_int: ArrayLike,
    schedule: Schedule,
    progress: Callable[[int, int], None] | None = None,
    output: int = 0,
    start: IntArray | None = None,
) -> Trace:
    """Run the declared training algorithm on the rows that count, in exact integers, for one output.

    Args:
        X: (N, d) integers in [-2^x_bits, 2^x_bits], scale x_bits; float arrays are taken if they hold integers.
        y_int: (N,) label integers of the schedule's label kind; of categorical labels the numbers of classes.
        schedule: what was declared, and who counts; the contents of other rows change no weight.
        progress: called after every step with (steps done, steps in all).
        output: of categorical labels, the class that is told from all others.
        start: the first weights, (K,); zero without any.

    Raises:
        DataError: wrong shape, type or range of X or y_int.
        TrainingError: a live row's score left the activation table, or a weight its range.
    """
    labels = _integers("y_int", y_int)
    if labels.shape != (schedule.rows,):
        raise DataError(f"y_int: shape {labels.shape}, expected {(schedule.rows,)}")
    classes = schedule.label_kind == "categorical"
    _within("y_int", labels, *((0, schedule.outputs - 1) if classes else label_range(schedule.label_kind)))
    matrix = _features(X, schedule)
    counted = schedule.row_weights(labels) * schedule.live.mask()
    targets = schedule.targets(labels, output) * schedule.label_multiplier
    trace = _descend(matrix, targets, counted, schedule, progress, start)
    for array in (trace.weights, trace.Q, trace.P, trace.rem, trace.u, trace.gradients, trace.residuals):
        array.setflags(write=False)
    return trace


def exported(schedule: Schedule, weights: IntArray, scaler: Scaler | None = None) -> IntArray:
    """The integers of the model that trained weights (K,) are, of features as they are committed: int64 (K,).

    The intercept, which is last, is at scale x_bits + w_bits. Features as they are may be of several models, (.., K).
    """
    own, biases = weights[..., : schedule.features], weights[..., schedule.features :] << schedule.scales.x_bits
    if scaler is None:
        return np.concatenate([own, biases], axis=-1)
    return np.append(scaler.power * own, intercept_of(schedule, weights, scaler))


def started(schedule: Schedule, model: IntArray, scaler: Scaler | None = None) -> IntArray:
    """The first weights of a training that begins from a model, `exported`, (K,), or of several, (.., K): rounded down
    where features are standardised, as they were by other rows before.

    Raises:
        TrainingError: one is out of its range.
    """
    own, intercepts = model[..., : schedule.features], model[..., schedule.features :]
    if scaler is not None:
        own = own >> scaler.e
        intercepts = intercepts + (scaler.shift * own).sum(axis=-1, keepdims=True)
    weights = np.concatenate([own, intercepts >> schedule.scales.x_bits], axis=-1)
    limit = 1 << (schedule.weight_bits - 1)
    if (weights < -limit).any() or (weights >= limit).any():
        raise TrainingError(
            f"weights of the model to begin from are out of the declared range with the features of this stage, whose "
            f"limit is {limit / 2.0**schedule.scales.w_bits:g}; fewer w_bits leave more room"
        )
    return weights


def intercept_of(schedule: Schedule, weights: IntArray, scaler: Scaler | None) -> int:
    """What is added to all scores besides features times weights, at their scale; of trained weights (K,)."""
    bias = int(weights[schedule.features :].sum()) << schedule.scales.x_bits
    return bias if scaler is None else bias - int(scaler.shift @ weights[: schedule.features])


def whole_gradient(schedule: Schedule, scaler: Scaler | None, gradient: IntArray, residuals: int) -> IntArray:
    """What the step factors c are multiplied with, int64 (K,), that of the bias last; 0 for features that are left out.

    Args:
        gradient: (d,), sum of r x. residuals: sum of r.
    """
    one, public = 1 << schedule.scales.x_bits, schedule.standardization_of(0)
    gradient = gradient.copy()
    gradient[list(schedule.unused)] = 0
    if scaler is None or public is None:
        return np.append(gradient, [one * residuals] if schedule.bias else []).astype(np.int64)
    standardized = scaler.power * gradient - scaler.shift * residuals  # sums may wrap on the way: the result is small,
    # or is multiplied with a D of 0
    return np.append(scaler.D * standardized, [public.bias_rate * one * residuals] if schedule.bias else []).astype(
        np.int64
    )


def updates(schedule: Schedule, weights: IntArray, step: int, gradient: IntArray) -> IntArray:
    """v of a step, int64 (K,): 2^h times what the weights move back, before it is rounded down.

    Args:
        weights: (T + 1, K), known up to this step.
        gradient: (K,), of `whole_gradient`.
    """
    epoch, block = divmod(step, schedule.batches)
    own, last = weights[step], weights[max(step - 1, 0)]
    rate, half = schedule.c_epoch[epoch] * schedule.c_block[block], 1 << (schedule.shift - 1)
    change = rate * gradient + schedule.decays(epoch) * own + half
    return np.asarray(change - schedule.m_epoch[epoch] * (own - last), dtype=np.int64)


def _empty_trace(schedule: Schedule, scaler: Scaler | None) -> Trace:
    """Before any step, from zero weights."""
    return Trace(
        weights=np.zeros((schedule.steps + 1, schedule.width), dtype=np.int64),
        Q=np.zeros((schedule.epochs, schedule.rows), dtype=np.int64),
        P=np.zeros((schedule.epochs, schedule.rows), dtype=np.int64),
        rem=np.zeros((schedule.epochs, schedule.rows), dtype=np.int64),
        u=np.zeros((schedule.steps, schedule.width), dtype=np.int64),
        gradients=np.zeros((schedule.steps, schedule.features), dtype=np.int64),
        residuals=np.zeros(schedule.steps, dtype=np.int64),
        scaler=scaler,
    )


def _descend(
    matrix: FloatArray,
    targets: IntArray,
    counted: IntArray,
    schedule: Schedule,
    progress: Callable[[int, int], None] | None,
    start: IntArray | None,
) -> Trace:
    """The iteration itself, on checked inputs.

    Args:
        targets: (N,), labels at scale p_bits.
        counted: (N,), how often each row counts.
    """
    fixed, table, alive = schedule.scales, schedule.activation_table, counted > 0
    column_bounds = np.maximum(matrix.max(axis=0), -matrix.min(axis=0)).astype(np.int64)
    largest_entry = int(column_bounds.max())
    weight_limit = 1 << (schedule.weight_bits - 1)
    mask = (1 << schedule.shift) - 1
    public, scaler = schedule.standardization_of(0), None
    if public is not None:
        scaler = scaler_of(public, *sums_of(matrix.T, alive))
    trace = _empty_trace(schedule, scaler)
    if start is not None:
        trace.weights[0] = start
    weights = trace.weights[0]
    for step in range(schedule.steps):
        epoch, block = divmod(step, schedule.batches)
        rows = schedule.block_rows(block)
        part, mine = matrix[rows], alive[rows]
        own = weights[: schedule.features] * (1 if scaler is None else scaler.power)
        z = _scores(part, column_bounds, own) + intercept_of(schedule, weights, scaler)
        q = np.where(mine, z >> REMAINDER_BITS, 0)
        if int(q.min()) < -HALF_TABLE or int(q.max()) >= HALF_TABLE:
            raise _diverged(step, schedule, z, targets[rows], mine)
        p = np.where(mine, table[q + HALF_TABLE], 0)
        trace.Q[epoch, rows], trace.P[epoch, rows], trace.rem[epoch, rows] = q, p, z - (q << REMAINDER_BITS)
        r = np.asarray(counted[rows] * (p - targets[rows]), dtype=np.int64)
        trace.gradients[step], trace.residuals[step] = _gradient(part, largest_entry, r), r.sum()
        g = whole_gradient(schedule, scaler, trace.gradients[step], int(trace.residuals[step]))
        v = updates(schedule, trace.weights, step, g)
        trace.u[step] = v & mask
        trace.weights[step + 1] = weights - (v >> schedule.shift)
        weights = trace.weights[step + 1]
        if int(weights.min()) < -weight_limit or int(weights.max()) >= weight_limit:
            column = int(np.argmax(np.abs(weights)))
            raise TrainingError(
                f"weights left the declared range at step {step}, column {column}: "
                f"|w| = {abs(int(weights[column])) / 2.0**fixed.w_bits:.1f}, "
                f"limit {weight_limit / 2.0**fixed.w_bits:g}; {_remedy(schedule)}"
            )
        if progress is not None:
            progress(step + 1, schedule.steps)
    return trace
