"""What the wrappers accept: arrays over F and K, and scalars of K."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .field import P

Array = NDArray[Any]
# A K scalar: two integers below p, as a tuple or as a uint64 array of length 2.
Scalar = Sequence[int] | Array
Pair = tuple[int, int]


def flat(values: Array) -> Array:
    """The same cells as one contiguous uint64 line; a view unless the layout forces a copy."""
    return np.ascontiguousarray(values, dtype=np.uint64).reshape(-1)


def in_place(values: Array) -> Array:
    """The cells themselves as one line. Raises ValueError where that would be a copy."""
    if not values.flags.c_contiguous:
        raise ValueError("what is overwritten has to be contiguous")
    return values.reshape(-1)


def cells_of(values: Array) -> Array:
    """The same cells as one contiguous line, in their own type; a view unless the layout forces a copy."""
    return np.ascontiguousarray(values).reshape(-1)


def scalar(value: Scalar) -> tuple[np.uint64, np.uint64]:
    """Both coefficients for a kernel. Raises ValueError when they are not canonical."""
    first, second = int(value[0]), int(value[1])
    if not (0 <= first < P and 0 <= second < P):
        raise ValueError(f"not a canonical element of K: ({first}, {second})")
    return np.uint64(first), np.uint64(second)


def extension(values: Array, dimensions: int) -> Array:
    """Check that `values` has `dimensions` axes of which the first holds the two coefficients."""
    if values.ndim != dimensions or values.shape[0] != 2:
        raise ValueError(f"a K array of {dimensions} axes starts with an axis of 2, got shape {values.shape}")
    return values


def same_shape(first: Array, *others: Array) -> None:
    for other in others:
        if other.shape != first.shape:
            raise ValueError(f"shapes differ: {first.shape} and {other.shape}")


def sum_pairs(parts: Array) -> list[Pair]:
    """Sum over axis 0 of uint64 (tasks, 2 k): k elements of K."""
    columns = [sum(column) % P for column in zip(*parts.tolist(), strict=True)]
    return list(zip(columns[0::2], columns[1::2], strict=True))
