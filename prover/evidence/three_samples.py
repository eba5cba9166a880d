"""The relative test of three samples: are the predictions of a retraining nearer to those after, or before?

Bounliphone, Belilovsky, Blaschko, Antonoglou and Gretton, *A Test of Relative Similarity for Model Selection in
Generative Models* (ICLR 2016): MMD^2(X, Z) - MMD^2(X, Y), each by its unbiased estimator, is normal in large samples.
Here all three models are asked about the same rows, so it is one U-statistic of the triples (x, y, z)_i, and its
variance follows from theirs (Hoeffding 1948): rows that are hard for all three cancel out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
LEAST_ROWS = 10  # below that no sum of them is nearly normal
MOST_ROWS = 1000  # a kernel has as many squares


@dataclass(frozen=True, repr=False)  # what is told of rows stays out of logs
class Nearer:
    """What the test says.

    Attributes:
        rows: triples.
        difference: MMD^2(retrained, before) - MMD^2(retrained, after): positive where after is nearer.
        deviations: by how many of its standard deviations it is above zero; 0.0 where nothing varies.
        p: probability of as much, if after were not nearer; small ones speak for after.
    """

    rows: int
    difference: float
    deviations: float
    p: float


def nearer(retrained: FloatArray, after: FloatArray, before: FloatArray) -> Nearer | None:
    """Compare predictions (n, O) of three models for the same rows; None for fewer than LEAST_ROWS.

    The kernel is Gaussian, its width the median distance of predictions that differ (Gretton et al., JMLR 2012).
    """
    n = len(retrained)
    if n < LEAST_ROWS:
        return None
    pairs_of = ((before, before), (after, after), (retrained, after), (retrained, before))
    squares = np.stack([_squares(one, other) for one, other in pairs_of])
    different = squares[squares > 0]
    if not len(different):
        return Nearer(n, 0.0, 0.0, 0.5)
    old, new, with_after, with_before = np.exp(-squares / (2 * float(np.median(different))))
    pairs = old - new + with_after + with_after.T - with_before - with_before.T
    np.fill_diagonal(pairs, 0.0)
    means = pairs.sum(axis=1) / (n - 1)  # of each triple with all others
    difference = float(means.mean())
    deviation = 2 * math.sqrt(float(means.var(ddof=1)) / n)
    deviations = difference / deviation if deviation > 0.0 else 0.0
    return Nearer(n, difference, deviations, NormalDist().cdf(-deviations))


def _squares(one: FloatArray, other: FloatArray) -> FloatArray:
    found = np.zeros((len(one), len(other)))
    for mine, theirs in zip(one.T, other.T, strict=True):  # one output at a time, for memory's sake
        found += (mine[:, None] - theirs) ** 2
    return found
