"""Reading files that anyone may have made: never more than they may hold, and no waiting for what is no file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import DataError, FormatError


@contextmanager
def opened(path: Path | str, max_bytes: int) -> Iterator[BinaryIO]:
    """A regular file of between 1 and `max_bytes` bytes, open for reading.

    Raises:
        DataError: it is missing, a directory, a device, or cannot be read, now or later.
        FormatError: it is empty or too large.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise DataError(f"{path}: this is a directory, not a file")
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path}: this is not a regular file")
            if status.st_size > max_bytes:
                raise FormatError(f"{path}: {status.st_size} bytes are more than the {max_bytes} it can have")
            if not status.st_size:
                raise FormatError(f"{path}: the file is empty")
            with open(descriptor, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from error


def read_file(path: Path | str, max_bytes: int) -> bytes:
    """The bytes of such a file; raises what `opened` does."""
    with opened(path, max_bytes) as file:
        return file.read(os.fstat(file.fileno()).st_size)
