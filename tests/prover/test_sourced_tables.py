"""Tables with categories, times and missing cells: the same from every kind of file and frame, and named when wrong."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import zkunlearn as zu
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.declared import Declared
from zkunlearn.prover.tables.arrays import as_known_features, as_table
from zkunlearn.prover.tables.cells import listed_label_kind
from zkunlearn.prover.tables.csv_format import CsvFormat
from zkunlearn.prover.tables.read import read_features, read_more_rows, read_table, survey_table

BOUNDS = {
    "age": {"low": 0, "high": 120, "missing": 60},
    "city": {"categories": ["LA", "NY", "SF"], "missing": "SF"},
    "since": (date(2000, 1, 1), date(2030, 1, 1)),
    "height": (1, 2),
}
SOURCES = Declared.of(BOUNDS).sources
NAMES = ("age", "city=NY", "city=SF", "since", "height")
ROWS = [
    (30, "NY", date(2000, 1, 2), 1.5),
    (None, "LA", date(2001, 1, 1), 1.75),
    (50, None, date(2020, 2, 29), 1.25),
    (41.5, "SF", date(2000, 1, 1), 2.0),
]
LABELS = ["no", "yes", "no", "yes"]
X = [[30, 1, 0, 1, 1.5], [60, 0, 0, 366, 1.75], [50, 0, 1, 7364, 1.25], [41.5, 0, 1, 0, 2]]


def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=list(BOUNDS)).astype({"age": float})


def written(folder: Path) -> list[Path]:
    """The same table in files of every kind that has texts."""
    whole = frame().assign(ill=LABELS)
    whole.to_csv(folder / "t.csv", index=False)
    whole.to_parquet(folder / "t.parquet", index=False)
    stamps = whole.assign(since=pd.to_datetime(whole["since"]), city=whole["city"].astype("category"))
    stamps.to_parquet(folder / "stamps.parquet", index=False)
    stamps.to_feather(folder / "t.feather")
    return [folder / name for name in ("t.csv", "t.parquet", "stamps.parquet", "t.feather")]


def encoding() -> DatasetEncoding:
    own = Declared.of(BOUNDS)
    return DatasetEncoding.from_data(X, LABELS, NAMES, bounds=own.bounds, sources=own.sources)


def test_every_kind_of_file_has_the_same_features(tmp_path: Path) -> None:
    for path in written(tmp_path):
        for table in (
            read_table(path, "ill", sources=SOURCES),
            read_features(path, encoding(), "ill"),
            read_more_rows(path, encoding(), "ill"),
        ):
            assert table.names == NAMES and table.X.tolist() == X
            assert table.y is not None and table.y.tolist() == LABELS


def test_every_kind_of_frame_has_the_same_features() -> None:
    whole = frame()
    frames = [
        whole,
        whole.astype({"age": "Float64", "city": "category"}),
        whole.assign(since=pd.to_datetime(whole["since"])),
        whole.assign(since=pd.to_datetime(whole["since"]).dt.tz_localize("UTC")),
        whole.assign(since=whole["since"].map(str)),
        pa.Table.from_pandas(whole),
    ]
    for own in frames:
        table = as_table(own, LABELS, None, None, sources=SOURCES)
        assert table.names == NAMES and table.X.tolist() == X
        assert as_known_features(own, encoding()).tolist() == X
    turned = whole[["since", "height", "city", "age"]]
    assert as_known_features(turned, encoding()).tolist() == X
    assert as_table(whole.to_numpy(), LABELS, None, list(BOUNDS), sources=SOURCES).X.tolist() == X


def test_an_array_has_features_by_position_and_its_missing_numbers_are_filled() -> None:
    features = np.array(X)
    features[1, 0] = np.nan
    assert as_known_features(features, encoding()).tolist() == X
    assert as_table(features, LABELS, None, list(NAMES), sources=SOURCES).X.tolist() == X
    features[1, 4] = np.nan
    with pytest.raises(zu.DataError, match="row 2, column 'height'"):
        zu.commit(features, LABELS, names=NAMES, bounds=BOUNDS)


def test_missing_numbers_of_an_npz_are_filled(tmp_path: Path) -> None:
    numbers = np.array([[1.0, np.nan], [np.nan, 2.0], [3.0, 4.0]])
    np.savez(tmp_path / "t.npz", X=numbers, y=[0, 1, 1], names=["a", "b"])
    both = Declared.of({"a": {"low": 0, "high": 9, "missing": 7}, "b": {"low": 0, "high": 9, "missing": 8}})
    assert read_table(tmp_path / "t.npz", "y", sources=both.sources).X.tolist() == [[1, 8], [7, 2], [3, 4]]
    one = Declared.of({"a": {"low": 0, "high": 9, "missing": 7}})
    with pytest.raises(zu.DataError, match="row 1, column 'b'"):
        read_table(tmp_path / "t.npz", "y", sources=one.sources)
    classes = Declared.of({"b": {"categories": [2, 4], "missing": 4}, "a": {"low": 0, "high": 9, "missing": 7}})
    assert read_table(tmp_path / "t.npz", "y", sources=classes.sources).X.tolist() == [[1, 1], [7, 0], [3, 1]]


def test_missing_cells_that_do_not_count_are_all_counted_at_once(tmp_path: Path) -> None:
    bounds = {**BOUNDS, "city": {"categories": ["LA", "NY", "SF"]}, "age": (0, 120)}
    sources = Declared.of(bounds).sources
    for path, row in zip(written(tmp_path), ("line 3", "row 3", "row 3", "row 3"), strict=True):
        with pytest.raises(zu.DataError) as caught:
            read_table(path, "ill", sources=sources)
        message = str(caught.value)
        assert (
            "of 4 rows values are missing: 1 in 'age', 1 in 'city'" in message or "1 in 'city', 1 in 'age'" in message
        )
        assert "missing = .." in message and (row in message or "row 2" in message)
    with pytest.raises(zu.DataError, match="row 3, column 'city': the cell is empty"):
        as_table(frame(), LABELS, None, None, sources=Declared.of({**bounds, "age": BOUNDS["age"]}).sources)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"city": "Rome"}, "'Rome' is none of the categories 'LA', 'NY', 'SF'"),
        ({"since": "02.01.2000"}, "'02.01.2000' is no time like 2024-12-31"),
        ({"age": "old"}, "'old' is not a number"),
    ],
)
def test_a_cell_that_is_none_of_its_column_s_is_named_by_line(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    whole = frame().assign(ill=LABELS).astype(object)
    ((name, value),) = change.items()
    whole.loc[2, name] = value
    whole.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(zu.DataError) as caught:
        read_table(tmp_path / "t.csv", "ill", sources=SOURCES)
    assert f"line 4, column '{name}': {words}" in str(caught.value)


def test_what_is_declared_of_no_column_is_refused() -> None:
    with pytest.raises(zu.ParameterError, match="there is no column 'town' that needs them"):
        zu.commit(frame(), LABELS, bounds={**BOUNDS, "town": {"categories": ["a", "b"]}})
    with pytest.raises(zu.ParameterError, match="X has none, and columns are declared by name"):
        zu.commit(np.array(X)[:, :2].tolist(), LABELS, bounds={"c": {"categories": ["a", "b"]}})
    with pytest.raises(zu.ParameterError, match="that needs them"):
        zu.commit(frame(), LABELS, bounds={**BOUNDS, "label": {"categories": ["no", "yes"]}})


def test_a_frame_is_committed_predicted_on_and_continued_by_its_columns() -> None:
    many = pd.concat([frame()] * 4, ignore_index=True)
    labels = LABELS * 4
    dataset = zu.commit(many, labels, bounds=BOUNDS)
    assert dataset.statement.encoding == encoding()
    trained = zu.prove(dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.1))
    assert trained.model.predict(frame()).tolist() == trained.model.predict(np.array(X)).tolist()
    proved = zu.prove_predictions(trained.model, frame())
    assert zu.verify_predictions(proved, frame(), trained.proof) > 100
    assert zu.verify_predictions(proved, np.array(X), trained.proof) > 100
    with pytest.raises(zu.StatementMismatch, match="other inputs"):
        zu.verify_predictions(proved, frame().assign(city="LA"), trained.proof)
    more, link = zu.append(dataset, frame(), LABELS)
    assert link.statement.added == 4 and more.statement.encoding == encoding()
    with pytest.raises(zu.DataError, match="row 1, column 'city': 'Rome' is none"):
        zu.append(dataset, frame().assign(city="Rome"), LABELS)


CELLS = st.one_of(
    st.none(), st.floats(-50, 200).map(lambda value: round(value, 3)), st.integers(-50, 200), st.just(float("nan"))
)


@given(st.lists(st.tuples(CELLS, st.sampled_from(["LA", "NY", "SF", None])), min_size=2, max_size=9))
def test_pandas_fills_and_tells_categories_alike(rows: list[tuple[Any, Any]]) -> None:
    own = pd.DataFrame(rows, columns=["age", "city"])
    sources = [source for source in SOURCES if source.column in own.columns]
    found = as_table(own, [0] * len(own), None, None, sources=sources).X
    expected = pd.get_dummies(own["city"].astype(pd.CategoricalDtype(["LA", "NY", "SF"])).fillna("SF"), dtype=float)
    assert found[:, 0].tolist() == own["age"].astype(float).fillna(60).tolist()
    assert found[:, 1:].tolist() == expected[["NY", "SF"]].to_numpy().tolist()


@given(st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2080, 1, 1)), min_size=2, max_size=9))
def test_pandas_and_arrow_count_days_alike(times: list[datetime]) -> None:
    source = [own for own in SOURCES if own.column == "since"]
    stamps = pd.Series(pd.to_datetime(times))
    expected = ((stamps - pd.Timestamp(2000, 1, 1)) / pd.Timedelta(days=1)).to_numpy()
    for own in (pd.DataFrame({"since": stamps}), pa.table({"since": pa.array(times, pa.timestamp("us"))})):
        found = as_table(own, [0] * len(times), None, None, sources=source).X[:, 0]
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-11)


# Looking at a table ---------------------------------------------------------------------------------------------------


def test_a_survey_sees_numbers_times_texts_and_gaps_in_every_kind_of_file(tmp_path: Path) -> None:
    for path in written(tmp_path):
        seen, table = survey_table(path, "ill")
        age, city, since, height = seen
        assert [own.column for own in seen] == list(BOUNDS) and table.y is not None
        assert age.kinds == {"number"} and age.extremes["number"] == (30.0, 50.0) and age.counts["missing"] == 1
        assert city.kinds == {"text"} and city.texts == {"LA", "NY", "SF"} and city.counts["missing"] == 1
        assert since.kinds == {"time"} and since.extremes["time"][1] == datetime(2020, 2, 29)
        assert height.kinds == {"number"} and all(own.declarable for own in seen)


@pytest.mark.parametrize(
    "values", [[1, 2, 3, 1], [True, False, True, True], ["a", "b", "c", "a"], [1.5, 2.5, 1.5, 2.5]]
)
def test_a_categorical_column_of_a_frame_is_refused_unless_it_is_declared(values: list[Any]) -> None:
    plain = pd.DataFrame({"grade": values, "x": [1.0, 2, 3, 4]})
    whole = plain.astype({"grade": "category"})
    arrow = pa.Table.from_pandas(whole)
    of_arrow = whole.astype({"grade": pd.ArrowDtype(arrow.schema.field("grade").type)})
    for own in (whole, of_arrow, arrow):
        for bounds in (None, {"x": (0, 9)}):
            with pytest.raises(zu.DataError) as caught:
                zu.commit(own, [0, 1, 0, 1], bounds=bounds)
            assert "column 'grade': holds categories; declare which there are: bounds={.., 'grade': " in str(
                caught.value
            )
        if isinstance(values[0], float):
            continue
        declared = {"grade": {"categories": sorted({*values})}, "x": (0, 9)}
        table = as_table(own, LABELS, None, None, sources=Declared.of(declared).sources)
        assert table.names[0] == f"grade={sorted({*values})[1]}" and len(table.names) == len({*values})
    if not isinstance(values[0], str):
        found = as_table(whole, LABELS, None, None, declared=["grade"])
        assert found.X.tolist() == plain.astype(float).to_numpy().tolist()


def test_labels_that_are_a_categorical_column_are_classes() -> None:
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4, 5]})
    grades = pd.Series([1, 2, 3, 1, 2])
    assert zu.commit(frame, grades.astype("category")).statement.encoding.label.classes == ("1", "2", "3")
    two = pd.Series([1, 2, 2, 1, 2], dtype="category")
    assert [listed_label_kind(own) for own in (grades, grades.tolist(), two)] == [None] * 3


def test_a_survey_reads_numbers_as_the_file_writes_them(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a;b;y\n1,5;True;0\n2,25;False;1\n")
    (a, b), _ = survey_table(tmp_path / "t.csv", "y", written=CsvFormat(decimal=","))
    assert a.extremes["number"] == (1.5, 2.25) and b.extremes["number"] == (0.0, 1.0)


def test_a_column_of_many_texts_or_of_one_is_no_feature(tmp_path: Path) -> None:
    rows = "\n".join(f"note {i},same,,{i % 2}" for i in range(70))
    (tmp_path / "t.csv").write_text(f"note,one,none,y\n{rows}\n")
    seen, _ = survey_table(tmp_path / "t.csv", "y")
    assert [own.declarable for own in seen] == [False, False, False]


def test_a_survey_prints_nothing_of_rows(tmp_path: Path) -> None:
    seen, _ = survey_table(written(tmp_path)[0], "ill")
    assert not {"LA", "NY", "texts", "extremes"} & {*re.findall(r"\w+", repr(seen))}
