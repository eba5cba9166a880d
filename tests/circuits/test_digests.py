"""Many digests at once, against one after the other."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.statements.digests import PIECE, first_late, first_twice, hash_rows, increasing
from zkunlearn.circuits.statements.record_tree import root_after, root_of, root_of_peaks
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


@given(DIGESTS)
def test_digests_are_compared_as_bytes_are(digests: list[bytes]) -> None:
    late = next((i for i, (a, b) in enumerate(pairwise(digests), start=1) if a >= b), None)
    assert first_late(b"".join(digests)) == late
    assert increasing(b"".join(digests)) == b"".join(sorted(digests))
    twice = next((a for a, b in pairwise(sorted(digests)) if a == b), None)
    assert first_twice(b"".join(digests)) == twice


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
