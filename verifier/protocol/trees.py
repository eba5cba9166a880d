"""Columns of a Merkle tree over codewords, opened at drawn positions."""

from __future__ import annotations

from dataclasses import dataclass

from ...circuits.field.goldilocks import Vector
from .channel import FIELD_BYTES, Channel
from .code import ReedSolomonCode
from .merkle import NO_SALT, SALT_BYTES, CapShape, leaf_hash, verify_cap, verify_paths


@dataclass(frozen=True)
class TreeShape:
    """A Merkle tree over the positions of a code, `rows` cells a leaf; unsalted where nothing is secret."""

    name: str
    code: ReedSolomonCode
    rows: int
    salted: bool = True

    @property
    def cap(self) -> CapShape:
        """Shape of its openings."""
        return CapShape(self.code.length, self.code.part_bits, self.code.queries)

    @property
    def opening_bytes(self) -> int:
        """Length of the cap, and of the salts, cells and paths of all queries."""
        leaf = SALT_BYTES * self.salted + FIELD_BYTES * self.rows
        return self.cap.cap_bytes + self.code.queries * leaf + self.cap.paths_bytes


def verify_tree(channel: Channel, tree: TreeShape, root: bytes, indices: list[int]) -> Vector:
    """P -> V: the columns of one tree at the indices. Raises InvalidProof("merkle ..").

    Returns:
        The cells, F array (t, rows).
    """
    count = tree.code.queries
    cap = channel.data(tree.cap.cap_bytes, f"the cap of {tree.name}")
    salts = channel.data(SALT_BYTES * count, f"the salts of {tree.name}") if tree.salted else NO_SALT * count
    cells = channel.cells(count * tree.rows, f"the columns of {tree.name}").reshape(count, tree.rows)
    paths = channel.data(tree.cap.paths_bytes, f"the paths of {tree.name}")

    def verify() -> None:
        verify_cap(root, cap, tree.cap)
        leaves = [
            leaf_hash(salts[SALT_BYTES * i : SALT_BYTES * (i + 1)], cells[i].astype("<u8").tobytes())
            for i in range(count)
        ]
        verify_paths(cap, tree.cap, indices, leaves, paths)

    channel.check(verify)
    return cells
