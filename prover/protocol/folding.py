"""The prover's half of verifier/protocol/folding.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...circuits.field.goldilocks import K, Vector, kscalar, mul
from ...circuits.language.hidden import public
from ...errors import ZkUnlearnError
from ...verifier.protocol.folding import (
    Claims,
    Stack,
    combined_value,
    draw_weight,
    folded_claims,
    require_folded,
    weights_of,
)
from .. import kernels
from ..matrices.commitment import Commitment, commit_plain
from ..matrices.values import eq_table
from .channel import ProverChannel
from .sumcheck import prove_rounds


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors that were sent: stacked and committed, if there is a stack for them.

    Attributes:
        stacked: K array (2, rows, C).
        commitment: of its rows, a and b of each.
    """

    stacked: Vector | None
    commitment: Commitment | None


def send_vectors(channel: ProverChannel, vectors: Sequence[Vector], chain: Sequence[Stack]) -> Vectors:
    """P -> V: the root of the first stack of the chain, or if there is none the vectors."""
    if not chain:
        for vector in vectors:
            channel.send_vector(vector)
        return Vectors(None, None)
    stack = chain[0]
    cells = 1 << stack.row_bits
    line = np.zeros((2, stack.rows * cells), dtype=np.uint64)
    for vector, span in zip(vectors, stack.spans, strict=True):
        line[:, span.start * cells : span.start * cells + vector.shape[1]] = vector
    stacked = line.reshape(2, stack.rows, cells)
    commitment = commit_plain(stack.code, stacked.transpose(1, 0, 2).reshape(-1, cells))
    channel.send_data(commitment.root)
    return Vectors(stacked, commitment)


def prove_folding(channel: ProverChannel, chain: Sequence[Stack], sent: Vectors, claims: Sequence[Claims]) -> None:
    """All claims about the vectors."""
    for i, stack in enumerate(chain):
        if sent.stacked is None or sent.commitment is None:
            raise ZkUnlearnError("a stack was not committed: chain and vectors disagree")
        rho = draw_weight(channel, claims)  # V -> P
        padding = (1 << stack.index_bits) - stack.rows
        factors = np.stack([sent.stacked, stack_weights(stack, claims, rho)])
        factors = np.pad(factors, [(0, 0), (0, 0), (0, padding), (0, 0)]).reshape(1, 2, 2, -1)
        claim = public(combined_value(claims, rho))
        point, ended, (final,) = prove_rounds(channel, "folding", factors, claim, in_clear=True)
        value = kscalar(final[0, :, 0])
        channel.send_elements([value])  # P -> V
        require_folded(channel, stack, (claims, rho), point, ended.constant, value)
        row_eq = eq_table(point[: stack.index_bits])[:, : stack.rows]
        folded = kernels.contract_extension(sent.stacked[:, None], row_eq)[:, 0]
        opened, sent = sent.commitment, send_vectors(channel, [folded], chain[i + 1 :])  # P -> V
        channel.work()
        indices = channel.indices(stack.code)  # V -> P
        columns = opened.columns(indices)
        channel.send_data(opened.open(stack.tree, indices, columns))  # P -> V
        claims = [folded_claims(channel, stack, point, value, indices, columns)]


def stack_weights(stack: Stack, claims: Sequence[Claims], rho: K) -> Vector:
    """W on the stacked matrix: K array (2, rows, C)."""
    cells = 1 << stack.row_bits
    result = np.zeros((2, stack.rows, cells), dtype=np.uint64)
    lengths = zip(stack.lengths, stack.spans, strict=True)
    for (length, span), about, (first, others) in zip(lengths, claims, weights_of(claims, rho), strict=True):
        by_cell = kernels.powers(about.points, cells)
        by_row = kernels.powers(mul(by_cell[-1], about.points), span.stop - span.start)
        starts = [kernels.kmul_base(others, at_row) for at_row in by_row]
        rows = kernels.run_tasks([partial(kernels.contract, by_cell[:, :, None], start) for start in starts])
        block = np.concatenate(rows, axis=1).reshape(2, -1)
        block[:, length:] = 0
        table = kernels.kscale(eq_table(about.cell_point), first.pair)
        block[:, : table.shape[1]] = kernels.kadd(np.ascontiguousarray(block[:, : table.shape[1]]), table)
        result[:, span] = block.reshape(2, -1, cells)
    return result
