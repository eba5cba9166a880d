"""What proves that no two rows have the same key: keys in order, and what each is above the one before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.language.relation import TABLE_BITS
from ...circuits.relations.dataset import key_addresses
from ...circuits.relations.uniqueness import Uniqueness, Word
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, multiplicities
from ..matrices.values import Witness

Integers = npt.NDArray[np.int64]


def uniqueness_witness(relation: Uniqueness, keys: npt.NDArray[np.uint16]) -> Witness:
    """The columns of circuits/relations/uniqueness.py. keys: uint16 (limbs, N), those of rows in no order.

    Of keys that are not all different it makes what no verifier accepts.
    """
    there = np.delete(keys, list(relation.holes), axis=1)
    limbs = dict(zip(key_addresses(relation.limbs), there, strict=True))
    words = [_word(word, limbs) for word in relation.words]
    order = np.lexsort(words)  # its last key counts first: the highest word
    columns: dict[Address, Cells] = {}
    looked_up: dict[str, LookedUpRows] = {
        limb.name: own for limb, own in zip(key_addresses(relation.limbs), keys, strict=True)
    }
    below: Integers = np.ones(len(order) - 1, np.int64)  # that a key is above the last one, by 1 at least
    for word, unsorted in zip(relation.words, words, strict=True):
        values = unsorted[order]
        columns[word.sorted] = values.astype(np.uint64)
        gaps = np.diff(values) - below
        below = (gaps < 0).astype(np.int64) if word.borrow is not None else np.zeros_like(gaps)
        gaps += below << word.bits
        for i, gap in enumerate(word.gaps):
            columns[gap] = looked_up[gap.name] = _with_last(gaps >> (TABLE_BITS * i))
        if word.borrow is not None:
            borrows = columns[word.borrow] = looked_up[word.borrow.name] = _with_last(below)
            looked_up[f"{word.borrow.name} shifted"] = borrows << np.uint16(TABLE_BITS - 1)
    return Witness({**columns, **multiplicities(relation.sections, looked_up)}, looked_up)


def _word(word: Word, limbs: dict[Address, npt.NDArray[np.uint16]]) -> Integers:
    """A word of each row, int64 (M,)."""
    total: Integers = np.zeros(len(limbs[word.limbs[0]]), np.int64)
    for i, limb in enumerate(word.limbs):
        total += limbs[limb].astype(np.int64) << (TABLE_BITS * i)
    return total


def _with_last(values: Integers) -> npt.NDArray[np.uint16]:
    """The lowest limbs; after the last key there is none, and 0."""
    return np.append(values, 0).astype(np.uint16)
