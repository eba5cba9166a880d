"""Columns in which no two rows are equal: from a table to the verdict, and to the person whose key it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from zkunlearn.circuits.statements.keys import key_of

from .conftest import SPEC, done, run

TABLE = "name,no,mail,age,sick\n" + "".join(
    f"p{n},{1000 + n},a{n}@example.org,{20 + 3 * n},{'yes' if n % 2 else 'no'}\n" for n in range(9)
)
COLUMNS = ("--target", "sick", "--id", "name")


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with a registration, of which a row is forgotten."""
    folder = tmp_path_factory.mktemp("keyed")
    (folder / "t.csv").write_text(TABLE)
    (folder / "spec.toml").write_text(SPEC)
    (folder / "bounds.toml").write_text("[bounds]\nage = [0, 120]\n")
    made = done(
        "commit", folder / "t.csv", *COLUMNS, "--unique", "no, mail",
        "--bounds", folder / "bounds.toml", "--out", folder / "data",
    )  # fmt: skip
    assert says_unique(made)
    done(
        "prove", folder / "data", "--spec", folder / "spec.toml", "--forget", "p4", "--out", folder / "data" / "p.proof"
    )
    done("register", folder / "data")
    done("receipt", folder / "data", "--id", "p2", "--out", folder / "p2.receipt")
    return folder


def says_unique(result: Result, more: str = "") -> bool:
    text = " ".join(result.output.split())
    return f"unique 'no', 'mail': no two rows, forgotten ones included,{more} are equal in all of them" in text


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


def test_verify_and_inspect_say_which_columns_are_unique(keyed: Path) -> None:
    commitment = keyed / "data" / "dataset.commitment"
    assert says_unique(done("verify", commitment)) and says_unique(done("inspect", commitment))
    assert says_unique(done("verify", keyed / "data" / "p.proof", "--dataset", commitment))
    said: Any = json.loads(done("inspect", commitment, "--json").output)
    assert said["dataset"]["unique"] == ["no", "mail"]
    assert [column["name"] for column in said["columns"]] == ["age"]  # what is unique is no feature


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("1007,a7@", "1003,a3@"), "line 9: is the same as line 5 in 'no', 'mail', in which no two rows may be"),
        (("1007,", ","), "line 9, column 'no': no key: the id is empty"),
        (("a7@example.org", "a7\x00"), "line 9, column 'mail': no key: the id has control characters in it"),
    ],
)
def test_two_rows_of_one_key_are_refused_with_both_lines_and_no_values(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    assert TABLE.count(change[0]) == 1
    (tmp_path / "t.csv").write_text(TABLE.replace(*change))
    result = refused(run("commit", tmp_path / "t.csv", *COLUMNS, "--unique", "no,mail", "--out", tmp_path / "data"))
    assert reason in result and "1003" not in result
    assert not (tmp_path / "data").exists()


def test_rows_may_be_equal_in_some_of_the_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE.replace("1007", "1003").replace("a6@", "a3@"))
    done("commit", tmp_path / "t.csv", *COLUMNS, "--unique", "no,mail", "--out", tmp_path / "data")


@pytest.mark.parametrize(
    ("unique", "more", "reason"),
    [
        ("phone", (), "there is no column 'phone'"),
        ("no,no", (), "or one is named twice"),
        ("sick", (), "the target is among its columns"),
        ("no,", (), "names of columns, with commas between them"),
        (
            "no,mail",
            ("--several-rows-per-id",),
            "several rows of one id cannot be told from a person",
        ),
    ],
)
def test_what_cannot_be_unique_is_refused(keyed: Path, tmp_path: Path, unique: str, more: Any, reason: str) -> None:
    options = (*COLUMNS, "--unique", unique, *more, "--out", tmp_path / "data")
    assert reason in refused(run("commit", keyed / "t.csv", *options))


def test_the_column_of_ids_may_be_unique_too(keyed: Path, tmp_path: Path) -> None:
    done("commit", keyed / "t.csv", *COLUMNS, "--unique", "name,no,mail", "--out", tmp_path / "data")


NEW = "name,no,mail,age,sick\nq1,2001,q1@example.org,33,no\n{},40,yes\n"


def added(keyed: Path, tmp_path: Path, row: str, command: str = "append") -> Result:
    (tmp_path / "new.csv").write_text(NEW.format(row))
    return run(command, keyed / "data", tmp_path / "new.csv", *COLUMNS, "--out", tmp_path / "more")


def test_a_key_that_is_there_is_refused_by_line_and_id(keyed: Path, tmp_path: Path) -> None:
    """Also that of a row that was forgotten."""
    for name in ("p2", "p4"):
        n = int(name[1])
        found = refused(added(keyed, tmp_path, f"q2,{1000 + n},a{n}@example.org"))
        assert f"line 3: has the key of id '{name}', which is in the data set, in 'no', 'mail'" in found


def test_a_row_that_is_put_right_keeps_its_key(keyed: Path, tmp_path: Path) -> None:
    row = "p3,1003,a3@example.org"
    (tmp_path / "new.csv").write_text("name,no,mail,age,sick\n" + row + ",40,yes\n")
    result = run("rectify", keyed / "data", tmp_path / "new.csv", *COLUMNS, "--out", tmp_path / "more")
    assert "forget and destroy the old one first, then append it" in refused(result)


def test_after_it_is_destroyed_a_row_is_appended_as_it_should_be(keyed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(keyed, folder)
    destroyed = done("destroy", folder / "data", "--id", "p4", "--out", folder / "data2")
    assert says_unique(destroyed, " but for destroyed ones,")
    done("verify", folder / "data2" / "dataset.link", folder / "data2" / "dataset.commitment")
    (tmp_path / "new.csv").write_text("name,no,mail,age,sick\np4,1004,a4@example.org,40,yes\n")
    done("append", folder / "data2", tmp_path / "new.csv", *COLUMNS, "--out", folder / "data3")
    done("verify", folder / "data3" / "dataset.link", folder / "data3" / "dataset.commitment")


# A person's key ------------------------------------------------------------------------------------------------------


def with_key(keyed: Path, *keys: str) -> Result:
    data = keyed / "data"
    named = ("--dataset", data / "dataset.commitment", "--registration", data / "dataset.registration")
    return run("verify", keyed / "p2.receipt", *named, *(part for key in keys for part in ("--key", key)))


def test_a_person_sees_whether_the_key_is_hers(keyed: Path) -> None:
    result = with_key(keyed, "mail=a2@example.org", "no=1002")
    assert result.exit_code == 0 and "by 'no', 'mail': as you say it is" in " ".join(result.output.split())
    other = with_key(keyed, "mail=a3@example.org", "no=1002")
    assert other.exit_code == 1
    assert "her row is in the data set under the key of somebody else, or of nobody" in " ".join(other.output.split())
    unsaid = with_key(keyed)
    assert unsaid.exit_code == 0 and "not checked; say --key COLUMN=VALUE" in " ".join(unsaid.output.split())


@pytest.mark.parametrize("keys", [["no=1002"], ["no=1002", "phone=1"], ["no=1002", "no=1002", "mail=a"]])
def test_a_key_is_said_in_all_its_columns(keyed: Path, keys: list[str]) -> None:
    assert "--key: say --key 'no'=.. --key 'mail'=.." in refused(with_key(keyed, *keys))


def test_no_public_file_has_a_key_and_no_secret_one_has_what_it_was_made_of(keyed: Path) -> None:
    keys = np.load(keyed / "data" / "dataset.secrets" / "keys.npy")
    assert {key_of([1000 + n, f"a{n}@example.org"]) for n in range(9)} == {*map(tuple, keys.T.tolist())}
    texts = [f"a{n}@example.org".encode() for n in range(9)]
    for path in (keyed / "data").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(text in content for text in texts), path
        if path.suffix in (".commitment", ".registration", ".proof", ".forgotten"):
            assert not any(key.tobytes() in content for key in keys.T.astype("<u2")), path
