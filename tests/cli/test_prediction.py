"""predict: what a model says of new rows, as CSV or JSON, in a file or on stdout."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu

from .conftest import done, run
from .test_owner import refusal

# In another order than the model's, with columns that it does not know.
NEW = "city,weight,name,age,sick\nRome,81.5,ann,70,yes\nOslo,60,ben,21,no\nBonn,99,cyd,38.25,yes\n"
ROWS = np.array([[70, 81.5], [21, 60], [38.25, 99]])


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("new") / "new.csv"
    path.write_text(NEW)
    return path


@pytest.fixture(scope="module")
def model_file(made: Path) -> Path:
    return made / "first.model.opening"


@pytest.fixture(scope="module")
def model(model_file: Path) -> zu.Model:
    return zu.Model.load(model_file)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# --- what is said -------------------------------------------------------------------------------------------


def test_predictions_go_to_stdout_as_csv_with_numbers_for_ids(model_file: Path, model: zu.Model, new: Path) -> None:
    result = done("predict", model_file, new)
    classes = model.predict(ROWS)
    assert result.stdout == "id,prediction\n" + "".join(f"{k},{one}\n" for k, one in enumerate(classes, start=1))
    assert result.stderr == "note: no features of the model, and not read: 'city', 'name', 'sick'\n"


def test_ids_and_probabilities_are_those_of_the_library_digit_for_digit(
    model_file: Path, model: zu.Model, new: Path
) -> None:
    found = rows_of(done("predict", model_file, new, "--id", "name", "--proba").stdout)
    assert [row["id"] for row in found] == ["ann", "ben", "cyd"]
    assert [row["prediction"] for row in found] == model.predict(ROWS).tolist()
    heads = [f"probability of {name}" for name in ("no", "yes")]
    assert [[float(row[head]) for head in heads] for row in found] == model.predict_proba(ROWS).tolist()


def test_labels_in_the_file_give_a_score_on_stderr(model_file: Path, model: zu.Model, new: Path) -> None:
    result = done("predict", model_file, new, "--target", "sick")
    accuracy = model.score(ROWS, ["yes", "no", "yes"])
    assert result.stderr.splitlines()[-1] == f"accuracy {accuracy:.4f} on 3 rows"
    assert result.stdout == done("predict", model_file, new).stdout


def test_quiet_says_the_predictions_and_nothing_else(model_file: Path, new: Path, tmp_path: Path) -> None:
    result = done("predict", model_file, new, "--target", "sick", "--quiet")
    assert (result.stdout.splitlines()[0], len(result.stdout.splitlines()), result.stderr) == ("id,prediction", 4, "")
    result = done("predict", model_file, new, "--quiet", "--out", tmp_path / "p.csv")
    assert (result.stdout, result.stderr) == ("predicted: 3 rows\n", "")


def test_json_is_one_object_with_all_predictions(model_file: Path, model: zu.Model, new: Path) -> None:
    result = done("predict", model_file, new, "--id", "name", "--target", "sick", "--proba", "--json")
    answer = json.loads(result.stdout)
    assert result.stderr == ""
    assert answer["statement"] == zu.TrainingProof.load(model_file.parent / "first.proof").digest.hex()
    assert (answer["model"], answer["rows"], answer["unused"], answer["file"]) == ("logistic", 3, ["city"], None)
    assert answer["score"] == {"accuracy": model.score(ROWS, ["yes", "no", "yes"])}
    assert [one["id"] for one in answer["predictions"]] == ["ann", "ben", "cyd"]
    assert [one["prediction"] for one in answer["predictions"]] == model.predict(ROWS).tolist()
    probabilities = [[one["probabilities"][name] for name in ("no", "yes")] for one in answer["predictions"]]
    assert probabilities == model.predict_proba(ROWS).tolist()
    plain = json.loads(done("predict", model_file, new, "--json").stdout)
    assert plain["score"] is None and "probabilities" not in plain["predictions"][0]


def test_a_file_of_predictions_is_its_owners_alone_for_they_tell_about_the_weights(
    model_file: Path, new: Path, tmp_path: Path
) -> None:
    out = tmp_path / "p.csv"
    result = done("predict", model_file, new, "--target", "sick", "--out", out)
    assert out.read_text() == done("predict", model_file, new, "--quiet").stdout
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "SECRET" in result.stdout and result.stdout.splitlines()[-1].startswith("predicted: 3 rows, accuracy ")
    answer = json.loads(done("predict", model_file, new, "--out", out, "--force", "--json").stdout)
    assert (answer["file"], answer["predictions"]) == (str(out), None)


def test_no_opening_is_spent(model_file: Path, new: Path) -> None:
    before = model_file.read_bytes()
    done("predict", model_file, new)
    assert model_file.read_bytes() == before


# --- tables -------------------------------------------------------------------------------------------------


def test_the_table_that_was_trained_on_needs_no_change(model_file: Path, made: Path) -> None:
    result = done("predict", model_file, made / "t.csv", "--id", "name", "--target", "sick", "--json")
    answer = json.loads(result.stdout)
    assert (answer["rows"], answer["unused"]) == (24, [])
    labels = [row["sick"] for row in rows_of((made / "t.csv").read_text(encoding="utf-8"))]
    right = [one["prediction"] == label for one, label in zip(answer["predictions"], labels, strict=True)]
    assert answer["score"] == {"accuracy": sum(right) / 24}


def test_csv_parquet_arrow_and_npz_are_predicted_alike(model_file: Path, new: Path, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import feather, parquet

    expected = done("predict", model_file, new, "--id", "name", "--proba", "--quiet").stdout
    columns = {"city": ["a", "b", "c"], "weight": ROWS[:, 1], "name": ["ann", "ben", "cyd"], "age": ROWS[:, 0]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    assert done("predict", model_file, tmp_path / "t.parquet", "--id", "name", "--proba", "-q").stdout == expected
    feather.write_feather(pyarrow.table(columns), tmp_path / "t.arrow")
    assert done("predict", model_file, tmp_path / "t.arrow", "--id", "name", "--proba", "-q").stdout == expected
    wide = np.column_stack([ROWS[:, 1], [9, 9, 9], ROWS[:, 0]])
    np.savez(tmp_path / "named.npz", X=wide, names=["weight", "pulse", "age"], ids=["ann", "ben", "cyd"])
    result = done("predict", model_file, tmp_path / "named.npz", "--proba")
    assert (result.stdout, "'pulse'" in result.stderr) == (expected, True)
    np.savez(tmp_path / "bare.npz", X=ROWS, ids=["ann", "ben", "cyd"], sick=["yes", "no", "yes"])
    assert done("predict", model_file, tmp_path / "bare.npz", "--proba").stdout == expected
    assert "accuracy" in done("predict", model_file, tmp_path / "bare.npz", "--target", "sick").stderr


def test_one_row_is_enough_and_an_id_may_come_twice(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("age,weight,who\n40,80,a\n")
    assert len(rows_of(done("predict", model_file, tmp_path / "t.csv").stdout)) == 1
    (tmp_path / "t.csv").write_text("age,weight,who\n40,80,a\n20,80,a\n")
    assert [row["id"] for row in rows_of(done("predict", model_file, tmp_path / "t.csv", "--id", "who").stdout)] == [
        "a",
        "a",
    ]


@pytest.mark.parametrize("kind", ["linear", "poisson"])
def test_other_families_predict_numbers_with_scores_of_their_own(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(8)
    x = rng.uniform(0, 2, 30)
    labels = 50 + 10 * x if kind == "linear" else rng.poisson(np.exp(x))
    table = "\n".join(["dose,result", *(f"{a},{b}" for a, b in zip(x, labels, strict=True))])
    (tmp_path / "t.csv").write_text(table)
    rate = 0.5 if kind == "linear" else 0.125
    (tmp_path / "s.toml").write_text(f'[model]\nkind = "{kind}"\n[method]\nepochs = 60\nlearning_rate = {rate}\n')
    label = "real" if kind == "linear" else "count"
    done("commit", tmp_path / "t.csv", "--target", "result", "--label", label, "--out", tmp_path / "d")
    done("prove", tmp_path / "d", "--spec", tmp_path / "s.toml", "--out", tmp_path / "m.proof")
    command = ("predict", tmp_path / "m.model.opening", tmp_path / "t.csv", "--target", "result")
    answer = json.loads(done(*command, "--json").stdout)
    model = zu.Model.load(tmp_path / "m.model.opening")
    assert [one["prediction"] for one in answer["predictions"]] == model.predict(x[:, None]).tolist()
    name = {"linear": "R^2", "poisson": "D^2"}[kind]
    assert answer["score"] == {name: model.score(x[:, None], labels)} and 0 < answer["score"][name] < 1
    assert "not classes, so there are no probabilities" in refusal(*command, "--proba")


# --- what is refused ----------------------------------------------------------------------------------------


def test_a_file_that_is_there_is_only_replaced_by_force(model_file: Path, new: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    out.write_text("mine")
    message = refusal("predict", model_file, new, "--out", out)
    assert "p.csv: is there already" in message and "--force" in message
    assert out.read_text() == "mine"
    done("predict", model_file, new, "--out", out, "--force")
    assert out.read_text().startswith("id,prediction\n")


@pytest.mark.parametrize("name", ["second.model.opening", "t.csv"])
def test_predictions_never_replace_what_they_are_made_from(owner: Path, name: str) -> None:
    before = (owner / name).read_bytes()
    (owner / "link").hardlink_to(owner / name)
    for out in (owner / name, owner / "link"):
        message = refusal("predict", owner / "second.model.opening", owner / "t.csv", "--out", out, "--force")
        assert "is what this is made from" in message
    assert (owner / name).read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("first.proof", "first.proof: this is a training, but a model.opening is needed"),
        ("data/dataset.opening", "dataset.opening: this is a dataset.opening, but a model.opening is needed"),
        ("t.csv", "t.csv: this is not a zkunlearn file"),
        ("none.model.opening", "none.model.opening: there is no such file"),
    ],
)
def test_another_file_than_a_model_is_refused(made: Path, new: Path, name: str, words: str) -> None:
    assert words in refusal("predict", made / name, new)


def test_a_damaged_model_is_refused_and_is_no_verdict(owner: Path, new: Path) -> None:
    path = owner / "first.model.opening"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    assert "first.model.opening: " in refusal("predict", path, new)


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("age\n40\n", (), "there is no column 'weight'"),
        ("age,wieght\n40,80\n", (), "there is no column 'weight'; did you mean 'wieght'?"),
        ("age,weight,age\n40,80,40\n", (), "columns 1 and 3 are both named 'age'"),
        ("age,weight\n40,80\n41,heavy\n", (), "line 3, column 'weight': 'heavy' is not a number"),
        ("age,weight\n40,80\n\n1e9,80\n", (), "line 4, column 'age': 1000000000.0 does not fit 16 bits"),
        ("age,weight\n40,80\n", ("--target", "sick"), "there is no column 'sick'"),
        ("age,weight\n40,80\n", ("--id", "age"), "column 'age' is a feature; it cannot be the target or the ids"),
        ("age,weight,sick\n40,80,\n", ("--target", "sick"), "line 2, column 'sick': the cell is empty"),
        ("age,weight,sick\n40,80,1\n", ("--target", "sick"), "line 2, column 'sick': '1' is no class, nor is any"),
        ("age,weight\n", (), "there is a header, but no row"),
    ],
)
def test_a_table_that_cannot_be_predicted_on_is_refused_with_its_line(
    model_file: Path, tmp_path: Path, content: str, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "t.csv").write_text(content)
    message = refusal("predict", model_file, tmp_path / "t.csv", *options, "--out", tmp_path / "p.csv")
    assert "t.csv: " in message and words in message
    assert not (tmp_path / "p.csv").exists()


def test_an_npz_of_another_width_without_names_is_refused(model_file: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", X=np.ones((3, 3)))
    assert "array 'X' has 3 columns, expected 2; an array 'names'" in refusal("predict", model_file, tmp_path / "t.npz")
    np.savez(tmp_path / "t.npz", X=np.ones((3, 2)), names=["age", "height"])
    message = refusal("predict", model_file, tmp_path / "t.npz")
    assert "t.npz: array 'names': there is no column 'weight'" in message


def test_a_place_that_cannot_be_written_is_found_before_the_work(model_file: Path, new: Path, tmp_path: Path) -> None:
    message = refusal("predict", tmp_path / "none.model.opening", new, "--out", tmp_path / "none" / "p.csv")
    assert "is not a directory that exists" in message
    assert run("predict", model_file).exit_code == 2
