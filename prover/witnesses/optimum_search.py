"""Where the optimum is: Newton's method in float64, then exact gradients by BLAS.

Nothing of how it is found is proved. Newton's method ends where float64 does; then steps by the exact gradient of
integer weights go on to their grid, and single weights are moved by a unit while the gradient becomes shorter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.methods.link_certificate import LinkCertificate
from ...models.methods.optimum_reference import RowValues, row_values
from ...models.optimum import Objective, minimum
from ..kernels.storage import empty
from .curve import Integers, Reals
from .rows import Rows

EXACT_BITS = 53  # integers of so many bits are float64 numbers
LIMB_BITS = 14  # of residuals, which have 29: times a feature, over PIECE_ROWS of them, exact
PIECE_ROWS = 1 << 22
REFINEMENTS = 12  # steps by exact gradients; three are usual
POLISHES = 400  # weights that are moved by a unit before the exact gradient is looked at
ROUNDS = 6


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class _Problem:
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
        return (sums << own.raised) + own.penalty * weights


def nearest_optimum(rows: Rows, schedule: LinkCertificate) -> Point:
    """Integer weights near the optimum on the rows that count, and what they imply.

    Raises:
        TrainingError: a score is out of range.
    """
    problem = _problem_of(rows, schedule)
    live = schedule.live.mask()
    features = problem.matrix.T if live.all() else problem.matrix[:, live].T
    labels = problem.labels[live].astype(np.float64)[:, None]
    l2 = float(schedule.penalty) / float(schedule.live.count) * 2.0 ** -_loss_bits(schedule)
    unit = float(schedule.one)  # of features, which are as large as their integers here: weights are as much smaller
    objective = _Curved(schedule.family, features, labels, np.full(schedule.width, l2 * unit**2))
    weights, _ = minimum(objective)
    return _refined(problem, weights * unit, objective.second(weights) / unit**2)


def point_at(rows: Rows, schedule: LinkCertificate, weights: Integers) -> Point:
    """What integer weights (K,) imply. Raises TrainingError where a score is out of range."""
    return _at(_problem_of(rows, schedule), weights)


class _Curved(Objective):
    """An objective whose second derivative is found in single precision, twice as fast: it only says where to go."""

    def alone(self, output: int) -> Objective:
        """See Objective: there is one output."""
        return self

    def second(self, weights: Reals) -> Reals:
        """f'' at weights (K,), float64 (K, K)."""
        roots = np.sqrt(self.family.slope(self.X @ weights) / len(self.y)).astype(np.float32)
        scaled = self.X.astype(np.float32) * roots[:, None]
        found = (scaled.T @ scaled).astype(np.float64)  # of one matrix with itself, a half of it is computed
        found[np.diag_indices_from(found)] += self.penalties
        return found

    def newton_step(self, weights: Reals, gradient: Reals) -> Reals:
        """See Objective."""
        return np.asarray(np.linalg.solve(self.second(weights), gradient), dtype=np.float64)


def _loss_bits(schedule: LinkCertificate) -> int:
    """G is n 2^this times the gradient of the mean loss and penalty, at scale w_bits of weights."""
    fixed = schedule.scales
    return fixed.p_bits + fixed.x_bits + schedule.raised - fixed.w_bits


def _problem_of(rows: Rows, schedule: LinkCertificate) -> _Problem:
    matrix = empty((schedule.width, schedule.rows), np.float64)
    matrix[: schedule.features] = rows.by_feature
    matrix[list(schedule.unused)] = 0
    matrix[schedule.features :] = schedule.one
    return _Problem(matrix, rows.labels.astype(np.int64), schedule)


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


def _at(problem: _Problem, weights: Integers) -> Point:
    rows = problem.values(weights)
    gradient = problem.gradient(weights, rows)
    return Point(weights, rows, gradient, float(np.linalg.norm(gradient.astype(np.float64))))


def _refined(problem: _Problem, weights: Reals, curvature: Reals) -> Point:
    """Integer weights near the optimum: steps by exact gradients while these become shorter, then polished."""
    own = problem.schedule
    scale = float(own.live.count) * 2.0 ** _loss_bits(own)  # of G, for weights in units
    inverse = np.linalg.inv(curvature)
    best = _at(problem, np.rint(weights * 2.0**own.scales.w_bits).astype(np.int64))
    for _ in range(REFINEMENTS):
        step = np.rint(inverse @ (best.gradient / scale)).astype(np.int64)
        trial = _at(problem, best.weights - step) if step.any() else best
        if trial.size >= best.size:
            break
        best = trial
    for _ in range(ROUNDS):
        moves = _moves(best.gradient / scale, curvature)
        trial = _at(problem, best.weights + moves) if moves.any() else best
        if trial.size >= best.size:
            break
        best = trial
    return best


def _moves(gradient: Reals, curvature: Reals) -> Integers:
    """By how many units each weight is to be moved, so that gradient + curvature moves is short: one at a time."""
    moves, squares, left = np.zeros(len(gradient), dtype=np.int64), (curvature**2).sum(axis=0), gradient.copy()
    for _ in range(POLISHES):
        along = curvature @ left
        gains = 2 * np.abs(along) - squares
        k = int(np.argmax(gains))
        if gains[k] <= 0:
            break
        sign = -1 if along[k] > 0 else 1
        moves[k] += sign
        left = left + sign * curvature[k]
    return moves
