"""Proof of work before columns are drawn: what makes each try of a cheating prover cost 2^WORK_BITS hashes.

    V -> P   32 bytes
    P -> V   a nonce of 7 bytes; SHA-256(tag || the 32 bytes || nonce) begins with WORK_BITS zero bits

The 55 bytes that are hashed and their padding are one block.
Columns then may be fewer by WORK_BITS bits of soundness. prover/protocol/work.py searches the nonce.
"""

from __future__ import annotations

import hashlib

from ...errors import InvalidProof
from .code import WORK_BITS

WORK_TAG = b"zkunlearn work 1"
SEED_BYTES, NONCE_BYTES = 32, 7


def is_work(seed: bytes, nonce: bytes) -> bool:
    """Whether the nonce answers the seed."""
    digest = hashlib.sha256(WORK_TAG + seed + nonce).digest()
    return int.from_bytes(digest, "big") >> (8 * len(digest) - WORK_BITS) == 0


def require_work(seed: bytes, nonce: bytes) -> None:
    """Raises InvalidProof("proof of work")."""
    if not is_work(seed, nonce):
        raise InvalidProof("proof of work", f"a nonce is not worth {WORK_BITS} bits")
