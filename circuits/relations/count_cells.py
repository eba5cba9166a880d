"""The columns in which a score becomes what a Poisson model expects, and their lookups.

Q, T[Q], D, M and P' of expected_counts.py, at rows, or of shard_counts.py, at the models of shards and rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..language.layout import VIRTUAL, Address
from ..language.relation import LIMB, Entry, Lookup
from ..language.tables import HALF, LINK, RANGE


class CountCells(ABC):
    """Names of these columns."""

    @abstractmethod
    def of_counts(self, name: str) -> Address:
        """The column of this name."""

    @property
    @abstractmethod
    def of_model(self) -> str:
        """The matrix of the model or models."""

    @property
    def cell(self) -> Address:
        """Q."""
        return self.of_counts("cell")

    @property
    def edge(self) -> Address:
        """T[Q]."""
        return self.of_counts("edge")

    @property
    def step(self) -> Address:
        """D."""
        return self.of_counts("step")

    @property
    def middle(self) -> Address:
        """M."""
        return self.of_counts("middle")

    @property
    def risen(self) -> Address:
        """P'."""
        return self.of_counts("risen")

    @property
    def product(self) -> Address:
        """DM."""
        return Address(VIRTUAL, f"step times middle of {self.of_model}")

    @property
    def count_columns(self) -> tuple[Address, ...]:
        """Those that are committed."""
        return self.cell, self.edge, self.step, self.middle, self.risen

    @property
    def count_lookups(self) -> tuple[Lookup, ...]:
        """That they are what they are."""
        return (
            Lookup(self.cell.name, LINK, tuple(Entry(((1, own),)) for own in (self.cell, self.edge, self.step))),
            Lookup(self.middle.name, RANGE, (Entry(((1, self.middle),)),)),
            Lookup(self.risen.name, RANGE, (Entry(((1, self.risen),)),)),
            Lookup(self.product.name, RANGE, (Entry(((1, self.product), (-LIMB, self.risen)), HALF),)),
        )
