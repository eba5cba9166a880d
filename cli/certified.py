"""What `verify` does with a deletion certificate: its options, its files, its verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import zkunlearn as zu

from ..errors import DataError, InvalidProof, StatementMismatch
from ..formats.files import read_file
from ..verifier.bundles import load_public
from ..verifier.pins import Pins
from ..verifier.proofs import MAX_FILE_BYTES
from .certificate_words import (
    KIND,
    TITLE,
    certificate_data,
    certificate_lines,
    is_certificate,
    report_data,
    report_lines,
)
from .exits import DONE, INVALID, reason_of
from .options import FILE
from .output import Output, foreign
from .pinned import Given, expected, files_of
from .places import refuse_existing, require_file_place
from .signatures import passphrase_options

FOR_CERTIFICATES = "--before, --attest and --attest-key are for certificates"
NOT_OF_CERTIFICATES = (
    "--known-dataset, --receipts, --inputs, --key, --signature, --require-auditors and --keys say nothing of a "
    "certificate"
)
Command = Callable[..., None]
NAMED = {"proof": "--proof", "data set": "--dataset", "superseded proof": "--previous"}


@dataclass(frozen=True)
class Attesting:
    """What the options of certificates say; see their help."""

    before_file: Path | None
    attest_file: Path | None
    attest_key: Path | None
    passphrase: Callable[[bool], str | None]

    @property
    def anything(self) -> bool:
        """Whether any option is there."""
        return any((self.before_file, self.attest_file, self.attest_key))


def attesting(command: Command) -> Command:
    """The options of certificates; the command gets them as `asked`."""

    @click.option(
        "--before",
        "before_file",
        type=FILE,
        metavar="C0.json",
        help="Of a certificate: the one that it goes on from, to compare.",
    )
    @click.option(
        "--attest",
        "attest_file",
        type=FILE,
        metavar="OUT.json",
        help="Of a certificate that is VALID: write your own signed word on it. Needs --attest-key.",
    )
    @click.option("--attest-key", type=FILE, metavar="KEY", help="The auditor's key.")
    @passphrase_options
    @wraps(command)
    def run(*output: Output, **arguments: Any) -> None:
        own = {each.name: arguments.pop(each.name) for each in fields(Attesting)}
        command(*output, asked=Attesting(**own), **arguments)

    return run


def verify_certificate_file(
    output: Output,
    files: Sequence[Path],
    proof_file: Path | None,
    keys: Sequence[str],
    given: Given,
    asked: Attesting,
) -> int:
    """Say whether the certificate among the files is valid, and attest it if that is asked; the exit code."""
    path, *others = sorted(files, key=lambda file: not is_certificate(file))
    _require_use(others, keys, given, asked)
    named = (proof_file, given.dataset_file, given.previous_file, *given.link_files, *files_of(given.registrations))
    beside = [*others, *(file for file in named if file is not None)]
    if asked.attest_file is not None:
        require_file_place(asked.attest_file)
        refuse_existing([asked.attest_file], False, "choose another name")
    start = perf_counter()
    before = None if asked.before_file is None else zu.Certificate.load(asked.before_file)
    owner = [] if given.owner_file is None else [zu.PublicKey.load(given.owner_file)]
    key = None if asked.attest_key is None else zu.SigningKey.load(asked.attest_key, asked.passphrase(False))
    try:
        certificate = zu.Certificate.load(path)
        with output.phases("verifying"):
            materials = materials_of(certificate, path, beside)
            report = zu.verify_certificate(certificate, materials, owner, before, Pins(**expected(given)))
    except zu.ZkUnlearnError as error:
        found = reason_of(error)
        if found is None:
            raise
        check, reason = found
        data = {"valid": False, "check": check, "reason": reason}
        output.result(TITLE, [("file", foreign(path))], f"INVALID: {reason}", data)
        return INVALID
    if key is not None and asked.attest_file is not None:
        zu.attest(report, key).save(asked.attest_file)
    _show_valid(output, path, report, asked.attest_file, perf_counter() - start)
    return DONE


def _require_use(others: Sequence[Path], keys: Sequence[str], given: Given, asked: Attesting) -> None:
    """Raises UsageError for options that say nothing of a certificate, or lack another one."""
    if any(map(is_certificate, others)):
        raise click.UsageError("one certificate at a time; --before names the one that it goes on from")
    useless = (given.known, given.receipts_folder, given.inputs_file, given.auditors, given.keys_folder)
    if keys or given.signature_files or any(option is not None for option in useless):
        raise click.UsageError(NOT_OF_CERTIFICATES)
    if (asked.attest_file is None) != (asked.attest_key is None):
        raise click.UsageError("--attest and --attest-key go together")


def _show_valid(
    output: Output, path: Path, report: zu.CertificateReport, attested: Path | None, seconds: float
) -> None:
    certificate = report.certificate
    data = {"file": str(path), "kind": KIND, "valid": True, **certificate_data(certificate), **report_data(report)}
    data |= {"seconds": round(seconds, 3), "attested": None if attested is None else str(attested)}
    lines = [*certificate_lines(certificate), *report_lines(report)]
    lines += [] if attested is None else [("attested", foreign(attested))]
    words = certificate.implied["guarantee"]["words"]
    output.result(TITLE, lines, f"VALID: it says what its proof implies; {words} ({seconds:.2f} s)", data)


def materials_of(certificate: zu.Certificate, path: Path, files: Sequence[Path]) -> zu.Materials:
    """What a certificate names: among these files, or beside it or them.

    Raises:
        StatementMismatch: one of these files is not named by it.
        DataError: something that it names is not there.
    """
    given = {_digest(file): file for file in files}
    listed = certificate.implied["files"]
    names = {each["digest"]["sha256"]: each["name"] for each in listed}
    for digest, file in given.items():
        if digest not in names:
            raise StatementMismatch(f"{file}: is none of the files that the certificate names")
    found: dict[str, list[Any]] = {}
    for each in listed:
        digest, name = each["digest"]["sha256"], each["name"]
        place = given.get(digest) or _lying_beside(each, {path.parent, *(file.parent for file in files)})
        if place is None:
            option = NAMED.get(name)
            say = f"; say {option}" if option else ""
            raise DataError(f"{path}: its {name}, of SHA-256 {digest}, is neither given nor beside it{say}")
        found.setdefault(name, []).append(load_public(place))
    try:
        return zu.Materials(
            proof=_only(found, "proof"),
            dataset=_only(found, "data set"),
            previous=_only(found, "superseded proof") if "superseded proof" in found else None,
            links=tuple(found.get("link", ())),
            registrations=tuple(found.get("registration", ())),
        )
    except zu.ParameterError as error:
        raise InvalidProof("certificate", str(error)) from None


def _only(found: dict[str, list[Any]], name: str) -> Any:
    own = found.get(name, [])
    if len(own) != 1:
        raise InvalidProof("certificate", f"it names {len(own)} files as its {name}")
    return own[0]


def _lying_beside(listed: dict[str, Any], folders: set[Path]) -> Path | None:
    """A file of this size and digest in one of these folders."""
    for folder in sorted(folders):
        for path in sorted(each for each in folder.iterdir() if each.is_file()):
            if path.stat().st_size == listed["bytes"] and _digest(path) == listed["digest"]["sha256"]:
                return path
    return None


def _digest(path: Path) -> str:
    return hashlib.sha256(read_file(path, MAX_FILE_BYTES)).hexdigest()
