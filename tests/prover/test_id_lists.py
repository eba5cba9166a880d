"""Lists of ids as a tool exports them: a column of a CSV."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
import zkunlearn as zu

NFD = "Zoe\u0308"


def written(tmp_path: Path, text: str, name: str = "list.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        'name,email,since\r\nAnn,a@b.org,1\r\n\r\n"Bo, junior",  c@d.org,2\nCy,a@b.org,3\n',
        "email;since\na@b.org;1\n  c@d.org;2\n\n\na@b.org;3",
        "\ufeffemail\tsince\na@b.org\t1\n  c@d.org\t2\na@b.org\t3\n",
        "email\na@b.org\n  c@d.org\na@b.org\n",
    ],
)
def test_a_column_of_a_csv_is_read_as_it_is_written(tmp_path: Path, text: str) -> None:
    """Spaces and repetitions are for who looks the ids up; # begins no comment in a table."""
    assert zu.read_id_list(written(tmp_path, text), "email") == ("a@b.org", "  c@d.org", "a@b.org")


def test_other_forms_and_signs_stay(tmp_path: Path) -> None:
    assert zu.read_id_list(written(tmp_path, f"id\n{NFD}\n#1\n007\n"), "id") == (NFD, "#1", "007")


def test_a_compressed_table_and_a_list_of_lines_are_read_too(tmp_path: Path) -> None:
    packed = tmp_path / "list.csv.gz"
    packed.write_bytes(gzip.compress(b"id,x\na,1\n"))
    assert zu.read_id_list(packed, "id") == ("a",)
    assert zu.read_id_list(written(tmp_path, "# request\na\n\nb\n", "list.txt")) == ("a", "b")


def test_a_file_in_another_encoding_is_refused_with_a_remedy_that_there_is(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("email\nZo\u00eb\n".encode("cp1252"))
    with pytest.raises(zu.DataError, match=r"list\.csv: not UTF-8 text; save the list as a CSV in UTF-8"):
        zu.read_id_list(path, "email")
    path.write_bytes("email\nZo\u00eb\n".encode("utf-16"))
    assert zu.read_id_list(path, "email") == ("Zo\u00eb",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,x\na,1\n", "there is no column 'email'; columns are 'id', 'x'"),
        ("Email,x\na,1\n", "there is no column 'email'; did you mean 'Email'?"),
        ("email,email\na,b\n", "columns 1 and 2 are both named 'email'"),
        ("email,x\na,1\n\n ,2\n", "line 4, column 'email': the id is empty"),
        ("email,x\na,1\nb\n", "line 3: 1 fields, but the header has 2"),
        ("email,x\n", "there is a header, but no id"),
        ("email,x\n1.0,1\n2.0,2\n", "an id that a tool has turned into a float"),
        ('email,x\n"a,1\n', "a quoted field is broken"),
        ("", "the file is empty"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(zu.DataError) as refused:
        zu.read_id_list(path, "email")
    assert str(refused.value).startswith(f"{path}: ") and words in str(refused.value)
    assert str(refused.value).count(str(path)) == 1


# Columns of Parquet and Arrow files ----------------------------------------------------------------------------------

WRITERS = {
    "parquet": lambda table, path: pa.parquet.write_table(table, path, row_group_size=2),
    "feather": lambda table, path: pa.feather.write_feather(table, str(path), chunksize=2),
    "arrow": lambda table, path: pl.from_arrow(table).write_ipc(path),
    "ipc": lambda table, path: pl.from_arrow(table).write_ipc_stream(path),
}


def list_of(tmp_path: Path, end: str, **columns: Any) -> Path:
    path = tmp_path / f"list.{end}"
    WRITERS[end](pa.table(columns), path)
    return path


@pytest.mark.parametrize("end", WRITERS)
def test_a_column_of_a_parquet_or_arrow_file_is_a_list(tmp_path: Path, end: str) -> None:
    """Of texts as they are written, and of integers, in the same words as the same column of a CSV."""
    texts = ["a@b.org", "  c", NFD, "#1", "007", "a@b.org"]
    path = list_of(tmp_path, end, email=texts, number=pa.array(range(1, 7), pa.uint8()), note=[["x"]] * 6)
    assert zu.read_id_list(path, "email") == tuple(texts)
    assert zu.read_id_list(path, "number") == ("1", "2", "3", "4", "5", "6")


def test_categories_an_index_and_categories_of_polars_are_ids_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index(["p", "q"], name="person"))
    frame.to_parquet(tmp_path / "f.parquet")
    assert zu.read_id_list(tmp_path / "f.parquet", "person") == ("p", "q")
    pl.DataFrame({"id": pl.Series(["p", "q"], dtype=pl.Categorical)}).write_ipc(tmp_path / "f.arrow")
    assert zu.read_id_list(tmp_path / "f.arrow", "id") == ("p", "q")


@pytest.mark.parametrize("end", ["parquet", "feather"])
@pytest.mark.parametrize(
    ("column", "words"),
    [
        (["a", None], "row 2, column 'email': the id is empty"),
        (["a", " "], "row 2, column 'email': the id is empty"),
        ([1.0, 2.0], "row 1, column 'email': a float is not an id"),
        ([b"a", b"b"], "row 1, column 'email': a bytes is not an id; decode it to a text"),
        ([True, False], "row 1, column 'email': a bool is not an id"),
        ([["a"], ["b"]], "column 'email': holds list<"),
        (pa.array([], pa.string()), "there is no id in it"),
    ],
)
def test_a_column_that_is_no_list_of_ids_is_refused(tmp_path: Path, end: str, column: Any, words: str) -> None:
    path = list_of(tmp_path, end, email=column)
    with pytest.raises(zu.DataError) as refused:
        zu.read_id_list(path, "email")
    assert str(refused.value).startswith(f"{path}: {words}")


def test_a_list_in_a_table_needs_the_name_of_its_column(tmp_path: Path) -> None:
    path = list_of(tmp_path, "parquet", email=["a"])
    with pytest.raises(zu.DataError, match=r"list\.parquet: a table; say which column has the ids"):
        zu.read_id_list(path)
    with pytest.raises(zu.DataError, match="there is no column 'Email'; did you mean 'email'"):
        zu.read_id_list(path, "Email")
    path.write_bytes(b"email\na\n")
    with pytest.raises(zu.DataError, match=r"list\.parquet: not a Parquet file that can be read"):
        zu.read_id_list(path, "email")
