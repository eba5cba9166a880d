"""Data sets of torch as features, labels and ids. torch is not imported: who hands one over has done that."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, ParameterError
from ..kernels.storage import Growing
from .cells import NUMBERS, as_array
from .raw_table import PIECE_ROWS

PARTS = "(x, y) or (x, y, id)"
LENGTHS = (2, 3)


def from_torch(X: Any, y: Any, ids: Any) -> tuple[Any, Any, Any]:
    """Features, labels and ids of a map-style torch.utils.data.Dataset X of items (x, y) or (x, y, id).

    A Subset without ids has its indices as ids, as rows of a frame that was filtered have its index. What is no such
    data set is handed back as it is.

    Raises:
        DataError: an iterable data set, or an item that is none of these; names the item by its index.
        ParameterError: labels or ids besides those of the data set.
    """
    kinds: Any = sys.modules.get("torch.utils.data")
    if kinds is None or not isinstance(X, (kinds.Dataset, kinds.DataLoader)):
        return X, y, ids
    if isinstance(X, kinds.DataLoader):
        raise DataError("X: a DataLoader hands out batches, maybe shuffled; hand over its .dataset")
    if isinstance(X, kinds.IterableDataset):
        reason = "an iterable data set has no indices, and may not end; collect its items into arrays X and y first"
        raise DataError(f"X: {type(X).__name__}: {reason}")
    if y is not None:
        raise ParameterError(f"y: the items of {type(X).__name__} have labels")
    whole, places = _without_subsets(X, kinds.Subset)
    if type(whole) is kinds.TensorDataset:
        found = _of_tensors(whole.tensors, places)
    else:
        found = _of_items(whole, places)
    if len(found) == len(LENGTHS) + 1 and ids is not None:
        raise ParameterError(f"ids: the items of {type(X).__name__} have them")
    own = ids if places is None or ids is not None else list(places)
    return found if len(found) == max(LENGTHS) else (*found, own)


def _without_subsets(X: Any, subset: Any) -> tuple[Any, list[int] | None]:
    """What data sets X are taken from, and at which indices; None for all of them."""
    places: list[int] | None = None
    while type(X) is subset:
        own, count = [int(index) for index in X.indices], _length(X.dataset)
        odd = next((index for index in own if not 0 <= index < count), None)
        if odd is not None:
            raise DataError(f"X: a Subset takes item {odd} of {count}")
        places, X = own if places is None else [own[place] for place in places], X.dataset
    return X, places


def _length(X: Any) -> int:
    try:
        return len(X)
    except (TypeError, NotImplementedError):  # the second is how data sets of torch's kind say that they have none
        raise DataError(f"X: {type(X).__name__} does not say how many items it has") from None


def _of_tensors(tensors: Sequence[Any], places: Sequence[int] | None) -> tuple[Any, ...]:
    """At once."""
    if len(tensors) not in LENGTHS:
        raise DataError(f"X: a TensorDataset of {len(tensors)} tensors; its items must be {PARTS}")
    X, *others = tensors if places is None else [tensor[list(places)] for tensor in tensors]
    if X.ndim != 2:
        raise DataError(f"X: the items' x have shape {tuple(X.shape[1:])}, expected (d,)", found=tuple(X.shape))
    return (X, others[0], *(own.tolist() for own in others[1:]))


def _of_items(X: Any, places: Sequence[int] | None) -> tuple[Any, ...]:
    """One by one."""
    rows: Growing | None = None
    piece: list[NDArray[Any]] = []
    others: list[list[object]] = []
    for place in range(_length(X)) if places is None else places:
        x, *more = _item(X, place)
        row = _row(x, f"X[{place}]")
        rows, others = rows or Growing(len(row)), others or [[] for _ in more]
        if (len(row), len(more)) != (rows.width, len(others)):
            reason = f"{len(row)} features and {len(more) + 1} parts, others {rows.width} and {len(others) + 1}"
            raise DataError(f"X[{place}]: has {reason}", found=place)
        for known, value in zip(others, more, strict=True):
            known.append(_value(value, f"X[{place}]"))
        piece.append(row)
        if len(piece) == PIECE_ROWS:
            rows.append(np.stack(piece))
            piece.clear()
    if rows is None:
        raise DataError(f"X: {type(X).__name__} has no items")
    rows.append(np.array(piece).reshape(-1, rows.width))
    return (rows.finish(), *others)


def _item(X: Any, place: int) -> tuple[Any, ...]:
    try:
        item = X[place]
    except Exception as error:  # of somebody's code, whose message may hold data
        raise DataError(f"X[{place}]: cannot be read ({type(error).__name__})", found=place) from None
    if not isinstance(item, (tuple, list)) or len(item) not in LENGTHS:
        length = f" of {len(item)}" if isinstance(item, (tuple, list)) else ""
        raise DataError(f"X[{place}]: a {type(item).__name__}{length}, expected {PARTS}", found=place)
    return tuple(item)


def _row(x: Any, where: str) -> NDArray[Any]:
    """Features (d,)."""
    row = as_array(x, where)
    if row.ndim != 1 or row.dtype.kind not in NUMBERS or np.ma.is_masked(row):
        raise DataError(f"{where}: x is {row.dtype} of shape {row.shape}, expected numbers of shape (d,)", found=where)
    return np.asarray(row)


def _value(value: Any, where: str) -> object:
    """A label or an id: what it is in Python, where it is a tensor or numpy's."""
    if getattr(value, "ndim", 0) != 0:
        raise DataError(f"{where}: a label or id of shape {tuple(value.shape)}, expected one value", found=where)
    return value.item() if hasattr(value, "item") else value
