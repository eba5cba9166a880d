"""Tables that a package brings, as they come: from the file to a verified unlearning in five commands, without editing.

They have texts, dates, categories, missing values, and several rows of one id. (Horst, Hill and Gorman 2020, MIT.)
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import zkunlearn as zu

from .conftest import done, run

PACKAGE = find_spec("palmerpenguins")
SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "optimum"\nl2 = 0.01\n'
TABLES = {  # the file, its options, those of `commit` alone, whom to forget, rows of these, rows that are incomplete
    "as it was written down": (
        "penguins-raw.csv",
        ("--target", "Sex", "--id", "Individual ID", "--drop", "Region,Stage,Comments"),
        ("--several-rows-per-id", "--leave-out-incomplete"),
        "N1A1",
        2,
        11,
    ),
    "in short": ("penguins.csv", ("--target", "species"), (), "7", 1, 0),
}


def table_of(name: str) -> Path:
    assert PACKAGE is not None and PACKAGE.origin is not None
    return Path(PACKAGE.origin).parent / "data" / name


@pytest.mark.parametrize("what", TABLES)
def test_a_real_table_comes_to_a_verified_unlearning_in_five_commands(what: str, tmp_path: Path) -> None:
    name, options, more, person, rows, incomplete = TABLES[what]
    table, data, spec = table_of(name), tmp_path / "data", tmp_path / "spec.toml"
    spec.write_text(SPEC)
    before = table.read_bytes()
    done("suggest-bounds", table, *options, "--out", tmp_path / "bounds.toml")
    said = done("commit", table, *options, *more, "--bounds", tmp_path / "bounds.toml", "--out", data)
    first = ("--spec", spec, "--out", tmp_path / "1.proof")
    done("prove", data, *first)
    second = ("--spec", spec, "--forget", person, "--previous", tmp_path / "1.proof", "--out", tmp_path / "2.proof")
    done("prove", data, *second)
    pinned = ("--dataset", data / "dataset.commitment", "--spec", spec, "--previous", tmp_path / "1.proof")
    verdict = done("verify", tmp_path / "2.proof", *pinned).stdout
    assert "VALID" in verdict and table.read_bytes() == before
    statement = zu.TrainingProof.load(tmp_path / "2.proof").statement
    assert (len(statement.forgotten), statement.dataset.rows) == (rows, 344 - incomplete)
    assert (f"{incomplete} rows left out, in which a value is missing" in said.stderr) == bool(incomplete)


def test_what_a_real_table_lacks_is_counted_and_its_texts_are_named(tmp_path: Path) -> None:
    table = table_of("penguins-raw.csv")
    said = run("commit", table, "--target", "Sex", "--out", tmp_path / "data")
    assert said.exit_code == 2 and "line 2, column 'studyName': 'PAL0708' is not a number; declare its" in said.stderr
    names = "studyName,Species,Region,Island,Stage,Individual ID,Clutch Completion,Date Egg,Comments"
    said = run("commit", table, "--target", "Sex", "--drop", names, "--out", tmp_path / "data")
    assert "of 344 rows values are missing: 14 in 'Delta 15 N (o/oo)', 13 in 'Delta 13 C (o/oo)', 11 in 'Sex', " in (
        said.stderr
    )
    done("suggest-bounds", table, "--target", "Sex", "--out", tmp_path / "b.toml")
    text = (tmp_path / "b.toml").read_text()
    assert '"Date Egg" = [2006-01-01, 2015-01-01]' in text and '# "Region": leave it out, by --drop' in text
