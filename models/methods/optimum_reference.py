"""The certificate of an optimum in exact integers: what is committed for weights that somebody found.

The equations are those of certificate.py and link_certificate.py. `certify` is the whole in Python's own integers,
which have no size; the prover (prover/witnesses/optimum.py) has scores and gradients by matrix products, and the rest
from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, TrainingError
from ..activation import HALF_TABLE
from ..scales import REMAINDER_BITS
from .certificate import GRADIENT_BITS, Certificate, RoundedCertificate, radius_of
from .link_certificate import HALF_LIMB, LinkCertificate, OptimumCertificate

IntArray = NDArray[np.int64]
FEW = 5  # numbers that are listed
LIMB_MASK = (1 << REMAINDER_BITS) - 1


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class RowValues:
    """Of all rows, int64 (N,): cell Q, its edge T[Q], its step, M, l, P' and u; 0 where a row does not count, but z.

    Of several outputs int64 (O, N). product: step times M.
    """

    z: IntArray
    Q: IntArray
    edge: IntArray
    step: IntArray
    middle: IntArray
    low: IntArray
    risen: IntArray
    rest: IntArray

    @property
    def product(self) -> IntArray:
        """step M."""
        return self.step * self.middle

    def residuals(self, labels: IntArray, schedule: LinkCertificate) -> IntArray:
        """r, 0 where a row does not count."""
        counted = schedule.live.mask()
        return np.where(counted, self.edge + self.risen - schedule.label_multiplier * labels, 0)

    @classmethod
    def stacked(cls, outputs: Sequence[RowValues]) -> RowValues:
        """Those of each output (N,), as (O, N)."""
        return cls(*(np.stack([getattr(own, each.name) for own in outputs]) for each in fields(cls)))


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Near:
    """That weights are near the optimum; int64 (K,), the bias last if there is one, or of several outputs (O, K).

    Attributes:
        weights: W.
        gradient: G. cut: Gamma. cut_rest: v.
        slack: radius^2 - sum Gamma^2.
    """

    weights: IntArray
    gradient: IntArray
    cut: IntArray
    cut_rest: IntArray
    slack: int


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Settled(Near):
    """The certificate of weights, at one of the declared distances, and of their rounding.

    Attributes:
        number: which distance.
        below, above: A and B.
        model: m.
    """

    number: int
    below: IntArray
    above: IntArray
    model: IntArray


def row_values(z: IntArray, schedule: LinkCertificate) -> RowValues:
    """From scores of all rows. Raises TrainingError where one of a row that counts is beyond the table."""
    counted, edges = schedule.live.mask(), schedule.edges
    moved = z + HALF_LIMB
    Q = moved >> (2 * REMAINDER_BITS)
    if ((Q < -HALF_TABLE) | (Q >= HALF_TABLE))[..., counted].any():
        worst = float(np.abs(z[..., counted]).max()) / 2.0 ** (schedule.scales.x_bits + schedule.scales.w_bits)
        raise TrainingError(
            f"a score of {worst:.1f} is beyond the table, which ends at {schedule.scales.z_limit:g}; "
            f"{schedule.for_larger_scores(worst)}"
        )
    Q = np.where(counted, Q, 0)
    middle, low = (np.where(counted, (moved >> bits) & LIMB_MASK, 0) for bits in (REMAINDER_BITS, 0))
    edge, step = (np.where(counted, own[Q + HALF_TABLE], 0) for own in (edges[:-1], np.diff(edges)))
    raised = step * middle + HALF_LIMB
    risen, rest = (np.where(counted, own, 0) for own in (raised >> REMAINDER_BITS, raised & LIMB_MASK))
    return RowValues(z, Q, edge, step, middle, low, risen, rest)


def near(weights: IntArray, gradient: IntArray, own: Certificate) -> Near | None:
    """That weights are within the distance of the certificate; None where their gradient is too long to show it."""
    moved = gradient + ((1 << own.shift) >> 1)
    cut = moved >> own.shift
    slack = own.radius**2 - sum(int(value) ** 2 for value in cut.ravel().tolist())
    if slack < 0 or np.abs(cut).max() >= 1 << (GRADIENT_BITS - 1):
        return None
    return Near(weights, gradient, cut, moved - (cut << own.shift), slack)


def settle(weights: IntArray, gradient: IntArray, schedule: RoundedCertificate, number: int) -> Settled | None:
    """The certificate at a distance; None where weights are too far from the optimum, or too near an edge."""
    own = schedule.at_distance(number)
    shown = near(weights, gradient, own)
    raised = weights + (1 << (own.grid - 1))
    model = raised >> own.grid
    below = raised - (model << own.grid) - own.distance
    above = own.room - below
    if shown is None or below.min() < 0 or above.min() < 0:
        return None
    return Settled(weights, gradient, shown.cut, shown.cut_rest, shown.slack, number, below, above, model)


def first_settled(weights: IntArray, gradient: IntArray, schedule: RoundedCertificate) -> Settled:
    """The certificate at the first distance that has one.

    Raises:
        TrainingError: there is none; it says which grid, or distance, would do.
    """
    limit = schedule.largest_weight
    if (weights < -limit).any() or (weights >= limit).any():
        most = limit >> schedule.scales.w_bits
        raise TrainingError(f"a weight of the optimum is {most} or more; use a larger l2")
    for number in range(len(schedule.distances)):
        found = settle(weights, gradient, schedule, number)
        if found is not None:
            return found
    raise TrainingError(_advice(weights, gradient, schedule))


def shortest_distance(gradient: IntArray, schedule: Certificate) -> int:
    """The smallest distance, of any, that a gradient certifies."""
    norm = sum(int(value) ** 2 for value in gradient.ravel().tolist())
    low, high = 1, 1 << 62
    while low < high:
        middle = (low + high) // 2
        threshold = schedule.penalty * middle
        shift = max(0, threshold.bit_length() - (GRADIENT_BITS - 1))
        radius = radius_of(threshold, shift, schedule.weight_count)
        low, high = (low, middle) if radius > 0 and (radius << shift) ** 2 >= norm else (middle + 1, high)
    return low


def _advice(weights: IntArray, gradient: IntArray, schedule: RoundedCertificate) -> str:
    """Why no declared distance has a certificate, and what would have one."""
    nearest, reached = edge_distance(weights, schedule.grid), shortest_distance(gradient, schedule)
    said = (
        f"no declared distance ({_listed(schedule.distances)} units) certifies these weights, which are at "
        f"most {reached} units from the optimum, and {nearest} from the nearest edge of the grid"
    )
    if reached <= nearest:
        return f"{said}: declare distances that end in one between these, for all future statements, or retrain"
    needed = min((own for own in schedule.distances if own >= reached), default=reached)
    for grid in range(schedule.grid + 1, schedule.scales.w_bits + 1):
        if edge_distance(weights, grid) >= needed:
            return f"{said}: declare grid = {grid}, for all future statements, or retrain"
    return f"{said}: declare a larger l2, for all future statements, or retrain"


def _listed(distances: Sequence[int]) -> str:
    """All of them, or between which they are."""
    found = sorted(distances, reverse=True)
    return ", ".join(map(str, found)) if len(found) <= FEW else f"{len(found)} from {found[0]} to {found[-1]}"


def edge_distance(weights: IntArray, grid: int) -> int:
    """From the nearest place where a weight would be rounded differently."""
    within = (weights + (1 << (grid - 1))) & ((1 << grid) - 1)
    return int(np.minimum(within, (1 << grid) - 1 - within).min())


def exported_model(settled: Settled, schedule: Certificate) -> IntArray:
    """The integers of the model, (O, K): weights at scale w_bits - grid, the intercept at x_bits more."""
    own = np.atleast_2d(settled.model).copy()
    own[:, schedule.features :] <<= schedule.scales.x_bits
    return own


def certify(X: ArrayLike, y: ArrayLike, weights: ArrayLike, schedule: OptimumCertificate) -> tuple[RowValues, Settled]:
    """The certificate of weights (K,), from features (N, d) and labels (N,), row by row in Python's integers.

    Of several outputs it is of weights (O, K), and labels are the numbers of classes.

    Raises:
        DataError: other shapes. TrainingError: see `row_values` and `first_settled`.
    """
    rows, gradient = gradients_of(X, y, weights, schedule)
    return rows, first_settled(np.asarray(weights).astype(np.int64), gradient, schedule)


def gradients_of(X: ArrayLike, y: ArrayLike, weights: ArrayLike, own: LinkCertificate) -> tuple[RowValues, IntArray]:
    """What weights (K,) imply of rows, and G; of several outputs what weights (O, K) do, and G of each."""
    if own.outputs == 1:
        return gradient_of(X, y, weights, own)
    each = [gradient_of(X, np.asarray(y) == output, one, own) for output, one in enumerate(np.asarray(weights))]
    return RowValues.stacked([one for one, _ in each]), np.stack([one for _, one in each])


def gradient_of(X: ArrayLike, y: ArrayLike, weights: ArrayLike, own: LinkCertificate) -> tuple[RowValues, IntArray]:
    """What weights (K,) imply of rows, and G, int64 (K,); likewise."""
    features, labels = np.asarray(X).astype(object), np.asarray(y).astype(np.int64)
    if features.shape != (own.rows, own.features) or labels.shape != (own.rows,):
        raise DataError(f"X, y: shapes {features.shape}, {labels.shape}")
    found: NDArray[Any] = np.asarray(weights).astype(object)
    features[:, list(own.unused)] = 0
    if own.bias:
        features = np.hstack([features, np.full((len(features), 1), own.one, dtype=object)])
    rows = row_values((features @ found).astype(np.int64), own)
    r = rows.residuals(labels, own).astype(object)
    gradient = (features.T @ r) * (1 << own.raised) + own.penalties(found)
    return rows, gradient.astype(np.int64)
