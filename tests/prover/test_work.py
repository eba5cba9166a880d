"""The search for nonces against hashlib."""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import count
from typing import Any

import numba
import numpy as np
import pytest
from numba.extending import intrinsic
from zkunlearn.prover import kernels
from zkunlearn.prover.kernels.work import HAS_SHA, HAS_WIDE, PAIR, TOGETHER, WIDE, prepared, type_line, type_pair
from zkunlearn.prover.protocol import work
from zkunlearn.prover.protocol.work import BATCH, QuickTries, Tries, find_work
from zkunlearn.verifier.protocol.work import is_work

pytestmark = pytest.mark.usefixtures("threads")

SEEDS = [bytes([0, n]) + bytes(30) for n in (31, 171, 180, 166, 12, 185)]  # soon answered, as seeds go
WAYS = [
    Tries,
    pytest.param(QuickTries, marks=pytest.mark.skipif(not kernels.HAS_QUICK, reason="no such instructions")),
]


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
    monkeypatch.setattr(work.kernels, "HAS_QUICK", way is QuickTries)
    nonce = find_work(seed)
    assert int.from_bytes(nonce, "little") == first_of_all(seed)
    assert is_work(seed, nonce)


def test_these_seeds_need_few_batches_and_many() -> None:
    found = [first_of_all(seed) for seed in SEEDS]
    assert min(found) < 2 * BATCH < 10 * BATCH < max(found)
    assert len({nonce % TOGETHER for nonce in found}) > 1


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


line: Any = intrinsic(type_line)
pair: Any = intrinsic(type_pair)


@numba.njit
def of_a_line(words: Any, first: Any, limit: Any) -> Any:
    return line(words, first, limit)


@numba.njit
def of_a_pair(words: Any, first: Any, limit: Any) -> Any:
    return pair(words, first, limit)


EMITTED = [
    pytest.param(of_a_line, WIDE, marks=pytest.mark.skipif(not HAS_WIDE, reason="no AVX-512")),
    pytest.param(of_a_pair, PAIR, marks=pytest.mark.skipif(not HAS_SHA, reason="no SHA extensions")),
]


@pytest.mark.parametrize(("bits", "together"), EMITTED)
def test_messages_side_by_side_have_the_digests_that_they_have_alone(bits: Any, together: int) -> None:
    """Either way, whichever the processor is given: a bit for each of some nonces, half of which are good."""
    head = b"zkunlearn work 1" + SEEDS[0]
    words = prepared([int(word) for word in np.frombuffer(head, ">u4")])
    for first in (0, 96, (1 << 32) - together, 1 << 32, (1 << 55) + (1 << 20), (1 << 56) - together):
        digests = [hashlib.sha256(head + (first + i).to_bytes(7, "little")).digest() for i in range(together)]
        good = [int(digest[0] < 0x80) << i for i, digest in enumerate(digests)]
        assert bits(words, first, 1 << 31) == sum(good)
