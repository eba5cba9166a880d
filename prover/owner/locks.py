"""One writer at a time in an owner's directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import DataError

LOCK_FILE = ".lock"


@contextmanager
def locked(directory: Path, name: str = LOCK_FILE) -> Iterator[None]:
    """Hold the directory's lock, or another in it; another process waits. Released by the system if the process dies.

    Raises:
        DataError: there can be no lock.
    """
    try:
        descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataError(f"{directory}: cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
