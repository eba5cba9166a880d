"""The owner's commands `certify` and `report`: a deletion certificate, and its page for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import zkunlearn as zu

from ..errors import ParameterError
from ..verifier.bundles import load_public
from .certificate_words import certificate_data, certificate_lines
from .options import FILE, common, force_option
from .output import Output, foreign
from .places import refuse_existing, require_file_place
from .signatures import passphrase_options

SUFFIX = ".certificate.json"
NOT_REPLACED = "a certificate that was handed over stays; choose another name, or --force"
REFERENCE = "REFERENCE=RECEIVED[/DUE]"


@click.command()
@click.argument("proof_file", type=FILE, metavar="P")
@click.option(
    "--dataset", "dataset_file", type=FILE, required=True, metavar="D.commitment", help="The data set that P is about."
)
@click.option("--previous", "previous_file", type=FILE, metavar="Q", help="The proof or bundle that P supersedes.")
@click.option(
    "--link",
    "link_files",
    type=FILE,
    multiple=True,
    metavar="L.link",
    help="Leads from the data set of Q to that of P, if they are two; may be repeated.",
)
@click.option(
    "--registration",
    "registration_files",
    type=FILE,
    multiple=True,
    metavar="R",
    help="Of the data set, to be named in the certificate; may be repeated for those that it goes on from.",
)
@click.option(
    "--key", "key_files", type=FILE, multiple=True, required=True, metavar="KEY", help="The owner's; may be repeated."
)
@click.option(
    "--requests",
    "requests_file",
    type=FILE,
    metavar="R.csv",
    help="What was asked: columns reference, received_at and, if you like, due_at, completed_at.",
)
@click.option(
    "--request",
    "requests",
    multiple=True,
    metavar=REFERENCE,
    help="One request that is completed now, as in DSR-17=2026-11-01T09:00:00Z; may be repeated.",
)
@click.option(
    "--before", "before_file", type=FILE, metavar="C.json", help="The certificate of Q, from which this one goes on."
)
@click.option(
    "--derived-from",
    "origins",
    multiple=True,
    metavar="NAME=FILE",
    help="Something outside of the proof that the model was made with, such as an encoder: its digest is named.",
)
@click.option("--out", type=FILE, required=True, metavar="P.certificate.json", help="Where it goes; it is public.")
@passphrase_options
@force_option
@common
def certify(
    output: Output,
    proof_file: Path,
    dataset_file: Path,
    previous_file: Path | None,
    link_files: Sequence[Path],
    registration_files: Sequence[Path],
    key_files: Sequence[Path],
    requests_file: Path | None,
    requests: Sequence[str],
    before_file: Path | None,
    origins: Sequence[str],
    out: Path,
    passphrase: Callable[[bool], str | None],
    force: bool,
) -> None:
    """Write a deletion certificate of P, a proof that rows are forgotten, signed by the owner.

    P and what it refers to are verified first. The certificate says what P implies, and what was asked; `verify` writes
    it again from P, and compares.
    """
    from ..prover.certificates.certify import now, require_not_before
    from ..prover.certificates.requests import read_requests

    refuse_existing([out], force, NOT_REPLACED)
    require_file_place(out)
    issued_at = now()
    require_not_before(issued_at, proof_file)
    asked = [] if requests_file is None else [*read_requests(requests_file, issued_at)]
    asked += [_request(text, issued_at) for text in requests]
    keys = [zu.SigningKey.load(path, passphrase(False)) for path in key_files]
    with output.phases("certifying"):
        certificate = zu.certify(
            _unlearning(proof_file),
            zu.DatasetCommitment.load(dataset_file),
            keys,
            previous=None if previous_file is None else _unlearning(previous_file),
            links=[zu.LinkProof.load(path) for path in link_files],
            registrations=[zu.RegistrationProof.load(path) for path in registration_files],
            requests=asked,
            before=None if before_file is None else zu.Certificate.load(before_file),
            derived_from=dict(_pair(text, "--derived-from NAME=FILE") for text in origins),
            issued_at=issued_at,
        )
    certificate.save(out)
    lines = [*certificate_lines(certificate), ("file", foreign(out))]
    data = {**certificate_data(certificate), "file": str(out)}
    output.result("Deletion certificate", lines, f"certified: {certificate.sha256}", data)


@click.command()
@click.argument("certificate_file", type=FILE, metavar="C.certificate.json")
@click.option(
    "--before",
    "before_files",
    type=FILE,
    multiple=True,
    metavar="C0.json",
    help="Certificates that it goes on from, the first one first, for the picture; may be repeated.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="FILE",
    help="What the proof and the other files are called where they are filed, in the order in which the certificate "
    "lists them; for the commands on the page.",
)
@click.option("--out", type=FILE, required=True, metavar="REPORT.html", help="Where the page goes.")
@force_option
@common
def report(
    output: Output,
    certificate_file: Path,
    before_files: Sequence[Path],
    names: Sequence[str],
    out: Path,
    force: bool,
) -> None:
    """Write what a certificate says as a page for people, to be read, printed and filed. Nothing is verified here."""
    refuse_existing([out], force, "choose another name, or --force")
    require_file_place(out)
    certificate = zu.Certificate.load(certificate_file)
    earlier = [zu.Certificate.load(path) for path in before_files]
    from ..formats.files import write_file

    text = zu.report_page(certificate, earlier, certificate_file.name, names)
    write_file(out, text.encode("utf-8"))
    lines = [*certificate_lines(certificate), ("file", foreign(out))]
    data = {**certificate_data(certificate), "file": str(out)}
    output.result("Report", lines, f"written: {foreign(out)}", data)


def _unlearning(path: Path) -> Any:
    """A proof of training, or a bundle. Raises ParameterError for another kind."""
    found = load_public(path)
    if not isinstance(found, zu.TrainingProof | zu.Bundle):
        raise ParameterError(f"{path}: a certificate is of a training, this is a {found.statement.kind}")
    return found


def _request(text: str, completed_at: str) -> zu.DeletionRequest:
    reference, instants = _pair(text, f"--request {REFERENCE}")
    received, _, due = instants.partition("/")
    return zu.DeletionRequest(reference, received, completed_at, due or None)


def _pair(text: str, what: str) -> tuple[str, str]:
    """Raises UsageError for what has no equals sign."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{what}: there is no = in {text!r}")
    return name, value
