"""The owner's commands for a data set that goes on: recommit, append, rectify."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import zkunlearn as zu

from ..errors import DataError
from ..verifier.proofs import LINK_FILE
from .asked import left_out_count, left_out_lines
from .compiling import prepare_kernels
from .id_options import left_out_options
from .options import (
    FILE,
    Command,
    common,
    csv_options,
    force_option,
    hexadecimal,
    next_openings_option,
    openings_option,
    within_memory,
)
from .output import Lines, Output, foreign
from .places import dataset_files, refuse_existing, require_folder_place, secrets_folder
from .words import dataset_data, dataset_lines, plural

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset
    from ..prover.tables.csv_format import CsvFormat


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@openings_option
@click.option("--out", required=True, type=FILE, metavar="NEWDIR", help="Where the new commitment and its secret go.")
@force_option
@common
@within_memory("out")
def recommit(output: Output, directory: Path, openings: int, out: Path, force: bool) -> None:
    """Commit afresh to the rows in DIR, when its openings run out, and prove that they are the same.

    Beside the new commitment goes dataset.link, the public proof that links both.
    """
    require_place(out, force)
    dataset = zu.load_dataset(directory)
    prepare_kernels(output)
    with output.phases("committing afresh") as progress:
        new, _ = zu.recommit(dataset, openings, progress=progress)
    new.save(out, replace=force)
    show_dataset(output, "Data set committed afresh", directory, new, out)


def more_rows(command: Command) -> Command:
    """Arguments and options of commands that add rows."""
    for option in (
        click.option("--out", required=True, type=FILE, metavar="DIR2", help="Where the new data set goes."),
        next_openings_option,
        click.option(
            "--ask-nonce",
            is_flag=True,
            help="Show the root over the new records, and ask for a nonce that somebody else draws then.",
        ),
        click.option(
            "--nonce",
            type=hexadecimal,
            metavar="HEX",
            help="32 bytes, as 64 hexadecimal characters, that somebody else adds to the order of the new rows.",
        ),
        click.option(
            "--several-rows-per-id", "several", is_flag=True, help="One id may have several rows, forgotten together."
        ),
        click.option("--id", "id_column", metavar="COL", help="The column of row ids."),
        click.option("--target", required=True, metavar="COL", help="The column of labels."),
        click.argument("data", type=FILE, metavar="NEW"),
        click.argument("directory", type=FILE, metavar="DIR"),
    ):
        command = option(command)
    return command


@click.command()
@more_rows
@left_out_options
@force_option
@common
@within_memory("out")
@csv_options
def append(output: Output, directory: Path, data: Path, out: Path, force: bool, **options: Any) -> None:
    """Commit to the rows in DIR and those in NEW (CSV, Parquet, Arrow or .npz) after them.

    NEW has the same columns, in any order; its rows have to be within the bounds of DIR. Without --id their numbers go
    on. Old rows keep their positions, and what was proved of DIR can be superseded by a proof on DIR2: beside its
    commitment goes dataset.link, the public proof that links both.
    """
    _add(output, zu.append, "Rows added", directory, data, out, force, **options)


@click.command()
@more_rows
@click.option(
    "--left-out",
    "left_out",
    is_flag=True,
    help="Rows may also be of people who were left out, and are complete now: these are in from now on.",
)
@force_option
@common
@within_memory("out")
@csv_options
def rectify(output: Output, directory: Path, data: Path, out: Path, force: bool, **options: Any) -> None:
    """Put rows right: append those in NEW, and name the rows that DIR has under their ids as superseded.

    As `append`, but all ids have to be in DIR, or with --left-out to have been left out of it. From now on every
    training forgets the superseded rows; until then `verify --chain` says that they are superseded.
    """
    if options["id_column"] is None:
        raise click.UsageError("--id is needed: it says whose rows are put right")
    _add(output, zu.rectify, "Rows put right", directory, data, out, force, **options)


def _add(
    output: Output,
    adding: Callable[..., tuple[Dataset, zu.LinkProof]],
    title: str,
    directory: Path,
    data: Path,
    out: Path,
    force: bool,
    *,
    target: str,
    id_column: str | None,
    several: bool,
    nonce: bytes | None,
    ask_nonce: bool,
    openings: int | None,
    written: CsvFormat,
    left_out_ids: Sequence[str] | None = None,
    left_out: bool = False,
) -> None:
    from ..prover.tables.gaps import APPENDED, NEW_ROWS
    from ..prover.tables.ids import row_numbers
    from ..prover.tables.read import read_more_rows

    if ask_nonce and nonce is not None:
        raise click.UsageError("say --nonce or --ask-nonce, not both")
    require_place(out, force)
    dataset = zu.load_dataset(directory)
    of = dataset.statement.encoding
    gaps = APPENDED if adding is zu.append else NEW_ROWS
    table = read_more_rows(data, of, target, id_column, several=several, written=written, gaps=gaps)
    numbered = id_column is None and table.ids == row_numbers(len(table.ids))
    options = {
        "ids": None if numbered else table.ids,
        "nonce": _ask if ask_nonce else nonce,
        "rows_per_id": "many" if several else "one",
        "unique": table.keys,
        "label_name": target,
        "openings": openings,
        **({} if left_out_ids is None else {"left_out_ids": left_out_ids}),
        **({"left_out": True} if left_out else {}),
    }
    prepare_kernels(output)
    try:
        if ask_nonce:
            new, link = adding(dataset, table.X, table.y, **options)
        else:
            with output.phases("adding rows") as progress:
                new, link = adding(dataset, table.X, table.y, **options, progress=progress)
    except DataError as error:
        raise table.locate(error) from error
    new.save(out, replace=force)
    before, superseded = set(dataset.superseded), len(set(new.superseded) - set(dataset.superseded))
    lines = [("added", plural(link.statement.added, "row"))]
    if superseded:
        lines.append(("superseded", f"{plural(superseded, 'row')}, which the next `prove` forgets"))
    if before:
        lines.append(("", f"and {plural(len(before), 'row')} before"))
    if left_out:
        lines.append(("no more", f"left out: {plural(left_out_count(dataset) - left_out_count(new), 'id')}"))
    show_dataset(output, title, directory, new, out, lines)


def _ask(root: bytes) -> bytes:
    """What somebody answers who has seen the root over the new records."""
    click.echo(f"root over the new records: {root.hex()}", err=True)
    answer: bytes = click.prompt("nonce, 64 hexadecimal characters", err=True, value_proc=hexadecimal)
    return answer


def require_place(out: Path, force: bool) -> None:
    """A folder for a data set that goes on. Raises DataError for one that is taken, or cannot be written."""
    refuse_existing(
        [*dataset_files(out), out / LINK_FILE], force, "replacing it makes its proofs impossible to continue"
    )
    require_folder_place(out)


def show_dataset(
    output: Output,
    title: str,
    before: Path | None,
    new: Dataset,
    out: Path,
    more: Sequence[tuple[str, str]] = (),
    data: Mapping[str, object] | None = None,
) -> None:
    """A data set that goes on, with what there is to say of the step; `before` is the folder of the old one."""
    public, secret = dataset_files(out)
    link_file, needed = out / LINK_FILE, "" if before is None else f"; those of {foreign(before)} are needed no more"
    lines: Lines = [
        *dataset_lines(new.statement),
        *more,
        *left_out_lines(new),
        ("openings", f"{new.spent} of {new.statement.openings} used"),
        ("public", f"{foreign(public)}, {foreign(link_file)}"),
        ("SECRET", f"{foreign(secret)}, {foreign(secrets_folder(out))}: keep both{needed}"),
    ]
    own = dataset_data(new.statement)
    files = {"commitment": str(public), "opening": str(secret), "secrets": str(secrets_folder(out))}
    said = {**own, **files, "link": str(link_file), "superseded": len(new.superseded)}
    said |= {"left_out": left_out_count(new), **(data or {})}
    output.result(title, lines, f"committed: data set {own['digest']}", said)
