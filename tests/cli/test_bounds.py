"""Bounds to begin with: generous, and to be edited."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.formats.toml import read_bounds
from zkunlearn.prover.tables.raw_table import PIECE_ROWS
from zkunlearn.prover.tables.suggested_bounds import generous

from .conftest import done, run

NUMBERS = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-6)


@pytest.mark.parametrize(
    ("found", "bounds"),
    [
        ((18, 90), (0, 130)),
        ((0.1, 0.93), (0, 1)),
        ((1990, 2024), (1970, 2050)),
        ((-3, 5), (-7, 9)),
        ((-9, -1), (-13, 0)),
    ]
    + [((7, 7), (3, 11)), ((0, 0), (0, 1)), ((-2, -2), (-3, -1))],
)
def test_bounds_are_round_and_have_room(found: tuple[float, float], bounds: tuple[float, float]) -> None:
    assert generous(*found) == pytest.approx(bounds)


@given(NUMBERS, NUMBERS)
def test_bounds_hold_what_was_found_and_change_no_sign(one: float, other: float) -> None:
    lowest, highest = min(one, other), max(one, other)
    low, high = generous(lowest, highest)
    assert low <= lowest <= highest <= high and low < high
    assert low >= 0 or lowest < 0
    assert high <= 0 or highest > 0 or lowest == highest == 0


def test_suggested_bounds_can_be_committed_by_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    incomes = np.exp(rng.normal(3, 4, 200)).round(2)
    rows = [f"p{i},{rng.integers(18, 90)},{incomes[i]},{rng.normal():.3f},{rng.integers(2)}" for i in range(200)]
    (tmp_path / "t.csv").write_text('id,age,income,a "b",sick\n' + "\n".join(rows) + "\n")
    common = (tmp_path / "t.csv", "--target", "sick", "--id", "id")
    out = tmp_path / "bounds.toml"
    done("suggest-bounds", *common, "--out", out)
    text = out.read_text()
    assert "EDIT THIS FILE" in text and "found" in text and "no proof covers how they were chosen" in text
    found = read_bounds(out)
    assert found["age"] == (0, 130) and found["income"]["map"] == "log1p"
    done("commit", *common, "--bounds", out, "--out", tmp_path / "d")
    refused = run("suggest-bounds", *common, "--out", out)
    assert refused.exit_code == 2 and "may have been edited" in refused.output


def test_labels_that_are_numbers_have_bounds_too(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x;price\n1,5;3,25\n2;-1\n4;7,5\n")
    said = done(
        "suggest-bounds", tmp_path / "t.csv", "--target", "price", "--decimal", ",", "--out", tmp_path / "b.toml"
    )
    assert "edit it" in said.output
    assert json.loads(json.dumps(read_bounds(tmp_path / "b.toml"))) == {"x": [0, 6], "price": [-6, 12]}


def test_labels_that_may_be_classes_or_counts_are_told_apart_by_their_owner(tmp_path: Path) -> None:
    asked = "if these labels are classes, or counts, delete the line, and say so (commit --label)"
    for last, whole in ((2, True), (2.5, False), (-1, False)):
        (tmp_path / "t.csv").write_text(f"x,y\n1,0\n2,1\n3,{last}\n")
        done("suggest-bounds", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "b.toml", "--force")
        assert (asked in (tmp_path / "b.toml").read_text()) is whole


def test_columns_whose_categories_have_a_file_of_their_own_are_not_declared_again(tmp_path: Path) -> None:
    rows = [f"p{i},{20 + i},{('LA', 'NY', 'SF')[i % 3]},{('x', 'y', '')[i % 3]},{i % 2}" for i in range(30)]
    (tmp_path / "t.csv").write_text("id,age,city,ward,sick\n" + "\n".join(rows) + "\n")
    own = tmp_path / "c.json"
    own.write_text('{"city": ["LA", "NY", "SF"], "ward": {"categories": ["x", "else"], "other": "else"}}')
    common, out = (tmp_path / "t.csv", "--target", "sick", "--id", "id", "--categories", own), tmp_path / "b.toml"
    said = json.loads(done("suggest-bounds", *common, "--out", out, "--json").stdout)
    text = out.read_text()
    assert [*read_bounds(out)] == ["age"] and said["leave_out"] == []
    assert '# found 3 different texts\n# "city": in the file of categories\n' in text
    assert "of which 1 are not declared, which count as 'else': 'y', and 10 cells without a value" in text
    own.write_text('city = ["LA", "NY", "SF"]\nward = {categories = ["x", "y", "?"], missing = "?"}')
    own = own.rename(tmp_path / "c.toml")
    common = (*common[:-1], own)
    done("suggest-bounds", *common, "--out", out, "--force")
    done("commit", *common, "--bounds", out, "--out", tmp_path / "d")
    own.write_text('town = ["LA", "NY"]')
    refused = run("suggest-bounds", *common, "--out", out, "--force")
    assert refused.exit_code == 2 and f"{own}: there is no column 'town'; columns are 'age'," in refused.stderr


def test_what_else_commit_needs_is_said_as_options_that_a_shell_takes(tmp_path: Path) -> None:
    """Columns that are no features, and that an id has several rows; and with these it does."""
    table, out = tmp_path / "t.csv", tmp_path / "my bounds.toml"
    rows = "".join(f'p{n // 2},{n},"n{n}, it\'s",m{n},{n % 2}\n' for n in range(80))
    table.write_text(f'person,age,"first, last",my note,sick\n{rows}', encoding="utf-8")
    common = (table, "--target", "sick", "--id", "person")
    found = run("suggest-bounds", *common, "--out", out)
    line = next(line for line in found.stdout.splitlines() if "commit with" in line)
    said = f"""--bounds '{out}' --several-rows-per-id --drop '"first, last"','my note'"""
    assert line.split("commit with")[1].strip() == said
    assert "some have several rows, which may be forgotten together only" in found.stdout
    done("commit", *common, *shlex.split(said), "--out", tmp_path / "data")
    some = ("--features", 'age,"first, last"')
    found = run("suggest-bounds", *common, *some, "--out", out, "--force", "--json")
    assert json.loads(found.stdout)["several_rows_per_id"] is True
    found = run("suggest-bounds", *common, *some, "--out", out, "--force")
    assert f"--bounds '{out}' --several-rows-per-id --features 'age'\n" in found.stdout
    found = run("suggest-bounds", table, "--target", "sick", "--drop", "person", *("--out", out, "--force"))
    assert f"""--bounds '{out}' --drop 'person','"first, last"','my note'\n""" in found.stdout


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ("age = [0, 9]", "bounds: none for column 'height'"),
        ("age = [0, 9]\nheight = [0, 9]\nweight = [0, 9]", "bounds: there is no column 'weight' that needs them"),
    ],
)
def test_columns_that_bounds_do_not_fit_are_refused_before_all_rows_are_read(
    tmp_path: Path, bounds: str, reason: str
) -> None:
    rows = "".join(f"{i % 7},{i % 5},{i % 2}\n" for i in range(PIECE_ROWS))
    (tmp_path / "t.csv").write_text(f"age,height,sick\n{rows}no,number,\n")
    (tmp_path / "b.toml").write_text(f"[bounds]\n{bounds}\n")
    refused = run(
        "commit", tmp_path / "t.csv", "--target", "sick", "--bounds", tmp_path / "b.toml", "--out", tmp_path / "d"
    )
    assert refused.exit_code == 2 and f"b.toml: {reason}\n" in refused.output
