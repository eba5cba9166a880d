"""Tables of owners, by the options of commands."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import DataError, ParameterError
from .output import foreign

if TYPE_CHECKING:
    from ..models.encoding.categories import CategorySource
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
    numbers: Collection[str] = (),
    whole: bool = True,
    classes: Collection[str] = (),
    bounded: Collection[str] | None = None,
    **reading: Any,
) -> RawTable:
    """The table in a file; `reading` are options of all commands that read one."""
    from ..prover.tables.read import read_table

    chosen = {**_chosen(**reading), "classes": classes, "bounded": bounded}
    return read_table(data, target, id_column, several=several, sources=sources, numbers=numbers, whole=whole, **chosen)


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


@dataclass(frozen=True)
class DeclaredIn:
    """What files declare of columns; None where there is no file.

    Attributes:
        bounds, categories: by column, as they are written.
        sources: of columns that are no plain numbers.
        bounded: names of the features, and maybe of the label, that bounds are declared of.
    """

    bounds: dict[str, Any] | None
    categories: dict[str, Any] | None
    sources: tuple[Source, ...]
    bounded: tuple[str, ...] | None

    @property
    def columns(self) -> set[str]:
        """Names of columns of which anything is declared."""
        return {*(self.bounds or ()), *(self.categories or ())}

    @property
    def categories_of(self) -> list[CategorySource]:
        """Columns whose categories are declared."""
        from ..models.encoding.categories import CategorySource

        return [own for own in self.sources if isinstance(own, CategorySource)]


def require_columns(declared: Sequence[Source], names: Sequence[str], file: Path | None) -> None:
    """Refuse a column that is declared in a file, and is none of these. Raises DataError, naming the file."""
    from ..prover.tables.raw_table import find_all

    try:
        find_all([own.column for own in declared], names)
    except DataError as error:
        raise error.at(file=str(file)) from None


def declared_in(bounds_file: Path | None, categories_file: Path | None, dropped: str | None) -> DeclaredIn:
    """What these files declare of columns but those of --drop.

    Raises:
        DataError, ParameterError: naming the file.
    """
    from ..models.encoding.declared import Declared
    from ..prover.tables.read import read_bounds, read_categories

    left_out = columns_of(dropped, "--drop")

    def read(path: Path | None, reader: Callable[[Path], dict[str, Any]]) -> dict[str, Any] | None:
        return None if path is None else {name: own for name, own in reader(path).items() if name not in left_out}

    bounds, categories = read(bounds_file, read_bounds), read(categories_file, read_categories)
    file = bounds_file
    try:
        Declared.of(bounds)
        file = categories_file or file
        declared = Declared.of(bounds, categories)
        return DeclaredIn(bounds, categories, declared.sources, None if bounds is None else (*declared.bounds,))
    except ParameterError as error:
        raise error.at(file=str(file)) from None


@contextmanager
def naming(file: Path | None) -> Iterator[None]:
    """Names the file, if there is one, in errors of what was declared in it."""
    try:
        yield
    except ParameterError as error:
        raise (error if file is None else error.at(file=str(file))) from None


def columns_of(text: str | None, option: str) -> list[str]:
    """The names of columns in an option; in quotes those with commas. Raises UsageError for one that is empty."""
    names = [] if text is None else [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [""])]
    if not all(names):
        what = "classes" if option == "--classes" else "columns"
        raise click.UsageError(f"{option}: names of {what}, with commas between them")
    return names


def as_option(names: Iterable[str]) -> str:
    """The names of columns as an option has them: what `columns_of` reads, once a shell has read it."""
    return ",".join(foreign(f'"{name}"' if "," in name else name) for name in names)
