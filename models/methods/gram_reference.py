"""The certificate of a linear model's optimum in exact integers: what is committed for weights that somebody found.

The equations are those of gram_certificate.py. `certify_linear` is the whole in Python's own integers, which have no
size; the prover (prover/witnesses/linear_optimum.py) has sums over rows by matrix products, and the rest from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError
from ..scales import REMAINDER_BITS
from .gram_certificate import LIMBS, GramCertificate, LinearOptimumCertificate
from .optimum_reference import LIMB_MASK, Settled, first_settled

IntArray = NDArray[np.int64]
LONGEST = 1 << 62  # a longer gradient certifies nothing


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class LimbValues:
    """What there is beside weights and their gradient.

    Attributes:
        z: int64 (3, N), z_i of all rows.
        carries: kappa, int64 (2, K).
    """

    z: IntArray
    carries: IntArray


def weight_limbs(weights: IntArray) -> IntArray:
    """L_0, L_1, L_2 of weights (K,), int64 (3, K): the last one has the sign."""
    shifts = [REMAINDER_BITS * i for i in range(LIMBS)]
    return np.stack([*((weights >> shift) & LIMB_MASK for shift in shifts[:-1]), weights >> shifts[-1]])


def joined_gradient(limbs: IntArray) -> NDArray[Any]:
    """G in Python's integers, (K,), from those of limbs, int64 (3, K)."""
    return np.asarray(sum(own.astype(object) << (REMAINDER_BITS * i) for i, own in enumerate(limbs)))


def held(gradient: NDArray[Any]) -> IntArray:
    """G as int64 (K,); what has no room there is as long as there is room for."""
    return np.asarray(np.clip(gradient, -LONGEST, LONGEST), dtype=np.int64)


def carries_of(limbs: IntArray, gradient: IntArray) -> IntArray:
    """kappa, int64 (2, K), from G_i (3, K) and the G that they are."""
    first = (limbs[0] - gradient) >> REMAINDER_BITS
    return np.stack([first, (limbs[1] + first) >> REMAINDER_BITS])


def certify_linear(
    X: ArrayLike, y: ArrayLike, weights: ArrayLike, schedule: LinearOptimumCertificate
) -> tuple[LimbValues, Settled]:
    """The certificate of weights (K,), from features (N, d) and labels (N,), all in Python's integers.

    Raises:
        DataError: other shapes. TrainingError: see `first_settled`.
    """
    features, labels = np.asarray(X).astype(object), np.asarray(y).astype(object)
    if features.shape != (schedule.rows, schedule.features) or labels.shape != (schedule.rows,):
        raise DataError(f"X, y: shapes {features.shape}, {labels.shape}")
    own = np.asarray(weights).astype(np.int64)
    features[:, list(schedule.unused)] = 0
    if schedule.bias:
        features = np.hstack([features, np.full((len(features), 1), schedule.one, dtype=object)])
    limbs = weight_limbs(own).astype(object)
    z = limbs @ features.T
    sums = _gradients(features, labels, z, schedule) + schedule.penalty * limbs
    gradient = held(joined_gradient(sums))
    settled = first_settled(own, gradient, schedule)
    carries = carries_of(sums.astype(np.int64), gradient)
    return LimbValues(z.astype(np.int64), carries), settled


def _gradients(features: Any, labels: Any, z: Any, schedule: GramCertificate) -> Any:
    """G_i without the penalty, (3, K)."""
    place, shift = schedule.label_place
    counted, residuals = schedule.live.mask(), z.copy()
    residuals[place] -= labels << shift
    return ((residuals * counted) @ features) << schedule.raised
