"""Digests in their order: as Python sorts bytes, also where many begin alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.prover.witnesses.rows import _increasing

DIGESTS = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40)


@given(DIGESTS, st.integers(0, 31))
def test_digests_are_ordered_as_bytes_are(found: list[bytes], alike: int) -> None:
    digests = [bytes(alike) + digest[alike:] for digest in found]
    order = _increasing(np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)).tolist()
    assert sorted(order) == list(range(len(digests)))
    assert [digests[place] for place in order] == sorted(digests)


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_digests_that_differ_at_their_ends_alone_are_ordered(count: int) -> None:
    digests = [bytes(24) + (count - place).to_bytes(8, "big") for place in range(count)]
    order = _increasing(np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32))
    assert order.tolist() == list(range(count))[::-1]
