"""The witness of what shards of a Poisson model expect: the columns of circuits/relations/shard_counts.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.relations.mean_counts import MeanCounts
from ...circuits.relations.shard_counts import SpokenCounts
from ...errors import ParameterError
from ...models.activation import HALF_TABLE
from ...models.counts import P_BITS, count_logs, interpolated
from ...models.mean_losses import CHANCE_BITS, LOGS_OF_TWO, cells_of, mean_losses
from ...models.scales import REMAINDER_BITS
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, signed_rows
from .shard_losses import cell_columns

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Expectations:
    """Of shards and rows, int64 (1, shards, N): Q, M, T[Q], D, P' and what the lookup of DM has; on rows that do not
    count T[Q] is that of a score of 0, and the last three are 0."""

    cell: Integers
    middle: Integers
    edge: Integers
    step: Integers
    risen: Integers
    rest: Integers

    @property
    def counts(self) -> Integers:
        """S times what is expected, (1, N)."""
        return np.asarray((self.edge + self.risen).sum(axis=1))


def expectations(own: SpokenCounts, z: Integers) -> Expectations:
    """From scores (1, shards, N). Raises ParameterError where one of a row that counts is beyond the table."""
    live, cells = own.live.mask(), z >> REMAINDER_BITS
    outside = np.asarray(((cells < -HALF_TABLE) | (cells >= HALF_TABLE)).any(axis=(0, 1)))
    beyond = int(outside[live].sum())
    if beyond:
        limit = 1 << (15 - own.q_bits)
        raise ParameterError(
            f"{beyond} of the rows have scores beyond {limit} by the model of a shard, where the table of expected "
            f"counts ends: it says e^{limit} or more of them"
        )
    cell, middle, edge, *others = interpolated(np.where(live, z, 0), own.q_bits)
    step, risen, rest = (np.where(live, each, 0) for each in others)
    low = z & ((1 << REMAINDER_BITS) - 1)
    return Expectations(np.where(live, cell, cells), np.where(live, middle, low), edge, step, risen, rest)


def shifted(own: MeanCounts, counts: Integers) -> tuple[Integers, Integers]:
    """B and B', (N,), of what shards expect together."""
    shards = own.scored.speakers
    return counts - own.slack * shards, counts + shards


def stated_deviances(own: MeanCounts, labels: npt.NDArray[np.integer], counts: Integers) -> tuple[int, int]:
    """Of all rows that count, at least and at most."""
    live, shards = own.live.mask(), own.scored.speakers
    y, (less, more) = labels[live].astype(np.int64), (each[live] for each in shifted(own, counts))
    table, (down, up) = mean_losses("logistic"), ((CHANCE_BITS - P_BITS) * log for log in LOGS_OF_TWO)
    common = shards * int(count_logs()[y].sum()) + int(counts[live].sum())
    low = int((y * (table.least[cells_of(more, shards)] - up)).sum())
    return common + shards * low, common + shards * int((y * (table.largest[cells_of(less, shards)] - down)).sum())


def deviance_columns(
    own: MeanCounts, labels: Integers, counts: Integers
) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What deviances have beside what is expected, but for what rounding takes away."""
    columns, looked_up = cell_columns(zip(own.sums, shifted(own, counts), strict=True), "logistic")
    columns[own.log] = to_field(count_logs()[labels])[None]
    looked_up[own.log.name] = labels.astype(np.uint16)[None]
    return columns, looked_up


def expectation_columns(own: SpokenCounts, found: Expectations) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual, and looked up."""
    middle, risen = found.middle.astype(np.uint16), found.risen.astype(np.uint16)
    cells: dict[Address, Cells] = {
        own.cell: to_field(found.cell),
        own.edge: found.edge.astype(np.int32),
        own.step: found.step.astype(np.int32),
        own.middle: middle,
        own.risen: risen,
        own.product: to_field(found.step * found.middle),
    }
    looked_up: dict[str, LookedUpRows] = {
        own.cell.name: signed_rows(np.where(own.live.mask(), found.cell, 0)),
        own.middle.name: middle,
        own.risen.name: risen,
        own.product.name: found.rest.astype(np.uint16),
    }
    return cells, looked_up
