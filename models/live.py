"""Who counts in a training: the rows of a data set, or ranges of them, without the forgotten ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .runs import Runs

Range = tuple[int, int]  # half-open


@dataclass(frozen=True)
class Live:
    """The rows that count. It takes memory for ranges and forgotten rows only, whatever the number of rows.

    Attributes:
        rows: N, of the data set.
        forgotten: positions that do not count, strictly increasing, each in one of the ranges.
        ranges: half-open, in increasing order, not touching each other; without any, all rows are one range.
        may_be_empty: whether it may be that no row counts, as in one part of a training.

    Raises:
        ParameterError: positions or ranges are not as above, or no row is left to train on.
    """

    rows: int
    forgotten: tuple[int, ...] = ()
    ranges: tuple[Range, ...] = ()
    may_be_empty: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "forgotten", tuple(int(position) for position in self.forgotten))
        object.__setattr__(self, "ranges", tuple(self.ranges) or ((0, self.rows),))
        bounds = [bound for span in self.ranges for bound in span]
        if any(low >= high for low, high in pairwise(bounds)) or bounds[0] < 0 or bounds[-1] > self.rows:
            raise ParameterError(f"ranges of rows: {self.ranges} do not increase within {self.rows} rows")
        for position in self.forgotten:
            if not 0 <= position < self.rows:
                raise ParameterError(f"forgotten row {position}: the data set has rows 0 to {self.rows - 1}")
        if any(low >= high for low, high in pairwise(self.forgotten)):
            raise ParameterError("forgotten rows: positions must increase strictly")
        inside = sum(len(self.forgotten_within(*span)) for span in self.ranges)
        if inside < len(self.forgotten):
            raise ParameterError(f"forgotten rows: {len(self.forgotten) - inside} of them are outside the ranges")
        if self.count == 0 and not self.may_be_empty:
            raise ParameterError("forgotten rows: every row is forgotten, nothing is left to train on")

    @property
    def count(self) -> int:
        """How many rows count."""
        return sum(stop - start for start, stop in self.ranges) - len(self.forgotten)

    def beyond(self, first: int) -> Live:
        """Those of them that are not among the first so many rows. Raises ParameterError if there are none."""
        if not first:
            return self
        if first >= self.rows:
            raise ParameterError(f"holdout = {first}: the data set has {self.rows} rows, and none would be trained on")
        ranges = tuple((max(start, first), stop) for start, stop in self.ranges if stop > first)
        return Live(self.rows, self.forgotten_within(first, self.rows), ranges, self.may_be_empty)

    def forgotten_within(self, start: int, stop: int) -> tuple[int, ...]:
        """The forgotten positions in [start, stop)."""
        return self.forgotten[bisect_left(self.forgotten, start) : bisect_left(self.forgotten, stop)]

    def mask(self) -> NDArray[np.bool_]:
        """(N,), True for rows that count."""
        live = np.zeros(self.rows, dtype=np.bool_)
        for start, stop in self.ranges:
            live[start:stop] = True
        live[list(self.forgotten)] = False
        return live

    def counts(self, block_size: int) -> Runs:
        """How many rows count in each block of `block_size` consecutive rows; the last block may be shorter."""
        return Runs.of(self._block_counts(block_size))

    def _block_counts(self, size: int) -> Iterator[tuple[int, int]]:
        """(count, how many blocks in a row have it), in order."""
        blocks = -(-self.rows // size)
        ends = {bound // size for span in self.ranges for bound in span}
        special = sorted({*ends, *(position // size for position in self.forgotten)} - {blocks})
        done = 0
        for block in special:
            yield size * self._in_range(done * size), block - done
            start = block * size
            yield self._counted(start, min(start + size, self.rows)), 1
            done = block + 1
        yield size * self._in_range(done * size), blocks - done

    def _in_range(self, row: int) -> bool:
        index = bisect_left(self.ranges, (row + 1,)) - 1
        return index >= 0 and row < self.ranges[index][1]

    def _counted(self, start: int, stop: int) -> int:
        """How many rows in [start, stop) count."""
        first, end = bisect_left(self.ranges, (start + 1,)) - 1, bisect_left(self.ranges, (stop,))
        near = self.ranges[max(0, first) : end]  # others end before the block, or begin after it
        inside = sum(max(0, min(stop, high) - max(start, low)) for low, high in near)
        return inside - len(self.forgotten_within(start, stop))
