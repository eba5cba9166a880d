"""The owner's command `suggest-bounds`: a file of bounds to begin with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ..formats.files import write_file
from .options import FILE, common, csv_options, force_option, within_memory
from .output import FIXED_SPACE, Output, foreign
from .places import refuse_existing, require_file_place
from .tables import as_option, columns_of, declared_in, require_columns, survey_by_options
from .words import plural


@click.command("suggest-bounds")
@click.argument("data", type=FILE)
@click.option("--target", required=True, metavar="COL", help="The column of labels.")
@click.option("--id", "id_column", metavar="COL", help="The column of row ids.")
@click.option("--unique", metavar="COL,..", help="Columns that are no features, as for `commit`.")
@click.option("--features", metavar="COL,..", help="The columns that are features; by default all others.")
@click.option("--drop", metavar="COL,..", help="Columns that are left out; in quotes those with commas.")
@click.option(
    "--categories",
    "categories_file",
    type=FILE,
    metavar="FILE",
    help="Categories of columns in a file of their own, as for `commit`: bounds do not declare these again.",
)
@click.option("--out", required=True, type=FILE, metavar="BOUNDS.toml", help="Where the file goes.")
@force_option
@common
@within_memory("out")
@csv_options
def suggest_bounds(
    output: Output,
    data: Path,
    target: str,
    id_column: str | None,
    categories_file: Path | None,
    out: Path,
    force: bool,
    **reading: Any,
) -> None:
    """Write a file of bounds for the columns of DATA, to be edited: `commit --bounds` reads it.

    Bounds should say what a value can be, whoever is in the table. Those that follow the data, as these do before they
    are edited, depend on the rows that will be forgotten, and no proof covers how they were chosen.
    """
    from ..prover.tables.suggested_bounds import left_out, suggested_bounds

    refuse_existing([out], force, "it may have been edited")
    require_file_place(out)
    declared = declared_in(None, categories_file, reading["drop"]).categories_of
    seen, table = survey_by_options(data, target, id_column, **reading)
    require_columns(declared, [own.column for own in seen], categories_file)
    write_file(out, suggested_bounds(seen, table.bounded_labels, declared).encode(), secret=True)
    lines = [("file", f"{foreign(out)}: edit it, it follows the data"), ("columns", plural(len(seen), "column"))]
    named = {own.column for own in declared}
    without = left_out([own for own in seen if own.column not in named])
    if without:
        lines.append(("leave out", f"{', '.join(map(foreign, without))}: neither numbers, times nor few categories"))
    several = id_column is not None and len({*table.ids}) < len(table.ids)
    if several:
        lines.append(("ids", "some have several rows, which may be forgotten together only"))
    options = " ".join(_options(out, categories_file, several, without, reading))
    lines.append(("commit with", options.replace(" ", FIXED_SPACE)))  # in one line, to be copied
    told = {"file": str(out), "leave_out": without, "several_rows_per_id": several}
    output.result("Bounds to begin with", lines, f"written: {foreign(out)}", told)


def _options(
    bounds: Path, categories: Path | None, several: bool, without: Sequence[str], reading: Mapping[str, Any]
) -> Iterator[str]:
    """The options that `commit` needs beside those that both take."""
    yield f"--bounds {foreign(bounds)}"
    if categories is not None:
        yield f"--categories {foreign(categories)}"
    if several:
        yield "--several-rows-per-id"
    if reading["features"] is not None:
        kept = [name for name in columns_of(reading["features"], "--features") if name not in without]
        yield f"--features {as_option(kept)}"
    elif without or reading["drop"]:
        yield f"--drop {as_option([*columns_of(reading['drop'], '--drop'), *without])}"
