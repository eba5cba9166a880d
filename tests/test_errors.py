"""Errors about input: a message for people, and the same in fields for programs."""

from __future__ import annotations

import pickle

import pytest
from zkunlearn.errors import DataError, InputError, ParameterError


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, "the cell is empty"),
        ({"file": "t.csv"}, "t.csv: the cell is empty"),
        ({"row": 0}, "row 1: the cell is empty"),
        ({"column": "age"}, "column 'age': the cell is empty"),
        ({"file": "t.npz", "row": 4, "column": "age"}, "t.npz: row 5, column 'age': the cell is empty"),
        ({"file": "t.csv", "line": 7, "row": 4, "column": "age"}, "t.csv: line 7, column 'age': the cell is empty"),
    ],
)
def test_a_message_says_where_as_far_as_it_is_known(place: dict[str, object], message: str) -> None:
    error = DataError("the cell is empty", **place)  # type: ignore[arg-type]
    assert str(error) == message
    assert error.reason == "the cell is empty"
    assert {name: getattr(error, name) for name in place} == place


@pytest.mark.parametrize("kind", [DataError, ParameterError])
def test_who_knows_more_of_the_place_adds_it_and_changes_nothing(kind: type[InputError]) -> None:
    inner = kind("4 is too much", row=3, column="age", expected=(0, 1), found=4)
    outer = inner.at(file="t.csv", line=9, row=99, column="other")
    assert type(outer) is kind
    assert str(outer) == "t.csv: line 9, column 'age': 4 is too much"
    assert (outer.row, outer.column, outer.expected, outer.found) == (3, "age", (0, 1), 4)
    assert inner.file is None


def test_an_error_survives_another_process() -> None:
    error = DataError("the cell is empty", file="t.csv", line=2, column="age")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.reason, again.file, again.line, again.column) == ("the cell is empty", "t.csv", 2, "age")
