"""Commitments to matrices: random tails, codewords, salted Merkle leaves (verifier/protocol/{code, merkle}.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector, to_field
from ...circuits.language.layout import Address, MatrixLayout, Tiling
from ...errors import FormatError, InvalidProof
from ...verifier.protocol.channel import FIELD_BYTES
from ...verifier.protocol.code import ReedSolomonCode
from ...verifier.protocol.merkle import SALT_BYTES, leaf_hash, verify_cap, verify_paths
from ...verifier.protocol.trees import TreeShape
from ..kernels import RowPart
from ..kernels.storage import empty
from .codewords import MatrixRows, codewords_of, leaf_hashes
from .entropy import Salts, random_field, random_salts
from .evaluation import evaluate_parts
from .merkle import Levels, build_levels, cap_of, paths_of

Cells = npt.NDArray[np.generic]  # elements of F (uint64), or narrower integers
NARROW = (np.int16, np.uint16, np.int32)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Secret:
    """What hides a matrix of columns, and with these opens its commitment: keep it.

    Attributes:
        tails: F array (rows, m), random.
        salts: uint8 (n, 32), one a position.
    """

    tails: Vector
    salts: Salts


@dataclass(repr=False, eq=False)
class Commitment:
    """A committed matrix with everything that opening it takes.

    Attributes:
        rows: values and random tails.
        salts: uint8 (n, 32), one a position; none where nothing is secret.
        stored: the Merkle tree as a file has it; not trusted, and dropped when an opening shows it is damaged.
    """

    code: ReedSolomonCode
    rows: MatrixRows
    salts: Salts | None
    stored: Levels | None = None

    @cached_property
    def levels(self) -> Levels:
        """The Merkle tree, leaves first."""
        if self.stored is not None:
            return self.stored
        return build_levels(leaf_hashes(self.code, self.rows, self.salts))

    @property
    def root(self) -> bytes:
        """The commitment itself."""
        return bytes(self.levels[-1])

    def columns(self, indices: Sequence[int]) -> Vector:
        """The columns at some positions, F array (t, rows)."""
        return evaluate_parts(self.rows, _points(self.code, tuple(indices)))

    def open(self, tree: TreeShape, indices: Sequence[int], columns: Vector) -> bytes:
        """Cap, salts, cells and paths at the indices, as `verifier.columns.verify_tree` reads them.

        Raises:
            FormatError: the rows are not those that were committed.
        """
        opened = self._open(tree, indices, columns)
        if self.stored is not None and not self._is_sound(tree, indices, *opened):
            root, self.stored = self.root, None
            del self.levels  # computed again at their next use
            if self.root != root:
                raise damaged()
            opened = self._open(tree, indices, columns)
        return b"".join(opened)

    def _open(self, tree: TreeShape, indices: Sequence[int], columns: Vector) -> tuple[bytes, bytes, bytes, bytes]:
        salts = b"" if self.salts is None else self.salts[list(indices)].tobytes()
        cells = columns.astype("<u8").tobytes()
        return cap_of(self.levels, tree.cap), salts, cells, paths_of(self.levels, tree.cap, indices)

    def _is_sound(
        self, tree: TreeShape, indices: Sequence[int], cap: bytes, salts: bytes, cells: bytes, paths: bytes
    ) -> bool:
        """Whether these columns lead to the root."""
        width = FIELD_BYTES * tree.rows
        leaves = [
            leaf_hash(salts[SALT_BYTES * i : SALT_BYTES * (i + 1)], cells[width * i : width * (i + 1)])
            for i in range(len(indices))
        ]
        try:
            verify_cap(self.root, cap, tree.cap)
            verify_paths(cap, tree.cap, indices, leaves, paths)
        except InvalidProof:
            return False
        return True


@lru_cache(maxsize=4)
def _points(code: ReedSolomonCode, indices: tuple[int, ...]) -> Vector:
    """Of these positions; all trees of a group are opened at the same ones."""
    points = code.points(indices)
    points.flags.writeable = False
    return points


class PlainCommitment(Commitment):
    """One to few rows that are no secret and are opened at once: their codewords are kept."""

    def __init__(self, code: ReedSolomonCode, rows: MatrixRows) -> None:
        super().__init__(code, rows, None)
        self._codewords = codewords_of(code, rows.count)
        self.levels = build_levels(leaf_hashes(code, rows, None, self._codewords))

    def columns(self, indices: Sequence[int]) -> Vector:
        """The columns at some positions, F array (t, rows)."""
        cells = self._codewords[:, list(indices)].transpose(1, 0, 2).reshape(len(indices), -1)
        return np.ascontiguousarray(cells[:, : self.rows.count])


def damaged() -> FormatError:
    """The error for secrets that belong to no commitment."""
    return FormatError("secret files of the data set are damaged: they do not lead to its commitment")


def narrowed(values: Cells) -> Cells:
    """The same integers in the narrowest type that kernels read; elements of F, uint64, as they are."""
    if values.dtype == np.uint64 or values.dtype in NARROW:
        return values
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for narrow in NARROW:
        limits = np.iinfo(narrow)
        if limits.min <= low and high <= limits.max:
            return values.astype(narrow)
    return to_field(values.astype(np.int64))


def column_parts(layout: MatrixLayout, columns: Mapping[Address, Cells]) -> list[RowPart]:
    """Columns, each of its real shape, as matrix rows: those that fill rows, and the rows that others share."""
    parts: list[RowPart] = []
    shared: list[tuple[Cells, int, int]] = []
    for column, (row, tiling) in layout.places.items():
        cells = narrowed(columns[column])
        if tiling.slot_bits == 0:
            parts += [RowPart(rows, row + first, 0) for first, rows in _tiles(tiling, cells)]
        else:
            line = tiling.matrix_rows(cells)
            shared.append((line, row, tiling.slot * line.shape[1]))
    if shared:
        first = min(row for _, row, _ in shared)
        fields = any(cells.dtype == np.uint64 for cells, _, _ in shared)
        lines = np.zeros((layout.rows - first, 1 << layout.row_bits), dtype=np.uint64 if fields else np.int64)
        for cells, row, start in shared:
            values = to_field(cells.astype(np.int64)) if fields and cells.dtype != np.uint64 else cells
            lines[row - first, start : start + cells.shape[1]] = values[0]
        parts.append(RowPart(narrowed(lines), first, 0))
    return parts


def _tiles(tiling: Tiling, cells: Cells) -> list[tuple[int, Cells]]:
    """A column that fills matrix rows as such rows, in parts, each after the number of its first row.

    Where the column is cut along its first axis only, its rows lie in memory as they are; but the last may be short.
    Others are copied.
    """
    inner = zip(cells.shape[1:], tiling.low_bits[1:], strict=True)
    whole = cells.shape[0] >> tiling.low_bits[0] if all(size == 1 << low for size, low in inner) else 0
    parts: list[tuple[int, Cells]] = []
    if whole:
        parts.append((0, np.ascontiguousarray(cells[: whole << tiling.low_bits[0]]).reshape(whole, -1)))
    if whole < tiling.rows:
        rest = empty((tiling.rows - whole, 1 << tiling.row_bits), cells.dtype)
        rest[:] = 0
        lengths = [1 << low for low in tiling.low_bits]
        for row, tile in enumerate(product(*(range(count) for count in tiling.tiles))):
            if row >= whole:
                cut = tuple(slice(i * length, (i + 1) * length) for i, length in zip(tile, lengths, strict=True))
                own = cells[cut]
                rest[row - whole].reshape(lengths)[tuple(map(slice, own.shape))] = own
        parts.append((whole, rest))
    return parts


def fresh_secret(code: ReedSolomonCode, rows: int) -> Secret:
    """Random tails and salts."""
    return Secret(random_field(rows, code.tail), random_salts(code.length))


def commit_columns(
    layout: MatrixLayout, code: ReedSolomonCode, columns: Mapping[Address, Cells], secret: Secret
) -> Commitment:
    """A commitment to the matrix's columns, each of its real shape."""
    parts = (*column_parts(layout, columns), RowPart(secret.tails, 0, 1 << code.row_bits))
    return Commitment(code, MatrixRows(parts), secret.salts)


def commit(code: ReedSolomonCode, parts: Sequence[RowPart], salts: Salts | None = None) -> Commitment:
    """Commit to rows that have their tails, with fresh salts, which are drawn now if they are not given."""
    return Commitment(code, MatrixRows(tuple(parts)), random_salts(code.length) if salts is None else salts)


def commit_plain(code: ReedSolomonCode, rows: Vector) -> PlainCommitment:
    """Commit to rows (R, C) over F that are no secret."""
    return PlainCommitment(code, MatrixRows((RowPart(rows, 0, 0),)))
