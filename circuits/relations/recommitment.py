"""The relation of two commitments to the same model: every column agrees at a random point.

When the openings of a commitment to a model are spent, its owner commits to the same integers afresh. The columns are
multilinear, so two that differ anywhere agree at a random point with probability at most bits / |K|. Of a data set, see
growth.py.

| matrix | columns |
|---|---|
| model, new model | those of the model in the relation of its training |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..language.layout import Address, Column
from ..language.relation import LookedUp, Steps, WithoutLookups
from .model import MODEL

NEW_MODEL = "new model"


@dataclass(frozen=True)
class Recommitment(WithoutLookups):
    """The relation for some columns.

    Attributes:
        name: domain separator.
        matrices: the old one and the new one, by name.
        each: the columns of either.
    """

    name: str
    matrices: tuple[str, str]
    each: tuple[Column, ...]

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above; there is no witness."""
        return dict.fromkeys(self.matrices, self.each)

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Both values of each column at one random point are equal."""
        for column in self.each:
            at = {axis.name: steps.point("recommitment", axis.bits) for axis in column.axes}
            old, new = (steps.evaluate(Address(matrix, column.name), at) for matrix in self.matrices)
            steps.require_zero(f"recommitment of {column.name}", old - new)


def model_recommitment(columns: tuple[Column, ...]) -> Recommitment:
    """Of a model with these columns."""
    return Recommitment("model recommitment", (MODEL, NEW_MODEL), columns)
