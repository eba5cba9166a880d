"""Rows after a payload: read some at a time, and the same each time."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest
import zkunlearn as zu
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.formats import body
from zkunlearn.formats.body import NO_ROWS, PIECE_ROWS, Body

FRONT = b"what comes before"


def packed(rows: int, size: int) -> bytes:
    return hashlib.shake_128(b"rows").digest(rows * size)


def in_file(path: Path, numbers: range, size: int) -> Body:
    path.write_bytes(FRONT + packed(len(numbers), size))
    return Body(numbers, size, path, len(FRONT), size * len(numbers))


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 5), st.data())
def test_any_rows_come_in_pieces_that_end_at_round_numbers(
    tmp_path_factory: pytest.TempPathFactory, start: int, count: int, size: int, data: st.DataObject
) -> None:
    """The same from memory and from a file."""
    numbers, path = range(start, start + count), tmp_path_factory.getbasetemp() / "rows"
    first = data.draw(st.integers(start, start + count))
    stop = data.draw(st.integers(first, start + count))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "PIECE_ROWS", 4)
        for own in (Body(numbers, size, packed(count, size)), in_file(path, numbers, size)):
            assert b"".join(own.pieces()) == packed(count, size)
            found, at = list(own.pieces(first, stop)), first
            assert b"".join(found) == packed(count, size)[size * (first - start) : size * (stop - start)]
            for piece in found[:-1]:
                at += len(piece) // size
                assert at % 4 == 0 and len(piece) <= 4 * size


def test_there_are_as_many_bytes_as_the_rows_have(tmp_path: Path) -> None:
    for size in (0, 47, 49, 480):
        with pytest.raises(zu.FormatError, match=f"1 rows after the payload have 48 bytes, not {size}"):
            Body(range(5, 6), 48, bytes(size))
        with pytest.raises(zu.FormatError, match=f"not {size}"):
            Body(range(5, 6), 48, tmp_path / "not looked at", size=size)


def test_bodies_are_equal_if_their_rows_are(tmp_path: Path) -> None:
    one, other = Body(range(3), 4, packed(3, 4)), in_file(tmp_path / "a", range(3), 4)
    assert one == other and hash(one) == hash(other) and one.size == 12
    assert one != Body(range(1, 4), 4, packed(3, 4)) and one != Body(range(3), 4, bytes(12))
    assert one != Body(range(2), 6, packed(3, 4)) and one != packed(3, 4)
    assert NO_ROWS == Body(range(0), 0, b"") and list(NO_ROWS.pieces()) == []


def changed(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "replaced":
        path.with_name("new").write_bytes(data[:-1] + b"x")
        os.replace(path.with_name("new"), path)
    else:
        path.write_bytes({"written over": data[:-1] + b"x", "cut": data[:-1]}[how])


@pytest.mark.parametrize("how", ["written over", "replaced", "cut", "gone"])
def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path, how: str) -> None:
    """Or an owner could show other fingerprints when they are asked for than when they are hashed."""
    own = in_file(tmp_path / "rows", range(PIECE_ROWS + 3), 2)
    before = list(own.pieces())
    assert list(own.pieces()) == before
    changed(tmp_path / "rows", how)
    with pytest.raises(zu.DataError, match="there is no such file" if how == "gone" else "was changed while"):
        list(own.pieces())
    if how != "gone":  # what did not change is still there
        assert list(own.pieces(0, PIECE_ROWS)) == before[:1]


def test_no_more_is_held_than_a_piece(tmp_path: Path) -> None:
    own = in_file(tmp_path / "rows", range(20 * PIECE_ROWS), 48)
    tracemalloc.start()
    try:
        assert sum(map(len, own.pieces())) == own.size
        assert tracemalloc.get_traced_memory()[1] < own.size // 4
    finally:
        tracemalloc.stop()
