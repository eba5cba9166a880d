"""The owner's commands for people whose rows are in a data set: register, receipt."""

from __future__ import annotations

from pathlib import Path

import click
import zkunlearn as zu

from ..formats.files import SECRET_MODE, write_files
from ..verifier.proofs import REGISTRATION_FILE
from .compiling import prepare_kernels
from .options import FILE, common, force_option, within_memory
from .output import Output, foreign
from .places import refuse_existing, require_file_place, require_folder_place
from .receipts import SUFFIX
from .words import plural, size_text


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option(
    "--previous",
    "previous_file",
    type=FILE,
    metavar="OLD.registration",
    help="Of the data set from which this one has grown: list only the rows that were added.",
)
@force_option
@common
@within_memory("directory")
def register(output: Output, directory: Path, previous_file: Path | None, force: bool) -> None:
    """List all records of the data set in DIR in public, with a fingerprint of each row, and prove these.

    Writes DIR/dataset.registration, which is public, and spends one opening. Receipts are of no use without it.
    """
    file = directory / REGISTRATION_FILE
    refuse_existing([file], force, "another says the same, and costs an opening")
    require_folder_place(directory)
    previous = None if previous_file is None else zu.RegistrationProof.load(previous_file)
    dataset = zu.load_dataset(directory)
    prepare_kernels(output)
    with output.phases("registering") as progress:
        registration = zu.register(dataset, previous, progress=progress)
    registration.save(file)
    digest, own, start = registration.digest.hex(), dataset.statement, registration.statement.start
    after = [("goes on from", previous.digest.hex())] if previous else []
    lines = [
        ("data set", own.digest.hex()),
        *after,
        ("records", plural(own.rows - start, "record")),
        ("openings", f"{dataset.spent} of {own.openings} used"),
        ("public", f"{foreign(file)}, {size_text(file.stat().st_size)}"),
    ]
    data = {"registration": digest, "dataset": own.digest.hex(), "rows": own.rows - start, "file": str(file)}
    if previous is not None:
        data["previous"] = previous.digest.hex()
    output.result("Data set registered", lines, f"registered: {digest}", data)


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--id", "name", metavar="ID", help="Whose receipt.")
@click.option("--all", "everybody", is_flag=True, help="Those of everybody, in a folder.")
@click.option("--out", required=True, type=FILE, metavar="FILE.receipt", help="Where it goes; with --all a new folder.")
@force_option
@common
@within_memory("out")
def receipt(output: Output, directory: Path, name: str | None, everybody: bool, out: Path, force: bool) -> None:
    """Write what a person needs to find her rows in the data set in DIR: for her eyes alone, as it holds them."""
    if everybody == (name is not None):
        raise click.UsageError("say --id ID for one person, or --all for everybody")
    refuse_existing([out], force and not everybody, "choose another name")
    (require_folder_place if everybody else require_file_place)(out)
    dataset = zu.load_dataset(directory)
    prepare_kernels(output)
    receipts = zu.receipts(dataset, _registration(directory / REGISTRATION_FILE, dataset.statement.digest))
    if name is not None:
        own = receipts.of(name)
        own.save(out)
        count = 1
        last = f"receipt: {plural(len(own.rows), 'row')} in {foreign(out)}"
    else:
        out.mkdir(mode=0o700, parents=True)
        with output.phases("writing receipts"):
            named = ((f"{i}{SUFFIX}", own.to_bytes()) for i, own in enumerate(receipts.all(), start=1))
            count = write_files(out, named, SECRET_MODE)  # there may be a million of them
        last = f"receipts: {plural(count, 'receipt')} in {foreign(out)}"
    lines = [("data set", dataset.statement.digest.hex()), ("SECRET", "each holds the rows of the person it is for")]
    output.result("Receipt" if name is not None else "Receipts", lines, last, {"file": str(out), "receipts": count})


def _registration(file: Path, dataset: bytes) -> zu.RegistrationProof | None:
    """That of the data set with this digest, if it is there: receipts belong to it."""
    if not file.exists():
        return None
    found = zu.RegistrationProof.load(file)
    return found if found.statement.dataset.digest == dataset else None
