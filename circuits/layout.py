"""How columns lie in a committed matrix, so that padding falls into rows that need not exist.

A column is a function on a box of axes (epochs x rows, features x rows, ...), each axis of any size, padded in
the mathematics to a power of two. A committed matrix has C = 2^c cells a row. Each axis gives some of its low
bits to the place within a matrix row, and its high bits to the choice of the row: a matrix row is a tile of the
box. Tiles that hold no real cell are all zero, known to both sides, and left out. The split of the bits is the
one with the fewest tiles, a public function of the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import prod

import numpy as np

from .goldilocks import ZERO, Vector, kmul
from .multilinear import Point, eq_table, log2_ceil


@dataclass(frozen=True)
class Axis:
    """One index of a column: `size` real values, padded to 2^bits.

    Attributes:
        spare: values after the real ones that the padded axis must have room for.
        whole_rows: the axis only ever chooses the matrix row. Its padding then is rows that do not exist, hence
            zero whatever a prover does; elsewhere a prover may put anything into padding.
    """

    name: str
    size: int
    spare: int = 0
    whole_rows: bool = False

    @property
    def bits(self) -> int:
        """Number of variables of the axis."""
        return log2_ceil(self.size + self.spare)


@dataclass(frozen=True)
class Column:
    """A committed multilinear polynomial: its name and its axes, the first one most significant."""

    name: str
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Real sizes, the shape of the array of its values."""
        return tuple(axis.size for axis in self.axes)

    @property
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
    """

    column: Column
    row_bits: int
    low_bits: tuple[int, ...]

    @property
    def tiles(self) -> tuple[int, ...]:
        """Per axis, the number of its tiles that hold real cells."""
        return tuple(-(-axis.size >> low) for axis, low in zip(self.column.axes, self.low_bits, strict=True))

    @property
    def rows(self) -> int:
        """Number of matrix rows the column takes."""
        return prod(self.tiles)

    def row_weights(self, point: Mapping[str, Point]) -> Vector:
        """eq of the point's high bits, for each of the column's matrix rows. K vector (2, rows)."""
        weights = np.array([[1], [0]], dtype=np.uint64)
        for axis, low, tiles in zip(self.column.axes, self.low_bits, self.tiles, strict=True):
            table = eq_table(point[axis.name][: axis.bits - low])[:, :tiles]
            weights = kmul(weights[:, :, None], table[:, None, :]).reshape(2, -1)
        return weights

    def cell_point(self, point: Mapping[str, Point]) -> Point:
        """The place within a matrix row: the low bits of every axis, after zeros if the column is short."""
        low = tuple(
            c
            for axis, bits in zip(self.column.axes, self.low_bits, strict=True)
            for c in point[axis.name][axis.bits - bits :]
        )
        return (ZERO,) * (self.row_bits - len(low)) + low

    def matrix_rows(self, values: Vector) -> Vector:
        """The column's values, shape `column.shape`, as matrix rows, shape (rows, 2^row_bits)."""
        padding = [
            (0, (tiles << low) - size)
            for tiles, low, size in zip(self.tiles, self.low_bits, values.shape, strict=True)
        ]
        interleaved = [n for tiles, low in zip(self.tiles, self.low_bits, strict=True) for n in (tiles, 1 << low)]
        count = len(self.tiles)
        boxes = np.pad(values, padding).reshape(interleaved)
        order = [2 * i for i in range(count)] + [2 * i + 1 for i in range(count)]
        cells = boxes.transpose(order).reshape(self.rows, -1)
        rows = np.zeros((self.rows, 1 << self.row_bits), dtype=np.uint64)
        rows[:, : cells.shape[1]] = cells
        return rows


@lru_cache(maxsize=1024)
def tile(column: Column, row_bits: int) -> Tiling:
    """The split with the fewest matrix rows; the first in lexicographic order among equals."""
    available = [0 if axis.whole_rows else axis.bits for axis in column.axes]
    budget = min(row_bits, sum(available))
    splits = (split for split in product(*(range(bits + 1) for bits in available)) if sum(split) == budget)
    return min((Tiling(column, row_bits, split) for split in splits), key=lambda tiling: tiling.rows)


@dataclass(frozen=True)
class MatrixLayout:
    """The rows of one committed matrix: the tiles of its columns one after another, then `extra_rows` more.

    Attributes:
        name: "dataset", "model" or "witness".
        columns: in the order of their rows.
        row_bits: c, a row holds 2^c cells.
        extra_rows: rows of random cells that belong to no column (the mask of an opening).
    """

    name: str
    columns: tuple[Column, ...]
    row_bits: int
    extra_rows: int = 0

    @cached_property
    def tilings(self) -> dict[str, Tiling]:
        """Tiling of each column by name."""
        return {column.name: tile(column, self.row_bits) for column in self.columns}

    @cached_property
    def offsets(self) -> dict[str, int]:
        """First matrix row of each column by name."""
        offsets, row = {}, 0
        for column in self.columns:
            offsets[column.name] = row
            row += self.tilings[column.name].rows
        return offsets

    @property
    def column_rows(self) -> int:
        """Number of rows that hold columns."""
        return sum(tiling.rows for tiling in self.tilings.values())

    @property
    def rows(self) -> int:
        """Number of rows of the matrix."""
        return self.column_rows + self.extra_rows

    @property
    def index_bits(self) -> int:
        """Variables that index the rows of columns."""
        return log2_ceil(self.column_rows)
