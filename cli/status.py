"""The owner's command `status`: where she stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import zkunlearn as zu

from .asked import left_out_lines
from .options import FILE, common
from .output import Lines, Output, foreign, table
from .words import plural

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset
    from ..prover.owner.status import ProvedTraining, Status

SHOWN_IDS = 20
HEADS = ("file", "method", "forgotten", "model's openings", "")


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@common
def status(output: Output, directory: Path) -> None:
    """Show what is committed in DIR, what was proved of it, who is forgotten, and what is left to spend.

    Proofs are looked for in DIR and in the folder that it is in. Nothing is verified, and no opening spent.
    """
    from ..prover.owner.status import status as found_status

    dataset = zu.load_dataset(directory)
    found, own = found_status(dataset), dataset.statement
    used, of = found.openings
    head: Lines = [
        ("data set", own.digest.hex()),
        ("size", f"{plural(own.rows, 'row')}, {plural(own.features, 'feature')}"),
        ("openings", f"{used} of {of} used"),
        *([("registered", "yes")] if found.registered else []),
        *((kind, foreign(path.name)) for path, kind in found.others),
        *_named("forgotten", found.forgotten),
        *_named("rectified", found.superseded),
        *left_out_lines(dataset),
    ]
    notes = [*head, *(("next", text) for text in found.advice)]
    rows = list(table(HEADS, [_row(each) for each in found.trainings])) if found.trainings else []
    last = f"{plural(len(found.trainings), 'training')}, {of - used} of {plural(of, 'opening')} left"
    output.table("Status", rows, notes, last, _data(dataset, found))


def _named(what: str, ids: tuple[str, ...]) -> Lines:
    """Whose rows, if there are any."""
    if not ids:
        return []
    more = f" and {len(ids) - SHOWN_IDS:,} more (--json has all)" if len(ids) > SHOWN_IDS else ""
    return [(what, f"{len(ids):,}: {', '.join(map(foreign, ids[:SHOWN_IDS]))}{more}")]


def _row(own: ProvedTraining) -> tuple[str, ...]:
    spent = "no secret beside it" if own.openings is None else f"{own.openings[0]} of {own.openings[1]} used"
    forgotten = f"{len(own.statement.positions):,}"
    return foreign(own.file.name), own.statement.spec.method.kind, forgotten, spent, "latest" if own.latest else ""


def _data(dataset: Dataset, found: Status) -> dict[str, Any]:
    return {
        "dataset": dataset.statement.digest.hex(),
        "rows": dataset.statement.rows,
        "features": dataset.statement.features,
        "openings": {"spent": found.openings[0], "of": found.openings[1]},
        "registered": found.registered,
        "trainings": [
            {
                "file": str(own.file),
                "statement": own.statement.digest.hex(),
                "method": own.statement.spec.method.kind,
                "forgotten": len(own.statement.positions),
                "latest": own.latest,
                "openings": None if own.openings is None else {"spent": own.openings[0], "of": own.openings[1]},
            }
            for own in found.trainings
        ],
        "others": [{"file": str(path), "kind": kind} for path, kind in found.others],
        "forgotten": list(found.forgotten),
        "rectified": list(found.superseded),
        "left_out": found.left_out,
        "next": list(found.advice),
    }
