"""Certified optima of several classes through the library: proved, verified, unlearnt, used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.prover.owner import work
from zkunlearn.prover.owner.influence import influence_of

ROWS, FEATURES = 90, 3
NAMES = np.array(["ash", "birch", "fir", "yew"])
SPEC = zu.TrainingSpec(model="logistic", method="optimum", l2=0.0625)


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(ROWS, FEATURES))
    scores = X @ rng.normal(size=(FEATURES, len(NAMES))) * 3 + rng.gumbel(size=(ROWS, len(NAMES))) / 4
    return X, NAMES[scores.argmax(axis=1)]


def committed(table: tuple[Any, Any], rows: Any = slice(None), openings: int = 12) -> zu.Dataset:
    X, y = table
    ids = [f"tree {i}" for i in np.arange(ROWS)[rows]]
    bounds = {f"x{i + 1}": (-1.0, 1.0) for i in range(FEATURES)}
    return zu.commit(X[rows], y[rows], ids=ids, bounds=bounds, openings=openings)


@pytest.fixture(scope="module")
def dataset(table: tuple[Any, Any]) -> zu.Dataset:
    return committed(table)


@pytest.fixture(scope="module")
def first(dataset: zu.Dataset) -> zu.Trained:
    return zu.prove(dataset, SPEC, model_openings=6)


def test_an_unlearnt_model_is_that_of_a_data_set_without_the_rows(
    dataset: zu.Dataset, first: zu.Trained, table: tuple[Any, Any]
) -> None:
    unlearnt = zu.prove(dataset, SPEC, forget=["tree 3", "tree 30"], previous=first)
    digests = [record.digest for record in unlearnt.statement.forgotten]
    report = zu.verify(unlearnt.proof, dataset.commitment, spec=SPEC, forget=digests, previous=first.proof)
    assert report.security_bits >= 100
    scratch = zu.train(committed(table, np.delete(np.arange(ROWS), [3, 30]), 3), SPEC)
    assert np.array_equal(unlearnt.model.integers, scratch.integers)
    assert not np.array_equal(unlearnt.model.integers, first.model.integers)


def test_each_class_is_near_the_optimum_in_float64(first: zu.Trained, table: tuple[Any, Any]) -> None:
    from scipy.optimize import minimize

    X, y = table
    step = 2.0**-first.model.spec.weight_bits
    assert first.model.weights.shape == (len(NAMES), FEATURES)
    for output, name in enumerate(NAMES):
        target = (y == name).astype(float)

        def objective(w: Any, target: Any = target) -> float:
            z = X @ w[:-1] + w[-1]
            return float(np.mean(np.logaddexp(0, z) - target * z) + 0.03125 * w @ w)

        found = minimize(objective, np.zeros(FEATURES + 1), tol=1e-12).x
        own = np.append(first.model.weights[output], np.atleast_1d(first.model.intercept)[output])
        assert np.abs(own - found).max() < step + 1e-3
    assert first.model.score(X, y) > 0.7 and first.curve is not None
    assert first.curve.last.score == pytest.approx(first.model.score(X, y), abs=0.02)


def test_what_it_says_of_inputs_is_proved(dataset: zu.Dataset, first: zu.Trained, table: tuple[Any, Any]) -> None:
    X, _ = table
    for what in ("class", "probability"):
        said = zu.prove_predictions(first.secret, X[:4], what)
        assert zu.verify_predictions(said, X[:4], first.proof) >= 100
    assert [NAMES[i] for i in np.argmax(first.model.decision_function(X[:5]), axis=1)] == list(
        first.model.predict(X[:5])
    )


def test_how_well_it_predicts_is_proved(dataset: zu.Dataset, first: zu.Trained, table: tuple[Any, Any]) -> None:
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, size=(110, FEATURES))
    y = first.model.predict(X)
    y[:18] = np.resize(NAMES, 18)
    bounds = {f"x{i + 1}": (-1.0, 1.0) for i in range(FEATURES)}
    holdout = zu.commit(X, y, bounds=bounds, openings=2)
    told = zu.evaluate(holdout, first.secret)
    assert zu.verify_evaluation(told, holdout.commitment, [first.proof]) >= 100
    assert told.statement.results[0].right == round(first.model.score(X, y) * 110)


def test_a_class_is_forgotten_and_the_others_are_as_from_scratch(
    dataset: zu.Dataset, first: zu.Trained, table: tuple[Any, Any], tmp_path: Path
) -> None:
    """An output that learns that no row is of its class stays, and is not used; so has whoever never had the class."""
    files = first.save(tmp_path / "first.proof")
    after = zu.prove(dataset, SPEC, forget_classes=["fir"], previous=first.proof)
    report = zu.verify(after.proof, dataset.commitment, previous=first.proof)
    assert isinstance(report.statement, TrainingStatement) and report.statement.forgotten_classes == ("fir",)
    X, y = table
    assert list(after.model.classes_) == ["ash", "birch", "yew"] and after.model.weights.shape == (3, FEATURES)
    assert "fir" not in after.model.predict(X)
    scratch = zu.train(committed(table, np.flatnonzero(y != "fir"), 3), SPEC)
    assert np.array_equal(after.model.integers[[0, 1, 3]], scratch.integers)
    moved = influence_of(files.models[0], after)
    assert moved is not None and moved.weights == 3 * (FEATURES + 1) and moved.norm > 0


def test_it_supersedes_a_training_by_gradient_descent(dataset: zu.Dataset) -> None:
    """From whose weights its own are looked for."""
    descent = zu.prove(dataset, zu.TrainingSpec(model="logistic", epochs=3, learning_rate=0.5))
    after = zu.prove(dataset, SPEC, forget=["tree 4"], previous=descent)
    assert np.array_equal(after.model.integers, zu.train(dataset, SPEC, forget=["tree 4"]).integers)


def test_weights_before_rounding_are_in_no_file_and_in_no_log(
    dataset: zu.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of no class: they would be a trace of where they came from."""
    seen: list[Any] = []
    own = work.MAKERS_OF_METHOD["optimum"]

    def train(*arguments: Any) -> Any:
        seen.append(own.train(*arguments))
        return seen[-1]

    monkeypatch.setattr(work, "MAKERS_OF_METHOD", {"optimum": replace(own, train=train)})
    files = zu.prove(dataset, SPEC, forget=["tree 9"]).save(tmp_path / "p.proof")
    settled = seen[0].settled
    assert settled.weights.shape == (len(NAMES), FEATURES + 1) and np.abs(settled.weights).min() > 1 << 16
    for value in (*settled.weights.ravel().tolist(), *settled.gradient.ravel().tolist()):
        assert str(value) not in repr(seen[0]) + repr(settled)
        for file in files.all:
            data = file.read_bytes()
            assert value.to_bytes(8, "little", signed=True) not in data
            assert (value % MODULUS).to_bytes(8, "little") not in data
