"""The public tables, and how an integer of b bits is checked with a table of 2^16 rows.

| table | tag | tuples |
|---|---|---|
| range | 1 | (i), 0 <= i < 2^16 |
| activation | 2 | (q, activation[q]), -2^15 <= q < 2^15 |
| feature range | 3 | (i), -2^x_bits <= i <= 2^x_bits; the last one again in all later rows |
| keys | 4 | a permutation: no table |
| link | 5 | (q, edge[q], edge[q + 1] - edge[q]), -2^15 <= q < 2^15 |
| signs | 6 | (q, [q >= 0]), -2^15 <= q < 2^15 |
| losses | 7 | (q, [q >= 0], least loss, largest loss), -2^15 <= q < 2^15 |
| noise | 9 | (q, edge[q], edge[q + 1]), -2^15 <= q < 2^15 |
| count logs | 12 | (y, logarithm[y]), 0 <= y < 2^16 |

How often each tuple is looked up is a committed column over (section, entry).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..field.goldilocks import K, Vector, to_field
from ..field.multilinear import bounded_identity, evaluate, identity, log2_ceil
from .layout import WITNESS, Address, Axis, Column, cut_box, part
from .relation import LIMB, TABLE_BITS, Entry, Indicator, Lookup, LookupBox, PublicVector, Table

RANGE, RANGE_COUNTS = "range", Address(WITNESS, "range multiplicities")
ACTIVATION, ACTIVATION_COUNTS = "activation", Address(WITNESS, "activation multiplicities")
FEATURE_RANGE, FEATURE_COUNTS = "feature range", Address(WITNESS, "feature range multiplicities")
LINK, LINK_COUNTS = "link", Address(WITNESS, "link multiplicities")
SIGNS, SIGN_COUNTS = "signs", Address(WITNESS, "sign multiplicities")
LOSSES, LOSS_COUNTS = "losses", Address(WITNESS, "loss multiplicities")
NOISE, NOISE_COUNTS = "noise", Address(WITNESS, "noise multiplicities")
COUNT_LOGS, COUNT_LOG_COUNTS = "count logs", Address(WITNESS, "count log multiplicities")
SECTION_BITS = 24  # a box of lookups has at most 2^24 leaves; larger ones are cut, each part in a section of its own
TABLE_AXIS = Axis("entry", LIMB)
HALF = LIMB // 2  # added to a signed 16-bit integer before it is looked up


def _base_table(values: npt.NDArray[np.int64]) -> Vector:
    """Integers as a K table (2, n)."""
    field = to_field(values)
    return np.stack([field, np.zeros_like(field)])


def section_axis(sections: int) -> Axis:
    """The first axis of multiplicities."""
    return Axis("section", sections)


def range_table(section: int = 0, sections: int = 1, counts: Address = RANGE_COUNTS) -> Table:
    """All 16-bit integers."""
    indices = PublicVector(lambda: _base_table(np.arange(LIMB)), identity)
    return Table(RANGE, 1, (indices,), counts, part(section_axis(sections), section, 1))


def activation_table(values: npt.NDArray[np.int64], section: int = 0, sections: int = 1) -> Table:
    """(q, values[q + 2^15]) for signed 16-bit q. `values`: int64 (2^16,), scale 2^p_bits."""
    q = PublicVector(lambda: _base_table(np.arange(LIMB) - HALF), lambda x: identity(x) - HALF)
    p = PublicVector(lambda: _base_table(values), lambda x: evaluate(to_field(values), x))
    return Table(ACTIVATION, 2, (q, p), ACTIVATION_COUNTS, part(section_axis(sections), section, 1))


def link_table(edges: npt.NDArray[np.int64], section: int = 0, sections: int = 1) -> Table:
    """(q, edges[q + 2^15], edges[q + 1 + 2^15] - edges[q + 2^15]) for signed 16-bit q.

    edges: int64 (2^16 + 1,), scale 2^p_bits, not decreasing: a function at the edges of cells, in which it is linear.
    """
    q = PublicVector(lambda: _base_table(np.arange(LIMB) - HALF), lambda x: identity(x) - HALF)
    values, steps = edges[:-1], np.diff(edges)
    edge = PublicVector(lambda: _base_table(values), lambda x: evaluate(to_field(values), x))
    step = PublicVector(lambda: _base_table(steps), lambda x: evaluate(to_field(steps), x))
    return Table(LINK, 5, (q, edge, step), LINK_COUNTS, part(section_axis(sections), section, 1))


def noise_table(edges: npt.NDArray[np.int64], section: int = 0, sections: int = 1) -> Table:
    """(q, edges[q + 2^15], edges[q + 1 + 2^15]) for signed 16-bit q: the cells of a partition of [0, 2^62).

    edges: int64 (2^16 + 1,), from 0 to 2^62, not decreasing.
    """
    q = PublicVector(lambda: _base_table(np.arange(LIMB) - HALF), lambda x: identity(x) - HALF)
    low, high = edges[:-1], edges[1:]
    below = PublicVector(lambda: _base_table(low), lambda x: evaluate(to_field(low), x))
    above = PublicVector(lambda: _base_table(high), lambda x: evaluate(to_field(high), x))
    return Table(NOISE, 9, (q, below, above), NOISE_COUNTS, part(section_axis(sections), section, 1))


def feature_table(x_bits: int, section: int = 0, sections: int = 1) -> Table:
    """All integers from -2^x_bits to 2^x_bits. A tuple in several rows is looked up as often as these say together."""
    one, bits = 1 << x_bits, x_bits + 1
    integers = PublicVector(
        lambda: _base_table(np.minimum(np.arange(LIMB), 1 << bits) - one), lambda x: bounded_identity(x, bits) - one
    )
    return Table(FEATURE_RANGE, 3, (integers,), FEATURE_COUNTS, part(section_axis(sections), section, 1))


def sign_table(section: int = 0, sections: int = 1) -> Table:
    """(q, 1) for 0 <= q < 2^15, and (q, 0) for -2^15 <= q < 0: the leading bit of q + 2^15."""
    return Table(SIGNS, 6, _signs(), SIGN_COUNTS, part(section_axis(sections), section, 1))


def _signs() -> tuple[PublicVector, PublicVector]:
    q = PublicVector(lambda: _base_table(np.arange(LIMB) - HALF), lambda x: identity(x) - HALF)
    return q, PublicVector(lambda: _base_table(np.arange(LIMB) >> (TABLE_BITS - 1)), lambda x: x[0])


def loss_table(bounds: tuple[npt.NDArray[np.int64], ...], section: int = 0, sections: int = 1) -> Table:
    """(q, [q >= 0], low[q + 2^15], high[q + 2^15]) for signed 16-bit q. `bounds`: low and high, int64 (2^16,) each."""

    def vector(values: npt.NDArray[np.int64]) -> PublicVector:
        return PublicVector(lambda: _base_table(values), lambda x: evaluate(to_field(values), x))

    components = (*_signs(), *map(vector, bounds))
    return Table(LOSSES, 7, components, LOSS_COUNTS, part(section_axis(sections), section, 1))


def count_log_table(values: npt.NDArray[np.int64], section: int = 0, sections: int = 1) -> Table:
    """(y, values[y]) for unsigned 16-bit y. `values`: int64 (2^16,)."""
    y = PublicVector(lambda: _base_table(np.arange(LIMB)), identity)
    logs = PublicVector(lambda: _base_table(values), lambda x: evaluate(to_field(values), x))
    return Table(COUNT_LOGS, 12, (y, logs), COUNT_LOG_COUNTS, part(section_axis(sections), section, 1))


def multiplicity_column(counts: Address, sections: int) -> Column:
    """The committed counts of a table's tuples in each section."""
    return Column(counts.name, (section_axis(sections), TABLE_AXIS))


def lookup_boxes(name: str, indicator: Indicator, lookups: tuple[Lookup, ...]) -> tuple[LookupBox, ...]:
    """The lookups of a whole box, in parts of at most 2^SECTION_BITS leaves."""
    parts = cut_box(indicator.axes, SECTION_BITS - log2_ceil(len(lookups)))
    names = [name] if len(parts) == 1 else [f"{name}, part {i}" for i in range(len(parts))]
    return tuple(LookupBox(label, indicator.on(box), lookups) for label, box in zip(names, parts, strict=True))


def together(boxes: Iterable[LookupBox]) -> tuple[tuple[LookupBox, ...], ...]:
    """Boxes by section, in order: as many in one as have at most 2^SECTION_BITS leaves, or a single one."""
    groups: list[list[LookupBox]] = [[]]
    left = 1 << SECTION_BITS
    for box in boxes:
        size = 1 << sum(axis.bits for axis in box.axes) + log2_ceil(len(box.lookups))
        if size > left and groups[-1]:
            groups.append([])
            left = 1 << SECTION_BITS
        groups[-1].append(box)
        left -= size
    return tuple(map(tuple, groups))


# Integers in limbs ------------------------------------------------------------------------------------------------


def limb_widths(bits: int) -> tuple[int, ...]:
    """Widths of the 16-bit limbs of a `bits`-bit integer, the lowest limb first."""
    return (TABLE_BITS,) * (bits // TABLE_BITS) + ((bits % TABLE_BITS,) if bits % TABLE_BITS else ())


def limb_addresses(integer: Address, bits: int) -> tuple[Address, ...]:
    """The limbs of an integer column of `bits` bits, the lowest first."""
    return tuple(integer._replace(name=f"{integer.name} limb {i}") for i in range(len(limb_widths(bits))))


@dataclass(frozen=True)
class Limbs:
    """Integers that are committed in limbs on the same axes, and looked up together.

    Attributes:
        box: the name of their lookups. bits: of each.
        beside: what else is looked up there.
    """

    box: str
    axes: tuple[Axis, ...]
    bits: Mapping[Address, int]
    beside: tuple[Lookup, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """All limbs."""
        return tuple(limb for integer, bits in self.bits.items() for limb in limb_columns(integer, bits, self.axes))

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """Each integer in its range, then the others."""
        own = tuple(lookup for integer, bits in self.bits.items() for lookup in limb_lookups(integer, bits))
        return (*own, *self.beside)

    @property
    def boxes(self) -> tuple[LookupBox, ...]:
        """These lookups, in parts where they are many."""
        return lookup_boxes(self.box, Indicator(self.axes), self.lookups)


def limb_columns(integer: Address, bits: int, axes: tuple[Axis, ...]) -> tuple[Column, ...]:
    """The committed limbs of an integer column of `bits` bits."""
    return tuple(Column(limb.name, axes) for limb in limb_addresses(integer, bits))


def limb_lookups(integer: Address, bits: int) -> tuple[Lookup, ...]:
    """Every limb below 2^16, and a short top limb below 2^width: shifted up to 16 bits it is in range too."""
    lookups: list[Lookup] = []
    for limb, width in zip(limb_addresses(integer, bits), limb_widths(bits), strict=True):
        lookups.append(Lookup(limb.name, RANGE, (Entry(((1, limb),)),)))
        if width < TABLE_BITS:
            lookups.append(Lookup(f"{limb.name} shifted", RANGE, (Entry(((1 << (TABLE_BITS - width), limb),)),)))
    return tuple(lookups)


def limb_terms(integer: Address, bits: int) -> tuple[tuple[K, Address], ...]:
    """The integer as a combination of its limbs: sum of 2^(16 i) * limb i."""
    return tuple((K(1 << (TABLE_BITS * i)), limb) for i, limb in enumerate(limb_addresses(integer, bits)))


def split_limbs(values: npt.NDArray[np.int64], integer: Address, bits: int) -> dict[Address, npt.NDArray[np.uint16]]:
    """Non-negative integers as limb columns; arrays of the same shape."""
    return {
        limb: (values >> (TABLE_BITS * i)).astype(np.uint16) for i, limb in enumerate(limb_addresses(integer, bits))
    }
