"""Tables of owners, by the options of commands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ParameterError

if TYPE_CHECKING:
    from ..models.encoding.readers import Source
    from ..prover.tables.csv_format import CsvFormat
    from ..prover.tables.raw_table import RawTable
    from ..prover.tables.survey import Seen


def read_by_options(
    data: Path,
    target: str,
    id_column: str | None,
    several: bool,
    *,
    sources: Sequence[Source] = (),
    whole: bool = True,
    **reading: Any,
) -> RawTable:
    """The table in a file; `reading` are options of all commands that read one."""
    from ..prover.tables.read import read_table

    chosen = _chosen(**reading)
    return read_table(data, target, id_column, several=several, sources=sources, whole=whole, **chosen)


def survey_by_options(data: Path, target: str, id_column: str | None, **reading: Any) -> tuple[list[Seen], RawTable]:
    """What is in the columns of a file; `reading` likewise."""
    from ..prover.tables.read import survey_table

    return survey_table(data, target, id_column, **_chosen(**reading))


def _chosen(*, unique: str | None, features: str | None, drop: str | None, written: CsvFormat) -> dict[str, Any]:
    return {
        "unique": columns_of(unique, "--unique"),
        "features": None if features is None else columns_of(features, "--features"),
        "left_out": columns_of(drop, "--drop"),
        "written": written,
    }


def bounds_in(path: Path | None, dropped: str | None) -> tuple[dict[str, Any] | None, tuple[Source, ...]]:
    """What a file of bounds, if there is one, declares of columns but those of --drop.

    Raises:
        DataError, ParameterError: naming the file.
    """
    from ..models.encoding.declared import Declared
    from ..prover.tables.read import read_bounds

    if path is None:
        return None, ()
    left_out = columns_of(dropped, "--drop")
    bounds = {name: own for name, own in read_bounds(path).items() if name not in left_out}
    try:
        return bounds, Declared.of(bounds).sources
    except ParameterError as error:
        raise error.at(file=str(path)) from None


def columns_of(text: str | None, option: str) -> list[str]:
    """The names of columns in an option. Raises UsageError for one that is empty."""
    names = [] if text is None else [name.strip() for name in text.split(",")]
    if not all(names):
        raise click.UsageError(f"{option}: names of columns, with commas between them")
    return names
