"""The relation of two commitments to the same data set: every column agrees at a random point.

When the openings of a commitment are spent, its owner commits to the same integers, labels and blinds afresh. The
columns are multilinear, so two that differ anywhere agree at a random point with probability at most bits / |K|.

| matrix | columns |
|---|---|
| dataset | as in circuits/relations/validity.py |
| new dataset | the same, their names after "new " |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..language.layout import Column
from ..language.relation import LookedUp, Section, Steps
from .validity import dataset_columns


def new_name(column: str) -> str:
    """Name of a column in the new commitment."""
    return f"new {column}"


def new_dataset_columns(rows: int, features: int) -> tuple[Column, ...]:
    """Columns of the new commitment."""
    return tuple(replace(column, name=new_name(column.name)) for column in dataset_columns(rows, features))


@dataclass(frozen=True)
class Recommitment:
    """The relation for one shape."""

    rows: int
    features: int

    @property
    def name(self) -> str:
        """Domain separator."""
        return "recommitment"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above; there is no witness."""
        return {
            "dataset": dataset_columns(self.rows, self.features),
            "new dataset": new_dataset_columns(self.rows, self.features),
        }

    @property
    def sections(self) -> tuple[Section, ...]:
        """No lookups."""
        return ()

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Both values of each column at one random point are equal."""
        for column in self.columns["dataset"]:
            at = {axis.name: steps.point("recommitment", axis.bits) for axis in column.axes}
            old, new = steps.evaluate(column.name, at), steps.evaluate(new_name(column.name), at)
            steps.require_zero(f"recommitment of {column.name}", old - new)
