"""Commitments that more proofs open than their random tails hide.

Each proof looks at random cells of what it opens, and a commitment declares how many proofs there may be: beyond that
nothing says that they show nothing else. What is stated is true all the same. Owners' tools count, and refuse; a secret
that was restored from a copy does not know what was spent since, but the proofs are there for everybody to count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from .base import Statement

BEYOND = (
    "beyond the budget: {times} proofs that are here open the commitment {root}, whose secrets are hidden from "
    "{openings}"
)


def overdrawn(proved: Mapping[str, tuple[bytes, Statement]]) -> dict[str, tuple[str, ...]]:
    """Of each proof, by name, a note for each commitment that it is one too many to open.

    Args:
        proved: proofs that are valid, with what they state, in their order; one that is there twice counts once.
    """
    opened, notes = defaultdict[bytes, set[bytes]](set), defaultdict[str, tuple[str, ...]](tuple)
    for name, (proof, statement) in proved.items():
        for root, openings in {matrix.root: matrix.openings for matrix in statement.matrices.values()}.items():
            if proof in opened[root]:
                continue
            opened[root].add(proof)
            if (times := len(opened[root])) > openings:
                notes[name] += (BEYOND.format(times=times, root=root.hex(), openings=openings),)
    return dict(notes)
