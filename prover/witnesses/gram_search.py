"""Where the optimum of a linear model is: Cholesky's solution in float64, then exact gradients from exact sums.

The rows are looked at once, for the sums of their products. Nothing of how it is found is proved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ...errors import TrainingError
from ...models.methods.gram_certificate import GramCertificate, LinearOptimumCertificate
from ...models.methods.gram_reference import LimbValues, carries_of, held, joined_gradient, weight_limbs
from ...models.scales import Q_BITS_RANGE
from ..kernels import run_blas_tasks, spans
from ..kernels.storage import empty
from .curve import Integers, Reals
from .one_pass import LEAST_ROWS, plain_sums
from .optimum_search import Curvature, length, refined
from .rows import Rows

PIECE_CELLS = 1 << 20  # of features that are scored at a time: 8 MB


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class _Problem:
    """What is known of the rows that count.

    Attributes:
        gram: int64 (K, K), sums of products of features.
        targets: int64 (K,), of features times labels.
    """

    gram: Integers
    targets: Integers
    schedule: GramCertificate

    def sums(self, weights: Integers) -> Integers:
        """G_i, int64 (3, K), exactly."""
        own, limbs = self.schedule, weight_limbs(weights)
        found = ((limbs @ self.gram) << own.raised) + own.penalty * limbs
        place, shift = own.label_place
        found[place] -= self.targets << (own.raised + shift)
        return found

    @property
    def curvature(self) -> Reals:
        """How a gradient changes with weights, float64 (K, K)."""
        found = self.gram.astype(np.float64) * 2.0**self.schedule.raised
        found[np.diag_indices_from(found)] += self.schedule.penalty
        return found

    @property
    def without_weights(self) -> Reals:
        """Less the gradient where all weights are zero, float64 (K,)."""
        return np.asarray(self.targets * 2.0 ** (self.schedule.raised + self.schedule.label_shift), dtype=np.float64)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class LinearPoint:
    """Integer weights (K,), and G, in limbs (3, K) and as it is, in 64 bits where it has room.

    Attributes:
        size: |G|, as float64 has it.
    """

    weights: Integers
    sums: Integers
    gradient: Integers
    size: float


def nearest_linear(rows: Rows, schedule: GramCertificate) -> tuple[LinearPoint, LimbValues]:
    """Integer weights near the optimum on the rows that count, and what they imply.

    Raises:
        TrainingError: a weight is out of range.
    """
    problem = _Problem(*plain_sums(rows, schedule), schedule)
    (found,) = run_blas_tasks([partial(_nearest, problem)])
    return found, LimbValues(scores(rows, found.weights, schedule), carries_of(found.sums, found.gradient))


def _nearest(problem: _Problem) -> LinearPoint:
    curvature = problem.curvature
    start = np.rint(np.linalg.solve(curvature, problem.without_weights))
    if np.abs(start).max() >= problem.schedule.largest_weight:
        raise out_of_range(problem.schedule)
    return refined(partial(_at, problem), _at(problem, start.astype(np.int64)), Curvature(curvature))


def out_of_range(schedule: GramCertificate) -> TrainingError:
    """To raise where a weight is."""
    own, grid = schedule.scales, schedule.grid if isinstance(schedule, LinearOptimumCertificate) else 0
    least = max(own.w_range[0], Q_BITS_RANGE[0] + own.cut_bits - own.x_bits, grid)
    fewer = f", or fewer w_bits, down to {least}" if least < own.w_bits else ""
    return TrainingError(
        f"a weight of the optimum is {schedule.largest_weight >> own.w_bits} or more; use a larger l2{fewer}"
    )


def _at(problem: _Problem, weights: Integers) -> LinearPoint:
    sums = problem.sums(weights)
    gradient = joined_gradient(sums)
    return LinearPoint(weights, sums, held(gradient), length(gradient))


def scores(rows: Rows, weights: Integers, schedule: GramCertificate) -> Integers:
    """z_i of all rows, int64 (3, N)."""
    limbs, found = weight_limbs(weights).astype(np.float64), empty((3, schedule.rows), np.int64)
    limbs[:, list(schedule.unused)] = 0
    cuts = spans(schedule.rows, cost=schedule.features, grain=LEAST_ROWS)
    run_blas_tasks([partial(_score, rows, limbs, schedule, found, *cut) for cut in cuts])
    return found


def _score(rows: Rows, limbs: Reals, schedule: GramCertificate, found: Integers, first: int, last: int) -> None:
    """Of some rows: all products are exact, as sums of them are below 2^53."""
    of_features, of_bias = limbs[:, : schedule.features], limbs[:, schedule.features :].sum(axis=1, keepdims=True)
    step = max(LEAST_ROWS, PIECE_CELLS // schedule.features)
    for start in range(first, last, step):
        part = slice(start, min(start + step, last))
        found[:, part] = of_features @ rows.by_feature[:, part].astype(np.float64) + of_bias * schedule.bias_unit
