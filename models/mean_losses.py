"""The losses of what models of shards say on average: -log of a mean of chances, by cells of this mean.

A chance is bounded over the cell of 2^-LOSS_INDEX_BITS that its score is in, in units of 2^-CHANCE_BITS. The mean of
such bounds is in one cell [edge, edge + width) of a table. Cells are one unit wide below 2^(FINE_BITS + 1), then there
are 2^FINE_BITS of them in each octave, until they are 2^STEP_BITS wide, and from there on all are. The last one is
[2^CHANCE_BITS, 2^CHANCE_BITS + 1), which is that of certainty. So -log, which falls, is known to 2^-FINE_BITS where the
mean is 2^(FINE_BITS - CHANCE_BITS) or more, and of larger ones better: to 2^-14 at one half.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .activation import TABLE_SIZE
from .losses import FRACTION_BITS, LOSS_BITS, artanh, log_of_two

CHANCE_BITS = 30
FINE_BITS = 10
STEP_BITS = 15
ERROR = 1 << 40  # of a logarithm, in units of 2^-FRACTION_BITS; see `_logarithms`
LARGEST_LOSSES = MappingProxyType({"logistic": 65, "probit": 2054})  # by family; see `mean_losses`
IntArray = NDArray[np.int64]
LOG_OF_TWO = log_of_two() >> (FRACTION_BITS - LOSS_BITS)  # no integer is near
LOGS_OF_TWO = LOG_OF_TWO, LOG_OF_TWO + 1  # floor and ceil of 2^LOSS_BITS log(2)


class MeanLosses(NamedTuple):
    """Of each cell, int64 (2^16,): its edge, its width, and bounds of -log(mean), rounded outwards at scale LOSS_BITS.

    Beyond the last cell everything is 0, and nothing is in a cell that has no width.
    """

    edges: IntArray
    widths: IntArray
    least: IntArray
    largest: IntArray


def cell_edges() -> IntArray:
    """All edges, int64, increasing."""
    fine = np.arange(1 << FINE_BITS, dtype=np.int64)
    octaves = [(fine + (1 << FINE_BITS)) << e for e in range(STEP_BITS + 1)]
    uniform = np.arange(1 << (FINE_BITS + STEP_BITS + 1), (1 << CHANCE_BITS) + 1, 1 << STEP_BITS, dtype=np.int64)
    return np.concatenate([fine, *octaves, uniform])


@cache
def mean_losses(family: str) -> MeanLosses:
    """The table, for chances of a family.

    In the first cell a mean may be as small as a chance can be that has a cell, of a score of -64: its loss is less
    than 65 of logistic models, and of probit ones less than 64^2 / 2 + log(64 sqrt(2 pi)) + 2^-11 < 2054.
    """
    edges = cell_edges()
    losses = _losses(edges.tolist())
    shift = FRACTION_BITS - LOSS_BITS
    least = [max(0, loss - ERROR) >> shift for loss in losses[1:]] + [0]
    largest = [-(-(loss + ERROR) >> shift) for loss in losses[:-1]] + [0]
    largest[0] = LARGEST_LOSSES[family] << LOSS_BITS
    widths = np.append(np.diff(edges), 1)
    found = MeanLosses(*(_filled(np.asarray(each, dtype=np.int64)) for each in (edges, widths, least, largest)))
    for table in found:
        table.setflags(write=False)
    return found


def _filled(values: IntArray) -> IntArray:
    return np.pad(values, (0, TABLE_SIZE - len(values)))


def _losses(edges: list[int]) -> list[int]:
    """-log(edge / 2^CHANCE_BITS), less than ERROR units off; 0 of the first edge, which has none.

    Each edge is a multiple m 2^e of a power of two, with m <= 2^STEP_BITS.
    """
    logs, two = _logarithms(), log_of_two()
    found = [0]
    for edge in edges[1:]:
        zeros = (edge & -edge).bit_length() - 1
        found.append((CHANCE_BITS - zeros) * two - logs[edge >> zeros])
    return found


def _logarithms() -> list[int]:
    """log(i) for i = 1 .. 2^STEP_BITS, each less than 2^25 units off: sums of 2^15 steps 2 artanh(1 / (2 i + 1)), each
    less than 2^9 off. The first entry is none."""
    found = [0, 0]
    for i in range(1, 1 << STEP_BITS):
        found.append(found[-1] + 2 * artanh((1 << FRACTION_BITS) // (2 * i + 1)))
    return found


def cells_of(sums: IntArray, shards: int) -> IntArray:
    """The numbers of the cells that the mean is in, of sums over so many shards."""
    return np.asarray(np.searchsorted(cell_edges(), sums // shards, side="right") - 1)
