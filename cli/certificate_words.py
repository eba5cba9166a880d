"""What is said of a deletion certificate, verified or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zkunlearn as zu

from ..errors import DataError, FormatError
from ..formats.files import opened
from ..formats.strict_json import read_json
from ..verifier.certificates.certificate import PAYLOAD_TYPE
from ..verifier.certificates.form import PREDICATE
from .output import Lines, foreign
from .words import plural, security_text

KIND, TITLE = "certificate", "Deletion certificate"
MAX_BYTES = 1 << 34  # as large as any file of ours may be
OPENING = b"{"  # of what is JSON
NOT_VERIFIED = "Read, not verified: `zkunlearn verify`, with its files beside it, checks that it is true."


def is_certificate(path: Path) -> bool:
    """Whether a file is JSON, and so no proof."""
    try:
        with opened(path, MAX_BYTES) as file:
            return file.read(1) == OPENING
    except (DataError, FormatError):
        return False  # the reader of proofs says why


def certificate_lines(certificate: zu.Certificate) -> Lines:
    """What it says, unverified."""
    own, declared = certificate.implied, certificate.declared
    forgotten, rows, late = own["forgotten"], own["rows"], sum(each.late for each in declared.requests)
    new = "" if own["supersedes"] is None else f", {forgotten['newRows']:,} of them new since the model before"
    return [
        ("certificate", certificate.sha256),
        ("issued", declared.issued_at),
        *(("key", foreign(each.keyid)) for each in certificate.envelope.signatures),
        ("statement", foreign(own["statement"])),
        ("forgotten", f"{plural(forgotten['rows'], 'row')}{new}"),
        *(("", f"the class {foreign(name)}") for name in forgotten["classes"]),
        *(("", f"the feature {foreign(name)}") for name in forgotten["features"]),
        ("counted", f"{rows['counted']:,} of {plural(rows['committed'], 'row')}"),
        ("algorithm", _quoted(own["algorithm"]["words"])),
        ("guarantee", _quoted(own["guarantee"]["words"])),
        *(("assumes", _quoted(text)) for text in own["guarantee"]["assumes"]),
        ("requests", f"{len(declared.requests):,}" + (f", {late:,} of them completed late" if late else "")),
        *(("made with", f"{foreign(each.name)}, SHA-256 {each.sha256}") for each in declared.derived_from),
        *((("goes on from", f"the certificate {declared.previous}"),) if declared.previous else ()),
        ("not claimed", f"{len(certificate.statement['predicate']['notClaimed'])} things: see its page, `report`"),
    ]


def _quoted(text: str) -> str:
    """A sentence of a certificate, which may be anybody's: in quotes, broken over lines."""
    return repr(text)


def is_of_certificate(envelope: zu.Envelope) -> bool:
    """Whether a signed envelope is a certificate, or says that it is one."""
    if envelope.payload_type != PAYLOAD_TYPE:
        return False
    try:
        return read_json(envelope.payload, "the statement").get("predicateType") == PREDICATE
    except zu.FormatError:
        return False


def certificate_told(path: Path) -> tuple[str, Lines, str, dict[str, Any]]:
    """What `inspect` tells: a title, lines, the last one, and data. Raises FormatError, DataError."""
    certificate = zu.Certificate.load(path)
    lines = [("file", foreign(path)), *certificate_lines(certificate)]
    data = {"kind": KIND, "secret": False, **certificate_data(certificate)}
    return TITLE, lines, NOT_VERIFIED, data


def certificate_data(certificate: zu.Certificate) -> dict[str, Any]:
    """The same for JSON: the statement as it is."""
    signers = [each.keyid for each in certificate.envelope.signatures]
    return {"certificate": certificate.sha256, "keys": signers, "statement": certificate.statement}


def report_lines(report: zu.CertificateReport) -> Iterator[tuple[str, str]]:
    """What was verified."""
    yield "security", security_text(report.checked.security_bits, report.checked.total_bits)
    yield from (("signed", f"by the owner's key {key.keyid}, {key.scheme}") for key in report.signed_by)
    yield "pinned", ", ".join(report.checked.report.pinned) or "nothing"
    yield from (("not followed", text) for text in report.not_followed)


def report_data(report: zu.CertificateReport) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "security_bits": report.checked.security_bits,
        "total_bits": report.checked.total_bits,
        "signed_by": [key.keyid for key in report.signed_by],
        "pinned": list(report.checked.report.pinned),
        "not_followed": list(report.not_followed),
    }
