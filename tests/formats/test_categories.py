"""Files of categories: lists by the names of columns, in TOML or JSON, each column once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zkunlearn.errors import DataError
from zkunlearn.formats.categories import read_categories

GOOD = {"city": ["LA", "NY"], "grade": {"categories": [1, 2, True], "other": 2}}


def written(folder: Path, text: str, name: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8-sig")
    return folder / name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.toml", 'city = ["LA", "NY"]\n[grade]\ncategories = [1, 2, true]\nother = 2\n'),
        ("c.txt", 'city = ["LA", "NY"]\ngrade = {categories = [1, 2, true], other = 2}\n'),
        ("C.JSON", '{"city": ["LA", "NY"], "grade": {"categories": [1, 2, true], "other": 2}}'),
    ],
)
def test_toml_and_json_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    assert read_categories(written(tmp_path, text, name)) == GOOD


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("c.toml", "# nothing\n", 'must have a list for each column, as in: city = ["LA", "NY"]'),
        ("c.json", "{}", "must have a list for each column"),
        ("c.json", "[1]", "must have a list for each column"),
        ("c.json", "{", "not JSON (Expecting property name"),
        ("c.json", "[" * 100_000, "it is nested too deeply"),
        ("c.json", '{"a": [' + "9" * 5000 + ', "b"]}', "not JSON (Exceeds the limit"),
        ("c.toml", "city = [", "c.toml: "),
        ("c.json", '{"city": ["a", "b"], "city": ["a", "c"]}', "'city' is there twice"),
        ("c.json", '{"city": {"categories": ["a", "b"], "other": "a", "other": "b"}}', "'other' is there twice"),
        ("c.toml", 'city = ["a"]\ncity = ["b"]\n', "c.toml: "),
        ("c.toml", "age = {low = 0, high = 9}\n", "categories of 'age' must be a list, or {categories = [..]}"),
        ("c.toml", 'city = "LA"\n', "categories of 'city' must be a list"),
        ("c.toml", 'city = {categories = ["a", "b"], low = 0}\n', "categories of 'city' must be a list"),
    ],
)
def test_what_is_no_such_file_is_refused_by_its_name(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = written(tmp_path, text, name)
    with pytest.raises(DataError) as refused:
        found: Any = read_categories(path)
        raise AssertionError(found)
    assert str(refused.value).startswith(f"{path}: ") and words in str(refused.value)
