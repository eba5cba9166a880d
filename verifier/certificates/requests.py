"""Requests for deletion as a certificate lists them, and the instants in it. Both are the owner's word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from ...errors import DataError
from ...formats.fields import take
from ...shown import Shown

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)  # no proof of ours is older
AHEAD = timedelta(days=1)  # by how much the clocks of owner and auditor may differ
MAX_REFERENCE = 200
MAX_REQUESTS = 100_000


@dataclass(frozen=True, repr=False)
class DeletionRequest(Shown):
    """One request for deletion.

    Attributes:
        reference: names it in the books of who received it; to say nothing to outsiders. Up to 200 characters that
            print, in NFC.
        received_at: when it came, as RFC 3339 writes it, with a zone: "2026-11-30T09:00:00Z".
        due_at: until when it had to be done, if that is said.
        completed_at: when it was.

    Raises:
        DataError: a reference or an instant that is none, or instants out of order.
    """

    reference: str
    received_at: str
    completed_at: str
    due_at: str | None = None

    shows = "reference", "received_at", "due_at", "completed_at"

    def __post_init__(self) -> None:
        require_words(self.reference, "reference", MAX_REFERENCE)
        received, completed = instant(self.received_at, "received_at"), instant(self.completed_at, "completed_at")
        if completed < received:
            raise DataError(f"request {self.reference!r}: completed before it was received")
        if self.due_at is not None and instant(self.due_at, "due_at") < received:
            raise DataError(f"request {self.reference!r}: due before it was received")

    @property
    def late(self) -> bool:
        """Whether it was completed after it was due."""
        return self.due_at is not None and instant(self.due_at, "due_at") < instant(self.completed_at, "completed_at")

    def to_mapping(self) -> dict[str, object]:
        """As the certificate has it."""
        return {
            "reference": self.reference,
            "receivedAt": self.received_at,
            "dueAt": self.due_at,
            "completedAt": self.completed_at,
        }

    @classmethod
    def from_mapping(cls, mapping: object) -> Self:
        """Raises FormatError for other fields, DataError for what they hold."""
        text = (str, type(None))
        fields: Mapping[str, Any] = take(
            mapping, {"reference": str, "receivedAt": str, "dueAt": text, "completedAt": str}, "request"
        )
        return cls(fields["reference"], fields["receivedAt"], fields["completedAt"], fields["dueAt"])


def instant(text: str, what: str) -> datetime:
    """An instant with its zone. Raises DataError, beginning with `what`."""
    if INSTANT.fullmatch(text) is None:
        raise DataError(f"{what}: {text!r} is no instant with a zone, such as 2026-11-30T09:00:00Z")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{what}: {text!r}: {error}") from None


def written_instant(when: datetime) -> str:
    """In UTC, to the second. Raises DataError for one without a zone."""
    if when.tzinfo is None:
        raise DataError(f"{when.isoformat()}: has no zone")
    return when.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def require_words(text: str, what: str, longest: int) -> None:
    """Raises DataError for a text that is empty, too long, not in NFC, or has characters that do not print.

    Those that turn the direction of text do not print either, so no line can be read as another one.
    """
    if not 1 <= len(text) <= longest:
        raise DataError(f"{what}: has {len(text)} characters, 1 to {longest} are possible")
    if not text.isprintable():
        raise DataError(f"{what}: {text!r} has characters that do not print")
    if unicodedata.normalize("NFC", text) != text:
        raise DataError(f"{what}: {text!r} is not in NFC, so that two that look alike may differ")
