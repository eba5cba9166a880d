"""Where the optimum of very many weights is: Newton's method by conjugate gradients, and exact gradients throughout.

There is no matrix with a number for any two weights. What a step leaves of a gradient is seen by the exact one of the
integer weights where it ends, as in optimum_search.py and gram_search.py; nothing of how they are found is proved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeVar

import numpy as np

from ...errors import TrainingError
from ...models.methods.certificate import Certificate, RoundedCertificate
from ...models.methods.gram_certificate import GramCertificate
from ...models.methods.gram_reference import LimbValues, carries_of, held, joined_gradient, weight_limbs
from ...models.methods.link_certificate import LinkCertificate
from ...models.methods.newton_inverse import STEP_BITS
from ...models.methods.optimum_reference import edge_distance
from ..kernels import Products, run_blas_tasks
from .curve import Integers, Reals
from .gram_search import LinearPoint, out_of_range, scores
from .implicit_curvature import ImplicitCurvature
from .optimum_search import Point, Problem, Tried, at, is_short, problems_of, refined
from .rows import Rows

MOST_DENSE = 2048  # weights: of more there is no matrix with a number for any two of them
NEWTON_STEPS = 60  # far more than a convex function takes from zero
HALVINGS = 20  # of a step that goes too far
CURVED = 1 << 10  # units: a shorter step that goes too far does so because weights are rounded
T = TypeVar("T", bound=Tried)


def nearest_wide(rows: Rows, schedule: LinkCertificate, near: Integers | None = None) -> list[Point]:
    """Of each output integer weights near the optimum on the rows that count, and what they imply; on threads.

    Args:
        near: such weights to begin from, (O, K), or of one output (K,).

    Raises:
        TrainingError: a score is out of range.
    """
    problems = problems_of(rows, schedule)
    starts = np.atleast_2d(near) if near is not None else [None] * len(problems)
    found = run_blas_tasks([partial(_nearest, *own) for own in zip(problems, starts, strict=True)])
    if are_enough(found, schedule):
        return found
    return run_blas_tasks([partial(_polished, *own) for own in zip(problems, found, strict=True)])


def _nearest(problem: Problem, near: Integers | None) -> Point:
    through, own = partial(at, problem), problem.schedule
    start = _start(through, near, own)
    return found_from(through, start, partial(_curvature, problem), own, lambda point: are_enough([point], own))


def _polished(problem: Problem, point: Point) -> Point:
    """The same where a search has ended, as near as can be: of several outputs, which share one distance."""
    if problem.schedule.outputs == 1:
        return point
    return refined(partial(at, problem), point, _curvature(problem, point))


def _start(through: Callable[[Integers], Point], near: Integers | None, schedule: LinkCertificate) -> Point:
    """Weights that are near, or zeros if these have a shorter gradient."""
    zero = through(np.zeros(schedule.width, dtype=np.int64))
    if near is None:
        return zero
    try:
        found = through(near)
    except TrainingError:  # of rows that it was not found on a score can be out of range
        return zero
    return min(found, zero, key=lambda own: own.size)


def _curvature(problem: Problem, point: Point) -> ImplicitCurvature:
    own = problem.schedule
    return ImplicitCurvature(
        products=problem.products,
        slopes=point.rows.step.astype(np.float64),
        scale=2.0 ** (own.raised - STEP_BITS),
        penalty=float(own.penalty),
        constants=np.full(own.width - own.features, float(own.one)),
        width=own.width,
        unused=own.unused,
    )


def found_from(
    through: Callable[[Integers], T],
    start: T,
    curvature_at: Callable[[T], ImplicitCurvature],
    schedule: Certificate,
    enough: Callable[[T], bool],
) -> T:
    """From integer weights to such as have a certificate surely, or as near as they get.

    Args:
        through: from integer weights (K,) to what there is of them, exactly. It may raise TrainingError.
        enough: whether they have.

    Raises:
        TrainingError: as `through`, from wherever a step ends.
    """
    best, curvature = start, curvature_at(start)
    for _ in range(NEWTON_STEPS):
        if is_short(best, schedule):
            break
        found = _stepped(through, best, curvature.step(best.gradient))
        if found is None:
            break
        best, before = found, curvature
        curvature = curvature_at(best)
        if curvature is not before:
            curvature = replace(curvature, shortcut=before.shortcut or before.rounded)
    return refined(through, best, curvature, enough)


def _stepped(through: Callable[[Integers], T], start: T, change: Integers) -> T | None:
    """Where a step leads, halved until the gradient becomes shorter; None where it does not."""
    beyond: TrainingError | None = None
    for halving in range(HALVINGS):
        part = np.rint(change / 2**halving).astype(np.int64)
        if halving and np.abs(part).max() < CURVED:
            break
        try:
            trial = through(start.weights - part)
        except TrainingError as error:  # a score is beyond the table there
            beyond = error
            continue
        beyond = None
        if trial.size <= start.size * (1 - 2.0 ** -(halving + 2)):
            return trial
    if beyond is not None:
        raise beyond
    return None


def are_enough(points: Sequence[Tried], schedule: Certificate) -> bool:
    """Whether there is a certificate at a declared distance, surely: one for all.

    Where weights are many an edge of the grid is nearer to one of them than the longest distance, of which nobody gets
    away by looking on.
    """
    edges = [schedule.distances[0]]
    if isinstance(schedule, RoundedCertificate):
        edges = [edge_distance(point.weights, schedule.grid) for point in points]
    return any(
        min(edges) >= distance and all(is_short(point, schedule, number) for point in points)
        for number, distance in enumerate(schedule.distances)
    )


# Of linear models -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class _LinearTried:
    """Integer weights (K,), G in limbs (3, K), and as float64 has it: far from the optimum it has more than 64 bits.

    Attributes:
        size: |G|.
    """

    weights: Integers
    sums: Integers
    gradient: Reals
    size: float


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class _Linear:
    """The rows as they are multiplied with.

    Attributes:
        labels: int64 (N,).
    """

    products: Products
    labels: Integers
    schedule: GramCertificate

    def at(self, weights: Integers) -> _LinearTried:
        """What integer weights (K,) imply. Raises TrainingError: one is out of range."""
        own = self.schedule
        if np.abs(weights).max() >= own.largest_weight:
            raise out_of_range(own)
        limbs = weight_limbs(weights)
        place, shift = own.label_place
        sums = np.stack([self._sums(limb, self.labels << shift if i == place else 0) for i, limb in enumerate(limbs)])
        sums = (sums << own.raised) + own.penalty * limbs
        gradient = joined_gradient(sums).astype(np.float64)
        return _LinearTried(weights, sums, gradient, float(np.linalg.norm(gradient)))

    def _sums(self, limb: Integers, labels: Integers | int) -> Integers:
        """Over the rows that count, of features times what a limb's scores are above labels, int64 (K,)."""
        own, found = self.schedule, np.empty(self.schedule.width, dtype=np.int64)
        of_features = limb[: own.features].copy()
        of_features[list(own.unused)] = 0
        z = self.products.scores(of_features) + own.one * int(limb[own.features :].sum())
        residuals = np.where(own.live.mask(), z - labels, 0)
        found[: own.features] = self.products.sums(residuals)
        found[list(own.unused)] = 0
        found[own.features :] = own.one * int(residuals.sum())
        return found

    @cached_property
    def curvature(self) -> ImplicitCurvature:
        """The same everywhere."""
        own = self.schedule
        return ImplicitCurvature(
            products=self.products,
            slopes=own.live.mask().astype(np.float64),
            scale=2.0**own.raised,
            penalty=float(own.penalty),
            constants=np.full(own.width - own.features, float(own.one)),
            width=own.width,
            unused=own.unused,
        )


def nearest_wide_linear(rows: Rows, schedule: GramCertificate) -> tuple[LinearPoint, LimbValues]:
    """As gram_search.nearest_linear, of very many weights.

    Raises:
        TrainingError: a weight is out of range.
    """
    problem = _Linear(rows.products, rows.labels.astype(np.int64), schedule)
    (found,) = run_blas_tasks([partial(_linear, problem)])
    return found, LimbValues(scores(rows, found.weights, schedule), carries_of(found.sums, found.gradient))


def _linear(problem: _Linear) -> LinearPoint:
    start = problem.at(np.zeros(problem.schedule.width, dtype=np.int64))
    own = problem.schedule
    found = found_from(problem.at, start, lambda _: problem.curvature, own, lambda point: are_enough([point], own))
    return LinearPoint(found.weights, found.sums, held(joined_gradient(found.sums)), found.size)
