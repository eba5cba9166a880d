"""The commands of the auditor: verify and inspect. They load neither the prover nor anything else that is slow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import click
import zkunlearn as zu

from .certificate_words import is_certificate
from .certified import FOR_CERTIFICATES, Attesting, attesting, verify_certificate_file
from .exits import REFUSED, require_memory
from .history import show_history
from .options import FILE, common
from .output import Output, one_line
from .pinned import Given, pinning, verdicts_on
from .receipts import Named, any_receipts, judge_receipts
from .verdicts import code_of, show

FOR_PROOFS = (
    "--spec, --forget-file, --previous, --noise, --nonce, --inputs, --receipts and those of signatures are for proofs, "
    "not for receipts"
)


@click.command()
@click.argument("files", type=FILE, nargs=-1, metavar="FILE...")
@click.option(
    "--chain", "folder", type=FILE, metavar="DIR", help="Check the whole history in this folder; takes no other option."
)
@pinning
@click.option(
    "--proof",
    "proof_file",
    type=FILE,
    metavar="P.proof",
    help="Of receipts: whether this training forgot them. Of a certificate: what it is about.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="COL=VALUE",
    help="Of a receipt, if rows have keys: what you know to be yours in such a column; of all of them.",
)
@attesting
@common
def verify(
    output: Output,
    files: Sequence[Path],
    folder: Path | None,
    proof_file: Path | None,
    keys: Sequence[str],
    given: Given,
    asked: Attesting,
) -> None:
    """Check proofs of any kind, bundles, receipts, a certificate. Exit code 1 if one is not valid, or rows still count.

    What is pinned must match the statement exactly; what is not pinned is what the owner says it is. What a proof
    refers to is taken from the other FILEs, and every reference that was not followed is told. Signatures are looked
    at where they are required.
    """
    if folder is not None:
        if files or given.anything or asked.anything or keys or proof_file is not None:
            raise click.UsageError("--chain takes everything from its folder: no FILE and no other option")
        require_memory()
        _verify_chain(output, folder)
        return
    if not files:
        raise click.UsageError("Missing argument 'FILE...'.")
    if any(map(is_certificate, files)):
        require_memory()
        _end(verify_certificate_file(output, files, proof_file, keys, given, asked))
        return
    if asked.anything:
        raise click.UsageError(FOR_CERTIFICATES)
    if any_receipts(files):
        if given.only_of_proofs:
            raise click.UsageError(FOR_PROOFS)
        require_memory()
        named = (given.dataset_file, given.registrations, proof_file, given.link_files, given.known, keys)
        _end(judge_receipts(output, files, Named(*named)))
        return
    if proof_file is not None or keys:
        raise click.UsageError("--proof and --key are for receipts; a proof is one of the FILEs else")
    verdicts = verdicts_on(output, files, given)
    show(output, verdicts)
    _end(code_of(verdicts))


def _end(code: int) -> None:
    """With a code that is not 0."""
    if code:
        raise click.exceptions.Exit(code)


def _verify_chain(output: Output, folder: Path) -> None:
    start = perf_counter()
    with output.phases("verifying") as progress:
        history = zu.verify_chain(folder, progress)
    _end(show_history(output, history, perf_counter() - start))


@click.command()
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@common
def inspect(output: Output, files: Sequence[Path]) -> None:
    """Show what FILEs are and what they say, without verifying it: proof, commitment, opening, spec or forget list."""
    from .inspection import inspect_file

    if len(files) == 1:
        (only,) = files
        found = inspect_file(only)
        output.result(found.title, found.lines, found.last, found.data)
        return
    shown, refused, data = [], [], []
    for file in files:
        try:
            found = inspect_file(file)
        except zu.ZkUnlearnError as error:
            refused.append(str(error))
            data.append({"file": str(file), "error": str(error)})
        else:
            shown.append(found)
            data.append({"file": str(file), **found.data})
    blocks = [(each.title, [*each.lines, ("", each.last)]) for each in shown]
    output.results(blocks, [], {"files": data})
    for text in refused:
        click.echo(f"error: {one_line(text)}", err=True)
    if refused:
        raise click.exceptions.Exit(REFUSED)
