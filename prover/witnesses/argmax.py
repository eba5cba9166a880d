"""The witness of circuits/relations/argmax.py: which class each row is predicted as, and by how much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def _kept(outputs: int, gone: Sequence[int]) -> npt.NDArray[np.bool_]:
    kept = np.ones(outputs, dtype=np.bool_)
    kept[list(gone)] = False
    return kept


def winners(z: Integers, gone: Sequence[int] = ()) -> Integers:
    """The first output of the largest score, of those that are kept, (N,); z: int64 (O, N)."""
    kept = np.flatnonzero(_kept(len(z), gone))
    return np.asarray(kept[z[kept].argmax(axis=0)], dtype=np.int64)


def gaps_of(z: Integers, gone: Sequence[int] = ()) -> tuple[npt.NDArray[np.uint16], Integers]:
    """B and gap, (O, N) both; z: int64 (O, N)."""
    found, outputs = winners(z, gone), np.arange(len(z))[:, None]
    gaps = np.take_along_axis(z, found[None], axis=0) - z - (outputs < found)
    gaps[~_kept(len(z), gone)] = 0
    return (outputs == found).astype(np.uint16), gaps
