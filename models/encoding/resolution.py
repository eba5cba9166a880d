"""What is left of a column once its values are integers: said before anything is committed or proved.

One outlier among the values, or bounds far wider than they are, squeeze all others into a few integers. Nothing that
is proved later is wrong then, and nothing can be learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .columns import ColumnEncoding, table_pieces
from .dataset import DatasetEncoding
from .labels import LabelEncoding
from .maps import LINEAR, LOG1P, log1p_refusal

FEW_INTEGERS = 8  # a column that keeps fewer, and has more values, is pointed out
THIN = 4.0  # integers: a column with more values than integers, and a standard deviation below that, is too
SAMPLE_ROWS = 1 << 12  # most columns have more than a few integers among so many rows
PIECE_ROWS = 1 << 16  # that are counted at a time: columns may be larger than memory
SAME = 1e-9  # numbers that differ by less than this part of themselves differ by rounding
SHOWN_COLUMNS = 20
REMEDY = "declare bounds that are near to the data, clip outliers, or raise x_bits"
LABEL_REMEDY = "declare bounds that are near to the data, clip outliers or take logarithms"  # labels have one scale
LEAVE_OUT = "; better leave it out"
HELPS = 2  # times as many integers, and log1p is recommended


@dataclass(frozen=True, repr=False)  # the owner's alone
class ColumnUse:
    """How a column's rows use the integers between its bounds.

    Attributes:
        name, low, high: of the column, and its bounds.
        map: "linear" or "log1p".
        integers: different ones that are used,
        of: so many that there are between the bounds.
        spread: their standard deviation, in integers.
        at_low, at_high: the share of rows at each bound.
    """

    name: str
    low: float
    high: float
    map: str
    integers: int
    of: int
    spread: float
    at_low: float
    at_high: float


def column_uses(encoding: DatasetEncoding, by_feature: NDArray[Any], holes: int = 0) -> tuple[ColumnUse, ...]:
    """How each feature uses its integers.

    Args:
        by_feature: integers (d, N) at scale x_bits.
        holes: how many of the rows are zeros that are nobody's.
    """
    columns = zip(encoding.features, by_feature, strict=True)
    return tuple(_use(column, integers, encoding.x_bits, holes) for column, integers in columns)


def label_use(encoding: LabelEncoding, labels: NDArray[Any], holes: int = 0) -> ColumnUse | None:
    """The same of real labels (N,); None of other kinds, which lose nothing."""
    return None if encoding.column is None else _use(encoding.column, labels, encoding.label_bits, holes)


def _use(column: ColumnEncoding, integers: NDArray[Any], bits: int, holes: int) -> ColumnUse:
    middle = 1 << bits
    counts = np.zeros(2 * middle + 1, np.int64)
    for start in range(0, len(integers), PIECE_ROWS):
        counts += np.bincount(integers[start : start + PIECE_ROWS].astype(np.intp) + middle, minlength=len(counts))
    counts[middle] -= holes
    rows, steps = int(counts.sum()), np.arange(-middle, middle + 1)
    low, high = column.encode(np.array([column.low, column.high]), bits).tolist() if rows else (0, 0)
    mean = float(counts @ steps) / max(rows, 1)
    return ColumnUse(
        column.name,
        column.low,
        column.high,
        column.map,
        int(np.count_nonzero(counts)),
        high - low + 1,
        math.sqrt(float(counts @ (steps - mean) ** 2) / max(rows, 1)),
        int(counts[low + middle]) / max(rows, 1),
        int(counts[high + middle]) / max(rows, 1),
    )


def feature_notes(encoding: DatasetEncoding, X: NDArray[Any], by_feature: NDArray[np.int16]) -> tuple[str, ...]:
    """What an owner should know of features before committing to them, one sentence each.

    Args:
        X: real features (N, d).
        by_feature: int16 (d, N), the same, encoded.

    Raises:
        DataError: a column that has several values becomes one integer; names the column.
    """
    names = encoding.names
    few = {k: found for k in range(len(names)) if (found := _few(by_feature[k])) is not None}
    lossy = _lossy(X, by_feature, few)
    flat = [k for k in sorted(lossy) if len(few[k]) == 1]
    if flat:
        remedy = REMEDY + _by_logarithm(encoding, X, {k: few[k] for k in flat})
        more = f"; so do those of {_listed([repr(names[k]) for k in flat[1:]])}" if flat[1:] else ""
        raise _nothing_left(names[flat[0]], few[flat[0]], more, remedy)
    constant = [k for k, found in few.items() if len(found) == 1]
    silent = [repr(names[k]) for k in constant if few[k][0] == 0]
    steady = [repr(names[k]) for k in constant if few[k][0] != 0]
    squeezed = [f"{names[k]!r} ({len(few[k])})" for k in sorted(lossy)]
    thin = _thin(X, by_feature, few)
    better = _by_logarithm(encoding, X, {k: few[k] for k in sorted(lossy)})
    spread = _by_logarithm(encoding, X, thin)
    notes = (
        ("one value in every row, so nothing to learn from: ", silent, ""),
        ("one value in every row, which acts as a second bias unless features are standardised: ", steady, LEAVE_OUT),
        ("so squeezed that only a few different integers are left: ", squeezed, f"; {REMEDY}{better}"),
        (
            f"so squeezed that values spread over less than {THIN:g} integers: ",
            [repr(names[k]) for k in thin],
            f"; {REMEDY}{spread}",
        ),
    )
    return tuple(before + _listed(columns) + after for before, columns, after in notes if columns)


def label_notes(name: str, encoding: LabelEncoding, y: NDArray[Any], labels: NDArray[Any]) -> tuple[str, ...]:
    """The same of real labels (N,) and their integers (N,); other kinds lose nothing."""
    found = _few(labels) if encoding.kind == "real" else None
    if found is None or not _lossy(np.asarray(y, np.float64)[:, None], labels[None, :], {0: found}):
        return ()
    if len(found) == 1:
        raise _nothing_left(name, found, "", LABEL_REMEDY)
    return (f"so squeezed that only a few different integers are left: {name!r} ({len(found)}); {LABEL_REMEDY}",)


def _few(integers: NDArray[Any]) -> NDArray[Any] | None:
    """The distinct integers of a column (N,), increasing, if they are few."""
    if len(np.unique(integers[:SAMPLE_ROWS])) >= FEW_INTEGERS:
        return None
    distinct = np.unique(integers)
    return distinct if len(distinct) < FEW_INTEGERS else None


def _lossy(X: NDArray[Any], by_feature: NDArray[Any], few: Mapping[int, NDArray[Any]]) -> set[int]:
    """The columns, of those with few integers, in which one integer stands for several values."""
    if not few:
        return set()
    usual = {k: X[[int(np.argmax(by_feature[k] == v)) for v in found], k] for k, found in few.items()}
    lossy: set[int] = set()
    for start, rows in table_pieces(X):
        for k in few.keys() - lossy:
            values = rows[:, k].astype(np.float64)
            integers = by_feature[k, start : start + len(rows)]
            expected = usual[k].astype(np.float64)[np.searchsorted(few[k], integers)]
            if (np.abs(values - expected) > SAME * np.abs(expected)).any():
                lossy.add(k)
    return lossy


def _thin(X: NDArray[Any], by_feature: NDArray[np.int16], few: Mapping[int, object]) -> dict[int, NDArray[Any]]:
    """The columns, none of those with few integers, most of whose values share the same few: their integers."""
    thin = {}
    for k, integers in enumerate(by_feature):
        if k not in few and float(integers.std()) < THIN:
            distinct = np.unique(integers)
            if len(np.unique(X[:, k])) > len(distinct):
                thin[k] = distinct
    return thin


def _nothing_left(name: str, found: NDArray[Any], more: str, remedy: str) -> DataError:
    return DataError(f"all values become one and the same integer, {found[0]}{more}; {remedy}", column=name)


def _by_logarithm(encoding: DatasetEncoding, X: NDArray[Any], few: Mapping[int, NDArray[Any]]) -> str:
    """How many integers log1p would keep of some columns of X (N, d), where that is several times what they have.

    Args:
        few: the columns, and the distinct integers that they have now.
    """
    others, kept = {}, {}
    for k in list(few)[:SHOWN_COLUMNS]:
        column = encoding.features[k]
        if column.map == LINEAR and log1p_refusal(column.low, column.high) is None:
            others[k], kept[k] = replace(column, map=LOG1P), np.empty(0, dtype=np.int64)
    for _, rows in table_pieces(X) if others else ():
        for k, other in others.items():
            kept[k] = np.union1d(kept[k], other.encode(rows[:, k].astype(np.float64), encoding.x_bits))
    better = [f"{encoding.names[k]!r} ({len(kept[k])})" for k in others if len(kept[k]) >= HELPS * len(few[k])]
    return f"; with the map {LOG1P} more are left: {', '.join(better)}" if better else ""


def _listed(columns: Sequence[str]) -> str:
    more = len(columns) - SHOWN_COLUMNS
    return ", ".join(columns[:SHOWN_COLUMNS]) + (f" and {more} more" if more > 0 else "")
