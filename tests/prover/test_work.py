"""The search for nonces against hashlib."""

from __future__ import annotations

import hashlib
from itertools import count

import pytest
from zkunlearn.prover.protocol.work import BATCH, find_work
from zkunlearn.verifier.protocol.work import is_work

pytestmark = pytest.mark.usefixtures("threads")


def first_of_all(seed: bytes) -> int:
    """The first nonce that will do, one after the other."""
    head = hashlib.sha256(b"zkunlearn work 1" + seed)
    for nonce in count():
        state = head.copy()
        state.update(nonce.to_bytes(7, "little"))
        if state.digest()[:2] == b"\0\0":
            return nonce
    raise AssertionError


@pytest.mark.parametrize("seed", [bytes([0, n]) + bytes(30) for n in range(6)])
def test_the_first_good_nonce_is_found(seed: bytes) -> None:
    nonce = find_work(seed)
    assert int.from_bytes(nonce, "little") == first_of_all(seed)
    assert is_work(seed, nonce)


def test_these_seeds_need_few_batches_and_many() -> None:
    found = [first_of_all(bytes([0, n]) + bytes(30)) for n in range(6)]
    assert min(found) < 8 * BATCH < max(found)
