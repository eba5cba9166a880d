"""What a registration lists is checked some rows at a time, whatever their number; no data set is needed for that."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from hashlib import shake_128
from pathlib import Path

import pytest
from zkunlearn.circuits.statements import digests, record_tree
from zkunlearn.circuits.statements.dataset import Segment
from zkunlearn.circuits.statements.fingerprints import fingerprint_leaf
from zkunlearn.circuits.statements.record_tree import root_of
from zkunlearn.circuits.statements.records import order_key, segment_seed
from zkunlearn.circuits.statements.registration import (
    FINGERPRINT_PEAKS,
    RECORD_PEAKS,
    ROW_BYTES,
    RegistrationStatement,
    require_distinct,
)
from zkunlearn.errors import InvalidProof
from zkunlearn.formats import body
from zkunlearn.formats.body import Body

from ..attacks.registrations import committed, pieces

PIECE = 128
NOTHING_BEFORE = {RECORD_PEAKS: b"", FINGERPRINT_PEAKS: b""}
KNOWN = b"\1" * 32


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for room, name, value in (
        *((body, "PIECE_ROWS", PIECE), (record_tree, "BLOCK", PIECE)),
        *((digests, "AT_ONCE", 2 * PIECE), (digests, "MOST_TIMES", 1 << 10), (digests, "PIECE", PIECE)),
    ):
        monkeypatch.setattr(room, name, value)
    yield


def listing(stops: list[int], path: Path, twice: int | None = None) -> RegistrationStatement:
    """Of segments that end there; `twice`: the number of a record that is there once more, in the last segment."""
    drawn = pieces(shake_128(b"records").digest(32 * stops[-1]), 32)
    if twice is not None:
        drawn[-1] = drawn[twice]
    segments, records = list[Segment](), list[bytes]()
    for stop in stops:
        before = segments[-1] if segments else None
        start, own = len(records), drawn[len(records) : stop]
        seed = segment_seed(start, stop, root_of(b"".join(sorted(own))), before.seed if before else None)
        segments.append(Segment(stop, seed, None, None if stop == stops[-1] else KNOWN))
        records += sorted(own, key=lambda digest: order_key(seed, digest))
    fingerprints = [shake_128(digest).digest(7).ljust(16, b"\0") for digest in records]
    path.write_bytes(b"".join(digest + f for digest, f in zip(records, fingerprints, strict=True)))
    dataset = replace(
        committed(2, 2).statement, rows=len(records), segments=tuple(segments), record_root=root_of(b"".join(records))
    )
    rows = Body(range(len(records)), ROW_BYTES, path, 0, path.stat().st_size)
    return RegistrationStatement(dataset, root_of(b"".join(map(fingerprint_leaf, fingerprints))), body=rows)


@pytest.mark.parametrize("stops", [[1], [PIECE], [5 * PIECE + 3], [PIECE - 1, PIECE + 1, 4 * PIECE, 9 * PIECE + 7]])
def test_rows_that_are_read_some_at_a_time_are_as_they_should_be(tmp_path: Path, stops: list[int]) -> None:
    listing(stops, tmp_path / "rows").require_consistent(NOTHING_BEFORE)


@pytest.mark.parametrize("place", [0, PIECE, 5 * PIECE - 1, 7 * PIECE - 1])
@pytest.mark.parametrize(("inside", "check"), [(3, "record tree"), (32 + 3, "fingerprint tree")])
def test_a_change_in_whichever_piece_is_noticed(tmp_path: Path, place: int, inside: int, check: str) -> None:
    path = tmp_path / "rows"
    statement, changed = listing([7 * PIECE], path), bytearray(path.read_bytes())
    changed[ROW_BYTES * place + inside] ^= 1
    path.write_bytes(changed)
    with pytest.raises(InvalidProof) as refused:
        statement.require_consistent(NOTHING_BEFORE)
    assert refused.value.check == check


def test_two_rows_of_different_pieces_that_changed_places_are_out_of_order(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    statement = listing([3 * PIECE], path)
    rows = pieces(path.read_bytes(), ROW_BYTES)
    rows[PIECE - 1], rows[PIECE] = rows[PIECE], rows[PIECE - 1]
    path.write_bytes(b"".join(rows))
    lie = replace(statement, dataset=replace(statement.dataset, record_root=root_of(b"".join(r[:32] for r in rows))))
    with pytest.raises(InvalidProof, match=f"record {PIECE} does not come after the one before it"):
        lie.require_consistent(NOTHING_BEFORE)


def test_a_record_in_two_segments_is_found_however_far_apart(tmp_path: Path) -> None:
    with pytest.raises(InvalidProof) as refused:
        listing([6 * PIECE, 9 * PIECE], tmp_path / "rows", twice=0).require_consistent(NOTHING_BEFORE)
    assert refused.value.check == "distinct records"
    one, other = (listing([count], tmp_path / f"{count}") for count in (2 * PIECE, 3 * PIECE))
    require_distinct([one])
    with pytest.raises(InvalidProof, match="distinct records"):
        require_distinct([one, other])


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    held = []
    for count in (8 * PIECE, 64 * PIECE):
        statement = listing([count // 2, count], tmp_path / "rows")
        tracemalloc.start()
        try:
            statement.require_consistent(NOTHING_BEFORE)
            held.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert held[1] < 1.5 * held[0] < ROW_BYTES * 64 * PIECE / 2, held
