"""A list of people to forget, answered in one call: from the newest proof, by any method, after any growth."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.owner import requests
from zkunlearn.prover.owner.opening_file import CLAIM_FILE
from zkunlearn.prover.owner.requests import TWO_MOVES
from zkunlearn.prover.owner.staging import STAGED_FOLDER, publish, stage, staged

ROWS = 64
NAMES = ("a", "b")
DESCENT = zu.TrainingSpec(model="logistic", epochs=4, learning_rate=1.0)
OTHERS: dict[str, dict[str, Any]] = {
    "sisa": {"epochs": 2, "learning_rate": 1.0, "shard_rows": 32, "slices": 2},
    "optimum": {"l2": 0.25},
    "newton": {"l2": 0.25, "steps": 4},
}


def stored(place: Path, kind: str = "binary", **options: Any) -> Path:
    """A data set's folder; people are p0, p1, .."""
    rng = np.random.default_rng(7)
    X = rng.uniform(-1, 1, (ROWS, 2))
    score = X @ [1.0, -0.5] + rng.normal(size=ROWS) / 4
    y = np.array(["x", "y", "z"])[np.digitize(score, [-0.3, 0.3])] if kind == "categorical" else (score > 0) * 1
    bounds = {name: (-1, 1) for name in NAMES}
    zu.commit(X, y, [f"p{row}" for row in range(ROWS)], names=NAMES, bounds=bounds, **options).save(place / "data")
    return place / "data"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return stored(tmp_path)


@pytest.fixture
def proofs(tmp_path: Path) -> Path:
    return tmp_path / "proofs"


def names(answered: zu.Answered) -> list[str]:
    return [path.name for path in answered.published]


@pytest.mark.parametrize("method", OTHERS)
def test_every_method_that_needs_no_nonce_goes_on_by_night(method: str, data: Path, proofs: Path) -> None:
    spec = zu.TrainingSpec(model="logistic", method=method, **OTHERS[method])
    first = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25)
    end = ".bundle" if method == "sisa" else ".proof"
    if method == "newton":  # whose steps begin from a certified optimum
        proofs.mkdir()
        zu.prove(zu.load_dataset(data), first).save(proofs / "first.proof")
        with pytest.raises(zu.StatementMismatch, match=r"declares another algorithm \(method.kind is optimum"):
            zu.forget(data, ["p1"], spec, proofs)
        before = zu.Trained.load(proofs / "first.proof")
        zu.prove(zu.load_dataset(data), spec, forget=["p1"], previous=before).save(proofs / "0001.proof")
    else:
        assert names(zu.forget(data, ["p1"], spec, proofs)) == [f"0001{end}"]
    answered = zu.forget(data, ["p1", "p2"], spec, proofs)
    assert names(answered) == [f"0002{end}"] and answered.forgotten == 1
    assert answered.report is not None and "previous" in answered.report.pinned
    assert answered.statement is not None and len(answered.statement.positions) == 2
    assert names(zu.forget(data, ["p2"], spec, proofs)) == []


def test_noise_takes_two_moves_and_is_refused(data: Path, proofs: Path) -> None:
    spec = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25)
    with pytest.raises(zu.ParameterError, match=TWO_MOVES[:40]):
        zu.forget(data, ["p1"], spec, proofs)


def test_a_night_after_the_data_grew_goes_on_in_the_new_folder(data: Path, proofs: Path, tmp_path: Path) -> None:
    zu.forget(data, ["p1"], DESCENT, proofs)
    grown, _ = zu.append(zu.load_dataset(data), [[0.5, 0.5]], [1], ids=["new"])
    grown.save(tmp_path / "data2")
    answered = zu.forget(tmp_path / "data2", ["p1", "new"], DESCENT, proofs)
    assert names(answered) == ["0002.proof"] and answered.forgotten == 1
    once, _ = zu.append(zu.load_dataset(tmp_path / "data2"), [[0.1, 0.1]], [0], ids=["q"])
    twice, _ = zu.append(once, [[0.0, 0.0]], [0], ids=["r"])
    twice.save(tmp_path / "data4")
    with pytest.raises(zu.DataError, match=r"0002\.proof: is of another data set, from which no single link leads"):
        zu.forget(tmp_path / "data4", ["q"], DESCENT, proofs)


def test_rows_that_were_put_right_are_forgotten_without_being_named(data: Path, proofs: Path, tmp_path: Path) -> None:
    zu.forget(data, ["p1"], DESCENT, proofs)
    right, _ = zu.rectify(zu.load_dataset(data), [[0.5, 0.5]], [1], ids=["p3"])
    right.save(tmp_path / "data2")
    assert zu.forget(tmp_path / "data2", [], DESCENT, proofs).forgotten == 1
    assert names(zu.forget(tmp_path / "data2", [], DESCENT, proofs)) == []


def test_classes_that_were_forgotten_stay_so(tmp_path: Path, proofs: Path) -> None:
    data = stored(tmp_path, "categorical")
    proofs.mkdir()
    zu.prove(zu.load_dataset(data), DESCENT, forget_classes=["x"]).save(proofs / "by hand.proof")
    answered = zu.forget(data, [f"p{row}" for row in range(8)], DESCENT, proofs)
    assert answered.statement is not None and answered.statement.forgotten_classes == ("x",)
    assert names(answered) == ["0001.proof"]


def test_the_model_in_force_is_exported_at_every_call(data: Path, proofs: Path, tmp_path: Path) -> None:
    given: list[Any] = []
    answered = zu.forget(data, ["p1"], DESCENT, proofs, export=given.append)
    zu.forget(data, ["p1"], DESCENT, proofs, export=given.append)
    assert [model.statement for model in given] == [answered.statement] * 2
    file = tmp_path / "w.npz"
    assert zu.forget(data, ["p1"], DESCENT, proofs, export=file).exported == file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    X = np.random.default_rng(8).uniform(-1, 1, (9, 2))
    with np.load(file, allow_pickle=False) as weights:
        assert {*weights} == {"coef", "intercept", "feature_names", "family", "classes"}
        assert (*weights["feature_names"], *weights["classes"]) == (*NAMES, "0", "1")
        assert str(weights["family"]) == "logistic"
        scores = X @ weights["coef"] + weights["intercept"]
    assert np.abs(scores - given[0].decision_function(X)).max() < 1e-3
    with pytest.raises(zu.ParameterError, match=r"weights are written as \*\.npz; a function can write another format"):
        zu.forget(data, ["p2"], DESCENT, proofs, export="w.onnx")
    assert zu.load_dataset(data).spent == 2, "found out before anything was spent"


def test_a_model_whose_secret_was_moved_is_named_where_it_is_exported(data: Path, proofs: Path) -> None:
    zu.forget(data, ["p1"], DESCENT, proofs)
    (proofs / "0001.model.opening").unlink()
    assert names(zu.forget(data, ["p1"], DESCENT, proofs)) == []
    with pytest.raises(zu.DataError, match=r"0001\.model\.opening: there is no such file"):
        zu.forget(data, ["p1"], DESCENT, proofs, export=lambda model: None)


def test_a_last_opening_is_used_and_then_refused(tmp_path: Path, proofs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a run that was stopped when it had counted it."""
    data = stored(tmp_path, openings=2)
    stopped(monkeypatch, "stage", data, proofs)
    assert zu.load_dataset(data).spent == 2
    with pytest.raises(zu.BudgetExceeded, match="all 2 openings"):
        zu.prove(zu.load_dataset(data), DESCENT)
    answered = zu.forget(data, ["p1"], DESCENT, proofs)
    assert names(answered) == ["0001.proof"] and answered.openings == (2, 2)
    with pytest.raises(zu.BudgetExceeded, match="all 2 openings"):
        zu.forget(data, ["p2"], DESCENT, proofs)


class Stopped(Exception):
    """In the place of a kill."""


def stopped(monkeypatch: pytest.MonkeyPatch, where: str, data: Path, proofs: Path) -> None:
    """A call that ends at a function of requests.py."""

    def stop(*_: object) -> None:
        raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(requests, where, stop)
        zu.forget(data, ["p1"], DESCENT, proofs)


def test_what_is_claimed_and_staged_is_private_and_goes(
    data: Path, proofs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(monkeypatch, "publish", data, proofs)
    assert stat.S_IMODE((data / STAGED_FOLDER).stat().st_mode) == 0o700
    assert not (data / CLAIM_FILE).exists(), "settled, before anything is published"
    assert [*proofs.iterdir()] == []
    answered = zu.forget(data, [], DESCENT, proofs)  # of a list that is another one by now
    assert names(answered) == ["0001.proof"] and answered.forgotten == 1 and not (data / STAGED_FOLDER).exists()
    assert zu.load_dataset(data).spent == 2


def test_a_claim_is_private(data: Path, proofs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(monkeypatch, "stage", data, proofs)
    assert stat.S_IMODE((data / CLAIM_FILE).stat().st_mode) == 0o600


def test_what_is_published_takes_another_number_where_its_own_is_taken(data: Path, proofs: Path) -> None:
    """By files that came meanwhile; and publishing twice changes nothing, not even the count of a model's openings."""
    proofs.mkdir()
    trained = zu.prove(zu.load_dataset(data), DESCENT, forget=["p1"])
    stage(trained, data, 1)
    (proofs / "0001.forgotten").write_text("something else\n")
    files = staged(data)
    assert files is not None
    found = publish(files, proofs)
    assert found.proof.name == "0002.proof" and (proofs / "0001.forgotten").read_text() == "something else\n"
    model = zu.Model.load(found.models[0])
    model.budget.spend()
    assert publish(files, proofs) == found and zu.Model.load(found.models[0]).spent == 2


@pytest.mark.parametrize("ids", [None, 5, "p1", b"p1"], ids=str)
def test_what_is_no_list_is_refused(data: Path, proofs: Path, ids: Any) -> None:
    with pytest.raises(zu.DataError, match="forget"):
        zu.forget(data, ids, DESCENT, proofs)


def test_a_folder_that_holds_no_data_set_is_named_and_left_alone(tmp_path: Path, proofs: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(zu.DataError, match=r"dataset\.commitment"):
        zu.forget(tmp_path / "empty", ["p1"], DESCENT, proofs)
    assert [*(tmp_path / "empty").iterdir()] == []


def test_an_answer_prints_no_ids(data: Path, proofs: Path) -> None:
    answered = zu.forget(data, ["p1", "nobody"], DESCENT, proofs, skip_unknown=True)
    assert repr(answered) == "<Answered: published 1, forgotten 1, openings used 2 of 32>"
    assert any("skipped" in note for note in answered.notes) and "nobody" not in str(answered.notes)
