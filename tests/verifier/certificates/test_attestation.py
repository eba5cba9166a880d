"""An auditor's own word on a certificate: what was verified, by whom, and of which certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from zkunlearn.errors import DataError, FormatError, InvalidSignature
from zkunlearn.formats.strict_json import canonical_json, read_json
from zkunlearn.verifier.certificates.attestation import attest, require_attested
from zkunlearn.verifier.certificates.certificate import PAYLOAD_TYPE, verify_certificate
from zkunlearn.verifier.pins import Pins
from zkunlearn.verifier.trust.dsse import Envelope
from zkunlearn.verifier.trust.schemes import ED25519
from zkunlearn.verifier.trust.signing_keys import SigningKey

from .certified import certificate, chain, files, owner, successor

NOW = datetime(2026, 12, 3, tzinfo=UTC)
AUDITOR = SigningKey.generate(ED25519)


def result(**options: Any) -> Envelope:
    report = verify_certificate(certificate(), files(), now=NOW, **options)
    return attest(report, AUDITOR, NOW)


def changed(name: str, value: object, key: SigningKey = AUDITOR) -> Envelope:
    statement = read_json(result().payload, "the result")
    if name in statement:
        statement[name] = value
    else:
        statement["predicate"][name] = value
    return Envelope.sign(PAYLOAD_TYPE, canonical_json(statement), [key])


def test_a_result_says_what_was_verified_and_what_was_pinned() -> None:
    pins = Pins(spec=chain().proofs[1].statement.spec)
    found = require_attested(result(owner=[owner().public], pins=pins), AUDITOR.public, certificate().sha256)
    assert {"ZKUNLEARN_CERTIFICATE_VALID", "ZKUNLEARN_OWNER_SIGNED", "ZKUNLEARN_EXACT_RETRAINING"} < set(found)
    assert "ZKUNLEARN_PINNED_SPEC" in found and "ZKUNLEARN_PINNED_NONCE" not in found
    assert "ZKUNLEARN_OWNER_SIGNED" not in require_attested(result(), AUDITOR.public, certificate().sha256)


def test_a_result_has_the_form_of_in_toto() -> None:
    statement = read_json(result().payload, "the result")
    assert statement["predicateType"] == "https://in-toto.io/attestation/svr/v0.1"
    assert set(statement["predicate"]) == {"verifier", "timeCreated", "properties"}
    assert statement["predicate"]["timeCreated"] == "2026-12-03T00:00:00Z"


def test_a_result_of_another_certificate_is_refused() -> None:
    with pytest.raises(FormatError, match="of another certificate"):
        require_attested(result(), AUDITOR.public, successor().sha256)


def test_a_result_of_another_auditor_is_refused() -> None:
    other = SigningKey.generate(ED25519)
    with pytest.raises(InvalidSignature, match="there is none of the key"):
        require_attested(result(), other.public, certificate().sha256)
    own = read_json(result().payload, "the result")["predicate"]["verifier"]
    with pytest.raises(FormatError, match="in the name of another auditor"):
        require_attested(changed("verifier", own, other), other.public, certificate().sha256)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("predicateType", "https://in-toto.io/attestation/vsa/v1", "no result of a verification"),
        ("subject", [], "of another certificate"),
        ("properties", "ZKUNLEARN_CERTIFICATE_VALID", "names no properties"),
    ],
)
def test_what_is_signed_and_is_no_result_is_refused(name: str, value: object, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        require_attested(changed(name, value), AUDITOR.public, certificate().sha256)


def test_a_certificate_is_no_result() -> None:
    with pytest.raises(FormatError, match="no result of a verification"):
        require_attested(certificate().envelope, owner().public, certificate().sha256)


def test_an_instant_without_a_zone_is_refused() -> None:
    report = verify_certificate(certificate(), files(), now=NOW)
    with pytest.raises(DataError, match="has no zone"):
        attest(report, AUDITOR, datetime(2026, 12, 3))
