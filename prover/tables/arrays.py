"""Tables handed over in memory: numpy arrays, frames, torch tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ...errors import DataError
from .cells import as_features, as_labels, default_names, frame_names
from .raw_table import check_names


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Table:
    """Features (N, d), real numbers of any type, labels (N,), one id a row, one name a feature."""

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    ids: tuple[str, ...]
    names: tuple[str, ...]


def as_table(
    X: Any, y: Any, ids: Sequence[str] | None, names: Sequence[str] | None, label_name: str = "label"
) -> Table:
    """Arrays of any of these kinds as one table. Raises DataError: shapes that do not fit together, or a bad cell."""
    own = frame_names(X) if names is None else [str(name) for name in names]
    if own is not None:
        check_names(own)
    features = as_features(X, own)
    labels = as_labels(y, label_name)
    if labels.shape != (len(features),):
        raise DataError(f"X and y: shapes {features.shape} and {labels.shape}, expected (N, d) and (N,)")
    rows, width = features.shape
    row_ids = tuple(str(name) for name in ids) if ids is not None else tuple(str(i + 1) for i in range(rows))
    columns = tuple(own) if own is not None else tuple(default_names(width))
    if len(row_ids) != rows or len(columns) != width:
        raise DataError(f"{rows} rows of {width} features, but {len(row_ids)} ids and {len(columns)} names")
    return Table(features, labels, row_ids, columns)
