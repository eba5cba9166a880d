"""Where the optimum is: Newton's method in single precision, then exact gradients of integer weights.

Nothing of how it is found is proved. Newton's method ends near the optimum; then steps by the exact gradient of integer
weights, through the same second derivative, go on to their grid, and single weights are moved by a unit while the
gradient becomes shorter: until a certificate is sure, where one is looked for. From the optimum of nearly the same rows
it is exact gradients from the beginning, and one second derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import TrainingError
from ...models.methods.certificate import Certificate, RoundedCertificate
from ...models.methods.link_certificate import LinkCertificate, OptimumCertificate
from ...models.methods.newton_inverse import STEP_BITS
from ...models.methods.optimum_reference import RowValues, edge_distance, row_values
from ..kernels import Products, run_blas_tasks, run_tasks, spans
from .curve import Integers, Reals
from .mean_loss import Mean, least_mean, loss_bits, mean_of
from .rows import Rows
from .unit_moves import unit_moves

EXACT_BITS = 53  # integers of so many bits are float64 numbers
REFINEMENTS = 24  # steps by exact gradients; four are usual
FAST = 4  # times as short a gradient is after a step through the second derivative of not far away
PRODUCTS = 16  # of float64 numbers, in the time of one in K
LEAST_HALF = 48  # weights: half of a matrix that is inverted by its quarters
POLISHES = 400  # weights that are moved by a unit before the exact gradient is looked at
ROUNDS = 6


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Problem:
    """The rows as they are multiplied with.

    Attributes:
        features: int16 (d, N).
        labels: int64 (N,).
    """

    features: NDArray[np.int16]
    labels: Integers
    schedule: LinkCertificate
    products: Products

    def values(self, weights: Integers) -> RowValues:
        """Of integer weights (K,), exactly. Raises TrainingError."""
        own = self.schedule
        of_features, of_bias = weights[: own.features].copy(), weights[own.features :]
        of_features[list(own.unused)] = 0
        return row_values(self.products.scores(of_features) + own.one * int(of_bias.sum()), own)

    def gradient(self, weights: Integers, rows: RowValues) -> Integers:
        """G, exactly."""
        own = self.schedule
        r, sums = rows.residuals(self.labels, own), np.zeros(own.width, dtype=np.int64)
        sums[: own.features] = self.products.sums(r)
        sums[list(own.unused)] = 0
        sums[own.features :] = own.one * int(r.sum())
        return (sums << own.raised) + own.penalties(weights)

    def piece(self, rows: slice) -> Reals:
        """Features of some rows, and the bias's ones, 0 of what is left out: (K, n)."""
        own = self.schedule
        features = self.features[:, rows]
        found = np.empty((own.width, features.shape[1]))
        found[: own.features] = features
        found[list(own.unused)] = 0
        found[own.features :] = own.one
        return found

    def second(self, rows: RowValues) -> Reals:
        """How G changes with weights where rows are as given, to some three digits: float64 (K, K)."""
        own, d, steps = self.schedule, self.schedule.features, rows.step
        found = np.empty((own.width, own.width))
        scale = self.products.squares(steps.astype(np.float64), found)
        if own.bias:
            found[d, :d] = found[:d, d] = own.one / scale * self.products.sums(steps)
            found[d, d] = own.one**2 / scale * float(steps.sum())
        found[list(own.unused)] = found[:, list(own.unused)] = 0
        found *= scale * 2.0 ** (own.raised - STEP_BITS)
        found[np.diag_indices_from(found)] += own.penalty
        return found


def nearest_optima(rows: Rows, schedule: OptimumCertificate, near: Integers | None = None) -> list[Point]:
    """Of each output integer weights near the optimum on the rows that count, and what they imply; on threads.

    Args:
        near: such weights to begin from, (O, K), or of one output (K,).

    Raises:
        TrainingError: a score is out of range.
    """
    problems = problems_of(rows, schedule)
    enough, found = partial(is_certified, schedule=schedule), dict[int, Point | None]()
    if near is not None:
        starts = zip(problems, np.atleast_2d(near), strict=True)
        found = dict(enumerate(run_blas_tasks([partial(_from_near, *own, enough) for own in starts])))
    left = [output for output in range(schedule.outputs) if found.get(output) is None]
    if left:
        means = means_of(rows, schedule, problems)
        tasks = [partial(nearest_of, problems[output], means[output], enough) for output in left]
        found |= zip(left, run_blas_tasks(tasks), strict=True)
    points = [point for _, point in sorted(found.items()) if point is not None]
    if all(map(enough, points)):
        return points
    # an edge is near one output: a shorter distance is asked for, which is one for all, so all get as near as can be
    return run_blas_tasks([partial(_polished, *own, enough) for own in zip(problems, points, strict=True)])


def _polished(problem: Problem, point: Point, ended: Callable[[Point], bool]) -> Point:
    """The same where a search has ended early, as near as can be."""
    if not ended(point):
        return point
    return refined(partial(at, problem), point, Curvature(problem.second(point.rows)))


def nearest_points(rows: Rows, schedule: LinkCertificate) -> list[Point]:
    """Of each output integer weights as near the optimum as can be, and what they imply; on threads.

    Raises:
        TrainingError: a score is out of range.
    """
    problems = problems_of(rows, schedule)
    own = zip(problems, means_of(rows, schedule, problems), strict=True)
    return run_blas_tasks([partial(nearest_of, *each) for each in own])


def nearest_of(problem: Problem, mean: Mean, enough: Callable[[Point], bool] = lambda _: False) -> Point:
    """The same of what is prepared already; no nearer than is enough."""
    own = problem.schedule
    unit = float(own.one)  # of features, which are as large as their integers here: weights are as much smaller
    weights, curvature = least_mean(mean)
    start = np.rint(weights * unit * 2.0**own.scales.w_bits).astype(np.int64)
    changing = Curvature(curvature / unit**2, gradient_scale(own))
    return refined(partial(at, problem), at(problem, start), changing, enough, lambda point: is_short(point, own))


def _from_near(problem: Problem, near: Integers, enough: Callable[[Point], bool]) -> Point | None:
    """The same from weights near there, by steps through the second derivative where they begin, or later on.

    None where they are not near: a first step does not make the gradient FAST times as short, or a score is out of
    range.
    """
    own, through = problem.schedule, partial(at, problem)
    try:
        best, begun, moved = through(near), False, False
        curvature = Curvature(problem.second(best.rows))
        while not is_short(best, own):
            trial = through(best.weights - curvature.step(best.gradient))
            if trial.size * FAST <= best.size:
                best, begun, moved = trial, True, True
            elif begun:
                curvature, begun = Curvature(problem.second(best.rows)), False
            elif moved:  # as near as steps lead, of which all weights are rounded
                found = refined(through, best, curvature, enough, lambda point: is_short(point, own))
                return found if is_short(found, own) else None
            else:
                return None
    except TrainingError:
        return None
    return refined(through, best, curvature, enough)


def is_short(point: Tried, schedule: Certificate, number: int = 0) -> bool:
    """Whether a gradient, or that of each output, is as short as a distance asks for, surely: as the longest does."""
    own = schedule.at_distance(number)
    rounding = math.sqrt(own.weight_count) / 2
    return point.size * math.sqrt(own.outputs) / 2.0**own.shift + rounding < own.radius


def is_certified(point: Tried, schedule: RoundedCertificate) -> bool:
    """Whether there is a certificate at the longest distance, surely: then no shorter one is asked for."""
    return is_short(point, schedule) and edge_distance(point.weights, schedule.grid) >= schedule.distances[0]


def inverse_curvature(schedule: LinkCertificate, mean: Mean, weights: Integers) -> Reals:
    """By how many units weights move for a unit of G, to first order, at integer weights (K,): float64 (K, K)."""
    unit = float(schedule.one)
    curvature = mean.second(weights / (unit * 2.0**schedule.scales.w_bits)) / unit**2
    return np.asarray(np.linalg.inv(curvature) / gradient_scale(schedule), dtype=np.float64)


def gradient_scale(schedule: LinkCertificate) -> float:
    """Of G, for weights in units."""
    return float(schedule.live.count) * 2.0 ** loss_bits(schedule)


# In integers --------------------------------------------------------------------------------------------------------


def problem_of(rows: Rows, schedule: LinkCertificate) -> Problem:
    """The rows of a data set, prepared."""
    return Problem(rows.by_feature, rows.labels.astype(np.int64), schedule, rows.products)


def problems_of(rows: Rows, schedule: LinkCertificate) -> list[Problem]:
    """The same for each output, on labels of its own."""
    whole = problem_of(rows, schedule)
    if schedule.outputs == 1:
        return [whole]
    labels = [(rows.labels == output).astype(np.int64) for output in range(schedule.outputs)]
    return [replace(whole, labels=own) for own in labels]


def means_of(rows: Rows, schedule: LinkCertificate, problems: Sequence[Problem]) -> list[Mean]:
    """The mean loss of each, in floats."""
    mean, counted = mean_of(rows, schedule), schedule.live.mask()
    if len(problems) == 1:
        return [mean]
    return [replace(mean, labels=own.labels[counted].astype(np.float64)) for own in problems]


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


def points_at(rows: Rows, schedule: LinkCertificate, weights: Integers) -> list[Point]:
    """Of each output what integer weights (O K,) imply; on threads. Raises TrainingError: a score is out of range."""
    own = zip(problems_of(rows, schedule), weights.reshape(schedule.outputs, schedule.width), strict=True)
    return run_blas_tasks([partial(at, *each) for each in own])


def of_outputs(schedule: Certificate, weights: Integers) -> Integers:
    """What there is of all weights (O K,), as (O, K), or of one output (K,)."""
    return weights.reshape(schedule.outputs, schedule.width) if schedule.outputs > 1 else weights


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Points:
    """Integer weights of all outputs, (O, K), or of one (K,), with what they imply."""

    weights: Integers
    rows: RowValues
    gradient: Integers


def joined(points: Sequence[Point]) -> Points:
    """Those of each output."""
    if len(points) == 1:
        (own,) = points
        return Points(own.weights, own.rows, own.gradient)
    weights, gradient = (np.stack([getattr(own, name) for own in points]) for name in ("weights", "gradient"))
    return Points(weights, RowValues.stacked([own.rows for own in points]), gradient)


def length(gradient: Integers) -> float:
    """Of a gradient (K,), of any integers."""
    return float(np.linalg.norm(gradient.astype(np.float64)))


class Tried(Protocol):
    """What there is of integer weights (K,): their gradient, in the same units as the curvature times weights."""

    @property
    def weights(self) -> Integers:
        """W."""

    @property
    def gradient(self) -> NDArray[Any]:
        """G, or what is nearly it."""

    @property
    def size(self) -> float:
        """|G|, as float64 has it."""


T = TypeVar("T", bound=Tried)


class Changing(Protocol):
    """How a gradient changes with weights, in whichever way it is known."""

    def step(self, gradient: NDArray[Any]) -> Integers:
        """By how many units weights are above where the gradient is zero, to first order."""

    def moves(self, gradient: NDArray[Any]) -> Integers:
        """By how many units each is to be moved so that it becomes short, one at a time."""


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Curvature:
    """How a gradient changes with weights.

    Attributes:
        matrix: float64 (K, K), over `scale`.
    """

    matrix: Reals
    scale: float = 1.0

    @cached_property
    def _solved(self) -> Callable[[Reals], Reals]:
        return solver_of(self.matrix)

    def step(self, gradient: NDArray[Any]) -> Integers:
        """By how many units weights are above where the gradient is zero, to first order."""
        return np.rint(self._solved(gradient / self.scale)).astype(np.int64)

    def moves(self, gradient: NDArray[Any]) -> Integers:
        """By how many units each is to be moved so that it becomes short, one at a time."""
        return _moves(gradient / self.scale, self.matrix)


def solver_of(matrix: Reals) -> Callable[[Reals], Reals]:
    """What multiplies (K,) with the inverse of a positive definite matrix, float64 (K, K), which stays in parts."""
    half = len(matrix) // 2
    first, beside = inverse_of(matrix[:half, :half]), matrix[:half, half:]
    turned = _product(first, beside)
    last = inverse_of(matrix[half:, half:] - _product(beside.T, turned))

    def solved(right: Reals) -> Reals:
        end = last @ (right[half:] - turned.T @ right[:half])
        return np.concatenate([first @ right[:half] - turned @ end, end])

    return solved


def inverse_of(matrix: Reals) -> Reals:
    """Of a positive definite matrix, float64 (K, K), by its quarters: products of matrices are faster than pivots."""
    half = len(matrix) // 2
    if half < LEAST_HALF:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    found, beside = np.empty_like(matrix), matrix[:half, half:]
    first = inverse_of(matrix[:half, :half])
    turned = _product(first, beside)
    found[half:, half:] = last = inverse_of(matrix[half:, half:] - _product(beside.T, turned))
    found[:half, half:] = corner = -_product(turned, last)
    found[half:, :half] = corner.T
    found[:half, :half] = first - _product(corner, turned.T)
    return found


def _product(left: Reals, right: Reals) -> Reals:
    """Of matrices, on threads."""
    found = np.empty((len(left), right.shape[1]))
    parts = [slice(*span) for span in spans(right.shape[1], cost=left.size // PRODUCTS)]
    run_tasks([partial(np.matmul, left, right[:, part], out=found[:, part]) for part in parts])
    return found


def refined(
    at: Callable[[Integers], T],
    start: T,
    curvature: Changing,
    enough: Callable[[T], bool] = lambda _: False,
    near: Callable[[T], bool] = lambda _: True,
) -> T:
    """Integer weights near the optimum: steps by exact gradients while these become shorter, then polished.

    Args:
        at: from integer weights (K,) to what there is of them, exactly.
        enough: whether to stop before.
        near: whether a step that leads no nearer is the last one; else its half is tried, and so on, as where
            predictions are rounded exact gradients of weights far from each other differ by luck.
    """
    best = start
    for moved, most in ((lambda gradient: -curvature.step(gradient), REFINEMENTS), (curvature.moves, ROUNDS)):
        for _ in range(most):
            if enough(best):
                return best
            change = moved(best.gradient)
            trial = at(best.weights + change) if change.any() else best
            while trial.size >= best.size and np.abs(change).max() > 1 and not near(best):
                change = np.rint(change / 2).astype(np.int64)
                trial = at(best.weights + change)
            if trial.size >= best.size:
                break
            best = trial
    return best


def _moves(gradient: Reals, curvature: Reals) -> Integers:
    """By how many units each weight is to be moved, so that gradient + curvature moves is short: one at a time."""
    squared = curvature @ curvature
    return unit_moves(curvature @ gradient, squared.diagonal(), lambda k: squared[k], POLISHES)
