"""A proof on its way: whole and private first, then public, so that no kill leaves half of it or loses it.

`dataset.request/`, 0700, beside a data set's other files, holds what `Trained.save` wrote, under the name that it is to
have; the proof was written last, so where it is, all is. What is published is copied from there, the proof last again,
and the folder goes.
"""

from __future__ import annotations

import re
import shutil
from itertools import count
from pathlib import Path

from ...errors import DataError
from ...formats.files import read_file, sync_directory, write_file
from ...formats.lists import MAX_LIST_BYTES
from ...verifier.proofs import MAX_FILE_BYTES
from .model import MAX_MODEL_BYTES, training_of
from .trained import SUFFIXES, ProofFiles, Trained

STAGED_FOLDER = "dataset.request"
NUMBERED = re.compile(r"(\d{4,9})\.")
NAME = "{:04}"


def next_number(folder: Path) -> int:
    """After those of all files whose names begin by one, as 0001.proof does."""
    found = (NUMBERED.match(path.name) for path in folder.iterdir())
    return 1 + max((int(match[1]) for match in found if match is not None), default=0)


def staged(directory: Path) -> ProofFiles | None:
    """What is staged whole; None if nothing is. Raises DataError."""
    folder = directory / STAGED_FOLDER
    found = [path for path in folder.iterdir() if path.suffix in SUFFIXES] if folder.is_dir() else []
    if len(found) > 1:
        raise DataError(f"{folder}: holds more than one proof; it is written by one run at a time")
    return ProofFiles.beside(found[0]) if found else None


def stage(trained: Trained, directory: Path, number: int) -> ProofFiles:
    """Write a proof with its files, in the place of what an earlier run has left unfinished. Raises DataError."""
    folder = directory / STAGED_FOLDER
    clear(directory)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from error
    suffix = ".proof" if trained.bundle is None else ".bundle"
    return trained.save(folder / f"{NAME.format(number)}{suffix}")


def publish(files: ProofFiles, folder: Path) -> ProofFiles:
    """Copy what is staged into a folder, under the same name if it is free, or ours; another time that changes nothing.

    A model that is there is left alone: its openings are counted in its file.

    Raises:
        DataError: a file cannot be written.
    """
    first, suffix = int(files.proof.stem), files.proof.suffix
    for number in count(first):
        target = ProofFiles.beside(folder / f"{NAME.format(number)}{suffix}")
        if _free(files, target):
            break
    (model,), (place,) = files.models, target.models
    if not place.exists():
        write_file(place, read_file(model, MAX_MODEL_BYTES), secret=True)
    if files.forgotten.exists() and not target.forgotten.exists():
        write_file(target.forgotten, read_file(files.forgotten, MAX_LIST_BYTES))
    if not target.proof.exists():
        write_file(target.proof, read_file(files.proof, MAX_FILE_BYTES))
    return target


def _free(files: ProofFiles, target: ProofFiles) -> bool:
    """Whether each of these names is that of no file, or of what is to be there."""
    (model,), (place,) = files.models, target.models
    if place.exists() and training_of(place) != training_of(model):
        return False
    pairs = ((files.forgotten, target.forgotten, MAX_LIST_BYTES), (files.proof, target.proof, MAX_FILE_BYTES))
    return not any(other.exists() and not _same(own, other, most) for own, other, most in pairs)


def _same(one: Path, other: Path, most: int) -> bool:
    return one.exists() and read_file(one, most) == read_file(other, most)


def clear(directory: Path) -> None:
    """Remove what is staged: the proof first, without which nothing else counts. Raises DataError."""
    folder = directory / STAGED_FOLDER
    try:
        for path in [*folder.glob("*.proof"), *folder.glob("*.bundle")]:
            path.unlink()
        if folder.is_dir():
            sync_directory(folder)
            shutil.rmtree(folder)
            sync_directory(directory)
    except OSError as error:
        raise DataError(f"{folder}: cannot be removed ({error.strerror})") from error
