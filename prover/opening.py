"""The prover's half of verifier/opening.py."""

from __future__ import annotations

from collections.abc import Mapping

from ..circuits.goldilocks import K, Vector, kdot
from ..verifier.opening import MatrixShape, draw_gamma, require_opening
from . import kernels
from .batching import FoldedMatrix
from .channel import ProverChannel
from .columns import eq_table


def prove_openings(
    channel: ProverChannel,
    matrices: Mapping[str, MatrixShape],
    folded: Mapping[str, FoldedMatrix],
    masks: Mapping[str, Vector],
) -> None:
    """Everything but the columns. `masks`: g of each matrix, K vector (2, C + m)."""
    mus = {name: channel.send([_mu(matrices[name], folded[name], masks[name])])[0] for name in matrices}  # P -> V
    gammas = {name: draw_gamma(channel) for name in matrices}  # V -> P
    for name, shape in matrices.items():
        y = kernels.kadd(masks[name], kernels.kscale(folded[name].row, gammas[name].pair))
        channel.send_vector(y)  # P -> V
        require_opening(channel, shape, folded[name].claim, (mus[name], gammas[name]), y)


def _mu(shape: MatrixShape, folded: FoldedMatrix, mask: Vector) -> K:
    """<g, eq(s)>."""
    cells = 1 << shape.layout.row_bits
    return kdot(mask[:, :cells], eq_table(folded.claim.cell_point))
