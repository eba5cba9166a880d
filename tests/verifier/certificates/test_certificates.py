"""Deletion certificates say what their proofs imply, and nothing that is not so is accepted in one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.dataset import DatasetStatement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import DataError, FormatError, InvalidProof, InvalidSignature, ParameterError, StatementMismatch
from zkunlearn.formats.strict_json import canonical_json, read_json
from zkunlearn.prover.certificates.certify import certify, require_not_before
from zkunlearn.verifier.certificates.certificate import PAYLOAD_TYPE, Certificate, verify_certificate
from zkunlearn.verifier.certificates.declared import Origin
from zkunlearn.verifier.certificates.form import PREDICATE
from zkunlearn.verifier.certificates.guarantee import RETRAINED
from zkunlearn.verifier.certificates.materials import Materials
from zkunlearn.verifier.certificates.requests import DeletionRequest
from zkunlearn.verifier.pins import Pins
from zkunlearn.verifier.trust.dsse import Envelope
from zkunlearn.verifier.trust.schemes import ED25519
from zkunlearn.verifier.trust.signing_keys import SigningKey

from .certified import ISSUED, LATER, NAMES, REQUEST, certificate, chain, files, other_chain, owner, resigned, successor

NOW = datetime(2026, 12, 3, tzinfo=UTC)
Change = Callable[[dict[str, Any]], None]


def test_a_certificate_verifies_and_says_what_the_proof_says() -> None:
    report = verify_certificate(certificate(), files(), [owner().public], now=NOW)
    implied, proof = certificate().implied, chain().proofs[1]
    assert implied["statement"] == proof.digest.hex() and implied["supersedes"] == chain().proofs[0].digest.hex()
    assert implied["forgotten"]["rows"] == 2 == implied["forgotten"]["newRows"]
    assert implied["rows"] == {"committed": 32, "destroyed": 0, "heldOut": 0, "counted": 30}
    assert implied["guarantee"]["words"] == f"exact: {RETRAINED}"
    assert float(implied["soundness"]["bits"]) >= 100
    assert implied["records"]["fingerprintRoot"] == chain().registration.statement.root.hex()
    assert zu.TrainingSpec.from_toml(implied["algorithm"]["spec"]) == proof.statement.spec
    assert report.signed_by == (owner().public,)
    assert not any("signature" in each for each in report.not_followed)


def test_the_digests_of_a_certificate_are_those_of_the_files(tmp_path: Path) -> None:
    import hashlib

    named = [("proof", chain().proofs[1]), ("data set", chain().dataset), ("superseded proof", chain().proofs[0])]
    listed = {each["name"]: each for each in certificate().implied["files"]}
    for name, proof in (*named, ("registration", chain().registration)):
        proof.save(tmp_path / "file")
        data = (tmp_path / "file").read_bytes()
        own = hashlib.sha256(data).hexdigest()
        assert (listed[name]["digest"], listed[name]["bytes"]) == ({"sha256": own}, len(data)), name


def test_a_certificate_is_read_as_it_was_written(tmp_path: Path) -> None:
    certificate().save(tmp_path / "c.json")
    again = Certificate.load(tmp_path / "c.json")
    assert again.statement == certificate().statement and again.to_bytes() == certificate().to_bytes()


def test_a_successor_says_what_it_left_out_and_what_it_goes_on_from() -> None:
    report = verify_certificate(successor(), chain().materials(2), [owner().public], certificate(), now=NOW)
    forgotten = successor().implied["forgotten"]
    assert forgotten["features"] == [NAMES[1]] and forgotten["rows"] == 3 and forgotten["newRows"] == 1
    assert successor().implied["changes"] and report.before_compared
    alone = verify_certificate(successor(), chain().materials(2), now=NOW)
    assert any(certificate().sha256 in each for each in alone.not_followed)
    assert any("no signature was checked" in each for each in alone.not_followed)


# --- what an owner may claim, and sign, and the proof does not imply -----------------------------------------------


def _set(path: str, value: object) -> Change:
    def change(statement: dict[str, Any]) -> None:
        *folders, last = path.split(".")
        place: Any = statement
        for name in folders:
            place = place[int(name)] if name.isdigit() else place[name]
        place[last] = value

    return change


CLAIMS = {
    "more rows": (_set("predicate.implied.forgotten.rows", 3), "implied.forgotten.rows is 3; the proof implies 2"),
    "fewer rows that count": (_set("predicate.implied.rows.counted", 29), "rows.counted is 29; the proof implies 30"),
    "other rows": (_set("predicate.implied.forgotten.recordsSha256", "0" * 64), "forgotten.recordsSha256 is '000"),
    "more bits": (_set("predicate.implied.soundness.bits", "128.0"), "soundness.bits is '128.0'; the proof implies '1"),
    "a better guarantee": (_set("predicate.implied.guarantee.kind", "exact: certified optimum"), "guarantee.kind is"),
    "no assumption": (_set("predicate.implied.guarantee.assumes", []), "guarantee.assumes is []; the proof implies"),
    "another algorithm": (_set("predicate.implied.algorithm.words", "deep learning"), "algorithm.words is 'deep"),
    "no predecessor": (_set("predicate.implied.supersedes", None), "implied.supersedes is None; the proof implies"),
    "another file": (_set("predicate.implied.files.0.digest.sha256", "1" * 64), "files[0].digest.sha256 is '111"),
    "another model": (_set("subject.2.digest.zkunlearnModelRoot", "2" * 64), "subject[2].digest.zkunlearnModelRoot is"),
    "an unclaimed claim": (_set("predicate.notClaimed", []), "notClaimed is []; the proof implies"),
    "a class": (_set("predicate.implied.forgotten.classes", ["1"]), "forgotten.classes is ['1']; the proof implies []"),
    "a registration": (_set("predicate.implied.records.fingerprintRoot", "3" * 64), "records.fingerprintRoot is '333"),
    "a digest less": (
        lambda statement: statement["subject"][0]["digest"].pop("zkunlearnStatement"),
        "subject[0].digest.zkunlearnStatement: is missing",
    ),
    "one instead of true": (_set("predicate.implied.rows.destroyed", 1), "rows.destroyed is 1; the proof implies 0"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_certificate_that_says_more_than_its_proof_is_rejected(name: str) -> None:
    change, reason = CLAIMS[name]
    with pytest.raises(InvalidProof, match=re.escape(reason)) as caught:
        verify_certificate(resigned(change), files(), [owner().public], now=NOW)
    assert caught.value.check == "certificate"


UNKNOWN = {
    "of the statement": (_set("comment", "certified"), "the statement has an unknown field 'comment'"),
    "of the predicate": (_set("predicate.seal", "gold"), "the predicate has an unknown field 'seal'"),
    "implied": (_set("predicate.implied.quality", "gold"), "implied has an unknown field 'quality'"),
    "of a part": (_set("predicate.implied.rows.deleted", 7), "implied.rows has an unknown field 'deleted'"),
    "of a file": (_set("predicate.implied.files.0.url", "x"), "a file has an unknown field 'url'"),
    "of a subject": (_set("subject.0.uri", "x"), "a subject has an unknown field 'uri'"),
    "declared": (_set("predicate.declared.lawyer", "me"), "declared has an unknown field 'lawyer'"),
    "of a request": (_set("predicate.declared.requests.0.name", "Ann"), "request has an unknown field 'name'"),
    "another type": (_set("predicateType", "https://slsa.dev/provenance/v1"), "predicateType is 'https://slsa.dev"),
    "an older statement": (_set("_type", "https://in-toto.io/Statement/v0.1"), "_type is 'https://in-toto.io"),
    "a number for a text": (_set("predicate.implied.soundness.bits", 128), "field 'bits' is an integer, not text"),
    "a file without its digest": (
        _set("predicate.implied.files.0.digest", {"sha1": "0"}),
        "digest of a file has an unknown field 'sha1'",
    ),
    "a digest of no text": (_set("subject.0.digest.sha256", 5), "digest: field 'sha256' is an integer, not text"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_certificate_of_another_form_is_no_certificate(name: str) -> None:
    change, reason = UNKNOWN[name]
    with pytest.raises(FormatError, match=re.escape(reason)):
        resigned(change)


def test_a_digest_under_a_further_name_is_rejected() -> None:
    change = _set("subject.0.digest.sha512", "4" * 128)
    with pytest.raises(InvalidProof, match=re.escape("subject[0].digest.sha512: an unknown field")):
        verify_certificate(resigned(change), files(), [owner().public], now=NOW)


def test_a_proof_of_another_chain_is_rejected() -> None:
    stranger = other_chain()
    with pytest.raises(InvalidProof, match="the proof implies") as caught:
        verify_certificate(certificate(), stranger.materials(1, registrations=(stranger.registration,)), now=NOW)
    assert caught.value.check == "certificate"
    mixed = Materials(proof=chain().proofs[1], dataset=stranger.dataset, previous=chain().proofs[0])
    with pytest.raises(StatementMismatch, match="another data set"):
        verify_certificate(certificate(), mixed, now=NOW)
    swapped = Materials(proof=chain().proofs[1], dataset=chain().dataset, previous=stranger.proofs[0])
    with pytest.raises(StatementMismatch):
        verify_certificate(certificate(), swapped, now=NOW)


def test_a_registration_of_another_data_set_is_rejected() -> None:
    mixed = chain().materials(1, registrations=(other_chain().registration,))
    with pytest.raises(StatementMismatch, match="registration: it is of another data set"):
        verify_certificate(certificate(), mixed, now=NOW)


def test_a_proof_that_is_not_valid_has_no_certificate() -> None:
    proof = chain().proofs[1]
    broken = type(proof)(proof.statement, proof.proof[:-1] + bytes([proof.proof[-1] ^ 1]), proof.attached)
    with pytest.raises(InvalidProof) as caught:
        certify(broken, chain().dataset, owner(), previous=chain().proofs[0], issued_at=ISSUED)
    assert caught.value.check != "certificate"
    with pytest.raises(InvalidProof) as caught:
        verify_certificate(certificate(), chain().materials(1, proof=broken), now=NOW)
    assert caught.value.check != "certificate"


def test_a_certificate_that_another_key_signed_is_rejected() -> None:
    with pytest.raises(InvalidSignature, match="there is none of the key"):
        verify_certificate(certificate(), files(), [SigningKey.generate(ED25519).public], now=NOW)


def test_a_changed_payload_is_not_signed() -> None:
    changed = resigned(_set("predicate.declared.softwareVersion", "9.9"))
    moved = Envelope(PAYLOAD_TYPE, changed.envelope.payload, certificate().envelope.signatures)
    with pytest.raises(InvalidSignature, match="is not one of the key"):
        verify_certificate(Certificate(moved), files(), [owner().public], now=NOW)


def test_two_fields_of_one_name_in_the_payload_are_refused() -> None:
    payload = canonical_json(certificate().statement).replace(b'"bits":', b'"bits":"128.0","bits":')
    with pytest.raises(FormatError, match="'bits' occurs twice"):
        Certificate(Envelope.sign(PAYLOAD_TYPE, payload, [owner()]))


def test_a_payload_of_another_type_is_no_certificate() -> None:
    with pytest.raises(FormatError, match="'application/json', not"):
        Certificate(Envelope.sign("application/json", canonical_json(certificate().statement), [owner()]))


def test_what_an_auditor_pins_is_compared_with_the_proof_of_a_certificate() -> None:
    spec = zu.TrainingSpec(model="logistic", epochs=3, learning_rate=0.5)
    with pytest.raises(StatementMismatch, match="epochs"):
        verify_certificate(certificate(), files(), pins=Pins(spec=spec), now=NOW)
    own = chain().proofs[1].statement.spec
    report = verify_certificate(certificate(), files(), pins=Pins(spec=own), now=NOW)
    assert "spec" in report.checked.report.pinned
    with pytest.raises(ParameterError, match="previous: a certificate is about all that it names"):
        verify_certificate(certificate(), files(), pins=Pins(previous=chain().proofs[0]), now=NOW)


# --- dates, requests, chains ---------------------------------------------------------------------------------------


def _request(**fields: str | None) -> Change:
    return lambda statement: statement["predicate"]["declared"]["requests"][0].update(fields)


DATES = {
    "completed later than issued": (_request(completedAt="2026-11-30T12:00:01Z"), "completed after the certificate"),
    "received after it was completed": (_request(receivedAt="2026-11-30T10:00:01Z"), "completed before it was"),
    "due before it was received": (_request(dueAt="2026-10-31T00:00:00Z"), "due before it was received"),
    "a date without a zone": (_request(receivedAt="2026-11-01T09:00:00"), "is no instant with a zone"),
    "a day that is none": (_request(receivedAt="2026-02-30T09:00:00Z"), "day"),
    "a name that nobody can see": (_request(reference="DSR-\u202e71"), "characters that do not print"),
    "an escape": (_request(reference="\x1b[2J"), "characters that do not print"),
    "a name that looks like another": (_request(reference="Zoe\u0308"), "is not in NFC"),
    "no name": (_request(reference=""), "has 0 characters"),
    "a version that hides": (_set("predicate.declared.softwareVersion", "0.1\u202e"), "version: '0.1\\u202e' has"),
    "issued before there was anything": (_set("predicate.declared.issuedAt", "1999-01-01T00:00:00Z"), "before there"),
    "a request twice": (
        lambda statement: statement["predicate"]["declared"]["requests"].append(REQUEST.to_mapping()),
        "request 'DSR-17': is there twice",
    ),
    "a digest that is none": (_set("predicate.declared.previousCertificate", "AB" * 32), "is no SHA-256"),
    "an origin that hides": (
        _set("predicate.declared.derivedFrom", [{"name": "\u202eencoder", "digest": {"sha256": "0" * 64}}]),
        "derived from: name: ",
    ),
    "an origin without a digest": (
        _set("predicate.declared.derivedFrom", [{"name": "encoder", "digest": {"sha256": "?"}}]),
        "derived from 'encoder': '?' is no SHA-256",
    ),
}


@pytest.mark.parametrize("name", DATES)
def test_a_certificate_that_declares_what_cannot_be_is_no_certificate(name: str) -> None:
    change, reason = DATES[name]
    with pytest.raises(FormatError, match=re.escape(reason)):
        resigned(change)


def test_a_certificate_from_the_future_is_rejected() -> None:
    early = datetime(2026, 11, 29, 11, 59, tzinfo=UTC)
    with pytest.raises(InvalidProof, match="is in the future; or the clock here is wrong"):
        verify_certificate(certificate(), files(), now=early)
    verify_certificate(certificate(), files(), now=early.replace(hour=12))  # clocks differ by a day at most


def test_a_certificate_older_than_what_it_goes_on_from_is_rejected() -> None:
    change = _set("predicate.declared.issuedAt", "2026-11-30T11:59:59Z")
    with pytest.raises(InvalidProof, match="before the certificate that it goes on from"):
        verify_certificate(resigned(change, successor()), chain().materials(2), before=certificate(), now=NOW)


def test_a_request_cannot_be_completed_while_the_model_was_the_one_before() -> None:
    own = DeletionRequest("DSR-18", "2026-11-01T09:00:00Z", "2026-11-30T11:59:59Z")
    change = _set("predicate.declared.requests", [own.to_mapping()])
    with pytest.raises(InvalidProof, match="when the model was still that of the certificate before"):
        verify_certificate(resigned(change, successor()), chain().materials(2), before=certificate(), now=NOW)


def test_a_certificate_goes_on_from_the_one_that_it_names_only() -> None:
    other = resigned(lambda statement: None, certificate())
    again = resigned(_set("predicate.declared.softwareVersion", "0.0"))
    verify_certificate(successor(), chain().materials(2), before=other, now=NOW)  # the same bytes: Ed25519 has no coins
    with pytest.raises(StatementMismatch, match="goes on from another one"):
        verify_certificate(successor(), chain().materials(2), before=again, now=NOW)
    loop = resigned(_set("predicate.declared.previousCertificate", successor().sha256))
    with pytest.raises(StatementMismatch, match="not of the statement that this one supersedes"):
        verify_certificate(loop, files(), before=successor(), now=NOW)


def test_what_forgets_nothing_has_no_certificate() -> None:
    with pytest.raises(ParameterError, match="nothing is forgotten by it"):
        certify(chain().proofs[0], chain().dataset, owner(), issued_at=ISSUED)


def test_what_is_superseded_is_needed() -> None:
    with pytest.raises(ParameterError, match=f"it supersedes {chain().proofs[0].digest.hex()}, which is needed"):
        certify(chain().proofs[1], chain().dataset, owner(), issued_at=ISSUED)


def test_a_certificate_needs_a_key() -> None:
    with pytest.raises(ParameterError, match="signed by one key or more"):
        certify(chain().proofs[1], chain().dataset, [], previous=chain().proofs[0], issued_at=ISSUED)


def test_a_certificate_names_what_the_model_was_made_with(tmp_path: Path) -> None:
    (tmp_path / "encoder.pt").write_bytes(b"abc")
    found = certify(
        chain().proofs[1],
        chain().dataset,
        owner(),
        previous=chain().proofs[0],
        derived_from={"encoder": tmp_path / "encoder.pt"},
        issued_at=LATER,
    )
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert found.declared.derived_from == (Origin("encoder", digest),)


def test_a_certificate_is_not_dated_before_its_proof(tmp_path: Path) -> None:
    chain().proofs[1].save(tmp_path / "p.proof")
    with pytest.raises(DataError, match=r"was written at .*, after that"):
        require_not_before("2026-01-02T00:00:00Z", tmp_path / "p.proof")


def test_many_requests_fit() -> None:
    requests = [DeletionRequest(f"DSR-{number:08}", REQUEST.received_at, ISSUED, ISSUED) for number in range(10_000)]
    own = chain()
    found = certify(own.proofs[1], own.dataset, owner(), previous=own.proofs[0], requests=requests, issued_at=ISSUED)
    assert len(found.to_bytes()) < 5_000_000
    assert len(verify_certificate(found, own.materials(1), now=NOW).certificate.declared.requests) == 10_000


def test_the_page_on_certificates_has_every_field() -> None:
    page = (Path(__file__).parents[3] / "docs" / "certificates.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert _fields(read_json(text.encode(), "the page")) == _fields(_whole())


def _whole() -> dict[str, Any]:
    def change(statement: dict[str, Any]) -> None:
        statement["predicate"]["declared"]["derivedFrom"] = [Origin("encoder", "0" * 64).to_mapping()]

    return resigned(change).statement


def _fields(value: object, path: str = "") -> set[str]:
    """The paths of all fields, elements of lists taken together."""
    if isinstance(value, dict):
        return set().union(*({f"{path}.{name}"} | _fields(item, f"{path}.{name}") for name, item in value.items()))
    return set().union(*(_fields(item, path) for item in value)) if isinstance(value, list) else set()


FROZEN = Path(__file__).parents[2] / "vectors" / "frozen"


def test_a_certificate_that_was_written_once_is_still_valid() -> None:
    """If this fails and you did not mean to change what a certificate says, you have: its type needs a new version."""
    version = TrainingStatement.version
    materials = Materials(
        proof=zu.TrainingProof.load(FROZEN / f"training.v{version}.unlearning.proof"),
        dataset=zu.DatasetCommitment.load(FROZEN / f"dataset.v{DatasetStatement.version}.proof"),
        previous=zu.TrainingProof.load(FROZEN / f"training.v{version}.proof"),
    )
    found = Certificate.load(FROZEN / "certificate.v1.json")
    report = verify_certificate(found, materials, [zu.PublicKey.load(FROZEN / "certificate.v1.pub")], now=NOW)
    assert report.certificate.implied["forgotten"]["newRows"] == 2


def test_the_envelope_of_a_certificate_is_one_for_other_tools() -> None:
    """Signed by another library's own key object: it finds payload, type and signature where DSSE has them."""
    from securesystemslib.dsse import Envelope as TheirEnvelope
    from securesystemslib.signer import SSlibKey

    key = owner().public
    theirs = TheirEnvelope.from_dict(json.loads(certificate().to_bytes()))
    known = SSlibKey(key.keyid, "ed25519", "ed25519", {"public": key.raw.hex()})
    assert theirs.verify([known], 1) == {key.keyid: known}
    assert json.loads(theirs.payload)["predicateType"] == PREDICATE


# --- what is given with it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["proof", "dataset", "previous", "links", "registrations"])
def test_materials_of_another_type_are_refused_by_name(name: str) -> None:
    wrong: Any = ("a file",) if name in ("links", "registrations") else "a file"
    with pytest.raises(ParameterError, match=f"^{name}: expected .*, found str"):
        chain().materials(1, **{name: wrong})


def test_keys_and_certificates_of_another_type_are_refused_by_name() -> None:
    wrong: Any = "a file"
    with pytest.raises(ParameterError, match=r"^owner: expected PublicKey, found str"):
        verify_certificate(certificate(), files(), [wrong], now=NOW)
    with pytest.raises(ParameterError, match=r"^before: expected Certificate, found str"):
        verify_certificate(successor(), chain().materials(2), before=wrong, now=NOW)


def test_links_that_lead_nowhere_and_registrations_without_those_before_are_refused() -> None:
    features = np.random.default_rng(5).uniform(-1, 1, (12, 1))
    dataset = zu.commit(features, np.arange(12) % 2, names=["a"], bounds={"a": (-1, 1)})
    first = zu.register(dataset)
    grown, link = zu.append(dataset, features[:2], np.arange(2), ids=["n1", "n2"])
    proof = zu.prove(grown, zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5), forget=["n1"]).proof
    given: dict[str, Any] = {"proof": proof, "dataset": grown.commitment}
    with pytest.raises(StatementMismatch, match="links: one leads nowhere that matters here"):
        certify(proof, grown.commitment, owner(), links=[link], issued_at=ISSUED)
    last = zu.register(grown, previous=first)
    with pytest.raises(ParameterError, match="of those before is needed, too"):
        certify(proof, grown.commitment, owner(), registrations=[last], links=[link], issued_at=ISSUED)
    whole: dict[str, Any] = {"registrations": (first, last), "links": (link,)}
    made = certify(proof, grown.commitment, owner(), issued_at=ISSUED, **whole)
    verify_certificate(made, Materials(**given | whole), [owner().public], now=NOW)
    assert made.implied["records"]["fingerprintRoot"] == last.statement.root.hex()
