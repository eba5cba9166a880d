"""The public tables, and how an integer of b bits is checked with a table of 2^16 rows.

| table | tag | tuples |
|---|---|---|
| range | 1 | (i), 0 <= i < 2^16 |
| activation | 2 | (q, activation[q]), -2^15 <= q < 2^15 |
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .goldilocks import K, Vector, to_field
from .layout import Axis, Column
from .multilinear import evaluate, identity
from .relation import LIMB, TABLE_BITS, Entry, Indicator, Lookup, PublicVector, Table

RANGE = "range"
ACTIVATION = "activation"
TABLE_AXIS = Axis("entry", LIMB)
HALF = LIMB // 2  # added to a signed 16-bit integer before it is looked up


def _base_table(values: npt.NDArray[np.int64]) -> Vector:
    """Integers as a K table (2, n)."""
    field = to_field(values)
    return np.stack([field, np.zeros_like(field)])


def range_table() -> Table:
    """All 16-bit integers."""
    indices = PublicVector(lambda: _base_table(np.arange(LIMB)), identity)
    return Table(RANGE, 1, (indices,), "range multiplicities")


def activation_table(values: npt.NDArray[np.int64]) -> Table:
    """(q, values[q + 2^15]) for signed 16-bit q. `values`: int64 (2^16,), scale 2^p_bits."""
    q = PublicVector(lambda: _base_table(np.arange(LIMB) - HALF), lambda x: identity(x) - HALF)
    p = PublicVector(lambda: _base_table(values), lambda x: evaluate(to_field(values), x))
    return Table(ACTIVATION, 2, (q, p), "activation multiplicities")


def multiplicity_column(table: Table) -> Column:
    """The committed counts of a table's tuples."""
    return Column(table.multiplicity, (TABLE_AXIS,))


# Integers in limbs ------------------------------------------------------------------------------------------------


def limb_widths(bits: int) -> tuple[int, ...]:
    """Widths of the 16-bit limbs of a `bits`-bit integer, the lowest limb first."""
    return (TABLE_BITS,) * (bits // TABLE_BITS) + ((bits % TABLE_BITS,) if bits % TABLE_BITS else ())


def limb_names(name: str, bits: int) -> tuple[str, ...]:
    """Column names of the limbs, the lowest first."""
    return tuple(f"{name} limb {i}" for i in range(len(limb_widths(bits))))


def limb_columns(name: str, bits: int, axes: tuple[Axis, ...]) -> tuple[Column, ...]:
    """The committed limbs of an integer column of `bits` bits."""
    return tuple(Column(limb, axes) for limb in limb_names(name, bits))


def limb_lookups(name: str, bits: int, indicator: Indicator) -> tuple[Lookup, ...]:
    """Every limb below 2^16, and a short top limb below 2^width: shifted up to 16 bits it is in range too."""
    lookups: list[Lookup] = []
    for limb, width in zip(limb_names(name, bits), limb_widths(bits), strict=True):
        lookups.append(Lookup(limb, RANGE, indicator, (Entry(((1, limb),)),)))
        if width < TABLE_BITS:
            shifted = Entry(((1 << (TABLE_BITS - width), limb),))
            lookups.append(Lookup(f"{limb} shifted", RANGE, indicator, (shifted,)))
    return tuple(lookups)


def limb_terms(name: str, bits: int) -> tuple[tuple[K, str], ...]:
    """The integer as a combination of its limbs: sum of 2^(16 i) * limb i."""
    return tuple((K(1 << (TABLE_BITS * i)), limb) for i, limb in enumerate(limb_names(name, bits)))


def split_limbs(values: npt.NDArray[np.int64], name: str, bits: int) -> dict[str, Vector]:
    """Non-negative integers as limb columns, by name; arrays of the same shape."""
    field = values.astype(np.uint64)
    return {
        limb: (field >> np.uint64(TABLE_BITS * i)) & np.uint64(LIMB - 1)
        for i, limb in enumerate(limb_names(name, bits))
    }
