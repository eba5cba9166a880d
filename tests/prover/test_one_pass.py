"""One-pass training through the library: proved, verified, unlearnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import InvalidProof, ParameterError, StatementMismatch
from zkunlearn.models.live import Live
from zkunlearn.models.methods.one_pass_reference import exported_solution, solve
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.witnesses.one_pass import solution_notes, solve_rows
from zkunlearn.prover.witnesses.rows import Rows

ROWS, FEATURES = 40, 3


def spec_of(**changes: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"epochs": 30, "learning_rate": 0.8, "momentum": 0.5, "l2": 0.01}
    return zu.TrainingSpec(model="linear", method="one-pass", **(choices | changes))


@pytest.fixture(scope="module")
def dataset() -> zu.Dataset:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, FEATURES))
    return zu.commit(X, X @ [1.0, -2.0, 0.5] + 0.3, ids=[f"person {i}" for i in range(ROWS)])


@pytest.mark.parametrize("changes", [{}, {"standardize": True}, {"bias": False, "l2": 0.0}], ids=str)
def test_a_model_is_proved_and_so_is_its_unlearning(dataset: zu.Dataset, changes: dict[str, Any]) -> None:
    spec = spec_of(**changes)
    trained = zu.prove(dataset, spec)
    report = zu.verify(trained.proof, dataset.commitment, spec=spec, forget=[])
    assert report.security_bits >= 100
    unlearnt = zu.prove(dataset, spec, forget=["person 3", "person 30"], previous=trained.proof)
    digests = [record.digest for record in unlearnt.statement.forgotten]
    zu.verify(unlearnt.proof, dataset.commitment, spec=spec, forget=digests, previous=trained.proof)
    assert unlearnt.model.integers.tolist() != trained.model.integers.tolist()
    for found in (trained, unlearnt):
        schedule: Any = found.statement.schedule
        expected = exported_solution(schedule, solve(dataset.rows.features, dataset.rows.labels, schedule))
        assert found.model.integers.tolist() == [expected.tolist()]
        assert found.curve is not None and found.curve.last.score > (0.98 if spec.method.bias else 0.6)


def test_a_proof_is_of_its_own_method(dataset: zu.Dataset) -> None:
    """The same fields, by gradient descent, are another algorithm."""
    spec = spec_of()
    trained = zu.prove(dataset, spec)
    fields: dict[str, Any] = {"epochs": 30, "learning_rate": 0.8, "momentum": 0.5, "l2": 0.01}
    other = zu.TrainingSpec(model="linear", method="gradient descent", **fields)
    with pytest.raises(StatementMismatch, match="method"):
        zu.verify(trained.proof, dataset.commitment, spec=other, forget=[])


def test_another_model_s_root_is_rejected(dataset: zu.Dataset) -> None:
    spec = spec_of()
    first, second = zu.prove(dataset, spec), zu.prove(dataset, spec, forget=["person 1"])
    swapped = type(first.proof)(second.statement, first.proof.proof, second.proof.attached)
    with pytest.raises(InvalidProof):
        zu.verify(swapped, dataset.commitment)


def test_both_methods_find_the_same_model(dataset: zu.Dataset) -> None:
    fields: dict[str, Any] = {"epochs": 60, "learning_rate": 0.8, "momentum": 0.5, "l2": 0.01}
    one = zu.prove(dataset, zu.TrainingSpec(model="linear", method="one-pass", **fields)).model.integers
    other = zu.prove(dataset, zu.TrainingSpec(model="linear", method="gradient descent", **fields)).model.integers
    assert np.abs(one[0, :-1] - other[0, :-1]).max() < 2.0**16 * 1e-3


def test_rates_without_any_effect_are_refused(dataset: zu.Dataset) -> None:
    with pytest.raises(ParameterError, match="learning_rate: there is room"):
        zu.prove(dataset, spec_of(learning_rate=2.0**-40, l2=0.0))


def test_a_run_whose_updates_are_all_rounded_to_zero_is_refused() -> None:
    """One label of the least size there is, among zeros."""
    shape = DatasetShape(rows=ROWS, features=1, label_kind="real", label_bits=14, x_bits=10)
    spec = spec_of(learning_rate=1e-4, epochs=2, momentum=0.0, l2=0.0)
    X, y = np.zeros((1, ROWS), dtype=np.int16), np.zeros(ROWS, dtype=np.int32)
    X[0, 3], y[3] = 1, 1
    nothing = np.zeros((2, ROWS), dtype=np.uint64), np.zeros((ROWS, 32), dtype=np.uint8)
    rows = Rows([str(i) for i in range(ROWS)], X, y, *nothing)
    schedule: Any = spec.compile(shape, Live(ROWS))
    solved = solve_rows(rows, schedule)
    assert solved.solution.targets.any() and not solved.solution.weights.any()
    with pytest.raises(ParameterError, match="every update is below half a unit"):
        solution_notes(schedule, solved)


@pytest.mark.parametrize("l2", [0.0, 1e-4])
def test_weights_are_those_of_float64_up_to_condition_numbers_of_3000(l2: float) -> None:
    """Of ridge regression on the encoded features, whose second derivative is this ill-conditioned."""
    rng = np.random.default_rng(3)
    rows, features = 1000, 16
    X = rng.uniform(-1, 1, (rows, 1)) + np.sqrt(features / 2200) * rng.uniform(-1, 1, (rows, features))
    X /= np.abs(X).max(axis=0)
    target = X @ rng.uniform(-0.5, 0.5, features) + 0.02 * rng.normal(size=rows)
    largest = 1.05 * float(np.abs(target).max())
    bounds = {f"x{k + 1}": (-1, 1) for k in range(features)} | {"label": (-largest, largest)}
    data = zu.commit(X, target, bounds=bounds, x_bits=12)
    encoded = np.column_stack([np.round(X * 4096) / 4096, np.ones(rows)])
    second = encoded.T @ encoded / rows + l2 * np.diag([1.0] * features + [0.0])
    low, *_, high = np.linalg.eigvalsh(second)
    assert 2000 < high / low < 3000
    root, edge = np.sqrt(low), np.sqrt(1.02 * high)
    rate, momentum = 4 / (root + edge) ** 2, ((edge - root) / (edge + root)) ** 2
    scales = zu.FixedPoint(x_bits=12, w_bits=16)
    spec = spec_of(epochs=2000, learning_rate=float(rate), momentum=float(momentum), l2=l2, fixed_point=scales)
    found = zu.prove(data, spec).model.weights.ravel()[:features]
    expected = np.linalg.solve(second, encoded.T @ target / rows / largest)[:features]
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)
