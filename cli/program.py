"""The command line, a thin layer over the library: commit and prove for owners, verify for auditors.

Exit codes: 0 done or valid, 1 checked and found invalid, 2 usage or input error, 3 internal error, 130
interrupted. Results go to stdout, everything else to stderr. What is slow to import (numba, rich, scikit-learn)
is imported by the command that needs it, when it needs it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from .. import __version__, load_spec
from .. import verify as verify_proof
from ..circuits.statements.dataset import MAX_OPENINGS
from ..errors import DataError, FormatError, InvalidProof, StatementMismatch
from ..formats.lists import parse_digest, read_digests
from ..verifier.pins import NAMES as PINS
from ..verifier.proofs import DatasetCommitment, RecommitmentProof, TrainingProof
from .output import (
    INVALID,
    Output,
    dataset_data,
    dataset_lines,
    exit_codes,
    plural,
    reason_of,
    size_text,
    statement_data,
    statement_lines,
)
from .owner import (
    dataset_files,
    ids_to_forget,
    prepare_kernels,
    refuse_existing,
    require_file_place,
    require_folder_place,
    secrets_folder,
    within_memory,
)

if TYPE_CHECKING:
    from .. import VerificationReport

LINK_FILE = "dataset.recommitment"
LOGGER = logging.getLogger("zkunlearn")
FILE = click.Path(path_type=Path)  # existence is checked by whoever reads, with one kind of message


class Program(click.Group):
    """Its exit codes also hold while click reads the command line: click itself would answer ^C by 1, "invalid"."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with exit_codes(debug=False):
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with exit_codes(debug=False):
            return super().invoke(ctx)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="zkunlearn")
def main() -> None:
    """Prove that a model is exactly what training outputs on a committed data set minus the forgotten rows.

    Owners commit and prove; auditors verify. `zkunlearn demo` shows the whole story.
    """
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.NullHandler())  # commands print notes themselves
    for stream in (sys.stdout, sys.stderr):  # a name in another script must not stop a verdict
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def common(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command, and its exit codes; the command gets an Output first."""

    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    @click.option("--quiet", "-q", is_flag=True, help="Only the last line of the result; no progress, no notes.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(command)
    def run(as_json: bool, quiet: bool, debug: bool, **arguments: Any) -> None:
        with exit_codes(debug):
            command(Output(as_json, quiet), **arguments)

    return run


openings_option = click.option(
    "--openings",
    type=click.IntRange(2, MAX_OPENINGS),
    default=32,
    show_default=True,
    help="How many proofs the commitment can serve, its own included.",
)
force_option = click.option("--force", is_flag=True, help="Replace what is there.")


# --- the owner ----------------------------------------------------------------------------------------------


@main.command()
@click.argument("data", type=FILE)
@click.option("--target", required=True, metavar="COL", help="The column of labels.")
@click.option("--id", "id_column", metavar="COL", help="The column of row ids; without it rows are numbered from 1.")
@click.option(
    "--bounds", "bounds_file", type=FILE, metavar="FILE", help="TOML: [bounds] with lines name = [low, high]."
)
@click.option("--x-bits", type=int, default=10, show_default=True, help="Scale of feature integers.")
@click.option("--label", type=click.Choice(["binary", "real", "count"]), help="Kind of labels; guessed by default.")
@click.option(
    "--several-rows-per-id", "several", is_flag=True, help="One id may have several rows, forgotten together."
)
@openings_option
@click.option("--out", required=True, type=FILE, metavar="DIR", help="Where dataset.commitment and its secret go.")
@force_option
@common
@within_memory("out")
def commit(
    output: Output,
    data: Path,
    target: str,
    id_column: str | None,
    bounds_file: Path | None,
    x_bits: int,
    label: str | None,
    several: bool,
    openings: int,
    out: Path,
    force: bool,
) -> None:
    """Commit to DATA (CSV, Parquet or .npz) and prove that it is well formed."""
    from .. import commit as commit_rows
    from ..prover.tables.read import read_bounds, read_table

    public, secret = dataset_files(out)
    refuse_existing([public, secret], force, "replacing it makes its proofs impossible to continue")
    require_folder_place(out)
    bounds = None if bounds_file is None else read_bounds(bounds_file)
    table = read_table(data, target, id_column, several=several)
    prepare_kernels(output)
    try:
        with output.phases("committing") as progress:
            dataset = commit_rows(
                table.X,
                table.y,
                table.ids,
                names=table.names,
                bounds=bounds,
                label_kind=label,
                label_name=target,
                x_bits=x_bits,
                openings=openings,
                rows_per_id="many" if several else "one",
                progress=progress,
            )
    except DataError as error:
        raise table.locate(error) from error
    dataset.save(out, replace=force)
    for note in dataset.notes:
        output.note(f"note: {note}")
    statement = dataset.statement
    files = {"commitment": str(public), "opening": str(secret), "secrets": str(secrets_folder(out))}
    notes = {"notes": list(dataset.notes)}
    lines = [
        *dataset_lines(statement),
        ("openings", f"{dataset.spent} of {statement.openings} used"),
        ("public", f"{public}, {size_text(public.stat().st_size)}"),
        ("SECRET", f"{secret}, {secrets_folder(out)}: keep both, or nothing more can be proved"),
    ]
    data_set = dataset_data(statement)
    output.result("Data set committed", lines, f"committed: data set {data_set['digest']}", data_set | files | notes)


@main.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--spec", "spec_file", required=True, type=FILE, metavar="SPEC.toml", help="The declared algorithm.")
@click.option("--forget", multiple=True, metavar="ID", help="A row to forget; may be repeated.")
@click.option("--forget-file", type=FILE, metavar="F", help="Rows to forget, one id a line.")
@click.option(
    "--previous",
    "previous_file",
    type=FILE,
    metavar="P.proof",
    help="The proof that this one supersedes; what it forgot stays forgotten.",
)
@click.option("--out", required=True, type=FILE, metavar="P.proof", help="Where the proof goes.")
@click.option("--timings", is_flag=True, help="Show the seconds of each phase.")
@force_option
@common
@within_memory("directory")
def prove(
    output: Output,
    directory: Path,
    spec_file: Path,
    forget: Sequence[str],
    forget_file: Path | None,
    previous_file: Path | None,
    out: Path,
    timings: bool,
    force: bool,
) -> None:
    """Train on the data set in DIR without the forgotten rows, and prove it.

    Beside P.proof go P.model.opening (SECRET: the weights) and, if rows are forgotten, P.forgotten, the public list
    of their record digests.
    """
    from .. import load_dataset
    from .. import prove as prove_training
    from ..prover.owner.trained import ProofFiles

    files = ProofFiles.beside(out)
    refuse_existing([files.proof, files.model, files.forgotten], force, "choose another name")
    require_file_place(out)
    spec = load_spec(spec_file)
    previous = None if previous_file is None else TrainingProof.load(previous_file)
    dataset = load_dataset(directory)
    dataset.require_whole_count(out.parent)
    ids = ids_to_forget(dataset, forget, forget_file)
    prepare_kernels(output)
    with output.phases("proving") as progress:
        trained = prove_training(dataset, spec, forget=ids, previous=previous, progress=progress)
    trained.save(out, replace=force)
    statement = trained.proof.statement
    for text in trained.notes:
        output.note(f"note: {text}")
    if trained.forgotten_before:
        output.note(f"note: {plural(trained.forgotten_before, 'row')} of these had been forgotten already")
    if dataset.spent + 1 == dataset.statement.openings:
        output.note("note: one opening of the data set is left; keep it for `zkunlearn recommit`")
    public_list = str(files.forgotten) if statement.forgotten else None
    names = {"model": str(files.model), "forgotten": public_list, "proof": str(out)}
    seconds = {phase: round(duration, 3) for phase, duration in trained.timings.items()}
    lines = [
        *statement_lines(statement),
        ("openings", f"{dataset.spent} of {dataset.statement.openings} used"),
        ("public", f"{out}, {size_text(out.stat().st_size)}"),
        *([("", public_list)] if public_list else []),
        ("SECRET", f"{files.model}: the weights"),
        *([("seconds", ", ".join(f"{phase} {duration}" for phase, duration in seconds.items()))] if timings else []),
    ]
    data = {**statement_data(statement), "files": names, "openings_used": dataset.spent, "seconds": seconds}
    data["notes"] = list(trained.notes)
    output.result("Training proved", lines, f"proved: statement {data['statement']}", data)


@main.command()
@click.argument("directory", type=FILE, metavar="DIR")
@openings_option
@click.option("--out", required=True, type=FILE, metavar="NEWDIR", help="Where the new commitment and its secret go.")
@force_option
@common
@within_memory("out")
def recommit(output: Output, directory: Path, openings: int, out: Path, force: bool) -> None:
    """Commit afresh to the rows in DIR, when its openings run out, and prove that they are the same.

    Beside the new commitment goes dataset.recommitment, the public proof that links both.
    """
    public, secret = dataset_files(out)
    link_file = out / LINK_FILE
    refuse_existing([public, secret, link_file], force, "replacing it makes its proofs impossible to continue")
    require_folder_place(out)
    from ..prover.owner.dataset import Dataset
    from ..prover.owner.recommitment import recommit_dataset

    dataset = Dataset.load(directory)
    prepare_kernels(output)
    with output.phases("committing afresh") as progress:
        new, link = recommit_dataset(dataset, openings, progress)
    new.save(out, replace=force)
    link.save(link_file)
    lines = [
        *dataset_lines(new.statement),
        ("openings", f"{new.spent} of {new.statement.openings} used"),
        ("public", f"{public}, {link_file}"),
        ("SECRET", f"{secret}, {secrets_folder(out)}: keep both; {directory} is needed no more"),
    ]
    data_set = dataset_data(new.statement)
    files = {"commitment": str(public), "opening": str(secret), "secrets": str(secrets_folder(out))}
    last_line = f"committed: data set {data_set['digest']}"
    output.result("Data set committed afresh", lines, last_line, data_set | files | {"recommitment": str(link_file)})


# --- the auditor --------------------------------------------------------------------------------------------


@main.command()
@click.argument("proof_file", type=FILE, metavar="P.proof")
@click.option("--dataset", "dataset_file", required=True, type=FILE, metavar="FILE.commitment", help="The data set.")
@click.option("--spec", "spec_file", type=FILE, metavar="SPEC.toml", help="Pin the algorithm.")
@click.option("--forget-file", type=FILE, metavar="F", help="Pin the forget list: its record digests, one a line.")
@click.option(
    "--previous", "previous_file", type=FILE, metavar="Q.proof", help="Pin the proof that this one supersedes."
)
@click.option(
    "--recommitment",
    "link_file",
    type=FILE,
    metavar="R.recommitment",
    help="Links the data set of the superseded proof to this one, if it was committed afresh in between.",
)
@click.option("--known-dataset", metavar="DIGEST", help="A data set already checked: saves checking it again.")
@common
def verify(
    output: Output,
    proof_file: Path,
    dataset_file: Path,
    spec_file: Path | None,
    forget_file: Path | None,
    previous_file: Path | None,
    link_file: Path | None,
    known_dataset: str | None,
) -> None:
    """Check a training or unlearning proof. Exit code 0 if it is valid, 1 if it is not.

    What is pinned must match the statement exactly; what is not pinned is what the owner says it is.
    """
    known = None if known_dataset is None else parse_digest(known_dataset)
    if known is None and known_dataset is not None:
        raise click.BadParameter("must be 64 hexadecimal characters", param_hint="--known-dataset")
    dataset = DatasetCommitment.load(dataset_file)
    pins: dict[str, Any] = {
        "spec": None if spec_file is None else load_spec(spec_file),
        "forget": None if forget_file is None else read_digests(forget_file),
        "previous": None if previous_file is None else TrainingProof.load(previous_file),
        "recommitment": None if link_file is None else RecommitmentProof.load(link_file),
        "known_dataset": known,
    }
    proof = None
    start = perf_counter()
    try:
        proof = TrainingProof.load(proof_file)
        if known is not None and known != dataset.digest:
            raise StatementMismatch(f"{dataset_file} is another data set than the known one")
        with output.phases("verifying"):
            report = verify_proof(proof, dataset, **pins)
    except (FormatError, InvalidProof, StatementMismatch) as error:
        check, reason = reason_of(error)
        lines = [] if proof is None else statement_lines(proof.statement)
        claimed = {} if proof is None else {"claimed": statement_data(proof.statement)}
        output.result("Claimed by the proof", lines, f"INVALID: {reason}", _verdict(check, reason) | claimed)
        raise click.exceptions.Exit(INVALID) from None
    _print_report(output, report, perf_counter() - start)


def _verdict(check: str, reason: str) -> dict[str, Any]:
    return {"valid": False, "check": check, "reason": reason}


def _print_report(output: Output, report: VerificationReport, seconds: float) -> None:
    statement = report.statement
    unpinned = [name for name in PINS if name not in report.pinned]
    lines = [
        *statement_lines(statement),
        ("validity", "of the data set checked" if report.dataset_checked else "of the data set known, not checked now"),
        ("security", f"{report.security_bits:.1f} bits proven"),
        ("pinned", ", ".join(["data set", *report.pinned])),
        ("not pinned", ", ".join(unpinned) or "nothing"),
    ]
    if "previous" in report.pinned:
        lines.append(("", "The superseded proof was compared, not verified: it needs its own `verify`."))
    without = f" without the {plural(len(statement.forgotten), 'forgotten row')}" if statement.forgotten else ""
    last = f"VALID: the model is what this algorithm outputs on this data set{without} ({seconds:.2f} s)"
    data = {
        "valid": True,
        **statement_data(statement),
        "security_bits": report.security_bits,
        "dataset_checked": report.dataset_checked,
        "pinned": list(report.pinned),
        "not_pinned": unpinned,
        "seconds": round(seconds, 3),
    }
    output.result("Verified statement", lines, last, data)


@main.command()
@click.argument("file", type=FILE)
@common
def inspect(output: Output, file: Path) -> None:
    """Show what FILE is and says, without verifying it: proof, commitment, opening, spec or forget list."""
    from .inspection import inspect_file

    found = inspect_file(file)
    output.result(found.title, found.lines, found.last, found.data)


# --- everyone -----------------------------------------------------------------------------------------------


@main.command()
@click.option("--out", type=FILE, metavar="DIR", help="Keep all files in this new directory.")
@common
def demo(output: Output, out: Path | None) -> None:
    """Show the whole story on real data: commit, train, forget twelve patients, audit, and three lies found out."""
    from .demo import run_demo

    run_demo(output, out)
