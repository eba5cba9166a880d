"""The owner's command `destroy`: a data set without the cells of some rows, and nothing left to have them from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import zkunlearn as zu

from ..errors import DataError
from ..formats.lists import read_ids
from ..verifier.proofs import LINK_FILE, REGISTRATION_FILE
from .growth import require_place, show_dataset
from .options import FILE, common, force_option, next_openings_option, within_memory
from .output import Lines, Output, foreign
from .owner import prepare_kernels
from .places import dataset_files
from .words import plural

if TYPE_CHECKING:
    from ..prover.owner.wiping import Wiped

GROUPS = {
    "datasets": "all secrets of",
    "models": "the model",
    "noise": "unused noise",
    "receipts": "the receipt",
    "left": "NOT, as it cannot be read, or other models in it are still in force:",
}
BEYOND = (
    "copies that this program does not know: backups, snapshots, swap, what a disk keeps of overwritten blocks, the "
    "source table"
)


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Whose rows; may be repeated.")
@click.option("--id-file", type=FILE, metavar="IDS.txt", help="Whose rows, one id a line.")
@click.option("--out", required=True, type=FILE, metavar="DIR2", help="Where the data set without them goes.")
@next_openings_option
@click.option("--unregistered", is_flag=True, help="Go on without a registration: nobody can tie record and row then.")
@force_option
@common
@within_memory("out")
def destroy(
    output: Output,
    directory: Path,
    ids: Sequence[str],
    id_file: Path | None,
    out: Path,
    openings: int | None,
    unregistered: bool,
    force: bool,
) -> None:
    """Commit to DIR without the cells of people who were forgotten, and wipe all from which these could be had.

    A proof beside DIR has to forget them already. In DIR2 their rows are zeros, which dataset.link proves; positions,
    records and all other rows stay, and the chain of proofs goes on there. Then the secrets of DIR are wiped, and those
    of all data sets around DIR and DIR2 that hold the rows; so are models that were trained on them, and receipts of
    these people. Public files stay. A command that was killed can be repeated.
    """
    wanted = [*ids, *(read_ids(id_file) if id_file is not None else [])]
    if not wanted:
        raise click.UsageError("say whose rows: --id or --id-file")
    if not _is_made(directory, out):
        _make(output, directory, wanted, out, openings, unregistered, force)
    new = zu.load_dataset(out)
    with output.phases("wiping"):
        wiped = zu.wipe_rows(new, wanted, directory)
    gone = 0 if new.link is None else new.link.statement.destroyed
    lines: Lines = [("by this link", plural(gone, "row")), *_lines(wiped), ("NOT wiped", BEYOND)]
    lines.append(("", "an id that was destroyed can be appended again"))
    data = {"destroyed": gone, **{name: list(map(str, getattr(wiped, name))) for name in GROUPS}}
    show_dataset(output, "Rows destroyed", None, new, out, lines, data)


def _make(
    output: Output,
    directory: Path,
    ids: Sequence[str],
    out: Path,
    openings: int | None,
    unregistered: bool,
    force: bool,
) -> None:
    from ..prover.owner.wiping import require_no_other_rows

    require_place(out, force)
    dataset = zu.load_dataset(directory)
    if not unregistered:
        _require_registered(directory, dataset.statement.digest)
    require_no_other_rows(dataset, ids, directory, out)
    prepare_kernels(output)
    with output.phases("destroying rows") as progress:
        new, _ = zu.destroy(dataset, ids, openings=openings, progress=progress)
    new.save(out, replace=force)


def _require_registered(directory: Path, dataset: bytes) -> None:
    path = directory / REGISTRATION_FILE
    if not path.exists() or zu.RegistrationProof.load(path).statement.dataset.digest != dataset:
        raise DataError(
            f"{directory}: has no registration of this data set; afterwards nobody can show any more that the "
            "destroyed records were these rows. `register` first, or say --unregistered"
        )


def _is_made(directory: Path, out: Path) -> bool:
    """Whether a run that was killed has made the new data set already."""
    try:
        old, link = zu.DatasetCommitment.load(dataset_files(directory)[0]), zu.LinkProof.load(out / LINK_FILE)
        made = zu.DatasetCommitment.load(dataset_files(out)[0])
    except zu.ZkUnlearnError:
        return False
    own = link.statement
    return (own.old.digest, own.new.digest) == (old.digest, made.digest) and own.destroyed > 0


def _lines(wiped: Wiped) -> Lines:
    """Each file, or folder, that was wiped, or could not be."""
    texts = [f"{head} {foreign(path)}" for name, head in GROUPS.items() for path in getattr(wiped, name)]
    return [("" if index else "wiped", text) for index, text in enumerate(texts)]
