"""Many digests at once, against one after the other."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.statements import digests as room
from zkunlearn.circuits.statements import record_tree
from zkunlearn.circuits.statements.digests import PIECE, first_late, hash_rows, increasing
from zkunlearn.circuits.statements.record_tree import root_after, root_of, root_of_peaks, root_of_pieces
from zkunlearn.errors import InvalidProof
from zkunlearn.prover.matrices.merkle import build_levels
from zkunlearn.prover.witnesses.record_tree import peaks_of

from ..reference import records as reference

# of few values each, so that some agree in the words that are compared first, and some in all of them
DIGESTS = st.lists(
    st.lists(st.sampled_from([0, 1, 1 << 63, (1 << 64) - 1]), min_size=4, max_size=4).map(
        lambda words: b"".join(word.to_bytes(8, "big") for word in words)
    ),
    min_size=1,
    max_size=30,
)


@pytest.mark.parametrize("size", [1, 16, 32, 64])
@pytest.mark.parametrize("rows", [0, 1, 3, PIECE, PIECE + 1])
def test_rows_are_hashed_one_by_one(rows: int, size: int) -> None:
    packed = hashlib.shake_128(b"rows").digest(rows * size)
    expected = [hashlib.sha256(b"tag" + packed[i * size : (i + 1) * size]).digest() for i in range(rows)]
    assert hash_rows(b"tag", packed, size) == b"".join(expected)


def in_pieces(digests: list[bytes], size: int) -> list[bytes]:
    return [b"".join(digests[i : i + size]) for i in range(0, len(digests), size)]


@given(DIGESTS, st.integers(1, 5))
def test_digests_are_compared_as_bytes_are(digests: list[bytes], size: int) -> None:
    late = next((i for i, (a, b) in enumerate(pairwise(digests), start=1) if a >= b), None)
    assert first_late(in_pieces(digests, size)) == late


@given(DIGESTS.map(lambda found: sorted(set(found))), st.randoms(), st.integers(1, 9), st.integers(1, 5))
def test_digests_are_sorted_some_at_a_time(expected: list[bytes], rng: Random, at_once: int, size: int) -> None:
    """Whatever their order, and however few at a time."""
    digests, asked = rng.sample(expected, len(expected)), []

    def pieces() -> list[bytes]:
        asked.append(1)
        return in_pieces(digests, size)

    with patch.object(room, "AT_ONCE", at_once), patch.object(room, "MOST_TIMES", 4):
        found = list(increasing(pieces, len(digests)))
    assert b"".join(found) == b"".join(expected)
    at_once = max(at_once, -(-len(digests) // 4))
    assert len(asked) == -(-len(digests) // at_once) <= 4
    assert all(len(part) <= 32 * at_once for part in found)


@given(DIGESTS, st.integers(1, 9), st.integers(1, 5))
def test_a_digest_that_is_there_twice_is_found(digests: list[bytes], at_once: int, size: int) -> None:
    """Wherever both are."""
    twice = {digest for digest in digests if digests.count(digest) > 1}
    found = ""
    with patch.object(room, "AT_ONCE", at_once), patch.object(room, "MOST_TIMES", 4):
        try:
            list(increasing(lambda: in_pieces(digests, size), len(digests)))
        except InvalidProof as error:
            assert error.check == "distinct records"
            found = error.detail.split()[2]
    assert found in {digest.hex() for digest in twice} if twice else not found


@given(st.integers(1, 40), st.integers(0, 39), st.integers(1, 9), st.sampled_from([1, 2, 4, 8]))
def test_the_root_of_leaves_in_pieces_is_that_of_all_of_them(size: int, start: int, piece: int, block: int) -> None:
    leaves = [hashlib.sha256(bytes([i])).digest() for i in range(size)]
    start %= size
    peaks = peaks_of(build_levels(b"".join(leaves), 32), start)
    with patch.object(record_tree, "BLOCK", block):
        found = root_of_pieces(start, peaks, in_pieces(leaves[start:], piece))
    assert found == reference.record_root(leaves)


@pytest.mark.parametrize("size", range(1, 20))
def test_peaks_lead_to_the_roots_of_both_trees(size: int) -> None:
    leaves = [hashlib.sha256(bytes([i])).digest() for i in range(size)]
    levels = build_levels(b"".join(leaves), 32)
    for start in range(size):
        peaks, others = peaks_of(levels, start), b"".join(leaves[start:])
        assert len(peaks) == 32 * start.bit_count()
        assert root_after(start, peaks, others) == root_of(b"".join(leaves)) == reference.record_root(leaves)
        listed = [peaks[i : i + 32] for i in range(0, len(peaks), 32)]
        assert reference.root_with_peaks(listed, start, leaves[start:]) == reference.record_root(leaves)
        if start:
            before = reference.record_root(leaves[:start])
            assert root_of_peaks(peaks) == reference.root_of_peaks(listed) == before
