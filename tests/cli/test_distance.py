"""How near its optimum a model is, through the command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.cli.distance_words import at_most

from .conftest import done, run

SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "gradient descent"\nepochs = 20\nlearning_rate = 2.0\nl2 = 0.05\n'

SHARDED = SPEC.replace("gradient descent", "sisa").replace("epochs = 20", "epochs = 10\nshard_rows = 8")
LINEAR = '[model]\nkind = "linear"\n[method]\nkind = "one-pass"\nepochs = 30\nlearning_rate = 1.0\nl2 = 0.05\n'


@pytest.fixture(scope="module")
def proved(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner's folder with a model that has a penalty, and its distance."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("near") / "owner"))
    (folder / "near.toml").write_text(SPEC)
    done("prove", folder / "data", "--spec", folder / "near.toml", "--out", folder / "near.proof")
    done("prove-distance", folder / "data", "--model", folder / "near.model.opening", "--out", folder / "near.distance")
    return folder


def test_the_loss_comes_first_and_budgets_are_told(proved: Path, tmp_path: Path) -> None:
    own = zu.DistanceProof.load(proved / "near.distance").statement
    result = done(
        *("prove-distance", proved / "data", "--model", proved / "near.model.opening", "--distance", "16"),
        *("--slope", "1", "--out", tmp_path / "far.distance"),
    )
    lines = " ".join(result.stdout.split())
    assert (
        lines.index("loss within") < lines.index("intercept a unit") < lines.index("weights within 16 of that optimum")
    )
    assert "4 of 4 used" not in lines and "3 of 4 used" in lines and "proved: the model's loss is within" in lines
    assert zu.DistanceProof.load(tmp_path / "far.distance").statement.real_distance == 16 > own.real_distance


def test_the_verdict_is_in_the_numbers_and_what_was_not_given_is_told(proved: Path) -> None:
    file, own = proved / "near.distance", zu.DistanceProof.load(proved / "near.distance").statement
    said = done("verify", file).stdout
    assert f"VALID: the model's loss is within {at_most(own.excess)} of the best possible with its intercept" in said
    assert f"its weights are within {at_most(own.real_distance)} of that optimum" in said
    told = json.loads(done("verify", file, "--json").stdout)["not_followed"]
    for words in ("model not verified", "is not good", "interpolated", "where the best one is, is not said"):
        assert sum(words in line for line in told) == 1, words
    files = (file, proved / "near.proof", proved / "data" / "dataset.commitment")
    answer = json.loads(done("verify", *files, "--json").stdout)["files"][0]
    assert answer["valid"] is True and not any("not verified" in line for line in answer["not_followed"])
    assert Fraction(answer["exact"]["excess_loss"]) == own.excess <= Fraction(str(answer["excess_loss"]))


def test_it_is_inspected_and_lies_are_invalid(proved: Path, tmp_path: Path) -> None:
    own = zu.DistanceProof.load(proved / "near.distance")
    data = json.loads(done("inspect", proved / "near.distance", "--json").stdout)
    assert data["kind"] == "distance" and data["security_bits"] >= 100 and data["slope"] is not None
    zu.DistanceProof(replace(own.statement, distance=0), own.proof).save(tmp_path / "lie.distance")
    result = run("verify", tmp_path / "lie.distance")
    assert result.exit_code == 1 and "INVALID: " in result.stdout
    zu.DistanceProof(replace(own.statement, slope=None), own.proof).save(tmp_path / "none.distance")
    assert "no such statement can be proved: slope" in " ".join(
        done("inspect", tmp_path / "none.distance").stdout.split()
    )


def test_the_loss_of_a_linear_model_is_in_its_own_words(made: Path, tmp_path: Path) -> None:
    """Half the mean square, of one pass over the rows."""
    data = Path(shutil.copytree(made / "data", tmp_path / "data"))
    (tmp_path / "l.toml").write_text(LINEAR)
    done("prove", data, "--spec", tmp_path / "l.toml", "--out", tmp_path / "l.proof")
    lines = done(
        "prove-distance", data, "--model", tmp_path / "l.model.opening", "--out", tmp_path / "l.distance"
    ).stdout
    assert "objective half the mean square of residuals of linear regression, labels as they are encoded" in " ".join(
        lines.split()
    )
    told = json.loads(done("verify", tmp_path / "l.distance", "--json").stdout)
    assert any("the loss is half the mean square of residuals of encoded labels" in own for own in told["not_followed"])
    assert not any("table" in own for own in told["not_followed"])


def test_each_shard_and_each_class_has_a_line_and_the_farthest_is_the_verdict(made: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(made / "data", tmp_path / "data"))
    (tmp_path / "s.toml").write_text(SHARDED)
    done("prove", data, "--spec", tmp_path / "s.toml", "--out", tmp_path / "s.bundle")
    (model,) = tmp_path.glob("*.model.opening")
    lines = " ".join(done("prove-distance", data, "--model", model, "--out", tmp_path / "s.distance").stdout.split())
    own = zu.DistanceProof.load(tmp_path / "s.distance").statement
    for shard, schedule in enumerate(own.schedules):
        assert f"shard {shard} loss within {at_most(schedule.excess)}, a unit of intercept gains at most" in lines
    assert f"proved: the loss of each of {len(own.models)} models is within {at_most(own.excess)} of its own" in lines
    answer = json.loads(done("verify", tmp_path / "s.distance", "--json").stdout)
    assert [model["shard"] for model in answer["models"]] == [*range(len(own.models))]
    assert {model["class"] for model in answer["models"]} == {None}
    assert Fraction(answer["models"][1]["exact"]["distance"]) == own.schedules[1].real_distance
    assert sum("nothing is said of what they answer together" in line for line in answer["not_followed"]) == 1


def test_a_class_is_told_by_its_text_which_is_no_markup(tmp_path: Path) -> None:
    X = np.arange(24).reshape(12, 2) % 7 / 7
    data = zu.commit(X, np.array(["low", "mid", "[red]"])[np.arange(12) % 3], openings=3)
    trained = zu.prove(data, zu.TrainingSpec(model="logistic", epochs=2, learning_rate=1.0, l2=0.5))
    zu.prove_distance(data, trained.secret).save(tmp_path / "c.distance")
    said = done("inspect", tmp_path / "c.distance").stdout
    assert all(f"class '{text}'" in said for text in ("low", "mid", "[red]"))
    told = json.loads(done("inspect", tmp_path / "c.distance", "--json").stdout)
    assert sorted(model["class"] for model in told["models"]) == ["[red]", "low", "mid"]
    assert {model["shard"] for model in told["models"]} == {None}


def test_it_has_a_place_in_a_history(proved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "history"
    folder.mkdir()
    for name in ("near.proof", "near.distance", "data/dataset.commitment"):
        shutil.copy(proved / name, folder / Path(name).name)
    done("verify", "--chain", folder)


def test_what_has_no_distance_is_refused_with_its_reason(proved: Path, tmp_path: Path) -> None:
    common = ("prove-distance", proved / "data", "--model")
    cases: dict[str, list[object]] = {
        "must end in .distance": [proved / "near.model.opening", "--out", tmp_path / "x.proof"],
        "is there already": [proved / "near.model.opening", "--out", proved / "near.distance"],
        "l2 = 0: without a penalty": [proved / "first.model.opening", "--out", tmp_path / "x.distance"],
        "the least distance that can be shown": [
            *(proved / "near.model.opening", "--distance", "1e-6", "--out", tmp_path / "x.distance"),
        ],
    }
    before = zu.Model.load(proved / "near.model.opening").spent
    for words, arguments in cases.items():
        result = run(*common, *arguments)
        assert result.exit_code == 2 and words in result.output, (words, result.output)
    assert zu.Model.load(proved / "near.model.opening").spent == before


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1, 3), "0.34"),
        (Fraction(1, 4), "0.25"),
        (Fraction(16), "16"),
        (Fraction(401, 10**9), "0.00000041"),
        (Fraction(1, 2**30), "0.00000000094"),
        (Fraction(1), "1"),
        (Fraction(1001, 1000), "1.1"),
        (Fraction(12345), "13000"),
    ],
)
def test_decimals_are_no_less(value: Fraction, text: str) -> None:
    assert at_most(value) == text and Fraction(text) >= value
