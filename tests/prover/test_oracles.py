"""Ids, labels and columns of files as pandas and pyarrow have them, whoever wrote the file."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.statements.ids import identify
from zkunlearn.errors import DataError
from zkunlearn.models.encoding.cells import is_gap, number
from zkunlearn.prover.tables.id_lists import read_id_list
from zkunlearn.prover.tables.read import RawTable, read_table

LETTERS = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))
NAMES = st.text(LETTERS, min_size=1, max_size=6).filter(lambda text: text.strip() != "")
IDS = st.lists(NAMES | st.integers(0, 99).map("{:03}".format), min_size=2, max_size=8, unique=True)
WHOLE = st.lists(st.integers(-(2**70), 2**70), min_size=2, max_size=8, unique=True)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
Write = Callable[[pa.Table, Path], object]
WRITERS: dict[str, Write] = {
    "parquet": lambda table, path: pa.parquet.write_table(table, path, row_group_size=3),
    "feather": lambda table, path: pa.feather.write_feather(table, str(path), chunksize=3),
    "arrow": lambda table, path: pl.DataFrame(table).write_ipc(path),
}
TEXT_TYPES = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.uint8(), pa.string())]


def usable(text: str) -> bool:
    """Whether it can be a class: something, and no number that is none."""
    return not is_gap(text) and text == text.strip() and math.isfinite(number(text) or 0)


def identified(values: list[Any]) -> Any:
    """The texts of ids, one by one; or the row of the first that is none, or that is there twice."""
    seen: dict[str, int] = {}
    for row, value in enumerate(values):
        try:
            name = identify(value)
        except DataError:
            return row
        seen.setdefault(name, row)
    twice = [row for row, value in enumerate(values) if seen[identify(value)] != row]
    return twice[0] if twice else tuple(seen)


def outcome(read: Callable[[Path], RawTable], path: Path) -> Any:
    try:
        return read(path).ids
    except DataError as error:
        return error.row


@settings(max_examples=40)
@given(IDS, st.sampled_from(sorted(WRITERS)), st.sampled_from(TEXT_TYPES))
def test_texts_in_a_file_are_the_ids_that_pyarrow_reads(names: list[str], end: str, kind: Any) -> None:
    column = pa.array(names, pa.string()).cast(kind) if kind != pa.string_view() else pa.array(names, kind)
    if end == "parquet" and kind == pa.string_view():
        column = pa.array(names, pa.string())
    table = pa.table({"id": column, "x": [*range(len(names))], "y": [0.5 * k for k in range(len(names))]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"t.{end}"
        WRITERS[end](table, path)
        expected = table["id"].to_pylist()
        assert outcome(lambda own: read_table(own, "y", "id"), path) == identified(expected)
        assert read_id_list(path, "id") == tuple(expected)


@settings(max_examples=30)
@given(st.data(), st.sampled_from(sorted(WRITERS)))
def test_integers_of_any_width_are_the_ids_that_pyarrow_reads(data: st.DataObject, end: str) -> None:
    kind = data.draw(st.sampled_from(["int8", "uint8", "int16", "uint32", "int64", "uint64"]))
    limits = np.iinfo(kind)
    own = data.draw(st.lists(st.integers(limits.min, limits.max), min_size=2, max_size=8, unique=True))
    table = pa.table({"id": pa.array(own, kind), "x": [*range(len(own))], "y": [0.5 * k for k in range(len(own))]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"t.{end}"
        WRITERS[end](table, path)
        assert read_table(path, "y", "id").ids == tuple(map(str, own)) == read_id_list(path, "id")


@settings(max_examples=40)
@given(IDS, st.sampled_from([",", ";", "\t"]))
def test_a_csv_of_pandas_has_the_ids_that_pandas_reads(names: list[str], delimiter: str) -> None:
    frame = pd.DataFrame({"id": names, "x": range(len(names)), "y": [0.5 * k for k in range(len(names))]})
    text = frame.to_csv(index=False, sep=delimiter, lineterminator="\n")
    expected = pd.read_csv(io.StringIO(text), sep=delimiter, dtype={"id": str}, keep_default_na=False)["id"].tolist()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(text, newline="")
        found = outcome(lambda own: read_table(own, "y", "id"), path)
        wanted = identified(expected)
        assert found == wanted or (isinstance(wanted, int) and not isinstance(found, tuple))


@settings(max_examples=40)
@given(st.lists(st.tuples(NUMBERS, WHOLE.map(lambda own: own[0] % 2**50), st.booleans()), min_size=2, max_size=8))
def test_numbers_of_a_csv_are_those_that_pandas_reads(rows: list[tuple[float, int, bool]]) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b", "c"]).assign(y=[0.5 * k for k in range(len(rows))])
    text = frame.to_csv(index=False)
    again = pd.read_csv(io.StringIO(text), dtype={"a": str}).assign(a=lambda own: own["a"].map(float))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(text)
        table = read_table(path, "y")
    assert table.X.tolist() == again[["a", "b", "c"]].astype(float).to_numpy().tolist()
    assert table.y is not None and table.y.tolist() == again["y"].tolist()


@settings(max_examples=40)
@given(st.lists(NAMES.filter(usable), min_size=2, max_size=6, unique=True))
def test_classes_of_a_file_are_the_texts_that_pyarrow_reads(classes: list[str]) -> None:
    labels = [classes[k % len(classes)] for k in range(12)]
    table = pa.table({"x": [*range(12)], "y": labels})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        WRITERS["parquet"](table, path)
        found = read_table(path, "y").y
    assert found is not None
    expected = table["y"].to_pylist()
    assert found.tolist() == (expected if found.dtype.kind == "U" else [float(text) for text in expected])
