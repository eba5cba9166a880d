"""Lists of ids as a tool exports them: a column of a CSV."""

from __future__ import annotations

import gzip
from pathlib import Path

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
