"""The prover's half of verifier/protocol/work.py: nonces are tried in order, many at a time."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...errors import ZkUnlearnError
from ...verifier.protocol.code import WORK_BITS
from ...verifier.protocol.work import NONCE_BYTES, SEED_BYTES, WORK_TAG
from .. import kernels
from ..kernels import Hashes, run_tasks, thread_count

NONCES = 1 << 8 * NONCE_BYTES
BATCH = 1 << 13  # that a thread tries at a time; it takes 2^20 on the average
BLOCK_BYTES, WORD_BYTES, DIGEST_WORDS = 64, 8, 4
HEAD_BYTES = len(WORK_TAG) + SEED_BYTES  # whole words: the nonce is the next one
LIMIT = 1 << 32 - WORK_BITS  # a good digest's first 32 bits are below it


def find_work(seed: bytes) -> bytes:
    """The first nonce that answers the seed."""
    threads = thread_count()
    found = [NONCES] * threads

    def search(thread: int) -> None:
        tries = QuickTries(seed) if kernels.HAS_QUICK else Tries(seed)
        for first in range(thread * BATCH, NONCES, threads * BATCH):
            if first > min(found):  # an earlier one is good
                return
            nonce = tries.first_good(first)
            if nonce is not None:
                found[thread] = nonce
                return

    run_tasks([partial(search, thread) for thread in range(threads)])
    if min(found) == NONCES:
        raise ZkUnlearnError("no nonce answers the seed")  # once in 2^(2^36) seeds
    return min(found).to_bytes(NONCE_BYTES, "little")


class Tries:
    """Messages that differ in their nonces: tag | seed | nonce is a block of SHA-256, with its padding."""

    def __init__(self, seed: bytes) -> None:
        head = (WORK_TAG + seed).ljust(BLOCK_BYTES, b"\0")
        self._blocks = np.tile(np.frombuffer(head, np.uint64), (BATCH, 1))
        self._digests = np.empty((BATCH, DIGEST_WORDS), dtype=np.uint64)

    def first_good(self, first: int) -> int | None:
        """The first of BATCH nonces whose digest begins with WORK_BITS zeros."""
        self._blocks[:, HEAD_BYTES // WORD_BYTES] = np.arange(first, first + BATCH, dtype=np.uint64)
        Hashes(BATCH).finish(self._blocks, HEAD_BYTES + NONCE_BYTES, self._digests)
        good = np.flatnonzero(self._digests.view(">u4")[:, 0] < LIMIT)
        return first + int(good[0]) if len(good) else None


class QuickTries:
    """The same where a processor has wide vectors, or instructions for it: five to ten times as many."""

    def __init__(self, seed: bytes) -> None:
        self._words = kernels.prepared([int(word) for word in np.frombuffer(WORK_TAG + seed, ">u4")])

    def first_good(self, first: int) -> int | None:
        """As above."""
        return kernels.first_good(self._words, LIMIT, first, first + BATCH)
