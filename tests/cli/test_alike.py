"""The command line and the library, call by call over the same inputs: the same statements, and the same refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import zkunlearn as zu
from zkunlearn.formats.toml import toml_value

from .conftest import done, run

BOUNDS: dict[str, Any] = {
    "age": {"low": 0, "high": 120, "missing": 60},
    "city": {"categories": ["LA", "NY", "SF"]},
    "since": (date(2000, 1, 1), date(2030, 1, 1)),
}
SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "optimum"\nl2 = 0.1\n'
ROWS = 18


def frame() -> pd.DataFrame:
    rows = range(ROWS)
    return pd.DataFrame(
        {
            "name": [f"p{row}" for row in rows],
            "age": [None if row == 4 else float(20 + row) for row in rows],
            "city": [("NY", "LA", "SF")[row % 3] for row in rows],
            "since": [f"2020-01-{1 + row:02}" for row in rows],
            "sick": ["yes" if row > 8 else "no" for row in rows],
        }
    )


def text_of(bounds: dict[str, Any]) -> str:
    def written(value: Any) -> str:
        if isinstance(value, date):
            return str(value)
        if isinstance(value, dict):
            return f"{{{', '.join(f'{key} = {written(own)}' for key, own in value.items())}}}"
        return f"[{', '.join(map(written, value))}]" if isinstance(value, (tuple, list)) else toml_value(value)

    return "[bounds]\n" + "".join(f"{name} = {written(value)}\n" for name, value in bounds.items())


@dataclass
class Pair:
    """One request, made both ways.

    Attributes:
        change: what is done to the good table.
        bounds, options, categories: of `commit`, as the command line and as the library have them.
        forget: of `prove`; None where only a data set is made.
        words: of the command line's refusal, where a file has lines and texts, and a frame rows and values.
    """

    change: Callable[[pd.DataFrame], Any] = lambda table: None
    bounds: dict[str, Any] = field(default_factory=lambda: BOUNDS)
    arguments: tuple[object, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    categories: dict[str, Any] | None = None
    forget: tuple[str, ...] | None = None
    words: str | None = None

    def by_command(self, folder: Path) -> Any:
        """What it prints."""
        table = frame()
        self.change(table)
        table.to_csv(folder / "t.csv", index=False)
        (folder / "b.toml").write_text(text_of(self.bounds))
        (folder / "s.toml").write_text(SPEC)
        columns: tuple[object, ...] = ("--target", "sick", "--id", "name", "--bounds", folder / "b.toml")
        if self.categories is not None:
            (folder / "c.json").write_text(json.dumps(self.categories))
            columns = (*columns, "--categories", folder / "c.json")
        result = run("commit", folder / "t.csv", *columns, *self.arguments, "--out", folder / "d")
        if result.exit_code == 0 and self.forget is not None:
            named = [part for name in self.forget for part in ("--forget", name)]
            result = run("prove", folder / "d", "--spec", folder / "s.toml", *named, "--out", folder / "p.proof")
        return result

    def by_call(self, folder: Path) -> Any:
        """The proof, or the data set."""
        table = frame()
        self.change(table)
        features = table.drop(columns=["name", "sick"])
        common: dict[str, Any] = {"bounds": self.bounds, "label_name": "sick", **self.options}
        common["categories"] = self.categories
        dataset = zu.commit(features, table["sick"], table["name"].tolist(), **common)
        if self.forget is None:
            return dataset
        return zu.prove(dataset, zu.load_spec(folder / "s.toml"), forget=self.forget)


def put(row: int, column: str, value: object) -> Callable[[pd.DataFrame], Any]:
    def change(table: pd.DataFrame) -> None:
        table[column] = table[column].astype(object)
        table.loc[row, column] = value

    return change


GOOD = {
    "as it is": Pair(),
    "another scale": Pair(arguments=("--x-bits", 12, "--openings", 3), options={"x_bits": 12, "openings": 3}),
    "categories apart": Pair(
        bounds={name: own for name, own in BOUNDS.items() if name != "city"},
        categories={"city": ["LA", "NY", "SF"]},
    ),
    "classes asked for": Pair(
        put(3, "sick", "perhaps"), arguments=("--label", "categorical"), options={"label_kind": "categorical"}
    ),
}
REFUSED = {
    "a category that is none": Pair(put(2, "city", "Rome")),
    "a time that is none": Pair(put(2, "since", "soon")),
    "a time out of bounds": Pair(put(2, "since", "1999-12-31")),
    "a number out of bounds": Pair(put(2, "age", 121.0)),
    "no category": Pair(put(2, "city", None)),
    "an id twice": Pair(put(2, "name", "p1"), words="id 'p1' is also that of line 3"),
    "an id with a control character": Pair(put(2, "name", "p\x01q"), words="control characters"),
    "another kind of label": Pair(arguments=("--label", "count"), options={"label_kind": "count"}),
    "a column that is not there": Pair(bounds={**BOUNDS, "town": {"categories": ["a", "b"]}}),
    "bounds in the wrong order": Pair(bounds={**BOUNDS, "since": (date(2030, 1, 1), date(2000, 1, 1))}),
    "no bounds of a column": Pair(
        bounds={name: own for name, own in BOUNDS.items() if name != "since"}, words="'2020-01-01' is not a number"
    ),
    "a column declared twice": Pair(categories={"city": ["LA", "NY", "SF"]}),
    "one category": Pair(bounds={**BOUNDS, "city": {"categories": ["LA"]}}),
    "nobody's id": Pair(forget=("p3", "p99")),
    "another form of an id": Pair(forget=("P3",)),
    "everybody": Pair(forget=tuple(f"p{row}" for row in range(ROWS))),
}


@pytest.mark.parametrize("what", GOOD)
def test_both_make_the_same_statement(what: str, tmp_path: Path) -> None:
    pair = GOOD[what]
    assert pair.by_command(tmp_path).exit_code == 0
    committed, dataset = zu.DatasetCommitment.load(tmp_path / "d" / "dataset.commitment"), pair.by_call(tmp_path)
    own, other = committed.statement, dataset.statement
    assert (own.encoding, own.rows, own.openings) == (other.encoding, other.rows, other.openings)
    assert sorted(zu.load_dataset(tmp_path / "d").ids) == sorted(dataset.ids)


def test_both_read_the_same_files(tmp_path: Path) -> None:
    pair = GOOD["categories apart"]
    assert pair.by_command(tmp_path).exit_code == 0
    own = zu.DatasetCommitment.load(tmp_path / "d" / "dataset.commitment").statement
    read = replace(pair, bounds=zu.read_bounds(tmp_path / "b.toml"), categories=zu.read_categories(tmp_path / "c.json"))
    assert read.by_call(tmp_path).statement.encoding == own.encoding
    with pytest.raises(zu.DataError, match=r"b\.toml: must hold one section \[bounds\]"):
        (tmp_path / "b.toml").write_text("age = [0, 1]\n")
        zu.read_bounds(tmp_path / "b.toml")


def test_both_prove_the_same_model(tmp_path: Path) -> None:
    pair = Pair(forget=("p3", "p7"))
    assert pair.by_command(tmp_path).exit_code == 0
    model, other = zu.Model.load(tmp_path / "p.model.opening"), pair.by_call(tmp_path).model
    assert model.coef_.tolist() == other.coef_.tolist() and model.predict(frame()[[*BOUNDS]]).tolist() == (
        other.predict(frame()[[*BOUNDS]]).tolist()
    )
    (tmp_path / "new.csv").write_text(frame().to_csv(index=False))
    said = done("predict", tmp_path / "p.model.opening", tmp_path / "new.csv", "--id", "name").stdout.splitlines()[1:]
    assert [line.split(",")[1] for line in said] == other.predict(frame()[[*BOUNDS]]).tolist()


@pytest.mark.parametrize("what", REFUSED)
def test_both_refuse_with_the_same_words(what: str, tmp_path: Path) -> None:
    pair = REFUSED[what]
    result = pair.by_command(tmp_path)
    with pytest.raises(zu.ZkUnlearnError) as caught:
        pair.by_call(tmp_path)
    assert result.exit_code == 2
    reason = getattr(caught.value, "reason", str(caught.value))
    # What the library names by its arguments, the command line has other names for.
    assert (pair.words or reason.split(";")[0]) in result.output


def test_both_answer_a_list_alike(tmp_path: Path) -> None:
    """The same people, the same weights; and nothing the second time."""
    pair = Pair()
    assert pair.by_command(tmp_path).exit_code == 0
    spec, people = zu.load_spec(tmp_path / "s.toml"), ("p3", "p7")
    shutil.copytree(tmp_path / "d", tmp_path / "e")
    named = [part for name in people for part in ("--id", name)]
    common = ("forget", tmp_path / "d", "--spec", tmp_path / "s.toml", "--proofs", tmp_path / "by command")
    for published in (1, 0):
        said = json.loads(done(*common, *named, "--export", tmp_path / "w.npz", "--json").stdout)
        answered = zu.forget(tmp_path / "e", people, spec, tmp_path / "by call", export=tmp_path / "v.npz")
        assert len(said["published"]) == len(answered.published) == published
        assert (said["forgotten_now"], tuple(said["openings"].values())) == (answered.forgotten, answered.openings)
    with np.load(tmp_path / "w.npz") as one, np.load(tmp_path / "v.npz") as other:
        assert all(np.array_equal(one[name], other[name]) for name in one)
    refused = run(*common, "--id", "p99")
    with pytest.raises(zu.DataError) as error:
        zu.forget(tmp_path / "e", ["p99"], spec, tmp_path / "by call")
    assert refused.exit_code == 2 and error.value.reason.partition(" ")[2] in refused.stderr.replace("ids: ", "")


@pytest.mark.parametrize("end", ["csv", "parquet", "feather"])
def test_both_count_what_is_missing_alike(tmp_path: Path, end: str) -> None:
    table = frame()
    table.loc[[2, 3], "city"] = None
    table.loc[5, "sick"] = None
    bounds = {**BOUNDS, "age": {"low": 0, "high": 120}}
    (tmp_path / "b.toml").write_text(text_of(bounds))
    write = {
        "csv": lambda path: table.to_csv(path, index=False),
        "parquet": table.to_parquet,
        "feather": table.to_feather,
    }
    write[end](tmp_path / f"t.{end}")
    columns = ("--target", "sick", "--id", "name", "--bounds", tmp_path / "b.toml", "--out", tmp_path / "d")
    refused = run("commit", tmp_path / f"t.{end}", *columns)
    told = "of 18 rows values are missing: 2 in 'city', 1 in 'age', 1 in 'sick'; declare in"
    assert refused.exit_code == 2 and told in refused.output
    features, whole = table.drop(columns=["name", "sick"]), pl.DataFrame(table)
    for X, y in ((features, table["sick"]), (whole.drop("name", "sick"), whole["sick"])):
        with pytest.raises(zu.DataError) as error:
            zu.commit(X, y, table["name"].tolist(), bounds=bounds, label_name="sick")
        assert told in str(error.value) and (error.value.row, error.value.column) == (2, "city")


def test_both_take_a_list_from_a_table(tmp_path: Path) -> None:
    assert Pair().by_command(tmp_path).exit_code == 0
    pd.DataFrame({"since": [1, 2, 3, 4], "who": ["p3", "p99", "p7", "p3"]}).to_parquet(tmp_path / "l.parquet")
    shutil.copytree(tmp_path / "d", tmp_path / "other" / "d")
    listed = ("--forget-file", tmp_path / "l.parquet", "--forget-column", "who", "--skip-unknown")
    made = (tmp_path / "d", "--spec", tmp_path / "s.toml", "--out", tmp_path / "p.proof")
    said = json.loads(done("prove", *made, *listed, "--json").stdout)["asked"]
    people = zu.read_id_list(tmp_path / "l.parquet", "who")
    dataset, spec = zu.load_dataset(tmp_path / "other" / "d"), zu.load_spec(tmp_path / "s.toml")
    trained = zu.prove(dataset, spec, forget=people, skip_unknown=True)
    own = zu.TrainingProof.load(tmp_path / "p.proof").statement
    assert own.forgotten == trained.proof.statement.forgotten and len(own.forgotten) == 2
    assert said["repeated"] == [*trained.asked.repeated] == ["p3"]
    assert [each["id"] for each in said["skipped"]] == [*trained.asked.skipped] == ["p99"]
