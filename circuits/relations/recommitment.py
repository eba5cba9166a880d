"""The relation of two commitments to the same data set: every column agrees at a random point.

When the openings of a commitment are spent, its owner commits to the same integers, labels and blinds afresh. The
columns are multilinear, so two that differ anywhere agree at a random point with probability at most bits / |K|.

| matrix | columns |
|---|---|
| dataset, new dataset | as in circuits/relations/validity.py |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..language.layout import Address, Axis, Column
from ..language.relation import LookedUp, Section, Steps
from .dataset import DATASET, dataset_columns

NEW_DATASET = "new dataset"


@dataclass(frozen=True)
class Recommitment:
    """The relation for one shape."""

    rows: int
    features: int
    outputs: int

    @property
    def name(self) -> str:
        """Domain separator."""
        return "recommitment"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above; there is no witness."""
        return dict.fromkeys((DATASET, NEW_DATASET), dataset_columns(self.rows, self.features, self.outputs))

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def sections(self) -> tuple[Section, ...]:
        """No lookups."""
        return ()

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Both values of each column at one random point are equal."""
        for column in self.columns[DATASET]:
            at = {axis.name: steps.point("recommitment", axis.bits) for axis in column.axes}
            old, new = (steps.evaluate(Address(matrix, column.name), at) for matrix in (DATASET, NEW_DATASET))
            steps.require_zero(f"recommitment of {column.name}", old - new)
