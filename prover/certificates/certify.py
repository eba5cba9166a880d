"""Making a deletion certificate: check what it is about, say what was asked, sign."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ...errors import DataError, ParameterError, require_type
from ...formats.files import opened
from ...verifier.certificates.certificate import Certificate, require_goes_on, signed
from ...verifier.certificates.declared import Declared, Origin
from ...verifier.certificates.materials import Materials, Unlearning, check_materials
from ...verifier.certificates.requests import FIRST, DeletionRequest, instant, written_instant
from ...verifier.proofs import DatasetCommitment, LinkProof, RegistrationProof
from ...verifier.trust.signing_keys import SigningKey
from ...version import VERSION

MAX_ORIGIN_BYTES = 1 << 40
PIECE = 1 << 20


def certify(
    proof: Unlearning,
    dataset: DatasetCommitment,
    key: SigningKey | Sequence[SigningKey],
    *,
    previous: Unlearning | None = None,
    links: Sequence[LinkProof] = (),
    registrations: Sequence[RegistrationProof] = (),
    requests: Sequence[DeletionRequest] = (),
    before: Certificate | None = None,
    derived_from: Mapping[str, Path | str] | None = None,
    issued_at: str | None = None,
) -> Certificate:
    """The certificate of a proved unlearning. Proof, links and registrations are checked first.

    Args:
        proof: of the unlearning, or its bundle. dataset: what it is about.
        key: the owner's; or several, each of which signs.
        previous: the proof or bundle that it supersedes, if it supersedes something. links: between their data sets.
        registrations: of the data set, with those that they go on from, to be named in it.
        requests: what was asked.
        before: the certificate of `previous`, if there is one.
        derived_from: files outside of the proof that the model was made with, by what they are; only digests are kept.
        issued_at: as RFC 3339 writes it; now, by default.

    Raises:
        InvalidProof: what is to be certified is not valid.
        StatementMismatch: it does not belong together.
        ParameterError: nothing is forgotten, something is missing, or an argument of another type.
        DataError: a request, an instant, or a clock that cannot be right.
    """
    given: list[object] = [*key] if isinstance(key, list | tuple) else [key]
    for each in given:
        require_type("key", each, SigningKey, "`SigningKey.load` reads a file")
    keys = [each for each in given if isinstance(each, SigningKey)]
    if not keys:
        raise ParameterError("key: a certificate is signed by one key or more")
    for request in requests:
        require_type("requests", request, DeletionRequest)
    materials = Materials(
        proof=proof, dataset=dataset, previous=previous, links=tuple(links), registrations=tuple(registrations)
    )
    declared = Declared(
        issued_at=now() if issued_at is None else issued_at,
        requests=tuple(requests),
        version=VERSION,
        previous=None if before is None else before.sha256,
        derived_from=tuple(Origin(name, _digest_of(path)) for name, path in (derived_from or {}).items()),
    )
    certificate = signed(check_materials(materials), declared, keys)
    if before is not None:
        require_goes_on(certificate, before)
    return certificate


def now() -> str:
    """The time by the clock here. Raises DataError if that cannot be."""
    when = datetime.now(UTC)
    if when < FIRST:
        raise DataError(f"the clock says {when.date()}: that cannot be")
    return written_instant(when)


def require_not_before(issued_at: str, file: Path) -> None:
    """Raises DataError if a certificate of a file's proof is dated before the file was written."""
    try:
        written = datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(microsecond=0)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error
    if instant(issued_at, "issued at") < written:
        raise DataError(f"issued at {issued_at}: {file} was written at {written_instant(written)}, after that")


def _digest_of(path: Path | str) -> str:
    digest = hashlib.sha256()
    with opened(path, MAX_ORIGIN_BYTES) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
