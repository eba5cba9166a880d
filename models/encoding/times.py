"""Columns of times, as days since an origin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import NoneType
from typing import Any, ClassVar, Self

from ...errors import DataError, FormatError, ParameterError
from ...formats.fields import Fields, Real, take
from ...formats.files import SHOWN_TEXT
from .readers import Source, filling

MICROSECOND = timedelta(microseconds=1)
MICROSECONDS = 86_400_000_000  # of a day
ISO = ""  # the form of times that ISO 8601 has
_FORM = re.compile(r"(?=.*%)(%[dmYyHMSfj]|[ -$&-~]){1,40}")  # what no language or platform reads otherwise


@dataclass(frozen=True, kw_only=True)
class TimeSource(Source):
    """Times, as days since an origin; those without a zone are of UTC.

    Attributes:
        origin: without a zone.
        form: how texts write them, as `datetime.strptime` has it; ISO 8601 if it is empty.
        missing: days that a cell without a value counts as; None if there has to be one.
    """

    kind: ClassVar[str] = "time"

    origin: datetime
    form: str = ISO
    missing: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form and not _FORM.fullmatch(self.form):
            raise ParameterError('format: must be like "%d.%m.%Y", of numbers only', column=self.column)
        object.__setattr__(self, "origin", moment(self.origin))
        if self.missing is not None:
            object.__setattr__(self, "missing", filling(self.missing, self.column) + 0.0)

    @property
    def features(self) -> tuple[str, ...]:
        """See ColumnReader."""
        return (self.column,)

    @property
    def filled(self) -> tuple[float, ...] | None:
        """See Source."""
        return None if self.missing is None else (self.missing,)

    def numbers(self, value: object) -> tuple[float, ...]:
        """See Source."""
        return (self.days(self._parsed(value) if isinstance(value, str) else value),)

    def days(self, value: object) -> float:
        """Since the origin: the nearest float64. Raises DataError for what is no time."""
        if not isinstance(value, date):
            raise DataError(f"a {type(value).__name__} is no time")
        return ((moment(value) - self.origin) // MICROSECOND) / MICROSECONDS

    def _parsed(self, text: str) -> datetime:
        try:
            return datetime.strptime(text.strip(), self.form) if self.form else datetime.fromisoformat(text.strip())
        except (ValueError, OverflowError):
            expected = self.form or "2024-12-31 or 2024-12-31 23:59:59"
            raise DataError(f"{text.strip()[:SHOWN_TEXT]!r} is no time like {expected}", expected=expected) from None

    def shown(self, numbers: Sequence[float]) -> str:
        """See Source: to a second."""
        return self.at(numbers[0])

    def at(self, days: float) -> str:
        """The time that is so many days after the origin."""
        try:
            found = self.origin + timedelta(seconds=round(days * (MICROSECONDS // 1_000_000)))
        except OverflowError:
            return f"{days!r} days after {_text(self.origin)}"
        return _text(found)

    def to_mapping(self) -> dict[str, Any]:
        """See Source."""
        missing = None if self.missing is None else repr(self.missing)
        origin = self.origin.isoformat()
        return {"column": self.column, "kind": self.kind, "origin": origin, "format": self.form, "missing": missing}

    @classmethod
    def taken(cls, mapping: object, what: str) -> Self:
        """See Source."""
        names: Fields = {"column": str, "kind": str, "origin": str, "format": str, "missing": (Real(), NoneType)}
        found = take(mapping, names, what)
        try:
            origin = datetime.fromisoformat(found["origin"])
        except ValueError:
            raise FormatError(f"{what}: origin {found['origin'][:SHOWN_TEXT]!r} is no time") from None
        missing = None if found["missing"] is None else float(found["missing"])
        return cls(column=found["column"], origin=origin, form=found["format"], missing=missing)


def moment(value: date) -> datetime:
    """A time without a zone: of one that has a zone in UTC, of a day its beginning."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _text(found: datetime) -> str:
    return found.date().isoformat() if found == moment(found.date()) else found.isoformat(sep=" ")
