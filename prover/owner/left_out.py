"""Who was left out: people of whom no row was committed, for missing values and the like.

| file | public? | holds |
|---|---|---|
| dataset.left_out | secret, 0600 | a salt of its own, the salted digests of their ids, and a checksum over all of it |

So whoever asks to be forgotten later can be told that he was never in. The file names nobody, but whoever has it can
try ids: it is as secret as the data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.statements.ids import escaped
from ...errors import DataError, FormatError
from ...formats.container import encode, read_container
from ...formats.files import write_file
from ...formats.left_out import take_left_out, with_checksum
from ...verifier.protocol.merkle import DIGEST_BYTES
from ..kernels import hash_texts
from ..matrices.entropy import random_salts
from ..tables.ids import SHOWN_IDS, listed_ids
from .zeroing import fill

LEFT_OUT_FILE = KIND = "dataset.left_out"
TAG = b"zkunlearn left out v1\x00"
MOST_LEFT_OUT = 1 << 23
MAX_BYTES = MOST_LEFT_OUT * DIGEST_BYTES + (1 << 10)

Digests = npt.NDArray[np.uint8]  # (n, 32)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class LeftOut:
    """The salted digests of ids.

    Attributes:
        salt: 32 bytes, which go on with the data set.
        digests: increasing, each once.
    """

    salt: bytes
    digests: Digests

    @classmethod
    def of(cls, ids: Any, known: Collection[str], before: LeftOut | None = None) -> LeftOut | None:
        """Those of a list, besides those before; None if there is nothing to keep.

        Args:
            ids: texts or integers, or None.
            known: ids that have rows.

        Raises:
            DataError: what is no list or no id, an id that has a row, or more ids than can be kept.
        """
        if ids is None:
            return before
        listed = listed_ids(ids, "left_out_ids")
        if listed.unusable:
            raise DataError(f"left_out_ids: {escaped(listed.unusable[0])} is no id", found=listed.unusable[0])
        there = {*listed.names} & {*known}
        if there:
            raise _there(sorted(there))
        own = cls(random_salts(1).tobytes(), _no_digests()) if before is None else before
        both = replace(own, digests=_ordered(np.concatenate([own.digests, own._hashed(listed.names)])))
        if len(both) > MOST_LEFT_OUT:
            raise DataError(f"left_out_ids: {len(both):,} ids are more than the {MOST_LEFT_OUT:,} that can be kept")
        return both if before is not None or len(both) else None

    def __len__(self) -> int:
        return len(self.digests)

    def __repr__(self) -> str:
        return f"<LeftOut: {len(self):,} ids>"

    def knows(self, names: Sequence[str]) -> list[bool]:
        """Of each of some ids whether it is among them."""
        found: list[bool] = np.isin(_keys(self._hashed(names)), _keys(self.digests)).tolist()
        return found

    def among(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some ids that are among them."""
        listed = list(names)
        return tuple(name for name, known in zip(listed, self.knows(listed), strict=True) if known)

    def without(self, names: Sequence[str]) -> LeftOut:
        """All others."""
        gone = np.isin(_keys(self.digests), _keys(self._hashed(names)))
        return replace(self, digests=np.ascontiguousarray(self.digests[~gone]))

    def _hashed(self, names: Sequence[str]) -> Digests:
        if not names:
            return _no_digests()
        return hash_texts(TAG + self.salt, [name.encode() for name in names])

    def content(self, dataset: bytes) -> bytes:
        """The whole file, of the data set with this digest."""
        fields = {"dataset": dataset, "salt": self.salt, "digests": self.digests.tobytes()}
        return encode(KIND, with_checksum(fields))

    @classmethod
    def load(cls, directory: Path, dataset: bytes) -> LeftOut | None:
        """That in a data set's folder; None if nobody was left out.

        Raises:
            DataError, FormatError: the file cannot be read, is none, damaged, or of another data set; names it.
        """
        path = directory / LEFT_OUT_FILE
        if not path.exists():
            return None
        fields = take_left_out(read_container(path, KIND, MAX_BYTES)[1], str(path))
        if fields["dataset"] != dataset:
            raise FormatError(f"{path}: belongs to another data set than the commitment beside it")
        return cls(fields["salt"], digests_in(fields["digests"], str(path)))

    def replace_in(self, directory: Path, dataset: bytes) -> None:
        """Write the file, and fill with zeros what was there. Raises DataError."""
        path = directory / LEFT_OUT_FILE
        try:
            with open(path, "r+b") as old:
                write_file(path, self.content(dataset), secret=True)
                fill(old)
        except OSError as error:
            raise DataError(f"{path}: cannot be written ({error.strerror or error})") from error


def digests_in(data: bytes, where: str) -> Digests:
    """Digests one behind the other. Raises FormatError unless they increase."""
    if len(data) % DIGEST_BYTES:
        raise FormatError(f"{where}: digests are cut off")
    digests = np.frombuffer(data, np.uint8).reshape(-1, DIGEST_BYTES)
    keys = _keys(digests)
    if (keys[1:] <= keys[:-1]).any():
        raise FormatError(f"{where}: digests are not in increasing order, each once")
    return digests


def _there(names: Sequence[str]) -> DataError:
    """Ids that have rows, and cannot have been left out."""
    listed = ", ".join(map(escaped, names[:SHOWN_IDS])) + (", ..." if len(names) > SHOWN_IDS else "")
    many = f"{len(names):,} ids are" if len(names) > 1 else "an id is"
    return DataError(f"left_out_ids: {many} in the data set, too: {listed}", found=tuple(names))


def _keys(digests: Digests) -> npt.NDArray[np.bytes_]:
    """Digests as items that are compared byte by byte."""
    return np.ascontiguousarray(digests).reshape(-1).view(f"S{DIGEST_BYTES}")


def _ordered(digests: Digests) -> Digests:
    return np.unique(_keys(digests)).view(np.uint8).reshape(-1, DIGEST_BYTES)


def _no_digests() -> Digests:
    return np.empty((0, DIGEST_BYTES), np.uint8)
