"""Places for files: where an owner's commands write, and whether they can."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError


def dataset_files(directory: Path) -> tuple[Path, Path]:
    """The public and the secret file of a data set, after what a killed run left there is put right."""
    from ..prover.owner.dataset import COMMITMENT_FILE, recover
    from ..prover.owner.opening_file import OPENING_FILE

    if directory.is_dir():
        recover(directory)
    return directory / COMMITMENT_FILE, directory / OPENING_FILE


def secrets_folder(directory: Path) -> Path:
    """Where a data set's large secrets are."""
    from ..prover.owner.secret_arrays import SECRETS

    return directory / SECRETS


def refuse_existing(paths: Sequence[Path], force: bool, hint: str) -> None:
    """Raise DataError for a file that the user did not say to replace."""
    for path in paths:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise DataError(f"{path}: is there, and is not a regular file")
        if path.exists() and not force:
            raise DataError(f"{path}: is there already; {hint}, or say --force")


def require_file_place(path: Path) -> None:
    """Find out before the work, not after it, that a file cannot be created."""
    if path.is_dir():
        raise DataError(f"{path}: is a directory, not a file")
    _require_writable(path.parent)


def require_output(out: Path, inputs: Sequence[Path], force: bool) -> None:
    """The same, and whether the user says that what is there may be replaced; never what it is made from."""
    refuse_existing([out], force, "choose another name")
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise DataError(f"{out}: is what this is made from; choose another name")
    require_file_place(out)


def require_folder_place(path: Path) -> None:
    """The same for a folder, which need not exist, nor those above it."""
    while not path.exists() and path != path.parent:
        path = path.parent
    _require_writable(path)


def require_plot_place(path: Path | None, force: bool) -> None:
    """The same for a plot, and whether it can be drawn."""
    from ..prover.owner.plots import require_plots

    if path is not None:
        require_plots(path)
        refuse_existing([path], force, "choose another name")
        require_file_place(path)


def _require_writable(folder: Path) -> None:
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a directory that exists")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"{folder}: may not be written to")
