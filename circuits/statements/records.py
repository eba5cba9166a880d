"""Records: what names a row in public, and the order of rows that follows from all the names.

    id hash   SHA-256("zkunlearn id 1" | id as `identify` has it, UTF-8)
    digest    SHA-256(0x00 | salt, 32 | "zkunlearn record 2" | id hash | cells | blind0 | blind1)
    seed_j    SHA-256("zkunlearn seed 2" | start | stop | seed_(j-1) | nonce | root)
    order     SHA-256("zkunlearn order 2" | seed | digest), increasing from row to row of a segment

Cells are features, labels, and the limbs of the key, if rows have keys (keys.py). Owner, auditor and person concerned
share these definitions; tests/vectors/records.json has examples. The id is in the digest, so that one row cannot stand
for two people with equal values; the salt hides both.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...errors import FormatError
from ...formats.fields import take
from ..field.goldilocks import P
from .gaps import read_gaps, written_gaps

DIGEST_BYTES = SALT_BYTES = 32
ID_TAG, RECORD_TAG = b"zkunlearn id 1", b"zkunlearn record 2"
SEED_TAG, ORDER_TAG = b"zkunlearn seed 2", b"zkunlearn order 2"
LEAF_TAG = b"\x00"  # a digest is a leaf of the record tree
FEATURE, LABEL, KEY = "h", "i", "H"  # signed 16 and 32 bits, unsigned 16; all little-endian
BLIND, PLACE = "Q", "Q"  # unsigned 64
BLINDS = 2


def id_hash(name: str) -> bytes:
    """The hash of an id, the same however its accents are spelled.

    Raises:
        FormatError: the id is no Unicode text.
    """
    try:
        return hashlib.sha256(ID_TAG + unicodedata.normalize("NFC", name).encode()).digest()
    except UnicodeEncodeError:
        raise FormatError("an id is not Unicode text") from None


def record_digest(
    salt: bytes,
    hashed_id: bytes,
    features: Sequence[int],
    labels: Sequence[int],
    blinds: Sequence[int],
    key: Sequence[int] = (),
) -> bytes:
    """The digest of one row, from what its owner may show to the person whom it is about.

    Args:
        salt: 32 bytes.
        hashed_id: what `id_hash` says.
        features: integers of 16 bits at scale x_bits, in the order of the statement.
        labels: integers of 32 bits.
        blinds: two elements of F.
        key: limbs of 16 bits, if rows have keys.

    Raises:
        FormatError: a part that no row has.
    """
    _require_bytes(salt, SALT_BYTES, "salt")
    _require_bytes(hashed_id, DIGEST_BYTES, "hash of an id")
    if len(blinds) != BLINDS or not all(0 <= blind < P for blind in blinds):
        raise FormatError(f"a record has {BLINDS} blinds, each a field element")
    try:
        cells = _pack(FEATURE, features) + _pack(LABEL, labels) + _pack(KEY, key) + _pack(BLIND, blinds)
    except struct.error:
        raise FormatError("a record has features of 16 bits, labels of 32, limbs of 16, all integers") from None
    return hashlib.sha256(LEAF_TAG + salt + RECORD_TAG + hashed_id + cells).digest()


def segment_seed(
    start: int, stop: int, root: bytes, previous: bytes | None = None, nonce: bytes | None = None
) -> bytes:
    """The seed of a segment: rows start .. stop - 1, which were committed together.

    Args:
        root: of the tree over the segment's digests in increasing order; so the same in every order of rows.
        previous: the seed of the segment before it, if there is one.
        nonce: 32 bytes from someone else than the owner, if there are any.

    Raises:
        FormatError: a part of another size.
    """
    if not 0 <= start < stop < 1 << 64:
        raise FormatError(f"no segment has rows {start} to {stop - 1}")
    before, drawn = (bytes(DIGEST_BYTES) if part is None else part for part in (previous, nonce))
    for part, what in ((root, "root"), (before, "seed"), (drawn, "nonce")):
        _require_bytes(part, DIGEST_BYTES, what)
    return hashlib.sha256(SEED_TAG + _pack(PLACE, (start, stop)) + before + drawn + root).digest()


def order_key(seed: bytes, digest: bytes) -> bytes:
    """What rows of a segment are sorted by.

    The seed is a hash of all record digests, so that a new salt for one row reshuffles all: sorting by the digests
    themselves would let an owner grind each row's salt for the place it should take.
    """
    return hashlib.sha256(ORDER_TAG + seed + digest).digest()


class Record(NamedTuple):
    """A row as a statement names it: its position in the data set, and its digest."""

    position: int
    digest: bytes


def written_records(records: Iterable[Record]) -> Mapping[str, bytes]:
    """Canonical content of a list of records: their positions as gaps (gaps.py), and their digests.

    Raises:
        FormatError: positions that do not strictly increase, or are no integers of 32 bits.
    """
    positions, digests = [], []
    for position, digest in records:
        positions.append(position)
        digests.append(digest)
    return {"positions": written_gaps(positions), "digests": b"".join(digests)}


def read_records(mapping: object) -> tuple[Record, ...]:
    """What `written_records` wrote: positions strictly increase and lie below 2^32. Raises FormatError."""
    fields = take(mapping, {"positions": bytes, "digests": bytes}, "list of records")
    count, rest = divmod(len(fields["digests"]), DIGEST_BYTES)
    if rest:
        raise FormatError(f"list of records: {len(fields['digests'])} bytes of digests, not {DIGEST_BYTES} a record")
    positions = read_gaps(fields["positions"], count)
    digests: list[bytes] = np.frombuffer(fields["digests"], f"V{DIGEST_BYTES}").tolist()
    return tuple(map(Record, positions, digests))


def _pack(kind: str, values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}{kind}", *values)


def _require_bytes(part: bytes, size: int, what: str) -> None:
    if len(part) != size:
        raise FormatError(f"a {what} has {size} bytes, got {len(part)}")
