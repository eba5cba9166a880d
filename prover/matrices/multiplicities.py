"""How often each row of each table is looked up: what makes the sums of both sides of a lookup argument equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.language.relation import LIMB, TABLE_BITS, Section
from ...circuits.language.tables import HALF, limb_addresses, limb_widths
from ..kernels import tally

TableRows = npt.NDArray[np.uint16]


def signed_rows(values: npt.NDArray[np.integer], bound: int = HALF) -> TableRows:
    """Rows of a table that begins at -bound: v + bound, for signed 16-bit integers that it has."""
    return values.astype(np.int16, copy=False).view(np.uint16) + np.uint16(bound)


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class SignedRows:
    """`signed_rows` of an array that is too large to have twice: of a part of it when that is asked for."""

    values: npt.NDArray[np.integer]
    bound: int = HALF

    def __getitem__(self, cut: tuple[slice, ...]) -> TableRows:
        return signed_rows(self.values[cut], self.bound)


class LookedUpRows(Protocol):
    """Rows of a table, uint16, one for each cell of a box: an array, or `SignedRows`."""

    def __getitem__(self, cut: tuple[slice, ...], /) -> TableRows: ...


def limb_rows(limbs: Mapping[Address, TableRows], integer: Address, bits: int) -> dict[str, TableRows]:
    """Rows that the lookups of circuits.tables.limb_lookups look up, by name of the lookup."""
    rows: dict[str, TableRows] = {}
    for limb, width in zip(limb_addresses(integer, bits), limb_widths(bits), strict=True):
        rows[limb.name] = limbs[limb]
        if width < TABLE_BITS:
            rows[f"{limb.name} shifted"] = limbs[limb] << np.uint16(TABLE_BITS - width)
    return rows


def multiplicities(
    sections: Sequence[Section], looked_up: Mapping[str, LookedUpRows]
) -> dict[Address, npt.NDArray[np.int32]]:
    """The columns of counts, int32 (sections, 2^16).

    Args:
        looked_up: by name of the lookup, which row of its table each cell of the whole box looks up.
    """
    counts: dict[Address, npt.NDArray[np.int32]] = {}
    for i, section in enumerate(sections):
        tables = {table.name: table for table in section.tables}
        for table in section.tables:
            counts.setdefault(table.multiplicity, np.zeros((len(sections), LIMB), dtype=np.int32))
        for box in section.boxes:
            cut = tuple(axis.cut() for axis in box.axes)
            for lookup in (own for own in box.lookups if own.table in tables):
                rows = looked_up[lookup.name][cut]
                own = counts[tables[lookup.table].multiplicity][i]
                tally(rows, own)
                if box.indicator.skipped.size:
                    tally(rows[..., box.indicator.skipped], own, -1)
    return counts
