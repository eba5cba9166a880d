"""The prover's half of verifier/work.py: nonces are tried in order, many at a time."""

from __future__ import annotations

import numpy as np

from ..models.errors import ZkUnlearnError
from ..verifier.code import WORK_BITS
from ..verifier.work import NONCE_BYTES, WORK_TAG
from .kernels import sha256_rows

BATCH = 1 << 14


def find_work(seed: bytes) -> bytes:
    """The first nonce that answers the seed."""
    head = np.broadcast_to(np.frombuffer(seed, np.uint8), (BATCH, len(seed)))
    for first in range(0, 1 << 62, BATCH):
        nonces = np.arange(first, first + BATCH, dtype="<u8").view(np.uint8).reshape(BATCH, NONCE_BYTES)
        digests = np.frombuffer(sha256_rows(WORK_TAG, [head, nonces]), dtype=">u8").reshape(BATCH, -1)
        found = np.flatnonzero(digests[:, 0] >> np.uint64(64 - WORK_BITS) == 0)
        if len(found):
            return bytes(nonces[found[0]])
    raise ZkUnlearnError("no nonce answers the seed")  # once in 2^(2^46) seeds
