"""What a worker of a cluster does for an owner: say what it is, keep what it is lent, prove, give everything back.

Everything is for one request, which a token names. A worker's folder is 0700, its files 0600, within the folder that
Dask gives it for such things and removes with it. No function raises: Dask logs what is raised, with the arguments; and
no class here has a repr that shows what it holds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ...errors import ZkUnlearnError
from ...formats.container import KINDS
from ...formats.files import SECRET_MODE
from ...verifier.proofs import Proof
from ...verifier.shapes import PROTOCOL
from ..kernels import set_thread_count
from ..owner.lent import PREFIX, Failed, Files, Task, perform, require_lent
from ..owner.secret_arrays import FOLDER_MODE
from ..owner.work import Done

DATASET, MODELS = "dataset", "models"
PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, repr=False)
class Piece:
    """A part of a file that is lent.

    Attributes:
        name: within the worker's folder.
        start: where in the file it belongs.
    """

    name: str
    start: int
    data: bytes


def describe() -> Mapping[str, object]:
    """What two processes have to agree on before one lends the other anything."""
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        version = "not installed"
    formats = {f"format of {kind}": KINDS[kind] for kind in Proof.types}  # all of them, whatever else was imported here
    return {"zkunlearn": version, "protocol": PROTOCOL.decode(), **formats}


def receive(token: str, piece: Piece) -> str:
    """Keep it. Returns what went wrong, or nothing."""
    path = _folder(token) / piece.name
    try:
        _make(path.parent, _folder(token).parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | (0 if piece.start else os.O_EXCL), SECRET_MODE)
        try:
            os.lseek(descriptor, piece.start, os.SEEK_SET)
            rest = memoryview(piece.data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"{piece.name}: cannot be written there ({error.strerror})"
    return ""


def find(token: str, shared: Files) -> str:
    """Whether these files are where the owner has them. Returns what is wrong, or nothing."""
    try:
        require_lent(shared)
    except ZkUnlearnError as error:
        return f"shared files: {error}"
    return ""


def prove(token: str, task: Task, shared: Files | None) -> Done | Failed:
    """Do a task on as many threads as the worker has."""
    from distributed import get_worker

    set_thread_count(get_worker().state.nthreads)
    folder = _folder(token)
    return perform(task, folder / DATASET if shared is None else shared.folder, folder / MODELS)


def give_back(token: str, dask_worker: Any = None) -> None:
    """Remove what this worker was lent, and what one that was killed on this machine has left.

    dask_worker: filled in by Dask, beside whose tasks this is called.
    """
    for folder in Path(dask_worker.local_directory).parent.glob(f"*/{PREFIX}{token}"):
        shutil.rmtree(folder, ignore_errors=True)


def _folder(token: str) -> Path:
    from distributed import get_worker

    return Path(get_worker().local_directory) / f"{PREFIX}{token}"


def _make(folder: Path, above: Path) -> None:
    if folder != above and not folder.is_dir():
        _make(folder.parent, above)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
