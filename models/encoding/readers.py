"""What becomes of the cells of a column: the numbers of one feature or several."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real as RealNumber
from typing import Any, ClassVar, Self

import numpy as np

from ...errors import DataError, ParameterError
from ...formats.fields import Real, take
from ...formats.files import SHOWN_TEXT
from .cells import is_gap_of, number
from .columns import check_name


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
class NumberSource(Source):
    """Numbers, of which some are missing.

    Attributes:
        missing: what these count as.
    """

    kind: ClassVar[str] = "number"
    as_numbers: ClassVar[bool] = True

    missing: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "missing", filling(self.missing, self.column) + 0.0)  # one zero, not two

    @property
    def features(self) -> tuple[str, ...]:
        """See ColumnReader."""
        return (self.column,)

    @property
    def filled(self) -> tuple[float, ...]:
        """See Source."""
        return (self.missing,)

    def numbers(self, value: object) -> tuple[float, ...]:
        """See Source."""
        return (_number(value),)

    def shown(self, numbers: Sequence[float]) -> float:
        """See Source."""
        return numbers[0]

    def to_mapping(self) -> dict[str, Any]:
        """See Source."""
        return {"column": self.column, "kind": self.kind, "missing": repr(self.missing)}

    @classmethod
    def taken(cls, mapping: object, what: str) -> Self:
        """See Source."""
        found = take(mapping, {"column": str, "kind": str, "missing": Real()}, what)
        return cls(column=found["column"], missing=float(found["missing"]))


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
