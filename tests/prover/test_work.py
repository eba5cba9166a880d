"""The search for nonces against hashlib."""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import count
from typing import Any

import pytest
from zkunlearn.prover import kernels
from zkunlearn.prover.kernels.work import TOGETHER
from zkunlearn.prover.protocol import work
from zkunlearn.prover.protocol.work import BATCH, ShaTries, Tries, find_work
from zkunlearn.verifier.protocol.work import is_work

pytestmark = pytest.mark.usefixtures("threads")

SEEDS = [bytes([0, n]) + bytes(30) for n in (31, 171, 180, 166, 12, 185)]  # soon answered, as seeds go
WAYS = [Tries, pytest.param(ShaTries, marks=pytest.mark.skipif(not kernels.HAS_SHA, reason="no SHA extensions"))]


@cache
def first_of_all(seed: bytes) -> int:
    """The first nonce that will do, one after the other."""
    head = hashlib.sha256(b"zkunlearn work 1" + seed)
    for nonce in count():
        state = head.copy()
        state.update(nonce.to_bytes(7, "little"))
        if int(state.hexdigest()[:5], 16) == 0:
            return nonce
    raise AssertionError


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_first_good_nonce_is_found(seed: bytes, way: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work.kernels, "HAS_SHA", way is ShaTries)
    nonce = find_work(seed)
    assert int.from_bytes(nonce, "little") == first_of_all(seed)
    assert is_work(seed, nonce)


def test_these_seeds_need_few_batches_and_many() -> None:
    found = [first_of_all(seed) for seed in SEEDS]
    assert min(found) < 2 * BATCH < 10 * BATCH < max(found)
    assert {nonce % TOGETHER for nonce in found} == set(range(TOGETHER))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", [0, (1 << 32) - 16, (1 << 48) + (1 << 32)])
def test_nonces_of_more_than_a_word_are_hashed_whole(way: Any, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one digest in 2^8 good: the same nonce as hashlib's."""
    monkeypatch.setattr(work, "LIMIT", 1 << 24)
    head = b"zkunlearn work 1" + SEEDS[0]
    digests = (hashlib.sha256(head + (first + i).to_bytes(7, "little")).digest() for i in range(BATCH))
    expected = next((i for i, digest in enumerate(digests) if digest[0] == 0), None)
    assert expected is not None and way(SEEDS[0]).first_good(first) == first + expected


@pytest.mark.parametrize("way", WAYS)
def test_where_no_nonce_is_good_none_is_found(way: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LIMIT", 0)
    assert way(SEEDS[0]).first_good(0) is None
