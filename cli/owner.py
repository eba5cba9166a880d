"""What the owner's commands check before they work: places for files, compiled kernels, ids to forget."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import DataError
from .output import Output

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset

Command = Callable[..., None]
COMPILE_NOTE = "compiling kernels, once per machine (about 30 seconds)"


def dataset_files(directory: Path) -> tuple[Path, Path]:
    """The public and the secret file of a data set, after what a killed run left there is put right."""
    from ..prover.owner.dataset import COMMITMENT_FILE, OPENING_FILE, recover

    if directory.is_dir():
        recover(directory)
    return directory / COMMITMENT_FILE, directory / OPENING_FILE


class MemorySize(click.ParamType):  # type: ignore[type-arg]  # only newer versions of click have these
    """A number of bytes, as people write it: 800MB, 2GB, 1.5GiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?", value.strip().upper())
        if found is None:
            self.fail(f"{value!r} is no size such as 800MB or 2GB", param, ctx)
        number, prefix, binary = found.groups()
        return int(float(number) * (1024 if binary else 1000) ** " KMGT".index(prefix or " "))


def within_memory(place: str) -> Callable[[Command], Command]:
    """The option --memory of an owner's command; temporary files go to the folder that the argument `place` names."""

    def decorate(command: Command) -> Command:
        @click.option(
            "--memory",
            type=MemorySize(),
            metavar="SIZE",
            help="Hold at most this much in memory, as in 2GB; what is larger goes to temporary files beside the data.",
        )
        @wraps(command)
        def run(*output: Output, memory: int | None, **arguments: Any) -> None:
            from ..prover.kernels.storage import memory_limit

            folder: Path = arguments[place]
            while not folder.is_dir() and folder != folder.parent:
                folder = folder.parent
            with memory_limit(memory, folder):
                command(*output, **arguments)

        return run

    return decorate


def secrets_folder(directory: Path) -> Path:
    """Where a data set's large secrets are."""
    from ..prover.owner.secret_arrays import SECRETS

    return directory / SECRETS


def refuse_existing(paths: Sequence[Path], force: bool, hint: str) -> None:
    """Raise DataError for a file that the user did not say to replace."""
    for path in paths:
        if path.exists() and not force:
            raise DataError(f"{path}: is there already; {hint}, or say --force")


def require_file_place(path: Path) -> None:
    """Find out before the work, not after it, that a file cannot be created."""
    if path.is_dir():
        raise DataError(f"{path}: is a directory, not a file")
    _require_writable(path.parent)


def require_folder_place(path: Path) -> None:
    """The same for a folder, which need not exist, nor those above it."""
    while not path.exists() and path != path.parent:
        path = path.parent
    _require_writable(path)


def _require_writable(folder: Path) -> None:
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a directory that exists")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"{folder}: may not be written to")


def prepare_kernels(output: Output) -> None:
    """Compile now what the prover needs, and say so, if this machine never did."""
    from ..prover import kernels

    if not kernels.is_warm():
        output.note(COMPILE_NOTE)
        with output.phases("compiling kernels") as progress:
            kernels.warm_up(progress)


def ids_to_forget(dataset: Dataset, forget: Sequence[str], forget_file: Path | None) -> list[str]:
    """The ids named by the user."""
    from ..formats.lists import COMMENT, read_ids
    from ..prover.tables.ids import wanted_ids

    named = wanted_ids(list(forget))
    if forget_file is not None:
        listed = read_ids(forget_file, comments=not any(name.startswith(COMMENT) for name in dataset.ids))
        try:
            dataset.rows.positions(listed)
        except DataError as error:
            raise error.at(file=str(forget_file)) from error
        named += wanted_ids(listed)
    return named
