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


def record_digest(
    salt: bytes, name: str, features: Sequence[int], labels: Sequence[int], blinds: Sequence[int]
) -> bytes:
    require("format", len(salt) == 32 and len(blinds) == 2 and all(0 <= blind < P for blind in blinds))
    cells = integers(features, 2) + integers(labels, 4) + integers(blinds, 8, signed=False)
    return sha256(b"\0" + salt + b"zkunlearn record 2" + id_hash(name) + cells).digest()


def segment_seed(start: int, stop: int, previous: bytes, nonce: bytes, root: bytes) -> bytes:
    return sha256(b"zkunlearn seed 2" + integers([start, stop], 8, signed=False) + previous + nonce + root).digest()


def order_key(seed: bytes, digest: bytes) -> bytes:
    return sha256(b"zkunlearn order 2" + seed + digest).digest()
