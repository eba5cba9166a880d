"""Positions as gaps: one spelling for each list, everything else refused by its reason, compared with a plain twin."""

from __future__ import annotations

import re
import time
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from zkunlearn.circuits.statements.gaps import read_gaps, written_gaps
from zkunlearn.circuits.statements.records import Record, read_records, written_records
from zkunlearn.errors import FormatError

from ..reference.examples import forget_list
from ..reference.field import Refused
from ..reference.formats import positions_of

LARGEST = (1 << 32) - 1
EDGES = sorted({0, 1, LARGEST, *((1 << bits) + off for bits in (7, 14, 21, 28) for off in (-2, -1, 0, 1))})

positions = st.sets(st.one_of(st.sampled_from(EDGES), st.integers(0, 300), st.integers(0, LARGEST)), max_size=40)
few_bytes = st.lists(st.sampled_from([0, 1, 0x0F, 0x10, 0x7F, 0x80, 0x81, 0xFF]), max_size=14).map(bytes)


def refusal(data: bytes, count: int) -> str:
    """Why bytes are no list of positions; the twin refuses them too, unless there are only too many or too few."""
    with pytest.raises(FormatError) as refused:
        read_gaps(data, count)
    try:
        assert len(positions_of(data)) != count
    except Refused as error:
        assert error.check == "format"
    return str(refused.value)


@given(chosen=positions)
@example(chosen=set())
@example(chosen=set(EDGES))
def test_positions_are_read_back_and_both_sides_write_the_same(chosen: set[int]) -> None:
    listed = sorted(chosen)
    data = written_gaps(listed)
    assert read_gaps(data, len(listed)) == positions_of(data) == listed
    records = [Record(position, position.to_bytes(32, "big")) for position in listed]
    written = written_records(records)
    assert written == forget_list(records) and written["positions"] == data
    assert read_records(written) == tuple(records)


@given(data=st.one_of(few_bytes, st.binary(max_size=30)))
def test_any_bytes_are_read_as_the_twin_reads_them_and_have_no_other_spelling(data: bytes) -> None:
    count = sum(byte < 0x80 for byte in data)
    try:
        expected = positions_of(data)
    except Refused:
        assert refusal(data, count)
        return
    found = read_gaps(data, count)
    assert found == expected and written_gaps(found) == data
    assert all(type(position) is int for position in found)


@pytest.mark.parametrize(
    ("listed", "data"),
    [
        ([], ""),
        ([0], "00"),
        ([127, 128], "7f 00"),
        ([128], "80 01"),
        ([5, 6, 300], "05 00 a5 02"),
        ([LARGEST], "ff ff ff ff 0f"),
        ([*range(9)], "00" * 9),
    ],
)
def test_examples_have_the_bytes_that_the_document_says(listed: list[int], data: str) -> None:
    assert written_gaps(listed) == bytes.fromhex(data) and read_gaps(bytes.fromhex(data), len(listed)) == listed


@pytest.mark.parametrize(
    ("data", "count", "reason"),
    [
        ("", 1, "it has 0 for 1 records"),
        ("05", 0, "it has 1 for 0 records"),
        ("05 06 07", 2, "it has 3 for 2 records"),
        ("80", 0, "the last one is cut off"),
        ("05 86", 2, "the last one is cut off"),
        ("05 ff ff ff ff", 2, "the last one is cut off"),
        ("80 00", 1, "one takes more bytes than it has to"),
        ("05 85 00", 2, "one takes more bytes than it has to"),
        ("05 ff ff ff ff 00 03", 3, "one takes more bytes than it has to"),
        ("ff ff ff ff ff 00", 1, "one takes 6 bytes, at most 5 are needed"),
        ("05 80 80 80 80 80 01", 2, "one takes 6 bytes, at most 5 are needed"),
        ("80 80 80 80 10", 1, "one is not below 2^32"),
        ("ff ff ff ff 7f", 1, "one is not below 2^32"),
        ("00 ff ff ff ff 0f", 2, "one is not below 2^32"),
        ("ff ff ff ff 0f 00", 2, "one is not below 2^32"),
    ],
)
def test_other_bytes_are_refused_by_their_reason(data: str, count: int, reason: str) -> None:
    assert refusal(bytes.fromhex(data), count) == f"list of positions: {reason}"


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ([3, 3], "it does not increase, 3 follows 3"),
        ([0, 7, 5, 9], "it does not increase, 5 follows 7"),
        ([-1, 4], "it does not increase, -1 follows the beginning"),
        ([4, 1 << 32], "one is not below 2^32"),
        ([1 << 64], "it has to hold integers"),
        ([0.5], "it has to hold integers"),
        (["1"], "it has to hold integers"),
    ],
)
def test_what_does_not_increase_is_not_written(listed: list[Any], reason: str) -> None:
    with pytest.raises(FormatError, match="^" + re.escape(f"list of positions: {reason}") + "$"):
        written_records([Record(position, bytes(32)) for position in listed])


@pytest.mark.parametrize("size", [1, 31, 33, 63])
def test_digests_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(FormatError, match=f"list of records: {size} bytes of digests, not 32 a record"):
        read_records({"positions": b"\0" * (size // 32), "digests": bytes(size)})


def test_a_million_positions_are_read_at_once() -> None:
    """In a loop over their bytes it would take seconds."""
    count = 1_000_000
    gaps = np.random.default_rng(0).geometric(1 / 200, count)
    listed = [position - 1 for position in accumulate(gaps.tolist())]
    data = written_gaps(listed)
    assert len(data) < 2 * count
    started = time.process_time()
    found = read_gaps(data, count)
    assert time.process_time() - started < 1, "about 0.07 on an idle machine"
    assert found == listed
