"""The prover's half of verifier/protocol/batching.py.

T_p(i) = <eq(p), M_i> for each distinct place p is a product of the matrix with a vector. The many places of columns
that share a row i are one vector, sum of A_p(i) eq(p), as their A_p differ in a factor only. The matrix folded at the
row point is also what the opening sends, so it is handed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from ...circuits.field.goldilocks import Vector, kscalar
from ...circuits.field.multilinear import Point
from ...verifier.protocol.batching import (
    Claim,
    MatrixClaim,
    combined_claim,
    draw_weights,
    require_batched,
    row_weights,
)
from ...verifier.protocol.group import Group
from .. import kernels
from ..kernels import RowPart
from ..kernels.storage import empty
from ..matrices.products import times
from ..matrices.values import eq_table
from .channel import ProverChannel
from .sumcheck import prove_rounds


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
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
    by_rows, by_cells = _factors(places)

    products = _row_products(group, matrices, by_rows, by_cells)
    claim = combined_claim(weights, claims)
    row_point, claim, ended = prove_rounds(channel, "batching", products, claim)

    row = _folded(group, matrices, eq_table(row_point))
    at_cells = kernels.contract_extension(by_cells[:, None], ended[:, 0, :, 0].T)[:, 0]
    tables = np.stack([at_cells, row[:, : 1 << group.code.row_bits]])[None]
    cell_point, claim, (final,) = prove_rounds(channel, "batching", tables, claim)

    weight, cell_value = (kscalar(factor[:, 0]) for factor in final)
    (value,) = channel.send([cell_value])  # P -> V
    point = (*row_point, *cell_point)
    return FoldedMatrix(require_batched(channel, group, lambda: weight, point, claim, value), row)


def _factors(places: Mapping[Point, Vector]) -> tuple[list[Vector], Vector]:
    """The weights A_p(i) eq(p, x) of rows i and cells x, as few products of a K vector each.

    A row that is the only one of a place has one product for all places; so has a place of other rows.

    Returns:
        The vectors of rows, and those of cells, K array (2, products, cells).
    """
    cells, rows = 1 << len(next(iter(places))), next(iter(places.values())).shape[1]
    used = [set(np.flatnonzero(own).tolist()) for own in np.stack([*places.values()]).max(axis=1)]
    alone = {row: None for own in used if len(own) == 1 for row in own}.keys()
    found = list(zip(places.items(), used, strict=True))
    shared = [item for item, own in found if not alone >= own]

    by_cells = empty((2, len(shared) + len(alone), cells), np.uint64)
    for i, (place, _) in enumerate(shared):
        by_cells[:, i] = eq_table(place)
    by_cells[:, len(shared) :] = 0
    of_row = dict(zip(alone, by_cells[:, len(shared) :].transpose(1, 0, 2), strict=True))
    for (place, at_rows), own in found:
        if not alone >= own:
            continue
        first, table = _corner(place)
        for row in own:
            part = of_row[row][:, first : first + table.shape[1]]
            part[:] = kernels.kadd(part, kernels.kscale(table, at_rows[:, row]))
    ones = np.zeros((len(alone), 2, rows), dtype=np.uint64)
    ones[range(len(alone)), 0, list(alone)] = 1
    return [*(at_rows for _, at_rows in shared), *ones], by_cells


def _corner(place: Point) -> tuple[int, Vector]:
    """eq(place, x) where it is not zero: from which cell on, and its values. Of a short column it is a corner."""
    bits = [z.a for z in takewhile(lambda z: z.a < 2 and z.b == 0, place)]
    table = eq_table(place[len(bits) :])
    return sum(bit << k for k, bit in enumerate(reversed(bits))) * table.shape[1], table


def _row_products(
    group: Group, matrices: Sequence[Sequence[RowPart]], by_rows: Sequence[Vector], by_cells: Vector
) -> Vector:
    """For each pair of factors the first, and the matrix times the second: K array (pairs, 2, 2, 2^index_bits)."""
    cells = 1 << group.code.row_bits
    products = np.zeros((len(by_rows), 2, 2, 1 << group.index_bits), dtype=np.uint64)
    products[:, 0, :, : group.column_rows] = by_rows
    parts = [(first, part) for first, part in _placed(group, matrices) if part.start < cells]  # not the tails
    tables = by_cells.reshape(-1, cells)
    for (first, part), found in zip(parts, times([part.cells for _, part in parts], tables), strict=True):
        rows = slice(first + part.row, first + part.row + len(part.cells))
        products[:, 1, :, rows] = found.T.reshape(2, len(by_rows), -1).transpose(1, 0, 2)
    return products


def _folded(group: Group, matrices: Sequence[Sequence[RowPart]], weights: Vector) -> Vector:
    """sum_i weights_i M_i, tails included. K vector (2, C + m)."""
    row = np.zeros((2, group.code.dimension), dtype=np.uint64)
    for first, part in _placed(group, matrices):
        at = first + part.row
        kernels.add_contracted(row, part.start, part.cells, weights[:, at : at + len(part.cells)])
    return row


def _placed(group: Group, matrices: Sequence[Sequence[RowPart]]) -> Iterator[tuple[int, RowPart]]:
    """All parts, each with the first row of its matrix within the group."""
    first = 0
    for layout, parts in zip(group.layouts, matrices, strict=True):
        for part in parts:
            yield first, part
        first += layout.rows
