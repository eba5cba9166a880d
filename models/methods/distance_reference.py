"""Distances in exact integers: what is committed for a model, and which the smallest one is.

`measure` is the whole in Python's own integers; the prover has the gradient by matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, TrainingError
from .certificate import bits_for
from .distance import LARGEST_SLOPE, DistanceCertificate
from .gram_distance import GramDistance
from .gram_reference import LimbValues, carries_of, held, joined_gradient, weight_limbs
from .link_distance import LinkDistance
from .optimum_reference import Near, RowValues, gradient_of, near

IntArray = NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Placed:
    """A model, with what follows from it.

    Attributes:
        model: int64 (K,), M at the scale of the training, and B, or of linear models I, last, if there is one.
        rows: what it implies of rows; of linear models scores by limbs, and carries.
        gradient: G, int64 (K,); of a bias that is not penalised its own. What has no room there is as long as there
            is room for, and shows nothing.
    """

    model: IntArray
    rows: RowValues | LimbValues
    gradient: IntArray


def weights_of(integers: IntArray, own: DistanceCertificate) -> IntArray:
    """M, and B or I, int64 (K,), of a model's integers (1, K).

    Raises:
        TrainingError: one of them is beyond what a distance can be proved of.
    """
    model: IntArray = integers[0].copy()
    model[own.features :] //= own.bias_unit
    limit = own.largest_weight >> own.unit_bits
    if (model < -limit).any() or (model >= limit).any():
        most = own.largest_weight >> own.scales.w_bits
        raise TrainingError(
            f"a weight of the model is {most} or more, and no distance can be proved of it; use a larger l2"
            + ("" if isinstance(own, GramDistance) else ", or a lower learning_rate")
        )
    return model


def measure(X: ArrayLike, y: ArrayLike, model: IntArray, own: DistanceCertificate) -> Placed:
    """What follows from a model (K,), features (N, d) and labels (N,), row by row in Python's integers.

    Raises:
        DataError: other shapes. TrainingError: a score is beyond the table.
    """
    if isinstance(own, GramDistance):
        return placed_by_limbs(model, *_limb_sums(X, y, model, own), own)
    rows, gradient = gradient_of(X, y, model << own.unit_bits, cast(LinkDistance, own))
    return Placed(model, rows, gradient)


def _limb_sums(X: ArrayLike, y: ArrayLike, model: IntArray, own: GramDistance) -> tuple[IntArray, IntArray]:
    """z_i, int64 (3, N), and G_i without penalties, (3, K)."""
    features, labels = np.asarray(X).astype(object), np.asarray(y).astype(object)
    if features.shape != (own.rows, own.features) or labels.shape != (own.rows,):
        raise DataError(f"X, y: shapes {features.shape}, {labels.shape}")
    features[:, list(own.unused)] = 0
    limbs, (place, shift) = weight_limbs(model).astype(object), own.label_place
    z = limbs[:, : own.features] @ features.T + limbs[:, own.features :].sum(axis=1, keepdims=True)
    residuals = z.copy()
    residuals[place] -= labels << shift
    ones = np.full((own.rows, int(own.bias)), own.one, dtype=object)
    sums = ((residuals * own.live.mask()) @ np.hstack([features, ones])) << own.raised
    return z.astype(np.int64), sums.astype(np.int64)


def placed_by_limbs(model: IntArray, z: IntArray, sums: IntArray, own: GramDistance) -> Placed:
    """From z_i (3, N) and G_i without penalties (3, K)."""
    penalties = np.full(len(model), own.penalty, dtype=np.int64)
    penalties[own.features :] = own.bias_penalty
    limbs = sums + penalties * weight_limbs(model)
    gradient = held(joined_gradient(limbs))
    return Placed(model, LimbValues(z, carries_of(limbs, gradient)), gradient)


def smallest(placed: Placed, own: DistanceCertificate) -> tuple[int, int | None]:
    """The least distance that shows the gradient, and the least slope, as logarithms.

    Raises:
        TrainingError: no distance does, as the model is farther than the longest one from any that it could show.
    """
    slope = None if own.slope is None else _slope_of(int(placed.gradient[-1]))
    for distance in range(own.longest + 1) if slope is None or slope <= LARGEST_SLOPE else ():
        if _shown(placed, replace(own, distances=(1 << distance,))) is not None:
            return distance, slope
    most = float(replace(own, distances=(1 << own.longest,)).real_distance)
    raise TrainingError(
        f"the gradient of the model is too long for any distance up to {most:g}: train it for longer, or with a larger "
        "l2"
    )


def declared(placed: Placed, own: DistanceCertificate) -> Near | None:
    """What is committed for the distance and the slope of a certificate; None where the gradient is longer.

    Of a bias that is not penalised, `cut` is its gradient, and `cut_rest` has no cell.
    """
    shown = _shown(placed, own)
    if shown is None or own.slope is None:
        return shown
    steep = placed.gradient[own.counted :]
    if _slope_of(int(steep[0])) > own.slope:
        return None
    return replace(shown, cut=np.concatenate([shown.cut, steep]))


def _shown(placed: Placed, own: DistanceCertificate) -> Near | None:
    found = near(placed.model[: own.counted], placed.gradient[: own.counted], own)
    return None if found is None else replace(found, weights=placed.model, gradient=placed.gradient)


def _slope_of(gradient: int) -> int:
    """The least s for which it is in [-2^s, 2^s)."""
    return bits_for(max(gradient + 1, -gradient, 1))
