"""Products of matrices of cells with matrices over F, by float64 products of limbs: exact, and as fast as BLAS is.

Elements of F are cut into signed limbs, as few as keep sums of products below 2^53. Narrow integers are one limb
themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector, add
from .. import kernels
from ..kernels import Array

EXACT_BITS = 53
FIELD_BITS = 64
CELL_LIMBS, CELL_LIMB_BITS = 3, 22  # of cells that are elements of F
LIMB_COUNTS = (2, 3, 4)  # of the numbers that cells are multiplied with: the fewest that leave long enough pieces
SHORTEST = 1 << 9  # cells of a row that are multiplied at a time, at least
BLOCK = 1 << 17  # cells that are turned into float64 at a time
LONGEST = 1 << 16  # cells; of more, sums of pieces may leave 64 bits

Floats = npt.NDArray[np.float64]


def limb_bits(limbs: int) -> int:
    """Bits of each of so many limbs."""
    return -(-FIELD_BITS // limbs)


def cell_bits(cells: Array) -> int:
    """Such that no limb of a cell is above 2^bits in absolute value."""
    if cells.dtype == np.uint64 or not cells.size:
        return CELL_LIMB_BITS - 1
    return (max(-int(cells.min()), int(cells.max())) - 1).bit_length()


def product_bits(bits: int, limbs: int) -> int:
    """Such that the product of a cell's limb, of so many bits, and one of so many limbs is not above 2^ of these."""
    return bits + limb_bits(limbs) - 1


def cell_limbs(cells: Array) -> Floats:
    """Cells as sums of 2^(22 k) * limb k, float64 (limbs, *shape): one limb if narrow, three for elements of F."""
    if cells.dtype != np.uint64:
        return cells.astype(np.float64)[None]
    return kernels.field_limbs(cells, CELL_LIMBS, CELL_LIMB_BITS)


def times(matrices: Sequence[Array], vectors: Vector) -> list[Vector]:
    """sum over j of M[i, j] vectors[k, j]: cells M (R, n), F array (t, n) -> F array (R, t), for each M."""
    length = vectors.shape[1]
    if length > LONGEST:
        cuts = slice(0, LONGEST), slice(LONGEST, length)
        halves = [times([cells[:, cut] for cells in matrices], vectors[:, cut]) for cut in cuts]
        return [add(*pair) for pair in zip(*halves, strict=True)]
    cuts_of = [_cut_for(cells) for cells in matrices]
    results: dict[int, Vector] = {}
    for limbs in {limbs for limbs, _ in cuts_of}:
        own = [i for i, cut in enumerate(cuts_of) if cut[0] == limbs]
        most = min(cuts_of[i][1] for i in own)
        results |= zip(own, _times([matrices[i] for i in own], vectors, limbs, most), strict=True)
    return [results[i] for i in range(len(matrices))]


def _times(matrices: Sequence[Array], vectors: Vector, limbs: int, most: int) -> list[Vector]:
    """The same with numbers cut into so many limbs, and rows into pieces of at most `most` cells."""
    count, length = vectors.shape
    heights = [_limb_count(cells) * len(cells) for cells in matrices]
    ends = list(accumulate(heights, initial=0))
    piece = min(most, max(SHORTEST, 1 << (BLOCK // ends[-1]).bit_length()))

    def summed(first: int, last: int) -> npt.NDArray[np.int64]:
        sums = np.zeros((ends[-1], limbs, count), dtype=np.int64)
        block = np.empty((ends[-1], piece))
        for start in range(first, last, piece):
            cut = slice(start, min(start + piece, last))
            used = np.flatnonzero(vectors[:, cut].max(axis=1))  # many vectors are zero but in a corner
            left, right = block[:, : cut.stop - start], kernels.field_limbs(vectors[used, cut], limbs, limb_bits(limbs))
            for (low, high), cells in zip(pairwise(ends), matrices, strict=True):
                limbs_of_cells = cell_limbs(cells[:, cut]) if cells.dtype == np.uint64 else cells[None, :, cut]
                left[low:high] = limbs_of_cells.reshape(high - low, -1)  # narrow integers become float64 here
            products = left @ right.reshape(limbs * len(used), left.shape[1]).T
            sums[:, :, used] += products.astype(np.int64).reshape(ends[-1], limbs, len(used))
        return sums

    cuts = kernels.spans(length, cost=ends[-1], grain=piece)
    sums = np.sum(kernels.run_blas_tasks([partial(summed, *cut) for cut in cuts]), axis=0)
    shapes = [(_limb_count(cells), len(cells), limbs, count) for cells in matrices]
    own = zip(pairwise(ends), shapes, strict=True)
    return [_joined(sums[low:high].reshape(shape), limb_bits(limbs)) for (low, high), shape in own]


def _cut_for(cells: Array) -> tuple[int, int]:
    """How many limbs, and how many products with these cells may be added up."""
    bits = cell_bits(cells)
    for limbs in LIMB_COUNTS:
        room = EXACT_BITS - product_bits(bits, limbs)
        if room >= SHORTEST.bit_length() - 1:
            break
    return limbs, 1 << room


def _limb_count(cells: Array) -> int:
    return CELL_LIMBS if cells.dtype == np.uint64 else 1


def _joined(sums: npt.NDArray[np.int64], bits: int) -> Vector:
    """sum over a, k of 2^(22 a + bits k) sums[a, ., k]: int64 (A, R, limbs, t) -> F array (R, t)."""
    steps = np.array([[1 << (CELL_LIMB_BITS * a)] for a in range(len(sums))], dtype=np.uint64)
    (_, rows, limbs, count), pieces = sums.shape, sums.transpose(1, 0, 2, 3)
    scaled = limb_scales(limbs, bits, np.repeat(steps, count, axis=1))
    return kernels.join_pieces(pieces.reshape(rows, -1, count), scaled)


def limb_scales(limbs: int, bits: int, steps: Vector) -> Vector:
    """2^(bits k) steps[a], k < limbs: F array (A, t) -> (A limbs, t), the limbs of each step together."""
    scales = np.array([[1 << (bits * k)] for k in range(limbs)], dtype=np.uint64)
    shape = (len(steps), limbs, steps.shape[1])
    return kernels.fmul(*(np.broadcast_to(x, shape) for x in (steps[:, None], scales))).reshape(-1, steps.shape[1])
