"""Errors: a message for people, and the same in fields for programs; and the page that tells of them."""

from __future__ import annotations

import pickle
from pathlib import Path

import click
import pytest
import zkunlearn as zu
from click.testing import CliRunner
from zkunlearn import errors
from zkunlearn.cli.exits import exit_codes, reason_of
from zkunlearn.errors import (
    DataError,
    FormatError,
    InputError,
    InvalidProof,
    InvalidSignature,
    ParameterError,
    WorkerError,
    ZkUnlearnError,
)


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


# The page ------------------------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"
HEAD = "| class | is a | raised when | fields | what to do | exit code |\n|---|---|---|---|---|---|\n"
MADE: dict[str, ZkUnlearnError] = {
    "InvalidProof": InvalidProof("merkle path"),
    "InvalidSignature": InvalidSignature("signature"),
    "FormatError": FormatError("cut off"),
    "WorkerError": WorkerError("it ended", "tls://head:8786"),
}


def rows() -> dict[str, list[str]]:
    """Of the table: by the name of the class, its other cells."""
    lines = PAGE.read_text(encoding="utf-8").split(HEAD)[1].split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name.strip("`"): rest for name, *rest in cells}


def made(name: str) -> ZkUnlearnError:
    """An error of a class."""
    error: ZkUnlearnError = MADE.get(name) or getattr(errors, name)("what is wrong")
    return error


def test_the_page_has_every_class() -> None:
    defined = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert sorted(rows()) == sorted(defined)
    public = {name for name in zu.__all__ if name in defined}
    assert public == {*defined} - {"InputError"}


@pytest.mark.parametrize("name", rows())
def test_a_row_says_what_the_class_is_and_which_fields_it_has(name: str) -> None:
    above, _, fields, *_ = rows()[name]
    assert above.strip("`") == getattr(errors, name).__mro__[1].__name__
    assert {field.strip("` ") for field in fields.split(",")} - {""} == {*vars(made(name))}


@pytest.mark.parametrize("name", rows())
def test_a_row_has_the_exit_code(name: str) -> None:
    error, code = made(name), rows()[name][-1]

    @click.command()
    def fails() -> None:
        with exit_codes(debug=False):
            raise error

    assert code.startswith(str(CliRunner().invoke(fails).exit_code))
    assert ("or 1 by `verify`" in code) == (reason_of(error) is not None)
