"""Reed-Solomon encoding of many rows at once.

Layout beats arithmetic: eight rows travel together, a block holds (position, row), and one butterfly acts on
eight rows with one twiddle. The output keeps that layout: eight cells of a position, a piece of a Merkle leaf,
are a cache line.

The transform is the decimation-in-frequency NTT in radix 4 (Cooley and Tukey 1965; Gentleman and Sande 1966):
natural order in, bit-reversed out, depth first so that small sub-transforms run in the nearest cache. The
domain is defined with bit-reversed positions, so nothing is ever permuted.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np

from .compiled import IN, INT, OUT, device, kernel
from .field import LANES, ROOT_2_32, TWO_ADICITY, P, add, load, mul, splat, store, sub, times_i
from .threads import run_tasks, thread_count
from .values import Array
from .vectors import fmul

# Rows that travel together: their cells of one position are 64 bytes, a cache line.
GROUP = 8
# A sub-transform of this many positions is 32 KB: the nearest cache.
LEAF_BITS = 9


def root_of_unity(bits: int) -> int:
    """The root of order 2^bits that all domains are made of."""
    if not 0 <= bits <= TWO_ADICITY:
        raise ValueError(f"no root of order 2^{bits} in F_p")
    return pow(ROOT_2_32, 1 << (TWO_ADICITY - bits), P)


@lru_cache(maxsize=32)
def _power_line(base: int, count: int) -> Array:
    """base^0, ..., base^(count-1): uint64 (count,), read-only because it is shared."""
    line = np.ones(1, dtype=np.uint64)
    while line.size < count:
        next_power = np.full(line.size, pow(base, line.size, P), dtype=np.uint64)
        line = np.concatenate([line, fmul(line, next_power)])
    line = line[:count].copy()
    line.flags.writeable = False
    return line


def _shifts(subgroup_bits: int, cosets: int) -> list[int]:
    if cosets < 1:
        raise ValueError(f"at least one coset, got {cosets}")
    generator = root_of_unity(subgroup_bits + (cosets - 1).bit_length())
    return [pow(generator, j, P) for j in range(cosets)]


@lru_cache(maxsize=8)
def _bit_reversal(bits: int) -> Array:
    order = np.zeros(1, dtype=np.int64)
    for _ in range(bits):
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


@lru_cache(maxsize=8)
def _twiddles(bits: int) -> Array:
    """w^i, w^2i, w^3i for i < q, of each radix-4 stage (length 4q) in turn: fewer than 2^bits, uint64."""
    powers = _power_line(root_of_unity(bits), 1 << bits)
    parts = [np.empty(0, dtype=np.uint64)]
    for stage in range(bits // 2):
        stride = 1 << (2 * stage)
        exponents = np.arange((1 << bits) // stride // 4)[:, None] * np.array([1, 2, 3]) * stride
        parts.append(powers[exponents].ravel())
    table = np.concatenate(parts)
    table.flags.writeable = False
    return table


@device
def _radix4(block, start, quarter, twiddles, first):
    """One stage on positions start .. start + 4 quarter: two radix-2 stages fused."""
    step = quarter * GROUP
    for i in range(quarter):
        t = first + 3 * i
        for at in range((start + i) * GROUP, (start + i + 1) * GROUP, LANES):
            a = load(block, at, LANES)
            b = load(block, at + step, LANES)
            c = load(block, at + 2 * step, LANES)
            d = load(block, at + 3 * step, LANES)
            even = add(a, c)
            odd = add(b, d)
            x = sub(a, c)
            y = times_i(sub(b, d))
            store(block, at, LANES, add(even, odd))
            store(block, at + step, LANES, mul(sub(even, odd), twiddles[t + 1]))
            store(block, at + 2 * step, LANES, mul(add(x, y), twiddles[t]))
            store(block, at + 3 * step, LANES, mul(sub(x, y), twiddles[t + 2]))


@device
def _radix2(block, start, count):
    """The last stage of an odd number: length 2, no twiddle."""
    for i in range(start, start + count, 2):
        for at in range(i * GROUP, (i + 1) * GROUP, LANES):
            a = load(block, at, LANES)
            b = load(block, at + GROUP, LANES)
            store(block, at, LANES, add(a, b))
            store(block, at + GROUP, LANES, sub(a, b))


@kernel(OUT, IN, INT, INT)
def _ntt(block, twiddles, bits, leaf_bits):
    """NTT along axis 0 of block (2^bits, 8), in place, output bit-reversed.

    Depth first: a stage runs on a sub-transform when the walk over leaves reaches its first position.
    """
    size = 1 << bits
    leaf = size
    while leaf > (1 << leaf_bits) and leaf >= 4:
        leaf >>= 2
    for start in range(0, size, leaf):
        length = size
        first = 0
        while length > leaf:
            if start % length == 0:
                _radix4(block, start, length >> 2, twiddles, first)
            first += 3 * (length >> 2)
            length >>= 2
        while length >= 4:
            for inner in range(start, start + leaf, length):
                _radix4(block, inner, length >> 2, twiddles, first)
            first += 3 * (length >> 2)
            length >>= 2
        if length == 2:
            _radix2(block, start, leaf)


@kernel(IN, OUT, INT, INT, INT)
def _transpose(rows, out, row, count, length):
    """out (length, 8): `count` rows from `row` on, side by side, and zeros in the places that are left."""
    for j in range(length):
        for c in range(count):
            out[j * GROUP + c] = rows[(row + c) * length + j]
        for c in range(count, GROUP):
            out[j * GROUP + c] = np.uint64(0)


@kernel(IN, IN, OUT, INT, INT)
def _shift(cells, shifts, block, length, size):
    """block[i] = sum over j = i mod size of shifts[j] cells[j]; lines of eight, `size` of them."""
    for i in range(size):
        for c in range(0, GROUP, LANES):
            value = splat(np.uint64(0))
            for j in range(i, length, size):
                value = add(value, mul(load(cells, j * GROUP + c, LANES), shifts[j]))
            store(block, i * GROUP + c, LANES, value)


def encoded_shape(count: int, subgroup_bits: int, cosets: int) -> tuple[int, int, int]:
    """The shape that encode_rows gives `count` rows."""
    return -(-count // GROUP), cosets << subgroup_bits, GROUP


def encode_rows(rows: Array, subgroup_bits: int, cosets: int) -> Array:
    """Evaluate each row, a polynomial given by its coefficients, on `cosets` cosets of a subgroup.

    rows: uint64 (R, L) canonical; row i is sum_j rows[i, j] X^j. L may exceed H = 2^subgroup_bits.
    Returns uint64 (ceil(R / 8), cosets * H, 8): entry [g, q, c] is row 8 g + c at encoding_points(...)[q], or 0
    past the last row. `gather_cells` puts a position's cells side by side.
    """
    rows = np.ascontiguousarray(rows, dtype=np.uint64)
    count, length = rows.shape
    size, shape = 1 << subgroup_bits, encoded_shape(count, subgroup_bits, cosets)
    out = np.empty((shape[0], cosets, size * GROUP), dtype=np.uint64)
    twiddles, flat_rows = _twiddles(subgroup_bits), rows.reshape(-1)
    shifts = [_power_line(shift, length) for shift in _shifts(subgroup_bits, cosets)]

    def encode(group: int, part: range) -> None:
        row = group * GROUP
        cells = np.empty(length * GROUP, dtype=np.uint64)
        _transpose(flat_rows, cells, row, min(GROUP, count - row), length)
        for coset in part:
            block = out[group, coset]
            _shift(cells, shifts[coset], block, length, size)
            _ntt(block, twiddles, subgroup_bits, LEAF_BITS)

    # A group's cosets share the transposed rows, but must be shared out where there are few groups.
    parts = 1 if len(out) >= thread_count() else cosets
    run_tasks([partial(encode, group, range(i, cosets, parts)) for group in range(len(out)) for i in range(parts)])
    return out.reshape(shape)


def gather_cells(encoded: Array, count: int, positions: Sequence[int] | slice = slice(None)) -> Array:
    """The cells of `count` rows at some positions of `encode_rows`: uint64 (positions, count)."""
    return encoded[:, positions].transpose(1, 0, 2).reshape(-1, len(encoded) * GROUP)[:, :count]


def encoding_points(subgroup_bits: int, cosets: int) -> Array:
    """The points of encode_rows, uint64 (cosets * 2^subgroup_bits,).

    Position j * H + i is Omega^j * omega^bitrev(i): omega of order H, Omega of order H * 2^ceil(log2 cosets).
    """
    subgroup = _power_line(root_of_unity(subgroup_bits), 1 << subgroup_bits)[_bit_reversal(subgroup_bits)]
    shifts = np.array(_shifts(subgroup_bits, cosets), dtype=np.uint64)
    return fmul(np.repeat(shifts, subgroup.size), np.tile(subgroup, cosets))
