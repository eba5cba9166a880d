"""Randomness of secrets, from the operating system only."""

from __future__ import annotations

import os
from math import prod

import numpy as np

from ..circuits.goldilocks import P, Vector


def random_field(*shape: int) -> Vector:
    """Uniform elements of F, of the given shape: 64-bit integers, those not below p drawn again."""
    count = prod(shape)
    values = np.frombuffer(os.urandom(8 * count), dtype="<u8").astype(np.uint64)
    while True:
        rejected = np.flatnonzero(values >= np.uint64(P))
        if not len(rejected):
            return values.reshape(shape)
        values[rejected] = np.frombuffer(os.urandom(8 * len(rejected)), dtype="<u8")


def random_bytes(count: int) -> bytes:
    """Uniform bytes."""
    return os.urandom(count)
