"""Distances in exact integers: what is committed for a model, and which the smallest one is.

`measure` is the whole in Python's own integers; the prover has the gradient by matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import TrainingError
from .certificate import bits_for
from .distance import DistanceCertificate, distance_bits
from .optimum_reference import Near, RowValues, gradient_of, near

IntArray = NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Placed:
    """A model, with what follows from it.

    Attributes:
        model: int64 (K,), at the scale of the training; the bias last, if there is one.
        gradient: G, int64 (K,); of a bias that is not penalised its own.
    """

    model: IntArray
    rows: RowValues
    gradient: IntArray


def weights_of(integers: IntArray, own: DistanceCertificate) -> IntArray:
    """M and B, int64 (K,), of a model's integers (1, K), whose intercept is 2^x B.

    Raises:
        TrainingError: one of them is beyond what a distance can be proved of.
    """
    model: IntArray = integers[0].copy()
    model[own.features :] >>= own.scales.x_bits
    limit = own.largest_weight >> own.unit_bits
    if (model < -limit).any() or (model >= limit).any():
        raise TrainingError("a weight of the model is 32 or more, and no distance can be proved of it; use a larger l2")
    return model


def measure(X: ArrayLike, y: ArrayLike, model: IntArray, own: DistanceCertificate) -> Placed:
    """What follows from a model (K,), features (N, d) and labels (N,), row by row in Python's integers.

    Raises:
        DataError: other shapes. TrainingError: a score is beyond the table.
    """
    rows, gradient = gradient_of(X, y, model << own.unit_bits, own)
    return Placed(model, rows, gradient)


def smallest(placed: Placed, own: DistanceCertificate) -> tuple[int, int | None]:
    """The least distance that shows the gradient, and the least slope, as logarithms.

    Raises:
        TrainingError: no distance does, as the model is 32 or more from any that it could show.
    """
    slope = None if own.slope is None else _slope_of(int(placed.gradient[-1]))
    for distance in range(distance_bits(own.scales) + 1):
        if _shown(placed, replace(own, distances=(1 << distance,))) is not None:
            return distance, slope
    raise TrainingError("the gradient of the model is too long for any distance below 32: train it for longer")


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
