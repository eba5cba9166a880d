"""All claims about the columns of one group of matrices, brought to one point.

A claim is v = sum over matrix rows i and cells x of a(i) eq(p, x) M(i, x), where a is the claim's public row
weight (eq of the point's high bits on the rows of its column) and p the place within a row. A random combination
of the claims is a sum over (i, x), rows first. Claims at one place p share it: with A_p the combined row weights,

    sum of rho v = sum over i of sum over p of A_p(i) * T_p(i),      T_p(i) = sum over x of eq(p, x) M(i, x)

After the rows are bound at r, the rest is a sum over x of B(x) * M(r, x), B(x) = sum over p of A_p(r) eq(p, x),
which ends at s with one hidden value M(r, s), for the opening to settle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...circuits.field.goldilocks import ZERO, K, Vector, kadd, kdot, kscale
from ...circuits.field.multilinear import Point, eq, eq_table
from ...circuits.language.hidden import Hidden, linear
from ...circuits.language.layout import Address
from .channel import Channel, Side
from .group import Group
from .sumcheck import verify_rounds

DEGREE = 2


@dataclass(frozen=True)
class Claim:
    """The hidden value of a column at a point, given per axis."""

    column: Address
    point: Mapping[str, Point]
    value: Hidden


@dataclass(frozen=True)
class MatrixClaim:
    """The hidden value of a group's matrix at (row point, cell point)."""

    row_point: Point
    cell_point: Point
    value: Hidden


def draw_weights(channel: Side, claims: Sequence[Claim]) -> list[K]:
    """V -> P: one uniform weight a claim."""
    return [channel.challenge("batching weight", 1) for _ in claims]


def combined_claim(weights: Sequence[K], claims: Sequence[Claim]) -> Hidden:
    """sum of rho v."""
    return linear((weight, claim.value) for weight, claim in zip(weights, claims, strict=True))


def row_weights(group: Group, weights: Sequence[K], claims: Sequence[Claim]) -> dict[Point, Vector]:
    """A_p for every place p, a K vector (2, column rows)."""
    combined: dict[Point, Vector] = {}
    for weight, claim in zip(weights, claims, strict=True):
        first, tiling = group.places[claim.column]
        own = np.zeros((2, group.column_rows), dtype=np.uint64)
        own[:, first : first + tiling.rows] = kscale(tiling.row_weights(claim.point), weight)
        place = tiling.cell_point(claim.point)
        combined[place] = kadd(combined[place], own) if place in combined else own
    return combined


def verify_batching(channel: Channel, group: Group, claims: Sequence[Claim]) -> MatrixClaim:
    """From the claims to one claim about the matrix."""
    weights = draw_weights(channel, claims)  # V -> P
    variables = group.index_bits + group.code.row_bits
    point, claim = verify_rounds(channel, "batching", variables, DEGREE, combined_claim(weights, claims))
    (value,) = channel.hidden(1)  # P -> V

    def weight() -> K:
        row_point, cell_point = point[: group.index_bits], point[group.index_bits :]
        at_rows = eq_table(row_point)[:, : group.column_rows]
        result = ZERO
        for place, table in row_weights(group, weights, claims).items():
            result = result + kdot(table, at_rows) * eq(place, cell_point)
        return result

    return require_batched(channel, group, weight, point, claim, value)


def require_batched(
    channel: Side, group: Group, weight: Callable[[], K], point: Point, claim: Hidden, value: Hidden
) -> MatrixClaim:
    """Constraint "batching": claim = B(s) * M(r, s). weight: B(s), which a plan has no use for."""
    row_point, cell_point = point[: group.index_bits], point[group.index_bits :]
    channel.program.require_zero("batching", claim - value * channel.public(weight))
    return MatrixClaim(row_point, cell_point, value)
