"""From a table in memory to a data set: what `commit` of the library's face does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import require_type
from ...models.encoding.dataset import DatasetEncoding
from ...models.encoding.declared import Declared
from ..protocol.proof import Progress
from ..tables.arrays import as_table
from ..tables.cells import listed_label_kind
from ..tables.torch_datasets import from_torch
from .dataset import Dataset, commit_dataset
from .left_out import LeftOut


@dataclass(frozen=True, repr=False)  # values of keys are of rows
class Chosen:
    """What is said of a table; each as in `commit`."""

    names: Any
    bounds: Mapping[str, Any] | None
    categories: Mapping[str, Any] | None
    maps: Mapping[str, str] | None
    label_kind: str | None
    label_name: str
    x_bits: int
    rows_per_id: str
    unique: Any
    classes: Any


def commit_table(
    X: Any,
    y: Any,
    ids: Any,
    chosen: Chosen,
    openings: int,
    left_out_ids: Iterable[str | int] | None,
    progress: Progress | None,
) -> Dataset:
    """See `commit`, whose arguments and errors these are."""
    X, y, ids = from_torch(X, y, ids)
    declared, label = Declared.of(chosen.bounds, chosen.categories), chosen.label_name
    columns = {**(chosen.bounds or {}), **(chosen.categories or {})}
    table = as_table(X, y, ids, chosen.names, label, chosen.rows_per_id, chosen.unique, declared.sources, columns)
    encoding = DatasetEncoding.from_data(
        *(table.X, table.y, table.names),
        listed_label_kind(y) if chosen.label_kind is None else chosen.label_kind,
        declared.bounds if chosen.bounds is not None else None,
        chosen.x_bits,
        label_name=label,
        maps=chosen.maps,
        keys=table.key_names,
        sources=declared.sources,
        classes=_texts(chosen.classes),
    )
    left_out = LeftOut.of(left_out_ids, table.ids)
    return commit_dataset(table.X, table.y, table.ids, encoding, openings, progress, label, table.keys, left_out)


def _texts(classes: Any) -> tuple[str, ...]:
    """Those of declared classes. Raises ParameterError."""
    if classes is None:
        return ()
    require_type("classes", classes, (list, tuple, set, frozenset), "the texts of labels")
    return tuple(map(str, classes))
