"""Columns that are no plain numbers: what is declared of them, and what their cells become."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import DataError, FormatError, ParameterError
from zkunlearn.models.encoding.categories import CategorySource
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.declared import Declared
from zkunlearn.models.encoding.readers import NumberSource, Source
from zkunlearn.models.encoding.sources import columns_of, features_of, source_from_mapping
from zkunlearn.models.encoding.times import TimeSource

FIRST, LAST = date(2000, 1, 1), date(2030, 1, 1)
CITY = {"categories": ["NY", "LA", "else"], "reference": "LA", "other": "else", "missing": "NY"}
DECLARED = {
    "age": {"low": 0, "high": 120, "missing": 60},
    "city": CITY,
    "height": (1, 2),
    "since": {"low": FIRST, "high": LAST, "missing": date(2010, 1, 1)},
}
NAMES = ("age", "city=NY", "city=else", "height", "since")


def only(written: Any) -> Source:
    (source,) = Declared.of({"c": written}).sources
    return source


def encoding(**changes: Any) -> DatasetEncoding:
    own = Declared.of(DECLARED)
    rows = np.zeros((2, len(NAMES)))
    rows[:, NAMES.index("height")] = 1
    return DatasetEncoding.from_data(rows, [0, 1], NAMES, bounds=own.bounds, sources=own.sources, **changes)


# What is declared ----------------------------------------------------------------------------------------------------


def test_declared_columns_become_features_in_their_order_and_back() -> None:
    sources = Declared.of(DECLARED).sources
    assert features_of(DECLARED, sources) == NAMES
    assert columns_of(NAMES, sources) == tuple(DECLARED)
    assert Declared.of(DECLARED).bounds["since"] == (0.0, 10958.0, "linear")
    assert Declared.of({"a": [0, 1], "b": (0, 9, "log1p")}).sources == ()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ([0], "needs a lower and an upper bound"),
        ({"low": 0}, "needs a lower and an upper bound"),
        ({"low": 0, "high": 1, "unit": "m"}, "unit: nothing of that name can be declared"),
        ({"low": 0, "high": 1, "missing": "1"}, "missing = '1': must be a finite number"),
        ({"low": 0, "high": 1, "missing": float("inf")}, "must be a finite number"),
        ({"low": 0, "high": 1, "missing": True}, "must be a finite number"),
        ({"low": 0, "high": 1, "format": "%Y"}, "format: is of times"),
        ((FIRST, 5), "must all be dates, or all be numbers"),
        ({"low": FIRST, "high": LAST, "missing": 5}, "must all be dates, or all be numbers"),
        ((LAST, FIRST), "lower bound 2030-01-01 is above upper bound 2000-01-01"),
        ({"low": FIRST, "high": LAST, "format": 5}, "format: must be a text"),
        ({"low": FIRST, "high": LAST, "format": "DMY"}, 'format: must be like "%d.%m.%Y"'),
        ({"categories": []}, "categories: must be a list"),
        ({"categories": "ab"}, "categories: must be a list"),
        ({"categories": ["a"]}, "1 categories, must be 2 to 1024"),
        ({"categories": ["a", "a"]}, "a category is there twice"),
        ({"categories": [1, "1"]}, "a category is there twice"),
        ({"categories": ["True", True]}, "a category is there twice"),
        ({"categories": ["a", FIRST]}, "a date is no category"),
        ({"categories": ["a", 1.5]}, "a float is no category"),
        ({"categories": ["a", ""]}, "must be 1 to 256 printable characters"),
        ({"categories": ["a", "b"], "reference": "c"}, "reference: 'c' is none of the categories"),
        ({"categories": ["a", "b"], "other": "c"}, "other: 'c' is none of the categories"),
        ({"categories": ["a", "b"], "missing": "c"}, "missing: 'c' is none of the categories"),
        ({"categories": ["a", "b"], "low": 0}, "low: nothing of that name can be declared"),
    ],
)
def test_what_cannot_be_declared_is_refused_by_the_column_s_name(written: Any, words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Declared.of({"c": written})
    assert words in str(caught.value) and "'c'" in str(caught.value)


def test_two_columns_with_a_feature_of_one_name_are_refused() -> None:
    with pytest.raises(ParameterError, match="two columns have a feature 'a=x'"):
        Declared.of({"a": {"categories": ["r", "x"]}, "a=x": [0, 1]})


# What cells become ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [("NY", (1, 0)), (" LA ", (0, 0)), ("else", (0, 1)), ("Rome", (0, 1)), ("", (1, 0)), ("NA", (1, 0)), (None, (1, 0))]
    + [(7, (0, 1)), (7.0, (0, 1)), (float("nan"), (1, 0))],
)
def test_a_category_is_one_in_its_own_feature(cell: object, numbers: tuple[float, ...]) -> None:
    assert only(CITY).cell(cell) == numbers


def test_a_category_may_be_called_as_a_missing_value_is() -> None:
    source = only({"categories": ["DE", "NA"]})
    assert source.cell("NA") == (1.0,) and source.cell("") is None and source.cell(None) is None


def test_categories_that_look_alike_are_one() -> None:
    source = only({"categories": ["x", "e\u0301"]})  # decomposed
    assert source.features == ("c=\u00e9",) and source.cell("\u00e9") == source.cell("e\u0301") == (1.0,)
    assert only({"categories": [1, 2]}).cell("2") == only({"categories": ["1", "2"]}).cell(2) == (1.0,)


@pytest.mark.parametrize(
    ("cell", "words"),
    [("Rome", "'Rome' is none of the categories 'a', 'b'"), (True, "'True' is none of"), (2.5, "a float is no")],
)
def test_what_is_no_declared_category_is_refused(cell: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        only({"categories": ["a", "b"]}).cell(cell)


@pytest.mark.parametrize(
    ("cell", "days"),
    [
        ("2000-01-02", 1.0),
        ("2000-01-01 12:00", 0.5),
        ("1999-12-31", -1.0),
        ("2000-01-01T01:00:00+02:00", -1 / 24),
        (date(2000, 2, 1), 31.0),
        (datetime(2000, 1, 1, 6), 0.25),
        (datetime(2000, 1, 1, 6, tzinfo=timezone(timedelta(hours=6))), 0.0),
        ("", None),
        (None, None),
    ],
)
def test_a_time_is_the_days_since_its_origin(cell: object, days: float | None) -> None:
    assert only((FIRST, LAST)).cell(cell) == (None if days is None else (days,))


@given(st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)))
def test_days_are_the_nearest_number_and_show_the_time_to_a_second(found: datetime) -> None:
    source = TimeSource(column="c", origin=datetime(2000, 1, 1))
    (days,) = source.numbers(found)
    exact = (found - datetime(2000, 1, 1)) / timedelta(microseconds=1) / 86_400_000_000
    assert days == pytest.approx(exact, rel=1e-15)
    whole = found.replace(microsecond=0)
    assert datetime.fromisoformat(source.shown(source.numbers(whole))) == whole


@pytest.mark.parametrize(
    ("cell", "words"),
    [("01.02.2020", "is no time like 2024-12-31"), (5, "a int is no time"), ("2020-13-01", "is no time like")],
)
def test_what_is_no_time_is_refused(cell: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        only((FIRST, LAST)).cell(cell)


def test_times_of_another_form_are_read_by_the_declared_one() -> None:
    source = only({"low": FIRST, "high": LAST, "format": "%d.%m.%Y"})
    assert source.cell("02.01.2000") == (1.0,)
    with pytest.raises(DataError, match=r"'2000-01-02' is no time like %d\.%m\.%Y"):
        source.cell("2000-01-02")


def test_a_missing_number_counts_as_declared_and_others_as_they_are() -> None:
    source = only({"low": 0, "high": 9, "missing": 5})
    assert [source.cell(own) for own in ("", "n/a", None, float("nan"), "3", 3)] == [(5.0,)] * 4 + [(3.0,)] * 2
    for cell in ("x", "1_0", "inf", object()):
        with pytest.raises(DataError, match="not a"):
            source.cell(cell)


# In an encoding ------------------------------------------------------------------------------------------------------


def test_an_encoding_with_sources_is_read_as_it_was_written() -> None:
    own = encoding()
    assert own.columns == tuple(DECLARED) and own.names == NAMES
    assert DatasetEncoding.from_mapping(own.to_mapping()) == own
    assert [source_from_mapping(each.to_mapping(), "s") for each in own.sources] == list(own.sources)


def test_a_value_beyond_the_bounds_counts_as_the_nearer_one_where_that_is_declared() -> None:
    own = Declared.of(
        {"a": {"low": 0, "high": 10, "clip": True}, "b": [0, 10], "t": {"low": FIRST, "high": LAST, "clip": True}}
    )
    made = DatasetEncoding.from_data(np.zeros((2, 3)), [0, 1], ["a", "b", "t"], bounds=own.bounds, sources=own.sources)
    rows = np.array([[-5.0, 0.0, 20_000.0], [1e300, 10.0, -1.0], [5.0, 5.0, 5479.0]])
    assert made.encode_features(rows).tolist() == [[-1024, -1024, 1024], [1024, 1024, -1024], [0, 0, 0]]
    assert made.encode_features(rows, check_bounds=False).tolist()[1] == [1024, 1024, -1024]
    assert rows[0, 0] == -5.0  # what was handed in is as it was
    with pytest.raises(DataError, match="row 1, column 'b'"):
        made.encode_features(rows - [0, 1, 0])
    for bad in ({"low": 0, "high": 1, "clip": 1}, {"low": FIRST, "high": LAST, "clip": "yes"}):
        with pytest.raises(ParameterError, match=r"clip = .*: must be true or false"):
            Declared.of({"c": bad})


def test_a_category_whose_feature_has_no_name_is_refused() -> None:
    with pytest.raises(ParameterError, match="name of a category's feature"):
        Declared.of({"c" * 200: {"categories": ["a", "b" * 100]}})


def test_an_encoding_of_plain_numbers_says_nothing_of_sources() -> None:
    plain = DatasetEncoding.from_data(np.eye(2), [0, 1], ["a", "b"])
    assert "sources" not in plain.to_mapping()
    with pytest.raises(FormatError, match="sources"):
        DatasetEncoding.from_mapping({**plain.to_mapping(), "sources": []})


def test_a_row_is_shown_by_columns_as_they_were_declared() -> None:
    own = encoding()
    cells: dict[str, Any] = {"age": [None], "city": ["Rome"], "height": ["1.5"], "since": ["2020-06-01"]}
    (row,) = own.encode_features(own.features_from(cells)).tolist()
    shown = dict(own.shown_row(row, 1))
    assert shown["age"] == pytest.approx(60, abs=0.1) and shown["city"] == "else" and shown["height"] == 1.5
    assert abs(datetime.fromisoformat(str(shown["since"])) - datetime(2020, 6, 1)) < timedelta(days=6)
    assert list(shown) == ["age", "city", "height", "since", "label"]


def test_a_row_of_two_categories_is_shown_as_what_it_is() -> None:
    source = CategorySource(column="c", values=("a", "b", "x"), reference="a")
    assert source.shown((1.0, 1.0)) == "1.0 of 'b', 1.0 of 'x'" and source.shown((0.5, 0.0)) == "0.5 of 'b', 0.0 of 'x'"


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("since", "1999-01-01", "row 1, column 'since': 1999-01-01 is outside the bounds [2000-01-01, 2030-01-01]"),
        ("age", 130, "row 1, column 'age': 130.0 is outside the bounds [0.0, 120.0]"),
        ("height", None, "row 1, column 'height': the cell has no value"),
        ("height", "tall", "row 1, column 'height': 'tall' is not a finite number"),
    ],
)
def test_a_cell_out_of_its_column_is_named_in_the_column_s_own_words(column: str, value: object, words: str) -> None:
    cells: dict[str, Any] = {
        "age": [1],
        "city": ["NY"],
        "height": [1.5],
        "since": [datetime(2020, 1, 1, tzinfo=UTC)],
        column: [value],
    }
    with pytest.raises(DataError) as caught:
        encoding().encode_features(encoding().features_from(cells))
    assert str(caught.value) == words


def changed(index: int, **changes: Any) -> dict[str, Any]:
    mapping: dict[str, Any] = encoding().to_mapping()
    sources = [dict(own) for own in mapping["sources"]]
    sources[index] |= changes
    return {**mapping, "sources": sources}


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (changed(0, kind="text"), "'text' is no kind of column"),
        (changed(0, kind=1), "is no kind of column"),
        (changed(0, kind="time"), "unknown field|lacks the field"),
        (changed(0, column="years"), "its features are not here"),
        (changed(0, missing="60"), "not the canonical spelling"),
        (changed(0, missing=None), "needs no more than bounds"),
        (changed(0, clip=1), "is an integer, not true or false"),
        (changed(1, values=["LA", "else", "NY"]), "its features are not here, or not in this order"),
        (changed(1, values=["NY", "LA", "else", "more"]), "its features are not here"),
        (changed(1, other="Rome"), "other: 'Rome' is none of the categories"),
        (changed(1, reference=None), "is null, not text"),
        (changed(2, origin="2000-01-01"), "not in canonical form"),
        (changed(2, origin="2000-01-01T00:00:00+00:00"), "not in canonical form"),
        (changed(2, origin="soon"), "origin 'soon' is no time"),
        (changed(2, format="%"), "format: must be like"),
        (changed(2, format="%d %B %Y"), "format: must be like"),
        (changed(2, format="d.m.Y"), "format: must be like"),
        (changed(2, format="%d/%m/%Y %H:%M:%S.%f"), None),
        ({**changed(0), "sources": changed(0)["sources"][::-1]}, "or not in this order"),
        ({**changed(0), "sources": changed(0)["sources"][:1] * 2}, "or not in this order"),
    ],
)
def test_sources_that_do_not_fit_the_features_are_no_encoding(mapping: dict[str, Any], words: str | None) -> None:
    if words is None:
        assert DatasetEncoding.from_mapping(mapping).to_mapping() == mapping
        return
    with pytest.raises(FormatError, match=words):
        DatasetEncoding.from_mapping(mapping)


def test_a_category_s_features_are_from_0_to_1() -> None:
    mapping: dict[str, Any] = encoding().to_mapping()
    features = [{**own, "high": "2.0"} if own["name"] == "city=NY" else own for own in mapping["features"]]
    with pytest.raises(FormatError, match="features of categories are from 0 to 1"):
        DatasetEncoding.from_mapping({**mapping, "features": features})


def test_a_source_s_column_is_no_other_feature_or_key() -> None:
    with pytest.raises(ParameterError, match="its name is that of another column, too"):
        encoding(keys=("city",))
    own = Declared.of({"c": {"categories": ["a", "b"]}})
    bounds = {**own.bounds, "c": (0.0, 1.0)}
    with pytest.raises(ParameterError, match="its name is that of another column, too"):
        DatasetEncoding.from_data(np.eye(2), [0, 1], ["c=b", "c"], bounds=bounds, sources=own.sources)


def test_a_missing_number_is_canonical() -> None:
    assert NumberSource(column="c", missing=-0.0).to_mapping()["missing"] == "0.0"
