"""What a model says of public inputs, proved and verified through the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu

from .conftest import done, run

ROWS = ("weight,note,age", "70,x,33", "81.5,y,71", "60,z,12")  # columns in another order, and one more


def table(path: Path, rows: tuple[str, ...] = ROWS) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def asked(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner's folder with a customer's table, and classes of it."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("asked") / "owner"))
    table(folder / "asked.csv")
    place = folder / "a.predictions"
    result = done("predict", folder / "first.model.opening", folder / "asked.csv", "--prove", place)
    assert "proved: 3 predictions" in result.stdout and "the class of each input" in result.stdout
    return folder


def verified(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = run("verify", *arguments, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_answers_are_those_of_predict_and_are_told_with_what_was_not_followed(asked: Path) -> None:
    told = verified(asked / "a.predictions")
    plain = json.loads(done("predict", asked / "first.model.opening", asked / "asked.csv", "--json").stdout)
    assert told["answers"] == [each["prediction"] for each in plain["predictions"]]
    assert (told["what"], told["revealed"], told["weights"]) == ("class", 0, 3)
    for words in ("model not verified", "inputs not compared"):
        assert sum(words in line for line in told["not_followed"]) == 1, words
    files = [asked / name for name in ("a.predictions", "first.proof", "data/dataset.commitment")]
    answer = verified(*files, "--inputs", asked / "asked.csv")
    (own,) = (each for each in answer["files"] if "predictions" in each)
    assert answer["valid"] is True and own["not_followed"] == []
    said = done("verify", asked / "a.predictions").stdout
    assert "the model gives 3 inputs these classes" in said
    assert "of 0 inputs revealed so far, by its owner's count, of a model with 3 weights" in said


@pytest.mark.parametrize("rows", [(ROWS[0], *ROWS[:0:-1]), ROWS[:3], (*ROWS[:3], "60,z,13"), (*ROWS, ROWS[1])], ids=str)
def test_answers_to_another_table_are_invalid(rows: tuple[str, ...], asked: Path, tmp_path: Path) -> None:
    told = verified(asked / "a.predictions", "--inputs", table(tmp_path / "other.csv", rows), code=1)
    assert told["valid"] is False and "other inputs, or of these in another order" in told["reason"]


@pytest.mark.parametrize(
    "rows, words",
    [
        ((*ROWS[:2], "70,x,121"), "bad.csv: line 3, column 'age': 121.0 is outside the bounds"),
        ((*ROWS[:2], "70,x,old"), "bad.csv: line 3, column 'age': 'old' is not a finite number"),
        ((*ROWS[:2], "70,x"), "bad.csv: line 3: 2 cells, not 3"),
        (("weight,note", "70,x"), "bad.csv: line 1: there is not one column 'age'"),
        (("weight,age,age", "70,1,2"), "bad.csv: line 1: there is not one column 'age'"),
        (ROWS[:1], "bad.csv: no rows"),
        ((*ROWS[:2], '70,"x"x,3'), "bad.csv: line 3: no CSV"),
    ],
)
def test_a_table_that_cannot_be_compared_is_told_by_line_and_column(
    rows: tuple[str, ...], words: str, asked: Path, tmp_path: Path
) -> None:
    result = run("verify", asked / "a.predictions", "--inputs", table(tmp_path / "bad.csv", rows))
    assert result.exit_code == 2 and words in result.stderr


def test_an_input_outside_of_the_bounds_is_refused_by_line_and_column(asked: Path, tmp_path: Path) -> None:
    bad, place = table(tmp_path / "bad.csv", (*ROWS[:2], "70,x,-1")), tmp_path / "b.predictions"
    result = run("predict", asked / "first.model.opening", bad, "--prove", place)
    assert result.exit_code == 2 and "line 3, column 'age': -1.0 is outside the bounds" in result.stderr
    assert not place.exists()


def test_scores_are_counted_and_refused_beyond_the_weights_unless_the_model_may_be_known(
    asked: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copy(asked / "second.model.opening", tmp_path))
    call = ("predict", model, asked / "asked.csv", "--what", "score", "--prove")
    assert "of 3 inputs revealed so far" in done(*call, tmp_path / "1.predictions").stdout
    refused = run(*call, tmp_path / "2.predictions")
    assert refused.exit_code == 2 and "can compute its 3 weights" in refused.stderr
    assert zu.Model.load(model).spent == 2 and not (tmp_path / "2.predictions").exists()
    done(*call, tmp_path / "2.predictions", "--publish-model-anyway")
    assert zu.PredictionProof.load(tmp_path / "2.predictions").statement.revealed == 6
    told = verified(tmp_path / "2.predictions")
    assert any("the model may be known" in line for line in told["not_followed"])
    inspected = done("inspect", model).stdout
    assert "scores or probabilities of 6 inputs" in inspected
    assert json.loads(done("inspect", model, "--json").stdout)["revealed"] == 6


def test_a_model_that_was_committed_afresh_is_followed_by_its_link(asked: Path, tmp_path: Path) -> None:
    model = Path(shutil.copy(asked / "second.model.opening", tmp_path))
    done("recommit-model", model, "--out", tmp_path / "new.model.opening")
    (link,) = tmp_path.glob("*.model.link")
    answers = tmp_path / "c.predictions"
    done("predict", tmp_path / "new.model.opening", asked / "asked.csv", "--prove", answers)
    words = "no links lead to its commitment"
    assert any(words in line for line in verified(answers)["not_followed"])
    (own,) = (each for each in verified(answers, link)["files"] if "predictions" in each)
    assert own["committed_afresh"] is True and not any(words in line for line in own["not_followed"])


@pytest.mark.parametrize(
    "options, words",
    [
        (("--what", "score"), "say --prove"),
        (("--publish-model-anyway",), "say --prove"),
        (("--prove", "x.predictions", "--proba"), "neither --out, --proba nor --target"),
        (("--prove", "x.predictions", "--out", "x.csv"), "neither --out, --proba nor --target"),
        (("--prove", "x.proof"), "must end in .predictions"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: Any, words: str, asked: Path) -> None:
    result = run("predict", asked / "first.model.opening", asked / "asked.csv", *options)
    assert result.exit_code == 2 and words in result.stderr


def test_what_is_there_is_not_replaced_and_nothing_is_spent(asked: Path) -> None:
    model, place = asked / "first.model.opening", asked / "a.predictions"
    before = zu.Model.load(model).spent, place.read_bytes()
    result = run("predict", model, asked / "asked.csv", "--prove", place)
    assert result.exit_code == 2 and "is there already" in result.stderr
    assert (zu.Model.load(model).spent, place.read_bytes()) == before


def test_inputs_are_of_predictions_only(asked: Path) -> None:
    result = run("verify", asked / "first.proof", "--inputs", asked / "asked.csv")
    assert result.exit_code == 2 and "no predictions among the files" in result.stderr
