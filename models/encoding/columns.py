"""The encodings of single columns: a feature by its map, a real label by an affine one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, FormatError, ParameterError
from ...formats.fields import Real, take
from ...formats.files import SHOWN_TEXT
from ..shapes import FEATURE_BOUND
from .maps import LINEAR, LOG1P, MAPS, log1p_integers, log1p_refusal

_END_TOLERANCE = 2.0**-16  # a quarter of the finest unit, 2^-14: the ends of an interval round to whole units
MAX_NAME_LENGTH = 256
SHOWN_COLUMNS = 12
FLOAT_DIGITS = 17  # tell all float64 numbers apart
PIECE_CELLS = 1 << 17  # of tables that are worked through some rows at a time: 1 MB, which fits near caches


def check_name(name: object, what: str) -> None:
    """Raises ParameterError for what is no name of a column or class, which `what` says."""
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise ParameterError(f"{what}: {str(name)[:40]!r} must be 1 to {MAX_NAME_LENGTH} printable characters")


def number_array(name: str, values: ArrayLike, dimensions: int) -> NDArray[Any]:
    """An array of real numbers, of whatever type they have; a float64 array if they have none. Raises DataError."""
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name}: expected numbers, one in every cell") from None
    if array.ndim != dimensions:
        raise DataError(f"{name}: expected {dimensions} dimension(s), found {array.ndim}")
    return array


def real_array(
    name: str, values: ArrayLike, dimensions: int, *, first_row: int = 0, columns: Sequence[str] = ()
) -> NDArray[np.float64]:
    """A float64 array of finite numbers.

    Args:
        first_row: the number of the first row, for messages.
        columns: names of the columns, for messages.

    Raises:
        DataError: names row and column.
    """
    with np.errstate(over="ignore"):  # a longer float than float64 may become infinite, and is refused just below
        array = np.asarray(number_array(name, values, dimensions), dtype=np.float64)
    if np.isfinite(array).all():
        return array
    row, *k = np.argwhere(~np.isfinite(array))[0].tolist()
    found = float(array[(row, *k)])
    column = columns[k[0] if k else 0] if columns else name
    raise DataError(f"{found} is not a finite number", row=first_row + row, column=column, found=found)


def table_pieces(array: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """A table (N, d), some rows at a time: the first one's number, and they."""
    step = max(1, PIECE_CELLS // max(1, array.shape[1]))
    for start in range(0, len(array), step):
        yield start, array[start : start + step]


@dataclass(frozen=True)
class ColumnEncoding:
    """The map of one column: [low, high] to [-1, 1], itself (linear) or its logarithm log(1 + value) (log1p).

    Raises:
        ParameterError: the name is empty, too long or not printable; the map is none of `MAPS`; or the bounds are not
            finite, in the wrong order, too near to each other, or below 0 for log1p.
    """

    name: str
    low: float
    high: float
    map: str = LINEAR

    def __post_init__(self) -> None:
        check_name(self.name, "column name")
        if not isinstance(self.map, str) or self.map not in MAPS:
            raise ParameterError(f"{str(self.map)[:40]!r} is no map; maps are {', '.join(MAPS)}", column=self.name)
        for side in ("low", "high"):
            try:
                value = float(getattr(self, side)) + 0.0  # one zero, not two
            except (TypeError, ValueError, OverflowError):
                raise ParameterError("bounds must be numbers", column=self.name) from None
            object.__setattr__(self, side, value)
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ParameterError(f"bounds {self.low}, {self.high} must be finite", column=self.name)
        if self.low > self.high:
            raise ParameterError(f"lower bound {self.low} is above upper bound {self.high}", column=self.name)
        refusal = log1p_refusal(self.low, self.high) if self.map == LOG1P else None
        if refusal is not None:
            raise ParameterError(refusal, column=self.name)
        if self.map == LINEAR and not self._ends_are_exact():
            raise ParameterError(f"bounds {self.low}, {self.high} are too near", column=self.name)

    def _ends_are_exact(self) -> bool:
        """Whether float64 takes low to -1 and high to 1 nearly enough for every scale."""
        if self.low == self.high:
            return True
        if not math.isfinite(self.multiplier):
            return False
        ends = ((self.high - self.offset) * self.multiplier, (self.offset - self.low) * self.multiplier)
        return all(abs(end - 1.0) < _END_TOLERANCE for end in ends)

    @property
    def ends(self) -> tuple[float, float]:
        """What becomes -1 and 1: the bounds; with log1p their logarithms, whose last digit is the platform's.

        So with log1p nothing that is committed may depend on them, or on what follows.
        """
        return (math.log1p(self.low), math.log1p(self.high)) if self.map == LOG1P else (self.low, self.high)

    @cached_property
    def offset(self) -> float:
        """The middle of the ends; it becomes 0."""
        low, high = self.ends
        return low / 2 + high / 2

    @cached_property
    def half_width(self) -> float:
        """Half the distance of the ends; halves first, for the distance itself may overflow."""
        low, high = self.ends
        return high / 2 - low / 2

    @cached_property
    def multiplier(self) -> float:
        """1 / half_width, or 0.0 for a constant column: a value, or its log1p, minus offset, times this is encoded."""
        if self.half_width == 0.0:
            return 0.0 if self.low == self.high else math.inf
        return 1.0 / self.half_width

    def encode(self, values: NDArray[np.float64], bits: int) -> NDArray[np.int64]:
        """Finite float64 (N,) to int64 (N,); see `encode_cells`."""
        integers: NDArray[np.int64] = encode_cells((self,), values[:, None], bits)[:, 0]
        return integers

    def decode(self, integers: NDArray[np.int64], bits: int) -> NDArray[np.float64]:
        """Real values of int64 (N,) at scale 2^bits: float64 (N,), what was encoded up to half a unit."""
        scaled: NDArray[np.float64] = integers / np.float64(1 << bits)
        places = np.asarray(scaled * self.half_width + self.offset, dtype=np.float64)
        if self.map == LINEAR:
            return places
        with np.errstate(over="ignore"):  # an integer past the bounds may stand for nothing that float64 has
            return np.asarray(np.expm1(places), dtype=np.float64)

    def shortest(self, integer: int, bits: int) -> float:
        """The number of the fewest digits that is encoded as this integer: what there is to read of a value."""
        value = float(self.decode(np.array([integer]), bits)[0])
        for digits in range(1, FLOAT_DIGITS):
            rounded = float(f"{value:.{digits}g}")
            if self.low <= rounded <= self.high and self.encode(np.array([rounded]), bits).tolist() == [integer]:
                return rounded
        return value

    def to_mapping(self) -> dict[str, str]:
        """Canonical mapping: name, and the map, whose own fields are low and high."""
        return {"name": self.name, "map": self.map, "low": repr(self.low), "high": repr(self.high)}

    @classmethod
    def from_mapping(cls, mapping: object, what: str) -> ColumnEncoding:
        """Read what `to_mapping` wrote; raises FormatError, its message beginning with `what`."""
        found = take(mapping, {"name": str, "map": str, "low": Real(), "high": Real()}, what)
        if found["map"] not in MAPS:
            raise FormatError(f"{what}: {found['map'][:SHOWN_TEXT]!r} is no map of a column that this version has")
        try:
            return cls(found["name"], float(found["low"]), float(found["high"]), found["map"])
        except ParameterError as error:
            raise FormatError(f"{what}: {error}") from None


def encode_cells(
    columns: Sequence[ColumnEncoding],
    cells: NDArray[np.float64],
    bits: int,
    *,
    check_bounds: bool = True,
    first_row: int = 0,
) -> NDArray[np.int64]:
    """Finite float64 (N, d) to int64 (N, d) at scale 2^bits, in [-2^15, 2^15).

    Linear columns are rounded half to even; with log1p, no float64 lies exactly between two integers.

    Args:
        columns: the encodings of the d columns.
        first_row: the number of the first row, for messages.

    Raises:
        DataError: a value out of bounds (with check_bounds), of more than 16 bits, or negative where the map is log1p;
            names column and row.
    """
    if check_bounds:
        _require_within(columns, cells, first_row)
    offset, multiplier = (np.array([getattr(c, name) for c in columns]) for name in ("offset", "multiplier"))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused just below
        scaled: NDArray[np.float64] = np.rint((cells - offset) * multiplier * float(1 << bits))
    for k, column in enumerate(columns):
        if column.map == LOG1P:
            scaled[:, k] = _by_log1p(column, cells[:, k], bits, first_row)
    fits = (scaled >= -FEATURE_BOUND) & (scaled < FEATURE_BOUND)
    if not fits.all():
        row, k = np.argwhere(~fits)[0].tolist()
        found = float(cells[row, k])
        raise DataError(f"{found} does not fit 16 bits", row=first_row + row, column=columns[k].name, found=found)
    return scaled.astype(np.int64)


def _require_within(columns: Sequence[ColumnEncoding], cells: NDArray[np.float64], first_row: int) -> None:
    low, high = (np.array([getattr(column, end) for column in columns]) for end in ("low", "high"))
    outside = (cells < low) | (cells > high)
    if outside.any():
        row, k = np.argwhere(outside)[0].tolist()
        interval, found = (columns[k].low, columns[k].high), float(cells[row, k])
        others = [repr(columns[j].name) for j in np.flatnonzero(outside.any(axis=0)).tolist() if j != k]
        reason = outside_text(found, *interval) + _also(others)
        raise DataError(reason, row=first_row + row, column=columns[k].name, expected=interval, found=found)


def outside_text(found: object, low: object, high: object) -> str:
    """What is wrong with a value beyond the bounds."""
    return f"{found} is outside the bounds [{low}, {high}]"


def _also(others: Sequence[str]) -> str:
    """Which other columns have such values."""
    shown = ", ".join(others[:SHOWN_COLUMNS]) + (", .." if len(others) > SHOWN_COLUMNS else "")
    return f"; so are values of {shown}" if others else ""


def _by_log1p(column: ColumnEncoding, values: NDArray[np.float64], bits: int, first_row: int) -> NDArray[np.int64]:
    require_not_negative(values, column.name, first_row)
    try:
        return log1p_integers(values, column.low, column.high, bits)
    except ParameterError as error:
        raise error.at(column=column.name) from None


def require_not_negative(values: NDArray[np.float64], name: str, first_row: int = 0) -> None:
    """Refuse a negative value in a column (N,) that is mapped by log1p. Raises DataError, naming row and column."""
    negative = values < 0.0
    if negative.any():
        row = int(np.argmax(negative))
        found = float(values[row])
        reason = f"{found} is negative; {LOG1P} needs values of at least 0"
        raise DataError(reason, row=first_row + row, column=name, found=found)
