"""Owner's accidents: tables and lists either come in exactly, or are refused in one line that says where."""

from __future__ import annotations

import builtins
import io
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.errors import DataError
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.prover.tables.read import RawTable, read_bounds, read_digests, read_ids, read_table

GOOD = "id,age,income,sick\na,30,1.5,yes\nb,40,-2,no\nc,50,3e2,no\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refusal(path: Path, target: str = "sick", id_column: str | None = "id") -> str:
    with pytest.raises(DataError) as caught:
        read_table(path, target, id_column)
    message = str(caught.value)
    assert str(path) in message or "both the target" in message
    assert "\n" not in message
    return message


# --- CSV ----------------------------------------------------------------------------------------------------


def test_a_csv_comes_in_as_it_is(write: Callable[..., Path]) -> None:
    table = read_table(write(GOOD), "sick", "id")
    assert table.X.dtype == np.float64
    assert table.X.tolist() == [[30, 1.5], [40, -2], [50, 300]]
    assert table.y.tolist() == ["yes", "no", "no"]
    assert table.ids == ("a", "b", "c")
    assert table.names == ("age", "income")
    assert table.target == "sick"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace("age", '"age"').replace("30", '"30"'),
        lambda text: text.replace("30", " 30 "),
    ],
)
def test_spelling_of_a_csv_changes_nothing(write: Callable[..., Path], change: Callable[[str], str]) -> None:
    plain = read_table(write(GOOD), "sick", "id")
    changed = read_table(write(change(GOOD), "u.csv"), "sick", "id")
    assert changed.X.tolist() == plain.X.tolist()
    assert (changed.y.tolist(), changed.ids, changed.names) == (plain.y.tolist(), plain.ids, plain.names)


def test_columns_may_be_in_any_order_and_quoted_names_may_hold_commas(write: Callable[..., Path]) -> None:
    table = read_table(write('y,"size, mm",k\n1,2,a\n0,3,b\n'), "y", "k")
    assert table.names == ("size, mm",)
    assert table.y.tolist() == [1.0, 0.0]
    assert table.ids == ("a", "b")


def test_without_an_id_column_rows_are_numbered_from_one(write: Callable[..., Path]) -> None:
    assert read_table(write("x,y\n1,2\n3,4\n"), "y").ids == ("1", "2")


@pytest.mark.parametrize("names", [("Anna Meyer", "Żółć"), ("数据", "می‌خواهم"), ("a,b", 'c"d'), ("007", "7")])
def test_ids_may_be_in_any_script_and_have_spaces(write: Callable[..., Path], names: tuple[str, str]) -> None:
    rows = "".join('"{}",1,{}\n'.format(name.replace('"', '""'), k) for k, name in enumerate(names))
    assert read_table(write("id,x,y\n" + rows), "y", "id").ids == names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,30,1.5", ["line 2", "3 fields", "header has 4"]),
        ("a,30,1.5,yes,1", ["line 2", "5 fields"]),
        ("a,,1.5,yes", ["line 2", "'age'", "empty"]),
        ("a,  ,1.5,yes", ["line 2", "'age'", "empty"]),
        ("a,nan,1.5,yes", ["line 2", "'age'", "'nan' says that a value is missing"]),
        ("a,30,-inf,yes", ["line 2", "'income'", "not a finite number"]),
        ("a,30,1e999,yes", ["line 2", "'income'", "not a finite number"]),
        ("a,thirty,1.5,yes", ["line 2", "'age'", "'thirty' is not a number"]),
        ("a,1_000,1.5,yes", ["line 2", "'age'", "'1_000' is not a number"]),
        ("a,30,1.5,", ["line 2", "'sick'", "empty"]),
        ("a,30,1.5,NaN", ["line 2", "'sick'", "'NaN' says that a value is missing"]),
        (",30,1.5,yes", ["line 2", "'id'", "id is empty"]),
        ("c,30,1.5,yes", ["line 4", "'id'", "'c' is also that of line 2"]),
        ('"a\nb",30,1.5,yes', ["line 2", "'id'", "line break"]),
        ('"a,30,1.5,yes', ["line 2", "quoted field"]),
        ('"a"b,30,1.5,yes', ["line 2", "quoted field"]),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(write: Callable[..., Path], text: str, found: list[str]) -> None:
    content = f"id,age,income,sick\n{text}\nb,40,-2,yes\nc,50,3e2,no\n"
    message = refusal(write(content))
    assert all(part in message for part in found), message


def test_texts_are_classes_up_to_256_of_them(write: Callable[..., Path]) -> None:
    def rows(count: int) -> str:
        return "".join(f"{k},kind {k}\n" for k in range(count))

    table = read_table(write("x,kind\n" + rows(256)), "kind")
    assert table.y is not None and table.y.tolist() == [f"kind {k}" for k in range(256)]
    message = refusal(write("x,kind\n" + rows(257)), "kind", id_column=None)
    assert "'kind': 257 distinct values, categorical labels have at most 256" in message


def test_a_text_among_many_numbers_is_named_by_its_line(write: Callable[..., Path]) -> None:
    rows = "".join(f"{k},{k}.5\n" for k in range(300))
    message = refusal(write(f"x,price\n{rows}1,much\n{rows}"), "price", id_column=None)
    assert "line 302, column 'price': 'much' is not a number, as others are" in message


def test_lines_are_counted_right_after_a_cell_of_two_lines(write: Callable[..., Path]) -> None:
    message = refusal(write('x,"y\nz",sick\n1,2,0\n1,x,1\n'), id_column=None)
    assert "line 4" in message


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("id,age,age,sick", ["line 1", "columns 2 and 3", "'age'"]),
        ("id,,income,sick", ["line 1", "column 2 has no name"]),
        ("id,age,income,Sick", ["line 1", "no column 'sick'", "did you mean 'Sick'?"]),
        ("id,age,income,outcome", ["no column 'sick'", "columns are 'id', 'age', 'income', 'outcome'"]),
        ("ID,age,income,sick", ["no column 'id'", "did you mean 'ID'?"]),
        ("id;age;income;sick", ["line 2", "1 fields, but the header has 4"]),
    ],
)
def test_a_bad_header_is_explained(write: Callable[..., Path], header: str, found: list[str]) -> None:
    message = refusal(write(header + "\na,1,2,yes\nb,1,2,no\n"))
    assert all(part in message for part in found), message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "file is empty"),
        (b"\n\n", "no header"),
        (b"id,age,income,sick\n", "header, but no row"),
        (b"id,age,income,sick\na,1,2,1\n", "only one row"),
        (b"id,sick\na,1\nb,0\n", "no feature column"),
        (b"id,age,income,sick\na,1,2,\xff\n", "line 2: not UTF-8"),
        ("id,age,sick\n".encode("utf-16"), "header, but no row"),
        (b"\x89PNG\r\n\x1a\n", "line 1: not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(write: Callable[..., Path], content: bytes, found: str) -> None:
    assert found in refusal(write(content))


def test_a_missing_file_a_directory_and_an_unknown_kind_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "d.csv").mkdir()
    assert "no such file" in refusal(tmp_path / "none.csv")
    assert "directory" in refusal(tmp_path / "d.csv")
    assert "'.xls'" in refusal(write(GOOD, "t.xls"))


def test_the_target_cannot_be_the_id_column(write: Callable[..., Path]) -> None:
    assert "both the target and the ids" in refusal(write(GOOD), "sick", "sick")


@settings(max_examples=200)
@given(content=st.text(alphabet=st.sampled_from('ab1,"\n\r\t .-é\x00'), max_size=60))
def test_no_text_is_answered_with_anything_but_a_table_or_one_line(content: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(("a,b,1\n" + content).encode())
        try:
            table = read_table(path, "1", "a")
        except DataError as error:
            assert "\n" not in str(error)
        else:
            assert np.isfinite(table.X).all()
            assert len(table.X) == len(table.y) == len(set(table.ids))


# --- the other kinds ----------------------------------------------------------------------------------------


def parquet(path: Path, **columns: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def npz(path: Path, **arrays: Any) -> Path:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(buffer.getvalue())
    return path


def test_csv_parquet_and_npz_give_the_same_table(write: Callable[..., Path], tmp_path: Path) -> None:
    labels, ids, age, income = ["yes", "no", "no"], ["a", "b", "c"], [30, 40, 50], [1.5, -2.0, 300.0]
    tables = [
        read_table(write(GOOD), "sick", "id"),
        read_table(parquet(tmp_path / "t.parquet", id=ids, age=age, income=income, sick=labels), "sick", "id"),
        read_table(
            npz(tmp_path / "t.npz", X=np.array([age, income]).T, y=labels, ids=ids, names=["age", "income"]),
            "y",
            "ids",
        ),
    ]
    for table in tables[1:]:
        assert table.X.dtype == np.float64
        assert table.X.tolist() == tables[0].X.tolist()
        assert table.y.tolist() == tables[0].y.tolist()
        assert (table.ids, table.names) == (tables[0].ids, tables[0].names)


def test_numeric_labels_are_equal_whatever_their_type(write: Callable[..., Path], tmp_path: Path) -> None:
    for y in ([0, 1], [0.0, 1.0], [False, True], ["0", "1"]):
        assert read_table(parquet(tmp_path / "t.parquet", x=[1, 2], y=y), "y").y.tolist() == [0.0, 1.0]
        assert read_table(npz(tmp_path / "t.npz", X=[[1], [2]], y=y), "y").y.tolist() == [0.0, 1.0]


def test_an_npz_numbers_features_and_rows_that_have_no_names(tmp_path: Path) -> None:
    table = read_table(npz(tmp_path / "t.npz", X=np.eye(2), y=[0, 1]), "y")
    assert (table.names, table.ids) == (("x1", "x2"), ("1", "2"))


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"x": [1.0, None], "y": [0, 1]}, ["row 2", "'x'", "empty"]),
        ({"x": [1.0, float("nan")], "y": [0, 1]}, ["row 2", "'x'", "empty"]),
        ({"x": ["1", "2"], "y": [0, 1]}, ["'x'", "string, not numbers"]),
        ({"x": [1, 2], "y": [0, None]}, ["row 2", "'y'", "empty"]),
        ({"x": [1, 2], "y": [[0], [1]]}, ["'y'", "holds list<", "not a value for each row"]),
        ({"x": [1, 2], "y": [0, 1], "k": ["a", "a"]}, ["row 2", "'k'", "also that of row 1"]),
        ({"x": [1, 2], "y": [0, 1], "k": ["a", None]}, ["row 2", "'k'", "id is empty"]),
        ({"x": [1, 2], "y": [0, 1], "k": [1.0, 2.0]}, ["row 1", "'k'", "float is not an id"]),
        ({"x": [1, 2], "z": [0, 1]}, ["no column 'y'"]),
        ({"y": [1, 2]}, ["no feature column"]),
    ],
)
def test_a_bad_parquet_is_named_by_row_and_column(tmp_path: Path, columns: dict[str, Any], found: list[str]) -> None:
    path = parquet(tmp_path / "t.parquet", **columns)
    message = refusal(path, "y", "k" if "k" in columns else None)
    assert all(part in message for part in found), message


def test_bytes_that_are_no_parquet_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    whole = parquet(tmp_path / "t.parquet", x=[1, 2], y=[0, 1]).read_bytes()
    for content in (b"PAR1", whole[:-9], whole[:20] + b"\xff" * 40 + whole[60:], GOOD.encode()):
        refusal(write(content, "u.parquet"), "y", None)


def test_a_missing_pyarrow_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path / "t.parquet", x=[1, 2], y=[0, 1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'zkunlearn[parquet]'" in refusal(path, "y", None)


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"y": [0, 1]}, "no array 'X'"),
        ({"X": [[1], [2]], "Y": [0, 1]}, "no array 'y'; did you mean 'Y'?"),
        ({"X": [1, 2], "y": [0, 1]}, "'X' must be numbers (N, d)"),
        ({"X": [["a"], ["b"]], "y": [0, 1]}, "'X' must be numbers (N, d)"),
        ({"X": [[1j], [2j]], "y": [0, 1]}, "'X' must be numbers (N, d)"),
        ({"X": [[1], [2]], "y": [0, 1, 2]}, "'y' must be 2 numbers"),
        ({"X": [[1], [2]], "y": [[0], [1]]}, "'y' must be 2 numbers"),
        ({"X": [[1], [np.nan]], "y": [0, 1]}, "row 2, column 'x1': the cell is empty"),
        ({"X": [[1], [np.inf]], "y": [0, 1]}, "row 2, column 'x1': inf"),
        ({"X": [[1], [2]], "y": [0, np.nan]}, "row 2, column 'y': the cell is empty; leave such rows out"),
        ({"X": [[1], [2]], "y": [0, np.inf]}, "row 2, column 'y'"),
        ({"X": [[1], [2]], "y": [0, 1], "ids": ["a", "a"]}, "'a' is also that of row 1"),
        ({"X": [[1], [2]], "y": [0, 1], "ids": [0.5, 1.5]}, "'ids' must be 2 integers or texts"),
        ({"X": [[1, 2], [2, 3]], "y": [0, 1], "names": ["a"]}, "'names' must be 2 texts"),
        ({"X": [[1, 2], [2, 3]], "y": [0, 1], "names": ["a", "a"]}, "columns 1 and 2 are both named 'a'"),
        ({"X": np.zeros((2, 0)), "y": [0, 1]}, "'X' must be numbers (N, d), it is float64 2x0"),
        ({"X": [[1]], "y": [0]}, "only one row"),
        ({"X": np.zeros((0, 1)), "y": []}, "no row"),
    ],
)
def test_a_bad_npz_is_explained(tmp_path: Path, arrays: dict[str, Any], found: str) -> None:
    message = refusal(npz(tmp_path / "t.npz", **arrays), "y", None)
    assert found in message, message


def test_nothing_pickled_is_ever_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return builtins.exec, ("raise SystemExit('executed')",)

    path = npz(tmp_path / "t.npz", X=[[1], [2]], y=np.array([Bomb(), Bomb()], dtype=object))
    assert "not an .npz that can be read" in refusal(path, "y", None)


def test_only_the_arrays_that_are_needed_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one, or one of objects, may lie beside them."""
    path = npz(tmp_path / "t.npz", X=[[1], [2]], y=[0, 1], other=np.zeros(9), notes=np.array([{}], dtype=object))
    opened, real = set(), zipfile.ZipFile.open

    def noted(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *more: Any) -> Any:
        opened.add(info.filename)
        return real(archive, info, *more)

    monkeypatch.setattr(zipfile.ZipFile, "open", noted)
    assert read_table(path, "y").y.tolist() == [0, 1]
    assert opened == {"X.npy", "y.npy"}


@pytest.mark.parametrize(
    ("huge", "found"),
    [
        ({"y": np.zeros(1 << 24)}, "array 'y' must be 2 numbers"),
        ({"X": np.zeros(1 << 24)}, "array 'X' must be numbers (N, d)"),
        ({"names": np.zeros(1 << 23, "U1")}, "array 'names' must be 1 texts"),
        ({"ids": np.array(["a", "b" * (1 << 21)])}, "array 'ids' holds texts of more than 4096 characters"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_array_of_another_size_is_refused_before_it_is_unpacked(
    tmp_path: Path, huge: dict[str, Any], found: str
) -> None:
    path = tmp_path / "t.npz"
    np.savez_compressed(path, **{"X": np.array([[1], [2]]), "y": np.array([0, 1]), **huge})
    huge.clear()
    tracemalloc.start()
    try:
        assert found in refusal(path, "y", None)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_bytes_that_are_no_npz_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    whole = npz(tmp_path / "t.npz", X=[[1], [2]], y=[0, 1]).read_bytes()
    single = io.BytesIO()
    np.save(single, np.eye(2))
    for content in (b"PK\x03\x04", whole[:-30], GOOD.encode(), single.getvalue(), b"\x00"):
        refusal(write(content, "u.npz"), "y", None)


# --- lists and bounds ---------------------------------------------------------------------------------------


def test_bounds_come_from_one_section_of_pairs(write: Callable[..., Path]) -> None:
    path = write('[bounds]\nage = [0, 120]\n"size, mm" = [-1.5, 2e3]\n', "b.toml")
    assert read_bounds(path) == {"age": (0.0, 120.0), "size, mm": (-1.5, 2000.0)}


def test_bounds_may_name_the_map_in_a_line_or_in_a_table(write: Callable[..., Path]) -> None:
    line = '[bounds]\nage = [0, 120]\nincome = {low = 0, high = 2e9, map = "log1p"}\n'
    table = '[bounds]\nage = [0, 120]\n[bounds.income]\nlow = 0\nhigh = 2e9\nmap = "log1p"\n'
    for text in (line, table):
        assert read_bounds(write(text, "b.toml")) == {
            "age": (0.0, 120.0),
            "income": {"low": 0, "high": 2e9, "map": "log1p"},
        }


@pytest.mark.parametrize(
    "content",
    [
        "",
        "age = [0, 1]\n",
        "[bounds]\n",
        "[bounds]\nage = [0]\n",
        "[bounds]\nage = [0, 'a']\n",
        "[bounds]\nage = [0, true]\n",
        "[bounds]\nage = [0, nan]\n",
        "[bounds]\nage = [0, inf]\n",
        "[bounds]\nage = [2, 1]\n",
        "[bounds]\nage = 5\n",
        "[bounds]\nage = [0, 1, 'log1p']\n",
        "[bounds]\nage = {low = 0}\n",
        "[bounds]\nage = [0, 2020-01-01]\n",
        "[bounds]\nage = {categories = ['a', 'b'], low = 0}\n",
        "[bounds]\nage = {low = 0, high = 1, map = 1}\n",
        "[bounds]\nage = {low = 0, high = nan, map = 'log1p'}\n",
        "[bounds]\nage = {low = 0, high = '1', map = 'log1p'}\n",
        "[bounds]\nage = {low = 2, high = 1, map = 'log1p'}\n",
        "[bounds]\nage = {low = 0, high = 1, map = 'log1p', unit = 'a'}\n",
        "[bounds]\nage = [0, 1]\n[more]\n",
        "[bounds\n",
        "[bounds]\nage = [0, 1]\nage = [0, 1]\n",
        "[bounds]\nx = " + "[" * 5000 + "\n",
    ],
)
def test_what_are_no_bounds_is_refused(write: Callable[..., Path], content: str) -> None:
    with pytest.raises(DataError, match=r"b\.toml"):
        read_bounds(write(content, "b.toml"))


def test_ids_are_lines_taken_exactly(write: Callable[..., Path]) -> None:
    path = write("\ufeffa b\r\n\r\n数据\n  \nx\u2028y\n trailing \n", "ids.txt")
    assert read_ids(path) == ("a b", "数据", "x\u2028y", " trailing ")


def test_an_empty_list_of_ids_is_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="no id in it"):
        read_ids(write("\n \n", "ids.txt"))


def test_digests_are_hexadecimal_lines_with_comments(write: Callable[..., Path]) -> None:
    path = write(f"# forgotten\n\n{'ab' * 32}  # Anna\n{'CD' * 32}\n", "d.txt")
    assert read_digests(path) == (b"\xab" * 32, b"\xcd" * 32)
    assert read_digests(write("# nobody\n", "e.txt")) == ()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("ab" * 31, "line 1"),
        ("ab" * 33, "line 1"),
        ("\n" + "g" * 64, "line 2"),
        ("٣" * 64, "line 1"),
        (f"{'ab' * 32}\n{'AB' * 32}", "line 2: .* is also on line 1"),
    ],
)
def test_what_is_no_digest_is_refused_by_line(write: Callable[..., Path], content: str, found: str) -> None:
    with pytest.raises(DataError, match=found):
        read_digests(write(content, "d.txt"))


# --- tables in pieces ---------------------------------------------------------------------------------------

LONG = "id,x,z,y\n" + "".join(f"p{row},{row},{-row / 4},{row % 2}\n" for row in range(11))
COMPRESSIONS = pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])


def with_cells(name: str, value: str, rows: list[int]) -> str:
    """LONG with another value in some rows, which are counted from 0."""
    records = [line.split(",") for line in LONG.splitlines()]
    for row in rows:
        records[row + 1][records[0].index(name)] = value
    return "\n".join(map(",".join, records)) + "\n"


@pytest.mark.parametrize("rows", [1, 2, 3, 10, 11, 12])
def test_a_csv_of_several_pieces_keeps_all_rows_in_order(
    write: Callable[..., Path], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the last piece is full, or is the only one."""
    monkeypatch.setattr("zkunlearn.prover.tables.csv_tables.PIECE_ROWS", rows)
    table = read_table(write(LONG), "y", "id")
    assert table.X.tolist() == [[row, -row / 4] for row in range(11)]
    assert table.y.tolist() == [row % 2 for row in range(11)]
    assert table.ids == tuple(f"p{row}" for row in range(11))
    assert table.lines is not None and list(table.lines) == list(range(2, 13))


@pytest.mark.parametrize(
    ("name", "value", "rows", "found"),
    [
        ("x", "nan", [7], "line 9, column 'x': 'nan' says that a value is missing"),
        ("z", "", [3, 8], "line 5, column 'z': the cell is empty"),
        ("z", "many", [10], "line 12, column 'z': 'many' is not a number"),
        ("y", "", [9], "line 11, column 'y': the cell is empty"),
        ("id", "p1", [8], "line 10, column 'id': id 'p1' is also that of line 3"),
        ("id", "p1,2", [6], "line 8: 5 fields, but the header has 4"),
    ],
)
def test_a_bad_row_past_the_first_piece_is_named_by_its_line(
    write: Callable[..., Path], name: str, value: str, rows: list[int], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zkunlearn.prover.tables.csv_tables.PIECE_ROWS", 3)
    message = refusal(write(with_cells(name, value, rows)), "y")
    assert f": {found}" in message, message


def test_lines_of_pieces_are_counted_over_blank_ones(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zkunlearn.prover.tables.csv_tables.PIECE_ROWS", 3)
    broken = with_cells("x", "?", [8]).replace("p4,", "\n\np4,").replace("p6,", '"p\n6",')
    assert "line 10, column 'id': the id has a line break" in refusal(write(broken.replace("?", "1")), "y")
    assert "line 13, column 'x': '?' is not a number" in refusal(write(broken), "y")


def long_parquet(path: Path, **columns: Any) -> Path:
    """LONG, in groups of four rows."""
    rows = range(11)
    whole = {"id": [f"p{row}" for row in rows], "x": rows, "z": [-row / 4 for row in rows], "y": [r % 2 for r in rows]}
    pyarrow.parquet.write_table(pyarrow.table({**whole, **columns}), path, row_group_size=4)
    return path


@pytest.mark.parametrize("rows", [1, 3, 4, 11, 12])
def test_a_parquet_of_several_pieces_keeps_all_rows_in_order(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zkunlearn.prover.tables.parquet_tables.PIECE_ROWS", rows)
    table = read_table(long_parquet(tmp_path / "t.parquet"), "y", "id")
    assert table.X.tolist() == [[row, -row / 4] for row in range(11)]
    assert table.y.tolist() == [row % 2 for row in range(11)]
    assert table.ids == tuple(f"p{row}" for row in range(11))


@pytest.mark.parametrize(
    ("name", "value", "row", "found"),
    [
        ("x", None, 7, "row 8, column 'x': the cell is empty"),
        ("z", float("nan"), 10, "row 11, column 'z': the cell is empty"),
        ("z", float("-inf"), 3, "row 4, column 'z': -inf is not a finite number"),
        ("y", None, 9, "row 10, column 'y': the cell is empty"),
        ("id", None, 5, "row 6, column 'id': the id is empty"),
        ("id", "p1", 8, "row 9, column 'id': id 'p1' is also that of row 2"),
    ],
)
def test_a_bad_row_past_the_first_piece_of_a_parquet_is_named_by_its_number(
    tmp_path: Path, name: str, value: Any, row: int, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zkunlearn.prover.tables.parquet_tables.PIECE_ROWS", 3)
    whole = pyarrow.parquet.read_table(long_parquet(tmp_path / "t.parquet"))[name].to_pylist()
    message = refusal(long_parquet(tmp_path / "u.parquet", **{name: [*whole[:row], value, *whole[row + 1 :]]}), "y")
    assert f": {found}" in message, message


# --- matrices of an .npz ------------------------------------------------------------------------------------


def npy_bytes(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def zipped(path: Path, X: bytes, compression: int = zipfile.ZIP_STORED, rows: int = 20) -> Path:
    """An .npz whose array X is whatever these bytes are, with other arrays behind it."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("X.npy", X)
        archive.writestr("y.npy", npy_bytes(np.arange(rows) % 2))
        archive.writestr("more.npy", npy_bytes(np.ones(100)))
    return path


def is_mapped(array: Any) -> bool:
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def matrix(kind: str = "float64") -> Any:
    return np.random.default_rng(1).integers(-50, 50, (20, 3)).astype(kind)


@COMPRESSIONS
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["float64", "float32", "int16", ">i4", "bool"])
def test_a_matrix_is_the_same_however_it_is_stored(
    tmp_path: Path, kind: str, order: Any, compression: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compressed is unpacked a few rows at a time; what is not stays in its file."""
    monkeypatch.setattr("zkunlearn.prover.tables.npz_tables.PIECE_BYTES", 100)
    X = matrix(kind)
    table = read_table(zipped(tmp_path / "t.npz", npy_bytes(np.asarray(X, order=order)), compression), "y")
    assert table.X.dtype.newbyteorder("=") == X.dtype.newbyteorder("=") and table.X.tolist() == X.tolist()
    assert table.y.tolist() == [row % 2 for row in range(20)]
    assert is_mapped(table.X) == (compression == zipfile.ZIP_STORED)


def test_what_numpy_saves_is_read_from_where_it_lies(tmp_path: Path) -> None:
    X, y = matrix(), np.arange(20) % 2
    for save, mapped in ((np.savez, True), (np.savez_compressed, False)):
        save(tmp_path / "t.npz", X=X, y=y)
        table = read_table(tmp_path / "t.npz", "y")
        assert np.array_equal(table.X, X) and is_mapped(table.X) == mapped


@pytest.mark.parametrize("place", [0, 77, 100_000, -1])
def test_a_flipped_byte_in_a_matrix_that_is_not_compressed_is_found(tmp_path: Path, place: int) -> None:
    """Of a matrix so large that it is not read to its end unless someone does."""
    numbers = np.random.default_rng(1).integers(-50, 50, (20_000, 3)).astype(np.float64)
    path = zipped(tmp_path / "t.npz", npy_bytes(numbers), rows=20_000)
    content = path.read_bytes()
    start = content.index(numbers.tobytes())
    flipped = bytearray(numbers.tobytes())
    flipped[place] ^= 1
    path.write_bytes(content[:start] + flipped + content[start + len(flipped) :])
    message = refusal(path, "y", None)
    assert "not an .npz that can be read (Bad CRC-32 for file 'X.npy'" in message


@COMPRESSIONS
@pytest.mark.parametrize("missing", [1, 8, 3 * 8, 20 * 3 * 8])
def test_a_matrix_that_ends_too_early_is_refused(tmp_path: Path, missing: int, compression: int) -> None:
    """Though its checksum is right, and there are other bytes behind it."""
    path = zipped(tmp_path / "t.npz", npy_bytes(matrix())[:-missing], compression)
    assert "not an .npz that can be read" in refusal(path, "y", None)


@COMPRESSIONS
def test_a_matrix_that_goes_on_after_its_last_row_is_refused(tmp_path: Path, compression: int) -> None:
    path = zipped(tmp_path / "t.npz", npy_bytes(matrix()) + bytes(3 * 8), compression)
    assert "'X' is not as long as its header says" in refusal(path, "y", None)


@COMPRESSIONS
@pytest.mark.parametrize(
    ("shape", "descr"),
    [
        ("(20, 3", "'<f8'"),
        ("(20, -3)", "'<f8'"),
        ("(True, 3)", "'<f8'"),
        ("(100000000000000000000, 3)", "'<f8'"),
        ("(20, 3)", "'<U0'"),
        ("(20, 3)", "'zz'"),
    ],
)
def test_a_matrix_with_a_broken_header_is_refused(tmp_path: Path, shape: str, descr: str, compression: int) -> None:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    X = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + matrix().tobytes()
    refusal(zipped(tmp_path / "t.npz", X, compression), "y", None)


def encoded(table: RawTable) -> list[list[int]]:
    encoding = DatasetEncoding.from_data(table.X, table.y, table.names)
    found: list[list[int]] = encoding.encode_features(table.X).tolist()
    return found


@COMPRESSIONS
@pytest.mark.parametrize("kind", ["float32", "float16", "int8", "int64", "uint16", ">i4", "bool"])
def test_numbers_of_any_type_are_encoded_as_the_float64_that_they_are(
    tmp_path: Path, kind: str, compression: int
) -> None:
    """Thirds that float32 rounds, too: what it holds is a float64."""
    rng = np.random.default_rng(2)
    X = (rng.integers(0, 5, (20, 3)) / (3 if np.dtype(kind).kind == "f" else 1)).astype(kind)
    own = read_table(zipped(tmp_path / "t.npz", npy_bytes(X), compression), "y")
    wide = read_table(zipped(tmp_path / "u.npz", npy_bytes(X.astype(np.float64)), compression), "y")
    assert (own.X.dtype, wide.X.dtype) == (X.dtype, np.dtype(np.float64))
    assert encoded(own) == encoded(wide)
    assert len({value for line in encoded(own) for value in line}) > 1


# --- The index that pandas writes into Parquet --------------------------------------------------------------


def people(**index: Any) -> Any:
    return pandas.DataFrame({"x": [1, 2, 3], "y": [0, 1, 0]}, **index)


@pytest.mark.parametrize("name", [None, "person"])
def test_an_index_names_the_rows_of_a_parquet_file(tmp_path: Path, name: str | None) -> None:
    people(index=pandas.Index(["a", "b", "c"], name=name)).to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", "y")
    assert (table.names, table.ids) == (("x",), ("a", "b", "c"))


def test_an_index_of_a_filtered_frame_names_its_rows_too(tmp_path: Path) -> None:
    frame = people()
    frame[frame.x > 1].to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", "y")
    assert (table.names, table.ids) == (("x",), ("1", "2"))


def test_an_index_is_no_feature_where_a_column_has_the_ids(tmp_path: Path) -> None:
    frame = people(index=["a", "b", "c"]).assign(person=["p", "q", "r"])
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", "y", "person")
    assert (table.names, table.ids) == (("x",), ("p", "q", "r"))


def test_an_index_of_several_columns_names_no_rows(tmp_path: Path) -> None:
    index = pandas.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["site", "number"])
    people(index=index).to_parquet(tmp_path / "t.parquet")
    assert "the index of the frame has 2 columns" in refusal(tmp_path / "t.parquet", "y", None)
