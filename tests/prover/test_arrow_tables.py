"""Arrow's files and streams come in as Parquet does, batch by batch, or are refused in one line that says where."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import DataError
from zkunlearn.prover.kernels import storage
from zkunlearn.prover.tables import arrow_tables, raw_table, record_batches
from zkunlearn.prover.tables.csv_format import CsvFormat
from zkunlearn.prover.tables.raw_table import MAX_TEXT, PIECE_ROWS
from zkunlearn.prover.tables.read import read_features, read_more_rows, read_table, survey_table

ROWS, LITTLE, SMALL_FILE = 100_000, 1 << 20, 1 << 14
Table = Any


def as_file(table: Table, path: Path, rows: int | None = None, **options: Any) -> Path:
    with pyarrow.ipc.new_file(path, table.schema, **options) as writer:
        writer.write_table(table, rows)
    return path


def as_stream(table: Table, path: Path, rows: int | None = None, **options: Any) -> Path:
    with pyarrow.ipc.new_stream(path, table.schema, **options) as writer:
        writer.write_table(table, rows)
    return path


def as_feather(table: Table, path: Path) -> Path:
    pyarrow.feather.write_feather(table, path, compression="zstd")
    return path


def as_parquet(table: Table, path: Path) -> Path:
    pyarrow.parquet.write_table(table, path)
    return path


WRITERS = (as_file, as_stream, as_feather)
ENDS = {as_file: "t.arrow", as_stream: "t.ipc", as_feather: "t.feather"}


def every(folder: Path, columns: dict[str, Any]) -> list[Path]:
    table = pyarrow.table(columns)
    return [write(table, folder / ENDS[write]) for write in WRITERS]


def refusal(path: Path, target: str = "y", id_column: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path, target, id_column)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


# What comes in -------------------------------------------------------------------------------------------------------


def test_files_streams_and_feather_give_the_table_that_parquet_does(tmp_path: Path) -> None:
    columns = {
        "id": ["b", "a", "ż"],
        "age": pyarrow.array([30, 40, 50], pyarrow.int8()),
        "well": [True, False, True],
        "income": pyarrow.array(["1.50", "-2.00", "300.00"]).cast(pyarrow.decimal128(9, 2)),
        "sick": ["yes", "no", "no"],
    }
    expected = read_table(as_parquet(pyarrow.table(columns), tmp_path / "t.parquet"), "sick", "id")
    assert expected.X.tolist() == [[30, 1, 1.5], [40, 0, -2], [50, 1, 300]]
    for path in every(tmp_path, columns):
        table = read_table(path, "sick", "id")
        assert table.X.dtype == np.float64 and table.X.tolist() == expected.X.tolist()
        assert table.y.tolist() == expected.y.tolist() and (table.ids, table.names) == (expected.ids, expected.names)


@given(
    st.lists(st.tuples(st.integers(-(1 << 40), 1 << 40), st.floats(-1e9, 1e9), st.booleans()), min_size=2, max_size=20),
    st.sampled_from(WRITERS),
    st.integers(1, 5),
)
def test_pyarrow_reads_the_same_numbers_however_they_are_cut(rows: list[Any], write: Any, size: int) -> None:
    import tempfile

    whole, fraction, truth = zip(*rows, strict=True)
    table = pyarrow.table({"a": whole, "b": fraction, "c": truth, "y": list(range(len(rows)))})
    with tempfile.TemporaryDirectory() as folder:
        more = {} if write is as_feather else {"rows": size}
        found = read_table(write(table, Path(folder) / "t.arrow", **more), "y")
    assert found.X.tolist() == [list(map(float, row)) for row in rows]


def test_large_texts_and_views_are_texts(tmp_path: Path) -> None:
    ids = ["a" * 30, "b", "c"]
    for kind in (pyarrow.large_string(), pyarrow.string_view()):
        own = {"id": pyarrow.array(ids, kind), "x": [1, 2, 3], "y": pyarrow.array(["u", "v", "u"], kind)}
        table = read_table(as_file(pyarrow.table(own), tmp_path / "t.arrow"), "y", "id")
        assert table.ids == tuple(ids) and table.y.tolist() == ["u", "v", "u"]


def test_the_index_of_pandas_names_rows(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"x": [1.0, 2, 3], "y": [0, 1, 0]}, index=pandas.Index(["a", "b", "c"], name="person"))
    path = as_file(pyarrow.Table.from_pandas(frame), tmp_path / "t.arrow")
    table = read_table(path, "y")
    assert (table.ids, table.names) == (("a", "b", "c"), ("x",))
    assert read_table(as_file(pyarrow.Table.from_pandas(frame.reset_index()), path), "y", "person").ids == (
        "a",
        "b",
        "c",
    )
    frame.index = pandas.MultiIndex.from_tuples([(1, 2), (1, 3), (2, 2)], names=["i", "j"])
    assert "the index of the frame has 2 columns" in refusal(as_file(pyarrow.Table.from_pandas(frame), path))


@pytest.mark.parametrize("write", WRITERS)
def test_only_columns_that_are_asked_for_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]
) -> None:
    """Of others not even their offsets are looked at."""
    table = pyarrow.table({"x": [1.0, 2], "notes": [["a"], ["b"]], "more": ["u", "v"], "y": [0, 1]})
    path, seen = write(table, tmp_path / "t.arrow"), []
    real = record_batches._read

    def noted(arrow: Any, own: Any, *rest: Any) -> Any:
        batches = own.batches
        own.batches = lambda *names: (seen.append(batch.schema.names) or batch for batch in batches(*names))
        return real(arrow, own, *rest)

    monkeypatch.setattr(record_batches, "_read", noted)
    assert read_table(path, "y", features=["x"]).X.tolist() == [[1], [2]]
    assert [sorted(names) for names in seen] == [["x", "y"]]


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_that_cannot_be_mapped_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]
) -> None:
    path = write(pyarrow.table({"x": [1.0, 2], "y": [0, 1]}), tmp_path / "t.arrow")

    def unmappable(*arguments: Any, **options: Any) -> Any:
        raise OSError("no such device")

    monkeypatch.setattr(arrow_tables.mmap, "mmap", unmappable)
    assert read_table(path, "y").X.tolist() == [[1], [2]]


def test_what_is_not_compressed_takes_no_memory_but_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is compressed a batch is unpacked at a time."""
    values = np.random.default_rng(3).normal(size=ROWS)
    table, batch = pyarrow.table({"x": values, "y": np.arange(ROWS) % 2}), 1 << 13
    plain = as_file(table, tmp_path / "plain.arrow")
    packed = as_file(table, tmp_path / "p.arrow", batch, options=pyarrow.ipc.IpcWriteOptions(compression="zstd"))
    before, taken = pyarrow.total_allocated_bytes(), []
    real = record_batches.Growing.append

    def noted(own: Any, rows: Any) -> None:
        taken.append(pyarrow.total_allocated_bytes() - before)
        real(own, rows)

    monkeypatch.setattr(record_batches.Growing, "append", noted)
    most = {}
    for path in (plain, packed):
        taken.clear()
        assert np.array_equal(read_table(path, "y").X[:, 0], values)
        most[path] = max(taken)
    assert most[plain] < 8 * 8 * PIECE_ROWS < 8 * ROWS
    assert most[packed] < most[plain] + 3 * 2 * 8 * batch < 2 * 8 * ROWS


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"x": [1.0, None], "y": [0, 1]}, ["row 2", "'x'", "empty"]),
        ({"x": [1.0, float("nan")], "y": [0, 1]}, ["row 2", "'x'", "empty"]),
        ({"x": [1.0, float("inf")], "y": [0, 1]}, ["row 2", "'x'", "inf is not a finite number"]),
        ({"x": ["1", "2"], "y": [0, 1]}, ["'x'", "string, not numbers"]),
        ({"x": [1, 2], "y": [0, None]}, ["row 2", "'y'", "empty"]),
        ({"x": [1, 2], "y": [[0], [1]]}, ["'y'", "holds list<", "not a value for each row"]),
        ({"x": [1, 2], "y": [0, 1], "k": ["a", "a"]}, ["row 2", "'k'", "also that of row 1"]),
        ({"x": [1, 2], "y": [0, 1], "k": ["a", None]}, ["row 2", "'k'", "id is empty"]),
        ({"x": [1, 2], "y": [0, 1], "k": [1.0, 2.0]}, ["row 1", "'k'", "float is not an id"]),
        ({"x": [1, 2], "z": [0, 1]}, ["no column 'y'"]),
        ({"y": [1, 2]}, ["no feature column"]),
        ({"x": [1], "y": [1]}, ["only one row"]),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(tmp_path: Path, columns: dict[str, Any], found: list[str]) -> None:
    for path in every(tmp_path, columns):
        message = refusal(path, "y", "k" if "k" in columns else None)
        assert all(part in message for part in found), message


def test_bytes_that_are_no_arrow_file_are_refused(tmp_path: Path) -> None:
    table = pyarrow.table({"x": [1, 2], "y": [0, 1]})
    for write in (as_file, as_stream):
        path = write(table, tmp_path / "t.arrow")
        whole = path.read_bytes()
        for content in (
            b"ARROW1",
            b"\xff\xff\xff\xff",
            whole[: len(whole) // 2],
            whole[:40] + b"\xff" * 40,
            b"id,x,y\n",
        ):
            path.write_bytes(content)
            assert "not an Arrow file that can be read" in refusal(path)


def test_offsets_that_lead_out_of_a_batch_are_not_followed(tmp_path: Path) -> None:
    """pyarrow would: the text of another place in memory, or a crash."""
    path = as_stream(pyarrow.table({"id": ["a" * 7, "b"], "x": [1.5, 2.5], "y": [0, 1]}), tmp_path / "t.arrow")
    whole, ends = path.read_bytes(), np.array([0, 7, 8], "<i4").tobytes()
    assert whole.count(ends) == 1
    path.write_bytes(whole.replace(ends, np.array([0, 7, 1 << 20], "<i4").tobytes()))
    assert "not an Arrow file that can be read (In column 0: Invalid" in refusal(path, "y", "id")


def test_version_1_of_feather_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "t.feather"
    path.write_bytes(b"FEA1" + bytes(40) + b"FEA1")
    assert "a Feather file of version 1; write it again as version 2" in refusal(path)


def test_a_missing_pyarrow_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_file(pyarrow.table({"x": [1, 2], "y": [0, 1]}), tmp_path / "t.arrow")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "reading an Arrow file needs pyarrow: pip install 'zkunlearn[parquet]'" in refusal(path)


@pytest.mark.parametrize("write", WRITERS)
def test_a_table_beyond_memory_is_refused_unread_or_in_a_stream_as_soon_as_it_is(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pyarrow.table({f"x{k}": np.zeros(ROWS) for k in range(4)} | {"y": np.ones(ROWS)})
    path, appended = write(table, tmp_path / "t.arrow"), []
    monkeypatch.setattr(raw_table, "memory", lambda: LITTLE)
    real = record_batches.Growing.append
    monkeypatch.setattr(
        record_batches.Growing, "append", lambda own, rows: (appended.append(len(rows)), real(own, rows))
    )
    assert "it takes" in (message := refusal(path)) and "at most 1,048,576 may be held" in message
    assert sum(appended) == 0 or (write is as_stream and sum(appended) < ROWS // 4)
    monkeypatch.setattr(raw_table, "MAX_CELLS_BITS", 10)
    assert "can be committed" in refusal(path)


def test_features_of_a_stream_count_only_where_they_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pyarrow.table({f"x{k}": np.zeros(1000) for k in range(400)} | {"y": np.ones(1000)})
    path = as_stream(table, tmp_path / "t.arrow")
    monkeypatch.setattr(storage, "LEAST_MEMORY", LITTLE)
    with storage.memory_limit(LITTLE, tmp_path):
        assert read_table(path, "y").X.shape == (1000, 400)


@pytest.mark.parametrize("column", ["y", "id"])
def test_long_texts_are_refused_and_texts_of_many_rows_are_there_once(tmp_path: Path, column: str) -> None:
    own: dict[str, Any] = {
        "id": [str(row) for row in range(PIECE_ROWS)],
        "x": np.ones(PIECE_ROWS),
        "y": ["a", "b"] * (PIECE_ROWS // 2),
    }
    table = read_table(as_file(pyarrow.table(own), tmp_path / "t.arrow"), "y", "id")
    assert len(table.ids) == PIECE_ROWS
    own[column] = [*own[column][1:], "a" * (MAX_TEXT + 1)]
    for path in every(tmp_path, own):
        assert f"column '{column}': holds texts of more than {MAX_TEXT} characters" in refusal(path, "y", "id")


# Columns that list their values --------------------------------------------------------------------------------------


def listed(values: list[Any], of: list[Any], kind: Any = None) -> pyarrow.DictionaryArray:
    places = pyarrow.array([None if value is None else of.index(value) for value in values], pyarrow.int8())
    return pyarrow.DictionaryArray.from_arrays(places, pyarrow.array(of, kind))


GRADES, TOWNS, TRUTHS = [3, 1, 3, None], ["LA", "NY", "LA", "NY"], [True, False, True, True]
CATEGORIES = {
    "grade": listed(GRADES, [5, 3, 1]),
    "town": listed(TOWNS, ["NY", "LA", "SF"]),
    "smokes": listed(TRUTHS, [False, True]),
    "x": [1.0, 2, 3, 4],
    "y": [0, 1, 1, 0],
}


def both(folder: Path, columns: dict[str, Any]) -> list[Path]:
    return [as_parquet(pyarrow.table(columns), folder / "t.parquet"), *every(folder, columns)]


def test_a_survey_sees_the_values_that_a_column_lists_in_their_order(tmp_path: Path) -> None:
    """Parquet knows such lists of texts alone, and of others that there was one."""
    for path in both(tmp_path, CATEGORIES):
        grade, town, smokes, x = survey_table(path, "y")[0]
        assert grade.categories == (["1", "3"] if path.suffix == ".parquet" else ["5", "3", "1"])
        assert grade.counts["missing"] == 1
        assert town.categories == ["NY", "LA", "SF"] and smokes.categories == ["False", "True"]
        assert not x.listed and all(own.declarable for own in (grade, town, smokes, x))


def test_floats_and_times_that_are_listed_are_what_they_are(tmp_path: Path) -> None:
    days = pyarrow.array([0, 366, 0, 366], pyarrow.int32()).cast(pyarrow.date32()).dictionary_encode()
    columns = {"f": listed([1.0, 2.0, 1.0, 1.0], [1.0, 2.0]), "t": days, "y": [0, 1, 1, 0]}
    for path in both(tmp_path, columns):
        f, t = survey_table(path, "y")[0]
        assert (f.kinds, t.kinds) == ({"number"}, {"time"}) and not f.listed and not t.listed


def test_a_list_of_too_many_values_is_no_column_of_categories(tmp_path: Path) -> None:
    columns = {"n": listed([1, 2, 1, 1], list(range(100))), "x": [1, 2, 3, 4], "y": [0, 1, 1, 0]}
    for path in both(tmp_path, columns):
        n, _ = survey_table(path, "y")[0]
        assert n.declarable == (path.suffix == ".parquet") and len(n.categories) in (2, 65)


@pytest.mark.parametrize("name", ["grade", "town", "smokes"])
def test_categories_are_never_numbers_unless_they_are_declared_so(tmp_path: Path, name: str) -> None:
    columns = {name: CATEGORIES[name], "x": CATEGORIES["x"], "y": CATEGORIES["y"]}
    for path in both(tmp_path, columns):
        message = refusal(path)
        assert f"column '{name}': holds categories; declare which there are, in a bounds file: " in message
        assert f'"{name}" = {{categories = [..]}}, which suggest-bounds writes' in message
    if name != "town":
        columns[name] = columns[name].fill_null(columns[name][0])
        for path in both(tmp_path, columns):
            found = read_table(path, "y", numbers=[name])
            assert found.X[:, 0].tolist() == [float(value) for value in columns[name].to_pylist()]


def test_labels_of_a_column_that_lists_them_are_classes_and_not_amounts(tmp_path: Path) -> None:
    own = {"x": [1, 2, 3, 4], "y": listed([1, 2, 3, 3], [1, 2, 3]), "z": [1, 2, 3, 3]}
    for path in both(tmp_path, own):
        table = read_table(path, "y", features=["x"])
        assert table.label_kind == "categorical" and table.bounded_labels is None
        table = read_table(path, "z", features=["x"])
        assert table.label_kind is None and table.bounded_labels is not None


def test_a_data_set_that_is_there_says_what_columns_are(tmp_path: Path) -> None:
    from zkunlearn.models.encoding.dataset import DatasetEncoding

    numbers = DatasetEncoding.from_data(np.array([[1.0], [3]]), [0, 1], ["grade"])
    for path in both(tmp_path, {"grade": listed([3, 1, 3, 1], [5, 3, 1]), "y": [0, 1, 1, 0]}):
        for found in (read_features(path, numbers), read_more_rows(path, numbers, "y")):
            assert found.X.tolist() == [[3], [1], [3], [1]]


# Standard input ------------------------------------------------------------------------------------------------------


def through_a_pipe(content: bytes, monkeypatch: pytest.MonkeyPatch, read: Callable[[], Any]) -> Any:
    """What `read` gives while standard input is a pipe, which gives a few bytes at a time."""
    own, other = os.pipe()

    def send() -> None:
        with os.fdopen(other, "wb", buffering=0) as file:
            try:
                for start in range(0, len(content), 997):
                    file.write(content[start : start + 997])
            except BrokenPipeError:  # nobody reads on
                pass

    sender = threading.Thread(target=send)
    with os.fdopen(own, "r") as file:
        monkeypatch.setattr(sys, "stdin", file)
        sender.start()
        try:
            return read()
        finally:
            monkeypatch.undo()
            file.buffer.close()
            sender.join()


def stream_of(table: Any, rows: int = 3, **options: Any) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema, **options) as writer:
        writer.write_table(table, rows)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_stream_on_standard_input_is_a_table(monkeypatch: pytest.MonkeyPatch, compression: str | None) -> None:
    columns = {"note": [["x"]] * 8, "id": [*"hgfedcba"], "x": [*range(8)], "y": pyarrow.array(["u", "v"] * 4)}
    table = pyarrow.table(columns)
    table = table.set_column(3, "y", table["y"].dictionary_encode())
    content = stream_of(table, options=pyarrow.ipc.IpcWriteOptions(compression=compression))
    found = through_a_pipe(content, monkeypatch, lambda: read_table("-", "y", "id", left_out=["note"]))
    assert (found.X.tolist(), "".join(found.ids)) == ([[float(k)] for k in range(8)], "hgfedcba")
    assert found.y.tolist() == ["u", "v"] * 4


def test_a_stream_in_a_file_on_standard_input_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s").write_bytes(stream_of(pyarrow.table({"x": [1.0, 2], "y": [0, 1]})))
    with (tmp_path / "s").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert read_table("-", "y").X.tolist() == [[1], [2]]


def test_a_stream_that_ends_in_the_middle_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = stream_of(pyarrow.table({"x": [*range(90)], "y": [0, 1] * 45}), rows=50)
    with pytest.raises(DataError, match="-: not an Arrow file that can be read"):
        through_a_pipe(content[:-300], monkeypatch, lambda: read_table("-", "y"))


@pytest.mark.parametrize("write", [as_file, as_parquet])
def test_a_file_that_is_read_from_its_end_cannot_come_through_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]
) -> None:
    content = write(pyarrow.table({"x": [1.0, 2], "y": [0, 1]}), tmp_path / "t").read_bytes()
    with pytest.raises(DataError, match="-: a Parquet or Arrow file, of which the end is read first: give its name"):
        through_a_pipe(content, monkeypatch, lambda: read_table("-", "y"))


def test_options_of_a_csv_are_refused_for_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    content = stream_of(pyarrow.table({"x": [1.0, 2], "y": [0, 1]}))
    with pytest.raises(DataError, match="are of CSV files"):
        through_a_pipe(content, monkeypatch, lambda: read_table("-", "y", written=CsvFormat(decimal=",")))
