"""Files: reading what anyone may have made, and writing whole files or none.

Reading takes never more than a file may hold, and does not wait for what is no file. What is being written has a name
of its own, `.zkunlearn-*`, until it is complete, and secrets are private from their first byte.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import DataError, FormatError, require_path

PUBLIC_MODE, SECRET_MODE = 0o644, 0o600
SHOWN_TEXT = 40  # how many characters of what was read a message repeats
STALE_SECONDS = 3600
UNFINISHED = ".zkunlearn-"  # how names begin of what is being written, or replaced


# Reading -------------------------------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path | str, max_bytes: int) -> Iterator[BinaryIO]:
    """A regular file of between 1 and `max_bytes` bytes, open for reading.

    Raises:
        DataError: it is missing, a directory, a device, or cannot be read, now or later.
        FormatError: it is empty or too large.
        ParameterError: what is no path.
    """
    require_path("path", path)
    try:
        # Without O_NONBLOCK, opening a named pipe waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise DataError(f"{path}: this is a directory, not a file")
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path}: this is not a regular file")
            require_at_most(path, status.st_size, max_bytes)
            if not status.st_size:
                raise FormatError(f"{path}: the file is empty", "kind")
            with open(descriptor, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from error


def require_at_most(path: Path | str, size: int, max_bytes: int) -> None:
    """Raises FormatError: a file has more bytes than what it holds can have."""
    if size > max_bytes:
        raise FormatError(f"{path}: {size} bytes are more than the {max_bytes} it can have", "kind")


def read_file(path: Path | str, max_bytes: int) -> bytes:
    """The bytes of such a file; raises what `opened` does."""
    with opened(path, max_bytes) as file:
        return file.read(os.fstat(file.fileno()).st_size)


def read_text(path: Path | str, max_bytes: int) -> str:
    """A text that a person wrote, in UTF-8, with a mark of the byte order or without. Raises DataError."""
    try:
        return decode_text(read_file(path, max_bytes), str(path))
    except FormatError as error:
        raise DataError(str(error)) from None


def decode_text(data: bytes, source: str) -> str:
    """The text in a file called `source`. Raises DataError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        guess = "; it looks like UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise DataError(f"{source}: line {line}: not UTF-8 text{guess}") from None


# Writing -------------------------------------------------------------------------------------------------------------


def write_file(path: Path | str, data: bytes, *, secret: bool = False) -> None:
    """Write a file atomically: under its name there is the old one, the new one or none, never a part.

    A file already there is replaced, a symbolic link too (not what it points to).

    Raises:
        DataError: the file cannot be written.
    """
    with replacing(path, SECRET_MODE if secret else PUBLIC_MODE) as file:
        file.write(data)


@contextmanager
def replacing(path: Path | str, mode: int, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A new file to write to; in the end it takes the place of the one called so, or, after an error, goes.

    Args:
        mode: who may read it, less what the process masks.
        durable: whether it is on disk in the end. Without, it may be empty or cut off after the system's crash.

    Raises:
        DataError: the file cannot be written.
    """
    target = Path(path)
    try:
        temporary = unfinished(target.parent)
        try:
            with new_file(temporary, mode, durable=durable) as file:
                yield file
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            sync_directory(target.parent)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise DataError(f"{path}: cannot be written ({getattr(error, 'strerror', error)})") from error


def write_files(directory: Path, files: Iterable[tuple[str, bytes]], mode: int) -> int:
    """Write many small files, each whole or not at all, but not synchronised; replaces what has their names.

    Returns how many there were.

    Raises:
        DataError: one of them cannot be written; those before it are there.
    """
    written, temporary = 0, os.fspath(unfinished(directory))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for name, data in files:
        target = os.path.join(directory, name)
        try:
            try:
                descriptor = os.open(temporary, flags, mode)
                with open(descriptor, "wb", buffering=0) as file:
                    left = memoryview(data)
                    while left:
                        left = left[file.write(left) :]
                os.replace(temporary, target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except (OSError, ValueError) as error:
            raise DataError(f"{target}: cannot be written ({getattr(error, 'strerror', error)})") from error
        written += 1
    return written


@contextmanager
def new_file(path: Path, mode: int, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file that must not be there yet, open for writing. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with open(descriptor, "wb") as file:
        yield file
        if durable:
            file.flush()
            os.fsync(descriptor)


def unfinished(directory: Path, suffix: str = ".tmp") -> Path:
    """A fresh name in a directory, for what is not complete."""
    return directory / f"{UNFINISHED}{secrets.token_hex(8)}{suffix}"


def sweep_unfinished(directory: Path) -> None:
    """Remove files that writers left half-written in a directory: killed ones, as nobody writes for an hour."""
    for path in directory.glob(f"{UNFINISHED}*.tmp"):
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_mtime < time.time() - STALE_SECONDS:
                path.unlink()


def sync_directory(directory: Path) -> None:
    """Make names in a directory durable; the files' own synchronisation does not promise it.

    Nothing happens where directories cannot be opened (on Windows).
    """
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
