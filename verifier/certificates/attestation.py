"""The auditor's own word on a certificate: in-toto's Simple Verification Result (type svr/v0.1), signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ...errors import FormatError, require_type
from ...formats.strict_json import canonical_json, read_json
from ..trust.dsse import Envelope
from ..trust.keys import PublicKey
from ..trust.signing_keys import SigningKey
from .certificate import PAYLOAD_TYPE, CertificateReport
from .form import STATEMENT
from .requests import written_instant

RESULT = "https://in-toto.io/attestation/svr/v0.1"
VERIFIER = "urn:zkunlearn:auditor:"  # before the name of the key
VALID, PROOF, OWNER = "ZKUNLEARN_CERTIFICATE_VALID", "ZKUNLEARN_PROOF_VALID", "ZKUNLEARN_OWNER_SIGNED"
GUARANTEES = {
    "exact retraining": "ZKUNLEARN_EXACT_RETRAINING",
    "exact retraining of shards": "ZKUNLEARN_EXACT_RETRAINING_OF_SHARDS",
    "exact: certified optimum": "ZKUNLEARN_EXACT_CERTIFIED_OPTIMUM",
    "(epsilon, delta)": "ZKUNLEARN_EPSILON_DELTA",
}
PINNED = "ZKUNLEARN_PINNED_"


def attest(report: CertificateReport, key: SigningKey, when: datetime | None = None) -> Envelope:
    """The result of a verification, signed by who made it.

    Args:
        when: of the verification; now, by default.

    Raises:
        DataError: `when` has no zone.
        ParameterError: an argument of another type.
    """
    require_type("key", key, SigningKey, "`SigningKey.load` reads a file")
    require_type("report", report, CertificateReport, "`verify_certificate` returns it")
    proof = next(each for each in report.certificate.implied["files"] if each["name"] == "proof")
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": "certificate", "digest": {"sha256": report.certificate.sha256}},
            {"name": "proof", "digest": proof["digest"]},
        ],
        "predicateType": RESULT,
        "predicate": {
            "verifier": {"id": f"{VERIFIER}{key.public.keyid}"},
            "timeCreated": written_instant(datetime.now(UTC) if when is None else when),
            "properties": list(_properties(report)),
        },
    }
    return Envelope.sign(PAYLOAD_TYPE, canonical_json(statement), [key])


def require_attested(envelope: Envelope, key: PublicKey, certificate_sha256: str) -> tuple[str, ...]:
    """What an auditor attests of a certificate, by name.

    Raises:
        InvalidSignature: it is not signed by this key.
        FormatError: it is no result of a verification, or not by the owner of the key, or of another certificate.
        ParameterError: an argument of another type.
    """
    require_type("envelope", envelope, Envelope, "`attest` returns it")
    require_type("key", key, PublicKey, "`PublicKey.load` reads a file")
    envelope.require_signature(key)
    found: dict[str, Any] = read_json(envelope.payload, "the result")
    if envelope.payload_type != PAYLOAD_TYPE or found.get("predicateType") != RESULT:
        raise FormatError("this is no result of a verification", "kind")
    subjects, predicate = found.get("subject"), found.get("predicate")
    named = {"name": "certificate", "digest": {"sha256": certificate_sha256}}
    if not isinstance(subjects, list) or named not in subjects:
        raise FormatError("the result is of another certificate")
    if not isinstance(predicate, dict) or predicate.get("verifier") != {"id": f"{VERIFIER}{key.keyid}"}:
        raise FormatError("the result is in the name of another auditor than who signed it")
    properties = predicate.get("properties")
    if not isinstance(properties, list) or not all(isinstance(each, str) for each in properties):
        raise FormatError("the result names no properties")
    return tuple(properties)


def _properties(report: CertificateReport) -> Iterator[str]:
    yield VALID
    yield PROOF
    if report.signed_by:
        yield OWNER
    yield GUARANTEES[report.certificate.implied["guarantee"]["kind"]]
    yield from (f"{PINNED}{name.upper().replace(' ', '_')}" for name in report.checked.report.pinned)
