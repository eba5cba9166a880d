"""Reed-Solomon encoding of eight rows at once.

Layout beats arithmetic: eight rows travel together, a block holds (position, row), and one butterfly acts on
eight rows with one twiddle. The output keeps that layout: eight cells of a position, a piece of a Merkle leaf,
are a cache line.

The codeword on one coset is a tree of remainders (Cooley and Tukey 1965, read as in Bernstein 2001): a polynomial
modulo X^4B - z^4 leaves four remainders modulo X^B - z, X^B + z, X^B - iz, X^B + iz, down to its values. All
butterflies of one node share their constants, the coset's shift is part of them, and values come out in
bit-reversed order, which is how the code numbers its positions. Depth first, so that small nodes run in the nearest
cache; positions past the end of the last coset are left out where whole subtrees lie there.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .compiled import CELLS, IN, INT, OUT, U64, cell_kernel, device, kernel
from .field import LANES, ROOT_2_32, TWO_ADICITY, P, add, mul, sub, times_i
from .memory import load, load_one, store, turned
from .values import Array
from .vectors import fmul

# Rows that travel together: their cells of one position are 64 bytes, a cache line.
GROUP = 8
# A subtree of this many positions is 32 KB: the nearest cache.
LEAF_BITS = 9


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class RowPart:
    """Some coefficients of some rows of a matrix.

    Attributes:
        cells: (rows, coefficients), C-contiguous: uint64 elements of F, or int16, uint16, int32.
        row: the first of the matrix' rows that they belong to.
        start: the first coefficient of these.
    """

    cells: Array
    row: int
    start: int


def root_of_unity(bits: int) -> int:
    """The root of order 2^bits that all domains are made of."""
    if not 0 <= bits <= TWO_ADICITY:
        raise ValueError(f"no root of order 2^{bits} in F_p")
    return pow(ROOT_2_32, 1 << (TWO_ADICITY - bits), P)


@lru_cache(maxsize=8)
def _roots(bits: int) -> Array:
    """w^bitrev(b) for b < 2^(bits - 1), w of order 2^bits: the constants of every level, which are prefixes."""
    table, generator = np.ones(1, dtype=np.uint64), root_of_unity(bits)
    while table.size < 1 << max(0, bits - 1):
        step = pow(generator, (1 << bits) // (4 * table.size), P)
        table = np.concatenate([table, fmul(table, np.full(table.size, step, dtype=np.uint64))])
    table.flags.writeable = False
    return table


@lru_cache(maxsize=64)
def _squares(shift: int, count: int) -> Array:
    """shift^(2^b), b < count."""
    table = np.array([pow(shift, 1 << b, P) for b in range(count)], dtype=np.uint64)
    table.flags.writeable = False
    return table


@device
def _radix4(block, start, quarter, z1, i0, i1):
    """The four remainders of the node at `start`, 4 quarter positions long, of which i0..i1 of each quarter."""
    step = quarter * GROUP
    z2 = mul(z1, z1)
    z3 = mul(z2, z1)
    for at in range((start + i0) * GROUP, (start + i1) * GROUP, LANES):
        a = load(block, at, LANES)
        b = mul(load(block, at + step, LANES), z1)
        c = mul(load(block, at + 2 * step, LANES), z2)
        d = mul(load(block, at + 3 * step, LANES), z3)
        even = add(a, c)
        odd = add(b, d)
        x = sub(a, c)
        y = times_i(sub(b, d))
        store(block, at, LANES, add(even, odd))
        store(block, at + step, LANES, sub(even, odd))
        store(block, at + 2 * step, LANES, add(x, y))
        store(block, at + 3 * step, LANES, sub(x, y))


@device
def _radix2(block, start, z):
    """The two remainders of a node of two positions."""
    for at in range(start * GROUP, (start + 1) * GROUP, LANES):
        a = load(block, at, LANES)
        b = mul(load(block, at + GROUP, LANES), z)
        store(block, at, LANES, add(a, b))
        store(block, at + GROUP, LANES, sub(a, b))


@kernel(OUT, IN, IN, INT, INT, INT)
def _transform(block, roots, shifts, bits, limit, leaf_bits):
    """The values of block (2^bits, 8), coefficients, at the first `limit` positions of a coset, in place.

    shifts[b] = s^(2^b), s the coset's shift. A node is done when the walk over leaves reaches its first position.
    """
    size = 1 << bits
    leaf = size
    while leaf > (1 << leaf_bits) and leaf >= 4:
        leaf >>= 2
    for start in range(0, limit, leaf):
        length, level = size, bits
        while length > leaf:
            if start % length == 0:
                z = mul(shifts[level - 2], roots[2 * (start >> level)])
                _radix4(block, start, length >> 2, z, 0, length >> 2)
            length >>= 2
            level -= 2
        while length >= 4:
            for inner in range(start, start + leaf, length):
                z = mul(shifts[level - 2], roots[2 * (inner >> level)])
                _radix4(block, inner, length >> 2, z, 0, length >> 2)
            length >>= 2
            level -= 2
        if length == 2:
            for inner in range(start, start + leaf, 2):
                _radix2(block, inner, mul(shifts[0], roots[inner >> 1]))


@cell_kernel(CELLS, OUT, INT, INT, INT, INT)
def _place_one(cells, block, row, column, length, start):
    """Column `column` of block (.., 8), from position `start` on: row `row` of cells (.., length)."""
    for j in range(length):
        block[(start + j) * GROUP + column] = load_one(cells, row * length + j)


@cell_kernel(CELLS, OUT, INT, INT, INT)
def _place_eight(cells, block, row, length, start):
    """All columns of block from position `start` on: rows row .. row + 7 of cells (.., length). For LANES = 8."""
    at = row * length
    for j in range(0, length, LANES):
        left = length - j
        a, b = load(cells, at + j, left), load(cells, at + length + j, left)
        c, d = load(cells, at + 2 * length + j, left), load(cells, at + 3 * length + j, left)
        e, f = load(cells, at + 4 * length + j, left), load(cells, at + 5 * length + j, left)
        g, h = load(cells, at + 6 * length + j, left), load(cells, at + 7 * length + j, left)
        a, b, c, d, e, f, g, h = turned(a, b, c, d, e, f, g, h)
        to = (start + j) * GROUP
        store(block, to, GROUP, a)
        store(block, to + GROUP, GROUP * (left - 1), b)
        store(block, to + 2 * GROUP, GROUP * (left - 2), c)
        store(block, to + 3 * GROUP, GROUP * (left - 3), d)
        store(block, to + 4 * GROUP, GROUP * (left - 4), e)
        store(block, to + 5 * GROUP, GROUP * (left - 5), f)
        store(block, to + 6 * GROUP, GROUP * (left - 6), g)
        store(block, to + 7 * GROUP, GROUP * (left - 7), h)


@kernel(OUT, INT, INT, U64)
def _wrap(block, size, count, z):
    """block[j] += z block[size + j], j < count, lines of eight: the polynomial modulo X^size - z."""
    for at in range(0, count * GROUP, LANES):
        store(block, at, LANES, add(load(block, at, LANES), mul(load(block, size * GROUP + at, LANES), z)))


def place(block: Array, parts: Sequence[RowPart], first: int) -> None:
    """Rows first .. first + 7 of a matrix side by side: block (coefficients, 8), zeros where no part is."""
    lines, pieces = block.reshape(-1), []
    for part in parts:
        low, high = max(first, part.row), min(first + GROUP, part.row + len(part.cells))
        if low < high:
            pieces.append((part, low, high))
    if sum((high - low) * part.cells.shape[1] for part, low, high in pieces) < block.size:
        block[:] = 0
    for part, low, high in pieces:
        cells, length = part.cells.reshape(-1), part.cells.shape[1]
        if LANES == GROUP and high - low == GROUP:
            _place_eight.of(cells)(cells, lines, low - part.row, length, part.start)
            continue
        for row in range(low, high):
            _place_one.of(cells)(cells, lines, row - part.row, row - first, length, part.start)


def transform(block: Array, count: int, subgroup_bits: int, shift: int, limit: int) -> None:
    """Coefficients to the first `limit` values on the coset shift * <w>, w of order 2^subgroup_bits, in place.

    block: uint64 (at least 2^subgroup_bits, 8), `count` coefficients a row, at most twice as many as the coset has
    points. Position i holds the values at shift * w^bitrev(i).
    """
    size, lines = 1 << subgroup_bits, block.reshape(-1)
    shifts = _squares(shift, subgroup_bits + 1)
    if count > size:
        _wrap(lines, size, count - size, shifts[subgroup_bits])
    _transform(lines, _roots(subgroup_bits), shifts, subgroup_bits, limit, LEAF_BITS)
