"""Deletion certificates: what a proved unlearning says, in a form that is filed, signed by the owner.

A certificate is an envelope (DSSE) around a statement (in-toto, version 1) with a predicate of our own. Reading one
checks its form only. `verify_certificate` checks signature and proof, writes the statement again from the proof, and
compares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import DataError, FormatError, InvalidProof, StatementMismatch, require_type
from ...formats.strict_json import canonical_json, read_json
from ...shown import Facts, Shown
from ..pins import Pins
from ..trust.dsse import Envelope
from ..trust.keys import PublicKey
from ..trust.signing_keys import SigningKey
from .declared import Declared
from .form import require_form
from .materials import Checked, Materials, check_materials
from .predicate import require_equal, statement_of

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, repr=False)
class Certificate(Shown):
    """A certificate, read and not verified.

    Attributes:
        envelope: the payload with its signatures.

    Raises:
        FormatError: the payload is no statement of this kind.
    """

    envelope: Envelope

    def __post_init__(self) -> None:
        if self.envelope.payload_type != PAYLOAD_TYPE:
            raise FormatError(f"the payload is {self.envelope.payload_type!r}, not {PAYLOAD_TYPE!r}", "kind")
        _declared(self.statement)

    @property
    def facts(self) -> Facts:
        """See Shown."""
        kind = self.implied["guarantee"]["kind"]
        return ("issued", self.declared.issued_at), ("requests", len(self.declared.requests)), ("guarantee", kind)

    @cached_property
    def statement(self) -> dict[str, Any]:
        """What it says, as JSON has it."""
        return require_form(read_json(self.envelope.payload, "the statement"))

    @property
    def implied(self) -> dict[str, Any]:
        """What it says that the proof implies."""
        found: dict[str, Any] = self.statement["predicate"]["implied"]
        return found

    @cached_property
    def declared(self) -> Declared:
        """What its owner declares in it."""
        return _declared(self.statement)

    @property
    def sha256(self) -> str:
        """Names its file, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """The file."""
        return self.envelope.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Certificate:
        """Raises FormatError; ParameterError for what are no bytes."""
        return cls(Envelope.from_bytes(data, PAYLOAD_TYPE))

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all. Raises DataError."""
        self.envelope.save(path)

    @classmethod
    def load(cls, path: Path | str) -> Certificate:
        """Raises FormatError or DataError, naming the file."""
        envelope = Envelope.load(path, PAYLOAD_TYPE)
        try:
            return cls(envelope)
        except FormatError as error:
            raise error.named(path) from error


def _declared(statement: dict[str, Any]) -> Declared:
    try:
        return Declared.from_mapping(statement["predicate"]["declared"])
    except DataError as error:
        raise FormatError(f"the certificate: {error}") from None


@dataclass(frozen=True, repr=False)
class CertificateReport(Shown):
    """What was verified of a certificate.

    Attributes:
        certificate: all of which the proof implies, or is the owner's word.
        checked: the proof, and what it refers to.
        signed_by: the owner's keys that were asked for, all of which signed it; empty if none was.
        before_compared: whether the certificate that it goes on from was given, and fits.
    """

    certificate: Certificate
    checked: Checked
    signed_by: tuple[PublicKey, ...]
    before_compared: bool

    @property
    def facts(self) -> Facts:
        """See Shown."""
        return ("bits", self.checked.security_bits), *self.certificate.facts

    @property
    def not_followed(self) -> tuple[str, ...]:
        """What it refers to and was not checked, in words."""
        declared, report = self.certificate.declared, self.checked.report
        unsigned = () if self.signed_by else ("no signature was checked: no key of the owner was named",)
        before = declared.previous is not None and not self.before_compared
        gone = (f"it goes on from the certificate {declared.previous}, which was not given",) if before else ()
        return (*unsigned, *gone, *report.not_followed)


def signed(checked: Checked, declared: Declared, keys: Sequence[SigningKey]) -> Certificate:
    """The certificate of checked materials, signed by each key."""
    return Certificate(Envelope.sign(PAYLOAD_TYPE, canonical_json(statement_of(checked, declared)), keys))


def verify_certificate(
    certificate: Certificate,
    materials: Materials,
    owner: Sequence[PublicKey] = (),
    before: Certificate | None = None,
    pins: Pins | None = None,
    now: datetime | None = None,
) -> CertificateReport:
    """Check a certificate: its signatures, the proof, and that it says what the proof implies and nothing else.

    Args:
        materials: the files that it names.
        owner: keys that must have signed it, each of them.
        before: the certificate that it goes on from; its own proof is not checked.
        pins: what is expected of the proof.
        now: of the clock here; by default what it says.

    Raises:
        InvalidSignature: a signature is missing or wrong.
        InvalidProof: naming the check; "certificate" where it says something else than its proof.
        StatementMismatch: it goes on from another certificate, or the proof is about something else than is pinned.
        ParameterError: an argument of another type, or a package is not installed.
    """
    require_type("certificate", certificate, Certificate, "`certify` returns it")
    require_type("materials", materials, Materials)
    for key in owner:
        require_type("owner", key, PublicKey, "`PublicKey.load` reads a file")
        certificate.envelope.require_signature(key)
    declared = certificate.declared
    try:
        declared.require_past(datetime.now(UTC) if now is None else now)
    except DataError as error:
        raise InvalidProof("certificate", str(error)) from None
    checked = check_materials(materials, pins)
    require_equal(certificate.statement, statement_of(checked, declared))
    if before is not None:
        require_goes_on(certificate, before)
    return CertificateReport(certificate, checked, tuple(owner), before is not None)


def require_goes_on(certificate: Certificate, before: Certificate) -> None:
    """One certificate goes on from the other: it names its file, its proof supersedes that one's, and nothing is older.

    Raises:
        StatementMismatch: it names another, or supersedes something else.
        InvalidProof: "certificate", an instant is older than the certificate before.
    """
    require_type("before", before, Certificate, "the certificate of what this one supersedes")
    if certificate.declared.previous != before.sha256:
        raise StatementMismatch("the certificate goes on from another one")
    if certificate.implied["supersedes"] != before.implied["statement"]:
        raise StatementMismatch("the certificate before is not of the statement that this one supersedes")
    try:
        certificate.declared.require_after(before.declared)
    except DataError as error:
        raise InvalidProof("certificate", str(error)) from None
