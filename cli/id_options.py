"""Options that name people: who is to be forgotten or destroyed, and who has no row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import DataError
from ..formats.lists import COMMENT
from .options import FILE, Command
from .output import Output

if TYPE_CHECKING:
    from ..prover.owner.asked import Asked
    from ..prover.owner.dataset import Dataset


def forget_options(previous_help: str) -> Callable[[Command], Command]:
    """Who does not count: --forget and its file, --forget-class, and --previous, whose help is `previous_help`."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option("--previous", "previous_file", type=FILE, metavar="Q", help=previous_help),
            click.option(
                "--forget-class",
                "classes",
                multiple=True,
                metavar="CLASS",
                help="A class of categorical labels to forget, with all its rows; may be repeated.",
            ),
            id_list("forget", "A row to forget; may be repeated.", "Rows to forget"),
        ):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True)
class IdList:
    """Ids that options name, one by one or in a file, of which a table has them in a column."""

    named: Sequence[str]
    file: Path | None
    column: str | None
    skip_unknown: bool
    least: int = 1  # how many a file has to have

    def __bool__(self) -> bool:
        return bool(self.named) or self.file is not None

    def read(self, known: Iterable[str]) -> list[str]:
        """All of them, as they are written; `known` are ids of the data, which may begin as comments do."""
        from ..prover.tables.id_lists import read_id_list

        if self.file is None:
            return list(self.named)
        comments = not any(name.startswith(COMMENT) for name in known)
        return [*self.named, *read_id_list(self.file, self.column, comments=comments, least=self.least)]

    def asked(self, dataset: Dataset) -> Asked:
        """What becomes of each. Raises DataError, naming the file."""
        from ..prover.owner.asked import ask
        from ..prover.tables.id_lists import column_hint

        ids = self.read(dataset.ids)
        try:
            return ask(dataset, ids, self.skip_unknown, "ids")
        except DataError as error:
            if self.file is None:
                raise
            more = column_hint(self.file, self.column)
            raise DataError(error.reason + more, file=str(self.file), found=error.found) from error


def left_out_options(command: Command) -> Command:
    """Who has no row: --left-out and --left-out-column; the command gets ids as `left_out_ids`, None without."""

    @click.option(
        "--left-out",
        "left_out_file",
        type=FILE,
        metavar="F",
        help="Ids of people who have no row, as for missing values, one a line: later they are known to have been "
        "never in. Salted digests are kept, beside the data, SECRET.",
    )
    @click.option("--left-out-column", metavar="COL", help="Of a CSV, Parquet or Arrow file: its column of ids.")
    @wraps(command)
    def run(*output: Output, left_out_file: Path | None, left_out_column: str | None, **rest: Any) -> None:
        from ..prover.tables.id_lists import read_id_list

        if left_out_column is not None and left_out_file is None:
            raise click.UsageError("--left-out-column is of --left-out")
        ids = None if left_out_file is None else read_id_list(left_out_file, left_out_column)
        command(*output, left_out_ids=ids, **rest)

    return run


def id_list(name: str, one_help: str, file_help: str, least: int = 1) -> Callable[[Command], Command]:
    """Options --NAME, --NAME-file, --NAME-column and --skip-unknown; the command gets an IdList as `asked_for`.

    least: how many ids a file has to have.
    """

    def decorate(command: Command) -> Command:
        @click.option(f"--{name}", "named", multiple=True, metavar="ID", help=one_help)
        @click.option(
            f"--{name}-file",
            "id_file",
            type=FILE,
            metavar="F",
            help=f"{file_help}, one id a line; empty lines, and those that begin with #, are skipped.",
        )
        @click.option(
            f"--{name}-column",
            "column",
            metavar="COL",
            help="Of a CSV, Parquet or Arrow file: its column of ids.",
        )
        @click.option("--skip-unknown", is_flag=True, help="Go on without ids that are not there, and say which.")
        @wraps(command)
        def run(
            *output: Output,
            named: Sequence[str],
            id_file: Path | None,
            column: str | None,
            skip_unknown: bool,
            **rest: Any,
        ) -> None:
            if column is not None and id_file is None:
                raise click.UsageError(f"--{name}-column is of --{name}-file")
            command(*output, asked_for=IdList(named, id_file, column, skip_unknown, least), **rest)

        return run

    return decorate
