"""The witness of what a Poisson model expects of rows: the columns of circuits/relations/expected_counts.py."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations.expected_counts import WHOLE_BITS, ExpectedCounts
from ...circuits.relations.shard_counts import SpokenCounts
from ...errors import ParameterError
from ...models.activation import HALF_TABLE
from ...models.counts import P_BITS, count_logs, interpolated
from ...models.scales import REMAINDER_BITS
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, signed_rows
from .rows import Rows

Integers = npt.NDArray[np.int64]
Counted = ExpectedCounts | SpokenCounts


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Expected:
    """Q, M, T[Q], D, P' and what the lookup of DM has, int64 (N,) of all rows, or (1, shards, N) by each shard; 0 but
    for Q and M where no row counts."""

    cell: Integers
    middle: Integers
    edge: Integers
    step: Integers
    risen: Integers
    rest: Integers

    @property
    def counts(self) -> Integers:
        """P."""
        return self.edge + self.risen


def expected(own: Counted, z: Integers) -> Expected:
    """From scores of the same shape. Raises ParameterError where one of a row that counts is beyond the table."""
    live, cells = own.live.mask(), z >> REMAINDER_BITS
    outside = np.asarray((cells < -HALF_TABLE) | (cells >= HALF_TABLE)).reshape(-1, cells.shape[-1])
    beyond = int(outside[:, live].any(axis=0).sum())
    if beyond:
        limit = 1 << (15 - own.q_bits)
        by = "" if cells.ndim == 1 else " by the model of a shard"
        raise ParameterError(
            f"{beyond} of the rows have scores beyond {limit}{by}, where the table of expected counts ends: the model "
            f"says e^{limit} or more of them"
        )
    cell, middle, *others = interpolated(np.where(live, z, 0), own.q_bits)
    edge, step, risen, rest = (np.where(live, each, 0) for each in others)
    return Expected(
        np.where(live, cell, cells), np.where(live, middle, z & ((1 << REMAINDER_BITS) - 1)), edge, step, risen, rest
    )


def _sums(own: ExpectedCounts, rows: Rows, found: Expected) -> tuple[int, int, int]:
    """U, V, and the sum of deviances."""
    live = own.live.mask()
    labels, logs = rows.labels[live].astype(np.int64), count_logs()
    whole, part = divmod(int((labels * found.middle[live]).sum()), 1 << own.q_bits)
    cells = int((labels * found.cell[live]).sum()) << (P_BITS - own.q_bits)
    total = int(logs[labels].sum()) + int(found.counts[live].sum()) - cells - whole
    return whole, part, total + 2 * own.live.count


def with_deviance(own: ExpectedCounts, rows: Rows, found: Expected) -> ExpectedCounts:
    """With what is true of it, if it is stated."""
    bound = own.deviances
    return own if bound is None else replace(own, deviance=bound.stated_of(_sums(own, rows, found)[2]))


def count_columns(own: Counted, found: Expected) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """The columns of circuits/relations/count_cells.py, and what is looked up of them."""
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


def counted_columns(
    own: ExpectedCounts, rows: Rows, found: Expected
) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual, and looked up, but for residuals and their squares."""
    cells, looked_up = count_columns(own, found)
    if own.deviances is None:
        return cells, looked_up
    labels = rows.labels.astype(np.int64)
    cells[own.log] = to_field(count_logs()[labels])[None]
    looked_up[own.log.name] = labels.astype(np.uint16)[None]
    whole, part, total = _sums(own, rows, found)
    rest = own.deviances.rest_of(total)
    for integer, bits, value in (
        (own.whole, WHOLE_BITS, whole), (own.part, own.q_bits, part), (own.deviances.rest, own.deviances.bits, rest),
    ):  # fmt: skip
        limbs = split_limbs(np.array([value], dtype=np.int64), integer, bits)
        cells |= limbs
        looked_up |= limb_rows(limbs, integer, bits)
    return cells, looked_up
