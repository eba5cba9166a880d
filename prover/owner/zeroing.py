"""Secret files that go: filled with zeros, then removed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from ...errors import DataError
from ...formats.files import sync_directory

PIECE = 1 << 20


def wipe(path: Path) -> None:
    """Fill a file, or all files of a folder, with zeros, and remove it; nothing if there is none. Raises DataError."""
    try:
        files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        for file in files:
            with open(file, "r+b") as opened:
                fill(opened)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        sync_directory(path.parent)
    except OSError as error:
        raise DataError(f"{path}: cannot be wiped ({error.strerror or error})") from error


def fill(file: BinaryIO) -> None:
    """Fill an open file with zeros, whatever its name is by now. Raises OSError."""
    size = os.fstat(file.fileno()).st_size
    for start in range(0, size, PIECE):
        file.write(bytes(min(PIECE, size - start)))
    file.flush()
    os.fsync(file.fileno())
