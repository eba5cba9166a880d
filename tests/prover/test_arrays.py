"""Tables in memory: what frames, arrays and tensors hold comes in as it is, or is refused by column and row."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
import torch
import zkunlearn as zu
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.prover.tables.arrays import as_known_features, as_table

X = np.array([[0.0, 5.0], [10.0, 6.0], [5.0, 5.25], [2.5, 5.5]])
Y = [0, 1, 1, 0]
ENCODING = DatasetEncoding.from_data(X, Y, ["a", "height"])


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": X[:, 0], "height": X[:, 1], **columns})


def refusal(features: Any, labels: Any = Y, **options: Any) -> zu.DataError:
    """By `commit`, before anything is computed."""
    with pytest.raises(zu.DataError) as caught:
        zu.commit(features, labels, **options)
    return caught.value


@pytest.mark.parametrize(
    "features",
    [
        X,
        X.tolist(),
        np.ma.array(X, mask=False),
        torch.tensor(X),
        frame(),
        frame().astype("Float64"),
        frame(height=pd.Series(X[:, 1], dtype="Float64")),
        pa.table({"a": X[:, 0], "height": X[:, 1]}),
        scipy.sparse.csr_array(X),
        torch.tensor(X).to_sparse(),
    ],
    ids=["array", "lists", "masked", "tensor", "frame", "nullable", "mixed", "pyarrow", "sparse", "sparse tensor"],
)
def test_every_kind_of_table_holds_the_same_numbers(features: Any) -> None:
    table = as_table(features, Y, None, None)
    assert table.X.tolist() == X.tolist()
    assert type(table.X) is np.ndarray
    assert table.names in (("a", "height"), ("x1", "x2"))


def test_truth_values_beside_numbers_are_zero_and_one() -> None:
    table = as_table(frame(flag=[True, False, True, True]), Y, None, None)
    assert table.X[:, 2].tolist() == [1, 0, 1, 1]
    assert table.X.dtype == np.float64


MISSING_CELL = np.ma.array(X, mask=np.arange(8).reshape(4, 2) == 5)


@pytest.mark.parametrize(
    ("features", "row", "column", "words"),
    [
        (frame(gender=["M", "F", "M", "F"]), 0, "gender", "'M' is a text, not a number"),
        (frame(zip=["1", "2", "3", "4"]), 0, "zip", "'1' is a text, not a number"),
        (frame(height=[1, 2, None, 4]), 2, "height", "the cell is empty; declare in bounds what"),
        (frame(height=pd.array([1, 2, None, 4], dtype="Int64")), 2, "height", "row 3, column 'height': "),
        (frame(height=[1, 2, None, "x"]), 3, "height", "'x' is a text, not a number"),
        (frame(height=[1, 2, None, np.inf]), 2, "height", "the cell is empty"),
        (frame(height=[1, 2, -3, np.inf]), 3, "height", "inf is not a finite number"),
        (frame(seen=[1, 2, datetime.date(2020, 1, 1), 4]), 2, "seen", "a date is not a number"),
        (frame(seen=pd.to_datetime(["2020-01-01"] * 4)), None, "seen", "holds datetime64"),
        (frame(w=[1j, 2j, 3j, 4j]), None, "w", "holds complex128, not real numbers"),
        (X + 1j, None, "x1", "holds complex128, not real numbers"),
        (frame(big=[1, 2, 3, 10**400]), 3, "big", "beyond float64"),
        (MISSING_CELL, 2, "x2", "the cell is empty"),
        (pa.table({"a": [4711, 2, 3, 4], "s": ["p", "q", "r", "s"]}), 0, "s", "'p' is a text, not a number"),
    ],
)
def test_a_cell_that_is_no_number_is_named_by_column_and_row(
    features: Any, row: int | None, column: str, words: str
) -> None:
    error = refusal(features)
    assert (error.row, error.column) == (row, column)
    assert words in str(error)
    assert "4711" not in str(error)


@pytest.mark.parametrize(
    ("labels", "row", "words"),
    [
        (pd.array([True, None, False, True], dtype="boolean"), 1, "missing"),
        (pd.Series(["yes", "no", None, "no"], dtype="string"), 2, "missing"),
        (np.ma.array(np.array(Y), mask=np.array([0, 0, 0, 1])), 3, "missing"),
        ([0, 1, None, 1], 2, "missing"),
        ([0.0, 1.0, np.nan, 1.0], 2, "the label is missing; leave such rows out, and say so"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"] * 2), None, "holds datetime64"),
        ([0, 1j, 1j, 0], None, "holds complex128"),
        ([b"y", b"n", b"y", b"n"], None, "labels are real numbers or texts"),
        ([0, 1, {}, 1], 2, "a dict is not a label"),
    ],
)
def test_a_label_that_is_missing_or_no_label_is_named_by_row(labels: Any, row: int | None, words: str) -> None:
    error = refusal(X, labels, label_name="sick")
    assert (error.row, error.column) == (row, "sick")
    assert words in str(error)


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (scipy.sparse.coo_array((1 << 14, 1 << 14)), "a sparse coo_array of 268,435,456 cells, of which at most"),
        (torch.tensor(X, dtype=torch.bfloat16), "no array that numpy can hold"),
        ([[1, 2], [3]], "no array that numpy can hold"),
        (X[0], "expected a table"),
        (pa.table({}), "no column"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["b", "b"]), "columns 1 and 2 are both named 'b'"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_without_showing_it(features: Any, words: str) -> None:
    assert words in str(refusal(features))


def test_a_value_out_of_bounds_is_named_by_column_and_row_through_commit() -> None:
    error = refusal(frame(), bounds={"a": (0, 10), "height": (0, 5.25)})
    assert (error.row, error.column, error.expected, error.found) == (1, "height", (0.0, 5.25), 6.0)


def test_a_count_that_is_none_is_named_by_the_label_s_own_name() -> None:
    error = refusal(X, [1, 2, 0.5, 3], label_kind="count", label_name="visits")
    assert (error.row, error.column, error.found) == (2, "visits", 0.5)


# New rows, to predict on ---------------------------------------------------------------------------------------------


def test_columns_of_a_frame_are_taken_by_name_in_any_order() -> None:
    for features in (frame(), frame()[["height", "a"]], pa.table({"height": X[:, 1], "a": X[:, 0]})):
        assert as_known_features(features, ENCODING).tolist() == X.tolist()


@pytest.mark.parametrize("features", [X, X.tolist(), torch.tensor(X)], ids=["array", "lists", "tensor"])
def test_columns_without_names_are_taken_by_position(features: Any) -> None:
    assert as_known_features(features, ENCODING).tolist() == X.tolist()


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (frame()[["a"]], "X has no column 'height'"),
        (frame(b=[1, 2, 3, 4]), "X has a column too many, 'b'"),
        (frame().rename(columns={"a": "A"}), "X has no column 'a'"),
        (frame().set_axis(["a", "a"], axis=1), "both named 'a'"),
        (frame(height=["1", "2", "3", "4"]), "column 'height': '1' is a text"),
        (X[:, :1], "X: 1 columns, expected 2"),
        (X[0], "expected a table"),
        (MISSING_CELL, "row 3, column 'height': the cell is empty"),
    ],
)
def test_new_rows_with_other_columns_are_refused(features: Any, words: str) -> None:
    with pytest.raises(zu.DataError) as caught:
        as_known_features(features, ENCODING)
    assert words in str(caught.value)
