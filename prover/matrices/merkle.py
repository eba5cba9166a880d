"""Merkle trees over SHA-256, as the prover builds them; `verifier/protocol/merkle.py` has the definitions.

A tree is the list of its levels from the leaves to the root, each level packed: 32 bytes a node. Of
these whole digests a parent hashes the first `kept` bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...errors import ParameterError
from ...verifier.protocol.merkle import DIGEST_BYTES, LEAF_TAG, NODE_BYTES, NODE_TAG, SALT_BYTES, CapShape
from ..kernels import PAIR_BYTES, hash_pairs, sha256_rows

Packed = bytes | memoryview
Levels = Sequence[Packed]  # leaves first, packed


def hash_salted(salts: npt.NDArray[np.uint8], parts: Sequence[npt.NDArray[np.uint8]]) -> memoryview:
    """The packed hashes of salt and data: leaf i of row i of `salts`, (n, 32), and of all parts, uint8 (n, width) each.

    Raises:
        ParameterError: not 32 bytes of salt for each leaf.
    """
    if salts.shape != (len(parts[0]), SALT_BYTES):
        raise ParameterError(f"{len(parts[0])} leaves need as many salts of {SALT_BYTES} bytes, got {salts.shape}")
    return sha256_rows(LEAF_TAG, [salts, *parts])


def build_levels(leaf_hashes: Packed, kept: int = NODE_BYTES) -> list[Packed]:
    """All levels of the tree, leaves first, root last, each packed.

    Args:
        leaf_hashes: packed, at least one.
        kept: bytes of a digest that its parent hashes: NODE_BYTES in the tree of a matrix, all 32 in that of records.

    Raises:
        ParameterError: none, or not a whole number of digests.
    """
    if not leaf_hashes or len(leaf_hashes) % DIGEST_BYTES:
        raise ParameterError(f"{len(leaf_hashes)} bytes are not the packed hashes of at least one leaf")
    pair = 2 * DIGEST_BYTES
    levels: list[Packed] = [leaf_hashes]
    while len(levels[-1]) > DIGEST_BYTES:
        level = levels[-1]
        whole = len(level) - len(level) % pair
        parents, last = _parents(np.frombuffer(level[:whole], np.uint8).reshape(-1, DIGEST_BYTES), kept), level[whole:]
        levels.append(b"".join([parents, last]) if len(last) else parents)  # an odd last node moves up unchanged
    return levels


def _parents(nodes: npt.NDArray[np.uint8], kept: int) -> memoryview:
    """The packed hashes of pairs of nodes."""
    if kept == PAIR_BYTES:
        return hash_pairs(NODE_TAG[0], nodes).reshape(-1).data
    return sha256_rows(NODE_TAG, [nodes[::2, :kept], nodes[1::2, :kept]])


def level_sizes(leaves: int) -> list[int]:
    """How many nodes `build_levels` makes on each level."""
    sizes = [leaves]
    while sizes[-1] > 1:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def cap_of(levels: Levels, shape: CapShape) -> bytes:
    """The packed cap of a tree.

    Raises:
        ParameterError: the tree has another number of leaves than the shape.
    """
    if len(levels[0]) != shape.leaves * DIGEST_BYTES:
        raise ParameterError(f"the tree has {len(levels[0]) // DIGEST_BYTES} leaves, not {shape.leaves}")
    nodes = np.frombuffer(levels[shape.path_length], np.uint8).reshape(-1, DIGEST_BYTES)
    return nodes[:, :NODE_BYTES].tobytes()


def paths_of(levels: Levels, shape: CapShape, indices: Sequence[int]) -> bytes:
    """The packed siblings from each leaf up to the cap, one path after the other: what `verify_paths` takes.

    Raises:
        ParameterError: no such leaf.
    """
    outside = [index for index in indices if not 0 <= index < shape.leaves]
    if outside:
        raise ParameterError(f"index {outside[0]} is outside the {shape.leaves} leaves")
    paths = np.empty((len(indices), shape.path_length, NODE_BYTES), dtype=np.uint8)
    leaves = np.array(indices, dtype=np.int64)
    for level in range(shape.path_length):
        nodes = np.frombuffer(levels[level], np.uint8).reshape(-1, DIGEST_BYTES)
        paths[:, level] = nodes[leaves >> level ^ 1, :NODE_BYTES]
    return paths.tobytes()
