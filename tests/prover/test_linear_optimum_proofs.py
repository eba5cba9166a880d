"""Certified optima of linear models through the library: proved, verified, unlearnt, used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import InvalidProof, ParameterError
from zkunlearn.prover.owner.influence import influence_of

ROWS, FEATURES = 60, 3
BOUNDS = {f"x{i + 1}": (-1.0, 1.0) for i in range(FEATURES)} | {"label": (-4.0, 4.0)}


def spec_of(**fields: Any) -> zu.TrainingSpec:
    return zu.TrainingSpec(model="linear", method="optimum", **({"l2": 0.01} | fields))


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(ROWS, FEATURES))
    return X, X @ [1.5, -1.0, 0.5] + 0.25 + rng.normal(size=ROWS) / 8


def committed(table: tuple[Any, Any], rows: Any = slice(None), openings: int = 8) -> zu.Dataset:
    X, y = table
    ids = [f"person {i}" for i in np.arange(ROWS)[rows]]
    return zu.commit(X[rows], y[rows], ids=ids, bounds=BOUNDS, openings=openings)


@pytest.fixture(scope="module")
def dataset(table: tuple[Any, Any]) -> zu.Dataset:
    return committed(table)


@pytest.fixture(scope="module")
def first(dataset: zu.Dataset) -> zu.Trained:
    return zu.prove(dataset, spec_of())


def test_an_unlearnt_model_is_that_of_a_data_set_without_the_rows(
    dataset: zu.Dataset, first: zu.Trained, table: tuple[Any, Any], tmp_path: Path
) -> None:
    """And its owner is told how far it moved."""
    unlearnt = zu.prove(dataset, spec_of(), forget=["person 3", "person 30"], previous=first.proof)
    digests = [record.digest for record in unlearnt.statement.forgotten]
    report = zu.verify(unlearnt.proof, dataset.commitment, spec=spec_of(), forget=digests, previous=first.proof)
    assert report.security_bits >= 100
    kept = np.delete(np.arange(ROWS), [3, 30])
    scratch = zu.prove(committed(table, kept, 3), spec_of())
    assert np.array_equal(unlearnt.model.integers, scratch.model.integers)
    assert not np.array_equal(unlearnt.model.integers, first.model.integers)
    moved = influence_of(first.save(tmp_path / "first.proof").models[0], unlearnt)
    assert moved is not None and 0 < moved.norm < 0.1 and 0 < moved.changed <= moved.weights == FEATURES + 1


def test_it_predicts_as_ridge_does(first: zu.Trained, table: tuple[Any, Any], dataset: zu.Dataset) -> None:
    from sklearn.linear_model import Ridge

    X, y = table
    ones = np.hstack([dataset.rows.features / 1024, np.ones((ROWS, 1))])
    theirs = Ridge(alpha=0.01 * ROWS, fit_intercept=False).fit(ones, dataset.rows.labels / 2.0**14)
    step = 2.0**-first.model.spec.weight_bits
    assert first.model.spec.weight_bits == 13
    found = np.append(first.secret.weights, first.secret.intercept)
    assert np.abs(found - theirs.coef_).max() <= step / 2 + 1e-9
    assert first.model.score(X, y) > 0.97 and first.curve is not None
    assert first.curve.last.score == pytest.approx(first.model.score(X, y), abs=1e-3) and first.notes == ()


def test_a_try_is_what_would_be_proved(dataset: zu.Dataset, first: zu.Trained) -> None:
    run = zu.train(dataset, spec_of())
    assert np.array_equal(run.integers, first.model.integers) and run.notes == ()


def test_the_rows_held_out_and_features_left_out_do_not_count(dataset: zu.Dataset, first: zu.Trained) -> None:
    spec = spec_of(holdout=7, without=["x2"], bias=False)
    trained = zu.prove(dataset, spec, forget=["person 3"])
    zu.verify(trained.proof, dataset.commitment, spec=spec)
    live = trained.statement.spec.compile(dataset.statement.encoding.shape(ROWS), _live(trained)).live
    X, y = dataset.rows.features[live.mask()] / 1024, dataset.rows.labels[live.mask()] / 2.0**14
    X[:, 1] = 0
    exact = np.linalg.solve(X.T @ X + 0.01 * live.count * np.eye(FEATURES), X.T @ y)
    assert live.count in (52, 53)
    assert np.abs(trained.secret.weights - exact).max() <= 2.0 ** -(spec.weight_bits + 1) + 1e-6


def _live(trained: zu.Trained) -> Any:
    from zkunlearn.models.live import Live

    return Live(ROWS, tuple(record.position for record in trained.statement.forgotten))


def test_a_proof_at_another_distance_is_none(dataset: zu.Dataset, first: zu.Trained) -> None:
    other = replace(first.statement, distance=1)
    with pytest.raises(InvalidProof, match="constraints"):
        zu.verify(type(first.proof)(other, first.proof.proof, first.proof.attached), dataset.commitment)


def test_counts_are_refused_for_poisson_and_taken_by_a_linear_model() -> None:
    X = np.random.default_rng(2).uniform(-1, 1, size=(30, 2))
    visits = zu.commit(X, np.arange(30) * 7, label_kind="count", openings=3)
    with pytest.raises(ParameterError, match="'poisson': the optimum of a Poisson regression cannot be certified"):
        zu.prove(visits, zu.TrainingSpec(model="poisson", method="optimum", l2=0.01))
    trained = zu.prove(visits, spec_of(l2=1.0))
    zu.verify(trained.proof, visits.commitment)
    assert np.abs(trained.secret.weights).max() > 1
