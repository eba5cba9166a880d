"""The tree of record digests, and what shows that a record is in it. Shared by owner, auditor and data subject.

    node      SHA-256(0x01 || left || right), of 32 bytes
    tree      level by level in pairs; an odd last node moves up unchanged (the shape of RFC 9162, 2.1.1)

It has any number of leaves, which are record digests, and is opened by the audit paths of RFC 9162, 2.1.3.
"""

from __future__ import annotations

import hashlib

from ...errors import InvalidProof

DIGEST_BYTES = 32
NODE_TAG = b"\x01"


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node from its children's, 32 bytes each."""
    return hashlib.sha256(NODE_TAG + left + right).digest()


def split_digests(packed: bytes) -> list[bytes]:
    """Packed digests as a list. The caller has checked that the length is a multiple of 32."""
    return [packed[i : i + DIGEST_BYTES] for i in range(0, len(packed), DIGEST_BYTES)]


def record_path_length(size: int, index: int) -> int:
    """Digests in the audit path of leaf `index` in a tree of `size` leaves; RFC 9162, 2.1.3.1.

    Raises:
        InvalidProof: "record path", there is no such leaf.
    """
    if not 0 <= index < size:
        raise InvalidProof("record path", f"index {index} is outside the {size} records")
    length = 0
    while size > 1:
        length += (index ^ 1) < size  # an odd last node has no sibling and moves up unchanged
        index >>= 1
        size = (size + 1) >> 1
    return length


def verify_record_path(root: bytes, size: int, index: int, leaf: bytes, path: bytes) -> None:
    """Check an audit path: the tree of `size` leaves with root `root` has leaf hash `leaf` at `index`.

    Source: RFC 9162, 2.1.3.2, walked level by level.

    Raises:
        InvalidProof: "record path": no such leaf, a path of another length than index and size imply, or
            one that leads to another root.
    """
    expected = record_path_length(size, index) * DIGEST_BYTES
    if len(path) != expected:
        raise InvalidProof("record path", f"{expected} bytes expected, got {len(path)}")
    node = leaf
    siblings = iter(split_digests(path))
    while size > 1:
        if (index ^ 1) < size:
            sibling = next(siblings)
            node = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        index >>= 1
        size = (size + 1) >> 1
    if node != root:
        raise InvalidProof("record path", "it does not lead to the root")
