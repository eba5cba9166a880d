"""Ids and labels that are taken many at a time are those that are taken one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.statements.ids import identify
from zkunlearn.errors import DataError
from zkunlearn.models.encoding.cells import is_gap_of
from zkunlearn.models.encoding.labels import class_texts, infer_label_kind
from zkunlearn.prover.tables.gaps import missing_rows
from zkunlearn.prover.tables.ids import row_ids
from zkunlearn.prover.tables.raw_table import labels_from, labels_of, texts_of
from zkunlearn.prover.tables.record_batches import _values

TEXTS = st.text(alphabet="ab 1\t\né\u0308\ud800", max_size=3) | st.text("a", min_size=1023, max_size=1026)
SMALL, LARGE = st.integers(-(10**20), 10**20), st.integers(4290, 4310).map(lambda digits: 10**digits)
IDS = st.lists(st.text("abc 1", min_size=1, max_size=5)) | st.lists(SMALL) | st.lists(TEXTS | SMALL | LARGE, max_size=5)
NUMBERS = st.integers(-(10**18), 10**18) | st.booleans() | st.floats(allow_nan=False)


def one_by_one(values: list[Any]) -> Any:
    found = []
    for row, value in enumerate(values):
        try:
            found.append(identify(value))
        except DataError as error:
            return error.reason, row
    return tuple(found)


@given(IDS)
def test_ids_of_a_column_are_those_of_its_cells(values: list[Any]) -> None:
    try:
        found: Any = row_ids(values, several=True)
    except DataError as error:
        found = error.reason, error.row
    assert found == one_by_one(values)


@given(st.lists(NUMBERS | st.just(10**400)))
def test_labels_that_are_numbers_are_those_of_their_texts(values: list[Any]) -> None:
    def outcome(taken: Any) -> Any:
        try:
            return taken().tolist()
        except DataError as error:
            return error.reason, error.row

    assert outcome(lambda: labels_from(values, "y")) == outcome(lambda: labels_of(texts_of(values, "y"), "y"))


CELLS = st.none() | NUMBERS | st.just(float("nan")) | st.sampled_from(["", " ", "NA", "null", "x"]) | st.decimals(0, 1)


@given(st.lists(CELLS))
def test_missing_cells_of_a_column_are_found_as_one_by_one(values: list[Any]) -> None:
    assert missing_rows(values) == [row for row, value in enumerate(values) if is_gap_of(value)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, -2, 2**62]),
        pa.array([0, 2**64 - 1], pa.uint64()),
        pa.array([0.1, -0.0, 3e300]),
        pa.array([0.1, 7], pa.float32()),
        pa.array([True, False]),
        pa.array([1, None]),
        pa.array([None, True]),
        pa.array([float("nan"), None]),
        pa.array([Decimal("1.10"), None]),
        pa.array(["a", None, "a"]),
        pa.array(["a", None, "a"]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.uint32()), pa.array(["a", "b"])),
    ],
    ids=lambda column: f"{column.type} with {column.null_count} gaps",
)
def test_a_column_is_the_objects_that_pyarrow_makes_of_it(column: Any) -> None:
    found, expected = _values(pa, column, "y"), column.to_pylist()
    assert repr(found) == repr(expected)
    assert [type(value) for value in found] == [type(value) for value in expected]


@given(st.lists(st.floats(-3, 3) | st.integers(-3, 3), min_size=1), st.sampled_from([None, "binary", "categorical"]))
def test_the_kind_of_labels_follows_from_the_different_ones(values: list[float], asked: str | None) -> None:
    def outcome(labels: Any) -> Any:
        try:
            return infer_label_kind(labels, len(values), asked, "y")
        except DataError as error:
            return error.reason

    assert outcome(np.array(values, float)) == outcome(np.array(class_texts(np.array(values, float)), dtype=object))
