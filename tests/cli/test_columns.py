"""How columns use the integers between their bounds, as `commit` and `inspect` show it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from zkunlearn.cli.columns import column_table
from zkunlearn.models.encoding.resolution import ColumnUse

from .conftest import done, run

COMMIT = ("--target", "sick", "--id", "name")


def use(name: str, spread: float) -> ColumnUse:
    return ColumnUse(name, 0.0, 1.0, "linear", 9, 2049, spread, 0.25, 0.0)


def test_commit_shows_a_line_for_each_column_and_json_the_same(owner: Path) -> None:
    given = ("commit", owner / "t.csv", *COMMIT, "--bounds", owner / "bounds.toml", "--out", owner / "again")
    lines = [line.split() for line in done(*given).stdout.splitlines()]
    heads, age, weight = lines[1:4]
    assert heads[:4] == ["column", "bounds", "integers", "spread"]
    assert (age[0], age[1:3], weight[0]) == ("'age'", ["[0.0,", "120.0]"], "'weight'")
    said = json.loads(done(*given, "--force", "--json").stdout)["columns"]
    assert [each["name"] for each in said] == ["age", "weight"]
    assert [(each["integers"], each["of"]) for each in said] == [(int(age[3]), 2049), (int(weight[3]), 2049)]
    assert f"{said[0]['spread']:.3g}" == age[6]


def test_shares_at_the_bounds_are_those_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,y\n0,1,0\n0,9,1\n5,3,1\n10,2,0\n")
    (tmp_path / "b.toml").write_text("[bounds]\na = [0, 10]\nb = [0, 10]\n")
    given = ("commit", tmp_path / "t.csv", "--target", "y", "--bounds", tmp_path / "b.toml")
    a, b = json.loads(done(*given, "--out", tmp_path / "d", "--json").stdout)["columns"]
    assert (a["at_low"], a["at_high"], b["at_low"], b["at_high"]) == (0.5, 0.25, 0, 0)


def test_of_many_columns_only_the_worst_are_shown_and_how_many_more_are_fine() -> None:
    rows = column_table([use(f"c{k}", 100.0 - k) for k in range(40)])
    assert [row.split()[0] for row in rows[1:-1]] == [f"'c{k}'" for k in range(39, 27, -1)]
    assert rows[-1] == "  28 more are fine: their values spread over 72 integers or more (--json has all)"
    assert len(column_table([use(f"c{k}", 1.0) for k in range(12)])) == 13


def test_columns_that_are_left_out_of_the_table_are_not_called_fine_where_they_are_not() -> None:
    assert column_table([use(f"c{k}", 1.0) for k in range(40)])[-1] == "  28 more (--json has all)"


def test_the_name_of_a_column_cannot_forge_a_line() -> None:
    rows = column_table([use("a  9 of 9\x1b[2J", 1.0)])
    assert len(rows) == 2 and "\x1b" not in rows[1]


def test_the_opening_shows_the_same_to_its_owner_and_the_commitment_what_is_public(owner: Path) -> None:
    given = ("commit", owner / "t.csv", *COMMIT, "--bounds", owner / "bounds.toml", "--out", owner / "data")
    committed = json.loads(done(*given, "--force", "--json").stdout)
    said = json.loads(done("inspect", owner / "data" / "dataset.opening", "--json").stdout)
    assert said["columns"] == committed["columns"]
    shown = " ".join(done("inspect", owner / "data" / "dataset.opening").stdout.split())
    assert f"'age' in [0.0, 120.0]: {said['columns'][0]['integers']} of 2,049 integers used" in shown
    public = json.loads(done("inspect", owner / "data" / "dataset.commitment", "--json").stdout)["columns"]
    assert [each["step"] for each in public] == [120 / 2048, 300 / 2048]
    assert not {"integers", "spread", "at_low", "at_high"} & set(public[0])
    assert "'age' in [0.0, 120.0], in steps of 0.0586" in done("inspect", owner / "data" / "dataset.commitment").stdout


def test_the_steps_of_a_logarithm_are_not_called_equal(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n0,0\n1e6,1\n500,1\n")
    (tmp_path / "b.toml").write_text('[bounds]\na = {low = 0, high = 1e6, map = "log1p"}\n')
    done("commit", tmp_path / "t.csv", "--target", "y", "--bounds", tmp_path / "b.toml", "--out", tmp_path / "d")
    file = tmp_path / "d" / "dataset.commitment"
    assert "'a' in [0.0, 1000000.0], by log1p" in done("inspect", file).stdout
    assert json.loads(done("inspect", file, "--json").stdout)["columns"][0]["step"] is None


@pytest.mark.parametrize("name", ["features", "labels", "dataset"])
def test_an_opening_alone_or_beside_what_is_not_its_own_is_inspected_without_columns(
    owner: Path, tmp_path: Path, name: str
) -> None:
    alone = Path(shutil.copy(owner / "data" / "dataset.opening", tmp_path / "dataset.opening"))
    assert "columns" not in json.loads(done("inspect", alone, "--json").stdout)
    file = owner / "data" / "dataset.secrets" / f"{name}.npy"
    good = np.load(file)
    for spoilt in (np.zeros(3), np.array([{}], dtype=object), np.full_like(good, np.iinfo(good.dtype).max)):
        np.save(file, spoilt, allow_pickle=True)
        said = run("inspect", owner / "data" / "dataset.opening", "--json")
        assert said.exit_code == 0
        if name != "labels" or spoilt.shape != (24,):  # labels of classes are not counted
            assert "columns" not in json.loads(said.stdout)
