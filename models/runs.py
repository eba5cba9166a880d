"""Long sequences of integers in which few differ from their neighbours, as runs of equal ones."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Runs(Sequence[int]):
    """A sequence of integers that takes memory for its runs only.

    Attributes:
        values: of each run; neighbours differ, so that equal sequences are equal objects.
        lengths: of each run, at least 1.
    """

    values: tuple[int, ...]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Runs:
        """From (value, length) pairs; lengths may be zero, and neighbours equal."""
        values: list[int] = []
        lengths: list[int] = []
        for value, length in pairs:
            if values and value == values[-1]:
                lengths[-1] += length
            elif length:
                values.append(value)
                lengths.append(length)
        return cls(tuple(values), tuple(lengths))

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """Where each run ends, exclusively."""
        return tuple(accumulate(self.lengths))

    def starts(self) -> Iterator[tuple[int, int]]:
        """Where each run starts, and its value."""
        return zip((0, *self.ends), self.values, strict=False)

    def map(self, change: Callable[[int], int]) -> Runs:
        """`change` of every integer, computed once for each value."""
        changed = {value: change(value) for value in set(self.values)}
        return Runs.of(zip((changed[value] for value in self.values), self.lengths, strict=True))

    def part(self, start: int, stop: int) -> Runs:
        """The integers from one place to before another, which is not past the last."""
        first, last = bisect_right(self.ends, start), bisect_left(self.ends, stop)
        ends = (*self.ends[first:last], stop)
        lengths = (end - begin for begin, end in zip((start, *ends), ends, strict=False))
        return Runs.of(zip(self.values[first : last + 1], lengths, strict=True)) if start < stop else Runs((), ())

    def array(self) -> NDArray[np.int64]:
        """The whole sequence, int64."""
        lengths = np.array(self.lengths, dtype=np.intp)  # what numpy repeats by, also where it is narrower
        return np.repeat(np.array(self.values, dtype=np.int64), lengths)

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self.values[bisect_right(self.ends, place)]

    def __iter__(self) -> Iterator[int]:
        for value, length in zip(self.values, self.lengths, strict=True):
            for _ in range(length):
                yield value
