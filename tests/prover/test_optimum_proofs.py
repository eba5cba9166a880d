"""Certified optima through the library: proved, verified, unlearnt, used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import InvalidProof, StatementMismatch, TrainingError
from zkunlearn.prover.owner.influence import influence_of

ROWS, FEATURES = 60, 3
NEVER = (1 << 21) - 1  # a distance that leaves one unit between edges of a grid of 2^22


def spec_of(**fields: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "method": "optimum", "l2": 0.25}
    return zu.TrainingSpec(**(choices | fields))


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(ROWS, FEATURES))
    return X, (X @ [3.0, -2.0, 0.5] + rng.logistic(size=ROWS) / 4 > 0).astype(int)


def committed(table: tuple[Any, Any], rows: Any = slice(None), openings: int = 8) -> zu.Dataset:
    X, y = table
    ids = [f"person {i}" for i in np.arange(ROWS)[rows]]
    bounds = {f"x{i + 1}": (-1.0, 1.0) for i in range(FEATURES)}
    return zu.commit(X[rows], y[rows], ids=ids, bounds=bounds, openings=openings)


@pytest.fixture(scope="module")
def dataset(table: tuple[Any, Any]) -> zu.Dataset:
    return committed(table)


@pytest.fixture(scope="module")
def first(dataset: zu.Dataset) -> zu.Trained:
    return zu.prove(dataset, spec_of())


def test_an_unlearnt_model_is_that_of_a_data_set_without_the_rows(
    dataset: zu.Dataset, first: zu.Trained, table: tuple[Any, Any]
) -> None:
    unlearnt = zu.prove(dataset, spec_of(), forget=["person 3", "person 30"], previous=first.proof)
    digests = [record.digest for record in unlearnt.statement.forgotten]
    report = zu.verify(unlearnt.proof, dataset.commitment, spec=spec_of(), forget=digests, previous=first.proof)
    assert report.security_bits >= 100
    kept = np.delete(np.arange(ROWS), [3, 30])
    scratch = zu.prove(committed(table, kept, 3), spec_of())
    assert np.array_equal(unlearnt.model.integers, scratch.model.integers)
    assert not np.array_equal(unlearnt.model.integers, first.model.integers)


def test_it_predicts_at_the_scale_of_its_grid(first: zu.Trained, table: tuple[Any, Any]) -> None:
    """Near the optimum of the same objective in float64."""
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    X, y = table

    def objective(w: Any) -> float:
        z = X @ w[:-1] + w[-1]
        return float(np.mean(np.logaddexp(0, z) - y * z) + 0.125 * w @ w)

    found = minimize(objective, np.zeros(FEATURES + 1), tol=1e-12).x
    step = 2.0**-first.model.spec.weight_bits
    assert first.model.spec.weight_bits == 14
    assert np.abs(np.append(first.model.weights, first.model.intercept) - found).max() < step + 1e-3
    assert first.model.score(X, y) > 0.85 and first.curve is not None and first.curve.last.score > 0.85


def test_a_try_is_what_would_be_proved(dataset: zu.Dataset, first: zu.Trained) -> None:
    run = zu.train(dataset, spec_of())
    assert np.array_equal(run.integers, first.model.integers) and run.notes == ()


def test_the_second_distance_is_proved_where_the_first_has_an_edge_near(dataset: zu.Dataset, first: zu.Trained) -> None:
    spec = spec_of(grid=22, distances=(NEVER, 3000))
    trained = zu.prove(dataset, spec)
    assert trained.statement.distance == 1 and "certified at distance number 2" in trained.notes[0]
    zu.verify(trained.proof, dataset.commitment, spec=spec)
    other = replace(trained.statement, distance=0)
    with pytest.raises(InvalidProof, match="constraints"):
        zu.verify(type(trained.proof)(other, trained.proof.proof, trained.proof.attached), dataset.commitment)


def test_where_no_distance_certifies_nothing_is_proved_and_no_opening_spent(dataset: zu.Dataset) -> None:
    before = dataset.spent
    with pytest.raises(TrainingError, match=r"no declared distance .* for all future statements"):
        zu.prove(dataset, spec_of(l2=0.5, grid=22, distances=(1 << 19,)))
    assert dataset.spent == before


def test_a_proof_is_of_its_own_grid(dataset: zu.Dataset, first: zu.Trained) -> None:
    with pytest.raises(StatementMismatch, match=r"method\.grid"):
        zu.verify(first.proof, dataset.commitment, spec=spec_of(grid=17), forget=[])


def test_a_model_is_committed_afresh_and_says_how_far_it_moved(
    dataset: zu.Dataset, first: zu.Trained, tmp_path: Path
) -> None:
    files = first.save(tmp_path / "first.proof")
    after = zu.prove(dataset, spec_of(), forget=["person 8"], previous=first.proof)
    moved = influence_of(files.models[0], after)
    assert moved is not None and 0 < moved.norm < 0.1 and 0 < moved.changed <= moved.weights == FEATURES + 1
    assert influence_of(after.save(tmp_path / "after.proof").models[0], after) is None
    new, link = zu.recommit_model(first.secret, openings=3)
    zu.verify_link(link)
    assert np.array_equal(new.coef_, first.model.coef_)


def test_weights_before_rounding_are_in_no_file(
    dataset: zu.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be a trace of where they came from."""
    from zkunlearn.prover.owner import work

    seen: list[Any] = []
    own = work.MAKERS_OF_METHOD["optimum"]

    def train(*arguments: Any) -> Any:
        seen.append(own.train(*arguments))
        return seen[-1]

    monkeypatch.setattr(work, "MAKERS_OF_METHOD", {"optimum": replace(own, train=train)})
    files = zu.prove(dataset, spec_of(), forget=["person 9"]).save(tmp_path / "p.proof")
    weights = seen[0].settled.weights
    assert np.abs(weights).max() > 1 << 24
    for file in files.all:
        data = file.read_bytes()
        for weight in weights.tolist():
            assert weight.to_bytes(8, "little", signed=True) not in data
            assert (weight % ((1 << 64) - (1 << 32) + 1)).to_bytes(8, "little") not in data
