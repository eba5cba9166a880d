"""The relation of unique keys: no two rows have the same one.

A key is some 16-bit limbs, which make up words of at most three limbs, the lowest first: of 48 bits, below p with room
for borrows. (Words of four limbs do not do: 5 and 5 + p are one element of F, and every difference of two elements is
one of 64 bits.) M rows are not destroyed. Their words are committed a second time in strictly increasing order, V_i(n)
for 0 <= n < M, and beside them what each is above the one before it:

    V_0(n+1) - V_0(n) - 1          + 2^W_0 b_0(n)  =  D_0(n)                for 0 <= n < M - 1           "key order"
    V_i(n+1) - V_i(n) - b_(i-1)(n) + 2^W_i b_i(n)  =  D_i(n)

with W_i the bits of word i, D_i of limbs, and no b of the highest word. At the last of them D and b are 0. All words
in one sum, with the shares eq(sigma, i) of a random sigma, at a random place rho:

    sum over n of (eq(rho, n-1)[1 <= n < M] - eq(rho, n)[n < M-1]) sum over i of eq(sigma, i) V_i(n)
        =  sum over i of eq(sigma, i) (D_i(rho) - 2^W_i b_i(rho) + b_(i-1)(rho)),    [n < M-1](rho) as b_(-1)(rho)

| column | axes | lookups | why it is forced |
|---|---|---|---|
| key limb i | row (of the data set) | in range, on rows that are there | |
| sorted word i | place | permutation "keys": the words of rows | is a word of a row, so below 2^W_i |
| gap limb i | place | in range | with b the only number from 0 to 2^W_i - 1 that fits |
| borrow i | place | b, 2^15 b in range: 0 or 1 | 1 exactly if the difference is below 0 |

All numbers in an equation are below 2^50 in size, so what holds modulo p holds of integers. From the highest word down:
V_i(n+1) is at least V_i(n), by 1 at least if the word below borrows; the lowest is more by 1 at least, or borrows. So
every key is more than the one before it, read as one integer: none is there twice.

Past the last place everything is inert: words weigh nothing in sum and permutation; of D and b what holds modulo p is
D_i = 2^W_i b_i - b_(i-1), which is in no other equation. Keys of destroyed rows are zeros, and not looked at.

The permutation is one argument, in one section: so at most 2^23 rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..field.goldilocks import K, Vector, ksub
from ..field.multilinear import Point, eq_index, eq_table, log2_ceil, prefix, prefix_eq, successor
from ..language.hidden import Hidden, linear, public
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import (
    LIMB,
    TABLE_BITS,
    Coordinates,
    Entry,
    Factor,
    Indicator,
    Lookup,
    LookupBox,
    Permutation,
    PublicVector,
    Section,
    Steps,
    Sum,
    Term,
    variables,
)
from ..language.tables import HALF, RANGE, lookup_boxes, multiplicity_column, range_table
from .dataset import key_addresses, row_axis

KEYS = Permutation("keys", 4)
KEY_COUNTS = Address(WITNESS, "key range multiplicities")
WORD_LIMBS = 3  # so that a word with its borrow stays below p
LISTED, SORTED = "keys of rows", "keys in order"  # boxes of the permutation
ORDER = "key order"


@dataclass(frozen=True)
class Word:
    """Some limbs of a key, and what is committed beside them.

    Attributes:
        index: counted from the lowest word.
        limbs: of the data set, the lowest first. gaps: of the difference.
        borrow: None of the highest word.
    """

    index: int
    limbs: tuple[Address, ...]
    gaps: tuple[Address, ...]
    borrow: Address | None

    @property
    def sorted(self) -> Address:
        """The column of the word in order."""
        return Address(WITNESS, f"sorted word {self.index}")

    @property
    def bits(self) -> int:
        """W."""
        return TABLE_BITS * len(self.limbs)

    @property
    def entry(self) -> Entry:
        """The word of a row."""
        return Entry(tuple((LIMB**i, limb) for i, limb in enumerate(self.limbs)))


@dataclass(frozen=True)
class Uniqueness:
    """The relation for one shape; a part of that of validity.

    Attributes:
        limbs: of a key.
        holes: rows that were destroyed, fewer than all.
    """

    rows: int
    limbs: int
    holes: tuple[int, ...] = field(default=(), repr=False)

    @property
    def place(self) -> Axis:
        """Places in the order of keys."""
        return Axis("place", self.rows - len(self.holes))

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The lowest first."""
        starts, keys = range(0, self.limbs, WORD_LIMBS), key_addresses(self.limbs)
        gaps = [Address(WITNESS, f"gap limb {i}") for i in range(self.limbs)]
        cuts = [slice(start, start + WORD_LIMBS) for start in starts]
        borrows = [Address(WITNESS, f"borrow {i}") for i in range(len(cuts) - 1)]
        return tuple(
            Word(i, keys[cut], tuple(gaps[cut]), borrow)
            for i, (cut, borrow) in enumerate(zip(cuts, (*borrows, None), strict=True))
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the witness."""
        gaps = [gap for word in self.words for gap in word.gaps]
        borrows = [word.borrow for word in self.words if word.borrow is not None]
        own = [*(word.sorted for word in self.words), *gaps, *borrows]
        counts = multiplicity_column(KEY_COUNTS, len(self.sections))
        return (*(Column(column.name, (self.place,)) for column in own), counts)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Section i has the i-th part of the limbs of keys and that of the order; the first one the permutation."""
        row, places = Indicator((row_axis(self.rows),), self.holes), Indicator((self.place,))
        limbs = tuple(_in_range(limb) for word in self.words for limb in word.limbs)
        keys = lookup_boxes("keys", row, limbs)
        order = lookup_boxes(ORDER, places, tuple(own for word in self.words for own in _order_lookups(word)))
        listed = LookupBox(LISTED, row, (Lookup(LISTED, KEYS.name, tuple(word.entry for word in self.words)),))
        in_order = tuple(Entry(((1, word.sorted),)) for word in self.words)
        permuted = listed, LookupBox(SORTED, places, (Lookup(SORTED, KEYS.name, in_order),), -1)
        count = max(len(keys), len(order))
        return tuple(
            Section(
                (*keys[i : i + 1], *order[i : i + 1], *(() if i else permuted)),
                (range_table(i, count, KEY_COUNTS),),
                () if i else (KEYS,),
            )
            for i in range(count)
        )

    def identities(self, steps: Steps) -> None:
        """The equation of the module's head."""
        bits = self.place.bits
        rho = steps.point(ORDER, bits)
        sigma = steps.point(f"{ORDER} shares", log2_ceil(len(self.words)))
        shares = [eq_index(sigma, word.index) for word in self.words]
        below: Hidden = public(prefix(rho, self.place.size - 1))  # that a key is above the last one, by 1 at least
        gaps: list[tuple[K, Hidden]] = []
        for share, word in zip(shares, self.words, strict=True):
            values = [(K(LIMB**i), steps.evaluate(gap, {"place": rho})) for i, gap in enumerate(word.gaps)]
            gaps += [(share, linear(values)), (share, below)]
            if word.borrow is not None:
                below = steps.evaluate(word.borrow, {"place": rho})
                gaps.append((share * -(1 << word.bits), below))
        free: dict[str, Coordinates] = {"place": variables(0, bits)}
        terms = (Term(share, word.sorted, free) for share, word in zip(shares, self.words, strict=True))
        steps.sumcheck(Sum(ORDER, (bits,), _next_less_own(rho, self.place.size), (Factor(tuple(terms)),)), linear(gaps))


def _in_range(column: Address) -> Lookup:
    return Lookup(column.name, RANGE, (Entry(((1, column),)),))


def _order_lookups(word: Word) -> tuple[Lookup, ...]:
    """What is above the word before, limb by limb, and the borrow, which is 0 or 1."""
    gaps = tuple(map(_in_range, word.gaps))
    if word.borrow is None:
        return gaps
    return (
        *gaps,
        _in_range(word.borrow),
        Lookup(f"{word.borrow.name} shifted", RANGE, (Entry(((HALF, word.borrow),)),)),
    )


def _next_less_own(rho: Point, size: int) -> PublicVector:
    """eq(rho, n - 1) [1 <= n < size] - eq(rho, n) [n < size - 1]."""

    def table() -> Vector:
        here = eq_table(rho)[:, : size - 1]
        values = np.zeros((2, size), dtype=np.uint64)
        values[:, 1:] = here
        values[:, :-1] = ksub(values[:, :-1], here)
        return values

    return PublicVector(table, lambda x: successor(rho, x, size) - prefix_eq(rho, x, size - 1))
