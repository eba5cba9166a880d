"""What `verify` says of receipts: whether a person's rows are in the data set, and whether a training forgot them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import click
import zkunlearn as zu

from ..formats.container import kind_of
from ..formats.lists import parse_digest
from ..verifier.bundles import load_public, verify_bundle
from ..verifier.receipts import RECEIPT_KIND
from ..verifier.registrations import registrations_before
from ..verifier.verify import verify_proof
from .exits import DONE, INVALID, REFUSED, reason_of
from .output import Lines, Output, foreign
from .words import plural

SUFFIX = ".receipt"
TITLE, CLAIMED = "Receipt", "Claimed by the receipt"
P = TypeVar("P", bound=zu.Proof[Any])


@dataclass(frozen=True)
class Named:
    """What the auditor names beside receipts.

    Attributes:
        dataset: a file; None takes what lies beside the first receipt.
        registrations: the file of its registration and of those that it goes on from; or the digest of one that was
            checked before. Of a file that goes on from others, these are by default those beside it.
        proof: a file of a training, or a bundle.
        links: from where rows were first committed to the data set; none takes those beside the registration.
        known: the digest of a data set whose validity proof was checked before.
        key: what somebody knows to be hers in the columns of keys, as COLUMN=VALUE each.
    """

    dataset: Path | None
    registrations: Sequence[str]
    proof: Path | None
    links: Sequence[Path]
    known: bytes | None = None
    key: Sequence[str] = ()


@dataclass(frozen=True)
class Around:
    """What receipts are held against, all of it valid.

    Attributes:
        dataset: the commitment.
        registration: the registration, or its digest, or None.
        proof: of a training, the last one of a bundle, or None.
        key: values of the columns of keys, in their order, or None.
    """

    dataset: zu.DatasetCommitment
    registration: zu.RegistrationProof | bytes | None
    proof: zu.TrainingProof | None
    key: Sequence[str] | None


@dataclass
class Found:
    """The verdict on one receipt, as it is shown."""

    code: int
    last: str
    title: str = TITLE
    lines: Lines = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)


def any_receipts(files: Sequence[Path]) -> bool:
    """Whether these are receipts. Raises UsageError: only some are; and what keeps a single one from being read."""
    if len(files) == 1:
        return kind_of(files[0]) == RECEIPT_KIND
    found = [_is_receipt(file) for file in files]
    if any(found) and not all(found):
        raise click.UsageError("receipts go by themselves; say --dataset, --registration and --proof for the others")
    return any(found)


def _is_receipt(file: Path) -> bool:
    try:
        return kind_of(file) == RECEIPT_KIND
    except zu.ZkUnlearnError:
        return False  # what is wrong with it is told when it is read


def judge_receipts(output: Output, files: Sequence[Path], named: Named) -> int:
    """The verdict on each receipt; the exit code. Raises what keeps anything from being said."""
    read = [_read(file, len(files) == 1) for file in files]
    good = [(file, own) for file, own in zip(files, read, strict=True) if isinstance(own, zu.Receipt)]
    found = [own for own in read if isinstance(own, Found)]
    if good:
        with output.phases("verifying"):
            try:
                around = _around(good[0], named)
            except zu.ZkUnlearnError as error:
                wrong = _failed(error)
                if wrong.code == REFUSED:
                    raise
                output.result("Named beside receipts", [], wrong.last, wrong.data)
                return INVALID
            found = [own if isinstance(own, Found) else _judge(own, around) for own in read]
    _show(output, files, found)
    codes = {own.code for own in found}
    return next((code for code in (INVALID, REFUSED) if code in codes), DONE)


def _read(file: Path, only: bool) -> zu.Receipt | Found:
    try:
        return zu.Receipt.load(file)
    except zu.ZkUnlearnError as error:
        found = _failed(error)
        if only and found.code == REFUSED:
            raise
        return found


def read_receipts(folder: Path) -> list[tuple[Path, zu.Receipt]]:
    """All receipts in a folder. Raises DataError if there is none; DataError or FormatError for one of another form."""
    found = [(path, zu.Receipt.load(path)) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    if not found:
        raise zu.DataError(f"{folder}: there are no receipts (*{SUFFIX})")
    return found


def _around(first: tuple[Path, zu.Receipt], named: Named) -> Around:
    """Raises InvalidProof, StatementMismatch and FormatError for what is not valid, DataError for what is missing."""
    file, receipt = first
    dataset = _commitment(receipt, file) if named.dataset is None else zu.DatasetCommitment.load(named.dataset)
    if named.known is None:
        verify_proof(dataset)
    elif named.known != dataset.digest:
        raise zu.StatementMismatch("the data set is another one than the known one")
    registration = _registration(named, dataset) if named.registrations else None
    proof = None if named.proof is None else _training(named.proof, dataset)
    return Around(dataset, registration, proof, _key(named.key, dataset.statement.encoding.keys))


def _key(given: Sequence[str], names: Sequence[str]) -> list[str] | None:
    """Values of the columns of keys, in their order. Raises UsageError for others, or not all of them."""
    if not given:
        return None
    values = dict(each.partition("=")[::2] for each in given)
    if len(values) < len(given) or {*values} != {*names}:
        columns = " ".join(f"--key {foreign(name)}=.." for name in names)
        raise click.UsageError(f"--key: say {columns}" if names else "--key: rows of this data set have no keys")
    return [values[name] for name in names]


def _commitment(receipt: zu.Receipt, file: Path) -> zu.DatasetCommitment:
    """That of the receipt's data set, beside it."""
    for beside in _beside(file, "*.commitment", zu.DatasetCommitment):
        if beside.digest == receipt.dataset:
            return beside
    raise zu.DataError(
        f"{file}: it is about the data set {receipt.dataset.hex()}, whose commitment is not beside it; say --dataset"
    )


def _beside(file: Path, pattern: str, kind: type[P]) -> list[P]:
    """All files beside one that can be read as proofs of this kind."""
    found = []
    for path in sorted(file.parent.glob(pattern)):
        try:
            found.append(kind.load(path))
        except zu.ZkUnlearnError:
            continue
    return found


def _registration(named: Named, dataset: zu.DatasetCommitment) -> zu.RegistrationProof | bytes:
    known = [parse_digest(each) for each in named.registrations]
    if len(known) == 1 and known[0] is not None:
        return known[0]
    if any(known):
        raise click.UsageError("--registration is one digest, or files")
    first, *others = [zu.RegistrationProof.load(each) for each in named.registrations]
    for own in others:
        if own.statement.dataset == dataset.statement:
            first, others = own, [each for each in (first, *others) if each is not own]
    beside = Path(named.registrations[0])
    if first.statement.previous is not None and not others:
        others = _beside(beside, "*.registration", zu.RegistrationProof)
    links = [zu.LinkProof.load(path) for path in named.links]
    if not links and {*dataset.statement.births} != {dataset.digest}:
        links = _beside(beside, "*.link", zu.LinkProof)
    try:
        zu.verify_registration(first, dataset, links, others)
    except zu.ParameterError as error:
        raise zu.DataError(f"{error}; name them, or put them beside {foreign(beside)}") from error
    for before in registrations_before(first, others, [link.statement for link in links]):
        verify_proof(before)
    return first


def _training(path: Path, dataset: zu.DatasetCommitment) -> zu.TrainingProof:
    found = load_public(path)
    if isinstance(found, zu.Bundle):
        verify_bundle(found, dataset)
        return found.proofs[-1]
    if not isinstance(found, zu.TrainingProof):
        raise zu.FormatError(f"{path}: this is a {found.statement.kind}, but a training is needed", "kind")
    zu.verify(found, dataset, known_dataset=dataset.digest)
    return found


def _judge(receipt: zu.Receipt, around: Around) -> Found:
    start = perf_counter()
    try:
        report = zu.verify_receipt(receipt, around.dataset, around.registration, around.proof, around.key)
    except zu.ZkUnlearnError as error:
        return _failed(error)
    lines, data = _lines(report), _data(report)
    word, count = "row" if report.expected else "record", len(receipt.rows)
    positions = ", ".join(map(str, receipt.positions))
    place = f"{foreign(receipt.id)} is {word if count == 1 else word + 's'} {positions} of the data set"
    if report.is_forgotten is False:
        left = count - len(report.forgotten)
        reason = f"{place}, and is NOT forgotten in this statement: {plural(left, word)} of {count} still counted"
        return Found(INVALID, f"NOT FORGOTTEN: {reason}", lines=lines, data={"valid": False, "reason": reason, **data})
    forgotten = ", and is forgotten in this statement" if report.is_forgotten else ""
    last = f"VALID: {place}{forgotten} ({perf_counter() - start:.2f} s)"
    return Found(DONE, last, lines=lines, data={"valid": True, **data})


def _failed(error: zu.ZkUnlearnError) -> Found:
    """Invalid, or nothing can be said."""
    refused = reason_of(error)
    if refused is None:
        return Found(REFUSED, f"CANNOT SAY: {error}", CLAIMED, data={"valid": None, "check": "", "reason": str(error)})
    check, reason = refused
    return Found(INVALID, f"INVALID: {reason}", CLAIMED, data={"valid": False, "check": check, "reason": reason})


def _lines(report: zu.ReceiptReport) -> Lines:
    lines: Lines = [("id", foreign(report.receipt.id)), ("data set", report.receipt.dataset.hex())]
    for position, values in report.values:
        lines.append(("row", f"at position {position}"))
        lines += [("", f"{foreign(name)} = {foreign(str(value))}") for name, value in values]
    steps = 2 << report.dataset.encoding.x_bits
    lines.append(("", f"numbers are rounded: from the least to the most in their column there are {steps:,} steps"))
    keys = ", ".join(map(foreign, report.dataset.encoding.keys))
    if keys:
        checked = "as you say it is" if report.is_own_key else "not checked; say --key COLUMN=VALUE, as you know it"
        lines.append(("key", f"by {keys}: {checked}"))
    digest = report.registration.hex()
    if report.expected:
        lines.append(("registration", f"{digest}: the row of the committed matrix at this position is this one"))
    else:
        lines.append(("registration", f"{digest}: not checked; say --registration"))
        lines.append(("", "without it a record is known to be in the list, not to be that row of the matrix"))
    return [*lines, *([] if report.proof is None else [("statement", report.proof.digest.hex())])]


def _data(report: zu.ReceiptReport) -> dict[str, Any]:
    rows = [
        {"position": position, "features": dict(features), "label": label}
        for position, (*features, (_, label)) in report.values
    ]
    data: dict[str, Any] = {
        "id": report.receipt.id,
        "dataset": report.receipt.dataset.hex(),
        "rows": rows,
        "registration": report.registration.hex(),
        "registration_expected": report.expected,
        "forgotten": report.is_forgotten,
        **({"key_checked": report.is_own_key} if report.dataset.unique else {}),
    }
    return data if report.proof is None else {**data, "statement": report.proof.digest.hex()}


def _show(output: Output, files: Sequence[Path], found: Sequence[Found]) -> None:
    if len(found) == 1:
        (only,) = found
        output.result(only.title, only.lines, only.last, only.data)
        return
    pairs = list(zip(files, found, strict=True))
    blocks = [(own.title, [("file", foreign(file)), *own.lines]) for file, own in pairs]
    valid = None if any(own.data["valid"] is None for own in found) else all(own.data["valid"] for own in found)
    data = {"valid": valid, "files": [{"file": str(file), **own.data} for file, own in pairs]}
    output.results(blocks, [f"{foreign(file)}: {own.last}" for file, own in pairs], data)
