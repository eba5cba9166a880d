"""Where the optimum is: Newton's method in single precision, then exact gradients by BLAS.

Nothing of how it is found is proved. Newton's method ends near the optimum; then steps by the exact gradient of integer
weights, through the same second derivative, go on to their grid, and single weights are moved by a unit while the
gradient becomes shorter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...models.families import Family
from ...models.methods.link_certificate import LinkCertificate
from ...models.methods.optimum_reference import RowValues, row_values
from ..kernels import run_blas_tasks, run_tasks, spans
from ..kernels.storage import empty
from .curve import Integers, Reals
from .rows import Rows

EXACT_BITS = 53  # integers of so many bits are float64 numbers
LIMB_BITS = 14  # of residuals, which have 29: times a feature, over PIECE_ROWS of them, exact
PIECE_ROWS = 1 << 22
NEWTON_STEPS = 60  # far more than a convex function takes from zero
HALVINGS = 20  # of a step that goes too far
NEAR = 1 / 64  # of the weights: a step that is not longer leaves less than a step by an exact gradient takes away
SHARES, ROUGH = (16, 4), 1 / 4  # one row in so many is looked at first, roughly,
ROWS_A_WEIGHT = 2  # as long as these are twice as many as weights
REFINEMENTS = 24  # steps by exact gradients; four are usual
POLISHES = 400  # weights that are moved by a unit before the exact gradient is looked at
ROUNDS = 6
Singles = NDArray[np.float32]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Problem:
    """The rows as BLAS takes them.

    Attributes:
        matrix: float64 (K, N), features in units of 2^-x_bits and the bias's ones, 0 of what is left out.
        labels: int64 (N,).
    """

    matrix: Reals
    labels: Integers
    schedule: LinkCertificate

    def values(self, weights: Integers) -> RowValues:
        """Of integer weights (K,), exactly. Raises TrainingError."""
        return row_values(self._scores(weights), self.schedule)

    def _scores(self, weights: Integers) -> Integers:
        """z, by limbs of weights whose products add up exactly."""
        bits = EXACT_BITS - self.schedule.scales.x_bits - len(weights).bit_length() - 1
        count = -(-self.schedule.weight_bits // bits)
        limbs, rest = np.empty((count, len(weights))), weights
        for i in range(count):
            low = rest & ((1 << bits) - 1) if i + 1 < count else rest
            limbs[i], rest = low, rest >> bits
        parts = (limbs @ self.matrix).astype(np.int64)
        return np.asarray(sum(part << (bits * i) for i, part in enumerate(parts)), dtype=np.int64)

    def gradient(self, weights: Integers, rows: RowValues) -> Integers:
        """G, exactly."""
        own = self.schedule
        r, sums = rows.residuals(self.labels, own), np.zeros(len(weights), dtype=np.int64)
        for start in range(0, len(r), PIECE_ROWS):
            piece, high = slice(start, start + PIECE_ROWS), r[start : start + PIECE_ROWS] >> LIMB_BITS
            for limb, bits in ((r[piece] - (high << LIMB_BITS), 0), (high, LIMB_BITS)):
                sums += (self.matrix[:, piece] @ limb.astype(np.float64)).astype(np.int64) << bits
        return (sums << own.raised) + own.penalties(weights)


def nearest_optima(rows: Rows, schedule: LinkCertificate, near: Integers | None = None) -> list[Point]:
    """Of each output integer weights near the optimum on the rows that count, and what they imply; on threads.

    Args:
        near: such weights to begin from, (O, K), or of one output (K,).

    Raises:
        TrainingError: a score is out of range.
    """
    starts = [None] * schedule.outputs if near is None else list(np.atleast_2d(near))
    if schedule.outputs == 1:
        return run_blas_tasks([partial(nearest_optimum, rows, schedule, starts[0])])
    problem, mean, counted = problem_of(rows, schedule), mean_of(rows, schedule), schedule.live.mask()
    labels = [(rows.labels == output).astype(np.int64) for output in range(schedule.outputs)]
    problems = [replace(problem, labels=own) for own in labels]
    means = [replace(mean, labels=own[counted].astype(np.float64)) for own in labels]
    return run_blas_tasks([partial(nearest_of, *own) for own in zip(problems, means, starts, strict=True)])


def nearest_optimum(rows: Rows, schedule: LinkCertificate, near: Integers | None = None) -> Point:
    """Integer weights near the optimum on the rows that count, and what they imply.

    Args:
        near: such weights to begin from.

    Raises:
        TrainingError: a score is out of range.
    """
    return nearest_of(problem_of(rows, schedule), mean_of(rows, schedule), near)


def nearest_of(problem: Problem, mean: Mean, near: Integers | None = None) -> Point:
    """The same of what is prepared already."""
    own = problem.schedule
    unit = float(own.one)  # of features, which are as large as their integers here: weights are as much smaller
    weights, curvature = _newton(mean, None if near is None else near / (unit * 2.0**own.scales.w_bits))
    start = np.rint(weights * unit * 2.0**own.scales.w_bits).astype(np.int64)
    return refined(partial(at, problem), start, curvature / unit**2, gradient_scale(own))


def inverse_curvature(schedule: LinkCertificate, mean: Mean, weights: Integers) -> Reals:
    """By how many units weights move for a unit of G, to first order, at integer weights (K,): float64 (K, K)."""
    unit = float(schedule.one)
    curvature = mean.second(weights / (unit * 2.0**schedule.scales.w_bits)) / unit**2
    return np.asarray(np.linalg.inv(curvature) / gradient_scale(schedule), dtype=np.float64)


def gradient_scale(schedule: LinkCertificate) -> float:
    """Of G, for weights in units."""
    return float(schedule.live.count) * 2.0 ** _loss_bits(schedule)


# In floats ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Mean:
    """The mean loss and penalty, as a function of weights, and its slopes: all in single precision.

    Attributes:
        features: float32 (K, n), of rows that count, as large as their integers.
        labels: float64 (n,).
        penalty: l2 of such weights.
    """

    family: Family
    features: Singles
    labels: Reals
    penalty: float

    def every(self, share: int) -> Mean:
        """That of one row in `share`."""
        features = np.ascontiguousarray(self.features[:, ::share])
        return replace(self, features=features, labels=self.labels[::share])

    def scores(self, weights: Reals) -> Reals:
        """float64 (n,)."""
        return (weights.astype(np.float32) @ self.features).astype(np.float64)

    def value(self, weights: Reals) -> float:
        """The function."""
        losses = self.family.loss(self.scores(weights), self.labels)
        return float(losses.mean() + self.penalty * (weights @ weights) / 2)

    def gradient(self, weights: Reals) -> Reals:
        """Its slopes, float64 (K,)."""
        residuals = (self.family.inverse_link(self.scores(weights)) - self.labels).astype(np.float32)
        return (self.features @ residuals).astype(np.float64) / len(self.labels) + self.penalty * weights

    def second(self, weights: Reals) -> Reals:
        """And theirs, float64 (K, K)."""
        roots = np.sqrt(self.family.slope(self.scores(weights)) / len(self.labels)).astype(np.float32)

        def of_rows(start: int, stop: int) -> Singles:
            scaled = self.features[:, start:stop] * roots[start:stop]
            return scaled @ scaled.T  # of one matrix with itself: a half of it is computed

        found = np.diag(np.full(len(weights), self.penalty))
        for part in run_tasks([partial(of_rows, *span) for span in spans(len(roots), cost=len(weights) ** 2)]):
            found += part
        return found


def mean_of(rows: Rows, schedule: LinkCertificate) -> Mean:
    live = schedule.live.mask()
    features = empty((schedule.width, schedule.live.count), np.float32)
    features[: schedule.features] = np.compress(live, rows.by_feature, axis=1)
    features[list(schedule.unused)] = 0
    features[schedule.features :] = schedule.one
    l2 = float(schedule.penalty) / float(schedule.live.count) * 2.0 ** -_loss_bits(schedule)
    labels = rows.labels[live].astype(np.float64)
    return Mean(schedule.family, features, labels, l2 * float(schedule.one) ** 2)


def _newton(mean: Mean, near: Reals | None) -> tuple[Reals, Reals]:
    """Where the mean is least, (K,), and its second derivative near there: first on some of the rows, then on all.

    near: where to begin, and then on all rows; at zero if None.
    """
    if near is not None:
        return _least(mean, near, NEAR)
    width, count = mean.features.shape
    weights = np.zeros(width)
    for share in SHARES:
        if count >= share * ROWS_A_WEIGHT * width:
            weights, _ = _least(mean.every(share), weights, ROUGH)
    return _least(mean, weights, NEAR)


def _least(mean: Mean, weights: Reals, near: float) -> tuple[Reals, Reals]:
    """Newton's method from weights on, with steps halved until the mean falls, until a step is short beside weights."""
    value, curvature = mean.value(weights), mean.second(weights)
    for _ in range(NEWTON_STEPS):
        gradient = mean.gradient(weights)
        step = np.linalg.solve(curvature, gradient)
        promised = float(gradient @ step) / 2  # how much it falls where it is a parabola
        for halving in range(HALVINGS):
            trial = weights - step / 2**halving
            found = mean.value(trial)
            if found <= value - promised / 2 ** (halving + 2):
                break
        else:
            break  # it is too flat for single precision to show that it falls
        weights, value = trial, found
        if float(np.linalg.norm(step)) <= near * float(np.linalg.norm(weights)):
            break
        curvature = mean.second(weights)
    return weights, curvature


# In integers --------------------------------------------------------------------------------------------------------


def _loss_bits(schedule: LinkCertificate) -> int:
    """G is n 2^this times the gradient of the mean loss and penalty, at scale w_bits of weights."""
    fixed = schedule.scales
    return fixed.p_bits + fixed.x_bits + schedule.raised - fixed.w_bits


def problem_of(rows: Rows, schedule: LinkCertificate) -> Problem:
    """The rows of a data set, prepared."""
    matrix = empty((schedule.width, schedule.rows), np.float64)
    matrix[: schedule.features] = rows.by_feature
    matrix[list(schedule.unused)] = 0
    matrix[schedule.features :] = schedule.one
    return Problem(matrix, rows.labels.astype(np.int64), schedule)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Point:
    """Integer weights with what they imply.

    Attributes:
        size: |G|, as float64 has it.
    """

    weights: Integers
    rows: RowValues
    gradient: Integers
    size: float


def at(problem: Problem, weights: Integers) -> Point:
    """What integer weights (K,) imply. Raises TrainingError."""
    rows = problem.values(weights)
    gradient = problem.gradient(weights, rows)
    return Point(weights, rows, gradient, length(gradient))


def point_at(rows: Rows, schedule: LinkCertificate, weights: Integers) -> Point:
    """What integer weights (K,) imply. Raises TrainingError: a score is out of range."""
    return at(problem_of(rows, schedule), weights)


def length(gradient: Integers) -> float:
    """Of a gradient (K,), of any integers."""
    return float(np.linalg.norm(gradient.astype(np.float64)))


class Tried(Protocol):
    """What there is of integer weights (K,): their gradient, in the same units as the curvature times weights."""

    @property
    def weights(self) -> Integers:
        """W."""

    @property
    def gradient(self) -> Integers:
        """G."""

    @property
    def size(self) -> float:
        """|G|, as float64 has it."""


T = TypeVar("T", bound=Tried)


def refined(at: Callable[[Integers], T], start: Integers, curvature: Reals, scale: float) -> T:
    """Integer weights near the optimum: steps by exact gradients while these become shorter, then polished.

    Args:
        at: from integer weights (K,) to what there is of them, exactly.
        curvature: float64 (K, K), how a gradient changes with weights, over `scale`.
    """
    inverse = np.linalg.inv(curvature)
    best = at(start)
    for _ in range(REFINEMENTS):
        step = np.rint(inverse @ (best.gradient.astype(np.float64) / scale)).astype(np.int64)
        trial = at(best.weights - step) if step.any() else best
        if trial.size >= best.size:
            break
        best = trial
    for _ in range(ROUNDS):
        moves = _moves(best.gradient.astype(np.float64) / scale, curvature)
        trial = at(best.weights + moves) if moves.any() else best
        if trial.size >= best.size:
            break
        best = trial
    return best


def _moves(gradient: Reals, curvature: Reals) -> Integers:
    """By how many units each weight is to be moved, so that gradient + curvature moves is short: one at a time."""
    moves, squared = np.zeros(len(gradient), dtype=np.int64), curvature @ curvature
    along, squares = curvature @ gradient, squared.diagonal()
    for _ in range(POLISHES):
        gains = 2 * np.abs(along) - squares
        k = int(np.argmax(gains))
        if gains[k] <= 0:
            break
        sign = -1 if along[k] > 0 else 1
        moves[k] += sign
        along = along + sign * squared[k]
    return moves
