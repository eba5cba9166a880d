"""Commitments to matrices: random tails, codewords, salted Merkle leaves (verifier/code.py, verifier/merkle.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..circuits.goldilocks import Vector
from ..circuits.layout import MatrixLayout
from ..models.errors import InvalidProof
from ..verifier.channel import FIELD_BYTES
from ..verifier.code import ReedSolomonCode
from ..verifier.columns import TreeShape
from ..verifier.merkle import NO_SALT, SALT_BYTES, leaf_hash, verify_cap, verify_paths
from .codewords import Encoded
from .entropy import random_bytes, random_field
from .kernels import encode_rows, gather_cells
from .merkle import build_levels, cap_of, hash_columns, paths_of


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Secret:
    """What opens a commitment: keep it.

    Attributes:
        rows: F array (R, C + m), the values and the random tails.
        salts: 32 bytes a position; none where nothing is secret.
    """

    rows: Vector
    salts: bytes


@dataclass(repr=False, eq=False)
class Commitment:
    """A committed matrix with everything that opening it takes.

    Attributes:
        stored: codewords and tree as a file has them; not trusted, and dropped when an opening shows it is damaged.
    """

    code: ReedSolomonCode
    secret: Secret
    stored: Encoded | None = None

    @cached_property
    def codewords(self) -> Vector:
        """All rows encoded, F array (groups, n, 8): kernels.encode_rows."""
        if self.stored is not None:
            return self.stored.codewords
        return encode_rows(self.secret.rows, self.code.subgroup_bits, self.code.cosets)

    @cached_property
    def levels(self) -> list[bytes]:
        """The Merkle tree, leaves first."""
        if self.stored is not None:
            return self.stored.levels
        leaf_bytes, groups = FIELD_BYTES * len(self.secret.rows), self.codewords.astype("<u8", copy=False)
        width = groups[0, 0].nbytes
        parts = [group.view(np.uint8)[:, : leaf_bytes - i * width] for i, group in enumerate(groups)]
        return build_levels(hash_columns(self.secret.salts or NO_SALT * self.code.length, parts))

    @property
    def root(self) -> bytes:
        """The commitment itself."""
        return self.levels[-1]

    def open(self, tree: TreeShape, indices: Sequence[int]) -> bytes:
        """Cap, salts, cells and paths at the indices, as `verifier.opening.verify_tree` reads them."""
        opened = self._open(tree, indices)
        if self.stored is not None and not self._is_sound(tree, indices, *opened):
            self.stored = None
            del self.codewords, self.levels  # computed again at their next use
            opened = self._open(tree, indices)
        return b"".join(opened)

    def _open(self, tree: TreeShape, indices: Sequence[int]) -> tuple[bytes, bytes, bytes, bytes]:
        salts = b"".join(self.secret.salts[SALT_BYTES * i : SALT_BYTES * (i + 1)] for i in indices)
        cells = self.cells(tree.rows, indices).astype("<u8").tobytes()
        return cap_of(self.levels, tree.cap), salts, cells, paths_of(self.levels, tree.cap, indices)

    def cells(self, rows: int, indices: Sequence[int]) -> Vector:
        """The columns at some positions, F array (t, rows)."""
        return gather_cells(self.codewords, rows, list(indices))

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


def matrix_values(layout: MatrixLayout, columns: Mapping[str, Vector]) -> Vector:
    """The columns' values as matrix rows (rows, C); each column of its real shape, over F."""
    rows = np.zeros((layout.rows, 1 << layout.row_bits), dtype=np.uint64)
    for name, tiling in layout.tilings.items():
        first, length = layout.offsets[name], 1 << sum(tiling.low_bits)
        cells = tiling.matrix_rows(columns[name])
        rows[first : first + tiling.rows, tiling.slot * length : (tiling.slot + 1) * length] = cells
    return rows


def commit(code: ReedSolomonCode, values: Vector) -> Commitment:
    """Commit to rows (R, C) with fresh tails and salts."""
    tails = random_field(values.shape[0], code.tail)
    return commit_rows(code, np.concatenate([values, tails], axis=1))


def commit_rows(code: ReedSolomonCode, rows: Vector) -> Commitment:
    """Commit to rows (R, C + m) that have their tails, with fresh salts."""
    return Commitment(code, Secret(rows, random_bytes(SALT_BYTES * code.length)))


def commit_plain(code: ReedSolomonCode, rows: Vector) -> Commitment:
    """Commit to rows (R, C) that are no secret."""
    return Commitment(code, Secret(rows, b""))
