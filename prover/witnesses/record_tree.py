"""The owner's side of circuits/statements/record_tree.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...circuits.field.multilinear import log2_ceil
from ...circuits.statements.records import DIGEST_BYTES
from ...errors import ParameterError
from ..matrices.merkle import Levels

FEW = 16


def record_paths(levels: Levels, positions: Sequence[int]) -> bytes:
    """The packed multiproof of the leaves at these positions, all different: what `verify_records` takes.

    Args:
        levels: of the record tree, leaves first, packed.

    Raises:
        ParameterError: no such leaf.
    """
    size = len(levels[0]) // DIGEST_BYTES
    outside = [position for position in positions if not 0 <= position < size]
    if outside:
        raise ParameterError(f"position {outside[0]} is outside the {size} records")
    if len(positions) <= FEW:
        return _path_of_few(levels, positions)
    known, siblings = np.unique(np.array(positions, dtype=np.int64)), []
    for level in levels[:-1]:
        nodes = np.frombuffer(level, np.uint8).reshape(-1, DIGEST_BYTES)
        given = np.ones(len(nodes), dtype=bool)
        given[known] = False
        others = known ^ 1
        others = others[others < len(nodes)]  # an odd last node has none
        siblings.append(nodes[others[given[others]]].tobytes())
        known = np.unique(known >> 1)
    return b"".join(siblings)


def consistency_path(levels: Levels, size: int) -> bytes:
    """What shows that the first `size` leaves are those of a smaller tree: what `verify_consistency` takes.

    Args:
        levels: of the larger tree, leaves first, packed.

    Raises:
        ParameterError: there are fewer leaves.
    """
    start, stop = 0, len(levels[0]) // DIGEST_BYTES
    if not 0 < size <= stop:
        raise ParameterError(f"a tree of {stop} leaves does not go on from one of {size}")
    nodes, is_root = [], True  # from the new root down, as SUBPROOF of RFC 9162, 2.1.4.1, unwinds
    while size < stop:
        half = start + (1 << log2_ceil(stop - start) >> 1)
        if size <= half:
            nodes.append(_node(levels, half, stop))
            stop = half
        else:
            nodes.append(_node(levels, start, half))
            start, is_root = half, False
    return b"".join(reversed(nodes if is_root else [*nodes, _node(levels, start, stop)]))


def peaks_of(levels: Levels, start: int) -> bytes:
    """The packed peaks over the first `start` leaves, the lowest first: what `root_after` takes.

    Args:
        levels: of the tree, leaves first, packed; of more than `start` leaves.
    """
    heights = [height for height in range(start.bit_length()) if start >> height & 1]
    ends = [(height, DIGEST_BYTES * (start >> height)) for height in heights]
    return b"".join(bytes(levels[height][end - DIGEST_BYTES : end]) for height, end in ends)


def _node(levels: Levels, start: int, stop: int) -> bytes:
    """The root over some leaves that are all of those below one node."""
    height = log2_ceil(stop - start)
    place = DIGEST_BYTES * (start >> height)
    return bytes(levels[height][place : place + DIGEST_BYTES])


def audit_paths(levels: Levels, start: int, stop: int) -> list[bytes]:
    """The packed multiproofs of single leaves, of all from one position to before another.

    Args:
        levels: of the record tree, leaves first, packed.
    """
    positions, height = np.arange(start, stop, dtype=np.int64), len(levels) - 1
    siblings = np.empty((len(positions), height, DIGEST_BYTES), dtype=np.uint8)
    there = np.empty((len(positions), height), dtype=bool)  # there is none beside an odd last node
    for i, level in enumerate(levels[:-1]):
        nodes = np.frombuffer(level, np.uint8).reshape(-1, DIGEST_BYTES)
        beside = positions >> i ^ 1
        there[:, i] = beside < len(nodes)
        np.take(nodes, beside, axis=0, out=siblings[:, i], mode="clip")
    packed, size = siblings.tobytes(), height * DIGEST_BYTES
    paths = [packed[i * size : (i + 1) * size] for i in range(len(positions))]
    for short in np.flatnonzero(~there.all(axis=1)):
        paths[short] = siblings[short, there[short]].tobytes()
    return paths


def _path_of_few(levels: Levels, positions: Sequence[int]) -> bytes:
    """`record_paths` without arrays, each of which takes longer than a few nodes: everybody has a receipt."""
    known, siblings = sorted(positions), []
    for level in levels[:-1]:
        beside = (node ^ 1 for node in known if node ^ 1 not in known)
        siblings += [bytes(level[DIGEST_BYTES * node : DIGEST_BYTES * (node + 1)]) for node in beside]
        known = list(dict.fromkeys(node >> 1 for node in known))
    return b"".join(siblings)  # beside an odd last node there are no bytes
