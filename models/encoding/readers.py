"""What becomes of the cells of a column: the numbers of one feature or several."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real as RealNumber
from types import NoneType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, ParameterError
from ...formats.fields import Fields, Real, take
from ...formats.files import SHOWN_TEXT
from .cells import is_gap_of, number
from .columns import check_name

MEASURED_FIELDS: Fields = {"column": str, "kind": str, "missing": (Real(), NoneType), "clip": bool}


@dataclass(frozen=True, kw_only=True, repr=False)  # some are of rows
class ColumnReader(ABC):
    """What becomes of the cells of one column of a table: the numbers of one feature or several."""

    as_numbers: ClassVar[bool] = False  # whether cells are numbers, however a file writes these

    column: str

    @property
    @abstractmethod
    def features(self) -> tuple[str, ...]:
        """Their names."""

    @abstractmethod
    def cell(self, value: object) -> tuple[float, ...] | None:
        """The numbers of any cell; None if it has no value and has to have one. Raises DataError."""


@dataclass(frozen=True, kw_only=True)
class PlainReader(ColumnReader):
    """Of a column of numbers without gaps."""

    as_numbers: ClassVar[bool] = True

    @property
    def features(self) -> tuple[str, ...]:
        """See ColumnReader."""
        return (self.column,)

    def cell(self, value: object) -> tuple[float, ...] | None:
        """See ColumnReader."""
        empty = is_gap_of(value)
        return None if empty else (_number(value),)


@dataclass(frozen=True, kw_only=True)
class Source(ColumnReader):
    """How a column is declared.

    Raises:
        ParameterError: what is declared cannot be.
    """

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        check_name(self.column, "column name")

    @property
    @abstractmethod
    def filled(self) -> tuple[float, ...] | None:
        """What a cell without a value counts as; None if it is refused."""

    @abstractmethod
    def numbers(self, value: object) -> tuple[float, ...]:
        """Those of a cell that has a value. Raises DataError, which names no place."""

    def cell(self, value: object) -> tuple[float, ...] | None:
        """See ColumnReader."""
        empty = is_gap_of(value)
        return self.filled if empty else self.numbers(value)

    @abstractmethod
    def shown(self, numbers: Sequence[float]) -> str | float:
        """What there is to read of the numbers of a row."""

    @abstractmethod
    def to_mapping(self) -> dict[str, Any]:
        """Canonical mapping."""

    @classmethod
    @abstractmethod
    def taken(cls, mapping: object, what: str) -> Self:
        """Read what `to_mapping` wrote. Raises FormatError, ParameterError."""


@dataclass(frozen=True, kw_only=True)
class MeasuredSource(Source):
    """Of a column that is one feature: numbers, or what is counted in numbers.

    Attributes:
        missing: what a cell without a value counts as; None if there has to be one.
        clip: whether a value beyond the bounds counts as the nearer of them; otherwise it is refused.
    """

    missing: float | None = None
    clip: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.missing is not None:
            object.__setattr__(self, "missing", filling(self.missing, self.column) + 0.0)  # one zero, not two
        if not isinstance(self.clip, bool):
            raise ParameterError(f"clip = {self.clip!r}: must be true or false", column=self.column)

    @property
    def features(self) -> tuple[str, ...]:
        """See ColumnReader."""
        return (self.column,)

    @property
    def filled(self) -> tuple[float, ...] | None:
        """See Source."""
        return None if self.missing is None else (self.missing,)

    @property
    def fields(self) -> dict[str, Any]:
        """Those of its canonical mapping that all have."""
        missing = None if self.missing is None else repr(self.missing)
        return {"column": self.column, "kind": self.kind, "missing": missing, "clip": self.clip}

    @classmethod
    def chosen(cls, found: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in such fields."""
        missing = None if found["missing"] is None else float(found["missing"])
        return {"column": found["column"], "missing": missing, "clip": found["clip"]}


@dataclass(frozen=True, kw_only=True)
class NumberSource(MeasuredSource):
    """Numbers, some of which are missing, or beyond the bounds."""

    kind: ClassVar[str] = "number"
    as_numbers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.missing is None and not self.clip:
            raise ParameterError("a column of plain numbers needs no more than bounds", column=self.column)

    def numbers(self, value: object) -> tuple[float, ...]:
        """See Source."""
        return (_number(value),)

    def filled_in(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Numbers (N,), with what those count as that are missing, which are not a number, if they count."""
        found = np.asarray(values, dtype=np.float64)
        return found if self.missing is None else np.where(np.isnan(found), self.missing, found)

    def shown(self, numbers: Sequence[float]) -> float:
        """See Source."""
        return numbers[0]

    def to_mapping(self) -> dict[str, Any]:
        """See Source."""
        return self.fields

    @classmethod
    def taken(cls, mapping: object, what: str) -> Self:
        """See Source."""
        return cls(**cls.chosen(take(mapping, MEASURED_FIELDS, what)))


def filling(value: object, column: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < math.inf:
        raise ParameterError(f"missing = {value!r}: must be a finite number", column=column)
    return float(value)


def _number(value: object) -> float:
    """A finite number, or the text of one. Raises DataError."""
    if not isinstance(value, (str, Decimal, RealNumber, np.bool_)):
        raise DataError(f"a {type(value).__name__} is not a number")
    found = number(value) if isinstance(value, str) else float(value)
    if found is None or not math.isfinite(found):
        raise DataError(f"{str(value)[:SHOWN_TEXT]!r} is not a finite number", found=value)
    return found
