"""What relations of several parts share: stages of shards, or the distances of several models.

A part is a relation of its own, with names of its own for columns, lookups and checks (circuits/language/parts.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from ..language.layout import Address, Axis
from ..language.parts import Naming, PartSteps
from ..language.relation import LookedUp, LookupBox, Steps


class Part(Protocol):
    """What is asked of a part."""

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """See Relation."""

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Its lookups, in groups."""

    def identities(self, steps: Steps, ended: Mapping[str, LookedUp]) -> None:
        """See Relation."""


Parts = Iterable[tuple[Naming, Part]]


def virtual_of(parts: Parts) -> dict[Address, tuple[Axis, ...]]:
    """The virtual columns of all parts, by the names that they have in the whole."""
    return {column: axes for naming, part in parts for column, axes in naming.virtual(part.virtual).items()}


def boxes_of(parts: Parts) -> Iterator[LookupBox]:
    """The boxes of all parts, in order."""
    for naming, part in parts:
        for boxes in part.boxes:
            yield from map(naming.box, boxes)


def identities_of(parts: Parts, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
    """Walk the identities of each part, where its own lookups ended."""
    for naming, part in parts:
        boxes = (box for own in part.boxes for box in own)
        part.identities(PartSteps(steps, naming), naming.looked_up(boxes, looked_up))
