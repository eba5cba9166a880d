"""A noisy model in exact integers: what is committed for weights that somebody found, and coins that nobody chose.

The equations are those of noisy_certificate.py. `noisy` is the whole in Python's own integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import TrainingError
from ..noise import COIN_BITS, HALF_NOISE, noise_edges, noise_of
from .noisy_certificate import NoisyCertificate
from .optimum_reference import Near, RowValues, gradients_of, near, shortest_distance

IntArray = NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Noised(Near):
    """The certificate of weights, and the noise on their rounding; int64 (K,), or of several outputs (O, K).

    Attributes:
        coins: R. carry: of R + pub.
        noise: eta, with the edges of its cell, `low` = C[eta - 1] and `high` = C[eta].
        above, below: U - low and high - 1 - U.
        rounded: m. rest: A.
    """

    coins: IntArray
    carry: IntArray
    noise: IntArray
    low: IntArray
    high: IntArray
    above: IntArray
    below: IntArray
    rounded: IntArray
    rest: IntArray

    @property
    def model(self) -> IntArray:
        """m + eta."""
        return self.rounded + self.noise


def noised(weights: IntArray, gradient: IntArray, coins: IntArray, schedule: NoisyCertificate) -> Noised:
    """The certificate of weights with as many coins, below 2^62.

    Raises:
        TrainingError: the weights are not as near the optimum as is declared, or too large.
    """
    limit = schedule.largest_weight
    if (weights < -limit).any() or (weights >= limit).any():
        raise TrainingError("a weight of the optimum is 32 or more; use a larger l2")
    shown = near(weights, gradient, schedule)
    if shown is None:
        raise TrainingError(
            f"the declared distance ({schedule.distance} units) does not certify these weights, which are at most "
            f"{shortest_distance(gradient, schedule)} units from the optimum: declare this, for all future statements"
        )
    pads = np.array(schedule.pads or (0,) * schedule.weight_count, dtype=np.uint64).reshape(weights.shape)
    sums = coins.astype(np.uint64) + pads  # below 2^63
    drawn = (sums & np.uint64((1 << COIN_BITS) - 1)).astype(np.int64)
    noise, edges = noise_of(drawn), noise_edges()
    low, high = edges[noise + HALF_NOISE], edges[noise + HALF_NOISE + 1]
    moved = weights + schedule.half
    rounded = moved >> schedule.grid
    return Noised(
        shown.weights,
        shown.gradient,
        shown.cut,
        shown.cut_rest,
        shown.slack,
        coins,
        (sums >> np.uint64(COIN_BITS)).astype(np.int64),
        noise,
        low,
        high,
        drawn - low,
        high - 1 - drawn,
        rounded,
        moved - (rounded << schedule.grid),
    )


def published(found: Noised, schedule: NoisyCertificate) -> IntArray:
    """m + eta, as W, at scale w_bits - grid; 0 for features that are left out."""
    own = found.model.copy()
    own[..., list(schedule.unused)] = 0
    return own


def noisy_model(found: Noised, schedule: NoisyCertificate) -> IntArray:
    """The integers of the model, (O, K): weights at scale w_bits - grid, the intercept at x_bits more."""
    own = np.atleast_2d(published(found, schedule))
    own[:, schedule.features :] <<= schedule.scales.x_bits
    return own


def noisy(
    X: ArrayLike, y: ArrayLike, weights: ArrayLike, coins: ArrayLike, schedule: NoisyCertificate
) -> tuple[RowValues, Noised]:
    """The noisy model of weights (K,), from features (N, d) and labels (N,), row by row in Python's integers.

    Of several outputs it is of weights and coins (O, K), and labels are the numbers of classes.

    Raises:
        DataError: other shapes. TrainingError: see `noised` and `optimum_reference.row_values`.
    """
    rows, gradient = gradients_of(X, y, weights, schedule)
    return rows, noised(np.asarray(weights, dtype=np.int64), gradient, np.asarray(coins, dtype=np.int64), schedule)
