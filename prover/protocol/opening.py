"""The prover's half of verifier/protocol/opening.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...circuits.field.goldilocks import K, Vector
from ...verifier.protocol.folding import Stack
from ...verifier.protocol.group import Group
from ...verifier.protocol.opening import OpenedGroup, draw_gammas, require_openings
from .. import kernels
from ..matrices.values import eq_table
from .batching import FoldedMatrix
from .channel import ProverChannel
from .folding import Vectors, send_vectors


def prove_openings(
    channel: ProverChannel,
    groups: Sequence[Group],
    folded: Mapping[str, FoldedMatrix],
    masks: Mapping[str, Vector],
    chain: Sequence[Stack],
) -> tuple[dict[str, OpenedGroup], Vectors]:
    """Everything but the columns. `masks`: g of each group, K vector (2, C + m)."""
    tables = {group.name: eq_table(folded[group.name].claim.cell_point) for group in groups}
    mus = channel.send([_inner(masks[group.name], tables[group.name]) for group in groups])  # P -> V
    gammas = draw_gammas(channel, groups)  # V -> P
    ys = [
        kernels.kadd(masks[group.name], kernels.kscale(folded[group.name].row, gamma.pair))
        for group, gamma in zip(groups, gammas, strict=True)
    ]
    vectors = send_vectors(channel, ys, chain)  # P -> V
    inners = [_inner(y, tables[group.name]) for group, y in zip(groups, ys, strict=True)]
    channel.send_elements(inners)  # P -> V
    claims = {name: matrix.claim for name, matrix in folded.items()}
    return require_openings(channel, groups, claims, mus, gammas, inners), vectors


def _inner(vector: Vector, table: Vector) -> K:
    """<vector, table> over the table's length."""
    return K(*kernels.kdot(np.ascontiguousarray(vector[:, : table.shape[1]]), table))
