"""However a CSV is written, the same table comes in; what can be mistaken is declared, not guessed."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import DataError, ParameterError
from zkunlearn.prover.tables.csv_format import CsvFormat
from zkunlearn.prover.tables.read import RawTable, read_table

GOOD = "id,age,income,sick\na,30,1.5,yes\nb,40,-2,no\nc,50,3e2,no\n"
Write = Callable[[bytes, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: bytes, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write  # type: ignore[return-value]


def is_good(table: RawTable) -> bool:
    assert table.y is not None
    same = table.X.tolist() == [[30, 1.5], [40, -2], [50, 300]] and table.y.tolist() == ["yes", "no", "no"]
    return same and table.ids == ("a", "b", "c") and table.names == ("age", "income")


def zstandard(content: bytes) -> bytes:
    with pyarrow.BufferOutputStream() as sink:
        with pyarrow.CompressedOutputStream(sink, "zstd") as packed:
            packed.write(content)
        return bytes(sink.getvalue())


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.TXT"])
def test_a_delimiter_is_that_of_the_header(write: Write, delimiter: str, name: str) -> None:
    assert is_good(read_table(write(GOOD.replace(",", delimiter).encode(), name), "sick", "id"))


def test_blank_lines_before_the_header_hide_no_delimiter(write: Write) -> None:
    assert is_good(read_table(write(b"\n\n" + GOOD.replace(",", ";").encode(), "t.csv"), "sick", "id"))


def test_a_delimiter_in_quotes_is_none(write: Write) -> None:
    table = read_table(write(b'"a;b;c;d","x",y\n1,2,0\n3,4,1\n', "t.csv"), "y")
    assert table.names == ("a;b;c;d", "x")


def test_any_other_delimiter_is_declared(write: Write) -> None:
    path = write(GOOD.replace(",", "~").encode(), "t.csv")
    assert is_good(read_table(path, "sick", "id", written=CsvFormat(delimiter="~")))
    with pytest.raises(DataError, match="no column"):
        read_table(path, "sick", "id")


def test_decimal_commas_are_read_where_they_are_declared(write: Write) -> None:
    path = write(GOOD.replace(",", ";").replace("1.5", "1,5").encode(), "t.csv")
    assert is_good(read_table(path, "sick", "id", written=CsvFormat(decimal=",")))
    with pytest.raises(DataError, match=r"line 2, column 'income': '1,5' is not a number; if its comma is a decimal"):
        read_table(path, "sick", "id")


def test_with_decimal_commas_no_point_is_one(write: Write) -> None:
    """1.234 would be one and a bit to some, and a thousand to others."""
    path = write(GOOD.replace(",", ";").encode(), "t.csv")
    with pytest.raises(DataError, match=r"line 2, column 'income': '1.5' is not a number"):
        read_table(path, "sick", "id", written=CsvFormat(decimal=","))


def test_labels_have_decimal_commas_too(write: Write) -> None:
    table = read_table(write(b"x;y\n1;2,5\n3;-,5\n", "t.csv"), "y", written=CsvFormat(decimal=","))
    assert table.y is not None and table.y.tolist() == [2.5, -0.5]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_mark_of_the_byte_order_says_which_encoding(write: Write, encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    assert is_good(read_table(write((mark + GOOD).encode(encoding), "t.csv"), "sick", "id"))


def test_other_encodings_are_declared(write: Write) -> None:
    path = write(GOOD.replace("a,30", "\u0141\xf3d\u017a,30").encode("cp1250"), "t.csv")
    assert read_table(path, "sick", "id", written=CsvFormat(encoding="cp1250")).ids[0] == "\u0141\xf3d\u017a"
    with pytest.raises(DataError, match="line 2: not UTF-8 text; declare its encoding"):
        read_table(path, "sick", "id")
    with pytest.raises(DataError, match="not ascii text"):
        read_table(path, "sick", "id", written=CsvFormat(encoding="ascii"))


@pytest.mark.parametrize(("pack", "end"), [(gzip.compress, ".gz"), (zstandard, ".zst")])
def test_what_is_compressed_is_unpacked_whatever_it_is_called(write: Write, pack: Any, end: str) -> None:
    for name in (f"t.csv{end}", "t.csv", f"t.tsv{end.upper()}"):
        assert is_good(read_table(write(pack(GOOD.encode()), name), "sick", "id"))


@pytest.mark.parametrize(("pack", "end"), [(gzip.compress, ".gz"), (zstandard, ".zst")])
def test_a_compressed_file_that_was_cut_is_refused(write: Write, pack: Any, end: str) -> None:
    rows = "".join(f"n{k},{k},{k % 7}.5,{'yes' if k % 3 else 'no'}\n" for k in range(20000))
    whole = pack((GOOD + rows).encode())
    with pytest.raises(DataError, match="cannot be read, or unpacked"):
        read_table(write(whole[: len(whole) // 2], f"t.csv{end}"), "sick", "id")


def test_only_csv_is_unpacked(write: Write) -> None:
    with pytest.raises(DataError, match=r"unknown kind of table '\.parquet\.gz'"):
        read_table(write(gzip.compress(b"PAR1"), "t.parquet.gz"), "y")
    with pytest.raises(DataError, match="are of CSV files"):
        read_table(write(b"PK", "t.npz"), "y", written=CsvFormat(decimal=","))


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (GOOD.encode(), gzip.compress(GOOD.encode())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert is_good(read_table("-", "sick", "id"))


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"delimiter": ""}, "must be one character"),
        ({"delimiter": ";;"}, "must be one character"),
        ({"delimiter": '"'}, "no quote"),
        ({"decimal": ";"}, "must be a point or a comma"),
        ({"decimal": ",", "delimiter": ","}, "both a comma"),
        ({"encoding": "klingon"}, "unknown"),
        ({"encoding": "hex"}, "unknown"),
    ],
)
def test_what_no_csv_can_be_is_refused(fields: dict[str, str], found: str) -> None:
    with pytest.raises(ParameterError, match=found):
        CsvFormat(**fields)


@pytest.mark.parametrize("asked", [None, "person"])
def test_a_first_column_without_a_name_names_rows_unless_others_are_asked_for(write: Write, asked: str | None) -> None:
    """As frames and R write them."""
    frame = pandas.DataFrame({"a": [1.5, 2.5], "person": ["p", "q"], "y": [0, 1]}, index=[7, 9])
    text = frame.to_csv()
    table = read_table(write(text.encode(), "t.csv"), "y", asked, left_out=() if asked else ("person",))
    assert table.names == ("a",) and table.ids == (("7", "9") if asked is None else ("p", "q"))
    assert table.unused == (() if asked else ("person",))
    with pytest.raises(DataError, match="id '7' is also that of line 2"):
        read_table(write(text.replace("9,", "7,").encode(), "t.csv"), "y", left_out=("person",))


def test_what_is_missing_is_counted_by_column(write: Write) -> None:
    path = write(b"a,b,y\n1,,0\n2,3,1\nNA,null,1\n4,5,\n", "t.csv")
    with pytest.raises(DataError) as caught:
        read_table(path, "y")
    assert "line 2, column 'b': the cell is empty; of 4 rows values are missing: 2 in 'b', 1 in 'a', 1 in 'y'" in str(
        caught.value
    )


@pytest.mark.parametrize("word", ["null", "NA", "None", "nan", "<NA>", "NaT"])
def test_a_word_for_what_is_missing_is_no_class_and_no_number(write: Write, word: str) -> None:
    for content in (f"x,y\n1,yes\n2,{word}\n", f"x,y\n1,yes\n{word},no\n"):
        with pytest.raises(DataError, match=f"line 3, .*{word}' says that a value is missing"):
            read_table(write(content.encode(), "t.csv"), "y")


def test_none_in_small_letters_is_a_class(write: Write) -> None:
    table = read_table(write(b"x,y\n1,none\n2,mild\n3,none\n", "t.csv"), "y")
    assert table.y is not None and table.y.tolist() == ["none", "mild", "none"]


@given(st.lists(st.floats(-1e12, 1e12).map(lambda value: round(value, 6)), min_size=2, max_size=9))
def test_numbers_with_commas_are_those_with_points(values: list[float]) -> None:
    written = CsvFormat(decimal=",")
    for value in values:
        assert written.number(repr(value).replace(".", ",")) == value


def test_truth_values_are_ones_and_zeros_as_in_parquet(write: Write) -> None:
    table = read_table(write(b"k,age,y\nTrue,1,0\nFalse,2,1\ntrue,3,1\n", "t.csv"), "y")
    assert table.X.tolist() == [[1, 1], [0, 2], [1, 3]]


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [("True", "3", "'3' is a number, others are a truth value"), ("3", "no", "'no' is not a number")]
    + [("3", "True", "'True' is a truth value, others are a number")],
)
def test_a_column_is_of_one_kind(write: Write, first: str, second: str, found: str) -> None:
    with pytest.raises(DataError, match=f"line 3, column 'k': {found}"):
        read_table(write(f"k,y\n{first},0\n{second},1\n".encode(), "t.csv"), "y")


def test_a_space_after_each_delimiter_belongs_to_no_cell(write: Write) -> None:
    table = read_table(write(b"id, age, sick\np1, 39, <=50K\np2, 50, >50K\n", "t.csv"), "sick", "id")
    assert table.names == ("age",) and table.y is not None and table.y.tolist() == ["<=50K", ">50K"]


def test_classes_that_differ_by_a_space_are_refused(write: Write) -> None:
    with pytest.raises(DataError, match=r"line 4, column 'y': class '<=50K' is ' <=50K' but for a space"):
        read_table(write(b"x,y\n1, <=50K\n2, >50K\n3,<=50K\n", "t.csv"), "y")


@pytest.mark.parametrize("ids", [("1000000000000000.0", "2e+16"), ("1.0", "2.0"), ("7", "1.23E+15")])
def test_ids_that_a_tool_has_turned_into_floats_are_refused(write: Write, ids: tuple[str, str]) -> None:
    with pytest.raises(DataError, match="is an id that a tool has turned into a float"):
        read_table(write(f"id,x,y\n{ids[0]},1,0\n{ids[1]},2,1\n".encode(), "t.csv"), "y", "id")


@pytest.mark.parametrize("ids", [("1.0", "a"), ("007", "1e5x"), ("10", "20")])
def test_ids_that_only_look_like_numbers_are_taken(write: Write, ids: tuple[str, str]) -> None:
    assert read_table(write(f"id,x,y\n{ids[0]},1,0\n{ids[1]},2,1\n".encode(), "t.csv"), "y", "id").ids == ids


def test_columns_are_chosen_or_left_out(write: Write) -> None:
    path = write(b"id,name,a,b,y\n1,Ann,1,2,0\n2,Bob,3,4,1\n", "t.csv")
    table = read_table(path, "y", "id", left_out=["name"])
    assert table.names == ("a", "b") and table.unused == ("name",)
    assert read_table(path, "y", "id", features=["b"]).X.tolist() == [[2], [4]]
    with pytest.raises(DataError, match="no column 'nam'; did you mean 'name'"):
        read_table(path, "y", "id", left_out=["nam"])
    for options in ({"left_out": ["id"]}, {"left_out": ["a"], "features": ["a"]}):
        with pytest.raises(DataError, match="is needed; it cannot be left out"):
            read_table(path, "y", "id", **options)  # type: ignore[arg-type]
