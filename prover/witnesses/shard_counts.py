"""The witness of what shards of a Poisson model expect: the columns of circuits/relations/shard_counts.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.relations.mean_counts import MeanCounts
from ...circuits.relations.shard_counts import SpokenCounts
from ...models.counts import P_BITS, count_logs, interpolated
from ...models.mean_losses import CHANCE_BITS, LOGS_OF_TWO, cells_of, mean_losses
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows
from .expected_counts import Expected, expected
from .shard_losses import cell_columns

Integers = npt.NDArray[np.int64]


def expected_of_each(own: SpokenCounts, z: Integers) -> Expected:
    """From scores (1, shards, N). On rows that do not count T[Q] is that of a score of 0, whose mean is in a cell, too.

    Raises:
        ParameterError: one of a row that counts is beyond the table.
    """
    found, (_, _, at_zero, *_) = expected(own, z), interpolated(np.zeros(1, dtype=np.int64), own.q_bits)
    return replace(found, edge=np.where(own.live.mask(), found.edge, at_zero))


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
