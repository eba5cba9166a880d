"""The owner's large secret arrays: a folder of .npy files beside the small files, mapped into memory when read.

    dataset.secrets/          0700
        NAME.npy              0600, one array each, of the type and shape that the statement implies
        dataset.npy           32 bytes, the digest of the data set's commitment

A folder is written under another name and renamed, so that there is a whole one or none, and with it the small files
that belong to it. Nothing in it is ever unpickled.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DataError, FormatError
from ...formats.files import SECRET_MODE, UNFINISHED, new_file, sync_directory, unfinished
from ...verifier.protocol.merkle import DIGEST_BYTES

SECRETS = "dataset.secrets"
OWNER = "dataset"
FOLDER_MODE = 0o700
OLD = ".old"  # the end of the name of a folder with what is being replaced
CONTINUATION, CONTINUATION_MASK = 0x80, 0xC0  # of bytes within a character, in UTF-8

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Form:
    """What an array has to be; None stands for any length."""

    dtype: str
    shape: tuple[int | None, ...]

    def fits(self, array: Array) -> bool:
        """Whether it is."""
        return (
            array.dtype == np.dtype(self.dtype)
            and array.ndim == len(self.shape)
            and all(n is None or n == m for n, m in zip(self.shape, array.shape, strict=True))
            and array.flags.c_contiguous
        )


class Folder:
    """A folder of arrays that is being written; `finish` makes it the data set's. One that is not finished goes."""

    def __init__(self, directory: Path) -> None:
        self._target = directory / SECRETS
        self.path = unfinished(directory)
        make_directory(directory)
        try:
            self.path.mkdir(mode=FOLDER_MODE)
        except OSError as error:
            raise DataError(f"{directory}: cannot be written ({error.strerror})") from error

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *error: object) -> None:
        self.abandon()

    def create(self, name: str, dtype: str, shape: tuple[int, ...]) -> Array:
        """An array to be filled in place, on disk."""
        with self._errors():
            with new_file(self._file(name), SECRET_MODE, durable=False):
                pass
            return np.lib.format.open_memmap(self._file(name), mode="w+", dtype=dtype, shape=shape)

    def save(self, name: str, array: Array) -> None:
        """A whole array."""
        whole = np.ascontiguousarray(array)
        with self._errors(), new_file(self._file(name), SECRET_MODE) as file:
            np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(whole))
            file.write(whole.reshape(-1).view(np.uint8).data)  # numpy's own writing does not say what went wrong

    def add(self, name: str, content: bytes, mode: int = SECRET_MODE) -> None:
        """A file that `finish` will put beside the folder."""
        with self._errors(), new_file(self.path / name, mode) as file:
            file.write(content)

    def finish(self, dataset: bytes, beside: Sequence[str] = ()) -> None:
        """From now on it is the folder of the data set with this digest, and those of these files that were added lie
        beside it, and no others of these names.

        All is on disk by then, so that what is left to do needs no room; what was there before goes only in the end.
        """
        self.save(OWNER, np.frombuffer(dataset, dtype=np.uint8))
        directory, old = self._target.parent, self.path.with_suffix(OLD)
        moves = moves_into_place(directory, self.path, old, beside)
        with self._errors():
            sync_directory(self.path)
            old.mkdir(mode=FOLDER_MODE)
            try:
                _move(moves)
            except BaseException:
                with contextlib.suppress(OSError):
                    old.rmdir()  # and not what may still be in it
                raise
            try:
                sync_directory(directory)
            finally:
                _remove(old)

    def abandon(self) -> None:
        """Remove it, if it is not finished."""
        _remove(self.path)

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.npy"

    @contextlib.contextmanager
    def _errors(self) -> Any:
        """Whatever ends the work, no secrets are left behind."""
        try:
            yield
        except BaseException as error:
            self.abandon()
            if isinstance(error, OSError):
                raise DataError(f"{self._target}: cannot be written ({error.strerror or error})") from error
            raise


def moves_into_place(directory: Path, new: Path, old: Path, beside: Sequence[str]) -> list[tuple[Path, Path]]:
    """Renames, source and target: what is there goes to `old`, `new` becomes the secrets, its other files go beside."""
    there = [name for name in (SECRETS, *beside) if (directory / name).exists()]
    return [
        *((directory / name, old / name) for name in there),
        (new, directory / SECRETS),
        *((directory / SECRETS / name, directory / name) for name in beside if (new / name).exists()),
    ]


def _move(moves: Sequence[tuple[Path, Path]]) -> None:
    """All of these renames, in this order; if one fails, or someone interrupts, none of them."""
    begun: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            begun.append((source, target))
            source.rename(target)
    except BaseException:
        for source, target in reversed(begun):
            if not source.exists():  # the last one may not have happened
                target.rename(source)
        raise


def _remove(folder: Path) -> None:
    """Secrets go, also if someone interrupts."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def needs_recovery(directory: Path, beside: Sequence[str]) -> bool:
    """Whether a killed run left something in a folder: half-written or replaced files, or some in their first place."""
    try:
        left = any(path.name.startswith(UNFINISHED) for path in directory.iterdir())
        return left or any((directory / SECRETS / name).exists() for name in beside)
    except OSError:  # whoever reads what is in it will say so
        return False


def restore_and_sweep(directory: Path, beside: Sequence[str]) -> None:
    """Finish what a killed run began in `Folder.finish`, or take it back; then remove all that is unfinished.

    The caller holds the folder's lock, so that no other run is at it. Once the new secrets are in place, with the
    other new files in them, these only have to follow. Until then the old files that were moved away come back.

    Raises:
        DataError: what is there cannot be moved.
    """
    names = (*beside, SECRETS)  # whoever finds the old secrets in their place finds all that was beside them
    try:
        for name in beside:
            if (directory / SECRETS / name).exists():
                (directory / SECRETS / name).rename(directory / name)
        is_new = (directory / SECRETS).exists()  # what was beside the old ones, and has no successor, stays away
        for old in directory.glob(f"{UNFINISHED}*{OLD}"):
            for name in () if is_new else names:
                if (old / name).exists() and not (directory / name).exists():
                    (old / name).rename(directory / name)
            sync_directory(directory)
        for path in directory.glob(f"{UNFINISHED}*"):
            if path.is_dir():
                _remove(path)
            else:
                path.unlink()
    except OSError as error:
        raise DataError(f"{directory}: what a killed run left cannot be put right ({error.strerror})") from error


def make_directory(directory: Path) -> None:
    """With its parents, and with the names of all that are new on disk. Raises DataError."""
    try:
        _make(directory)
    except OSError as error:
        raise DataError(f"{directory}: cannot be written ({error.strerror})") from error


def _make(directory: Path) -> None:
    if not directory.is_dir():
        _make(directory.parent)
        directory.mkdir(exist_ok=True)
        sync_directory(directory.parent)


def load_arrays(directory: Path, dataset: bytes, forms: Mapping[str, Form]) -> dict[str, Array]:
    """All arrays, mapped into memory and read-only.

    Raises:
        DataError: a file is missing or cannot be read.
        FormatError: it is no such array, or belongs to another data set.
    """
    folder = directory / SECRETS
    _check_owner(folder, dataset)
    arrays = {name: _load(folder, name, form) for name, form in forms.items()}
    _check_owner(folder, dataset)  # still: another run may have replaced the folder in between
    return arrays


def _check_owner(folder: Path, dataset: bytes) -> None:
    if _load(folder, OWNER, Form("u1", (DIGEST_BYTES,))).tobytes() != dataset:
        raise FormatError(f"{folder}: belongs to another data set than the commitment beside it")


def _load(folder: Path, name: str, form: Form) -> Array:
    path = folder / f"{name}.npy"
    try:
        array: Array = np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # one of objects, or whatever numpy's reader says about what is no array
        raise FormatError(f"{path}: is not an array that zkunlearn wrote") from error
    if not form.fits(array):
        raise FormatError(f"{path}: holds {array.dtype} of shape {array.shape}, expected {form.dtype} {form.shape}")
    return array


class Names(Sequence[str]):
    """Texts, one behind the other in UTF-8."""

    def __init__(self, data: Array, ends: Array) -> None:
        self._data, self._ends = data, ends

    @classmethod
    def arrays(cls, names: Sequence[str]) -> dict[str, Array]:
        """`data` and `ends` as they are stored."""
        encoded = list(map(str.encode, names))
        ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
        return {"id_bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8), "id_ends": ends}

    def __len__(self) -> int:
        return len(self._ends)

    def is_sound(self) -> bool:
        """Whether they are texts, all of them."""
        edges, ends = self._ends[:-1], self._ends
        if len(ends) == 0 or int(ends[0]) < 0 or int(ends[-1]) != len(self._data) or (ends[1:] < edges).any():
            return False
        inside = edges[edges < len(self._data)]
        if ((self._data[inside] & CONTINUATION_MASK) == CONTINUATION).any():
            return False
        try:
            self._data.tobytes().decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            wanted = range(len(self))[index]
            return self._texts(wanted.start, wanted.stop) if wanted.step == 1 else [self[i] for i in wanted]
        index = range(len(self))[index]
        return self._texts(index, index + 1)[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    def _texts(self, start: int, stop: int) -> list[str]:
        """Neighbours, read at once."""
        first = int(self._ends[start - 1]) if start else 0
        edges = [0, *(self._ends[start:stop] - first).tolist()]
        data = self._data[first : first + edges[-1]].tobytes()
        return [data[begin:end].decode("utf-8") for begin, end in pairwise(edges)]
