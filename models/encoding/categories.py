"""Columns of declared categories: each but the reference is a feature, which is 1 in the rows that have it, else 0."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from types import NoneType
from typing import Any, ClassVar, Self

import numpy as np

from ...errors import DataError, ParameterError
from ...formats.fields import Fields, ListOf, take
from ...formats.files import SHOWN_TEXT
from .columns import check_name
from .readers import Source

MAX_CATEGORIES = 1 << 10
SHOWN_VALUES = 12


@dataclass(frozen=True, kw_only=True)
class CategorySource(Source):
    """One of declared values.

    Attributes:
        values: all of them.
        reference: the one that is no feature.
        other: the one that any value counts as that is not declared; None if such a value is refused.
        missing: the one that a cell without a value counts as; None if there has to be one.
    """

    kind: ClassVar[str] = "category"

    values: tuple[str, ...]
    reference: str
    other: str | None = None
    missing: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= len(self.values) <= MAX_CATEGORIES:
            reason = f"{len(self.values)} categories, must be 2 to {MAX_CATEGORIES}"
            raise ParameterError(reason, column=self.column)
        for value in self.values:
            check_name(value, f"categories of {self.column!r}")
            if value != _normal(value):
                raise ParameterError(f"category {value!r} has spaces at its ends, or is not in Unicode's form C")
        if len({*self.values}) < len(self.values):
            raise ParameterError("a category is there twice", column=self.column)
        for name in ("reference", "other", "missing"):
            chosen = getattr(self, name)
            if chosen not in self.values and (chosen is not None or name == "reference"):
                raise ParameterError(
                    f"{name}: {str(chosen)[:SHOWN_TEXT]!r} is none of the categories", column=self.column
                )
        for feature in self.features:
            check_name(feature, "name of a category's feature")

    @property
    def features(self) -> tuple[str, ...]:
        """See ColumnReader."""
        return tuple(f"{self.column}={value}" for value in self.values if value != self.reference)

    @property
    def filled(self) -> tuple[float, ...] | None:
        """See Source."""
        return None if self.missing is None else self._rows[self.missing]

    def cell(self, value: object) -> tuple[float, ...] | None:
        """See Source: a category may be called as elsewhere a missing value is."""
        return self.numbers(value) if isinstance(value, str) and _normal(value) in self._rows else super().cell(value)

    def numbers(self, value: object) -> tuple[float, ...]:
        """See Source."""
        text = category_text(value)
        if text in self._rows:
            return self._rows[text]
        if self.other is None:
            more = ", .." if len(self.values) > SHOWN_VALUES else ""
            listed = ", ".join(map(repr, self.values[:SHOWN_VALUES])) + more
            raise DataError(f"{text[:SHOWN_TEXT]!r} is none of the categories {listed}", found=text)
        return self._rows[self.other]

    @cached_property
    def _rows(self) -> dict[str, tuple[float, ...]]:
        """The features of each category."""
        others = [value for value in self.values if value != self.reference]
        return {own: tuple(float(value == own) for value in others) for own in self.values}

    def shown(self, numbers: Sequence[float]) -> str:
        """See Source."""
        others = [value for value in self.values if value != self.reference]
        found = [value for value, number in zip(others, numbers, strict=True) if number == 1.0]
        if len(found) > 1 or any(number not in (0.0, 1.0) for number in numbers):
            return ", ".join(f"{number!r} of {value!r}" for value, number in zip(others, numbers, strict=True))
        return found[0] if found else self.reference

    def to_mapping(self) -> dict[str, Any]:
        """See Source."""
        chosen = {"reference": self.reference, "other": self.other, "missing": self.missing}
        return {"column": self.column, "kind": self.kind, "values": list(self.values), **chosen}

    @classmethod
    def taken(cls, mapping: object, what: str) -> Self:
        """See Source."""
        own: Fields = {"column": str, "kind": str, "values": ListOf(str, 2, MAX_CATEGORIES), "reference": str}
        found = take(mapping, {**own, "other": (str, NoneType), "missing": (str, NoneType)}, what)
        del found["kind"]
        return cls(**{**found, "values": tuple(found["values"])})


def category_text(value: object) -> str:
    """What a category is called. Raises DataError for what is no category."""
    if isinstance(value, str):
        return _normal(value)
    if isinstance(value, float) and value.is_integer():  # as pandas has integers beside missing ones
        return str(int(value))
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))  # True and False, as Python and pandas write them
    if isinstance(value, Integral):
        return str(int(value))
    raise DataError(f"a {type(value).__name__} is no category; texts, integers and truth values are")


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())
