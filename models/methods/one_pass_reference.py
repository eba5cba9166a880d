"""One-pass training in exact integers: the trace that is proved, in Python's own integers, which have no size.

The equations are those of normal_equations.py. Standardised features are x'(i, k) = 2^e x - m for each row, written
out, where the prover (prover/witnesses/one_pass.py) has a formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, TrainingError
from ..shapes import label_range
from .normal_equations import NormalEquations, half_of
from .standardization import Scaler, scaler_of, sums_of

IntArray = NDArray[np.int64]
Multiplier = Callable[[IntArray], Callable[[IntArray], NDArray[Any]]]  # of a matrix (K, K): weights (K,) to products


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Solution:
    """Every value of one training run; int64. K = d + 1 with a bias, whose constant is the last feature.

    Attributes:
        products: (K, K), M, and product_rest: (K, K), what rounding left, in [0, 2^s).
        targets: (K,), b, and target_rest: (K,), in [0, 2^a).
        penalties: (d,), L, and penalty_rest: (d,), in [0, 2^tau); of standardised features, else public.
        weights: (T + 1, K), scale w_bits + f; row 0 is zero, row T the last; the bias last, if there is one.
        u: (T, K), remainders of the update, in [0, 2^h).
        scaler: of standardised features; None if they are not.
    """

    products: IntArray
    product_rest: IntArray
    targets: IntArray
    target_rest: IntArray
    penalties: IntArray
    penalty_rest: IntArray
    weights: IntArray
    u: IntArray
    scaler: Scaler | None


@dataclass(frozen=True, repr=False, eq=False)
class Sums:
    """Over the rows that count, of features, or standardised ones, and with a bias 2^x_bits.

    Attributes:
        products: (K, K), A. targets: (K,), B. scaler: None where features are as they are.
    """

    products: NDArray[Any]
    targets: NDArray[Any]
    scaler: Scaler | None


def solve(X: ArrayLike, y: ArrayLike, schedule: NormalEquations) -> Solution:
    """Train on the rows that count.

    Args:
        X: (N, d) integers in [-2^x_bits, 2^x_bits]. y: (N,) label integers.

    Raises:
        DataError: other values than these.
        TrainingError: a weight left its range.
    """
    features, labels = _checked(X, y, schedule)
    features[:, list(schedule.unused)] = 0
    live = schedule.live.mask()
    scaler = None
    if schedule.standardization is not None:
        scaler = scaler_of(schedule.standardization, *sums_of(features.T, live))
    own, counted = features[live].astype(object), labels[live].astype(object)
    if scaler is not None:
        own = own * scaler.power.astype(object) - scaler.shift.astype(object)
    if schedule.bias:
        own = np.hstack([own, np.full((len(own), 1), schedule.one, dtype=object)])
    sums = Sums(own.T @ own, own.T @ counted, scaler)
    return solution(schedule, sums, in_python)


def in_python(matrix: IntArray) -> Callable[[IntArray], NDArray[Any]]:
    """Products of a matrix with weights, in integers without a size."""
    own = matrix.astype(object)
    return lambda weights: own @ weights.astype(object)


def _checked(X: ArrayLike, y: ArrayLike, schedule: NormalEquations) -> tuple[IntArray, IntArray]:
    features, labels = np.asarray(X), np.asarray(y)
    if features.shape != (schedule.rows, schedule.features) or labels.shape != (schedule.rows,):
        raise DataError(f"X, y: shapes {features.shape}, {labels.shape} for {schedule.rows} x {schedule.features}")
    for name, array, low, high in (
        ("X", features, -schedule.one, schedule.one),
        ("y", labels, *label_range(schedule.label_kind)),
    ):
        if array.dtype.kind not in "iu" or ((array < low) | (array > high)).any():
            raise DataError(f"{name}: expected integers in [{low}, {high}]")
    return features.astype(np.int64), labels.astype(np.int64)


def solution(schedule: NormalEquations, sums: Sums, multiplier: Multiplier) -> Solution:
    """What follows from the sums: normal equations, scaled, and the steps that solve them.

    Args:
        multiplier: of M and its penalties, exactly.

    Raises:
        TrainingError: a weight left its range.
    """
    s, a = schedule.product_shift, schedule.target_shift
    scaled = schedule.factor * sums.products + half_of(s)
    aims = (schedule.factor << schedule.target_raise) * sums.targets + half_of(a)
    products, targets = (_integers(values >> shift) for values, shift in ((scaled, s), (aims, a)))
    rests = _integers(scaled & ((1 << s) - 1)), _integers(aims & ((1 << a) - 1))
    penalties, penalty_rest = _penalties(schedule, products)
    weights, u = _steps(schedule, multiplier(_system(schedule, products, penalties)), targets)
    return Solution(products, rests[0], targets, rests[1], penalties, penalty_rest, weights, u, sums.scaler)


def _integers(values: NDArray[Any]) -> IntArray:
    return np.asarray(values, dtype=np.int64)


def _penalties(schedule: NormalEquations, products: IntArray) -> tuple[IntArray, IntArray]:
    """L of each feature, and what rounding left."""
    if not schedule.penalised:
        return np.full(schedule.features, schedule.penalty, dtype=np.int64), np.zeros(schedule.features, dtype=np.int64)
    tau = schedule.penalty_shift
    scaled = schedule.penalty_factor * products.diagonal()[: schedule.features] + half_of(tau)
    return scaled >> tau, scaled & ((1 << tau) - 1)


def _system(schedule: NormalEquations, products: IntArray, penalties: IntArray) -> IntArray:
    """M and the penalties on its diagonal."""
    system, own = products.copy(), np.arange(schedule.features)
    system[own, own] += penalties
    if schedule.bias:
        system[-1, -1] = schedule.corner
    return system


def _steps(
    schedule: NormalEquations, multiplied: Callable[[IntArray], NDArray[Any]], targets: IntArray
) -> tuple[IntArray, IntArray]:
    """All weights, and what their roundings left."""
    h, half = schedule.shift, half_of(schedule.shift)
    weights = np.zeros((schedule.epochs + 1, schedule.width), dtype=np.int64)
    u = np.zeros((schedule.epochs, schedule.width), dtype=np.int64)
    rates, momenta = schedule.c_epoch.array().tolist(), schedule.m_epoch.array().tolist()
    low, high = weight_range(schedule)
    for t in range(schedule.epochs):
        own, last = weights[t], weights[max(t - 1, 0)]
        v = rates[t] * (multiplied(own) - targets) - momenta[t] * (own - last) + half
        moved = own - (v >> h)
        if moved.min() < low or moved.max() > high:
            unit = schedule.scales.w_bits + schedule.fine_bits
            raise TrainingError(
                f"weights left the declared range at step {t}: |w| = {int(np.abs(moved).max()) / 2.0**unit:.1f}, limit "
                f"{high / 2.0**unit:g}; lower learning_rate; fewer w_bits leave more room"
            )
        u[t], weights[t + 1] = v & ((1 << h) - 1), moved
    return weights, u


def weight_range(schedule: NormalEquations) -> tuple[int, int]:
    """The least and the largest weight: of signed weight_bits, and so that the last one is, rounded, of model_bits."""
    return -(1 << (schedule.weight_bits - 1)), (1 << (schedule.weight_bits - 1)) - 1 - half_of(schedule.fine_bits)


def model_weights(schedule: NormalEquations, last: IntArray) -> tuple[IntArray, IntArray]:
    """The trained weights at scale w_bits, of the features as they are trained on, and what rounding left: (d,) each.

    Args:
        last: (K,), at scale w_bits + f.
    """
    raised = last[: schedule.features] + half_of(schedule.fine_bits)
    return raised >> schedule.fine_bits, raised & ((1 << schedule.fine_bits) - 1)


def exported_solution(schedule: NormalEquations, found: Solution) -> IntArray:
    """The integers of the model: d weights at scale w_bits and, with a bias, the intercept at that of scores."""
    weights, _ = model_weights(schedule, found.weights[-1])
    if not schedule.bias:
        return weights
    intercept = int(found.weights[-1, -1]) << schedule.intercept_shift
    if found.scaler is None:
        return np.append(weights, intercept)
    return np.append(found.scaler.power * weights, intercept - int(found.scaler.shift @ weights))
