"""What a file lists after its payload: rows of equal size, of which there may be more than memory holds.

They are in memory, or stay in their file and are read some at a time, as often as somebody asks. What is read again is
what was read before: each piece is compared by its hash, so a file that changes meanwhile is noticed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError, FormatError
from .files import opened

PIECE_ROWS = 1 << 14  # that are read at a time; a power of two


class Body:
    """Rows with consecutive numbers.

    Args:
        numbers: of the rows.
        row_bytes: of each row.
        source: all rows, packed; or the file in which they are.
        at: where they begin in the file.
        size: how many bytes of it are theirs, for a file.

    Attributes:
        numbers, row_bytes: as above.

    Raises:
        FormatError: there are more or fewer bytes than the rows have.
    """

    def __init__(
        self, numbers: range, row_bytes: int, source: bytes | memoryview | Path, at: int = 0, size: int = 0
    ) -> None:
        found = size if isinstance(source, Path) else len(source)
        if found != row_bytes * len(numbers):
            problem = f"{len(numbers)} rows after the payload have {row_bytes * len(numbers)} bytes, not {found}"
            raise FormatError(problem)
        self.numbers, self.row_bytes = numbers, row_bytes
        self._file = source if isinstance(source, Path) else None
        self._data = b"" if isinstance(source, Path) else source
        self._at = at
        self._seen: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        """In bytes."""
        return self.row_bytes * len(self.numbers)

    def pieces(self, start: int | None = None, stop: int | None = None) -> Iterator[bytes]:
        """Rows start .. stop - 1, by default all, packed: up to the next number that is a multiple of PIECE_ROWS.

        Raises:
            DataError: the file cannot be read any more, or is another one than before.
        """
        first = self.numbers.start if start is None else start
        last = self.numbers.stop if stop is None else stop
        for begin, end, piece in self._whole_pieces(first, last):
            yield piece[self.row_bytes * (max(first, begin) - begin) : self.row_bytes * (min(last, end) - begin)]

    def _whole_pieces(self, first: int, last: int) -> Iterator[tuple[int, int, bytes]]:
        """All pieces that have some of these rows: their rows begin .. end - 1."""
        bounds = []
        for number in range(first // PIECE_ROWS, -(-last // PIECE_ROWS)):
            begin = max(self.numbers.start, number * PIECE_ROWS)
            bounds.append((begin, min(self.numbers.stop, (number + 1) * PIECE_ROWS)))
        if self._file is None:
            for begin, end in bounds:
                yield begin, end, bytes(self._data[self._place(begin) : self._place(end)])
            return
        with opened(self._file, sys.maxsize) as file:
            for begin, end in bounds:
                file.seek(self._at + self._place(begin))
                piece = file.read(self._place(end) - self._place(begin))
                self._require_same(begin, end, piece)
                yield begin, end, piece

    def _place(self, number: int) -> int:
        """Where a row begins."""
        return self.row_bytes * (number - self.numbers.start)

    def _require_same(self, begin: int, end: int, piece: bytes) -> None:
        found = hashlib.sha256(piece).digest()
        if len(piece) != self._place(end) - self._place(begin) or self._seen.setdefault(begin, found) != found:
            raise DataError(f"{self._file}: the file was changed while it was read")

    def __eq__(self, other: object) -> bool:
        """Whether it has the same rows. Raises as `pieces`."""
        if not isinstance(other, Body):
            return NotImplemented
        if self is other:
            return True
        same = (self.numbers, self.row_bytes) == (other.numbers, other.row_bytes)
        return same and all(a == b for a, b in zip(self.pieces(), other.pieces(), strict=True))

    def __hash__(self) -> int:
        return hash((self.numbers, self.row_bytes))


NO_ROWS = Body(range(0), 0, b"")
