"""Tables from .npz: arrays X (N, d) and optionally names (d,); nothing pickled is ever loaded.

Arrays are read by name, and only those that are needed; the header of each says how long it is before it is unpacked.
An X that is not compressed stays where it is, and is mapped into memory; a compressed one is unpacked in pieces.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ...errors import DataError
from ...models.encoding.columns import table_pieces
from ..kernels.storage import Growing, held
from .cells import made_features
from .csv_format import CsvFormat
from .gaps import Gaps, missing_rows
from .ids import incomplete_ids, row_ids, row_numbers
from .raw_table import (
    MAX_TEXT,
    RawTable,
    Wanted,
    check_finite,
    find_all,
    first_line,
    labels_of,
    names_of,
    require_room,
    texts_of,
)

LOCAL_HEADER = 30  # bytes, the lengths of the name and the extra field that follow among them
LENGTHS = (26, 28)
PIECE_BYTES = 1 << 24
CHARACTER_BYTES = 4  # of an id, class or name: numpy stores each of them as long as the longest
KIND_NAMES = {"f": "numbers", "i": "integers", "u": "integers", "b": "truth values", "U": "texts"}


@dataclass(frozen=True)
class Member:
    """An array in the archive, of which only the header was read.

    Attributes:
        info: where it is in the archive.
        shape, by_column, dtype: what its header says; by_column in Fortran's order.
        start: bytes before its first number.
    """

    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype[Any]
    start: int

    def __str__(self) -> str:
        return f"{self.dtype} {'x'.join(map(str, self.shape)) or 'scalar'}"


def read_npz(file: BinaryIO, source: str, wanted: Wanted, _: CsvFormat) -> RawTable:
    """See read.read_table."""
    target = wanted.target
    if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
        raise DataError("one array; an .npz with arrays 'X', 'y' is needed (numpy.savez)")
    with _readable():
        archive = zipfile.ZipFile(file)
        infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    id_array = wanted.id_column or ("ids" if "ids" in infos and target != "ids" else None)
    needed = ["X", *dict.fromkeys(filter(None, [target, id_array, *wanted.unique]))]
    find_all(needed, tuple(infos), "array")
    with _readable():
        members = {name: _member(archive, name, infos[name]) for name in [*needed, "names"] if name in infos}
    X = members["X"]
    if len(X.shape) != 2 or X.shape[1] == 0 or X.dtype.kind not in "fiub":
        raise DataError(f"array 'X' must be numbers (N, d), it is {X}")
    rows, width = X.shape
    unpacked = 0 if X.info.compress_type == zipfile.ZIP_STORED else held(rows * width * X.dtype.itemsize)
    require_room(rows, width, unpacked, len(needed) - 1)
    names, used, unused = _columns(archive, members, wanted.features)
    made = names_of(used, wanted)
    with _readable():
        table = _matrix(file, archive, X)
    if used != names:
        table = table[:, [names.index(name) for name in used]]
    features, gaps = _features(table, used, wanted)
    labels: list[str] | None = None
    if target is not None:
        labels = texts_of(_vector(archive, members[target], target, "fiubU", rows), target)
        gaps.note_rows([row for row in missing_rows(labels) if wanted.lacks_label(labels[row])], target)
    if wanted.whole:
        gaps.refuse(rows)
    whole, ids = gaps.whole(rows), row_numbers(rows)
    named = ids if id_array is None else _vector(archive, members[id_array], id_array, "iuU", rows)
    found = tuple(whole.of(ids))
    if id_array is not None:
        found = row_ids(whole.of(named), id_array, several=wanted.several)
    unique = {name: whole.of(_vector(archive, members[name], name, "iuU", rows)) for name in wanted.unique}
    others = unused, wanted.keys_of(unique), incomplete_ids(whole.others(named), found), whole.left_out
    own = None if labels is None or target is None else labels_of(whole.of(labels), target, classes=wanted.classes)
    return RawTable(whole.rows(features), own, found, made, target, source, None, *others)


def _features(table: NDArray[Any], names: Sequence[str], wanted: Wanted) -> tuple[NDArray[Any], Gaps]:
    """What columns (N, c) become, some rows at a time; and what is missing, if that is not refused."""
    readers, gaps = wanted.sourced(names), Gaps(wanted.target, wanted.gaps)
    made = names_of(names, wanted)
    if any(readers):
        found = Growing(len(made))
        for start, piece in table_pieces(table):
            found.append(made_features([*piece.T], names, readers, gaps, start))
        table = found.finish()
    for start, piece in table_pieces(table):
        if not any(readers):
            gaps.note_numbers(piece, made, start)
        check_finite(np.where(np.isnan(piece), 0, piece), made, start)
    return table, gaps


def _columns(
    archive: zipfile.ZipFile, members: Mapping[str, Member], features: tuple[str, ...] | None
) -> tuple[list[str], list[str], tuple[str, ...]]:
    """Names of the columns of X, of those that are used in their order, and of the others.

    Without an array of names, features that were asked for by name are taken by position, as those of an array are.
    """
    width = members["X"].shape[1]
    if "names" not in members:
        if features is not None and len(features) != width:
            reason = f"array 'X' has {width} columns, expected {len(features)}; an array 'names' can say which they are"
            raise DataError(reason, expected=len(features), found=width)
        names = list(features or (f"x{k}" for k in range(1, width + 1)))
        return names, names, ()
    names = _vector(archive, members["names"], "names", "U", width)
    wanted = Wanted(None, features=features)
    try:
        return names, wanted.features_of(names), wanted.unused_of(names)
    except DataError as error:
        raise DataError(f"array 'names': {error.reason}", expected=error.expected) from None


@contextmanager
def _readable() -> Iterator[None]:
    """Whatever zipfile, zlib and numpy's reader say about what is no such file is a DataError."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"not an .npz that can be read ({first_line(error)})") from None


def _member(archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo) -> Member:
    with archive.open(info) as stream:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_column, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError(f"array {name!r} holds Python objects")
        start = stream.tell()
    if 0 not in shape and info.file_size != start + prod(shape) * dtype.itemsize:
        raise ValueError(f"array {name!r} is not as long as its header says")
    return Member(info, shape, by_column, dtype, start)


def _matrix(file: BinaryIO, archive: zipfile.ZipFile, member: Member) -> NDArray[Any]:
    """The array X, which may be large."""
    shape, dtype, start = member.shape, member.dtype, member.start
    if 0 in shape:
        return np.empty(shape, dtype)
    with archive.open(member.info) as stream:
        stream.read(start)
        if member.info.compress_type == zipfile.ZIP_STORED:
            while stream.read(PIECE_BYTES):  # to the end, where its checksum is compared
                pass
            file.seek(member.info.header_offset)
            header = file.read(LOCAL_HEADER)
            following = sum(int.from_bytes(header[at : at + 2], "little") for at in LENGTHS)
            start += member.info.header_offset + LOCAL_HEADER + following
            return np.asarray(np.memmap(file, dtype, "r", start, shape, "F" if member.by_column else "C"))
        return _unpacked(stream, shape[::-1], dtype).T if member.by_column else _unpacked(stream, shape, dtype)


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


def _vector(archive: zipfile.ZipFile, member: Member, name: str, kinds: str, length: int) -> list[Any]:
    """An array of one dimension, which has to fit into memory."""
    if member.shape != (length,) or member.dtype.kind not in kinds:
        wanted = " or ".join(dict.fromkeys(KIND_NAMES[kind] for kind in kinds))
        raise DataError(f"array {name!r} must be {length} {wanted}, it is {member}")
    if member.dtype.itemsize > MAX_TEXT * CHARACTER_BYTES:
        raise DataError(f"array {name!r} holds texts of more than {MAX_TEXT} characters")
    size = length * member.dtype.itemsize
    with _readable(), archive.open(member.info) as stream:
        stream.read(member.start)
        data = stream.read(size)
        stream.read(1)  # the end, where its checksum is compared
        if len(data) != size:
            raise EOFError(f"array {name!r} ends too early")
        found = np.frombuffer(data, member.dtype) if size else np.zeros(length, member.dtype)
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
