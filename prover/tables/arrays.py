"""Tables handed over in memory: numpy arrays, pandas frames, torch tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DataError


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Table:
    """Features (N, d), real numbers of any type, labels (N,), one id a row, one name a feature."""

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    ids: tuple[str, ...]
    names: tuple[str, ...]


def as_table(X: Any, y: Any, ids: Sequence[str] | None, names: Sequence[str] | None) -> Table:
    """Arrays of any of these kinds as one table. Raises DataError for shapes that do not fit together."""
    if names is None:
        names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    try:
        features = np.asarray(_host(X))
        if features.dtype.kind not in "fiub":
            features = features.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"X: not an array of numbers ({error})") from error
    labels = np.asarray(_host(y))
    if features.ndim != 2 or labels.shape != (len(features),):
        raise DataError(f"X and y: shapes {features.shape} and {labels.shape}, expected (N, d) and (N,)")
    rows, width = features.shape
    row_ids = tuple(str(name) for name in ids) if ids is not None else tuple(str(i + 1) for i in range(rows))
    columns = tuple(str(name) for name in names) if names is not None else tuple(f"x{i + 1}" for i in range(width))
    if len(row_ids) != rows or len(columns) != width:
        raise DataError(f"{rows} rows of {width} features, but {len(row_ids)} ids and {len(columns)} names")
    return Table(features, labels, row_ids, columns)


def _host(values: Any) -> Any:
    """A torch tensor on the host, without importing torch; anything else as it is."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values
