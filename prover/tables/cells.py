"""Features and labels handed over in memory, as arrays of numbers; what is no number is refused by column and row.

Frames are those of pandas, polars and pyarrow, told apart by what they can do, so that none has to be installed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...formats.files import SHOWN_TEXT
from ...models.encoding.cells import is_missing
from ...models.encoding.columns import table_pieces
from ...models.encoding.readers import ColumnReader, NumberSource, Source
from ...models.encoding.sources import by_column
from .gaps import NEW_ROWS, Gaps
from .raw_table import LEAST_REAL, PIECE_ROWS
from .unfit import CATEGORIES, IN_MEMORY, OTHERS, TIMES, Refusals, Ways, all_strange, all_unfit, looked_at, with_more

MOST_DENSE = 1 << 27  # cells of a sparse matrix, which takes a gigabyte with its zeros
LISTED = ("CategoricalDtype", "DictionaryType", "Categorical", "Enum")  # types of pandas, pyarrow and polars
NO_LABEL = "the label is missing"
NUMBERS = "fiub"  # kinds of numpy's types that the encoding takes as they are


def frame_names(X: Any) -> list[str] | None:
    """The names of a frame's columns; None for what is no frame."""
    if hasattr(X, "column_names"):  # pyarrow, whose `columns` are the data
        return [str(name) for name in X.column_names]
    return [str(name) for name in X.columns] if hasattr(X, "columns") else None


def is_listed(column: Any) -> bool:
    """Whether a column of a frame lists itself what can be in it: these are categories, whatever their type is."""
    kind = getattr(column, "dtype", getattr(column, "type", None))
    return type(getattr(kind, "pyarrow_dtype", kind)).__name__ in LISTED


def require_no_categories(X: Any, names: Sequence[str] | None, declared: Collection[str]) -> None:
    """Refuse a column of a frame X that is one of categories, and of which nothing is declared. Raises DataError."""
    columns = _frame_columns(X, apart=True) or ()
    named = dict(zip(_named(names or frame_names(X), len(columns)), columns, strict=True))
    undeclared = {name: column for name, column in named.items() if name not in declared}
    listed = [name for name, column in undeclared.items() if is_listed(column)]
    if listed:
        kinds = {name: _kind_of(column, name) for name, column in undeclared.items()}
        bare = DataError("holds categories", column=listed[0])
        found = all_unfit(bare, {name: kind for name, kind in kinds.items() if kind is not None}, IN_MEMORY)
        alone = f'; declare which there are: bounds={{.., {listed[0]!r}: {{"categories": [..]}}}}'
        raise with_more(bare, alone) if found is bare else found


def _kind_of(column: Any, name: str) -> str | None:
    """What is in a column that cannot be a feature as it is; None for one of numbers."""
    if is_listed(column):
        return CATEGORIES
    try:
        _numbers(column, name)
    except DataError as error:
        array = as_array(column, name)
        if array.dtype.kind == "M":
            return TIMES
        start = max((error.row or 0) - 1, 0)  # a number may come before the first text
        return looked_at(array[start : start + PIECE_ROWS].tolist(), name) if array.dtype.kind in "OUT" else OTHERS
    return None


def listed_label_kind(y: Any) -> str | None:
    """The kind of labels that are a column of categories: of numbers too, which would else be amounts."""
    if not is_listed(y):
        return None
    return "categorical" if len({*as_array(y, "y").tolist()}) >= LEAST_REAL else None


def as_features(
    X: Any, names: Sequence[str] | None = None, sources: Sequence[Source] = (), gaps: Gaps | None = None
) -> NDArray[Any]:
    """Real features (N, d), of whatever numpy type they have.

    Args:
        X: numpy array, masked or not; nested lists; pandas, polars or pyarrow frame; torch tensor.
        names: of the columns; x1, x2, .. by default.
        sources: of columns that are no plain numbers.
        gaps: where missing cells are noted, which are not a number then; by default they are refused.

    Raises:
        DataError: not a table, or a cell that is missing or no real number; names column and row.
    """
    noted = Gaps(remedy=NEW_ROWS) if gaps is None else gaps
    ways = None if gaps is None else IN_MEMORY
    found = _from_sources(X, names, sources, noted, ways) if sources else _plain_features(X, names, noted, ways)
    if gaps is None:
        noted.refuse(len(found))
    return found


def _plain_features(X: Any, names: Sequence[str] | None, gaps: Gaps, ways: Ways | None) -> NDArray[Any]:
    """Features that are the numbers in their columns."""
    columns = _frame_columns(X)
    if columns is not None:
        if not columns:
            raise DataError("X: there is no column")
        named = _named(names or frame_names(X), len(columns))
        found = np.stack(_numbers_of_all([*zip(columns, named, strict=True)], ways), axis=1)
        gaps.note_numbers(found, named)
        return found
    array = as_array(X, "X")
    if array.ndim != 2:
        raise DataError(f"X: expected a table (N, d), found shape {array.shape}", found=array.shape)
    named = _named(names or frame_names(X), array.shape[1])
    if array.dtype.kind not in NUMBERS or np.ma.is_masked(array):
        parts = _numbers_of_all([*zip(array.T, named, strict=True)], ways)
        array = np.stack(parts, axis=1) if parts else np.empty(array.shape)
    for start, piece in table_pieces(array):
        gaps.note_numbers(piece, named, start)
    return np.asarray(array)


def _from_sources(
    X: Any, names: Sequence[str] | None, sources: Sequence[Source], gaps: Gaps, ways: Ways | None
) -> NDArray[Any]:
    """Features where some columns have a source."""
    known, columns = by_column(sources), _columns(X)
    named = _named(names or frame_names(X), len(columns))
    return made_features(columns, named, [known.get(name) for name in named], gaps, ways=ways)


def made_features(
    columns: Sequence[Any],
    names: Sequence[str],
    readers: Sequence[ColumnReader | None],
    gaps: Gaps,
    first: int = 0,
    ways: Ways | None = None,
) -> NDArray[Any]:
    """Features (N, d) of columns, some of which have a reader; what is missing of these is noted, and not a number.

    Args:
        first: the number of the first row.
        ways: what can be done about columns that are no numbers.
    """
    made, refused = {}, Refusals()
    plain = [(column, name) for column, name, own in zip(columns, names, readers, strict=True) if own is None]
    with refused.kept():
        for (_, name), found in zip(plain, _numbers_of_all(plain, ways), strict=True):
            made[name] = found[:, None]
    for column, name, own in zip(columns, names, readers, strict=True):
        with refused.kept():
            if own is not None:
                made[name] = _made(column, name, own, first)
    refused.say()
    for name in names:
        gaps.note_numbers(made[name][:, :1], [name], first)
    return np.concatenate([made[name] for name in names], axis=1)


def _numbers_of_all(columns: Sequence[tuple[Any, str]], ways: Ways | None) -> list[NDArray[Any]]:
    """The numbers in columns, which come with their names. Raises DataError, about all of them that have others."""
    found, refused = [], []
    kinds: dict[str, str] = {}
    for column, name in columns:
        try:
            found.append(_numbers(column, name))
        except DataError as error:
            refused.append(error)
            kind = _kind_of(column, name)
            kinds |= {} if kind is None else {name: kind}
    if len(refused) == 1 and ways is not None:
        raise with_more(refused[0], "".join(f"; its column has {ways.words[kind]}" for kind in kinds.values()))
    if refused:
        raise all_unfit(refused[0], kinds, ways)
    return found


def _columns(X: Any) -> list[Any]:
    """Those of a frame, or of a table (N, d)."""
    found = _frame_columns(X, apart=True)
    if found is None:
        array = as_array(X, "X")
        if array.ndim != 2:
            raise DataError(f"X: expected a table (N, d), found shape {array.shape}", found=array.shape)
        found = list(array.T)
    if not found:
        raise DataError("X: there is no column")
    return found


def numbers_of(values: Sequence[object], own: ColumnReader, first: int = 0) -> NDArray[np.float64]:
    """Features (N, width) of cells (N,); not a number where there is no value and has to be one.

    Args:
        first: the number of the first row, for messages.

    Raises:
        DataError: a cell that is none of the column's, naming row and column.
    """
    nothing = (math.nan,) * len(own.features)
    found = np.empty((len(values), len(own.features)))
    first_error: DataError | None = None
    refused: dict[str, None] = {}
    for row, value in enumerate(values):
        try:
            found[row] = own.cell(value) or nothing
        except DataError as error:
            first_error = first_error or error.at(row=first + row, column=own.column)
            refused[str(value)] = None
    if first_error is not None:
        raise all_strange(first_error, {own.column: [*refused]})
    return found


def _made(values: Any, name: str, own: ColumnReader, first: int) -> NDArray[np.float64]:
    """Features (N, width) of a column (N,) that has a source."""
    array = as_array(values, name)
    if isinstance(own, NumberSource) and array.dtype.kind in NUMBERS and not np.ma.is_masked(array):
        return own.filled_in(array)[:, None]
    if array.dtype.kind == "M":  # numpy has integers for what is finer
        array = array.astype("datetime64[us]")
    return numbers_of(array.tolist(), own, first)


def are_numbers(X: Any) -> bool:
    """Whether an array, or what numpy makes one of, has numbers only. Raises DataError if it makes none."""
    return as_array(X, "X").dtype.kind in NUMBERS


def default_names(width: int) -> list[str]:
    """x1, x2, .."""
    return [f"x{k + 1}" for k in range(width)]


def _named(names: Sequence[str] | None, width: int) -> Sequence[str]:
    """Names for messages: those, if there are as many as columns."""
    return names if names is not None and len(names) == width else default_names(width)


def as_labels(y: Any, name: str, gaps: Gaps | None = None) -> NDArray[Any]:
    """Labels (N,): numbers, truth values, or texts of classes.

    Args:
        gaps: where missing labels are noted; by default they are refused.

    Raises:
        DataError: a label that is missing or none of these; names column and row.
    """
    noted = Gaps(name, NEW_ROWS) if gaps is None else gaps
    found = _labels(as_array(y, name), name, noted)
    if gaps is None:
        noted.refuse(found.size)
    return found


def _labels(array: NDArray[Any], name: str, gaps: Gaps) -> NDArray[Any]:
    if array.dtype.kind in NUMBERS + "U" and not np.ma.is_masked(array):
        if array.ndim == 1 and array.dtype.kind == "f":
            gaps.note_rows(np.flatnonzero(np.isnan(array)).tolist(), name, NO_LABEL)
        return np.asarray(array)
    if array.dtype.kind in "cmMSV":
        raise DataError(f"holds {array.dtype}; labels are real numbers or texts", column=name)
    for row, value in enumerate(array.reshape(-1).tolist() if array.ndim == 1 else ()):
        if is_missing(value):
            gaps.note(row, name, NO_LABEL)
        elif not isinstance(value, (str, Real, Decimal, np.bool_)):
            raise DataError(f"a {type(value).__name__} is not a label", row=row, column=name)
    return np.asarray(array)


def _frame_columns(X: Any, apart: bool = False) -> list[Any] | None:
    """The columns of a frame that numpy does not take as a whole; `apart`, of any frame."""
    if hasattr(X, "column_names"):
        return list(X.columns)
    if hasattr(X, "iloc"):
        kinds = {getattr(kind, "kind", "O") if isinstance(kind, np.dtype) else "O" for kind in X.dtypes}
        whole = kinds <= set("fiu") or kinds == {"b"}
        return None if whole and kinds and not apart else [X.iloc[:, k] for k in range(X.shape[1])]
    return list(X.get_columns()) if hasattr(X, "get_columns") else None


def _numbers(values: Any, name: str) -> NDArray[Any]:
    """One column (N,) of numbers; what is missing is not a number."""
    array = as_array(values, name)
    if array.dtype.kind in NUMBERS and not np.ma.is_masked(array):
        return np.asarray(array)
    if array.dtype.kind in "cmMSV":
        raise DataError(f"holds {array.dtype}, not real numbers", column=name, found=str(array.dtype))
    return np.array([_number(value, row, name) for row, value in enumerate(array.tolist())], dtype=np.float64)


def _number(value: object, row: int, name: str) -> float:
    if is_missing(value):
        return math.nan
    if isinstance(value, str):
        raise DataError(f"{value[:SHOWN_TEXT]!r} is a text, not a number", row=row, column=name, found=value)
    if not isinstance(value, (Real, Decimal, np.bool_)):
        raise DataError(f"a {type(value).__name__} is not a number", row=row, column=name)
    try:
        return float(value)
    except (OverflowError, ValueError):
        raise DataError("the number is beyond float64", row=row, column=name) from None


def _dense(values: Any, name: str) -> Any:
    """The same with its zeros, where it is a sparse matrix of scipy or torch. Raises DataError if that is too large."""
    if not hasattr(values, "toarray") and not getattr(values, "is_sparse", False):
        return values
    cells = math.prod(values.shape)
    if cells > MOST_DENSE:
        reason = (
            f"{name}: a sparse {type(values).__name__} of {cells:,} cells, of which at most {MOST_DENSE:,} are taken"
        )
        raise DataError(reason, expected=MOST_DENSE, found=cells)
    return values.toarray() if hasattr(values, "toarray") else values.to_dense()


def as_array(values: Any, name: str) -> NDArray[Any]:
    """As numpy sees it; a torch tensor on the host, without importing torch."""
    try:
        own = _dense(values, name)
        return np.asanyarray(own.detach().cpu().numpy() if hasattr(own, "detach") else own)
    except (TypeError, ValueError, RuntimeError):  # their messages may hold data
        raise DataError(f"{name}: a {type(values).__name__} is no array that numpy can hold") from None
