"""Columns, tiling, matrices and codes: protocol.md, sections 5 and 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from .field import ROOT_2_32, ZERO, K, P, Point, eq_table, log2_ceil

QUERIES = 148


@dataclass(frozen=True)
class Axis:
    name: str
    size: int
    spare: int = 0
    whole_rows: bool = False

    @property
    def bits(self) -> int:
        return log2_ceil(self.size + self.spare)


@dataclass(frozen=True)
class Column:
    name: str
    axes: tuple[Axis, ...]

    @property
    def bits(self) -> int:
        return sum(axis.bits for axis in self.axes)

    def split(self, point: Point) -> dict[str, Point]:
        """A point of the whole box, axis by axis."""
        return split(self.axes, point)

    def tiling(self, c: int) -> tuple[int, tuple[int, ...]]:
        """(rows, low bits of each axis): the fewest rows, then the lexicographically first."""
        available = [0 if axis.whole_rows else axis.bits for axis in self.axes]
        options = (ls for ls in product(*(range(a + 1) for a in available)) if sum(ls) == min(c, sum(available)))
        return min((tiles(self.axes, ls), ls) for ls in options)


def split(axes: Sequence[Axis], point: Point) -> dict[str, Point]:
    at = {}
    for axis in axes:
        at[axis.name], point = point[: axis.bits], point[axis.bits :]
    return at


def tiles(axes: Sequence[Axis], low_bits: Sequence[int]) -> int:
    count = 1
    for axis, low in zip(axes, low_bits, strict=True):
        count *= -(-axis.size >> low)
    return count


class Code:
    """Rows of C = 2^c cells and m = 148 * openings tail coefficients, and the tree over their codewords."""

    def __init__(self, c: int, openings: int) -> None:
        self.c = c
        self.dimension = (1 << c) + QUERIES * openings
        self.h = self.dimension.bit_length() - 1
        self.k = -(-4 * self.dimension // (1 << self.h))
        self.n = self.k << self.h
        self.path_length = next(l for l in range(self.h + 1) if l == self.h or self.n >> l <= 2 * QUERIES)
        self.cap = self.n >> self.path_length

    def opening_bytes(self, rows: int) -> int:
        return 32 * self.cap + QUERIES * (32 + 8 * rows + 32 * self.path_length)

    def point(self, position: int) -> int:
        """The point of a position j H + i: s^j w^(i with its bits reversed)."""
        j, i = divmod(position, 1 << self.h)
        s = pow(ROOT_2_32, 1 << (32 - self.h - log2_ceil(self.k)), P)
        w = pow(ROOT_2_32, 1 << (32 - self.h), P)
        reversed_i = int(f"{i:0{self.h}b}"[::-1], 2)
        return pow(s, j, P) * pow(w, reversed_i, P) % P


class Matrix:
    """The tiles of columns, one a row; c is what makes an opening shortest."""

    def __init__(self, columns: Sequence[Column], openings: int, mask_rows: int = 0) -> None:
        self.columns = {column.name: column for column in columns}

        def size(c: int) -> int:
            code = Code(c, openings)
            rows = mask_rows + sum(column.tiling(c)[0] for column in columns)
            return code.opening_bytes(rows) + 16 * code.dimension

        self.c = min(range(3, max(3, min(20, max(column.bits for column in columns))) + 1), key=size)
        self.code = Code(self.c, openings)
        self.first_row: dict[str, int] = {}
        self.column_rows = 0
        for column in columns:
            self.first_row[column.name] = self.column_rows
            self.column_rows += column.tiling(self.c)[0]
        self.rows = self.column_rows + mask_rows

    def locate(self, name: str, at: Mapping[str, Point]) -> tuple[int, list[K], Point]:
        """(first row, weight a of each tile, place): column(at) = sum of a_i * row_i(place)."""
        column = self.columns[name]
        _, low_bits = column.tiling(self.c)
        weights, place = [K(1)], []
        for axis, low in zip(column.axes, low_bits, strict=True):
            cut = axis.bits - low
            tile_weights = eq_table(at[axis.name][:cut])[: -(-axis.size >> low)]
            weights = [a * b for a in weights for b in tile_weights]
            place += at[axis.name][cut:]
        return self.first_row[name], weights, [ZERO] * (self.c - len(place)) + place


@dataclass
class Lookup:
    """Entries are ([(coefficient, column), ..], constant); `holes` are forgotten rows, on the last axis."""

    name: str
    table: str
    axes: tuple[Axis, ...]
    entries: list[tuple[list[tuple[int, str]], int]]
    holes: list[int] = field(default_factory=list)

    @property
    def bits(self) -> int:
        return sum(axis.bits for axis in self.axes)
