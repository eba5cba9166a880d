"""The last chapter of the demo: what is filed. A deletion certificate, its page for people, and a lie in one."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .. import (
    Certificate,
    DatasetCommitment,
    DeletionRequest,
    InvalidProof,
    Materials,
    PublicKey,
    RegistrationProof,
    SigningKey,
    TrainingProof,
    ZkUnlearnError,
    certify,
    report_page,
    verify_certificate,
)
from ..formats.files import write_file
from ..formats.strict_json import canonical_json, read_json
from ..verifier.certificates.requests import written_instant
from ..verifier.proofs import REGISTRATION_FILE
from ..verifier.trust.dsse import Envelope
from .demo_requests import COMMITMENT, Teller
from .words import size_text

KEY, PUBLIC = "owner.key", "owner.key.pub"
CERTIFICATE, REPORT = "second.certificate.json", "second.report.html"
DAYS = 30  # that the owner has for a request


def tell_certificate(
    story: Teller, owner: Path, auditor: Path, proofs: tuple[str, str], patients: list[str]
) -> tuple[Path, Path]:
    """The owner files, the auditor checks, and a certificate that says too much is found out.

    Args:
        proofs: names of the proof before patients withdrew, and of the one after.

    Returns:
        Where certificate and page are.
    """
    before, proof = proofs
    story.chapter("10  What is filed: a deletion certificate")
    story.say(
        "The hospital's data protection officer files a certificate, signed: what was asked, what was done, what is "
        "proved, and what is not claimed. The auditor writes it again from the proof, and compares."
    )
    story.shell(f"keygen --out {KEY}")
    key = SigningKey.generate()
    key.save(owner / KEY)
    now = datetime.now(UTC)
    requests = [
        DeletionRequest(
            f"request {number}",
            written_instant(now - timedelta(days=1)),
            written_instant(now),
            written_instant(now + timedelta(days=DAYS)),
        )
        for number in range(1, len(patients) + 1)
    ]
    _write_requests(owner / "requests.csv", requests)
    own = f"--dataset data/{COMMITMENT} --registration data/{REGISTRATION_FILE} --previous {before}"
    story.shell(f"certify {proof} {own} --requests requests.csv --key {KEY} --out {CERTIFICATE}")
    with story.timed("certificate"):
        certificate = certify(
            TrainingProof.load(owner / proof),
            DatasetCommitment.load(owner / "data" / COMMITMENT),
            key,
            previous=TrainingProof.load(owner / before),
            registrations=[RegistrationProof.load(owner / "data" / REGISTRATION_FILE)],
            requests=requests,
        )
    certificate.save(owner / CERTIFICATE)
    story.shell(f"report {CERTIFICATE} --out {REPORT}")
    names = [proof, COMMITMENT, before, REGISTRATION_FILE]
    write_file(owner / REPORT, report_page(certificate, name=CERTIFICATE, files_named=names).encode("utf-8"))
    for name in (PUBLIC, CERTIFICATE, REPORT):
        shutil.copyfile(owner / name, auditor / name)
    _audit(story, auditor, proofs, key)
    return auditor / CERTIFICATE, auditor / REPORT


def _write_requests(path: Path, requests: list[DeletionRequest]) -> None:
    lines = [f"{each.reference},{each.received_at},{each.due_at},{each.completed_at}" for each in requests]
    path.write_text("\n".join(["reference,received_at,due_at,completed_at", *lines]) + "\n", encoding="utf-8")


def _audit(story: Teller, auditor: Path, proofs: tuple[str, str], key: SigningKey) -> None:
    """Raises ZkUnlearnError if something false is accepted: the demo fails then."""
    before, proof = proofs
    materials = Materials(
        proof=TrainingProof.load(auditor / proof),
        dataset=DatasetCommitment.load(auditor / COMMITMENT),
        previous=TrainingProof.load(auditor / before),
        registrations=(RegistrationProof.load(auditor / REGISTRATION_FILE),),
    )
    owner = [PublicKey.load(auditor / PUBLIC)]
    story.shell(f"verify {CERTIFICATE} --proof {proof} --require-owner {PUBLIC}")
    with story.timed("verification of the certificate"):
        report = verify_certificate(Certificate.load(auditor / CERTIFICATE), materials, owner)
    own = report.certificate.implied
    story.say(f"VALID: it says what its proof implies; {own['guarantee']['words']}", "bold green")
    story.table(
        ["in the certificate", ""],
        [
            ["rows forgotten", f"{own['forgotten']['rows']} of {own['rows']['committed']}"],
            ["requests", str(len(report.certificate.declared.requests))],
            ["signed with", f"{key.public.scheme}, key {key.public.keyid[:16]}.."],
            ["size", size_text(len(report.certificate.to_bytes()))],
        ],
    )
    claim = own["forgotten"]["rows"] + 1
    story.say(f"The owner signs one that claims {claim} rows:", style="bold")
    try:
        verify_certificate(_claiming(report.certificate, claim, key), materials, owner)
    except InvalidProof as error:
        story.say(f"  INVALID: {error}", style="red")
        story.figures["certificate"] = {"bytes": len(report.certificate.to_bytes()), "lie": str(error)}
        return
    raise ZkUnlearnError("a certificate that says more than its proof was accepted")


def _claiming(certificate: Certificate, rows: int, key: SigningKey) -> Certificate:
    """The same with another number of forgotten rows, signed as well as the first."""
    statement: Any = read_json(certificate.envelope.payload, "the statement")
    statement["predicate"]["implied"]["forgotten"]["rows"] = rows
    return Certificate(Envelope.sign(certificate.envelope.payload_type, canonical_json(statement), [key]))
