"""Frames of polars, which is nowhere imported: ids, categories, times and truth values as of any other frame."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import zkunlearn as zu
from zkunlearn.prover.tables.arrays import as_known_features, as_table
from zkunlearn.prover.tables.read import read_table

DAYS = [datetime.date(2020, 1, day) for day in (1, 2, 3, 4, 5, 6)]
PEOPLE = pl.DataFrame(
    {
        "age": [40, 50, 60, 70, 80, 90],
        "dose": pl.Series([1.5, 2.5, 0.5, 3.5, 4.5, 5.5], dtype=pl.Float32),
        "smoker": [True, False, True, False, True, False],
        "city": ["LA", "NY", "LA", "SF", "NY", "SF"],
        "since": DAYS,
    }
)
BOUNDS: dict[str, Any] = {
    "age": (0, 120),
    "dose": (0, 10),
    "smoker": (0, 1),
    "city": {"categories": ["LA", "NY", "SF"]},
    "since": (datetime.date(2000, 1, 1), datetime.date(2040, 1, 1)),
}
SICK = pl.Series("sick", ["no", "yes", "no", "yes", "yes", "no"])
NAMES: Any = pl.Series(["p", "q", "r", "s", "t", "u"])


def by_id(dataset: zu.Dataset) -> dict[str, list[Any]]:
    """Features and label of each row, by its id: rows have an order of their own."""
    rows = zip(dataset.rows.features.tolist(), dataset.rows.labels.tolist(), strict=True)
    return dict(zip(dataset.ids, map(list, rows), strict=True))


def test_a_polars_frame_is_committed_as_the_pandas_frame_of_the_same_columns() -> None:
    own = zu.commit(PEOPLE, SICK, NAMES, bounds=BOUNDS, openings=1)
    other = pd.DataFrame(PEOPLE.to_dict(as_series=False))
    same = zu.commit(other, SICK.to_list(), NAMES.to_list(), bounds=BOUNDS, openings=1)
    assert own.statement.encoding == same.statement.encoding
    assert own.statement.encoding.names == ("age", "dose", "smoker", "city=NY", "city=SF", "since")
    assert by_id(own) == by_id(same)


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["LA", "NY", "SF"])])
def test_categories_of_polars_are_declared_or_refused(kind: Any) -> None:
    frame = PEOPLE.with_columns(pl.col("city").cast(kind)).drop("since", "smoker")
    with pytest.raises(zu.DataError, match=r"column 'city': holds categories; declare which there are: bounds=\{"):
        zu.commit(frame, SICK, NAMES)
    bounds = {name: BOUNDS[name] for name in ("age", "dose", "city")}
    table = as_table(frame, SICK, NAMES, None, declared=["city"], sources=zu_sources(bounds))
    assert table.X[:, 2:].tolist() == [[0, 0], [1, 0], [0, 0], [0, 1], [1, 0], [0, 1]]


def zu_sources(bounds: dict[str, Any]) -> Any:
    from zkunlearn.models.encoding.declared import Declared

    return Declared.of(bounds, None).sources


@pytest.mark.parametrize(
    ("ids", "row", "words"),
    [
        (pl.Series([1.0, 2, 3, 4, 5, 6]), 0, "a float is not an id"),
        (pl.Series(["a", None, "c", "d", "e", "f"]), 1, "the id is empty"),
        (pl.Series([1, 2, 3, 4, 5, 1]), 5, "id '1' is also that of row 1"),
        (pl.Series(DAYS), 0, "a date is not an id"),
        (pl.Series([b"a"] * 6), 0, "decode it to a text"),
    ],
)
def test_ids_of_polars_are_texts_or_integers(ids: Any, row: int, words: str) -> None:
    with pytest.raises(zu.DataError, match=words) as refused:
        zu.commit(PEOPLE[["age", "dose"]], SICK, ids)
    assert refused.value.row == row


def test_integer_ids_of_polars_are_those_of_numpy() -> None:
    for kind in (pl.Int8, pl.UInt64, pl.Int64):
        ids = as_table(PEOPLE[["age"]], SICK, pl.Series(range(1, 7), dtype=kind), None).ids
        assert ids == as_table(PEOPLE[["age"]].to_numpy(), SICK.to_numpy(), np.arange(1, 7), None).ids


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pl.Series("x", ["a"] * 6), "row 1, column 'x': 'a' is a text, not a number"),
        (pl.Series("x", DAYS), "column 'x': holds datetime64.*, not real numbers"),
        (pl.Series("x", [[1]] * 6), "row 1, column 'x': a .* is not a number"),
        (pl.Series("x", [1, 2, 3, None, 5, 6]), "row 4, column 'x': the cell is empty; declare in bounds"),
    ],
)
def test_a_column_of_polars_that_is_no_number_is_named(column: pl.Series, words: str) -> None:
    with pytest.raises(zu.DataError, match=words):
        zu.commit(PEOPLE[["age"]].with_columns(column), SICK)


def test_new_rows_of_polars_go_by_name_and_files_of_polars_are_read(tmp_path: Path) -> None:
    encoding = zu.commit(PEOPLE, SICK, NAMES, bounds=BOUNDS, openings=1).statement.encoding
    shuffled = PEOPLE.select("city", "since", "age", "smoker", "dose")
    expected = as_known_features(PEOPLE, encoding).tolist()
    assert as_known_features(shuffled, encoding).tolist() == expected
    with pytest.raises(zu.DataError, match="X has no column 'age'"):
        as_known_features(PEOPLE.drop("age"), encoding)
    whole = PEOPLE.with_columns(SICK, NAMES.alias("person"))
    whole.write_parquet(tmp_path / "p.parquet")
    whole.write_ipc(tmp_path / "p.arrow")
    for name in ("p.parquet", "p.arrow"):
        table = read_table(tmp_path / name, "sick", "person", sources=encoding.sources)
        assert (table.X.tolist(), [*table.ids], np.asarray(table.y).tolist()) == (expected, [*NAMES], [*SICK])


def test_lists_of_people_may_be_series_of_polars() -> None:
    dataset = zu.commit(PEOPLE, SICK, NAMES, bounds=BOUNDS, openings=1)
    assert len(dataset.records(pl.Series(["q", "u"]))) == 2
