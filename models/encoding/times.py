"""Columns of times, as days since an origin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Self

from ...errors import DataError, FormatError, ParameterError
from ...formats.fields import take
from ...formats.files import SHOWN_TEXT
from .readers import MEASURED_FIELDS, MeasuredSource

MICROSECOND = timedelta(microseconds=1)
MICROSECONDS = 86_400_000_000  # of a day
ISO = ""  # the form of times that ISO 8601 has
_FORM = re.compile(r"(?=.*%)(%[dmYyHMSfj]|[ -$&-~]){1,40}")  # what no language or platform reads otherwise


@dataclass(frozen=True, kw_only=True)
class TimeSource(MeasuredSource):
    """Times, as days since an origin; those without a zone are of UTC.

    Attributes:
        origin: without a zone.
        form: how texts write them, as `datetime.strptime` has it; ISO 8601 if it is empty.
        missing, clip: as of MeasuredSource, in days.
    """

    kind: ClassVar[str] = "time"

    origin: datetime
    form: str = ISO

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form and not _FORM.fullmatch(self.form):
            raise ParameterError('format: must be like "%d.%m.%Y", of numbers only', column=self.column)
        object.__setattr__(self, "origin", moment(self.origin))

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
        return {**self.fields, "origin": self.origin.isoformat(), "format": self.form}

    @classmethod
    def taken(cls, mapping: object, what: str) -> Self:
        """See Source."""
        found = take(mapping, {**MEASURED_FIELDS, "origin": str, "format": str}, what)
        try:
            origin = datetime.fromisoformat(found["origin"])
        except ValueError:
            raise FormatError(f"{what}: origin {found['origin'][:SHOWN_TEXT]!r} is no time") from None
        return cls(**cls.chosen(found), origin=origin, form=found["format"])


def moment(value: date) -> datetime:
    """A time without a zone: of one that has a zone in UTC, of a day its beginning."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _text(found: datetime) -> str:
    return found.date().isoformat() if found == moment(found.date()) else found.isoformat(sep=" ")
