"""Lists of ids and of record digests: what people write by hand is read, and refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from zkunlearn.errors import DataError
from zkunlearn.formats.lists import LIST_HEAD, read_digests, read_ids, write_digests


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(text)
    return path


def test_digests_come_back_behind_their_head(tmp_path: Path) -> None:
    digests = (b"a" * 32, b"b" * 32)
    write_digests(tmp_path / "d.forgotten", digests)
    assert (tmp_path / "d.forgotten").read_text().splitlines() == [LIST_HEAD, "61" * 32, "62" * 32]
    assert read_digests(tmp_path / "d.forgotten") == digests


def test_an_empty_list_of_digests_is_a_head_alone(tmp_path: Path) -> None:
    write_digests(tmp_path / "d.forgotten", [])
    assert read_digests(tmp_path / "d.forgotten") == ()


def test_comments_and_blank_lines_between_ids_are_skipped(tmp_path: Path) -> None:
    assert read_ids(written(tmp_path, "# request 1\np3\n\n#request 2\r\np 9\n")) == ("p3", "p 9")


def test_where_ids_begin_like_comments_every_line_is_an_id(tmp_path: Path) -> None:
    path = written(tmp_path, "#1\np3\n")
    assert read_ids(path, comments=False) == ("#1", "p3")


def test_a_list_of_comments_names_no_id(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"list\.txt: there is no id in it"):
        read_ids(written(tmp_path, "# nobody\n\n"))


def test_ids_come_as_they_are_written_those_too_that_are_there_twice(tmp_path: Path) -> None:
    assert read_ids(written(tmp_path, "# head\np3\n\np3\n p3\n")) == ("p3", "p3", " p3")
