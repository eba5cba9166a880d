"""The tables of evaluations' losses, beside that of logistic models (`loss_table` in circuits/language/tables.py).

| table | tag | tuples |
|---|---|---|
| probit losses | 16 | (q, [q >= 0], least loss, largest loss), -2^15 <= q < 2^15 |
| logs at a bits | 32 + a | (i, [i > 0], floor(2^16 log(i / 2^a)) or 0), 0 <= i < 2^16 |
| chances of logistic at p bits | 64 + p | (q, least chance, largest chance), -2^15 <= q < 2^15 |
| chances of probit at p bits | 128 + p | likewise |
| opinions of logistic | 192 | (q, probability, least chance, largest chance), -2^15 <= q < 2^15 |
| opinions of probit | 193 | likewise |
| mean losses of logistic | 194 | (j, edge, width, least loss, largest loss) of cells of means, 0 <= j < 2^16 |
| mean losses of probit | 195 | likewise |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ...models.aggregation import probability_table
from ...models.families import FAMILIES
from ...models.mean_losses import CHANCE_BITS, mean_losses
from ...models.normalised_losses import chance_bounds, log_table
from ...models.probit_losses import probit_loss_bounds
from ..field.goldilocks import to_field
from ..field.multilinear import evaluate
from ..language.layout import WITNESS, Address
from ..language.relation import LIMB, TABLE_BITS, PublicVector, Table
from ..language.tables import LOSSES, activation_table, loss_table, range_table

PROBIT_LOSSES = "probit losses"
LOSSES_OF = MappingProxyType({"logistic": LOSSES, "probit": PROBIT_LOSSES})  # by family
CHANCE_TAGS = MappingProxyType({"logistic": 64, "probit": 128})
LOG_TAG = 32
OPINIONS_OF = MappingProxyType({family: f"opinions of {family}" for family in LOSSES_OF})  # of shards
MEAN_LOSSES_OF = MappingProxyType({family: f"mean losses of {family}" for family in LOSSES_OF})
OPINION_TAGS = MappingProxyType({"logistic": 192, "probit": 193})
MEAN_LOSS_TAGS = MappingProxyType({"logistic": 194, "probit": 195})


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


def logs_at(bits: int) -> str:
    """The name of the table of logarithms at this scale."""
    return f"logs at {bits} bits"


def chances_at(family: str, bits: int) -> str:
    """The name of a family's table of chances at this scale."""
    return f"chances of {family} at {bits} bits"


def _vector(values: npt.NDArray[np.int64]) -> PublicVector:
    def table() -> npt.NDArray[np.uint64]:
        field = to_field(values)
        return np.stack([field, np.zeros_like(field)])

    return PublicVector(table, lambda x: evaluate(to_field(values), x))


def _probit_losses(section: int, sections: int) -> Table:
    return loss_table(probit_loss_bounds(), section, sections)


def _logs(bits: int, section: int, sections: int) -> Table:
    table = range_table(section, sections)
    positive = (np.arange(LIMB) > 0).astype(np.int64)
    return replace(table, components=(*table.components, _vector(positive), _vector(log_table(bits))))


def _chances(family: str, bits: int, section: int, sections: int) -> Table:
    low, high = chance_bounds(FAMILIES[family], bits)
    table = activation_table(low, section, sections)
    return replace(table, components=(*table.components, _vector(high)))


def _opinions(family: str, section: int, sections: int) -> Table:
    table = activation_table(probability_table(FAMILIES[family]), section, sections)
    bounds = chance_bounds(FAMILIES[family], CHANCE_BITS)
    return replace(table, components=(*table.components, *map(_vector, bounds)))


def _mean_losses(family: str, section: int, sections: int) -> Table:
    table = range_table(section, sections)
    return replace(table, components=(*table.components, *map(_vector, mean_losses(family))))


def _all() -> dict[str, LossTable]:
    found = [LossTable(PROBIT_LOSSES, 16, _probit_losses)]
    found += [LossTable(logs_at(bits), LOG_TAG + bits, partial(_logs, bits)) for bits in range(TABLE_BITS)]
    for family, tag in CHANCE_TAGS.items():
        for bits in range(TABLE_BITS, 2 * TABLE_BITS):
            found.append(LossTable(chances_at(family, bits), tag + bits, partial(_chances, family, bits)))
    for family in LOSSES_OF:
        found.append(LossTable(OPINIONS_OF[family], OPINION_TAGS[family], partial(_opinions, family)))
        found.append(LossTable(MEAN_LOSSES_OF[family], MEAN_LOSS_TAGS[family], partial(_mean_losses, family)))
    return {own.name: own for own in found}


LOSS_TABLES: Mapping[str, LossTable] = MappingProxyType(_all())
