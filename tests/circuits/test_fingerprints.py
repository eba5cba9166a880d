"""Fingerprints: plain integers, what the owner's kernels make of whole data sets, and their extension."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import ZERO, K, P
from zkunlearn.circuits.field.multilinear import eq_index
from zkunlearn.circuits.statements.dataset import Segment
from zkunlearn.circuits.statements.fingerprints import coefficients, error, fingerprint_leaf, written
from zkunlearn.circuits.statements.record_tree import root_of
from zkunlearn.circuits.statements.registration import LOW_BITS, ROW_BYTES, RegistrationStatement
from zkunlearn.formats.body import Body
from zkunlearn.prover.owner.registration import fingerprint_levels, fingerprints_of, packed_fingerprints

from ..reference import records as reference_records
from ..reference import registration as reference

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "records.json").read_text())["fingerprints"]
ELEMENTS = st.integers(0, P - 1)
CELLS = st.integers(-(1 << 15), (1 << 15) - 1)


def committed(features: int, classes: int, rows: int = 13) -> zu.Dataset:
    labels = np.array(list("abcdefgh"))[np.arange(rows) % classes]
    return zu.commit(np.random.default_rng(features).normal(size=(rows, features)), labels, openings=3)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["about"])
def test_a_row_has_the_published_fingerprint(case: dict[str, Any]) -> None:
    others = case["labels"] + case.get("key", [])
    own = coefficients(bytes.fromhex(case["born"]), len(case["features"]), len(others))
    assert [list(x.pair) for x in own.r] == case["r"] and [list(x.pair) for x in own.c] == case["c"]
    f = own.fingerprint(case["features"], others, case["blinds"])
    assert list(f.pair) == case["f"] and fingerprint_leaf(written(f)).hex() == case["leaf"]
    again = reference.fingerprint(bytes.fromhex(case["born"]), case["features"], others, case["blinds"])
    assert [again.a, again.b] == case["f"] and reference.leaf(reference.packed(again)).hex() == case["leaf"]


@given(
    st.binary(min_size=32, max_size=32),
    st.lists(CELLS, min_size=1, max_size=9),
    st.lists(CELLS, min_size=1, max_size=4),
    st.tuples(ELEMENTS, ELEMENTS),
)
def test_a_fingerprint_is_that_of_the_document(
    born: bytes, features: list[int], labels: list[int], blinds: tuple[int, int]
) -> None:
    own = coefficients(born, len(features), len(labels)).fingerprint(features, labels, blinds)
    again = reference.fingerprint(born, features, labels, blinds)
    assert own.pair == (again.a, again.b)


@pytest.mark.parametrize("features", [1, 2, 3, 4, 7, 8])
def test_no_sum_of_features_is_a_constant(features: int) -> None:
    """Or equal changes of all cells could be made up for by a blind, whatever r is: r has room for one feature more."""
    sums = [coefficients(bytes([i]) * 32, features, 1).fingerprint([1] * features, [0], (0, 0)) for i in range(2)]
    assert sums[0].pair != sums[1].pair
    assert (1 << len(coefficients(bytes(32), features, 1).r)) > features


def test_what_a_fingerprint_depends_on_follows_from_birth_alone() -> None:
    one, other = (coefficients(bytes([i]) * 32, 3, 2) for i in range(2))
    drawn = {x.pair for own in (one, other) for x in (*own.r, *own.c)}
    assert len(drawn) == 2 * (2 + 2)
    assert coefficients(bytes([1]) * 32, 3, 2) == other


@pytest.mark.parametrize("classes", [2, 3, 8])
@pytest.mark.parametrize("features", [1, 2, 3, 4, 5])
def test_the_owner_finds_the_fingerprint_of_each_row(features: int, classes: int) -> None:
    """One column, a power of two of them, labels that are one column for each class."""
    dataset = committed(features, classes)
    rows, own = dataset.rows, coefficients(dataset.statement.births[0], features, dataset.statement.outputs)
    expected = [
        own.fingerprint(x.tolist(), y.tolist(), [int(b) for b in blinds])
        for x, y, blinds in zip(rows.features, rows.label_columns.T, rows.blinds.T, strict=True)
    ]
    assert packed_fingerprints(own, rows) == b"".join(map(written, expected))
    leaves = [reference.leaf(written(f)) for f in expected]
    assert bytes(fingerprint_levels(dataset)[-1]) == reference_records.record_root(leaves)


def own_fingerprints(dataset: zu.Dataset) -> bytes:
    return fingerprints_of(dataset.statement, dataset.rows)


def listed(rows: int, packed: bytes, start: int = 0) -> RegistrationStatement:
    """These fingerprints, from one row on, of a data set of so many rows."""
    own = committed(2, 2).statement
    stops = [stop for stop in (start, rows) if stop]
    segments = tuple(Segment(stop, bytes(32), None, bytes(32) if stop < rows else None) for stop in stops)
    previous = bytes(32) if start else None
    listing = b"".join(bytes(32) + packed[at : at + 16] for at in range(0, len(packed), 16))
    body = Body(range(start, start + len(listing) // ROW_BYTES), ROW_BYTES, listing)
    return RegistrationStatement(
        replace(own, rows=rows, segments=segments), bytes(32), start=start, previous=previous, body=body
    )


@pytest.mark.parametrize(("start", "first", "stop"), [(0, 0, 13), (0, 3, 8), (4, 4, 13), (4, 6, 7)])
def test_the_extension_is_the_sum_over_rows(start: int, first: int, stop: int) -> None:
    values = [K(i * i + 1, P - 1 - i) for i in range(13)]
    statement = listed(13, b"".join(map(written, values[start:])), start)
    point = tuple(K(3 * i + 2, 5 + i) for i in range(4))
    expected = sum((eq_index(point, n) * values[n] for n in range(first, stop)), ZERO)
    assert statement.extension(point, first, stop).pair == expected.pair


@pytest.mark.parametrize("rows", [0, 1, 12, 14])
def test_fingerprints_that_are_not_those_of_all_rows_are_not_known(rows: int) -> None:
    """They are asked for before what is listed is checked."""
    point = tuple(K(i, 1) for i in range(4))
    assert listed(13, b"\1" * 16 * rows).extension(point, 0, 13).pair == ZERO.pair
    assert listed(13, b"\1" * 208).extension(point, 0, 13).pair != ZERO.pair


def test_the_extension_goes_on_over_the_rows_that_are_summed_at_a_time() -> None:
    """The last row of the first part, the first of the second, and one in a part that is not full."""
    rows = (1 << LOW_BITS) + 5
    packed, point = bytearray(16 * rows), tuple(K(7 * i + 2, 3 + i) for i in range(LOW_BITS + 1))
    parts: dict[int, K] = {}
    for n in (3, (1 << LOW_BITS) - 1, 1 << LOW_BITS, rows - 1):
        f = K(n + 1, n)
        packed[16 * n : 16 * n + 16] = written(f)
        parts[n] = eq_index(point, n) * f
    for first, stop in ((0, rows), (4, rows - 1), (1 << LOW_BITS, rows), (3, 1 << LOW_BITS)):
        expected = sum((part for n, part in parts.items() if first <= n < stop), ZERO)
        assert listed(rows, bytes(packed)).extension(point, first, stop).pair == expected.pair


def test_rows_of_each_segment_have_the_fingerprints_of_its_birth() -> None:
    """The same bytes before the data set grew and after it, committed afresh or not."""
    first = committed(3, 3)
    second, _ = zu.append(first, np.eye(3), ["a", "b", "c"])
    third, _ = zu.append(zu.recommit(second, 6)[0], np.eye(3)[:1], ["b"])
    packed = own_fingerprints(third)
    assert packed[: 16 * 13] == own_fingerprints(first) and packed[: 16 * 16] == own_fingerprints(second)
    rows, births = third.rows, [dataset.statement.digest for dataset in (first, second, third)]
    assert third.statement.births == tuple(births)
    for n, birth in ((0, 0), (12, 0), (13, 1), (15, 1), (16, 2)):
        cells = rows.features[n].tolist(), rows.label_columns[:, n].tolist(), rows.blinds[:, n].tolist()
        assert packed[16 * n : 16 * n + 16] == reference.packed(reference.fingerprint(births[birth], *cells))


@pytest.mark.parametrize("leaves", [1, 2, 3, 5, 8, 9])
def test_the_root_of_all_leaves_is_that_of_the_document(leaves: int) -> None:
    level = [bytes([i]) * 32 for i in range(leaves)]
    assert root_of(b"".join(level)) == reference_records.record_root(level)


def test_the_error_is_one_root_for_each_coordinate_of_each_row() -> None:
    assert [error(d, 10) for d in (1, 2, 3, 4, 64)] == [10, 20, 20, 30, 70]
