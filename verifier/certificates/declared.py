"""What the owner declares in a deletion certificate, beside what the proof implies: words, dates, what lies outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import Any, Self

from ...errors import DataError
from ...formats.fields import Fields, ListOf, take
from .requests import AHEAD, FIRST, MAX_REQUESTS, DeletionRequest, instant, require_words

MAX_ORIGINS, MAX_NAME = 100, 200
HEX = frozenset("0123456789abcdef")
_FIELDS: Fields = {
    "issuedAt": str,
    "previousCertificate": (str, NoneType),
    "derivedFrom": ListOf(dict, 0, MAX_ORIGINS),
    "requests": ListOf(dict, 0, MAX_REQUESTS),
    "softwareVersion": str,
}


@dataclass(frozen=True)
class Origin:
    """Something outside the proof that the model was made with, such as an encoder of its features.

    Attributes:
        name: in words.
        sha256: of its file, in hexadecimal.

    Raises:
        DataError: either is none.
    """

    name: str
    sha256: str

    def __post_init__(self) -> None:
        require_words(self.name, "derived from: name", MAX_NAME)
        require_sha256(self.sha256, f"derived from {self.name!r}")

    def to_mapping(self) -> dict[str, object]:
        """As the certificate has it: a resource descriptor of in-toto."""
        return {"name": self.name, "digest": {"sha256": self.sha256}}

    @classmethod
    def from_mapping(cls, mapping: object) -> Self:
        """Raises FormatError, DataError."""
        fields = take(mapping, {"name": str, "digest": dict}, "derived from")
        return cls(fields["name"], take(fields["digest"], {"sha256": str}, "derived from: digest")["sha256"])


@dataclass(frozen=True)
class Declared:
    """What no proof implies.

    Attributes:
        issued_at: when the certificate was made.
        previous: SHA-256 of the file of the certificate before, in hexadecimal; None of the first.
        derived_from: what lies outside.
        requests: what was asked; their references differ.
        version: of this package, as it was then.

    Raises:
        DataError: an instant, a digest or a text that is none; a request that is there twice, or completed later.
    """

    issued_at: str
    requests: tuple[DeletionRequest, ...]
    version: str
    previous: str | None = None
    derived_from: tuple[Origin, ...] = ()

    def __post_init__(self) -> None:
        issued = self.issued
        if issued < FIRST:
            raise DataError(f"issued at {self.issued_at}: is before there was anything to prove with")
        require_words(self.version, "version", MAX_NAME)
        if self.previous is not None:
            require_sha256(self.previous, "previous certificate")
        seen: set[str] = set()
        for request in self.requests:
            if request.reference in seen:
                raise DataError(f"request {request.reference!r}: is there twice")
            seen.add(request.reference)
            if instant(request.completed_at, "completed_at") > issued:
                raise DataError(f"request {request.reference!r}: completed after the certificate was issued")

    @property
    def issued(self) -> datetime:
        """When."""
        return instant(self.issued_at, "issued at")

    def require_past(self, now: datetime) -> None:
        """Raises DataError if it was issued in the future of a clock, and not by the little that clocks differ."""
        if self.issued > now + AHEAD:
            raise DataError(f"issued at {self.issued_at}: is in the future; or the clock here is wrong")

    def require_after(self, before: Declared) -> None:
        """Nothing is older than the certificate that it goes on from: the model without the rows was not there yet.

        Raises:
            DataError: an instant is.
        """
        if self.issued < before.issued:
            raise DataError(f"issued at {self.issued_at}: before the certificate that it goes on from")
        for request in self.requests:
            if instant(request.completed_at, "completed_at") < before.issued:
                raise DataError(
                    f"request {request.reference!r}: completed at {request.completed_at}, when the model was still "
                    f"that of the certificate before, which was issued at {before.issued_at}"
                )

    def to_mapping(self) -> dict[str, object]:
        """As the certificate has it."""
        return {
            "issuedAt": self.issued_at,
            "previousCertificate": self.previous,
            "derivedFrom": [origin.to_mapping() for origin in self.derived_from],
            "requests": [request.to_mapping() for request in self.requests],
            "softwareVersion": self.version,
        }

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Raises FormatError for fields that are missing or not known, DataError for what they hold."""
        fields = take(mapping, _FIELDS, "declared")
        return cls(
            issued_at=fields["issuedAt"],
            requests=tuple(map(DeletionRequest.from_mapping, fields["requests"])),
            version=fields["softwareVersion"],
            previous=fields["previousCertificate"],
            derived_from=tuple(map(Origin.from_mapping, fields["derivedFrom"])),
        )


def require_sha256(text: str, what: str) -> None:
    """Raises DataError for what is no SHA-256 in hexadecimal."""
    if len(text) != 64 or not HEX.issuperset(text):
        raise DataError(f"{what}: {text[:80]!r} is no SHA-256 in hexadecimal")
