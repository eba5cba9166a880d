"""The tree of record digests, and what shows that records are in it. Shared by owner, auditor and person concerned.

    node      SHA-256(0x01 || left || right), of 32 bytes
    tree      level by level in pairs; an odd last node moves up unchanged (the shape of RFC 9162, 2.1.1)

Any number of its leaves, which are record digests, are shown by one *multiproof*: the siblings that do not follow from
these leaves, level by level from the leaves, each level from left to right. Where they stand, and so how many there
are, follows from size and positions. For one leaf it is the audit path of RFC 9162, 2.1.3.

That a tree goes on with the leaves of a smaller one is shown by the consistency proof of RFC 9162, 2.1.4; to whoever
has the leaves that were added, by the *peaks* of the smaller one: the roots over its first leaves, the next ones and so
on, each over as large a power of two as there is. They are nodes of the larger tree, too, so both roots follow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ...errors import InvalidProof
from ...formats.body import PIECE_ROWS
from .digests import hash_rows
from .records import DIGEST_BYTES

NODE_TAG = b"\x01"
PAIR = 2 * DIGEST_BYTES
BLOCK = PIECE_ROWS  # leaves of which one root is made at a time

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Level:
    """How the known nodes of a level stand in pairs, of which each has one or two.

    Attributes:
        pairs: how many pairs there are.
        known: pair and side (0 is left) of each known node, in their order; without an odd last one.
        siblings: pair and side of what has to be given.
        odd: whether the last known node has no sibling, because the level ends with it.
    """

    pairs: int
    known: tuple[Places, Places]
    siblings: tuple[Places, Places]
    odd: bool


def _levels(size: int, positions: Places) -> Iterator[_Level]:
    """All levels of a tree of `size` leaves below its root; positions: strictly increasing, at least one."""
    while size > 1:
        odd = size % 2 == 1 and int(positions[-1]) == size - 1
        parents, pair = np.unique((positions[:-1] if odd else positions) >> 1, return_inverse=True)
        known = pair, positions[: len(pair)] & 1
        there = np.zeros((len(parents), 2), dtype=bool)
        there[known] = True
        above, sides = np.nonzero(~there)
        yield _Level(len(parents), known, (above, sides), odd)
        size = (size + 1) >> 1
        positions = np.append(parents, size - 1) if odd else parents


def sibling_count(size: int, positions: Sequence[int]) -> int:
    """Digests in the multiproof of these leaves, strictly increasing, of a tree of `size`; none for no leaf."""
    if not positions:
        return 0
    return sum(len(level.siblings[0]) for level in _levels(size, np.array(positions, dtype=np.int64)))


def root_of(leaves: bytes) -> bytes:
    """The root of the tree over these packed digests, at least one."""
    return root_after(0, b"", leaves)


def root_after(start: int, peaks: bytes, leaves: bytes) -> bytes:
    """The root of a tree that goes on with these leaves, at least one, after the first `start` of it.

    Args:
        peaks: over the first `start` leaves, packed, the lowest first; as many as `start` has ones.
        leaves: packed.
    """
    while start or len(leaves) > DIGEST_BYTES:
        if start & 1:  # the left sibling of what comes first here
            leaves, peaks = peaks[:DIGEST_BYTES] + leaves, peaks[DIGEST_BYTES:]
        odd = leaves[len(leaves) // PAIR * PAIR :]
        leaves, start = _hash_pairs(leaves[: len(leaves) - len(odd)]) + odd, start >> 1
    return leaves


def root_of_pieces(start: int, peaks: bytes, pieces: Iterable[bytes]) -> bytes:
    """`root_after` of leaves that come in pieces of any number, of which one block is held at a time."""
    inside = start % BLOCK  # leaves of the first block that are not among these
    size = DIGEST_BYTES * inside.bit_count()
    own, peaks, roots = peaks[:size], peaks[size:], []
    for block in _blocks(pieces, DIGEST_BYTES * (BLOCK - inside)):
        roots.append(root_after(inside, own, block))
        inside, own = 0, b""
    return root_after(start // BLOCK, peaks, b"".join(roots))


def _blocks(pieces: Iterable[bytes], first: int) -> Iterator[bytes]:
    """The same bytes: the first so many, then as many as a block has at a time, and what is left."""
    held, size = b"", first
    for piece in pieces:
        held, at = held + piece, 0
        while len(held) - at >= size:
            yield held[at : at + size]
            at, size = at + size, DIGEST_BYTES * BLOCK
        held = held[at:]
    if held:
        yield held


def root_of_peaks(peaks: bytes) -> bytes:
    """The root of the tree with these peaks, at least one, packed, the lowest first."""
    root = peaks[:DIGEST_BYTES]
    for start in range(DIGEST_BYTES, len(peaks), DIGEST_BYTES):
        root = _parent(peaks[start : start + DIGEST_BYTES], root)
    return root


def verify_records(root: bytes, size: int, positions: Sequence[int], digests: Sequence[bytes], paths: bytes) -> None:
    """Check that the tree of `size` leaves with this root has these record digests at these positions.

    Args:
        positions: strictly increasing.
        digests: 32 bytes for each position.
        paths: the packed multiproof; empty for no position.

    Raises:
        InvalidProof: "record path": positions that no tree has in this order, a multiproof of another length than
            size and positions imply, or one that leads to another root.
    """
    _require_places(size, positions)
    if len(digests) != len(positions) or any(len(digest) != DIGEST_BYTES for digest in digests):
        raise InvalidProof("record path", f"{len(positions)} digests of {DIGEST_BYTES} bytes expected")
    expected = DIGEST_BYTES * sibling_count(size, positions)
    if len(paths) != expected:
        raise InvalidProof("record path", f"{expected} bytes expected, got {len(paths)}")
    if positions and _root(size, positions, digests, paths) != root:
        raise InvalidProof("record path", "it does not lead to the root")


def verify_consistency(old_root: bytes, old_size: int, root: bytes, size: int, path: bytes) -> None:
    """Check that the leaves of one tree are the first ones of another (RFC 9162, 2.1.4.2).

    Args:
        path: packed; empty if both are of one size.

    Raises:
        InvalidProof: "record consistency".
    """
    nodes = [path[start : start + DIGEST_BYTES] for start in range(0, len(path), DIGEST_BYTES)]
    if any(len(node) != DIGEST_BYTES for node in nodes) or not 0 < old_size <= size:
        raise InvalidProof("record consistency", f"{len(path)} bytes from {old_size} records to {size}")
    if old_size == size:
        found = (old_root, root) if old_root == root and not nodes else None
    else:
        found = _consistent_roots(old_root, old_size, size, nodes)
    if found != (old_root, root):
        raise InvalidProof("record consistency", "the records before are not the first of those that there are now")


def _consistent_roots(old_root: bytes, old_size: int, size: int, nodes: list[bytes]) -> tuple[bytes, bytes] | None:
    """The roots of both trees that a consistency proof leads to; None if it has another number of nodes."""
    if old_size & (old_size - 1) == 0:
        nodes = [old_root, *nodes]
    here, last = old_size - 1, size - 1  # the number of the node reached in the old tree, and of the new tree's last
    while here & 1:
        here, last = here >> 1, last >> 1
    if not nodes:
        return None
    before = after = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return None
        if here & 1 or here == last:
            before, after = _parent(node, before), _parent(node, after)
            while here and not here & 1:  # an odd last node moves up unchanged
                here, last = here >> 1, last >> 1
        else:
            after = _parent(after, node)
        here, last = here >> 1, last >> 1
    return (before, after) if last == 0 else None


def _parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE_TAG + left + right).digest()


def _require_places(size: int, positions: Sequence[int]) -> None:
    for before, after in pairwise(positions):
        if before >= after:
            raise InvalidProof("record path", f"position {after} does not come after {before}")
    outside = [position for position in (*positions[:1], *positions[-1:]) if not 0 <= position < size]
    if outside:
        raise InvalidProof("record path", f"position {outside[0]} is outside the {size} records")


def _root(size: int, positions: Sequence[int], digests: Sequence[bytes], paths: bytes) -> bytes:
    """The root that digests and siblings lead to, all lengths being right."""
    nodes = _unpacked(b"".join(digests))
    siblings = _unpacked(paths)
    for level in _levels(size, np.array(positions, dtype=np.int64)):
        children = np.empty((level.pairs, 2, DIGEST_BYTES), dtype=np.uint8)
        given = len(level.siblings[0])
        children[level.known] = nodes[: len(level.known[0])]
        children[level.siblings] = siblings[:given]
        siblings = siblings[given:]
        parents = _unpacked(_hash_pairs(children.tobytes()))
        nodes = np.concatenate([parents, nodes[-1:]]) if level.odd else parents
    return nodes.tobytes()


def _hash_pairs(packed: bytes) -> bytes:
    """The packed parents of packed pairs."""
    return hash_rows(NODE_TAG, packed, PAIR)


def _unpacked(packed: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(packed, np.uint8).reshape(-1, DIGEST_BYTES)
