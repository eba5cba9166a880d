"""From what `fit` is given to rows of integers: bounds of columns, ids of rows, names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ParameterError
from ..models.encoding.dataset import DEFAULT_LABEL_NAME, Bounds, DatasetEncoding
from ..models.encoding.declared import Declared
from ..models.encoding.labels import LabelEncoding, class_texts
from ..prover.owner.dataset import encode_table
from ..prover.tables.arrays import as_table
from ..prover.tables.cells import default_names
from ..prover.tables.ids import check_aligned, row_ids

OTHER_LABEL_NAME = "label of the row"  # where a feature has the usual one
PAIR = 2


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Encoded:
    """Rows in the order in which they were given.

    Attributes:
        ids: of each.
        by_feature: int16 (d, N). labels: int32 (N,).
        encoding: how they became integers.
        notes: what is to be known of the columns.
    """

    ids: tuple[str, ...]
    by_feature: NDArray[np.int16]
    labels: NDArray[np.int32]
    encoding: DatasetEncoding
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """What is declared of columns.

    Attributes:
        bounds: by name, as for `zu.commit`; or one (low, high) for all features; or None, to take them from the data.
        target_bounds: of real labels, where `bounds` does not name them.
        x_bits: scale of features.
        rows_per_id: see `zu.commit`.
    """

    bounds: Any
    target_bounds: Any
    x_bits: int
    rows_per_id: str

    @property
    def named(self) -> Mapping[str, Any] | None:
        """Bounds by name, if they are."""
        return self.bounds if isinstance(self.bounds, Mapping) else None

    @property
    def has_sources(self) -> bool:
        """Whether a column is declared that is no plain numbers, which a table of numbers would not have."""
        return self.named is not None and bool(Declared.of(self.named).sources)

    def of(self, names: list[str], real_label: str | None) -> Mapping[str, Any] | None:
        """Of each column, that of real labels by this name; None where they are taken from the data.

        Raises:
            ParameterError: bounds of some columns only, or in another form.
        """
        given, label = self.bounds, self.target_bounds
        if given is None:
            if label is not None:
                raise ParameterError("target_bounds: without `bounds` all are taken from the data; declare both")
            return None
        found: dict[str, Any] = {}
        found |= given if isinstance(given, Mapping) else dict.fromkeys(names, _pair("bounds", given))
        if label is not None and real_label is not None:
            found[real_label] = _pair("target_bounds", label)
        if real_label is not None and real_label not in found:
            raise ParameterError("target_bounds: bounds of features are declared, so those of y have to be")
        return found


def _pair(name: str, value: Any) -> Bounds:
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != PAIR:
        raise ParameterError(f"{name}: expected (low, high), or a mapping of columns to these")
    low, high = value
    return low, high


def encode(
    X: Any, y: NDArray[Any], ids: tuple[str, ...], names: Any, kind: str, columns: Columns, classes: NDArray[Any] | None
) -> Encoded:
    """Rows as integers.

    Args:
        X: numbers (N, d), or a frame where columns are declared that are no plain numbers.
        y: labels (N,), of classes their numbers.
        ids: of each row.
        names: of columns; None where they have none.
        kind: of labels.
        classes: the labels that numbers stand for, if they do.

    Raises:
        DataError, ParameterError: those of `zu.commit`.
    """
    rich = columns.has_sources
    own = list(default_names(X.shape[1])) if names is None else list(map(str, names))
    label = OTHER_LABEL_NAME if DEFAULT_LABEL_NAME in own else DEFAULT_LABEL_NAME
    found = columns.of(own, label if kind == "real" else None)
    declared = None if found is None else Declared.of(found)
    sources = () if declared is None else declared.sources
    table = as_table(X, y, ids, None if rich else own, rows_per_id=columns.rows_per_id, sources=sources)
    encoding = DatasetEncoding.from_data(
        *(table.X, table.y, table.names, kind, None if declared is None else declared.bounds, columns.x_bits),
        label_name=label,
        sources=sources,
    )
    by_feature, labels, notes = encode_table(table.X, table.y, encoding, label)
    if classes is not None:
        encoding = replace(encoding, label=LabelEncoding(kind=kind, classes=tuple(texts_of(classes))))
    return Encoded(table.ids, by_feature, labels, encoding, notes)


def texts_of(classes: NDArray[Any]) -> list[str]:
    """The texts of classes, which are public. Raises DataError where two have the same."""
    texts = class_texts(classes)
    if len({*texts}) < len(texts):
        raise DataError("y: two classes are written alike")
    return texts


def ids_of(X: Any, y: Any, ids: Any, rows: int, rows_per_id: str) -> tuple[str, ...]:
    """The id of each row: as given, or what names it in a frame's index; of arrays their numbers from 0.

    So rows of an array have the ids that they would have in a frame made of it.

    Raises:
        DataError: frames with different indexes, or an index that names no rows.
    """
    check_aligned(X=X, y=y, ids=ids)
    several = rows_per_id == "many"
    if ids is not None:
        return row_ids(ids, several=several)
    index = next((part.index for part in (X, y) if hasattr(part, "iloc")), None)
    if index is None:
        return tuple(map(str, range(rows)))
    try:
        return row_ids(index, several=several)
    except DataError as error:
        reason = f"the index names no rows, {error}; give ids=, or number the rows afresh by reset_index(drop=True)"
        raise DataError(reason, row=error.row, found=error.found) from None
