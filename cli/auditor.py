"""The commands of the auditor: verify and inspect. They load neither the prover nor anything else that is slow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import zkunlearn as zu

from ..formats.lists import parse_digest, read_digests
from .exits import REFUSED, require_memory
from .history import show_history
from .options import FILE, common, hexadecimal, load_previous
from .output import Output, one_line
from .receipts import Named, any_receipts, judge_receipts, read_receipts
from .verdicts import Evidence, Verdict, code_of, judge_all, read_all, show

FOR_PROOFS = (
    "--spec, --forget-file, --previous, --noise, --nonce, --inputs and --receipts are for proofs, not for receipts"
)


@click.command()
@click.argument("files", type=FILE, nargs=-1, metavar="FILE...")
@click.option(
    "--chain", "folder", type=FILE, metavar="DIR", help="Check the whole history in this folder; takes no other option."
)
@click.option(
    "--dataset",
    "dataset_file",
    type=FILE,
    metavar="FILE.commitment",
    help="The data set of a training proof, if it is neither among FILEs nor beside the proof.",
)
@click.option("--spec", "spec_file", type=FILE, metavar="SPEC.toml", help="Pin the algorithm.")
@click.option(
    "--forget-file", type=FILE, metavar="P.forgotten", help="Pin the forget list: its record digests, one a line."
)
@click.option(
    "--previous", "previous_file", type=FILE, metavar="Q", help="Pin the proof, or bundle, that this one supersedes."
)
@click.option(
    "--link",
    "link_files",
    type=FILE,
    multiple=True,
    metavar="L.link",
    help="Leads from the data set of the superseded proof towards this one, if it has grown or was committed afresh; "
    "may be repeated.",
)
@click.option(
    "--known-dataset",
    "known",
    type=hexadecimal,
    metavar="DIGEST",
    help="A data set already checked: saves checking it again.",
)
@click.option(
    "--noise", "noise_file", type=FILE, metavar="N.noise", help="Of a model with noise, pin what was committed to."
)
@click.option("--nonce", type=hexadecimal, metavar="HEX", help="Pin the nonce that was given after that.")
@click.option(
    "--registration",
    "registrations",
    multiple=True,
    metavar="FILE|DIGEST",
    shell_complete=FILE.shell_complete,
    help="Of the data set, a file, or the digest of one already checked: ties records to rows of the matrix. May be "
    "repeated for the files of those that it goes on from.",
)
@click.option(
    "--proof", "proof_file", type=FILE, metavar="P.proof", help="Of receipts: whether this training forgot them."
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="COL=VALUE",
    help="Of a receipt, if rows have keys: what you know to be yours in such a column; of all of them.",
)
@click.option(
    "--receipts",
    "receipts_folder",
    type=FILE,
    metavar="DIR",
    help="Receipts that forgotten people have shown: how many forgotten rows they tie to rows of the matrix. Needs the "
    "registration among FILEs.",
)
@click.option(
    "--inputs",
    "inputs_file",
    type=FILE,
    metavar="FILE.csv",
    help="Of predictions: the table that was predicted; those of another table are not valid.",
)
@common
def verify(
    output: Output,
    files: Sequence[Path],
    folder: Path | None,
    dataset_file: Path | None,
    spec_file: Path | None,
    forget_file: Path | None,
    previous_file: Path | None,
    link_files: Sequence[Path],
    known: bytes | None,
    noise_file: Path | None,
    nonce: bytes | None,
    registrations: Sequence[str],
    proof_file: Path | None,
    keys: Sequence[str],
    receipts_folder: Path | None,
    inputs_file: Path | None,
) -> None:
    """Check proofs of any kind, bundles, receipts. Exit code 1 if one is not valid, or rows are not forgotten by it.

    What is pinned must match the statement exactly; what is not pinned is what the owner says it is. What a proof
    refers to is taken from the other FILEs, and every reference that was not followed is told.
    """
    of_training = (spec_file, forget_file, previous_file, receipts_folder, noise_file, nonce)
    options = (dataset_file, known, proof_file, inputs_file, *of_training)
    if folder is not None:
        if files or link_files or registrations or keys or any(option is not None for option in options):
            raise click.UsageError("--chain takes everything from its folder: no FILE and no other option")
        require_memory()
        _verify_chain(output, folder)
        return
    if not files:
        raise click.UsageError("Missing argument 'FILE...'.")
    if any_receipts(files):
        if any(option is not None for option in (*of_training, inputs_file)):
            raise click.UsageError(FOR_PROOFS)
        require_memory()
        _end(judge_receipts(output, files, Named(dataset_file, registrations, proof_file, link_files, known, keys)))
        return
    if proof_file is not None or keys:
        raise click.UsageError("--proof and --key are for receipts; a proof is one of the FILEs else")
    files = [*files, *_files_of(registrations)]
    pins: dict[str, Any] = {
        "spec": None if spec_file is None else zu.load_spec(spec_file),
        "forget": None if forget_file is None else read_digests(forget_file),
        "previous": None if previous_file is None else load_previous(previous_file),
        "links": [zu.LinkProof.load(path) for path in link_files],
        "known_dataset": known,
        "noise": None if noise_file is None else zu.NoiseCommitment.load(noise_file),
        "nonce": nonce,
    }
    require_memory()
    dataset = None if dataset_file is None else zu.DatasetCommitment.load(dataset_file)
    found = read_all(files)
    _require_use(found, pins | {"dataset": dataset, "receipts": receipts_folder}, inputs_file)
    shown = () if receipts_folder is None else read_receipts(receipts_folder)
    with output.phases("verifying") as progress:
        verdicts = judge_all(Evidence(found, dataset, pins, shown, inputs_file), progress)
    show(output, verdicts)
    _end(code_of(verdicts))


def _files_of(registrations: Sequence[str]) -> list[Path]:
    if any(parse_digest(named) is not None for named in registrations):
        raise click.UsageError("the digest of a registration does not say of which data set it is: name its file")
    return [*map(Path, registrations)]


def _end(code: int) -> None:
    """With a code that is not 0."""
    if code:
        raise click.exceptions.Exit(code)


def _require_use(found: Sequence[Verdict], pins: dict[str, Any], inputs: Path | None) -> None:
    """Refuse options that pin nothing, or one thing of several proofs; and inputs where nothing is predicted."""
    predictions = [each for each in found if each.proof is None or isinstance(each.proof, zu.PredictionProof)]
    if inputs is not None and not predictions:
        raise click.UsageError("--inputs is what was predicted, and there are no predictions among the files")
    given = [name for name, value in pins.items() if value not in (None, [])]
    trainings = [each for each in found if each.proof is None or isinstance(each.proof, zu.TrainingProof)]
    if given and not trainings:
        raise click.UsageError("only what a training proof says can be pinned, and there is none among the files")
    if set(given) - {"spec", "dataset"} and len(trainings) > 1:
        raise click.UsageError("with several training proofs only --spec and --dataset can be pinned")


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
