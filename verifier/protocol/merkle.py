"""Merkle trees over SHA-256, as the verifier sees them.

    leaf      SHA-256(0x00 || 0^31 || salt || data)   salt: 32 random bytes, so that data cannot be guessed; with
                                                     the zeros, data begins with a block of the hash
    node      SHA-256(0x01 || left || right)         of children in the tree of a matrix, the first 27 bytes each
    tree      level by level in pairs; an odd last node moves up unchanged (the shape of RFC 9162, 2.1.1)

A matrix commitment has k * 2^l leaves and is opened at many positions: the proof holds one whole level of the tree
(the cap) and, for each position, a path of always the same length up to the cap, so that its size does not depend on
the positions. (The tree of records has any number of leaves: circuits/statements/record_tree.py.)

27 bytes: what a node hashes is then 55 bytes, one block of SHA-256 with its padding. Two nodes collide after 2^108
hashes. The root of a matrix keeps its 32 bytes, and so do all digests of the record tree.

Digests are packed: a cap or a path is one `bytes`, 27 or 32 for each, as it stands in the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InvalidProof, ParameterError

DIGEST_BYTES = 32
NODE_BYTES = 27  # of a digest that its parent hashes, in the tree of a matrix
SALT_BYTES = 32
LEAF_TAG = b"\x00"
NODE_TAG = b"\x01"
LEAF_HEAD = LEAF_TAG + bytes(31)
NO_SALT = bytes(SALT_BYTES)  # of trees over what is no secret


def leaf_hash(salt: bytes, data: bytes) -> bytes:
    """The hash of a leaf.

    Raises:
        InvalidProof: "merkle leaf", the salt is not 32 bytes long. (With salts of any length the boundary
            could be moved: a leaf without a salt, whose data begins with the salt, has the same hash.)
    """
    if len(salt) != SALT_BYTES:
        raise InvalidProof("merkle leaf", f"a salt has {SALT_BYTES} bytes, got {len(salt)}")
    return hashlib.sha256(LEAF_HEAD + salt + data).digest()


def node_hash(left: bytes, right: bytes, kept: int = NODE_BYTES) -> bytes:
    """The hash of an inner node from the first `kept` bytes of its children's."""
    return hashlib.sha256(NODE_TAG + left[:kept] + right[:kept]).digest()


def split_digests(packed: bytes, size: int = NODE_BYTES) -> list[bytes]:
    """Packed digests as a list. The caller has checked that the length is a multiple of the size of one."""
    return [packed[i : i + size] for i in range(0, len(packed), size)]


def root_of(hashes: Sequence[bytes], kept: int = NODE_BYTES) -> bytes:
    """The root over at least one leaf hash (or over all the nodes of one level).

    Raises:
        ParameterError: there is none.
    """
    if not hashes:
        raise ParameterError("a Merkle tree has at least one leaf")
    level = list(hashes)
    while len(level) > 1:
        above = [node_hash(level[i], level[i + 1], kept) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


@dataclass(frozen=True)
class CapShape:
    """What a proof about a matrix commitment looks like; all of it follows from the statement.

    Attributes:
        leaves: n, a multiple of 2^paired_levels, and more than one: a root is the hash of two nodes.
        paired_levels: l, the number of levels in which all nodes have a sibling.
        queries: how many distinct leaves are opened.

    Raises:
        ParameterError: such a tree does not exist or has fewer leaves than queries.
    """

    leaves: int
    paired_levels: int
    queries: int

    def __post_init__(self) -> None:
        if self.leaves < 2 or self.paired_levels < 0 or self.leaves % (1 << self.paired_levels):
            raise ParameterError(f"{self.leaves} leaves are not two or more, and a multiple of 2^{self.paired_levels}")
        if not 1 <= self.queries <= self.leaves:
            raise ParameterError(f"cannot open {self.queries} of {self.leaves} leaves")

    @property
    def path_length(self) -> int:
        """Levels below the cap, which is the lowest level of at most 2 * queries nodes.

        One level further down the cap grows by its own size and each query's path gets one digest shorter,
        which pays exactly while the cap has fewer nodes than there are queries.
        """
        length = 0
        while length < self.paired_levels and self.leaves >> length > 2 * self.queries:
            length += 1
        return length

    @property
    def cap_size(self) -> int:
        """Nodes in the cap."""
        return self.leaves >> self.path_length

    @property
    def cap_bytes(self) -> int:
        """Length of the packed cap."""
        return self.cap_size * NODE_BYTES

    @property
    def paths_bytes(self) -> int:
        """Length of the packed paths of all queries, one after the other, each from the leaf upwards."""
        return self.queries * self.path_length * NODE_BYTES


def verify_cap(root: bytes, cap: bytes, shape: CapShape) -> None:
    """Check that `cap` is the level of the tree with root `root` that `shape` says.

    Raises:
        InvalidProof: "merkle cap".
    """
    if len(cap) != shape.cap_bytes:
        raise InvalidProof("merkle cap", f"{shape.cap_bytes} bytes expected, got {len(cap)}")
    if root_of(split_digests(cap)) != root:
        raise InvalidProof("merkle cap", "it does not hash to the committed root")


def verify_paths(
    cap: bytes, shape: CapShape, indices: Sequence[int], leaf_hashes: Sequence[bytes], paths: bytes
) -> None:
    """Check that the leaf at each of `indices` hashes to the given hash, by its path to a verified cap.

    Args:
        cap: the packed cap, which `verify_cap` has accepted.
        shape: from the statement.
        indices: strictly increasing, as many as the shape has queries.
        leaf_hashes: one for each index.
        paths: packed siblings, for each index `shape.path_length` of them from the leaf upwards.

    Raises:
        InvalidProof: "merkle path".
    """
    if len(cap) != shape.cap_bytes:
        raise InvalidProof("merkle path", f"a cap of {shape.cap_bytes} bytes expected, got {len(cap)}")
    if len(indices) != shape.queries or len(leaf_hashes) != shape.queries:
        found = f"{len(indices)} indices and {len(leaf_hashes)} leaves"
        raise InvalidProof("merkle path", f"{shape.queries} openings expected, got {found}")
    if len(paths) != shape.paths_bytes:
        raise InvalidProof("merkle path", f"{shape.paths_bytes} bytes of paths expected, got {len(paths)}")
    previous = -1
    siblings = iter(split_digests(paths))
    for index, node in zip(indices, leaf_hashes, strict=True):
        if not 0 <= index < shape.leaves:
            raise InvalidProof("merkle path", f"index {index} is outside the {shape.leaves} leaves")
        if index <= previous:
            raise InvalidProof("merkle path", f"index {index} does not come after {previous}")
        previous = position = index
        for _ in range(shape.path_length):
            sibling = next(siblings)
            node = node_hash(sibling, node) if position & 1 else node_hash(node, sibling)
            position >>= 1
        if cap[position * NODE_BYTES : (position + 1) * NODE_BYTES] != node[:NODE_BYTES]:
            raise InvalidProof("merkle path", f"leaf {index} does not lead to the cap")
