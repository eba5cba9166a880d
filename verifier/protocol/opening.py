"""The opening of committed matrices (Ligero, Brakedown; Diamond and Gruen 2024 for the tensor).

Matrices on one code are a *group*: their rows, one matrix after another, are opened as one matrix M at one point,
with claim M(r, s) = v. Each group has a *fresh* tree, made in this proof, that holds a random mask g, a row over K, at
least; also the witness and the ledger, where these are on the group's code.

    P -> V   mu = <g, eq(s)>, masked
    V -> P   gamma
    P -> V   y = g + gamma * sum_i eq(r, i) M_i, a whole row with its random tail: committed (folding.py), or in clear
    P -> V   inner = <y, eq(s)>, in clear
             constraint "opening": inner = mu + gamma * v
    V -> P   columns
    P -> V   the columns with their Merkle paths: what y's codeword has to be there

mu comes before gamma: with a mask of coefficient one known only later, sum_i eq(r, i) = 1 would let a prover hide
any junk in it. Columns come after every y. That y has the claimed inner product, and the claimed values at the opened
positions, is left to folding.py: nothing about y is secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ...circuits.field.goldilocks import K, Vector, kadd, kscale, matmul
from ...circuits.field.multilinear import Point, eq_table
from ...circuits.language.hidden import Hidden, public
from .batching import MatrixClaim
from .channel import Side
from .group import Group


@dataclass(frozen=True)
class OpenedGroup:
    """What was sent about a group: gamma, the row point's eq, where y is evaluated, and <y, eq(s)>."""

    gamma: K
    row_eq: Vector
    cell_point: Point
    inner: K

    def combine(self, cells: Vector, mask: Vector) -> Vector:
        """y's codeword, as the opened cells (t, column rows) and mask cells (t, 2) imply it. K vector (2, t)."""
        return kadd(mask.T, kscale(matmul(cells, self.row_eq.T).T, self.gamma))


def draw_gammas(channel: Side, groups: Sequence[Group]) -> list[K]:
    """V -> P: how the rows of each group are added to its mask."""
    return [channel.challenge("opening", 1) for _ in groups]


def require_openings(
    channel: Side,
    groups: Sequence[Group],
    claims: Mapping[str, MatrixClaim],
    masked: Sequence[Hidden],
    gammas: Sequence[K],
    inners: Sequence[K],
) -> dict[str, OpenedGroup]:
    """Constraint "opening" for each group: <y, eq(s)> = mu + gamma * v. By name of the group."""
    opened = {}
    for group, mu, gamma, inner in zip(groups, masked, gammas, inners, strict=True):
        claim = claims[group.name]
        channel.program.require_zero("opening", mu + claim.value * gamma - public(inner))
        row_eq = channel.public_vector(group.column_rows, partial(_row_eq, claim.row_point, group.column_rows))
        opened[group.name] = OpenedGroup(gamma, row_eq, claim.cell_point, inner)
    return opened


def _row_eq(row_point: Point, rows: int) -> Vector:
    return eq_table(row_point)[:, :rows]
