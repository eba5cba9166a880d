"""Links that lead from one commitment to another: of a data set, or of a model. Their proofs are not checked here."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.scope import ModelCommitment
from .proofs import AnyLink, LinkProof, ModelLinkProof

L = TypeVar("L", bound=AnyLink)


def links_between(
    old: DatasetStatement, new: DatasetStatement, links: Iterable[AnyLink]
) -> tuple[LinkProof, ...] | None:
    """The links by which one data set became another one: committed afresh, with rows added or without.

    Args:
        links: of any kind, in any order.

    Returns:
        As few as lead there, in order: none if both are one; None if none lead there.
    """
    return _path(old, new, [link for link in links if isinstance(link, LinkProof)])


def renewal(
    training: bytes, old: ModelCommitment, new: ModelCommitment, links: Iterable[AnyLink]
) -> tuple[ModelLinkProof, ...] | None:
    """The links by which the model of a training, committed as `old`, was committed afresh, in the end as `new`.

    A link that names another training is none of them, whatever it links.

    Args:
        training: digest of its statement.
        links: of any kind, in any order.

    Returns:
        As few as lead there, in order: none if both are one; None if none lead there.
    """
    own = [link for link in links if isinstance(link, ModelLinkProof)]
    return _path(old, new, [link for link in own if link.statement.training.digest == training])


def _path(old: Hashable, new: Hashable, links: list[L]) -> tuple[L, ...] | None:
    paths: dict[Hashable, tuple[L, ...]] = {old: ()}
    waiting: list[Hashable] = [old]
    while waiting:
        reached = waiting.pop(0)
        for link in links:
            if link.statement.old == reached and link.statement.new not in paths:
                paths[link.statement.new] = (*paths[reached], link)
                waiting.append(link.statement.new)
    return paths.get(new)
