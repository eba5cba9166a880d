"""What `verify` says of receipts: whether a person's rows are in the data set, and whether a training forgot them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import zkunlearn as zu

from ..formats.lists import parse_digest
from ..verifier.bundles import load_public, verify_bundle
from ..verifier.verify import verify_proof
from .exits import DONE, INVALID, reason_of
from .output import Lines, Output, foreign
from .words import plural


@dataclass(frozen=True)
class Checked:
    """What receipts are held against, all of it valid.

    Attributes:
        dataset: the commitment.
        registration: the registration, its digest if somebody checked it before, or None.
        proof: of a training, the last one of a bundle, or None.
    """

    dataset: zu.DatasetCommitment
    registration: zu.RegistrationProof | bytes | None
    proof: zu.TrainingProof | None


def is_receipt(file: Path) -> bool:
    """Whether a file says that it is one. Raises DataError for one that cannot be read."""
    try:
        zu.Receipt.load(file)
    except zu.FormatError as error:
        return error.fault == "damaged" and file.suffix == ".receipt"
    return True


def read_registration(named: str) -> zu.RegistrationProof | bytes:
    """A file, or the digest of a registration that was checked before. Raises FormatError, DataError."""
    return parse_digest(named) or zu.RegistrationProof.load(Path(named))


def commitment_of(receipt: zu.Receipt, file: Path) -> zu.DatasetCommitment:
    """That of the receipt's data set, beside it. Raises DataError."""
    for path in sorted(file.parent.glob("*.commitment")):
        try:
            beside = zu.DatasetCommitment.load(path)
        except zu.ZkUnlearnError:
            continue
        if beside.digest == receipt.dataset:
            return beside
    raise zu.DataError(
        f"{file}: it is about the data set {receipt.dataset.hex()}, whose commitment is not beside it; say --dataset"
    )


def check_around(
    dataset: zu.DatasetCommitment, registration: zu.RegistrationProof | bytes | None, training: Path | None
) -> Checked:
    """The data set, the registration and the training are valid. Raises InvalidProof, StatementMismatch."""
    verify_proof(dataset)
    if isinstance(registration, zu.RegistrationProof):
        zu.verify_registration(registration, dataset)
    found = None if training is None else load_public(training)
    if isinstance(found, zu.Bundle):
        verify_bundle(found, dataset)
        return Checked(dataset, registration, found.proofs[-1])
    if found is not None:
        proof = found if isinstance(found, zu.TrainingProof) else zu.TrainingProof.from_bytes(found.to_bytes())
        zu.verify(proof, dataset, known_dataset=dataset.digest)
        return Checked(dataset, registration, proof)
    return Checked(dataset, registration, None)


def show_receipts(output: Output, files: Sequence[Path], around: Checked) -> int:
    """The verdict on each receipt; the exit code."""
    found = [_verdict(file, around) for file in files]
    if len(found) == 1:
        ((_, title, lines, last, data),) = found
        output.result(title, lines, last, data)
    else:
        pairs = list(zip(files, found, strict=True))
        blocks = [(title, [("file", foreign(file)), *lines]) for file, (_, title, lines, _, _) in pairs]
        lasts = [f"{foreign(file)}: {last}" for file, (*_, last, _) in pairs]
        output.results(blocks, lasts, {"files": [{"file": str(file), **own[-1]} for file, own in pairs]})
    return max(code for code, *_ in found)


def _verdict(file: Path, around: Checked) -> tuple[int, str, Lines, str, dict[str, Any]]:
    start = perf_counter()
    receipt = zu.Receipt.load(file)
    try:
        report = zu.verify_receipt(receipt, around.dataset, around.registration, around.proof)
    except zu.ZkUnlearnError as error:
        refused = reason_of(error)
        if refused is None:
            raise
        check, reason = refused
        return (
            INVALID,
            "Claimed by the receipt",
            [],
            f"INVALID: {reason}",
            {"valid": False, "check": check, "reason": reason},
        )
    rows = ", ".join(str(position) for position in receipt.positions)
    lines: Lines = [("id", foreign(receipt.id)), ("data set", receipt.dataset.hex())]
    for position, values in report.values:
        lines.append(("row", f"at position {position}"))
        lines += [("", f"{foreign(name)} = {foreign(str(value))}") for name, value in values.items()]
    lines.append(("registration", _registered(report)))
    data: dict[str, Any] = {
        "id": receipt.id,
        "dataset": receipt.dataset.hex(),
        "rows": [{"position": position, **values} for position, values in report.values],
        "registration": report.registration.hex(),
        "registration_expected": report.expected,
        "forgotten": report.is_forgotten,
    }
    which = "row" if len(receipt.rows) == 1 else "rows"
    place = f"{foreign(receipt.id)} is {which} {rows} of the data set"
    if report.is_forgotten is None:
        return DONE, "Receipt", lines, f"VALID: {place} ({perf_counter() - start:.2f} s)", {"valid": True, **data}
    statement = "" if report.proof is None else report.proof.digest.hex()
    lines.append(("statement", statement))
    data |= {"statement": statement}
    if report.is_forgotten:
        last = f"VALID: {place}, and is forgotten in this statement ({perf_counter() - start:.2f} s)"
        return DONE, "Receipt", lines, last, {"valid": True, **data}
    left = len(receipt.rows) - len(report.forgotten)
    reason = (
        f"{place}, and is NOT forgotten in this statement: {plural(left, 'row')} of {len(receipt.rows)} still count"
    )
    return INVALID, "Receipt", lines, f"NOT FORGOTTEN: {reason}", {"valid": False, "reason": reason, **data}


def _registered(report: zu.ReceiptReport) -> str:
    digest = report.registration.hex()
    if report.expected:
        return f"{digest}: the row of the committed matrix at this position is this one"
    return f"{digest}: not checked; say --registration, so that the record is known to be that row of the matrix"
