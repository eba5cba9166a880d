"""Tables from .npz: arrays X (N, d) and optionally names (d,); nothing pickled is ever loaded.

An X that is not compressed stays where it is, and is mapped into memory; a compressed one is unpacked in pieces.
"""

from __future__ import annotations

import sys
import zipfile
from math import prod
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ...errors import DataError
from ...models.encoding.columns import table_pieces
from ..kernels.storage import Growing
from .ids import row_ids, row_numbers
from .raw_table import (
    RawTable,
    check_finite,
    check_names,
    find,
    first_line,
    labels_of,
    texts_of,
)

LOCAL_HEADER = 30  # bytes, the lengths of the name and the extra field that follow among them
LENGTHS = (26, 28)
PIECE_BYTES = 1 << 24
KIND_NAMES = {"f": "numbers", "i": "integers", "u": "integers", "b": "truth values", "U": "texts"}


def read_npz(file: BinaryIO, source: str, target: str, id_column: str | None, several: bool) -> RawTable:
    """See read.read_table."""
    arrays = _load(file)
    id_array = id_column or ("ids" if "ids" in arrays and target != "ids" else None)
    for name in ("X", target, *filter(None, [id_array])):
        find(name, tuple(arrays), "array")
    X = arrays["X"]
    if X.ndim != 2 or X.shape[1] == 0 or X.dtype.kind not in "fiub":
        raise DataError(f"array 'X' must be numbers (N, d), it is {_shape_of(X)}")
    rows, width = X.shape
    names = [f"x{k}" for k in range(1, width + 1)]
    if "names" in arrays:
        names = _vector(arrays, "names", "U", width)
        try:
            check_names(names)
        except DataError as error:
            raise DataError(f"array 'names': {error.reason}") from None
    for start, piece in table_pieces(X):
        check_finite(piece, names, start)
    labels = labels_of(texts_of(_vector(arrays, target, "fiubU", rows), target), target)
    if id_array is None:
        return RawTable(X, labels, row_numbers(rows), tuple(names), target, source)
    ids = row_ids(_vector(arrays, id_array, "iuU", rows), id_array, several=several)
    return RawTable(X, labels, ids, tuple(names), target, source)


def _load(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """All arrays by name."""
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise DataError("one array; an .npz with arrays 'X', 'y' is needed (numpy.savez)")
        with loaded as archive:
            small = {name: archive[name] for name in archive.files if name != "X"}
            return small | ({"X": _matrix(file, archive.zip)} if "X" in archive.files else {})
    except DataError:
        raise
    except Exception as error:  # whatever zipfile, zlib and numpy's reader say about what is none
        raise DataError(f"not an .npz that can be read ({first_line(error)})") from None


def _matrix(file: BinaryIO, archive: zipfile.ZipFile) -> NDArray[Any]:
    """The array X, which may be large."""
    member = archive.getinfo("X.npy" if "X.npy" in archive.namelist() else "X")
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_column, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError("array 'X' holds Python objects")
        if len(shape) != 2 or 0 in shape:
            return np.empty(shape, dtype)
        start = stream.tell()
        if member.file_size != start + prod(shape) * dtype.itemsize:
            raise ValueError("array 'X' is not as long as its header says")
        if member.compress_type == zipfile.ZIP_STORED:
            while stream.read(PIECE_BYTES):  # to the end, where its checksum is compared
                pass
            file.seek(member.header_offset)
            header = file.read(LOCAL_HEADER)
            following = sum(int.from_bytes(header[at : at + 2], "little") for at in LENGTHS)
            start += member.header_offset + LOCAL_HEADER + following
            return np.asarray(np.memmap(file, dtype, "r", start, shape, "F" if by_column else "C"))
        return _unpacked(stream, shape[::-1], dtype).T if by_column else _unpacked(stream, shape, dtype)


def _unpacked(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The rows of a matrix, some at a time."""
    rows, width = shape
    line, result = width * dtype.itemsize, Growing(width, dtype)
    while result.rows < rows:
        data = stream.read(line * min(rows - result.rows, max(1, PIECE_BYTES // line)))
        if not data:
            raise EOFError("array 'X' ends too early")
        result.append(np.frombuffer(data, dtype))
    stream.read(1)  # the end, where its checksum is compared
    return result.finish()


def _vector(arrays: dict[str, NDArray[Any]], name: str, kinds: str, length: int) -> list[Any]:
    found = arrays[name]
    if found.shape != (length,) or found.dtype.kind not in kinds:
        wanted = " or ".join(dict.fromkeys(KIND_NAMES[kind] for kind in kinds))
        raise DataError(f"array {name!r} must be {length} {wanted}, it is {_shape_of(found)}")
    if found.dtype.kind == "U" and not _is_unicode(found):
        raise DataError(f"array {name!r} holds texts that are not Unicode")
    values: list[Any] = found.tolist()
    return values


def _is_unicode(texts: NDArray[Any]) -> bool:
    """Whether there are characters only; numpy keeps any 32 bits, surrogates too."""
    if not texts.dtype.itemsize:
        return True
    codes = np.ascontiguousarray(texts).view(texts.dtype.str[0] + "u4")
    return not ((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any()


def _shape_of(found: NDArray[Any]) -> str:
    return f"{found.dtype} {'x'.join(map(str, found.shape)) or 'scalar'}"
