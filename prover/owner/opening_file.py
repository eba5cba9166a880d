"""The small secret file in which the openings of a data set are counted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...circuits.statements.dataset import MAX_OPENINGS
from ...formats.container import encode, read_container
from ...formats.fields import Bytes, Expected, Int, take
from ...formats.files import write_file
from ...verifier.protocol.merkle import DIGEST_BYTES

OPENING_FILE = OPENING_KIND = "dataset.opening"
MAX_OPENING_BYTES = 1 << 10


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
        return int(read_opening(path, self.declared)["spent"])

    def write(self, spent: int) -> None:
        """Replace the file."""
        write_file(self.folder / OPENING_FILE, self.content(spent), secret=True)


def read_opening(path: Path, openings: int) -> dict[str, Any]:
    """The fields of such a file, of a commitment with so many openings. Raises DataError, FormatError."""
    expected: dict[str, Expected] = {"dataset": Bytes(DIGEST_BYTES), "spent": Int(1, openings)}
    return take(read_container(path, OPENING_KIND, MAX_OPENING_BYTES)[1], expected, str(path))
