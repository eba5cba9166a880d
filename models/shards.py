"""Which rows each model of a sharded training learns from, and when (SISA).

Positions of rows are random (circuits/statements/records.py), so a shard is a run of consecutive ones: nobody chooses
who is in which. Stage r of R trains the model of each shard on its slices 1 to r, which are its first ceil(r S / R)
rows of S: by S, never by how many rows a shard has, so that what a shard is does not depend on the others. Where rows
are added, the last shard fills up and others follow; what a stage saw before it still sees, unless it is of that shard.

Source: Bourtoule et al., Machine Unlearning, IEEE S&P 2021.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .live import Live, Range


@dataclass(frozen=True)
class Run:
    """Neighbouring shards that are trained together, from some stage to the last.

    Attributes:
        first, count: which shards; `first` is a multiple of the least power of two that is not below `count`.
        stage: the first that is trained, 1 to R.
        start: from the models of which earlier statement, by its number among those that are named; None for zero
            weights, with stage 1.
    """

    first: int
    count: int
    stage: int = 1
    start: int | None = None

    @property
    def bits(self) -> int:
        """Bits that tell its shards apart."""
        return (self.count - 1).bit_length()

    @property
    def shards(self) -> range:
        """Numbers of its shards."""
        return range(self.first, self.first + self.count)

    def trains(self, other: Run) -> bool:
        """Whether another can begin from its models: it has all its shards, and the stage before its first.

        A number that stands for no shard of the other is none of a shard here either.
        """
        within = self.first <= other.first and other.shards.stop <= self.shards.stop
        whole = other.count == 1 << other.bits or other.shards.stop == self.shards.stop
        return self.stage < other.stage and within and whole


@dataclass(frozen=True)
class Shards:
    """A data set, cut.

    Attributes:
        rows: N.
        shard_rows: S, a power of two; the last shard may have fewer.
        slices: R, at most S.
        batch_size: rows of a mini-batch, a power of two below S; None where a step takes all rows of a stage.
    """

    rows: int
    shard_rows: int
    slices: int
    batch_size: int | None = None

    @property
    def count(self) -> int:
        """How many shards."""
        return -(-self.rows // self.shard_rows)

    def prefix(self, stage: int) -> int:
        """How many rows of a whole shard a stage, 1 to R, trains on."""
        return -(-stage * self.shard_rows // self.slices)

    def seen(self, shard: int, stage: int) -> int:
        """How many rows of a shard a stage, 1 to R, trains on; none where there is no such shard."""
        return max(0, min(self.prefix(stage), self.rows - shard * self.shard_rows))

    @property
    def whole(self) -> tuple[Run, ...]:
        """All stages of all shards."""
        return (Run(0, self.count),)

    def stage(self, number: int) -> Stage:
        """A stage of all shards."""
        return Stage(self, number, 0, self.count)

    def parts(self, runs: Sequence[Run]) -> int:
        """How many stages these runs have together."""
        return sum(self.slices + 1 - run.stage for run in runs)

    def require_runs(self, runs: tuple[Run, ...]) -> None:
        """Raises ParameterError unless these are runs of these shards, in their order and apart."""
        last = 0
        for run in runs:
            if not (last <= run.first and 1 <= run.count <= self.count - run.first) or run.first % (1 << run.bits):
                raise ParameterError(
                    f"shards {run.first} to {run.shards.stop - 1}: no run of {self.count} after {last}"
                )
            if not 1 <= run.stage <= self.slices or (run.stage == 1) != (run.start is None):
                raise ParameterError(f"stage {run.stage} of shards from {run.first} on: begins where it cannot")
            last = run.shards.stop


@dataclass(frozen=True)
class Stage:
    """One stage of some neighbouring shards. Its rows are counted shard by shard, with places for 2^place_bits in each.

    Batch a of a shard is the rows of its prefix at places a J to (a + 1) J - 1; the last one may have fewer. Every
    shard has all batches of the prefix, whether its rows are there or not: in a batch of which no row counts there is
    no gradient, be it that they are forgotten or that they are not there yet. So where there are several batches,
    every shard has all of its places.

    Attributes:
        number: r, 1 to R.
        first, count: which shards; `first` is a multiple of the least power of two that is not below `count`.
    """

    shards: Shards
    number: int
    first: int
    count: int

    @property
    def prefix(self) -> int:
        """Rows of a whole shard that are trained on."""
        return self.shards.prefix(self.number)

    @property
    def place_bits(self) -> int:
        """Places of a shard, as bits: as few as the prefix has room in."""
        return (self.prefix - 1).bit_length()

    @property
    def batches(self) -> int:
        """Steps of each shard in an epoch: ceil(P / J)."""
        return -(-self.prefix // (self.shards.batch_size or self.prefix))

    @property
    def rows(self) -> int:
        """Rows that have a place; those of a shard beyond its prefix do not count."""
        places = 1 << self.place_bits
        last = places if self.batches > 1 else self._within(self.first + self.count - 1, places)
        return (self.count - 1) * places + last

    @property
    def shard_places(self) -> int:
        """Places of a shard; fewer where the only shard has fewer rows."""
        return 1 << (self.place_bits if self.count > 1 else (self.rows - 1).bit_length())

    @property
    def block_size(self) -> int:
        """Places of a shard that one step takes: of a batch, or all of them."""
        size = self.shards.batch_size
        return size if size and self.batches > 1 else self.shard_places

    def _within(self, shard: int, places: int) -> int:
        return min(places, self.shards.rows - shard * self.shards.shard_rows)

    @property
    def positions(self) -> NDArray[np.int64]:
        """Of each row, int64 (rows,): its position in the data set, which may be past the end if it does not count."""
        own = np.arange(self.rows)
        shard, place = own >> self.place_bits, own & ((1 << self.place_bits) - 1)
        return (self.first + shard) * self.shards.shard_rows + place

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """The rows that are trained on, none forgotten: half-open, not touching each other."""
        found: list[Range] = []
        prefix, place_bits = self.prefix, self.place_bits
        for shard in range(self.count):
            start = shard << place_bits
            stop = start + self._within(self.first + shard, prefix)
            if found and found[-1][1] == start:
                found[-1] = found[-1][0], stop
            else:
                found.append((start, stop))
        return tuple(found)

    def live(self, forgotten: tuple[int, ...]) -> Live:
        """Who counts, of these rows, where these positions of the data set (increasing) are forgotten."""
        return Live(self.rows, tuple(self._forgotten(forgotten)), self.ranges, may_be_empty=True)

    def _forgotten(self, positions: tuple[int, ...]) -> Iterator[int]:
        for shard in range(self.count):
            start = (self.first + shard) * self.shards.shard_rows
            stop = start + self._within(self.first + shard, self.prefix)
            for position in positions[bisect_left(positions, start) : bisect_left(positions, stop)]:
                yield (shard << self.place_bits) + position - start

    def of(self, first: int, count: int) -> Stage:
        """The same stage of some of the shards, from the `first`-th of these on."""
        return Stage(self.shards, self.number, self.first + first, count)
