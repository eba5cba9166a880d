"""How many rows of a hold-out models predict right, through the command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu

from .conftest import COLUMNS_OF_NEW, SPEC, done, run, write_table

ROWS = 110


@pytest.fixture(scope="module")
def evaluated(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner's folder with a hold-out, and an evaluation of both models on it."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("evaluated") / "owner"))
    write_table(folder / "more.csv", ROWS)
    places = ("--bounds", folder / "bounds.toml", "--out", folder / "holdout")
    done("commit", folder / "more.csv", *COLUMNS_OF_NEW, *places)
    done("evaluate", folder / "holdout", *models(folder, "first", "second"), "--out", folder / "both.evaluation")
    return folder


def models(folder: Path, *names: str) -> list[object]:
    return [part for name in names for part in ("--model", folder / f"{name}.model.opening")]


def verified(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done("verify", *arguments, "--json").stdout)
    return found


def test_an_evaluation_tells_both_numbers_and_what_is_left_of_budgets(evaluated: Path) -> None:
    out = evaluated / "again.evaluation"
    result = done("evaluate", evaluated / "holdout", *models(evaluated, "first"), "--out", out)
    assert f"of {ROWS} rows of the hold-out right" in result.stdout
    results = zu.EvaluationProof.load(out).statement.results
    assert results == zu.EvaluationProof.load(evaluated / "both.evaluation").statement.results[:1]
    assert "log-loss" in result.stdout and "confusion" not in result.stdout
    assert "3 of 32 used" in result.stdout and "3 of 4 used" in result.stdout


def test_what_was_not_given_is_told_and_what_was_given_is_followed(evaluated: Path) -> None:
    file = evaluated / "both.evaluation"
    told = verified(file)["not_followed"]
    for words in ("hold-out not verified", "model not verified", "second model not verified", "is not shown", "tells"):
        assert sum(words in line for line in told) >= 1, words
    files = [evaluated / name for name in ("holdout/dataset.commitment", "first.proof", "second.proof")]
    answer = verified(file, *files, "--dataset", evaluated / "data" / "dataset.commitment")
    (own,) = (each for each in answer["files"] if "evaluation" in each)
    assert answer["valid"] is True and own["rows"] == ROWS and len(own["models"]) == 2
    assert all(0 < each["right"] == round(each["accuracy"] * ROWS) <= ROWS for each in own["models"])
    assert all(0 < low < high < 64 for low, high in (each["log_loss"] for each in own["models"]))
    assert not any("not verified" in line for line in own["not_followed"])
    assert any("is not shown" in line for line in own["not_followed"])


def test_rows_that_a_spec_holds_out_are_evaluated_and_told(evaluated: Path, tmp_path: Path) -> None:
    spec = tmp_path / "held.toml"
    spec.write_text(SPEC.replace('"logistic"\n', '"logistic"\nholdout = 101\n'))
    held = tmp_path / "held.proof"
    done("prove", evaluated / "holdout", "--spec", spec, "--forget", "Żółć 07", "--out", held)
    file, model = tmp_path / "held.evaluation", tmp_path / "held.model.opening"
    done("evaluate", evaluated / "holdout", "--model", model, "--out", file)
    statement = zu.EvaluationProof.load(file).statement
    assert statement.within and statement.rows == 101 - (statement.training.positions[0] < 101)
    told = verified(file, held, "--dataset", evaluated / "holdout" / "dataset.commitment")["files"]
    assert "the first 101 rows held out, not used in training" in told[1]["algorithm"]
    assert not any("not verified" in line for line in told[0]["not_followed"])
    assert any("not used in training is not unseen" in line for line in told[0]["not_followed"])
    left_out = "1 row of the hold-out, forgotten or destroyed"
    assert any(left_out in line for line in told[0]["not_followed"]) == (statement.rows < 101)
    assert "not used in training, without the forgotten ones" in " ".join(done("inspect", file).stdout.split())
    tried = done("train", evaluated / "holdout", "--spec", spec, "--json").stdout
    assert json.loads(tried)["rows"] == ROWS
    assert f"{ROWS - 101} of {ROWS} count" in " ".join(
        done("train", evaluated / "holdout", "--spec", spec).stdout.split()
    )


def test_the_verdict_is_in_the_numbers(evaluated: Path) -> None:
    result = done("verify", evaluated / "both.evaluation")
    assert "VALID: the first model predicts" in result.stdout and "the second" in result.stdout


def test_a_confusion_matrix_is_stated_if_it_is_asked_for(evaluated: Path) -> None:
    out = evaluated / "confused.evaluation"
    options = ("--confusion", "--no-loss", "--out", out)
    shown = done("evaluate", evaluated / "holdout", *models(evaluated, "second"), *options).stdout
    assert "predicted" in shown and "log-loss" not in shown
    answer = verified(out)["files"][0] if "files" in verified(out) else verified(out)
    (own,) = answer["models"]
    assert sum(map(sum, own["confusion"])) == ROWS and own["confusion"][0][0] + own["confusion"][1][1] == own["right"]
    assert "log_loss" not in own
    assert any("confusion matrix names rows" in line for line in answer["not_followed"])


def test_a_model_that_was_committed_afresh_is_tied_to_its_training_by_its_link(evaluated: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(evaluated, tmp_path / "owner"))
    model = folder / "renewed.model.opening"
    done("recommit-model", folder / "second.model.opening", "--out", model)
    out = folder / "afresh.evaluation"
    done("evaluate", folder / "holdout", "--model", model, "--out", out)
    assert "committed afresh" in done("inspect", out).stdout
    files = [folder / name for name in ("holdout/dataset.commitment", "second.proof", "data/dataset.commitment")]
    (link,) = folder.glob("*.model.link")

    def told(*more: Path) -> list[str]:
        found = verified(out, *files, *more)["files"]
        (own,) = (each for each in found if "evaluation" in each)
        return [line for line in own["not_followed"] if "not verified" in line]

    assert told(link) == []
    (line,) = told()
    assert "no link that was checked leads there" in line
    history = tmp_path / "history"
    (history / "holdout").mkdir(parents=True)
    for name in ("first.proof", "second.proof", "afresh.evaluation", "holdout/dataset.commitment"):
        shutil.copy(folder / name, history / name)
    shutil.copy(folder / "data" / "dataset.commitment", history / "data.commitment")
    result = run("verify", "--chain", history)
    assert result.exit_code == 2 and "committed afresh" in result.stdout
    shutil.copy(link, history / link.name)
    done("verify", "--chain", history)


def test_other_numbers_are_invalid(evaluated: Path, tmp_path: Path) -> None:
    own = zu.EvaluationProof.load(evaluated / "both.evaluation")
    results: Any = own.statement.results
    first, second = results
    lie = replace(own.statement, results=(replace(first, right=ROWS), second))
    zu.EvaluationProof(lie, own.proof).save(tmp_path / "lie.evaluation")
    result = run("verify", tmp_path / "lie.evaluation")
    assert result.exit_code == 1 and "INVALID: constraints" in result.stdout


def test_it_is_inspected(evaluated: Path) -> None:
    result = done("inspect", evaluated / "both.evaluation", "--json")
    data = json.loads(result.stdout)
    assert data["kind"] == "evaluation" and data["rows"] == ROWS and data["security_bits"] >= 100


def test_it_has_a_place_in_a_history(evaluated: Path, tmp_path: Path) -> None:
    """With everything that it is about; without its hold-out nothing can be said."""
    folder = tmp_path / "history"
    (folder / "holdout").mkdir(parents=True)
    for name in ("first.proof", "second.proof", "both.evaluation", "holdout/dataset.commitment"):
        shutil.copy(evaluated / name, folder / name)
    shutil.copy(evaluated / "data" / "dataset.commitment", folder / "data.commitment")
    done("verify", "--chain", folder)
    (folder / "holdout" / "dataset.commitment").unlink()
    result = run("verify", "--chain", folder)
    assert result.exit_code == 2 and "holdout" in result.stdout


def test_what_cannot_be_evaluated_is_refused_with_its_reason(evaluated: Path, tmp_path: Path) -> None:
    own, first = tmp_path / "x.evaluation", models(evaluated, "first")
    cases: dict[str, list[object]] = {
        "must end in .evaluation": [evaluated / "holdout", *first, "--out", tmp_path / "x.proof"],
        "is there already": [evaluated / "holdout", *first, "--out", evaluated / "both.evaluation"],
        "whose spec holds no rows out": [evaluated / "data", *first, "--out", own],
        "one statement is about 1 to 2": [evaluated / "holdout", *first * 3, "--out", own],
        "both models are the same": [evaluated / "holdout", *first * 2, "--out", own],
        "Missing option": [evaluated / "holdout", "--out", own],
    }
    before = zu.Model.load(evaluated / "first.model.opening").spent
    for words, arguments in cases.items():
        result = run("evaluate", *arguments)
        assert result.exit_code == 2 and words in result.output, (words, result.output)
    assert not own.exists() and zu.Model.load(evaluated / "first.model.opening").spent == before
