"""From tables of real numbers to integers, and back: a public, declared map for every column.

A feature's interval [low, high] becomes [-1, 1], at scale 2^x_bits, rounded to the nearest integer: affinely, half to
even, or by the logarithm of 1 + value. A column with low = high says nothing and becomes 0. Labels are one of four
kinds:

    binary        two classes, 0 and 1
    categorical   3 to 256 classes, 0, 1, ..; what is committed is a column for each, which says whether a row is of it
    real          [low, high] becomes [-1, 1] at scale 2^label_bits, signed 16 bits
    count         the integers 0 .. 2^16 - 1 themselves

The affine map is one float64 subtraction and one multiplication an entry, the logarithm a search in a table that is
computed with integers (maps.py), so every platform finds the same integers.
When bounds were not declared but taken from the data, `bounds_declared` is False: the map then depends on all
rows, the forgotten ones too, and whoever verifies must be told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, FormatError, ParameterError
from ...formats.fields import Fields, ListOf, take
from ...formats.toml import Bounds
from ..checks import integer_within
from ..shapes import MAX_CLASSES, MAX_FEATURES, X_BITS_RANGE, DatasetShape
from .categories import CategorySource
from .columns import ColumnEncoding, check_name, encode_cells, number_array, outside_text, real_array
from .intervals import choose_intervals, interval_of_each, require_mappable
from .labels import LabelEncoding, infer_label_kind
from .maps import LINEAR
from .readers import ColumnReader, MeasuredSource, PlainReader, Source
from .sources import by_column, columns_of, source_from_mapping
from .times import TimeSource

__all__ = ["DEFAULT_LABEL_BITS", "DEFAULT_LABEL_NAME", "Bounds", "ColumnEncoding", "DatasetEncoding", "LabelEncoding"]

DEFAULT_LABEL_BITS = 14  # [-1, 1] at scale 2^14: the finest that fits 16 signed bits
DEFAULT_X_BITS = 10
DEFAULT_LABEL_NAME = "label"

MAX_KEYS = 16

Mappable = str | int | bool | list[str] | list[dict[str, Any]]


_FIELDS: Fields = {
    "features": ListOf(dict, 0, MAX_FEATURES),
    "keys": ListOf(dict, 0, MAX_KEYS),  # columns that tell rows apart and are not learnt from
    "label_kind": str,
    "label_classes": ListOf(str, 0, MAX_CLASSES),
    "label_bounds": ListOf(dict, 0, 1),
    "label_bits": int,
    "x_bits": int,
    "bounds_declared": bool,
}
_SOURCES: Fields = {"sources": ListOf(dict, 1, MAX_FEATURES)}  # only if a column is no plain numbers


@dataclass(frozen=True, kw_only=True)
class DatasetEncoding:
    """The public encoding of a data set.

    Attributes:
        features: one encoding per feature column.
        label: the encoding of labels.
        x_bits: scale of encoded features.
        bounds_declared: False if the bounds were taken from the data.
        keys: names of the columns by which no two rows are equal; none of them is a feature.
        sources: of the features that are not simply the numbers in a column of a table, in the order of features.

    Raises:
        ParameterError: no or too many features or keys, a name used twice, x_bits out of range, or a source of what is
            no feature here.
    """

    features: tuple[ColumnEncoding, ...]
    label: LabelEncoding
    x_bits: int
    bounds_declared: bool
    keys: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.features) <= MAX_FEATURES:
            raise ParameterError(f"features: {len(self.features)} columns, must be 1 to {MAX_FEATURES}")
        if len({*self.names, *self.keys}) != len(self.features) + len(self.keys):
            raise ParameterError(f"{'keys' if self.keys else 'features'}: two columns have the same name")
        if len(self.keys) > MAX_KEYS:
            raise ParameterError(f"keys: {len(self.keys)} columns, at most {MAX_KEYS} are possible")
        for name in self.keys:
            check_name(name, "keys")
        object.__setattr__(self, "x_bits", integer_within("x_bits", self.x_bits, *X_BITS_RANGE))
        self._check_sources()

    def _check_sources(self) -> None:
        """Each is of features that are here, side by side; categories from 0 to 1."""
        at, place = {name: k for k, name in enumerate(self.names)}, 0
        for source in self.sources:
            first = at.get(source.features[0], -1)
            stop = first + len(source.features)
            if first < place or self.names[first:stop] != source.features:
                raise ParameterError("its features are not here, or not in this order", column=source.column)
            if source.column in {*self.names} - {*source.features} or source.column in self.keys:
                raise ParameterError("its name is that of another column, too", column=source.column)
            unit = all((own.low, own.high, own.map) == (0.0, 1.0, LINEAR) for own in self.features[first:stop])
            if isinstance(source, CategorySource) and not unit:
                raise ParameterError("features of categories are from 0 to 1", column=source.column)
            place = stop

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, in column order."""
        return tuple(column.name for column in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of tables that have these features, in their order."""
        return columns_of(self.names, self.sources)

    @property
    def offsets(self) -> tuple[float, ...]:
        """Offsets, in column order; see ColumnEncoding.offset."""
        return tuple(column.offset for column in self.features)

    @property
    def multipliers(self) -> tuple[float, ...]:
        """Multipliers, in column order; see ColumnEncoding.multiplier."""
        return tuple(column.multiplier for column in self.features)

    def shape(self, rows: int) -> DatasetShape:
        """The shape of a data set of that many rows."""
        return DatasetShape(
            rows=rows,
            features=len(self.features),
            label_kind=self.label.kind,
            label_bits=self.label.label_bits,
            x_bits=self.x_bits,
            classes=self.label.classes,
            names=self.names,
        )

    def encode_features(self, X: ArrayLike, *, check_bounds: bool = True, first_row: int = 0) -> NDArray[np.int64]:
        """Features as integers, rounded half to even.

        Args:
            X: (N, d) real numbers.
            check_bounds: refuse values outside the bounds; without it (for predicting on new rows) the same
                map is continued past them, as far as 16 bits reach.
            first_row: the number of the first row, for messages.

        Returns:
            int64 (N, d), scale x_bits, in [-2^15, 2^15).

        Raises:
            DataError: wrong shape, NaN or infinity, or a value out of bounds; names column and row.
        """
        numbers = number_array("X", X, 2)
        self._check_width(numbers.shape)
        array = real_array("X", numbers, 2, first_row=first_row, columns=self.names)
        array = self._clipped(array)
        try:
            return encode_cells(self.features, array, self.x_bits, check_bounds=check_bounds, first_row=first_row)
        except DataError as error:
            raise self._in_times(error) from None

    def _clipped(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same with values within the bounds of columns where those beyond count as these."""
        clipped = {own.column for own in self.sources if isinstance(own, MeasuredSource) and own.clip}
        if not clipped:
            return array
        found = array.copy()
        for k, column in enumerate(self.features):
            if column.name in clipped:
                np.clip(found[:, k], column.low, column.high, out=found[:, k])
        return found

    def _in_times(self, error: DataError) -> DataError:
        """What is wrong with a cell, in times where its column has these."""
        own = next((source for source in self.sources if source.column == error.column), None)
        if not isinstance(own, TimeSource) or not isinstance(error.expected, tuple) or type(error.found) is not float:
            return error
        low, high = map(own.at, error.expected)
        numbers, times = outside_text(error.found, *error.expected), outside_text(own.at(error.found), low, high)
        return DataError(
            error.reason.replace(numbers, times),
            row=error.row,
            column=error.column,
            expected=(low, high),
            found=own.at(error.found),
        )

    def features_from(self, columns: Mapping[str, Sequence[object]]) -> NDArray[np.float64]:
        """Real features (N, d) from the cells of each of `columns`: numbers, or what its source takes; or their texts.

        Raises:
            DataError: a cell that has no value, or is none of its column's; names column and row.
        """
        known, parts = by_column(self.sources), []
        for name in self.columns:
            own = known.get(name, PlainReader(column=name))
            rows = [_required(own, value, row) for row, value in enumerate(columns[name])]
            parts.append(np.array(rows, dtype=np.float64).reshape(len(rows), -1))
        return np.concatenate(parts, axis=1)

    def decode_features(self, X_int: ArrayLike) -> NDArray[np.float64]:
        """Real values of encoded features, float64 (N, d): what was encoded, up to half a unit."""
        integers = np.asarray(X_int, dtype=np.int64)
        self._check_width(integers.shape)
        return np.stack([column.decode(integers[:, k], self.x_bits) for k, column in enumerate(self.features)], axis=1)

    def _check_width(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 2 or shape[1] != len(self.features):
            width = len(self.features)
            raise DataError(f"X: shape {shape}, expected {width} columns", expected=width, found=shape)

    def encode_labels(self, y: ArrayLike, name: str = DEFAULT_LABEL_NAME) -> NDArray[np.int64]:
        """Labels (N,) as integers, int64 (N,), of classes their numbers; raises DataError as LabelEncoding does."""
        return self.label.encode(y, name)

    def decode_labels(self, y_int: ArrayLike) -> NDArray[np.str_] | NDArray[np.float64] | NDArray[np.int64]:
        """Labels from integers (N,): class texts (binary, categorical), float64 (real) or int64 (count)."""
        return self.label.decode(y_int)

    def shown_row(self, features: Sequence[int], label: int) -> list[tuple[str, str | float]]:
        """Names of columns and what there is to read of a row, the label last: values of the fewest digits.

        Args:
            features: scale x_bits. label: of a real label at scale 2^label_bits, of classes the number.
        """
        own = self.label
        shown = own.decode([label]).tolist()[0] if own.column is None else own.column.shortest(label, own.label_bits)
        shortest = [column.shortest(value, self.x_bits) for column, value in zip(self.features, features, strict=True)]
        values: dict[str, Any] = dict(zip(self.names, shortest, strict=True))
        for source in self.sources:
            values[source.column] = source.shown([values[name] for name in source.features])
        return [*((name, values[name]) for name in self.columns), (DEFAULT_LABEL_NAME, shown)]

    def to_mapping(self) -> dict[str, Mappable]:
        """The canonical mapping that a dataset commitment contains; reals are their repr."""
        column = self.label.column
        return {
            "features": [feature.to_mapping() for feature in self.features],
            **({"sources": [source.to_mapping() for source in self.sources]} if self.sources else {}),
            "keys": [{"name": name} for name in self.keys],
            "label_kind": self.label.kind,
            "label_classes": list(self.label.classes),
            "label_bounds": [] if column is None else [column.to_mapping()],
            "label_bits": self.label.label_bits,
            "x_bits": self.x_bits,
            "bounds_declared": self.bounds_declared,
        }

    @classmethod
    def from_mapping(cls, mapping: object) -> DatasetEncoding:
        """Read what `to_mapping` wrote.

        Raises:
            FormatError: unknown or missing field, wrong type, non-canonical number, or an impossible value.
        """
        what = "dataset encoding"
        more = type(mapping) is dict and "sources" in mapping
        found = take(mapping, {**_FIELDS, **_SOURCES} if more else _FIELDS, what)
        columns = [ColumnEncoding.from_mapping(f, f"{what}: features[{k}]") for k, f in enumerate(found["features"])]
        intervals = [ColumnEncoding.from_mapping(bound, f"{what}: label_bounds") for bound in found["label_bounds"]]
        try:
            encoding = cls(
                features=tuple(columns),
                label=LabelEncoding(
                    kind=found["label_kind"],
                    classes=tuple(found["label_classes"]),
                    column=intervals[0] if intervals else None,
                    label_bits=found["label_bits"],
                ),
                x_bits=found["x_bits"],
                bounds_declared=found["bounds_declared"],
                sources=tuple(
                    source_from_mapping(own, f"{what}: sources[{k}]") for k, own in enumerate(found.get("sources", []))
                ),
                keys=tuple(take(key, {"name": str}, f"{what}: keys")["name"] for key in found["keys"]),
            )
        except ParameterError as error:
            raise FormatError(f"{what}: {error}") from None
        if encoding.to_mapping() != found:
            raise FormatError(f"{what}: not in canonical form")
        return encoding

    @classmethod
    def from_data(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        names: Sequence[str],
        label_kind: str | None = None,
        bounds: Mapping[str, Bounds] | None = None,
        x_bits: int = DEFAULT_X_BITS,
        label_bits: int = DEFAULT_LABEL_BITS,
        label_name: str = DEFAULT_LABEL_NAME,
        maps: Mapping[str, str] | None = None,
        keys: Sequence[str] = (),
        sources: Sequence[Source] = (),
        classes: Collection[str] = (),
    ) -> DatasetEncoding:
        """The encoding of a data set of real numbers X (N, d), of d features of these names, and labels y (N,).

        Args:
            label_kind: as of `infer_label_kind`; None to find it out.
            bounds: (low, high), or (low, high, map), of every feature and, under `label_name`, (low, high) of a
                real label. None takes them from the data, which `bounds_declared` then says.
            x_bits, label_bits: scales of features and of a real label.
            label_name: name of the label column.
            maps: of features, where bounds are from the data: "linear", the default, or "log1p".
            keys: names of columns by which no two rows are equal.
            sources: of features that are not simply the numbers in a column.
            classes: those of labels, if they are declared.

        Raises:
            DataError: unusable data, or labels that are not of the kind asked for.
            ParameterError: bounds or maps that are missing, unknown or not usable; or names or scales out of range.
        """
        array = number_array("X", X, 2)
        if len(array) == 0:
            raise DataError("X: no rows")
        if array.shape[1] != len(names):
            raise DataError(f"X: {array.shape[1]} columns, but {len(names)} names")
        if label_name in (*names, *keys) or len(set(names)) != len(names):
            raise ParameterError("names: two columns have the same name")
        kind, found_classes = infer_label_kind(y, len(array), label_kind, label_name, classes)
        found = {**dict(zip(names, interval_of_each(names, array), strict=True)), **_of_categories(sources)}
        if kind == "real":  # a real label needs an interval as features do
            labels = real_array(label_name, y, 1)
            found[label_name] = float(labels.min()), float(labels.max())
        intervals = choose_intervals(found, bounds, maps, label_name)
        require_mappable(names, array, intervals)
        places = {name: k for k, name in enumerate(names)}
        return cls(
            features=tuple(ColumnEncoding(name, *intervals[name]) for name in names),
            label=LabelEncoding(
                kind=kind,
                classes=found_classes,
                column=ColumnEncoding(label_name, *intervals[label_name]) if kind == "real" else None,
                label_bits=label_bits if kind == "real" else 0,
            ),
            x_bits=x_bits,
            bounds_declared=bounds is not None,
            keys=tuple(keys),
            sources=tuple(sorted(sources, key=lambda source: places.get(source.features[0], 0))),
        )


def _of_categories(sources: Sequence[Source]) -> dict[str, tuple[float, float]]:
    """The intervals of features of categories, whatever the data are."""
    return {name: (0.0, 1.0) for own in sources if isinstance(own, CategorySource) for name in own.features}


def _required(own: ColumnReader, value: object, row: int) -> tuple[float, ...]:
    """The numbers of a cell that has to have some. Raises DataError, naming column and row."""
    try:
        found = own.cell(value)
    except DataError as error:
        raise error.at(row=row, column=own.column) from None
    if found is None:
        raise DataError("the cell has no value", row=row, column=own.column)
    return found
