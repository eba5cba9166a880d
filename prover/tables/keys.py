"""Keys of all rows of a table (circuits/statements/keys.py), no two of which may be equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.statements.ids import identify
from ...circuits.statements.keys import KEY_BYTES, KEY_TAG, written_key
from ...errors import DataError
from ..kernels import hash_texts
from .ids import list_of

Limbs = npt.NDArray[np.uint16]
COLLIDES = "is the same as {} in {}, in which no two rows may be"


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class RowKeys:
    """Keys of rows.

    Attributes:
        names: of the columns.
        limbs: uint16 (limbs, N).
    """

    names: tuple[str, ...]
    limbs: Limbs

    def require_count(self, rows: int) -> None:
        """One for each row. Raises DataError."""
        if self.limbs.shape[1] != rows:
            found = self.limbs.shape[1]
            raise DataError(f"unique: {found} keys, but {rows} rows", expected=rows, found=found)


def row_keys(columns: Mapping[str, Any], lines: Sequence[int] | None = None) -> RowKeys:
    """Keys from the values of each column.

    Args:
        columns: by name, N texts or integers each.
        lines: of the file in which the rows begin, for messages.

    Raises:
        DataError: no list, lists of several lengths; a value that is neither, naming its row and column; or two rows
            that are equal in all columns, naming both.
    """
    listed = {name: list_of(values, name) for name, values in columns.items()}
    counts = {len(values) for values in listed.values()}
    if len(counts) != 1:
        raise DataError(f"unique: columns of {' and '.join(map(str, sorted(counts)))} rows")
    texts = [_texts(values, name) for name, values in listed.items()]
    hashes = hash_texts(KEY_TAG, [written_key(row) for row in zip(*texts, strict=True)])
    limbs = np.ascontiguousarray(hashes[:, :KEY_BYTES].copy().view("<u2").astype(np.uint16).T)
    keys = RowKeys(tuple(listed), limbs)
    require_distinct(keys, lines)
    return keys


def _texts(values: Sequence[object], name: str) -> list[str]:
    texts = []
    for row, value in enumerate(values):
        try:
            texts.append(identify(value))
        except DataError as error:
            raise DataError(f"no key: {error.reason}", row=row, column=name) from None
    return texts


def require_distinct(keys: RowKeys, lines: Sequence[int] | None = None) -> None:
    """Raises DataError for two rows of one key, naming both, and no value."""
    twice = first_repeated(keys.limbs)
    if twice is None:
        return
    first, second = twice
    place = f"row {first + 1}" if lines is None else f"line {lines[first]}"
    raise DataError(COLLIDES.format(place, ", ".join(map(repr, keys.names))), row=second)


def first_repeated(limbs: Limbs) -> tuple[int, int] | None:
    """The first row whose key is also that of an earlier one: that one, and it."""
    high, low = (sum(limbs[i + j].astype(np.int64) << (16 * j) for j in range(3)) for i in (3, 0))
    order = np.lexsort((np.arange(limbs.shape[1]), low, high))
    high, low = high[order], low[order]
    same = np.flatnonzero((high[1:] == high[:-1]) & (low[1:] == low[:-1]))
    if not same.size:
        return None
    at = same[np.argmin(order[same + 1])]
    return int(order[at]), int(order[at + 1])
