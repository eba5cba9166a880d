"""Records: what names a row to the outside, shared by owner, auditor and data subject."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

ORDER_TAG = b"zkunlearn order 1"


def order_key(seed: bytes, digest: bytes) -> bytes:
    """Rows stand in the increasing order of SHA-256(tag, seed, record digest).

    The seed is a hash of all record digests (prover/witnesses/rows.py), so that a new salt for one row reshuffles all:
    sorting by the digests themselves would let an owner grind each row's salt for the place it should take.
    """
    return hashlib.sha256(ORDER_TAG + seed + digest).digest()


@dataclass(frozen=True)
class ForgottenRecord:
    """A forgotten row: its position, its record digest, and the digest's audit path to the record root."""

    position: int
    digest: bytes
    path: bytes

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {"position": self.position, "digest": self.digest, "path": self.path}
