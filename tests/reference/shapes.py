"""Axes, columns, tiling, matrices, groups and codes: protocol.md, sections 5, 6 and 16 ("Chain")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

from .field import ROOT_2_32, K, P, Point, bits_of, eq_table, log2_ceil

QUERIES = {4: 118, 8: 97}  # by inverse rate


@dataclass(frozen=True)
class Axis:
    """`start` and `front` are those of a part: its first value, and how many leading bits all its values share."""

    name: str
    size: int
    spare: int = 0
    start: int = 0
    front: int = 0

    @property
    def bits(self) -> int:
        return log2_ceil(self.size + self.spare)

    def whole(self, point: Point) -> Point:
        """A point on the part as one on the whole axis."""
        return bits_of(self.start >> self.bits, self.front) + point

    def runs(self, bits: int) -> list[Axis]:
        """The axis in runs of 2^bits values."""
        if bits >= self.bits:
            return [self]
        sizes = {start: min(1 << bits, self.size - start) for start in range(0, self.size, 1 << bits)}
        return [Axis(self.name, n, 0, start, self.bits - log2_ceil(n)) for start, n in sizes.items()]


Axes = tuple[Axis, ...]


def size_of(axes: Axes) -> int:
    return sum(axis.bits for axis in axes)


def split(axes: Axes, point: Point) -> dict[str, Point]:
    """A point of the whole box, axis by axis."""
    at = {}
    for axis in axes:
        at[axis.name], point = point[: axis.bits], point[axis.bits :]
    return at


def parts(axes: Axes, bits: int) -> list[Axes]:
    """The box in parts of at most so many bits: the first axis is cut, the others if one value of it is too much."""
    if not axes:
        return [()]
    runs = axes[0].runs(max(0, bits - size_of(axes[1:])))
    return [(run, *others) for run in runs for others in parts(axes[1:], bits)]


@dataclass(frozen=True)
class Column:
    name: str
    axes: Axes

    @property
    def bits(self) -> int:
        return size_of(self.axes)

    def tiling(self, c: int) -> tuple[int, tuple[int, ...]]:
        """(rows, low bits of each axis) of a column of at least c bits."""
        return tiling(self.axes, c)


@lru_cache
def tiling(axes: Axes, c: int) -> tuple[int, tuple[int, ...]]:
    """The fewest rows, then the lexicographically first."""
    options = (ls for ls in product(*(range(axis.bits + 1) for axis in axes)) if sum(ls) == c)
    return min((tiles(axes, ls), ls) for ls in options)


def tiles(axes: Axes, low_bits: Sequence[int]) -> int:
    count = 1
    for axis, low in zip(axes, low_bits, strict=True):
        count *= -(-axis.size >> low)
    return count


@dataclass(frozen=True)
class Code:
    """Rows of C = 2^c cells and m = t * openings tail coefficients, and the tree over their codewords."""

    c: int
    openings: int
    inverse_rate: int

    @cached_property
    def queries(self) -> int:
        return QUERIES[self.inverse_rate]

    @cached_property
    def dimension(self) -> int:
        return (1 << self.c) + self.queries * self.openings

    @cached_property
    def h(self) -> int:
        return self.dimension.bit_length() - 1

    @cached_property
    def e(self) -> int:
        return max(0, self.h - 3)

    @cached_property
    def n(self) -> int:
        return -(-self.inverse_rate * self.dimension // (1 << self.e)) << self.e

    @cached_property
    def k(self) -> int:
        return -(-self.n // (1 << self.h))

    @cached_property
    def path_length(self) -> int:
        return next(l for l in range(self.e + 1) if l == self.e or self.n >> l <= 2 * self.queries)

    @cached_property
    def cap(self) -> int:
        return self.n >> self.path_length

    def opening_bytes(self, rows: int) -> int:
        """The code of a stack (section 16), where nothing is secret, has no salts."""
        salt = 32 if self.openings else 0
        return 27 * self.cap + self.queries * (salt + 8 * rows + 27 * self.path_length)

    def point(self, position: int) -> int:
        """The point of a position j H + i: s^j w^(i with its bits reversed)."""
        j, i = divmod(position, 1 << self.h)
        s = pow(ROOT_2_32, 1 << (32 - self.h - log2_ceil(self.k)), P)
        w = pow(ROOT_2_32, 1 << (32 - self.h), P)
        reversed_i = int(f"{i:0{self.h}b}"[::-1], 2)
        return pow(s, j, P) * pow(w, reversed_i, P) % P


class Matrix:
    """First the tiles of long columns, one a row; then short columns in slots, the longest first."""

    def __init__(self, columns: Sequence[Column], c: int) -> None:
        self.columns, self.c = {column.name: column for column in columns}, c
        self.first_row: dict[str, int] = {}
        self.slots: dict[str, int] = {}
        self.rows, line = 0, 0
        for column in columns:
            if column.bits >= c:
                self.first_row[column.name] = self.rows
                self.rows += column.tiling(c)[0]
        for column in sorted(columns, key=lambda column: -column.bits):
            if column.bits < c:
                row, cell = divmod(line, 1 << c)
                self.first_row[column.name], self.slots[column.name] = self.rows + row, cell >> column.bits
                line += 1 << column.bits
        self.rows += -(-line >> c)

    def locate(self, name: str, at: Mapping[str, Point]) -> tuple[int, list[K], Point]:
        """(first row, weight a of each tile, place): column(at) = sum of a_i * row_i(place)."""
        column = self.columns[name]
        if name in self.slots:
            place = bits_of(self.slots[name], self.c - column.bits)
            return self.first_row[name], [K(1)], place + [x for axis in column.axes for x in at[axis.name]]
        _, low_bits = column.tiling(self.c)
        weights, place = [K(1)], []
        for axis, low in zip(column.axes, low_bits, strict=True):
            cut = axis.bits - low
            tile_weights = eq_table(at[axis.name][:cut])[: -(-axis.size >> low)]
            weights = [a * b for a in weights for b in tile_weights]
            place += at[axis.name][cut:]
        return self.first_row[name], weights, place


def stack_rows(lengths: Sequence[int], c: int) -> int:
    return sum(-(-length >> c) for length in lengths)


def time(stacks: Sequence[int]) -> int:
    """Bytes that these stacks have to save, for their work and for their positions."""
    return sum((1 << 14) + Code(c, 0, 8).n // 4 for c in stacks)


@lru_cache
def chain(lengths: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Bytes of the folding phase and of the roots in it, and c of each stack."""
    best: tuple[int, tuple[int, ...]] = 16 * sum(lengths), ()
    for c in range(4, min(16, log2_ceil(sum(lengths)) - 1) + 1):
        rows = stack_rows(lengths, c)
        rest, stacks = chain((1 << c,))
        size = 32 + 16 * (2 * (log2_ceil(rows) + c) + 1) + 7 + Code(c, 0, 8).opening_bytes(2 * rows) + rest
        found = size, (c, *stacks)
        if found[0] + time(found[1]) < best[0] + time(best[1]):
            best = found
    return best


def code_of(columns: Sequence[Column], openings: int, inverse_rate: int, least: int) -> Code:
    """The code of a matrix committed before the proof: what makes an opening shortest, hashing counted too."""

    def size(c: int) -> int:
        code = Code(c, openings, inverse_rate)
        return code.opening_bytes(Matrix(columns, c).rows) + chain((code.dimension,))[0] + code.n

    most = max(least, min(20, max(column.bits for column in columns)))
    return Code(min(range(least, most + 1), key=size), openings, inverse_rate)


class Group:
    """Matrices on one code, the witness last, and what lies in the fresh tree."""

    def __init__(self, name: str, code: Code) -> None:
        self.name, self.code, self.ledger = name, code, False
        self.matrices: dict[str, Matrix] = {}

    @property
    def rows(self) -> int:
        return sum(matrix.rows for matrix in self.matrices.values())

    @property
    def committed(self) -> list[str]:
        return [name for name in self.matrices if name != "witness"]

    @property
    def fresh(self) -> str:
        return "witness" if "witness" in self.matrices else f"{self.name} mask"

    @property
    def fresh_rows(self) -> int:
        witness = self.matrices["witness"].rows if "witness" in self.matrices else 0
        return witness + 2 + (4 if self.ledger else 0)

    def locate(self, column: tuple[str, str], at: Mapping[str, Point]) -> tuple[int, list[K], Point]:
        """Of the column with this address: (matrix, name)."""
        before = list(self.matrices)[: list(self.matrices).index(column[0])]
        row, weights, place = self.matrices[column[0]].locate(column[1], at)
        return sum(self.matrices[name].rows for name in before) + row, weights, place


def groups_of(columns: Mapping[str, Sequence[Column]], codes: Mapping[str, Code]) -> list[Group]:
    """Matrices on one code together."""
    groups: dict[Code, Group] = {}
    for name, code in codes.items():
        groups.setdefault(code, Group(name, code)).matrices[name] = Matrix(columns[name], code.c)
    return list(groups.values())


def choose_groups(columns: Mapping[str, Sequence[Column]], codes: dict[str, Code]) -> list[Group]:
    """The witness on the code of the first matrix, or in longer rows on one of its own."""
    if "witness" not in columns:
        return groups_of(columns, codes)
    first = next(iter(codes.values()))
    longest = min(20, max(column.bits for column in columns["witness"]))
    own = [Code(c, 1, 4) for c in range(first.c + 1, longest + 1)]
    return min((groups_of(columns, {**codes, "witness": code}) for code in [first, *own]), key=price)


def short_code(columns: Mapping[str, Sequence[Column]], codes: dict[str, Code], name: str, own: Code) -> Code:
    """The model's code: its own, or that of the first matrix; `codes` has those of the matrices before it."""
    first_name, first = next(iter(codes.items()))
    if first.openings < own.openings:
        return own
    both = {first_name: columns[first_name], name: columns[name]}
    return min((own, first), key=lambda code: price(groups_of(both, {first_name: first, name: code})) + code.n // 16)


def price(groups: list[Group]) -> int:
    """Bytes of opening all trees and of folding, and a byte for four positions of each code."""
    size = chain(tuple(group.code.dimension for group in groups))[0]
    for group in groups:
        trees = [*(group.matrices[name].rows for name in group.committed), group.fresh_rows]
        size += sum(group.code.opening_bytes(rows) for rows in trees) + group.code.n // 4
    return size
