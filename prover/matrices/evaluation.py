"""Rows of a matrix at a few points, by float64 products of limbs: exact, and as fast as BLAS is.

A row is cut into pieces of S coefficients: sum over a of x^(S a) * (sum over j < S of v_(S a + j) x^j). The inner sums
are products of matrices of cells and of powers. Powers are cut into limbs, as few as keep the sums below 2^53; narrow
integers are one limb themselves, elements of F are four.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from ...circuits.field.goldilocks import Vector
from .. import kernels
from ..kernels import Array, RowPart
from .codewords import MatrixRows
from .products import CELL_LIMB_BITS, EXACT_BITS, Floats, cell_bits, cell_limbs, limb_bits, limb_scales, product_bits

LIMB_COUNTS = (2, 3, 4)  # of powers: the fewest that leave pieces a reasonable length
SHORTEST_PIECE, LONGEST_PIECE = 7, 10  # bits: below, joining pieces costs more than their products; above, caches miss
CHUNK = 1 << 17  # cells that are turned into float64 at a time


@dataclass(frozen=True)
class Cut:
    """How powers of points are cut: `limbs` of limb_bits, and pieces of 2^piece_bits of them."""

    limbs: int
    piece_bits: int

    @property
    def limb_bits(self) -> int:
        """Bits of a limb."""
        return limb_bits(self.limbs)


def evaluate_parts(rows: MatrixRows, points: Vector) -> Vector:
    """All rows at points (t,): F array (t, rows)."""
    values = np.zeros((rows.count, len(points)), dtype=np.uint64)
    cuts = [_cut(part) for part in rows.parts]
    tables = {cut: _power_limbs(points, cut) for cut in dict.fromkeys(cuts)}
    raised = cache(partial(power, points))
    places, tasks = [], []
    for part, cut in zip(rows.parts, cuts, strict=True):
        size, (height, length) = 1 << cut.piece_bits, part.cells.shape
        steps = kernels.powers(raised(size), -(-length // size), raised(part.start))
        scaled = limb_scales(cut.limbs, cut.limb_bits, steps)
        step = max(1, CHUNK // length)
        for low in range(0, height, step):
            cells = part.cells[low : low + step]
            places.append(slice(part.row + low, part.row + low + len(cells)))
            tasks.append(partial(_sums, cells, cut, tables[cut], scaled))
    for place, own in zip(places, kernels.run_blas_tasks(tasks), strict=True):
        values[place] = kernels.kadd(values[place], own)
    return np.ascontiguousarray(values.T)


def _cut(part: RowPart) -> Cut:
    """The fewest limbs of powers for which sums of products with these cells are exact."""
    length_bits, own_bits = (part.cells.shape[1] - 1).bit_length(), cell_bits(part.cells)
    for limbs in LIMB_COUNTS:
        bits = EXACT_BITS - product_bits(own_bits, limbs)
        if bits >= min(SHORTEST_PIECE, length_bits):
            break
    return Cut(limbs, min(bits, LONGEST_PIECE, length_bits))


def _sums(cells: Array, cut: Cut, table: Floats, steps: Vector) -> Vector:
    """sum over pieces a and limbs k of steps[a, k] * (limb k of the table times piece a): F array (rows, t)."""
    height, length = cells.shape
    (joined, count), size = steps.shape, 1 << cut.piece_bits
    pieces = joined // cut.limbs
    if pieces * size > length:
        cells = np.pad(cells, [(0, 0), (0, pieces * size - length)])
    sums = np.empty((height, joined, count))
    found = []
    for limb in cell_limbs(cells):
        np.matmul(limb.reshape(-1, size), table.T, out=sums.reshape(height * pieces, -1))
        found.append(kernels.join_pieces(sums, steps))
    result = found[0]
    for k, own in enumerate(found[1:], start=1):
        result = kernels.kadd(result, kernels.fmul(own, np.full_like(own, 1 << (CELL_LIMB_BITS * k))))
    return result


def _power_limbs(points: Vector, cut: Cut) -> Floats:
    """Limbs of x^j, j < 2^piece_bits: (limbs * t, 2^piece_bits), all points of one limb together."""
    limbs = kernels.field_limbs(kernels.powers(points, 1 << cut.piece_bits).T, cut.limbs, cut.limb_bits)
    return limbs.reshape(cut.limbs * len(points), -1)


def power(points: Vector, exponent: int) -> Vector:
    """x^exponent, F array (t,)."""
    result, square = np.ones_like(points), points
    while exponent:
        if exponent & 1:
            result = kernels.fmul(result, square)
        square, exponent = kernels.fmul(square, square), exponent >> 1
    return result
