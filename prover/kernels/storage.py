"""Where large arrays live: in memory, or under a memory limit in files that have no name.

With a limit, every array that takes more than a small part of it is a shared mapping of a temporary file, which the
system writes out and takes back from memory as it needs to. Such a file is the owner's only and is deleted as soon as
it is open, so nothing is left of it when the process ends, however it ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, ParameterError, require_path, require_type

Array = NDArray[Any]

LEAST_MEMORY = 400_000_000  # bytes: the program with its kernels takes 100 MB, large proofs 200 to work in
SMALL_PARTS = 128  # an array of a smaller part of the limit than this stays in memory


@dataclass(frozen=True)
class _Limit:
    small: int
    folder: Path


_limit: _Limit | None = None


@contextmanager
def memory_limit(size: int | None, folder: Path | str | None = None) -> Iterator[None]:
    """While this context lasts, what the owner's functions hold in memory stays below about `size` bytes.

    Larger arrays live in temporary files in `folder` (by default the system's folder for such files), on a disk that
    has to be large and fast enough; they belong to this user only, and are deleted as soon as they are open. For
    the whole process. Rows of commit's `X` can be in a file too, as a numpy.memmap. None: no limit.

    Raises:
        ParameterError: on entering, for less than 400 MB, of which the program itself takes 100, or another type.
    """
    global _limit
    if size is not None:
        require_type("size", size, Real, "bytes")
    if folder is not None:
        require_path("folder", folder)
    if size is not None and size < LEAST_MEMORY:
        raise ParameterError(f"a memory limit of {size} bytes: the least is {LEAST_MEMORY}")
    before = _limit
    if size is not None:
        _limit = _Limit(size // SMALL_PARTS, Path(tempfile.gettempdir() if folder is None else folder))
    try:
        yield
    finally:
        _limit = before


def memory() -> int:
    """How many bytes may be held: those of the limit, or else all that the machine has."""
    if _limit is not None:
        return _limit.small * SMALL_PARTS
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # where nobody says
        return sys.maxsize


def held(size: int) -> int:
    """How many of the bytes of a `Growing` of that size are in memory: none of those that a limit sends to a file."""
    return size if _limit is None else 0


def empty(shape: int | Sequence[int], dtype: Any) -> Array:
    """An array to be filled, like numpy's. Raises DataError where a file cannot be made."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    size = prod(sizes) * np.dtype(dtype).itemsize
    if _limit is None or size <= _limit.small:
        return np.empty(sizes, dtype=dtype)
    try:
        with tempfile.TemporaryFile(dir=_limit.folder) as file:
            _reserve(file.fileno(), size)
            return np.asarray(np.memmap(file, dtype=dtype, mode="r+", shape=sizes))
    except OSError as error:
        raise DataError(f"{_limit.folder}: no room for {size} bytes of temporary files ({error.strerror})") from error


def _reserve(descriptor: int, size: int) -> None:
    """Room for so many bytes, now: a process that fills a mapped file is killed where the disk turns out to be full."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)


class Growing:
    """A table whose number of rows is not known while it is filled."""

    def __init__(self, width: int, dtype: Any = np.float64) -> None:
        self.width, self._dtype = width, np.dtype(dtype)
        self._pieces: list[Array] = []
        self._file: Any = None
        self.rows = 0

    def append(self, rows: Array) -> None:
        """Some more rows (n, width), of which a copy is kept. Raises DataError where they cannot be written."""
        piece = np.array(rows, dtype=self._dtype, order="C").reshape(-1, self.width)
        self.rows += len(piece)
        if _limit is None:
            self._pieces.append(piece)
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=_limit.folder)
            self._file.write(piece.data)
            self._file.flush()  # or the disk turns out to be full when nobody can say so
        except OSError as error:
            raise DataError(f"{_limit.folder}: no room for temporary files ({error.strerror})") from error

    def finish(self) -> Array:
        """All rows (N, width)."""
        if self._file is not None:
            with self._file as file:
                return np.asarray(np.memmap(file, dtype=self._dtype, mode="r+", shape=(self.rows, self.width)))
        if len(self._pieces) == 1:
            return self._pieces[0]
        return np.concatenate([np.empty((0, self.width), self._dtype), *self._pieces])
