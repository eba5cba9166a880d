"""The small secret files in which the openings of a data set are counted.

| file | holds |
|---|---|
| dataset.opening | which data set this is, and how many openings are spent |
| dataset.claim | the number of the opening that a request was given whose proof is not written yet, if there is one |

A claim counts: whoever reads how many are spent reads both. So it is one file whose appearance spends an opening, and
says for what.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...circuits.statements.dataset import MAX_OPENINGS
from ...errors import DataError, FormatError
from ...formats.container import encode, read_container
from ...formats.fields import Bytes, Expected, Int, take
from ...formats.files import read_file, sync_directory, write_file
from ...formats.lists import parse_digest
from ...verifier.protocol.merkle import DIGEST_BYTES

OPENING_FILE = OPENING_KIND = "dataset.opening"
CLAIM_FILE = "dataset.claim"
MAX_OPENING_BYTES = 1 << 10
MOST_DIGITS = 9


@dataclass(frozen=True)
class OpeningFile:
    """The file dataset.opening of one commitment, where its openings are counted."""

    folder: Path
    dataset: bytes
    declared: int

    @property
    def place(self) -> Path:
        """The folder is what has a name for its owner."""
        return self.folder

    def content(self, spent: int) -> bytes:
        """The whole file."""
        return encode(OPENING_KIND, {"dataset": self.dataset, "spent": spent})

    def read(self) -> int | None:
        """The count, which another process may have raised; None if no file of this commitment is there."""
        path = self.folder / OPENING_FILE
        if not path.exists():
            return None
        if read_opening(path, MAX_OPENINGS)["dataset"] != self.dataset:  # which may have had more openings
            return None
        return max(int(read_opening(path, self.declared)["spent"]), self.claimed())

    def write(self, spent: int) -> None:
        """Replace the file."""
        write_file(self.folder / OPENING_FILE, self.content(spent), secret=True)

    def claimed(self) -> int:
        """The number of the opening that is claimed of this commitment; 0 if none is. Raises FormatError, DataError."""
        path = self.folder / CLAIM_FILE
        if not path.exists():
            return 0
        data = read_file(path, MAX_OPENING_BYTES)
        digest, _, count = data.decode("ascii", "replace").strip().partition(" ")
        number = int(count) if count.isdecimal() and len(count) <= MOST_DIGITS else 0
        own = parse_digest(digest)
        if own is None or not 1 <= number <= MAX_OPENINGS or data != _claim(own, number):
            raise FormatError(f"{path}: is damaged, so that nobody knows how many openings are spent; restore it")
        return number if own == self.dataset else 0

    def claim(self, number: int) -> None:
        """Spend the opening of this number, for a request. Raises DataError."""
        write_file(self.folder / CLAIM_FILE, _claim(self.dataset, number), secret=True)

    def settle(self) -> None:
        """What is claimed is used now: count it as any other, and only then remove the claim. Raises DataError."""
        spent = self.read()
        if spent is None or not self.claimed():
            return
        self.write(spent)
        try:
            (self.folder / CLAIM_FILE).unlink()
            sync_directory(self.folder)
        except OSError as error:
            raise DataError(f"{self.folder / CLAIM_FILE}: cannot be removed ({error.strerror})") from error


def _claim(dataset: bytes, number: int) -> bytes:
    return f"{dataset.hex()} {number}\n".encode()


def read_opening(path: Path, openings: int) -> dict[str, Any]:
    """The fields of such a file, of a commitment with so many openings. Raises DataError, FormatError."""
    expected: dict[str, Expected] = {"dataset": Bytes(DIGEST_BYTES), "spent": Int(1, openings)}
    return take(read_container(path, OPENING_KIND, MAX_OPENING_BYTES)[1], expected, str(path))
