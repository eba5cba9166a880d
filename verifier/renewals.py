"""Links that lead from one commitment of a model to another: whoever begins from the last begins from the first."""

from __future__ import annotations

from collections.abc import Iterable

from ..circuits.statements.scope import ModelCommitment
from .proofs import ModelRecommitmentProof, Recommitment


def renewal(
    training: bytes, old: ModelCommitment, new: ModelCommitment, links: Iterable[Recommitment]
) -> tuple[ModelRecommitmentProof, ...] | None:
    """The links by which the model of a training, committed as `old`, was committed afresh, in the end as `new`.

    Their proofs are not checked here. A link that names another training is none of them, whatever it links.

    Args:
        training: digest of its statement.
        links: of any kind, in any order.

    Returns:
        As few as lead there, in order: none if both are one; None if none lead there.
    """
    own = [link for link in links if isinstance(link, ModelRecommitmentProof)]
    own = [link for link in own if link.statement.training.digest == training]
    paths: dict[ModelCommitment, tuple[ModelRecommitmentProof, ...]] = {old: ()}
    reached = [old]
    for found in reached:  # grows while it is walked
        for link in own:
            if link.statement.old == found and link.statement.new not in paths:
                paths[link.statement.new] = (*paths[found], link)
                reached.append(link.statement.new)
    return paths.get(new)
