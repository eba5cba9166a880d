"""The owner's large secret arrays: a folder of .npy files beside the small files, mapped into memory when read.

    dataset.secrets/          0700
        NAME.npy              0600, one array each, of the type and shape that the statement implies
        dataset.npy           32 bytes, the digest of the data set's commitment

A folder is written under another name and renamed, so that there is a whole one or none. Nothing in it is ever
unpickled.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..models.errors import DataError, FormatError
from ..verifier.container import SECRET_MODE
from ..verifier.merkle import DIGEST_BYTES

SECRETS = "dataset.secrets"
OWNER = "dataset"
FOLDER_MODE = 0o700
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
    """A folder of arrays that is being written; `finish` makes it the data set's."""

    def __init__(self, directory: Path) -> None:
        self._target = directory / SECRETS
        self.path = directory / f".zkunlearn-{secrets.token_hex(8)}.tmp"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=FOLDER_MODE)
        except OSError as error:
            raise DataError(f"{directory}: cannot be written ({error.strerror})") from error

    def create(self, name: str, dtype: str, shape: tuple[int, ...]) -> Array:
        """An array to be filled in place, on disk."""
        with self._errors():
            with open(self._file(name), "xb", opener=_secret):
                pass
            return np.lib.format.open_memmap(self._file(name), mode="w+", dtype=dtype, shape=shape)

    def save(self, name: str, array: Array) -> None:
        """A whole array."""
        whole = np.ascontiguousarray(array)
        with self._errors(), open(self._file(name), "xb", opener=_secret) as file:
            np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(whole))
            file.write(whole.reshape(-1).view(np.uint8).data)  # numpy's own writing does not say what went wrong
            file.flush()
            os.fsync(file.fileno())

    def finish(self, dataset: bytes) -> None:
        """Everything is on disk: from now on it is the folder of the data set with this digest."""
        self.save(OWNER, np.frombuffer(dataset, dtype=np.uint8))
        old = self.path.with_suffix(".old")
        with self._errors():
            if self._target.exists():
                self._target.rename(old)
            try:
                self.path.rename(self._target)
            except OSError:
                if old.exists():
                    old.rename(self._target)
                raise
        shutil.rmtree(old, ignore_errors=True)

    def abandon(self) -> None:
        """Remove it, if it is not finished."""
        shutil.rmtree(self.path, ignore_errors=True)

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


def _secret(path: str, flags: int) -> int:
    return os.open(path, flags, SECRET_MODE)


def load_arrays(directory: Path, dataset: bytes, forms: Mapping[str, Form]) -> dict[str, Array]:
    """All arrays, mapped into memory and read-only.

    Raises:
        DataError: a file is missing or cannot be read.
        FormatError: it is no such array, or belongs to another data set.
    """
    folder = directory / SECRETS
    owner = _load(folder, OWNER, Form("u1", (DIGEST_BYTES,)))
    if owner.tobytes() != dataset:
        raise FormatError(f"{folder}: belongs to another data set than the commitment beside it")
    return {name: _load(folder, name, form) for name, form in forms.items()}


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
        encoded = [name.encode("utf-8") for name in names]
        ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
        return {"id_bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8), "id_ends": ends}

    def __len__(self) -> int:
        return len(self._ends)

    def is_sound(self) -> bool:
        """Whether they are texts, all of them."""
        edges, ends = self._ends[:-1], self._ends
        if len(ends) == 0 or int(ends[0]) < 0 or int(ends[-1]) != len(self._data) or (np.diff(ends) < 0).any():
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
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        start = int(self._ends[index - 1]) if index else 0
        return self._data[start : int(self._ends[index])].tobytes().decode("utf-8")
