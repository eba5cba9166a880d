"""Columns that are no plain numbers, through every command that reads or shows a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import zkunlearn as zu

from .conftest import done, run

SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "optimum"\nl2 = 0.1\n'
CITIES = ("NY", "LA", "SF")
COMMON = ("--target", "sick", "--id", "name")
TWICE = "c.toml: column 'city': declared twice, among bounds and among categories"


def write_table(path: Path, rows: int = 24) -> None:
    lines = ["name,age,city,since,note,sick"]
    for row in range(rows):
        age = "" if row == 5 else str(20 + 2 * row)
        city = "n/a" if row == 7 else CITIES[row % 3]
        sick = "" if row == 11 else "yes" if row > 12 else "no"
        lines.append(f"p{row},{age},{city},2020-0{1 + row % 9}-01,text {row * 7},{sick}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """From a table as it is to a proof that forgets somebody."""
    folder = tmp_path_factory.mktemp("declared")
    write_table(folder / "t.csv")
    (folder / "spec.toml").write_text(SPEC)
    done("suggest-bounds", folder / "t.csv", *COMMON, "--drop", "note", "--out", folder / "b.toml")
    options = ("--bounds", folder / "b.toml", "--drop", "note", "--leave-out-incomplete")
    done("commit", folder / "t.csv", *COMMON, *options, "--out", folder / "data")
    prove = ("prove", folder / "data", "--spec", folder / "spec.toml")
    done(*prove, "--out", folder / "1.proof")
    done(*prove, "--forget", "p3", "--previous", folder / "1.proof", "--out", folder / "2.proof")
    return folder


def test_suggested_bounds_have_what_a_table_as_it_is_needs(made: Path) -> None:
    text = (made / "b.toml").read_text()
    assert '"age" = {low = 0, high = 90, missing = 45}' in text
    assert '"city" = {categories = ["LA", "NY", "SF", "unknown"], missing = "unknown"}' in text
    assert '"since" = [2020-01-01, 2026-01-01]' in text and "note" not in text
    assert "and 1 cell without a value: say what such a cell counts as" in text


def test_times_of_other_forms_and_columns_of_many_texts_are_told(tmp_path: Path) -> None:
    rows = "\n".join(
        f"{1 + n % 28:02}.{1 + n % 12:02}.2020,{1 + n % 12:02}/0{1 + n % 9}/2020,n{n},EU,{n % 2}" for n in range(80)
    )
    (tmp_path / "t.csv").write_text(f"german,which,note,from,y\n{rows}\n")
    said = done("suggest-bounds", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "b.toml").output
    text = (tmp_path / "b.toml").read_text()
    assert 'format = "%d.%m.%Y"' in text and 'format = "%d/%m/%Y"' in text and 'or is its format "%m/%d/%Y"?' in text
    assert "leave out    'note', 'from': neither numbers, times nor few" in said
    assert '# more than 64 different texts\n# "note": leave it out, by --drop' in text
    assert '# one and the same text\n# "from": leave it out, by --drop' in text
    done(
        "commit",
        tmp_path / "t.csv",
        "--target",
        "y",
        "--bounds",
        tmp_path / "b.toml",
        "--drop",
        "note,from",
        "--out",
        tmp_path / "d",
    )


def test_inspect_shows_what_is_declared_of_each_column(made: Path) -> None:
    shown = " ".join(done("inspect", made / "data" / "dataset.commitment").stdout.split())
    assert "'age' in [0.0, 90.0], in steps of 0.0439; a cell without a value counts as 45.0" in shown
    assert (
        "'city' is one of 'LA', 'NY', 'SF', 'unknown'; 'LA' is the reference; a cell without a value counts as" in shown
    )
    assert "'since' in [2020-01-01, 2026-01-01], times in days" in shown
    sources = json.loads(done("inspect", made / "data" / "dataset.commitment", "--json").stdout)["sources"]
    assert [source["kind"] for source in sources] == ["number", "category", "time"]


def test_new_rows_are_predicted_on_as_they_were_committed(made: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("city,since,age,more\nLA,2021-05-05,80,x\n,2020-01-01,,x\n")
    model = made / "2.model.opening"
    assert done("predict", model, tmp_path / "new.csv").stdout.splitlines() == ["id,prediction", "1,yes", "2,no"]
    done("predict", model, tmp_path / "new.csv", "--prove", tmp_path / "p.predictions")
    pins = ("--dataset", made / "data" / "dataset.commitment", "--inputs", tmp_path / "new.csv")
    done("verify", made / "1.proof", made / "2.proof", tmp_path / "p.predictions", *pins)
    (tmp_path / "new.csv").write_text("city,since,age,more\nNY,2021-05-05,80,x\n,2020-01-01,,x\n")
    refused = run("verify", made / "1.proof", made / "2.proof", tmp_path / "p.predictions", *pins)
    assert refused.exit_code == 1 and "the predictions are of other inputs" in refused.output
    (tmp_path / "new.csv").write_text("city,since,age\nRome,2021-05-05,80\n")
    refused = run("predict", model, tmp_path / "new.csv")
    assert refused.exit_code == 2 and "line 2, column 'city': 'Rome' is none of the categories" in refused.output


def test_rows_are_added_as_they_were_committed_and_a_person_sees_hers(made: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("name,sick,city,since,age\nq,yes,,2021-05-05,\n")
    done("append", made / "data", tmp_path / "more.csv", *COMMON, "--out", tmp_path / "more")
    done("receipt", tmp_path / "more", "--id", "q", "--out", tmp_path / "q.receipt")
    shown = done("verify", tmp_path / "q.receipt", "--dataset", tmp_path / "more" / "dataset.commitment").stdout
    assert "'unknown'" in shown and "2021-05-0" in shown and "45" in shown
    (tmp_path / "more.csv").write_text("name,sick,city,since,age\nq,yes,LA,2031-05-05,1\n")
    refused = run("append", made / "data", tmp_path / "more.csv", *COMMON, "--out", tmp_path / "no")
    assert "line 2, column 'since': 2031-05-05 is outside the bounds [2020-01-01, 2026-01-01]" in refused.output


def test_a_row_that_was_left_out_was_never_in(made: Path, tmp_path: Path) -> None:
    (tmp_path / "people").write_text("p11\np4\n")
    prove = ("prove", made / "data", "--spec", made / "spec.toml", "--previous", made / "2.proof", "--fork")
    said = done(*prove, "--forget-file", tmp_path / "people", "--out", tmp_path / "3.proof").output
    assert "never in" in said
    again = run(
        "commit", made / "t.csv", *COMMON, "--bounds", made / "b.toml", "--drop", "note", "--out", tmp_path / "d"
    )
    assert again.exit_code == 2 and "line 13, column 'sick': the cell is empty" in again.output
    assert "--leave-out-incomplete" in again.output


def test_a_text_that_nothing_declares_is_refused_with_what_can_be_done(made: Path, tmp_path: Path) -> None:
    refused = run("commit", made / "t.csv", *COMMON, "--bounds", made / "b.toml", "--out", tmp_path / "d")
    assert "line 2, column 'note': 'text 0' is not a number; declare its column in a bounds file" in refused.output
    assert "(--drop)" in refused.output


def test_a_bad_declaration_names_file_and_column(made: Path, tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text("[bounds]\nage = [0, 90]\ncity = {categories = ['LA'], other = 'x'}\n")
    refused = run("commit", made / "t.csv", *COMMON, "--bounds", tmp_path / "b.toml", "--out", tmp_path / "d")
    assert refused.exit_code == 2 and "b.toml: column 'city': 1 categories, must be 2 to 1024" in refused.output


# Columns that list their values --------------------------------------------------------------------------------------


def write_feather(path: Path, first: int, rows: int) -> None:
    """Of a frame of pandas with columns that are categories: of integers, of truth values, and of texts."""
    own = range(first, first + rows)
    frame = pd.DataFrame(
        {
            "ward": pd.Categorical([(4, 2)[n % 2] for n in own], categories=[2, 4, 7]),
            "smokes": pd.Categorical([n % 3 == 0 for n in own], categories=[False, True]),
            "city": pd.Categorical([CITIES[n % 3] for n in own], categories=[*CITIES, "Rome"]),
            "age": [20.0 + n for n in own],
            "sick": [("no", "yes")[n % 5 > 2] for n in own],
        },
        index=pd.Index([f"p{n}" for n in own], name="name"),
    )
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.reset_index().to_feather(path)


def test_columns_of_categories_are_declared_by_suggest_bounds_and_taken_by_every_command(tmp_path: Path) -> None:
    table, bounds, spec = tmp_path / "t.feather", tmp_path / "b.toml", tmp_path / "spec.toml"
    write_feather(table, 0, 16)
    spec.write_text(SPEC)
    refused = run("commit", table, *COMMON, "--out", tmp_path / "data")
    assert (
        refused.exit_code == 2
        and "column 'ward': holds categories; 'ward', 'smokes', 'city': categories, to be declared in" in refused.output
    )
    done("suggest-bounds", table, *COMMON, "--out", bounds)
    text = bounds.read_text()
    assert '# the column itself lists 3 categories\n"ward" = {categories = ["2", "4", "7"]}' in text
    assert '"smokes" = {categories = ["False", "True"]}' in text
    assert '"city" = {categories = ["NY", "LA", "SF", "Rome"]}' in text
    done("commit", table, *COMMON, "--bounds", bounds, "--out", tmp_path / "data")
    write_feather(tmp_path / "new.arrow", 16, 3)
    done("append", tmp_path / "data", tmp_path / "new.arrow", *COMMON, "--out", tmp_path / "more")
    write_feather(tmp_path / "right.ipc", 5, 1)
    done("rectify", tmp_path / "more", tmp_path / "right.ipc", *COMMON, "--out", tmp_path / "right")
    done("prove", tmp_path / "right", "--spec", spec, "--out", tmp_path / "1.proof")
    write_feather(tmp_path / "new.parquet", 16, 3)
    answers = [
        done("predict", tmp_path / "1.model.opening", tmp_path / name, "-q", *more).output
        for name, more in (("new.arrow", ("--id", "name")), ("new.parquet", ()))
    ]
    assert answers[0] == answers[1] and "p16" in answers[0]


# Categories apart from bounds ----------------------------------------------------------------------------------------

FEW = "age,city,ward,sick\n" + "".join(f"{20 + n},{CITIES[n % 3]},{2 + n % 2},{n % 2}\n" for n in range(8))


def commit_few(folder: Path, name: str, categories: str, bounds: str | None = None) -> Any:
    (folder / "t.csv").write_text(FEW)
    (folder / name).write_text(categories)
    more: tuple[object, ...] = ()
    if bounds is not None:
        (folder / "b.toml").write_text("[bounds]\n" + bounds)
        more = ("--bounds", folder / "b.toml")
    options = ("--target", "sick", "--categories", folder / name, "--json", "--force")
    return run("commit", folder / "t.csv", *options, *more, "--out", folder / "data")


def test_categories_may_be_in_a_file_of_their_own_with_bounds_or_without(tmp_path: Path) -> None:
    both = json.dumps({"city": ["LA", "NY", "SF", "Rome"], "ward": {"categories": [2, 3, 4], "other": 4}})
    answer = json.loads(commit_few(tmp_path, "c.json", both, "age = [0, 120]\n").stdout)
    assert answer["bounds_declared"]
    declared = zu.load_dataset(tmp_path / "data").statement.encoding
    names = ("age", "city=NY", "city=SF", "city=Rome", "ward=3", "ward=4")
    assert declared.names == names
    answer = json.loads(commit_few(tmp_path, "c.json", both).stdout)
    found = zu.load_dataset(tmp_path / "data").statement.encoding
    assert not answer["bounds_declared"] and found.names == names and found.sources == declared.sources
    intervals = {own.name: (own.low, own.high) for own in found.features}
    assert intervals == {"age": (20, 27), **dict.fromkeys(names[1:], (0, 1))}, "whatever the rows are"
    table = pd.read_csv(tmp_path / "t.csv")
    own = zu.commit(table.drop(columns="sick"), table["sick"], categories=json.loads(both)).statement.encoding
    assert own == found


@pytest.mark.parametrize(
    ("categories", "bounds", "words"),
    [
        ('city = ["LA", "NY", "SF"]\n', 'age = [0, 120]\nward = [2, 3]\ncity = {categories = ["a", "b"]}\n', TWICE),
        ('city = ["LA", "NY", "SF"]\nage = [20, 21]\n', "age = [0, 120]\nward = [2, 3]\n", "column 'age': declared tw"),
        ('city = ["LA", "NY"]\n', "age = [0, 120]\nward = [2, 3]\n", "'SF' is none of the categories 'LA', 'NY'"),
        ('town = ["LA", "NY"]\ncity = ["LA", "NY", "SF"]\n', None, "there is no column 'town' that needs them"),
        ('city = ["LA"]\n', None, "c.toml: column 'city': 1 categories, must be 2 to 1024"),
    ],
)
def test_a_column_that_is_declared_twice_or_otherwise_wrong_is_named(
    tmp_path: Path, categories: str, bounds: str | None, words: str
) -> None:
    result = commit_few(tmp_path, "c.toml", categories, bounds)
    assert result.exit_code == 2 and words in json.loads(result.stdout)["error"]
