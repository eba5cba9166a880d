"""Records and their order: protocol.md, section 3."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from hashlib import sha256

from .field import P, require


def integers(values: Sequence[int], size: int, signed: bool = True) -> bytes:
    return b"".join(value.to_bytes(size, "little", signed=signed) for value in values)


def id_hash(name: str) -> bytes:
    return sha256(b"zkunlearn id 1" + unicodedata.normalize("NFC", name).encode()).digest()


def key_of(values: Sequence[str]) -> list[int]:
    """The limbs of a key."""
    texts = [unicodedata.normalize("NFC", value).encode() for value in values]
    hashed = sha256(b"zkunlearn key 1" + b"".join(integers([len(text)], 4) + text for text in texts)).digest()
    return [int.from_bytes(hashed[i : i + 2], "little") for i in range(0, 12, 2)]


def record_digest(
    salt: bytes,
    name: str,
    features: Sequence[int],
    labels: Sequence[int],
    blinds: Sequence[int],
    key: Sequence[int] = (),
) -> bytes:
    require("format", len(salt) == 32 and len(blinds) == 2 and all(0 <= blind < P for blind in blinds))
    cells = integers(features, 2) + integers(labels, 4)
    cells += integers(key, 2, signed=False) + integers(blinds, 8, signed=False)
    return sha256(b"\0" + salt + b"zkunlearn record 2" + id_hash(name) + cells).digest()


def segment_seed(start: int, stop: int, previous: bytes, nonce: bytes, root: bytes) -> bytes:
    return sha256(b"zkunlearn seed 2" + integers([start, stop], 8, signed=False) + previous + nonce + root).digest()


def order_key(seed: bytes, digest: bytes) -> bytes:
    return sha256(b"zkunlearn order 2" + seed + digest).digest()


# The tree of records -------------------------------------------------------------------------------------------------


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def record_root(level: list[bytes]) -> bytes:
    """Of the tree over these digests."""
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [node(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def check_consistency(old_root: bytes, old_size: int, root: bytes, size: int, packed: bytes) -> None:
    """The leaves of one tree are the first of another, as RFC 9162, 2.1.4.1 has it: SUBPROOF, read from its end."""
    check = "record consistency"
    nodes = [packed[i : i + 32] for i in range(0, len(packed), 32)]
    require(check, len(packed) % 32 == 0 and 1 <= old_size <= size)
    given = iter(nodes)

    def after(m: int, n: int, whole: bool) -> tuple[bytes, bytes]:
        """The roots over m and over n leaves; whole: none of the old ones is to the left of them."""
        if m == n:
            known = old_root if whole else following()
            return known, known
        half = 1
        while 2 * half < n:
            half *= 2
        if m <= half:
            old, left = after(m, half, whole)
            return old, node(left, following())
        old, right = after(m - half, n - half, False)
        left = following()
        return node(left, old), node(left, right)

    def following() -> bytes:
        found = next(given, None)
        require(check, found is not None)
        return found or b""

    require(check, after(old_size, size, True) == (old_root, root) and next(given, None) is None)


def check_records(root: bytes, size: int, records: dict[int, bytes], paths: bytes) -> None:
    """The multiproof: from the records by their positions up to the root."""
    known = records
    while known and size > 1:
        above = {}
        for position in sorted(known):
            sibling = position ^ 1
            if sibling >= size:
                above[position >> 1] = known[position]
            elif sibling not in known:
                require("record path", len(paths) >= 32)
                other, paths = paths[:32], paths[32:]
                pair = (other, known[position]) if position & 1 else (known[position], other)
                above[position >> 1] = node(*pair)
            elif position < sibling:
                above[position >> 1] = node(known[position], known[sibling])
        known, size = above, (size + 1) >> 1
    require("record path", paths == b"" and known in ({}, {0: root}))


def root_with_peaks(peaks: list[bytes], size: int, level: list[bytes]) -> bytes:
    """Of a tree over more than `size` leaves, from the peaks over these, the lowest first, and the other leaves."""
    if size == 0 and len(level) == 1:
        return level[0]
    if size % 2:
        level, peaks = [peaks[0], *level], peaks[1:]
    pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
    above = [node(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return root_with_peaks(peaks, size // 2, above)


def root_of_peaks(peaks: list[bytes]) -> bytes:
    """Of the tree over the leaves below these alone."""
    root, *others = peaks
    for peak in others:
        root = node(peak, root)
    return root
