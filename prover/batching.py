"""The prover's half of verifier/batching.py.

T_p(i) = <eq(p), M_i> takes one pass over the matrix for each distinct place p; the matrix folded at the row point
is also what the opening sends, so it is handed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..circuits.goldilocks import K, Vector
from ..circuits.layout import MatrixLayout
from ..circuits.multilinear import Point
from ..verifier.batching import (
    Claim,
    MatrixClaim,
    combined_claim,
    draw_weights,
    require_batched,
    row_weights,
)
from . import kernels
from .channel import ProverChannel
from .columns import eq_table
from .sumcheck import prove_rounds


@dataclass(frozen=True)
class FoldedMatrix:
    """The claim about a matrix, and sum_i eq(r, i) M_i, tails included: K vector (2, C + m)."""

    claim: MatrixClaim
    row: Vector


def prove_batching(
    channel: ProverChannel, layout: MatrixLayout, claims: Sequence[Claim], rows: Vector
) -> FoldedMatrix:
    """From the claims to one claim about the matrix. `rows`: F array (column rows, C + m)."""
    weights = draw_weights(channel, claims)  # V -> P
    cells = 1 << layout.row_bits
    values = np.ascontiguousarray(rows[:, :cells])
    places = row_weights(layout, weights, claims)

    products = [_row_product(layout, values, place, at_rows) for place, at_rows in places.items()]
    claim = combined_claim(weights, claims)
    row_point, claim, ended = prove_rounds(channel, "batching", products[0], claim, products[1:])

    row = kernels.contract(rows[None], eq_table(row_point)[:, : layout.column_rows])[:, 0]
    at_cells = _cell_weights(places, [product[0, :, 0] for product in ended])
    tables = np.stack([at_cells, row[:, :cells]])
    cell_point, claim, (final,) = prove_rounds(channel, "batching", tables, claim)

    (value,) = channel.send([K(int(final[1, 0, 0]), int(final[1, 1, 0]))])  # P -> V
    point = (*row_point, *cell_point)
    return FoldedMatrix(require_batched(channel, layout, (weights, claims), point, claim, value), row)


def _row_product(layout: MatrixLayout, values: Vector, place: Point, at_rows: Vector) -> Vector:
    """A_p and T_p on the cube of row indices. K array (2, 2, 2^index_bits)."""
    table = kernels.contract(values[:, :, None], eq_table(place))[:, :, 0]
    padding = (1 << layout.index_bits) - layout.column_rows
    return np.pad(np.stack([at_rows, table]), [(0, 0), (0, 0), (0, padding)])


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
