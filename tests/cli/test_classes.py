"""A table with several classes of labels, through every command of its owner."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu

from .conftest import done, run

CLASSES = ["high", "low", "middle"]
BOUNDS = "[bounds]\nage = [0, 120]\nweight = [0, 300]\n"


def write_table(path: Path, words: dict[str, str]) -> None:
    rng = np.random.default_rng(5)
    lines = ["name,age,weight,risk"]
    for row in range(48):
        age, weight = rng.integers(20, 90), rng.integers(50, 120)
        risk = "low" if age < 40 else "high" if age > 65 else "middle"
        lines.append(f"p{row},{age},{weight},{words[risk]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def committed(folder: Path, words: dict[str, str], *options: str) -> dict[str, object]:
    """What `commit` says of a table whose labels are these words."""
    write_table(folder / "t.csv", words)
    (folder / "bounds.toml").write_text(BOUNDS)
    common = ("--target", "risk", "--id", "name", "--bounds", folder / "bounds.toml", "--out", folder / "data")
    answer: dict[str, object] = json.loads(done("commit", folder / "t.csv", *common, *options, "--json").stdout)
    return answer


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    assert committed(folder, dict(zip(CLASSES, CLASSES, strict=True)))["label_kind"] == "categorical"
    done("suggest", folder / "data", "--out", folder / "spec.toml")
    done("prove", folder / "data", "--spec", folder / "spec.toml", "--out", folder / "first.proof")
    return folder


def test_a_column_of_texts_is_one_of_classes_and_inspect_says_which(owner: Path) -> None:
    assert (
        "categorical: 3 classes, 'high, low, middle'" in done("inspect", owner / "data" / "dataset.commitment").stdout
    )


def test_numbers_are_classes_where_that_is_asked_for(tmp_path: Path) -> None:
    words = {"low": "1", "middle": "2", "high": "10"}
    assert committed(tmp_path, words, "--label", "categorical")["label_kind"] == "categorical"
    assert "3 classes, '1, 2, 10'" in done("inspect", tmp_path / "data" / "dataset.commitment").stdout


def test_a_suggested_spec_is_for_all_classes_and_train_shows_the_share_that_is_right(owner: Path) -> None:
    answer = json.loads(done("train", owner / "data", "--spec", owner / "spec.toml", "--json").stdout)
    training = answer["training"]
    assert training["score"] == "accuracy" and training["epochs"][-1]["score"] > 0.6
    assert training["epochs"][0]["loss"] == pytest.approx(3 * np.log(2))  # of three outputs that know nothing
    assert training["epochs"][-1]["loss"] < training["constant_loss"]


def test_a_prediction_has_a_probability_of_each_class_digit_for_digit(owner: Path) -> None:
    model = zu.Model.load(owner / "first.model.opening")
    X = np.loadtxt(owner / "t.csv", delimiter=",", skiprows=1, usecols=(1, 2))
    result = done(
        "predict", owner / "first.model.opening", owner / "t.csv", "--id", "name", "--target", "risk", "--proba"
    )
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(rows[0]) == ["id", "prediction", *(f"probability of {name}" for name in CLASSES)]
    found = [[float(row[f"probability of {name}"]) for name in CLASSES] for row in rows]
    assert found == model.predict_proba(X).tolist()
    assert np.sum(found, axis=1) == pytest.approx(np.ones(48), abs=1e-12)
    assert [row["prediction"] for row in rows] == np.array(CLASSES)[np.argmax(found, axis=1)].tolist()
    labels = [line.split(",")[3] for line in (owner / "t.csv").read_text().splitlines()[1:]]
    assert f"accuracy {model.score(X, labels):.4f} on 48 rows" in result.stderr


def test_labels_that_are_no_class_of_the_model_are_refused(owner: Path, tmp_path: Path) -> None:
    write_table(tmp_path / "new.csv", {"low": "cold", "middle": "warm", "high": "hot"})
    result = run("predict", owner / "first.model.opening", tmp_path / "new.csv", "--target", "risk")
    assert result.exit_code == 2
    assert "is no class, nor is any other label; the classes are high, low, middle" in result.stderr


def test_a_forgotten_class_is_not_predicted_and_has_no_probability(owner: Path) -> None:
    common = ("--spec", owner / "spec.toml", "--previous", owner / "first.proof", "--out", owner / "second.proof")
    done("prove", owner / "data", *common, "--forget-class", "middle")
    rows = done("predict", owner / "second.model.opening", owner / "t.csv", "--id", "name", "--proba").stdout
    found = list(csv.DictReader(io.StringIO(rows)))
    assert list(found[0]) == ["id", "prediction", "probability of high", "probability of low"]
    assert {row["prediction"] for row in found} == {"high", "low"} and len(found) == 48
    answer = json.loads(done("predict", owner / "second.model.opening", owner / "t.csv", "--proba", "--json").stdout)
    assert list(answer["predictions"][0]["probabilities"]) == ["high", "low"]
