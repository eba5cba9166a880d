"""Tables handed over in memory: numpy arrays, frames, torch tensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ...errors import DataError, ParameterError
from ...models.encoding.dataset import DatasetEncoding
from ...models.encoding.readers import Source
from ...models.encoding.sources import by_column, features_of
from .cells import are_numbers, as_features, as_labels, default_names, frame_names, require_no_categories
from .gaps import IN_MEMORY, Gaps
from .ids import check_aligned, index_ids, list_of, row_ids
from .keys import RowKeys, row_keys
from .raw_table import SHOWN_COLUMNS, check_names, find_all

ROWS_PER_ID = ("one", "many")


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Table:
    """Features (N, d), real numbers of any type, labels (N,), the id of each row, one name a feature, and keys."""

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    ids: tuple[str, ...]
    names: tuple[str, ...]
    keys: RowKeys | None = None

    @property
    def key_names(self) -> tuple[str, ...]:
        """Of the columns of keys; none if rows have no keys."""
        return () if self.keys is None else self.keys.names


def as_table(
    X: Any,
    y: Any,
    ids: Any,
    names: Any,
    label_name: str = "label",
    rows_per_id: str = "one",
    unique: Any = None,
    sources: Sequence[Source] = (),
    declared: Collection[str] = (),
) -> Table:
    """Arrays of any of these kinds as one table.

    Args:
        X, y: features (N, d) and labels (N,); where both have an index, it has to be the same.
        ids: a distinct text or integer for each row; by default the index of X (of y, if X has none), unless it is
            pandas' own 0 .. N - 1 without a name; then, and without an index, row numbers from 1.
        names: feature names; those of a frame, or x1, x2, .. by default.
        label_name: for messages.
        rows_per_id: "one", or "many" where one id may have several rows.
        unique: names of columns of a frame X, which are then no features; or values by name, a list for each.
        sources: of columns that are no plain numbers. X may also have the features that are made of these, as numbers,
            where `names` are the features'.
        declared: names of columns of which anything is: others must not be categories.

    Raises:
        DataError: shapes or indexes that do not fit together, a bad cell, a bad id, or two rows of one key.
        ParameterError: another rows_per_id, "many" with unique keys, or keys of another form.
    """
    if rows_per_id not in ROWS_PER_ID:
        raise ParameterError(f"rows_per_id = {rows_per_id!r}: must be one of {', '.join(ROWS_PER_ID)}")
    several = rows_per_id == "many"
    if several and unique is not None:
        raise ParameterError("unique: several rows of one id cannot be told from a person who is there twice")
    X, keys = _without_keys(X, unique)
    own = frame_names(X) if names is None else [str(name) for name in list_of(names, "names")]
    if own is not None:
        check_names(own)
    require_no_categories(X, own, {*declared, *by_column(sources)})
    gaps = Gaps(label_name, IN_MEMORY)
    features, own = _made_features(X, own, sources, gaps)
    if y is None:
        raise ParameterError("y: there are no labels")
    labels = as_labels(y, label_name, gaps)
    if labels.shape != (len(features),):
        raise DataError(f"X and y: shapes {features.shape} and {labels.shape}, expected (N, d) and (N,)")
    rows, width = features.shape
    gaps.refuse(rows)
    check_aligned(X=X, y=y, ids=ids)
    texts = index_ids(X, y, rows, several=several) if ids is None else row_ids(ids, several=several)
    columns = tuple(own) if own is not None else tuple(default_names(width))
    if len(texts) != rows or len(columns) != width:
        raise DataError(f"{rows} rows of {width} features, but {len(texts)} ids and {len(columns)} names")
    if keys is not None:
        keys.require_count(rows)
    return Table(features, labels, texts, columns, keys)


def _made_features(
    X: Any, names: list[str] | None, sources: Sequence[Source], gaps: Gaps
) -> tuple[npt.NDArray[Any], list[str] | None]:
    """The features that columns of these names become, and their names."""
    if not sources:
        return as_features(X, names, gaps=gaps), names
    if names is None:
        raise ParameterError("names: X has none, and columns are declared by name")
    there, framed = {*names}, frame_names(X) is not None
    unknown = [
        own.column for own in sources if own.column not in there and (framed or not there.issuperset(own.features))
    ]
    if unknown:
        words = ("is no column", "needs") if len(unknown) == 1 else ("are no columns", "need")
        raise ParameterError(f"bounds: there {words[0]} {', '.join(map(repr, unknown))} that {words[1]} them")
    if not framed and all(there.issuperset(source.features) for source in sources) and are_numbers(X):
        return as_features(X, names, [source for source in sources if source.as_numbers], gaps), names
    found = list(features_of(names, sources))
    check_names(found)
    return as_features(X, names, sources, gaps), found


def _without_keys(X: Any, unique: Any) -> tuple[Any, RowKeys | None]:
    """The columns that are features, and keys. Raises DataError, ParameterError."""
    if unique is None or isinstance(unique, RowKeys):
        return X, unique
    if isinstance(unique, Mapping):
        if not unique:
            raise ParameterError("unique: no column is named")
        check_aligned(X=X, **{f"unique[{name!r}]": values for name, values in unique.items()})
        return X, row_keys({str(name): values for name, values in unique.items()})
    named, own = [str(name) for name in list_of(unique, "unique")], frame_names(X)
    if own is None:
        raise ParameterError("unique: X has no names of columns; give the values of each by name, {name: values}")
    check_names(own)
    find_all(named, own)
    if not named or len({*named}) < len(named):
        raise ParameterError("unique: no column is named, or one twice")
    keys = row_keys({name: X.column(name) if hasattr(X, "column_names") else X[name] for name in named})
    return _columns(X, [name for name in own if name not in named]), keys


def _columns(X: Any, names: list[str]) -> Any:
    """Some columns of a frame, of whoever's kind."""
    return X.select(names) if hasattr(X, "column_names") else X[names]


def as_more_rows(
    encoding: DatasetEncoding,
    X: Any,
    y: Any,
    ids: Any,
    label_name: str,
    rows: int,
    rows_per_id: str = "one",
    unique: Any = None,
) -> Table:
    """More rows of a data set that has `rows` of these columns.

    Args:
        encoding: of the data set; a frame's columns go by name, others, which are features, by position.
        X, y, ids, label_name, rows_per_id: as for `as_table`; but without ids rows are numbered on from the last one.
        unique: the values of keys by name, if rows have any; by default they are columns of the frame X.

    Raises:
        DataError, ParameterError: as for `as_table`.
    """
    keys = encoding.keys
    if rows_per_id == "many" and keys:
        raise ParameterError("rows_per_id: by its keys no two rows of this data set are of one person")
    X, of_rows = _keys_of_more(X, keys, unique)
    features = as_known_features(X, encoding)
    if len(features) == 0:
        raise DataError("X: there is no row")
    check_aligned(X=X, y=y, ids=ids)
    if ids is None:
        ids = index_ids(X, y, len(features), several=rows_per_id == "many", after=rows)
    return as_table(features, y, ids, encoding.names, label_name, rows_per_id, of_rows)


def _keys_of_more(X: Any, keys: Sequence[str], unique: Any) -> tuple[Any, RowKeys | None]:
    """The columns that are features, and keys by these names. Raises DataError, ParameterError."""
    if not keys:
        if unique is not None:
            raise ParameterError("unique: rows of this data set have no keys")
        return X, None
    if isinstance(unique, RowKeys):
        return X, unique
    if isinstance(unique, Mapping):
        if {*map(str, unique)} != {*keys}:
            raise ParameterError(f"unique: the keys of this data set are {', '.join(map(repr, keys))}")
        unique = {name: unique[name] for name in keys}
    elif unique is None:
        unique = list(keys)
    return _without_keys(X, unique)


def as_known_features(X: Any, encoding: DatasetEncoding) -> npt.NDArray[Any]:
    """New rows (N, d) of the features of a data set, in their order.

    A frame has its columns by name, as the table had that was committed. What has no names has features by position.

    Raises:
        DataError: a column that is missing, or one too many; or a cell that is missing or none of the column's.
    """
    own, names, columns = frame_names(X), encoding.names, encoding.columns
    if own is None:
        plain = [source for source in encoding.sources if source.as_numbers]  # whose features are their columns
        array = as_features(X, names, plain)
        if array.shape[1] != len(names):
            raise DataError(f"X: {array.shape[1]} columns, expected {len(names)}", expected=len(names))
        return array
    check_names(own)
    for what, found in (("no column", set(columns) - set(own)), ("a column too many,", set(own) - set(columns))):
        if found:
            listed = ", ".join(map(repr, sorted(found)[:SHOWN_COLUMNS]))
            raise DataError(f"X has {what} {listed}; to go by position, hand over X.to_numpy()", expected=columns)
    array = as_features(X, own, encoding.sources)
    made = features_of(own, encoding.sources)
    return array if names == made else array[:, [made.index(name) for name in names]]
