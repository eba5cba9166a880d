"""What `commit` says of the data set that it made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .asked import left_out_count, left_out_lines
from .columns import column_data, column_table
from .output import Output, foreign
from .places import dataset_files, secrets_folder
from .words import dataset_data, dataset_lines, size_text

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset


def show_committed(output: Output, dataset: Dataset, out: Path) -> None:
    """What was committed, how columns use their integers, and where it is."""
    (public, secret), statement, uses = dataset_files(out), dataset.statement, dataset.column_uses
    files = {"commitment": str(public), "opening": str(secret), "secrets": str(secrets_folder(out))}
    more = {"notes": list(dataset.notes), "columns": column_data(uses), "left_out": left_out_count(dataset)}
    lines = [
        *dataset_lines(statement),
        ("openings", f"{dataset.spent} of {statement.openings} used"),
        *left_out_lines(dataset),
        ("public", f"{foreign(public)}, {size_text(public.stat().st_size)}"),
        ("SECRET", f"{foreign(secret)}, {foreign(secrets_folder(out))}: keep both, or nothing more can be proved"),
    ]
    own = dataset_data(statement)
    table = column_table(uses)
    output.table("Data set committed", table, lines, f"committed: data set {own['digest']}", own | files | more)
