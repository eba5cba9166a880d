"""Numbers that kernels are tested with, and K arrays as the pairs that their twins take."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from . import twins

P = twins.P
EDGES = [0, 1, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**63 + 1, P - 2**32, P - 2, P - 1]
LENGTHS = [1, 2, 7, 8, 9, 31, 32, 33, 67]

seeds = st.integers(0, 2**32)
elements = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))
scalars = st.tuples(elements, elements)
lengths = st.sampled_from(LENGTHS)
quick = settings(max_examples=25, deadline=None)


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Half of the cells from the edges, half uniform."""
    rng = np.random.default_rng(seed)
    edges = rng.choice(np.array(EDGES, dtype=np.uint64), size=shape)
    return np.where(rng.random(shape) < 0.5, edges, rng.integers(0, P, size=shape, dtype=np.uint64))


def pairs(values: np.ndarray) -> Any:
    """K array (2, ...) -> nested lists of pairs."""
    if values.ndim == 1:
        return tuple(int(v) for v in values)
    return [pairs(values[:, i]) for i in range(values.shape[1])]


def line(values: np.ndarray) -> list:
    return pairs(values.reshape(2, -1))


def children(values: np.ndarray) -> list:
    """K array (2, 2, ...) -> the two children as lines."""
    return [line(values[:, 0]), line(values[:, 1])]


def lifted(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.zeros_like(values)])


NARROW = {"int16": (-(2**15), 2**15), "uint16": (0, 2**16), "int32": (-(2**31), 2**31)}


def narrow(seed: int, kind: str, *shape: int) -> np.ndarray:
    """Narrow integers, their ends among them."""
    low, high = NARROW[kind]
    rng = np.random.default_rng(seed)
    ends = rng.choice(np.array([low, low + 1, -1 if low else 1, 0, high - 1], dtype=np.int64), size=shape)
    return np.where(rng.random(shape) < 0.5, ends, rng.integers(low, high, size=shape)).astype(kind)


def as_field(cells: np.ndarray) -> np.ndarray:
    return (cells.astype(object) % P).astype(np.uint64)
