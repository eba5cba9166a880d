"""What is wrong with several columns is said of all of them at once, and what to do about each, word for word.

And only what can be done: of a data set that is there, nothing can be declared any more.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import zkunlearn as zu

from .conftest import run

HEAD = "person,name,sex,age,cabin,born,y\n"
ROWS = "1,Ann Smith,f,30,,2000-01-02,1\n2,Bob Jones,m,,C1,2001-01-02,0\n3,Cy Roe,m,abc,,2002-01-02,0\n"
DROP = "or nothing to learn from (--drop)"
CATEGORIES = "categories, to be declared in a bounds file or by --categories"
TEXTS = f"texts, which are ids (--id), {DROP}"
MIXED = "numbers with texts among them, to be put right, or declared as categories, or left out (--drop)"
GAPS = (
    "values are missing, so declare what they count as (missing = ..), or leave such rows out (--leave-out-incomplete)"
)
BEGINS = "suggest-bounds begins a bounds file\n"
DECLARED = (
    '[bounds]\nage = [0, 99]\nsex = {categories = ["m"; "d"]}\ncabin = {categories = ["A1", "B1"], missing = "A1"}\n'
)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["Ann", "Bob", "Cy", "Dee"],
            "sex": pd.Categorical(["f", "m", "m", "f"]),
            "city": ["LA", "NY", "LA", None],
            "age": [30.0, 40.0, 50.0, 60.0],
            "born": pd.to_datetime(["2000-01-02"] * 4),
        }
    )


OF_TABLES: dict[str, tuple[tuple[str, ...], str]] = {
    "several columns that are no numbers": (
        ("--id", "person"),
        "line 2, column 'name': 'Ann Smith' is not a number; "
        f"'sex', 'cabin': {CATEGORIES}; 'born': times, to be declared in a bounds file; 'name': {TEXTS}; "
        f"'age': {MIXED}; 'age', 'cabin': {GAPS}; {BEGINS}",
    ),
    "one that is found late": (
        ("--id", "person", "--features", "age"),
        "line 4, column 'age': 'abc' is not a number; declare its column in a bounds file, which suggest-bounds "
        "begins, or leave it out (--drop)\n",
    ),
    "columns that are nowhere": (
        ("--id", "Person", "--drop", "Name,wealth"),
        "line 1: there are no columns 'Person' (did you mean 'person'?), 'Name' (did you mean 'name'?), 'wealth'; "
        "columns are 'person', 'name', 'sex', 'age', 'cabin', 'born', 'y'\n",
    ),
}


@pytest.mark.parametrize("what", OF_TABLES)
def test_columns_of_a_table_are_named_at_once(what: str, tmp_path: Path) -> None:
    options, said = OF_TABLES[what]
    (tmp_path / "t.csv").write_text(HEAD + ROWS)
    result = run("commit", tmp_path / "t.csv", "--target", "y", *options, "--out", tmp_path / "data")
    assert (result.exit_code, result.stderr) == (2, f"error: {tmp_path / 't.csv'}: {said}")


def test_columns_of_parquet_are_named_at_once(tmp_path: Path) -> None:
    table, own = tmp_path / "t.parquet", frame().assign(list=[[1]] * 4, y=[0, 1, 0, 1])
    own.to_parquet(table)
    result = run("commit", table, "--target", "y", "--out", tmp_path / "data")
    assert result.exit_code == 2 and result.stderr.startswith(f"error: {table}: column 'name': holds ")
    assert result.stderr.endswith(
        f"string, not numbers; 'sex': {CATEGORIES}; 'born': times, to be declared in a bounds file; "
        f"'name', 'city': texts, to be declared as categories, or ids (--id), {DROP}; "
        f"'list': nothing that a feature can be made of (--drop); {BEGINS}"
    )


def test_values_that_are_not_declared_are_named_at_once(tmp_path: Path) -> None:
    table, bounds = tmp_path / "t.csv", tmp_path / "b.toml"
    table.write_text("age,sex,cabin,y\n30,m,,1\n40,f,A1,0\n50,x,C1,1\n60,f,D1,0\n")
    bounds.write_text(DECLARED.replace(";", ","))
    result = run("commit", table, "--target", "y", "--bounds", bounds, "--out", tmp_path / "data")
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {table}: line 3, column 'sex': 'f' is none of the categories 'm', 'd'; not declared are in 'sex' 'f', "
        "'x'; in 'cabin' 'C1', 'D1'\n",
    )


def test_values_beyond_bounds_are_named_with_the_other_columns_that_have_any(tmp_path: Path) -> None:
    table, bounds = tmp_path / "t.csv", tmp_path / "b.toml"
    table.write_text("age,size,born,y\n30,1,2001-01-01,1\n400,20,1999-01-01,0\n50,30,2001-01-01,1\n")
    bounds.write_text("[bounds]\nage = [0, 99]\nsize = [0, 9]\nborn = [2000-01-01, 2010-01-01]\n")
    commit = ("commit", table, "--target", "y", "--bounds", bounds, "--out", tmp_path / "data")
    result = run(*commit)
    said = "line 3, column 'age': 400.0 is outside the bounds [0.0, 99.0]; so are values of 'size', 'born'\n"
    assert (result.exit_code, result.stderr) == (2, f"error: {table}: {said}")
    result = run(*commit, "--drop", "age,size")
    said = "line 3, column 'born': 1999-01-01 is outside the bounds [2000-01-01, 2010-01-01]\n"
    assert (result.exit_code, result.stderr) == (2, f"error: {table}: {said}")


def test_columns_of_which_nothing_is_left_are_named_at_once(tmp_path: Path) -> None:
    table, bounds = tmp_path / "t.csv", tmp_path / "b.toml"
    table.write_text("a,b,c,y\n" + "".join(f"{n},{n},{n},{n % 2}\n" for n in range(1, 9)))
    bounds.write_text("[bounds]\na = [-1e6, 1e6]\nb = [0, 9]\nc = [-1e7, 1e7]\n")
    result = run("commit", table, "--target", "y", "--bounds", bounds, "--out", tmp_path / "data")
    said = "column 'a': all values become one and the same integer, 0; so do those of 'c'; declare bounds that are near"
    assert result.exit_code == 2 and result.stderr.startswith(f"error: {table}: {said}")


BOUNDS = {"sex": {"categories": ["m", "d"]}, "city": {"categories": ["NY", "SF"], "missing": "NY"}}
OF_FRAMES: dict[str, tuple[Callable[[], Any], str]] = {
    "columns that are no numbers": (
        lambda: zu.commit(frame(), [0, 1, 0, 1]),
        "column 'sex': holds categories; 'sex', 'city': categories, to be declared in bounds ({\"categories\": [..]}); "
        "'born': times, to be declared in bounds (two dates); 'name': texts, which are ids, or nothing to learn from: "
        "leave them out",
    ),
    "texts": (
        lambda: zu.commit(frame()[["age", "name", "city"]], [0, 1, 0, 1]),
        "row 1, column 'name': 'Ann' is a text, not a number; 'city': categories, to be declared in bounds "
        "({\"categories\": [..]}); 'name': texts, which are ids, or nothing to learn from: leave them out",
    ),
    "times alone": (
        lambda: zu.commit(frame()[["age", "born"]], [0, 1, 0, 1]),
        "column 'born': holds datetime64[us], not real numbers; its column has times, to be declared in bounds (two "
        "dates)",
    ),
    "values that are not declared": (
        lambda: zu.commit(frame()[["sex", "city"]], [0, 1, 0, 1], bounds=BOUNDS),
        "row 1, column 'sex': 'f' is none of the categories 'm', 'd'; row 1, column 'city': 'LA' is none of the "
        "categories 'NY', 'SF'",
    ),
    "bounds of other columns": (
        lambda: zu.commit(frame()[["age"]], [0, 1, 0, 1], bounds={"Age": (0, 99), "a": (0, 1), "b": (0, 1)}),
        "bounds: none for column 'age' (did you mean 'Age', which differs by spaces or capitals only?); there are no "
        "columns 'a', 'b' that need them",
    ),
}


@pytest.mark.parametrize("what", OF_FRAMES)
def test_columns_of_a_frame_are_named_at_once(what: str) -> None:
    call, said = OF_FRAMES[what]
    with pytest.raises((zu.DataError, zu.ParameterError)) as refused:
        call()
    assert str(refused.value).replace("datetime64[ns]", "datetime64[us]") == said


def test_a_table_of_which_much_is_wrong_is_looked_at_in_its_first_rows_only(tmp_path: Path) -> None:
    """It may be large; and what is broken further down is another message."""
    table = tmp_path / "t.csv"
    table.write_text("a,b,y\n" + "x,1,0\n" * 5000 + 'y,z,"\n')
    result = run("commit", table, "--target", "y", "--out", tmp_path / "data")
    assert result.exit_code == 2 and result.stderr.startswith(
        f"error: {table}: line 2, column 'a': 'x' is not a number"
    )
    assert "'b'" not in result.stderr


NEW = {
    "append": "leave such rows out, and say whose they are (--left-out)",
    "rectify": "leave such rows out",
    "predict": "leave such rows out",
}


@pytest.mark.parametrize("command", NEW)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_of_a_data_set_that_is_there_nothing_can_be_declared(
    command: str, kind: str, owner: Path, tmp_path: Path
) -> None:
    """Nor bounds, nor what is missing: its commitment has them."""
    table = tmp_path / f"new.{kind}"
    rows = {"name": ["Ann", "Bob"], "age": [None, 30.0], "weight": [70.0, None], "sick": ["no", "yes"]}
    pd.DataFrame(rows).to_csv(table, index=False) if kind == "csv" else pa.parquet.write_table(pa.table(rows), table)
    place = ("--target", "sick", "--out", tmp_path / "new") if command != "predict" else ()
    of = owner / ("first.model.opening" if command == "predict" else "data")
    result = run(command, of, table, "--id", "name", *place)
    where = "line 2" if kind == "csv" else "row 1"
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {table}: {where}, column 'age': the cell is empty; of 2 rows values are missing: 1 in 'age', 1 in "
        f"'weight'; {NEW[command]}\n",
    )


@pytest.mark.parametrize("command", NEW)
def test_texts_in_new_rows_are_named_in_all_columns_without_a_way_that_is_none(
    command: str, owner: Path, tmp_path: Path
) -> None:
    table = tmp_path / "new.csv"
    table.write_text("name,age,weight,sick\nAnn,old,70,no\nBob,30,much,yes\n")
    place = ("--target", "sick", "--out", tmp_path / "new") if command != "predict" else ()
    of = owner / ("first.model.opening" if command == "predict" else "data")
    result = run(command, of, table, "--id", "name", *place)
    said = "line 2, column 'age': 'old' is not a number; there are cells that are not numbers in 'age', 'weight'\n"
    assert (result.exit_code, result.stderr) == (2, f"error: {table}: {said}")
    table.write_text("name,age,weight,sick\nAnn,old,70,no\nBob,30,80,yes\n")
    result = run(command, of, table, "--id", "name", *place)
    assert (result.exit_code, result.stderr) == (2, f"error: {table}: line 2, column 'age': 'old' is not a number\n")


def test_python_names_what_is_missing_of_new_rows_without_a_way_that_is_none(owner: Path) -> None:
    dataset, model = zu.load_dataset(owner / "data"), zu.Model.load(owner / "first.model.opening")
    X = pd.DataFrame({"age": [None, 30.0], "weight": [70.0, None]})
    said = (
        "row 1, column 'age': the cell is empty; of 2 rows values are missing: 1 in 'age', 1 in 'weight'; leave such "
        "rows out"
    )
    for call in (lambda: model.predict(X), lambda: zu.append(dataset, X, ["no", "yes"], ids=["Ann", "Bob"])):
        with pytest.raises(zu.DataError) as refused:
            call()
        assert str(refused.value) == said


def test_a_date_is_a_text_of_a_frame_that_says_so() -> None:
    X = pd.DataFrame({"born": [datetime.date(2000, 1, 2)] * 4, "age": [1, 2, 3, 4]})
    with pytest.raises(
        zu.DataError, match="column 'born': a date is not a number; its column has times, to be declared"
    ):
        zu.commit(X, [0, 1, 0, 1])
