"""The interval of each column: declared, or from the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError, require_type
from .columns import real_array, table_pieces


def interval_of_each(columns: Sequence[str], array: NDArray[Any]) -> list[tuple[float, float]]:
    """The least and the largest value in each column of a table (N, d), N > 0. Raises DataError as real_array does."""
    low, high = np.full(array.shape[1], math.inf), np.full(array.shape[1], -math.inf)
    for start, rows in table_pieces(array):
        piece = real_array("X", rows, 2, first_row=start, columns=columns)
        np.minimum(low, piece.min(axis=0), out=low)
        np.maximum(high, piece.max(axis=0), out=high)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def choose_intervals(
    found: Mapping[str, tuple[float, float]], bounds: Mapping[str, tuple[float, float]] | None
) -> dict[str, tuple[float, float]]:
    """(low, high) of each column: the declared ones, or those `found` in the data if none are.

    Raises:
        ParameterError: a column without bounds, bounds without a column, or not a pair.
    """
    if bounds is None:
        return dict(found)
    require_type("bounds", bounds, Mapping, "from the names of columns to (low, high)")
    names = tuple(found)
    for name in names:
        if name not in bounds:
            raise ParameterError(f"bounds: none for column {name!r}")
    for name, pair in bounds.items():
        if name not in names:
            raise ParameterError(f"bounds: there is no column {name!r} that needs them")
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ParameterError(f"bounds: column {name!r} needs a lower and an upper bound")
    return {name: (bounds[name][0], bounds[name][1]) for name in names}
