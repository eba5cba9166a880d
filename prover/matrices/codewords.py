"""Rows of a matrix, encoded and hashed as a stream: what is kept is one hash state a position.

Codewords are several times as large as the rows. They are made eight rows and one coset at a time, taken into the
hashes of the leaves, and forgotten; the few positions that a proof opens are evaluated again (evaluate_rows).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...errors import ParameterError
from ...verifier.protocol.code import ReedSolomonCode
from ...verifier.protocol.merkle import DIGEST_BYTES, SALT_BYTES
from ..kernels import GROUP, Hashes, RowPart, place, run_tasks, thread_count, transform
from ..kernels.storage import empty
from .entropy import Salts

CELL_BYTES = 8
MIN_BLOCKS = 1 << 14  # of eight cells, encoded and hashed, that are worth a thread


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class MatrixRows:
    """The coefficients of all rows of a matrix, in parts of any cell type; zero where no part is."""

    parts: tuple[RowPart, ...]

    @cached_property
    def count(self) -> int:
        """Number of rows."""
        return max(part.row + len(part.cells) for part in self.parts)


def leaf_hashes(
    code: ReedSolomonCode, rows: MatrixRows, salts: Salts | None, codewords: Vector | None = None
) -> memoryview:
    """The packed leaf hashes of the codewords of all rows, verifier.merkle.leaf_hash, in the order of positions.

    Args:
        salts: uint8 (n, 32), one a position; zeros if there are none.
        codewords: where these are to be kept: (eights of rows, n, 8), `codewords_of`.

    Raises:
        ParameterError: another number of salts than positions, or rows longer than the code has room for.
    """
    if any(part.start + part.cells.shape[1] > code.dimension for part in rows.parts):
        raise ParameterError(f"a row has more than the {code.dimension} coefficients of its code")
    if salts is not None and salts.shape != (code.length, SALT_BYTES):
        raise ParameterError(f"{code.length} leaves need as many salts of {SALT_BYTES} bytes, got {salts.shape}")
    digests = empty((code.length, DIGEST_BYTES), np.uint8)
    chains = [_Chain(code, rows, coset, salts, digests, codewords) for coset in range(code.cosets)]
    lines = max(1 << code.subgroup_bits, code.dimension)
    lock = threading.Lock()

    def work() -> None:
        block = empty((lines, GROUP), np.uint64)
        while True:
            with lock:  # the chain that is furthest behind, of those nobody works on
                waiting = [chain for chain in chains if not chain.taken and chain.left]
                if not waiting:
                    return
                chain = max(waiting, key=lambda chain: chain.left)
                chain.taken = True
            chain.advance(block)
            with lock:
                chain.taken = False

    blocks = code.length * (1 + -(-rows.count // GROUP))
    threads = min(thread_count(), len(chains), blocks // MIN_BLOCKS)
    run_tasks([work] * max(1, threads))
    return digests.reshape(-1).data


def codewords_of(code: ReedSolomonCode, count: int) -> Vector:
    """Room for the codewords of so many rows: uint64 (eights of rows, n, 8)."""
    return empty((-(-count // GROUP), code.length, GROUP), np.uint64)


class _Chain:
    """The leaves on one coset: a block of each message for the salts, then one for every eight rows."""

    def __init__(
        self,
        code: ReedSolomonCode,
        rows: MatrixRows,
        coset: int,
        salts: Salts | None,
        digests: npt.NDArray[np.uint8],
        codewords: Vector | None,
    ) -> None:
        size = 1 << code.subgroup_bits
        self.left = -(-rows.count // GROUP)
        self.taken = False
        self._code, self._rows, self._shift = code, rows, code.shifts[coset]
        self._count = min(size, code.length - coset * size)
        self._salts = None if salts is None else salts[coset * size :][: self._count]
        self._digests = digests[coset * size :][: self._count]
        self._codewords = None if codewords is None else codewords[:, coset * size :][:, : self._count]
        self._hashes = Hashes(self._count)

    def advance(self, block: Vector) -> None:
        """Encode and hash the next eight rows; before the first ones, take in the salts."""
        positions, first = block[: self._count], GROUP * (-(-self._rows.count // GROUP) - self.left)
        if first == 0:
            positions[:] = 0
            if self._salts is not None:
                positions[:, GROUP // 2 :] = self._salts.view("<u8")
            self._hashes.absorb(positions)
        code = self._code
        place(block[: code.dimension], self._rows.parts, first)
        block[code.dimension : 1 << code.subgroup_bits] = 0
        transform(block, code.dimension, code.subgroup_bits, self._shift, self._count)
        if self._codewords is not None:
            self._codewords[first // GROUP] = positions
        self.left -= 1
        if self.left:
            self._hashes.absorb(positions)
        else:
            self._hashes.finish(positions, CELL_BYTES * (self._rows.count - first), self._digests)
