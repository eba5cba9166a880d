"""The witness of losses by the mean of probabilities: circuits/relations/mean_loss.py and mean_class_loss.py."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations.mean_cells import Chances, InCell
from ...circuits.relations.mean_class_loss import MeanClassLoss
from ...circuits.relations.mean_loss import MeanLoss
from ...models.activation import HALF_TABLE
from ...models.mean_losses import CHANCE_BITS, LOGS_OF_TWO, cells_of, mean_losses
from ...models.normalised_losses import chance_bounds
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows

Integers = npt.NDArray[np.int64]
Pair = tuple[Integers, Integers]


def chances(own: Chances, cells: Integers) -> Pair:
    """What is said of class 1 at least and at most, int64 like F, of those beyond the table by its ends."""
    inside = np.clip(cells, -HALF_TABLE, HALF_TABLE - 1) + HALF_TABLE
    low, high = chance_bounds(own.family, CHANCE_BITS)
    return low[inside], high[inside]


def class_sums(own: MeanLoss, labels: npt.NDArray[np.integer], said: Pair) -> Pair:
    """B and B', int64 (N,), from what shards say, (1, shards, N) each."""
    low, high = (chance[0].sum(axis=0) for chance in said)
    whole = own.scored.speakers << CHANCE_BITS
    return np.where(labels == 1, low, whole - high), np.where(labels == 1, high, whole - low)


def stated_losses(own: MeanLoss, sums: Pair) -> tuple[int, int]:
    """Of all rows that count, at least and at most."""
    table, live = mean_losses(own.scored.family.name), own.live.mask()
    of_low, of_high = (cells_of(each[live], own.scored.speakers) for each in sums)
    return int(table.least[of_high].sum()), int(table.largest[of_low].sum())


def class_and_all(labels: npt.NDArray[np.integer], said: Pair) -> tuple[Pair, Pair]:
    """B and B', V and V', int64 (N,), from what shards say, (O, shards, N) each; labels: (O, N)."""
    low, high = (chance.sum(axis=1) for chance in said)
    of_class = (low * labels).sum(axis=0), (high * labels).sum(axis=0)
    return of_class, (low.sum(axis=0), high.sum(axis=0))


def stated_class_losses(own: MeanClassLoss, of_class: Pair, of_all: Pair) -> tuple[int, int]:
    """Of all rows that count, at least and at most."""
    table, live = mean_losses(own.scored.family.name), own.live.mask()
    low, high = (cells_of(each[live], own.of_class[0].count) for each in of_class)
    least, most = (cells_of(each[live], own.of_all[0].count) for each in of_all)
    down, up = (own.more_bits * own.live.count * log for log in LOGS_OF_TWO)
    at_least = int((table.least[high] - table.largest[least]).sum()) + down
    return at_least, int((table.largest[low] - table.least[most]).sum()) + up


def cell_columns(
    pairs: Iterable[tuple[InCell, Integers]], family: str
) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed of sums, and which rows of tables it looks up."""
    columns: dict[Address, Cells] = {}
    looked_up: dict[str, LookedUpRows] = {}
    table = mean_losses(family)
    for own, sums in pairs:
        at = cells_of(sums, own.count)
        columns[own.number] = at.astype(np.uint16)
        looked_up[own.number.name] = at.astype(np.uint16)
        for name, values in zip(own.entries[1:], table, strict=True):
            columns[name] = values[at].astype(np.int32)
        rest = sums - own.count * table.edges[at]
        for name, cells in zip(own.rests, (rest, own.count * table.widths[at] - 1 - rest), strict=True):
            limbs = split_limbs(cells, name, own.rest_bits)
            columns |= limbs
            looked_up |= limb_rows(limbs, name, own.rest_bits)
    return columns, looked_up
