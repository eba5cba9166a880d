"""The witness of what a Poisson model expects of rows: the columns of circuits/relations/expected_counts.py."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations.expected_counts import WHOLE_BITS, ExpectedCounts
from ...errors import ParameterError
from ...models.activation import HALF_TABLE
from ...models.counts import P_BITS, count_logs, interpolated
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, signed_rows
from .rows import Rows

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Expected:
    """Of all rows, int64 (N,): Q, M, T[Q], D, P' and what the lookup of DM has; 0 but for Q and M where none counts."""

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


def expected(own: ExpectedCounts, z: Integers) -> Expected:
    """From scores of all rows. Raises ParameterError where one that counts is beyond the table."""
    live, cells = own.live.mask(), z >> 16
    beyond = int(((cells < -HALF_TABLE) | (cells >= HALF_TABLE))[live].sum())
    if beyond:
        limit = 1 << (15 - own.q_bits)
        raise ParameterError(
            f"{beyond} of the rows have scores beyond {limit}, where the table of expected counts ends: the model says "
            f"e^{limit} or more of them"
        )
    cell, middle, *others = interpolated(np.where(live, z, 0), own.q_bits)
    edge, step, risen, rest = (np.where(live, each, 0) for each in others)
    return Expected(np.where(live, cell, cells), np.where(live, middle, z & 0xFFFF), edge, step, risen, rest)


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


def counted_columns(
    own: ExpectedCounts, rows: Rows, found: Expected
) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual, and looked up, but for residuals and their squares."""
    live, middle, risen = own.live.mask(), found.middle.astype(np.uint16), found.risen.astype(np.uint16)
    inside = np.where(live, found.cell, 0)
    cells: dict[Address, Cells] = {
        own.cell: to_field(found.cell),
        own.edge: found.edge.astype(np.int32),
        own.step: found.step.astype(np.int32),
        own.middle: middle,
        own.risen: risen,
        own.product: to_field(found.step * found.middle),
    }
    looked_up: dict[str, LookedUpRows] = {
        own.cell.name: signed_rows(inside),
        own.middle.name: middle,
        own.risen.name: risen,
        own.product.name: found.rest.astype(np.uint16),
    }
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
