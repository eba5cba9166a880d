"""The tables of evaluations' losses, beside that of logistic models (`loss_table` in circuits/language/tables.py).

| table | tag | tuples |
|---|---|---|
| probit losses | 16 | (q, [q >= 0], least loss, largest loss), -2^15 <= q < 2^15 |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ...models.probit_losses import probit_loss_bounds
from ..language.layout import WITNESS, Address
from ..language.relation import Table
from ..language.tables import LOSSES, loss_table

PROBIT_LOSSES = "probit losses"
LOSSES_OF = MappingProxyType({"logistic": LOSSES, "probit": PROBIT_LOSSES})  # by family


@dataclass(frozen=True)
class LossTable:
    """A table that relations name.

    Attributes:
        build: it, but for its name, tag and counts, from the section and how many there are.
    """

    name: str
    tag: int
    build: Callable[[int, int], Table]

    @property
    def counts(self) -> Address:
        """How often each tuple is looked up."""
        return Address(WITNESS, f"{self.name} multiplicities")

    def table(self, section: int, sections: int) -> Table:
        """That of a section."""
        return replace(self.build(section, sections), name=self.name, tag=self.tag, multiplicity=self.counts)


def _probit_losses(section: int, sections: int) -> Table:
    return loss_table(probit_loss_bounds(), section, sections)


LOSS_TABLES: Mapping[str, LossTable] = MappingProxyType(
    {own.name: own for own in (LossTable(PROBIT_LOSSES, 16, _probit_losses),)}
)
