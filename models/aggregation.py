"""What the models of shards say together of classes, in integers: what is predicted, and what is proved of it.

Scores are integers z at the scale x_bits + w_bits. The model of a shard says of each output

    vote          1 where z is positive, else 0                                          of two classes
    probability   the table's entry for the cell of z, scale PROBABILITY_BITS            of two classes, or of several

The cells are 2^-CELL_BITS of a unit wide, and the table ends at |z| = 2^(15 - CELL_BITS) = 64; beyond, its last entry
counts. Of two classes, class 1 is predicted where the sum of what is said is more than half of the most that it can be;
of several, the one of the largest sum, and of equal ones the first. Where scores are averaged, class 1 is predicted
where their sum is positive, or of several classes that of the largest sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activation import HALF_TABLE, activation_table
from .families import Family

PROBABILITY, SCORE, VOTE = AGGREGATES = ("probability", "score", "vote")
CELL_BITS = 9
PROBABILITY_BITS = 16
LARGEST_SCORE = HALF_TABLE >> CELL_BITS  # where the table ends

IntArray = NDArray[np.int64]


def whole_of(aggregate: str) -> int:
    """The most that a model says."""
    return 1 if aggregate == VOTE else 1 << PROBABILITY_BITS


def probability_table(family: Family) -> IntArray:
    """int64 (65536,): entry q + 2^15 is the prediction for scores in [q, q + 1) / 2^CELL_BITS."""
    return activation_table(family.entries, CELL_BITS, PROBABILITY_BITS)


def cells_of(z: IntArray, scale: int) -> IntArray:
    """Cells of scores at a scale, those beyond the table included."""
    return z >> (scale - CELL_BITS)


def said(aggregate: str, family: Family, z: IntArray, scale: int) -> IntArray:
    """What models say, of their scores z of any shape, where scores are not averaged."""
    if aggregate == VOTE:
        return (z > 0).astype(np.int64)
    inside = np.clip(cells_of(z, scale), -HALF_TABLE, HALF_TABLE - 1).astype(np.int64)
    found: IntArray = probability_table(family)[inside + HALF_TABLE]
    return found


def together(aggregate: str, family: Family, z: IntArray, scale: int) -> IntArray:
    """Scores of all together, int64 (O, N), by which a class is predicted as by those of one model.

    Args:
        z: int64 (O, shards, N), of several outputs not of votes.
    """
    if aggregate == SCORE:
        return np.asarray(z.sum(axis=1))
    summed: IntArray = said(aggregate, family, z, scale).sum(axis=1)
    return summed if len(z) > 1 else 2 * summed - z.shape[1] * whole_of(aggregate)


def predicted(scores: IntArray) -> NDArray[Any]:
    """The numbers of classes for the scores of all together, int64 (O, N): (N,)."""
    return np.asarray(scores.argmax(axis=0) if len(scores) > 1 else (scores[0] > 0).astype(np.int64))
