"""Records and their order: published examples, which the package, the prover's kernels and the reference all follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.statements import records
from zkunlearn.circuits.statements.dataset import Segment
from zkunlearn.circuits.statements.keys import key_of
from zkunlearn.errors import FormatError
from zkunlearn.prover.owner.secret_arrays import Names
from zkunlearn.prover.tables.keys import row_keys
from zkunlearn.prover.witnesses.rows import Rows, hash_ids

from ..reference import records as reference
from ..reference.field import Refused

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "records.json").read_text())
ROWS, REFUSED = VECTORS["rows"], VECTORS["refused"]
DIGESTS = [bytes.fromhex(row["digest"]) for row in ROWS]


def salt_of(row: dict[str, Any]) -> bytes:
    return bytes.fromhex(row["salt"])


def cells(row: dict[str, Any]) -> list[list[int]]:
    return [row[part] for part in ("features", "labels", "blinds", *(["key"] if "key" in row else []))]


def as_rows(rows: list[dict[str, Any]]) -> Rows:
    """What the owner holds."""
    features = np.array([row["features"] for row in rows], np.int16).T.copy()
    salts = np.array([list(salt_of(row)) for row in rows], np.uint8)
    blinds = np.array([row["blinds"] for row in rows], np.uint64).T.copy()
    keys = np.array([row.get("key", []) for row in rows], np.uint16).T.copy()
    labels = np.array([row["labels"][0] for row in rows], np.int32)
    return Rows([row["id"] for row in rows], features, labels, blinds, salts, keys=keys)


def test_ids_are_hashed_as_published() -> None:
    names, hashes = zip(*((case["id"], bytes.fromhex(case["hash"])) for case in VECTORS["ids"]), strict=True)
    assert [records.id_hash(name) for name in names] == [reference.id_hash(name) for name in names] == list(hashes)
    assert hash_ids(names).tobytes() == hash_ids(Names(*Names.arrays(names).values())).tobytes() == b"".join(hashes)


@given(names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=70), max_size=9))
def test_ids_of_any_lengths_are_hashed_side_by_side(names: list[str]) -> None:
    assert hash_ids(names).tobytes() == b"".join(map(records.id_hash, names))
    stored = Names(*Names.arrays(names).values())
    assert list(stored) == stored[:] == names and stored[::-2] == names[::-2] and stored[1:-1] == names[1:-1]


@pytest.mark.parametrize("row", [*ROWS, VECTORS["two labels"], VECTORS["with a key"]], ids=lambda row: ascii(row["id"]))
def test_a_record_has_the_published_digest(row: dict[str, Any]) -> None:
    hashed = records.id_hash(row["id"])
    assert records.record_digest(salt_of(row), hashed, *cells(row)).hex() == row["digest"]
    assert reference.record_digest(salt_of(row), row["id"], *cells(row)).hex() == row["digest"]


def test_the_prover_hashes_all_records_to_the_published_digests() -> None:
    rows = as_rows(ROWS)
    assert bytes(rows.record_levels[0]) == b"".join(DIGESTS)
    assert rows.record_root == reference.record_root(DIGESTS)


def test_the_prover_hashes_a_record_with_its_key() -> None:
    row = VECTORS["with a key"]
    assert bytes(as_rows([row]).record_levels[0]).hex() == row["digest"] == as_rows([row]).record_root.hex()


@pytest.mark.parametrize("case", VECTORS["key limbs"], ids=lambda case: ascii(case["values"]))
def test_a_key_has_the_published_limbs(case: dict[str, Any]) -> None:
    assert list(key_of(case["values"])) == reference.key_of(case["values"]) == case["limbs"]
    assert row_keys({str(i): [value] for i, value in enumerate(case["values"])}).limbs[:, 0].tolist() == case["limbs"]


@pytest.mark.parametrize("key", [[1 << 16], [-1], [0.5]])
def test_limbs_that_do_not_fit_are_refused(key: list[Any]) -> None:
    with pytest.raises(FormatError, match="limbs of 16"):
        records.record_digest(bytes(32), bytes(32), [0], [0], [0, 0], key)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["because"])
def test_what_no_row_has_is_refused(row: dict[str, Any]) -> None:
    """A blind of p or above would be a second spelling of another one."""
    with pytest.raises(FormatError, match="salt" if "salt" in row["because"] else "blinds, each a field element"):
        records.record_digest(salt_of(row), records.id_hash(row["id"]), *cells(row))
    with pytest.raises(Refused):
        reference.record_digest(salt_of(row), row["id"], *cells(row))


@pytest.mark.parametrize(
    ("features", "labels"), [([1 << 15], [0]), ([-(1 << 15) - 1], [0]), ([0], [1 << 31]), ([0.5], [0]), ([0], ["1"])]
)
def test_cells_that_do_not_fit_are_refused(features: list[Any], labels: list[Any]) -> None:
    with pytest.raises(FormatError, match="features of 16 bits"):
        records.record_digest(bytes(32), bytes(32), features, labels, [0, P - 1])


def test_a_record_hides_no_boundary_between_its_parts() -> None:
    """The id's hash has a length of its own; an id that is no text has none."""
    with pytest.raises(FormatError, match="hash of an id has 32 bytes, got 31"):
        records.record_digest(bytes(32), bytes(31), [0], [0], [0, 0])
    with pytest.raises(FormatError, match="not Unicode"):
        records.id_hash("\ud800")


def test_seed_and_order_are_as_published() -> None:
    root, seed = bytes.fromhex(VECTORS["root"]), bytes.fromhex(VECTORS["seed"])
    assert reference.record_root(sorted(DIGESTS)) == root
    assert records.segment_seed(0, len(ROWS), root) == seed
    for room in (records, reference):
        assert [room.order_key(seed, digest).hex() for digest in DIGESTS] == VECTORS["keys"]
    assert sorted(range(len(ROWS)), key=lambda i: VECTORS["keys"][i]) == VECTORS["order"]


@given(st.permutations(range(len(ROWS))))
def test_the_prover_puts_rows_into_the_published_order(order: list[int]) -> None:
    """Whatever order they were in; and digests that moved with their rows are those of the rows as they stand."""
    rows = as_rows([ROWS[i] for i in order])
    ordered, segment = rows.as_segment()
    assert segment == Segment(len(ROWS), bytes.fromhex(VECTORS["seed"]))
    expected = [ROWS[i] for i in VECTORS["order"]]
    assert ordered.record_root.hex() == VECTORS["record root"]
    assert list(ordered.ids) == [row["id"] for row in expected]
    assert [bytes(level) for level in ordered.record_levels] == [
        bytes(level) for level in as_rows(expected).record_levels
    ]


@pytest.mark.parametrize("segment", VECTORS["segments"], ids=lambda segment: f"from {segment['start']}")
def test_segments_have_the_published_seeds(segment: dict[str, Any]) -> None:
    start, stop = segment["start"], segment["stop"]
    root, previous, nonce = (segment[part] and bytes.fromhex(segment[part]) for part in ("root", "previous", "nonce"))
    assert records.segment_seed(start, stop, root, previous, nonce).hex() == segment["seed"]
    assert reference.segment_seed(start, stop, previous or bytes(32), nonce or bytes(32), root).hex() == segment["seed"]


def test_a_segment_that_does_not_exist_is_refused() -> None:
    for start, stop in ((0, 0), (5, 5), (6, 5), (-1, 5), (0, 1 << 64)):
        with pytest.raises(FormatError, match="no segment"):
            records.segment_seed(start, stop, bytes(32))
    for parts in ({"root": bytes(31)}, {"previous": b""}, {"nonce": bytes(33)}):
        with pytest.raises(FormatError, match="has 32 bytes"):
            records.segment_seed(0, 1, **{"root": bytes(32), **parts})
