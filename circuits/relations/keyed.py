"""A relation on rows that have keys, which leaves the columns of keys alone."""

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
        inner: that on rows without keys.
        dataset: the columns of the data set, more than the inner one has.
    """

    inner: Relation
    dataset: tuple[Column, ...]

    @property
    def name(self) -> str:
        """Domain separator."""
        return self.inner.name

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Those of the inner one, beside the data set's own."""
        return {**self.inner.columns, DATASET: self.dataset}

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Those of the inner one."""
        return self.inner.virtual

    @property
    def sections(self) -> tuple[Section, ...]:
        """Those of the inner one."""
        return self.inner.sections

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Those of the inner one."""
        self.inner.identities(steps, looked_up)
