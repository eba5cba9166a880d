"""Numbers that look random and follow from a seed: who is left out of a retraining, who is drawn again.

They hide nothing: whoever has the seed has them. What hides something is prover/matrices/entropy.py's.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

FRACTION_BITS = 53  # of a float64


class Draws:
    """A stream of draws, the same for the same seed and purpose on every machine.

    Args:
        seed: any integer.
        purpose: what they are for; others have other numbers.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._name = f"zkunlearn evidence {seed} {purpose}"
        self._count = 0

    def _words(self, count: int) -> NDArray[np.uint64]:
        self._count += 1
        data = hashlib.shake_256(f"{self._name} {self._count}".encode()).digest(8 * count)
        return np.frombuffer(data, "<u8").astype(np.uint64)

    def numbers(self, below: int, count: int) -> NDArray[np.int64]:
        """Numbers from 0 to `below` - 1, with repetitions: int64 (count,)."""
        shares = (self._words(count) >> np.uint64(64 - FRACTION_BITS)) * 2.0**-FRACTION_BITS
        return np.asarray(shares * below, dtype=np.int64)

    def chosen(self, below: int, count: int) -> NDArray[np.int64]:
        """As many different ones, increasing: int64 (count,), or all of them if there are no more."""
        return np.sort(np.argsort(self._words(below), kind="stable")[:count])

    def counts(self, of: int, times: int) -> NDArray[np.float64]:
        """How often each of so many is drawn, when so many are drawn with repetitions: float64 (times, of)."""
        numbers = self.numbers(of, times * of).reshape(times, of) + of * np.arange(times)[:, None]
        return np.bincount(numbers.ravel(), minlength=times * of).reshape(times, of).astype(np.float64)

    def orders(self, of: int, times: int) -> NDArray[np.int64]:
        """So many in different orders: int64 (times, of)."""
        return np.argsort(self._words(times * of).reshape(times, of), axis=1, kind="stable")
