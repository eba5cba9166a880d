"""Which whole numbers to change by one so that what a matrix makes of them becomes short."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .curve import Integers, Reals


def unit_moves(along: Reals, squares: Reals, square_of: Callable[[int], Reals], most: int) -> Integers:
    """By how much each of K numbers is to be changed, one of them by one at a time: always the one that gains most.

    Args:
        along: the matrix times what is left, float64 (K,). squares: the diagonal of its square, (K,).
        square_of: a column of its square, (K,), by number.
        most: how often one is changed.
    """
    moves = np.zeros(len(along), dtype=np.int64)
    for _ in range(most):
        gains = 2 * np.abs(along) - squares
        k = int(np.argmax(gains))
        if gains[k] <= 0:
            break
        sign = -1 if along[k] > 0 else 1
        moves[k] += sign
        along = along + sign * square_of(k)
    return moves
