"""Rows of a matrix at a few points, by float64 products of limbs: exact, and as fast as BLAS is.

A row is cut into pieces of S coefficients: sum over a of x^(S a) * (sum over j < S of v_(S a + j) x^j). The inner sums
are products of matrices of cells and of powers. Powers are cut into limbs, as few as keep the sums below 2^53; narrow
integers are one limb themselves, elements of F are four.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..circuits.goldilocks import Vector, add, mul
from .encoding import MatrixRows
from .kernels import RowPart, fmul, join_pieces

EXACT_BITS = 53
FIELD_BITS, CELL_LIMB_BITS = 64, 16
LIMB_COUNTS = (2, 3, 4)  # of powers: the fewest that leave pieces a reasonable length
SHORTEST_PIECE, LONGEST_PIECE = 9, 13  # bits: below, joining pieces costs more than their products; above, caches miss
CHUNK = 1 << 20  # cells that are turned into float64 at a time

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """How powers of points are cut: `limbs` of limb_bits, and pieces of 2^piece_bits of them."""

    limbs: int
    piece_bits: int

    @property
    def limb_bits(self) -> int:
        """Bits of a limb."""
        return -(-FIELD_BITS // self.limbs)


def evaluate_parts(rows: MatrixRows, points: Vector) -> Vector:
    """All rows at points (t,): F array (t, rows)."""
    values = np.zeros((rows.count, len(points)), dtype=np.uint64)
    tables: dict[Cut, Floats] = {}
    for part in rows.parts:
        cut, length = _cut(part), part.cells.shape[1]
        if cut not in tables:
            tables[cut] = _power_limbs(points, cut)
        size = 1 << cut.piece_bits
        steps = power_table(power(points, size), -(-length // size), power(points, part.start))
        for low, high, scale, sums in _inner_sums(part, size, tables[cut]):
            own = values[part.row + low : part.row + high]
            found = join_pieces(sums.reshape(high - low, len(steps), cut.limbs, -1), cut.limb_bits, steps)
            own[:] = add(own, mul(found, np.uint64(scale)))
    return np.ascontiguousarray(values.T)


def _cut(part: RowPart) -> Cut:
    """The fewest limbs of powers for which sums of products with these cells are exact."""
    length_bits = (part.cells.shape[1] - 1).bit_length()
    for limbs in LIMB_COUNTS:
        bits = EXACT_BITS - _cell_bits(part.cells) - Cut(limbs, 0).limb_bits
        if bits >= min(SHORTEST_PIECE, length_bits):
            break
    return Cut(limbs, min(bits, LONGEST_PIECE, length_bits))


def _cell_bits(cells: npt.NDArray[np.generic]) -> int:
    """Bits of the largest limb."""
    if cells.dtype == np.uint64 or not cells.size:
        return CELL_LIMB_BITS
    return max(abs(int(cells.min())), abs(int(cells.max()))).bit_length()


def _inner_sums(
    part: RowPart, size: int, table: Floats
) -> Iterator[tuple[int, int, int, npt.NDArray[np.int64]]]:
    """For some rows and one limb of their cells at a time: rows, the limb's weight, and the sums of all pieces."""
    height, length = part.cells.shape
    padded = -(-length // size) * size
    step = max(1, CHUNK // padded)
    for low in range(0, height, step):
        chunk = part.cells[low : low + step]
        if padded > length:
            chunk = np.pad(chunk, [(0, 0), (0, padded - length)])
        for weight, limb in _cell_limbs(chunk):
            yield low, low + len(chunk), weight, (limb.reshape(-1, size) @ table).astype(np.int64)


def _cell_limbs(cells: npt.NDArray[np.generic]) -> Iterator[tuple[int, Floats]]:
    """Cells as sums of weight * limb: narrow integers are one limb, elements of F four."""
    if cells.dtype != np.uint64:
        yield 1, cells.astype(np.float64)
        return
    mask = np.uint64((1 << CELL_LIMB_BITS) - 1)
    for shift in range(0, FIELD_BITS, CELL_LIMB_BITS):
        yield 1 << shift, ((cells.astype(np.uint64, copy=False) >> np.uint64(shift)) & mask).astype(np.float64)


def _power_limbs(points: Vector, cut: Cut) -> Floats:
    """Limbs of x^j, j < 2^piece_bits: (2^piece_bits, limbs * t), all points of one limb side by side."""
    table = power_table(points, 1 << cut.piece_bits)
    mask = np.uint64((1 << cut.limb_bits) - 1)
    limbs = [(table >> np.uint64(cut.limb_bits * i)) & mask for i in range(cut.limbs)]
    return np.concatenate(limbs, axis=1).astype(np.float64)


def power_table(points: Vector, count: int, first: Vector | None = None) -> Vector:
    """first * x^j for j < count, F array (count, t), by doubling."""
    table, square = (np.ones_like(points) if first is None else first)[None], points
    while len(table) < count:
        table = np.concatenate([table, fmul(table, np.broadcast_to(square, table.shape))])
        square = mul(square, square)
    return np.ascontiguousarray(table[:count])


def power(points: Vector, exponent: int) -> Vector:
    """x^exponent, F array (t,)."""
    result, square = np.ones_like(points), points
    while exponent:
        if exponent & 1:
            result = mul(result, square)
        square, exponent = mul(square, square), exponent >> 1
    return result
