"""The relation of a training on rows that have keys: that of the training, which leaves the columns of keys alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..language.layout import Address, Axis, Column
from ..language.relation import LookedUp, Relation, Section, Steps
from .dataset import DATASET


@dataclass(frozen=True)
class Keyed:
    """The relation.

    Attributes:
        training: that of the training.
        dataset: the columns of the data set, more than the training has.
    """

    training: Relation
    dataset: tuple[Column, ...]

    @property
    def name(self) -> str:
        """Domain separator."""
        return self.training.name

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Those of the training, beside the data set's own."""
        return {**self.training.columns, DATASET: self.dataset}

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Those of the training."""
        return self.training.virtual

    @property
    def sections(self) -> tuple[Section, ...]:
        """Those of the training."""
        return self.training.sections

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Those of the training."""
        self.training.identities(steps, looked_up)
