"""The prover's half of verifier/batching.py.

T_p(i) = <eq(p), M_i> takes one pass over the matrix for each distinct place p; the matrix folded at the row point
is also what the opening sends, so it is handed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..circuits.goldilocks import Vector, kscalar
from ..circuits.multilinear import Point
from ..verifier.batching import (
    Claim,
    MatrixClaim,
    combined_claim,
    draw_weights,
    require_batched,
    row_weights,
)
from ..verifier.group import Group
from . import kernels
from .channel import ProverChannel
from .columns import eq_table
from .kernels import RowPart
from .sumcheck import prove_rounds


@dataclass(frozen=True)
class FoldedMatrix:
    """The claim about a matrix, and sum_i eq(r, i) M_i, tails included: K vector (2, C + m)."""

    claim: MatrixClaim
    row: Vector


def prove_batching(
    channel: ProverChannel, group: Group, claims: Sequence[Claim], matrices: Sequence[Sequence[RowPart]]
) -> FoldedMatrix:
    """From the claims to one claim about the group's matrix.

    Args:
        matrices: the rows of columns of each matrix, in parts.
    """
    weights = draw_weights(channel, claims)  # V -> P
    places = row_weights(group, weights, claims)

    products = [_row_product(group, matrices, place, at_rows) for place, at_rows in places.items()]
    claim = combined_claim(weights, claims)
    row_point, claim, ended = prove_rounds(channel, "batching", products[0], claim, products[1:])

    row = _folded(group, matrices, eq_table(row_point))
    at_cells = _cell_weights(places, [product[0, :, 0] for product in ended])
    tables = np.stack([at_cells, row[:, : 1 << group.code.row_bits]])
    cell_point, claim, (final,) = prove_rounds(channel, "batching", tables, claim)

    (value,) = channel.send([kscalar(final[1, :, 0])])  # P -> V
    point = (*row_point, *cell_point)
    return FoldedMatrix(require_batched(channel, group, (weights, claims), point, claim, value), row)


def _row_product(group: Group, matrices: Sequence[Sequence[RowPart]], place: Point, at_rows: Vector) -> Vector:
    """A_p and T_p on the cube of row indices. K array (2, 2, 2^index_bits)."""
    cells, first, table = 1 << group.code.row_bits, 0, eq_table(place)
    product = np.zeros((2, 2, 1 << group.index_bits), dtype=np.uint64)
    product[0, :, : group.column_rows] = at_rows
    for layout, parts in zip(group.layouts, matrices, strict=True):
        for part in parts:
            if part.start < cells:  # not the tails
                rows = slice(first + part.row, first + part.row + len(part.cells))
                product[1, :, rows] = kernels.contract(part.cells[:, :, None], table)[:, :, 0]
        first += layout.rows
    return product


def _folded(group: Group, matrices: Sequence[Sequence[RowPart]], weights: Vector) -> Vector:
    """sum_i weights_i M_i, tails included. K vector (2, C + m)."""
    row, first = np.zeros((2, group.code.dimension), dtype=np.uint64), 0
    for layout, parts in zip(group.layouts, matrices, strict=True):
        for part in parts:
            at = first + part.row
            own = np.ascontiguousarray(weights[:, at : at + len(part.cells)])
            summed = kernels.contract(part.cells[None], own)[:, 0]
            place = row[:, part.start : part.start + summed.shape[1]]
            place[:] = kernels.kadd(np.ascontiguousarray(place), summed)
        first += layout.rows
    return row


def _cell_weights(places: Iterable[Point], at_row: Sequence[Vector]) -> Vector:
    """B(x) = sum over p of A_p(r) eq(p, x). K vector (2, C)."""
    parts = [
        kernels.kscale(eq_table(place), (int(weight[0]), int(weight[1])))
        for place, weight in zip(places, at_row, strict=True)
    ]
    result = parts[0]
    for part in parts[1:]:
        result = kernels.kadd(result, part)
    return result
