"""The witness of circuits/relations/normalised_loss.py: chances of classes, and the losses that follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.relation import TABLE_BITS
from ...circuits.language.tables import split_limbs
from ...circuits.relations.normalised_loss import NormalisedLoss
from ...errors import ParameterError
from ...models.activation import HALF_TABLE, TABLE_SIZE
from ...models.families import FAMILIES
from ...models.losses import LARGEST_SCORE, loss_bounds
from ...models.normalised_losses import chance_bounds, log_table
from ...models.probit_losses import probit_loss_bounds
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, signed_rows

Integers = npt.NDArray[np.int64]
LOSS_BOUNDS = {"logistic": loss_bounds, "probit": probit_loss_bounds}


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Losses:
    """Of a model's scores, row by row.

    Attributes:
        z: int64 (O, N). labels: (O, N), the columns that are committed.
    """

    own: NormalisedLoss
    z: Integers
    labels: npt.NDArray[np.integer]

    @cached_property
    def cells(self) -> Integers:
        """Q."""
        return np.asarray(self.z // (self.own.models << self.own.shift))

    @cached_property
    def inside(self) -> Integers:
        """The same within the table: rows that do not count may be beyond, where nothing is looked up."""
        return np.clip(self.cells, -HALF_TABLE, HALF_TABLE - 1)

    @cached_property
    def of_class(self) -> Integers:
        """F."""
        return np.asarray(np.where(self.labels == 1, self.cells, 0).sum(axis=0))

    @cached_property
    def chances(self) -> tuple[Integers, Integers]:
        """Least and largest, (O, N)."""
        low, high = chance_bounds(FAMILIES[self.own.family], self.own.sum_bits + TABLE_BITS)
        return low[self.inside + HALF_TABLE], high[self.inside + HALF_TABLE]

    @cached_property
    def sums(self) -> tuple[Integers, Integers]:
        """Of both over classes."""
        low, high = (chance.sum(axis=0) for chance in self.chances)
        return low, high

    @cached_property
    def class_losses(self) -> tuple[Integers, Integers]:
        """Least and largest of F."""
        low, high = LOSS_BOUNDS[self.own.family]()
        at = np.clip(self.of_class, -HALF_TABLE, HALF_TABLE - 1) + HALF_TABLE
        return low[at], high[at]

    @cached_property
    def logs(self) -> tuple[Integers, Integers]:
        """Of A, and of B + 1."""
        table = log_table(self.own.sum_bits)
        least, largest = (total >> TABLE_BITS for total in self.sums)
        return table[least], table[largest + 1]

    def totals(self, live: npt.NDArray[np.bool_]) -> tuple[int, int]:
        """Of all rows that count, at least and at most."""
        least, largest = (loss + log for loss, log in zip(self.class_losses, self.logs, strict=True))
        some = self.sums[0] >= 1 << TABLE_BITS
        return int(least[live & some].sum()), int((largest[live] + 1).sum())


def true_loss(own: NormalisedLoss, z: Integers, labels: npt.NDArray[np.integer]) -> NormalisedLoss:
    """With what is true. Raises ParameterError for scores that leave the tables."""
    found, live = Losses(own, z, labels), own.live.mask()
    beyond = int((found.cells != found.inside)[:, live].any(axis=0).sum())
    if beyond:
        raise ParameterError(
            f"{beyond} of the rows have scores beyond {LARGEST_SCORE}, where the tables of losses end: evaluate "
            "without the log-loss"
        )
    pairs = zip(own.bounds, found.totals(live), strict=True)
    low, high = (bound.stated_of(total) for bound, total in pairs)
    return replace(own, loss=(low, high))


def loss_columns(
    own: NormalisedLoss, z: Integers, labels: npt.NDArray[np.integer]
) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed, and which rows of tables it looks up."""
    found, looked_up = Losses(own, z, labels), dict[str, LookedUpRows]()
    columns: dict[Address, Cells] = {}
    columns[own.cell] = _short(found.cells, found.inside)
    columns[own.of_class] = _short(found.of_class, np.clip(found.of_class, -HALF_TABLE, HALF_TABLE - 1))
    looked_up[own.cell.name] = signed_rows(found.inside)
    looked_up[own.of_class.name] = signed_rows(np.clip(found.of_class, -HALF_TABLE, HALF_TABLE - 1))
    low, high = own.chances
    columns |= dict(zip((low, high), (_wide(chance) for chance in found.chances), strict=True))
    likely, *losses = own.class_losses
    columns[likely] = (found.of_class >= 0).astype(np.uint16)
    columns |= {name: cells.astype(np.int32) for name, cells in zip(losses, found.class_losses, strict=True)}
    columns |= {name: cells.astype(np.int32) for name, cells in zip(own.logs, found.logs, strict=True)}
    sums = [total >> TABLE_BITS for total in found.sums]
    columns[own.some] = (sums[0] > 0).astype(np.uint16)
    for more, name, total in zip((0, 1), own.sums, sums, strict=True):
        columns[name] = total.astype(np.uint16)
        looked_up[name.name] = (total + more).astype(np.uint16)
    limbs = [
        (name, TABLE_BITS, total & (TABLE_SIZE - 1)) for name, total in zip(own.sum_rests, found.sums, strict=True)
    ]
    whole = own.models << own.shift
    rest = z - found.cells * whole
    limbs += [(name, own.rest_bits, cells) for name, cells in zip(own.rests, (rest, whole - 1 - rest), strict=False)]
    limbs += [
        (bound.rest, bound.bits, np.array([bound.rest_of(total)], dtype=np.int64))
        for bound, total in zip(own.bounds, found.totals(own.live.mask()), strict=True)
    ]
    for name, bits, cells in limbs:
        parts = split_limbs(cells, name, bits)
        columns |= parts
        looked_up |= limb_rows(parts, name, bits)
    return columns, looked_up


def _short(cells: Integers, inside: Integers) -> Cells:
    """In 16 bits, where they are all in the table."""
    return to_field(cells) if (cells != inside).any() else cells.astype(np.int16)


def _wide(cells: Integers) -> Cells:
    """Chances have up to 31 bits."""
    return cells.astype(np.int32)
