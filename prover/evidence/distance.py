"""How far models are from one another, and how rare such a distance is.

All of weights on encoded features, float64 (O, K), the intercept included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def distance(one: FloatArray, other: FloatArray) -> float:
    """Euclidean."""
    return float(np.linalg.norm(one - other))


def distances(one: FloatArray, others: Sequence[FloatArray]) -> tuple[float, ...]:
    """From one to each of the others."""
    return tuple(distance(one, other) for other in others)


def sign_test(first: Sequence[float], second: Sequence[float]) -> tuple[int, int, float]:
    """How often the first of two numbers is the smaller one, of how many that differ, and how probable as much is.

    Exact: if retrainings were as often nearer to the second model as to the first, the count would be that of heads of
    a fair coin. Retrainings on rows that are drawn independently are independent, given the two models.

    Returns:
        The count, how many differ, and the probability of so many or more; 1.0 where none differ.
    """
    smaller = sum(a < b for a, b in zip(first, second, strict=True))
    differ = sum(a != b for a, b in zip(first, second, strict=True))
    return smaller, differ, sum(math.comb(differ, k) for k in range(smaller, differ + 1)) / 2**differ


def share_at_least(values: Sequence[float], value: float) -> float:
    """The part of values that are at least as large as one, with this one counted among them: an exact p-value."""
    return (1 + sum(each >= value for each in values)) / (1 + len(values))
