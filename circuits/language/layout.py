"""How columns lie in a committed matrix, so that padding falls into rows that need not exist.

A column is a function on a box of axes (epochs x rows, features x rows, ...), each axis of any size, padded in
the mathematics to a power of two. A committed matrix has C = 2^c cells a row. Each axis gives some of its low
bits to the place within a matrix row, and its high bits to the choice of the row: a matrix row is a tile of the
box. Tiles that hold no real cell are all zero, known to both sides, and left out. The split of the bits is the
one with the fewest tiles, a public function of the sizes. Columns too short to fill a row share rows, each in a
slot of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import ParameterError
from ..field.goldilocks import Vector, kmul
from ..field.multilinear import Point, bits_of, eq_table, log2_ceil


@dataclass(frozen=True)
class Axis:
    """One index of a column: `size` real values, padded to 2^bits.

    Attributes:
        spare: values after the real ones that the padded axis must have room for.
    """

    name: str
    size: int
    spare: int = 0

    @cached_property
    def bits(self) -> int:
        """Number of variables of the axis."""
        return log2_ceil(self.size + self.spare)

    def whole(self, point: Point) -> Point:
        """Coordinates on the whole axis, where this may be a part of one."""
        return point

    def cut(self) -> slice:
        """Its values among those of the whole axis."""
        return slice(0, self.size)


@dataclass(frozen=True)
class Part(Axis):
    """Some values of an axis: `size` of them from `start` on, a multiple of 2^bits.

    Attributes:
        prefix_bits: how many leading bits of the whole axis they share.
    """

    start: int = 0
    prefix_bits: int = 0

    def whole(self, point: Point) -> Point:
        """Coordinates on the whole axis: the shared bits first."""
        return bits_of(self.start >> self.bits, self.prefix_bits) + point

    def cut(self) -> slice:
        """Its values among those of the whole axis."""
        return slice(self.start, self.start + self.size)


def part(axis: Axis, start: int, size: int) -> Axis:
    """`size` values of an axis from `start` on, as few variables as they need."""
    bits = log2_ceil(size)
    if size == axis.size and bits == axis.bits:
        return axis
    if start >> bits << bits != start or start + size > axis.size:
        raise ParameterError(f"{size} values from {start} on are no part of an axis of {axis.size}")
    return Part(axis.name, size, start=start, prefix_bits=axis.bits - bits)


def cut_box(axes: tuple[Axis, ...], bits: int) -> tuple[tuple[Axis, ...], ...]:
    """A box in parts of at most `bits` variables, cut along the first axes."""
    first, rest = axes[0], axes[1:]
    inner = cut_box(rest, bits) if rest else ((),)
    step = 1 << max(0, bits - sum(axis.bits for axis in rest))
    if step >= 1 << first.bits:
        return tuple((first, *box) for box in inner)
    firsts = [part(first, start, min(step, first.size - start)) for start in range(0, first.size, step)]
    return tuple((axis, *box) for axis in firsts for box in inner)


WITNESS = "witness"  # the matrix that is committed within a proof
VIRTUAL = "virtual"  # where columns are that no matrix holds


class Address(NamedTuple):
    """What names a column: its matrix, and its name there."""

    matrix: str
    name: str

    def __str__(self) -> str:
        return f"{self.name!r} of {self.matrix!r}"


@dataclass(frozen=True)
class Column:
    """A committed multilinear polynomial: its name in its matrix, and its axes, the first one most significant."""

    name: str
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Real sizes, the shape of the array of its values."""
        return tuple(axis.size for axis in self.axes)

    @cached_property
    def bits(self) -> int:
        """Number of variables."""
        return sum(axis.bits for axis in self.axes)

    def flat_point(self, point: Mapping[str, Point]) -> Point:
        """A point given per axis, as one tuple."""
        return tuple(c for axis in self.axes for c in point[axis.name])


@dataclass(frozen=True)
class Tiling:
    """The split of one column into matrix rows of 2^row_bits cells.

    Attributes:
        low_bits: per axis, how many of its low bits choose the place within a matrix row.
        tiles: per axis, how many values of its high bits have a real cell; their product is the number of rows.
        slot: where in its row a column lies that is too short to fill one; counted in its own padded lengths.
    """

    column: Column
    row_bits: int
    low_bits: tuple[int, ...]
    slot: int = 0

    @property
    def tiles(self) -> tuple[int, ...]:
        """Per axis, the number of its tiles that hold real cells."""
        return tuple(-(-axis.size >> low) for axis, low in zip(self.column.axes, self.low_bits, strict=True))

    @property
    def rows(self) -> int:
        """Number of matrix rows the column takes, or shares."""
        return prod(self.tiles)

    @property
    def slot_bits(self) -> int:
        """Number of leading place variables that choose the slot; 0 for a column that fills its rows."""
        return self.row_bits - sum(self.low_bits)

    def row_weights(self, point: Mapping[str, Point]) -> Vector:
        """eq of the point's high bits, for each of the column's matrix rows. K vector (2, rows)."""
        weights = np.array([[1], [0]], dtype=np.uint64)
        for axis, low, tiles in zip(self.column.axes, self.low_bits, self.tiles, strict=True):
            if axis.bits == low:  # its one tile weighs 1
                continue
            table = eq_table(point[axis.name][: axis.bits - low])[:, :tiles]
            weights = kmul(weights[:, :, None], table[:, None, :]).reshape(2, -1)
        return weights

    def cell_point(self, point: Mapping[str, Point]) -> Point:
        """The place within a matrix row: the slot's bits, then the low bits of every axis."""
        low = tuple(
            c
            for axis, bits in zip(self.column.axes, self.low_bits, strict=True)
            for c in point[axis.name][axis.bits - bits :]
        )
        return bits_of(self.slot, self.slot_bits) + low

    def matrix_rows(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The column's values, of its shape and any type, as tiles (rows, 2^sum(low_bits)); a view where it can be."""
        padding = [
            (0, (tiles << low) - size) for tiles, low, size in zip(self.tiles, self.low_bits, values.shape, strict=True)
        ]
        interleaved = [n for tiles, low in zip(self.tiles, self.low_bits, strict=True) for n in (tiles, 1 << low)]
        count = len(self.tiles)
        boxes = (np.pad(values, padding) if any(after for _, after in padding) else values).reshape(interleaved)
        order = [2 * i for i in range(count)] + [2 * i + 1 for i in range(count)]
        return boxes.transpose(order).reshape(self.rows, -1)


@lru_cache(maxsize=1024)
def tile(column: Column, row_bits: int) -> Tiling:
    """The split with the fewest matrix rows; the first in lexicographic order among equals."""
    available = [axis.bits for axis in column.axes]
    budget = min(row_bits, sum(available))
    return min((Tiling(column, row_bits, split) for split in _splits(available, budget)), key=lambda own: own.rows)


def _splits(available: Sequence[int], budget: int) -> Iterator[tuple[int, ...]]:
    """All ways to take `budget` bits, at most so many of each, in lexicographic order."""
    if not available:
        yield ()
        return
    first, rest = available[0], available[1:]
    for bits in range(max(0, budget - sum(rest)), min(first, budget) + 1):
        for others in _splits(rest, budget - bits):
            yield (bits, *others)


@dataclass(frozen=True)
class MatrixLayout:
    """The rows of one committed matrix.

    First come the tiles of the columns that fill whole rows, one column after another; then the rows that shorter
    columns share, longest first, one slot after another (lengths are powers of two, so each slot is aligned).

    Attributes:
        name: of the matrix.
        columns: in order.
        row_bits: c, a row holds 2^c cells.
    """

    name: str
    columns: tuple[Column, ...]
    row_bits: int

    @cached_property
    def places(self) -> dict[Address, tuple[int, Tiling]]:
        """First matrix row and tiling of each column."""
        places: dict[str, tuple[int, Tiling]] = {}
        row, cell = 0, 0
        for column in self.columns:
            if column.bits >= self.row_bits:
                tiling = tile(column, self.row_bits)
                places[column.name] = row, tiling
                row += tiling.rows
        short = [column for column in self.columns if column.bits < self.row_bits]
        for column in sorted(short, key=lambda column: -column.bits):
            slot = (cell & ((1 << self.row_bits) - 1)) >> column.bits
            low_bits = tuple(axis.bits for axis in column.axes)
            places[column.name] = row + (cell >> self.row_bits), Tiling(column, self.row_bits, low_bits, slot)
            cell += 1 << column.bits
        return {Address(self.name, column.name): places[column.name] for column in self.columns}

    @cached_property
    def rows(self) -> int:
        """Number of rows of the matrix."""
        return max(row + tiling.rows for row, tiling in self.places.values())
