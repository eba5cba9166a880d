"""The owner's command `destroy`: a data set without the cells of some rows, and nothing left to have them from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import zkunlearn as zu

from ..errors import DataError
from ..verifier.proofs import LINK_FILE, REGISTRATION_FILE
from .asked import asked_data, asked_lines, left_out_count, left_out_lines
from .compiling import prepare_kernels
from .growth import require_place, show_dataset
from .id_options import IdList, id_list
from .options import FILE, common, force_option, next_openings_option, within_memory
from .output import Lines, Output, foreign
from .places import dataset_files
from .words import plural

if TYPE_CHECKING:
    from ..prover.owner.asked import Asked
    from ..prover.owner.wiping import Wiped

GROUPS = {
    "datasets": "all secrets of",
    "models": "the model",
    "noise": "unused noise",
    "receipts": "the receipt",
    "left": "NOT, as it cannot be read, or other models in it are still in force:",
    "pages": "NOT, look at it, as it may show what was computed from the rows:",
}
BEYOND = (
    "copies that this program does not know: backups, snapshots, swap, what a disk keeps of overwritten blocks, the "
    "source table"
)


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@id_list("id", "Whose rows; may be repeated.", "Whose rows")
@click.option(
    "--out", type=FILE, metavar="DIR2", help="Where the data set without them goes; needed if one of them has rows."
)
@next_openings_option
@click.option("--unregistered", is_flag=True, help="Go on without a registration: nobody can tie record and row then.")
@force_option
@common
@within_memory("directory")
def destroy(
    output: Output,
    directory: Path,
    asked_for: IdList,
    out: Path | None,
    openings: int | None,
    unregistered: bool,
    force: bool,
) -> None:
    """Commit to DIR without the cells of people who were forgotten, and wipe all from which these could be had.

    A proof beside DIR has to forget them already. In DIR2 their rows are zeros, which dataset.link proves; positions,
    records and all other rows stay, and the chain of proofs goes on there. Then the secrets of DIR are wiped, and those
    of all data sets around DIR and DIR2 that hold the rows; so are models that were trained on them, and receipts of
    these people. Public files stay. A command that was killed can be repeated.

    Of people who were left out when the data were committed, their digests are removed; for these alone, without --out.
    """
    if not asked_for:
        raise click.UsageError("say whose rows: --id or --id-file")
    if out is None:
        _forget_left_out(output, directory, asked_for)
        return
    asked = (
        None if _is_made(directory, out) else _make(output, directory, asked_for, out, openings, unregistered, force)
    )
    new = zu.load_dataset(out)
    with output.phases("wiping"):
        wiped = zu.wipe_rows(new, asked_for.read(new.ids) if asked is None else asked.found, directory)
    gone = 0 if new.link is None else new.link.statement.destroyed
    lines: Lines = [("by this link", plural(gone, "row")), *_lines(wiped), ("NOT wiped", BEYOND)]
    lines.append(("", "an id that was destroyed can be appended again"))
    data = {"destroyed": gone, **{name: list(map(str, getattr(wiped, name))) for name in GROUPS}}
    if asked is not None:
        lines, data = [*lines, *asked_lines(asked)], {**data, "asked": asked_data(asked)}
    show_dataset(output, "Rows destroyed", None, new, out, lines, data)


def _forget_left_out(output: Output, directory: Path, asked_for: IdList) -> None:
    """Of people who have no row, only digests can be removed; nothing is committed for that."""
    dataset = zu.load_dataset(directory)
    asked = asked_for.asked(dataset)
    if asked.found:
        raise click.UsageError(f"--out is needed: {plural(len(asked.found), 'id')} of these have rows")
    files = zu.forget_left_out(dataset, asked.never_in)
    lines = [*asked_lines(asked), *left_out_lines(dataset), *(("changed", foreign(path)) for path in files)]
    data = {"asked": asked_data(asked), "left_out": left_out_count(dataset), "changed": list(map(str, files))}
    said = f"removed: {plural(len(asked.never_in), 'digest')} of people who had been left out"
    output.result("Digests removed", lines, said, data)


def _make(
    output: Output,
    directory: Path,
    asked_for: IdList,
    out: Path,
    openings: int | None,
    unregistered: bool,
    force: bool,
) -> Asked:
    from ..prover.owner.wiping import require_no_other_rows

    require_place(out, force)
    dataset = zu.load_dataset(directory)
    if not unregistered:
        _require_registered(directory, dataset.statement.digest)
    asked = asked_for.asked(dataset)
    require_no_other_rows(dataset, asked.found, directory, out)
    prepare_kernels(output)
    with output.phases("destroying rows") as progress:
        new, _ = zu.destroy(dataset, [*asked.found, *asked.never_in], openings=openings, progress=progress)
    new.save(out, replace=force)
    return asked


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
