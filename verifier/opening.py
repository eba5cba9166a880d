"""The opening of committed matrices at one point each (Ligero, Brakedown; Diamond and Gruen 2024 for the tensor).

For a matrix M with claim M(r, s) = v and a committed random mask g, a row over K:

    P -> V   mu = <g, eq(s)>, masked
    V -> P   gamma
    P -> V   y = g + gamma * sum_i eq(r, i) M_i, a whole row with its random tail, in clear
             constraint "opening": <y, eq(s)> = mu + gamma * v
    V -> P   columns
    P -> V   the columns with their Merkle paths; y's codeword must be the same combination of their cells

mu comes before gamma: with a mask of coefficient one known only later, sum_i eq(r, i) = 1 would let a prover hide
any junk in it. Columns come after every y.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..circuits.goldilocks import K, Vector, kadd, kscale, matmul
from ..circuits.hidden import Hidden, public
from ..circuits.layout import MatrixLayout
from ..circuits.multilinear import eq_table, kevaluate
from ..models.errors import InvalidProof
from .batching import MatrixClaim
from .channel import FIELD_BYTES, Channel, VerifierChannel
from .code import QUERIES, ReedSolomonCode
from .merkle import SALT_BYTES, CapShape, leaf_hash, verify_cap, verify_paths

MASK_ROWS = 2  # one row over K


@dataclass(frozen=True)
class MatrixShape:
    """A committed matrix: where its columns lie, and its code."""

    layout: MatrixLayout
    code: ReedSolomonCode


@dataclass(frozen=True)
class TreeShape:
    """A Merkle tree over the positions of a code, `rows` cells a leaf."""

    name: str
    code: ReedSolomonCode
    rows: int

    @property
    def cap(self) -> CapShape:
        """Shape of its openings."""
        return CapShape(self.code.length, self.code.subgroup_bits, QUERIES)

    @property
    def opening_bytes(self) -> int:
        """Length of the cap, and of the salts, cells and paths of all queries."""
        return self.cap.cap_bytes + QUERIES * (SALT_BYTES + FIELD_BYTES * self.rows) + self.cap.paths_bytes


@dataclass(frozen=True)
class OpenedMatrix:
    """What was sent about a matrix: gamma, the row point's eq and y, K vector (2, C + m)."""

    gamma: K
    row_eq: Vector
    y: Vector

    def combine(self, cells: Vector, mask: Vector) -> Vector:
        """y's codeword, as the opened cells (t, column rows) and mask cells (t, 2) imply it. K vector (2, t)."""
        return kadd(mask.T, kscale(matmul(cells, self.row_eq.T).T, self.gamma))


def verify_openings(
    channel: Channel, matrices: Mapping[str, MatrixShape], claims: Mapping[str, MatrixClaim]
) -> dict[str, OpenedMatrix]:
    """Everything but the columns."""
    mus = {name: channel.hidden(1)[0] for name in matrices}  # P -> V
    gammas = {name: draw_gamma(channel) for name in matrices}  # V -> P
    opened: dict[str, OpenedMatrix] = {}
    for name, shape in matrices.items():
        y = channel.vector(shape.code.dimension)  # P -> V
        opened[name] = require_opening(channel, shape, claims[name], (mus[name], gammas[name]), y)
    return opened


def draw_gamma(channel: Channel) -> K:
    """V -> P: how the rows are added to the mask."""
    return channel.challenge("opening", 1)


def require_opening(
    channel: Channel, shape: MatrixShape, claim: MatrixClaim, masked: tuple[Hidden, K], y: Vector
) -> OpenedMatrix:
    """Constraint "opening": <y, eq(s)> = mu + gamma * v."""
    mu, gamma = masked
    cells = 1 << shape.layout.row_bits
    inner = channel.public(lambda: kevaluate(y[:, :cells], claim.cell_point))
    channel.program.require_zero("opening", mu + claim.value * gamma - public(inner))
    return OpenedMatrix(gamma, eq_table(claim.row_point)[:, : shape.layout.column_rows], y)


def verify_tree(channel: VerifierChannel, tree: TreeShape, root: bytes, indices: list[int]) -> Vector:
    """P -> V: the columns of one tree at the indices. Raises InvalidProof("merkle ..").

    Returns:
        The cells, F array (t, rows).
    """
    reader = channel.reader
    cap = reader.take(tree.cap.cap_bytes, f"the cap of {tree.name}")
    salts = reader.take(SALT_BYTES * QUERIES, f"the salts of {tree.name}")
    cells = reader.field_elements(QUERIES * tree.rows, f"the columns of {tree.name}").reshape(QUERIES, tree.rows)
    paths = reader.take(tree.cap.paths_bytes, f"the paths of {tree.name}")
    verify_cap(root, cap, tree.cap)
    leaves = [
        leaf_hash(salts[SALT_BYTES * i : SALT_BYTES * (i + 1)], cells[i].astype("<u8").tobytes())
        for i in range(QUERIES)
    ]
    verify_paths(cap, tree.cap, indices, leaves, paths)
    return cells


def verify_codeword(name: str, code: ReedSolomonCode, y: Vector, indices: list[int], combined: Vector) -> None:
    """y's codeword agrees with the opened columns. Raises InvalidProof("codeword of <name>")."""
    if not np.array_equal(code.evaluate(y, indices), combined):
        raise InvalidProof(f"codeword of {name}", "an opened column does not match")
