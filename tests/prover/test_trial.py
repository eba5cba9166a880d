"""A training that is tried: the model that would be proved, how it goes, nothing spent; and a spec that is found."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from zkunlearn.models.convergence import CONSTANT, FALLING, RISING, SEPARABLE
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.heavy_ball import NEAR
from zkunlearn.models.methods.reference import train as train_reference
from zkunlearn.models.optimum import Objective, minimum
from zkunlearn.models.suggestion import PUBLIC, _standardized
from zkunlearn.prover.owner.dataset import Dataset

ROWS = 40


def committed(kind: str = "binary", openings: int = 8, noise: float = 1.0) -> Dataset:
    rng = np.random.default_rng(4)
    X = rng.uniform(-1, 1, (ROWS, 3))
    z = X @ [3.0, -2.0, 1.0] + 0.5
    labels = {
        "binary": (z + noise * rng.logistic(size=ROWS) > 0).astype(int),
        "real": z,
        "count": rng.poisson(np.exp(z / 3)),
    }
    return zu.commit(X, labels[kind], label_kind=kind, openings=openings)


def logistic(**changes: Any) -> zu.TrainingSpec:
    return zu.TrainingSpec(**{"model": "logistic", "epochs": 30, "learning_rate": 1.0, "l2": 0.01, **changes})


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return committed()


# Trying ------------------------------------------------------------------------------------------------------------


CHANGES: list[dict[str, Any]] = [
    {},
    {"batch_size": 8, "epochs": 3},
    {"bias": False, "epochs": 2},
    {"standardize": True, "momentum": "increasing", "class_weight": {"0": 2, "1": 3}, "epochs": 5},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_what_is_tried_is_bit_for_bit_what_is_proved_and_spends_nothing(changes: dict[str, Any]) -> None:
    dataset = committed()
    run = zu.train(dataset, logistic(**changes), forget=["3", "17"])
    assert dataset.spent == 1
    proved = zu.prove(dataset, logistic(**changes), forget=["3", "17"])
    assert dataset.spent == 2
    assert np.array_equal(run.integers, proved.model.integers)
    X = np.random.default_rng(0).uniform(-1, 1, (5, 3))
    assert np.array_equal(run.decision_function(X), proved.model.decision_function(X))
    assert np.array_equal(run.weights, proved.model.weights) and run.intercept == proved.model.intercept
    assert proved.curve is not None and run.curve.points == proved.curve.points and run.notes == proved.notes
    assert run.draft.positions == proved.statement.positions


def test_trying_needs_no_opening_and_minds_no_successor(tmp_path: Path) -> None:
    committed(openings=3).save(tmp_path)
    dataset = zu.load_dataset(tmp_path)
    first = zu.prove(dataset, logistic(epochs=1))
    second = zu.prove(dataset, logistic(epochs=1), forget=["1"], previous=first.proof)
    with pytest.raises(zu.BudgetExceeded):
        zu.prove(dataset, logistic(epochs=1), previous=second.proof)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    run = zu.train(dataset, logistic(epochs=1), forget=["2"], previous=first.proof)  # which has a successor
    assert {dataset.ids[position] for position in run.draft.positions} == {"2"}
    run = zu.train(dataset, logistic(epochs=1), previous=second.proof)
    assert {dataset.ids[position] for position in run.draft.positions} == {"1"}
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_what_prove_refuses_is_refused_before_the_work(dataset: Dataset) -> None:
    with pytest.raises(zu.ParameterError, match="the data set has binary"):
        zu.train(dataset, zu.TrainingSpec(model="poisson", epochs=1, learning_rate=0.1))
    with pytest.raises(zu.ParameterError, match="all 5 updates of every weight round to zero"):
        zu.train(dataset, logistic(epochs=5, learning_rate=2.0**-19, l2=0.0))
    with pytest.raises(zu.DataError, match="id 'nobody' is not in the data set"):
        zu.train(dataset, logistic(), forget=["nobody"])
    with pytest.raises(zu.StatementMismatch, match="another data set"):
        zu.train(dataset, logistic(), previous=zu.prove(committed(), logistic(epochs=1)).proof)


def test_a_run_shows_neither_weights_nor_losses_of_itself(dataset: Dataset) -> None:
    run = zu.train(dataset, logistic())
    assert repr(run.curve).startswith("<zkunlearn.")
    told = repr(run) + run._repr_html_()
    assert "logistic regression by gradient descent" in told
    numbers = [run.curve.last.loss, run.curve.last.gradient_norm, *run.weights.tolist(), run.intercept]
    assert not [number for number in numbers if f"{number:.3g}" in told or f"{number:.3f}" in told]


# Numbers -----------------------------------------------------------------------------------------------------------

MODELS = [("logistic", "binary", 0.5), ("probit", "binary", 0.5), ("linear", "real", 0.5), ("poisson", "count", 0.05)]


@pytest.mark.parametrize(("model", "kind", "rate"), MODELS)
def test_the_curve_is_what_the_trace_of_the_reference_says(model: str, kind: str, rate: float) -> None:
    """From its table indices, remainders and predictions, which are those that are proved."""
    dataset, l2 = committed(kind), 0.02
    spec = zu.TrainingSpec(model=model, method="gradient descent", epochs=23, learning_rate=rate, l2=l2)
    run = zu.train(dataset, spec, forget=["5", "6"])
    schedule: Any = run.draft.schedule
    trace = train_reference(dataset.rows.features, dataset.rows.labels, schedule)
    live, fixed, family = schedule.live.mask(), spec.fixed_point, FAMILIES[model]
    y = (dataset.rows.labels * schedule.label_multiplier / 2.0**fixed.p_bits)[live]
    X = np.hstack([dataset.rows.features / 2.0**fixed.x_bits, np.ones((ROWS, 1))])[live]
    assert [point.epoch for point in run.curve.points] == [0, 1, 2, 4, 6, 9, 15, 20, 21, 22, 23]
    for point in run.curve.points[:-1]:
        z = (trace.Q[point.epoch] * 2.0**16 + trace.rem[point.epoch])[live] / 2.0 ** (fixed.x_bits + fixed.w_bits)
        w = trace.weights[point.epoch] / 2.0**fixed.w_bits
        assert point.loss == pytest.approx(family.loss(z, y).mean(), rel=1e-9)
        assert point.penalty == pytest.approx(l2 / 2 * (w[:-1] @ w[:-1]), rel=1e-9)
        predictions = trace.P[point.epoch][live] / 2.0**fixed.p_bits  # of the middles of cells
        gradient = X.T @ (predictions - y) / len(y) + l2 * np.append(w[:-1], 0.0)
        assert point.gradient_norm == pytest.approx(np.linalg.norm(gradient), abs=2e-3)
    z = X @ np.append(run.weights, run.intercept)
    assert run.curve.last.loss == pytest.approx(family.loss(z, y).mean(), rel=1e-9)


def test_with_mini_batches_each_point_is_one_model_on_all_rows() -> None:
    dataset, spec = committed(), logistic(batch_size=8, epochs=5)
    run = zu.train(dataset, spec)
    schedule: Any = run.draft.schedule
    trace = train_reference(dataset.rows.features, dataset.rows.labels, schedule)
    X = np.hstack([dataset.rows.features / 2.0**10, np.ones((ROWS, 1))])
    for point in run.curve.points:
        z = X @ trace.weights[point.epoch * schedule.blocks] / 2.0**16
        assert point.loss == pytest.approx(np.mean(np.logaddexp(0, z) - dataset.rows.labels * z), rel=1e-9)


def test_with_standardised_features_weights_classes_and_a_penalised_intercept_it_is_that_of_such_a_training() -> None:
    """What a user of numpy would compute on features with mean zero and spread one."""
    dataset, l2 = committed(), 0.05
    declared = {"standardize": True, "class_weight": {"0": 1, "1": 3}, "penalize_intercept": True, "momentum": 0.5}
    run = zu.train(dataset, logistic(epochs=12, l2=l2, **declared), forget=["9"])
    live = run.draft.schedule.live.mask()
    X, y = (dataset.rows.features / 2.0**10)[live], np.asarray(dataset.rows.labels, dtype=np.float64)[live]
    z = X @ run.weights + run.intercept
    counted = np.where(y == 1, 3.0, 1.0)
    last, spread = run.curve.last, X.std(axis=0)
    assert last.loss == pytest.approx(np.mean(counted * (np.logaddexp(0, z) - y * z)), rel=1e-9)
    w = np.append(run.weights * spread, run.intercept + X.mean(axis=0) @ run.weights)
    assert last.weight_norm == pytest.approx(np.linalg.norm(w), rel=1e-2)
    assert last.penalty == pytest.approx(l2 / 2 * (w @ w), rel=1e-2)
    standardised = np.hstack([(X - X.mean(axis=0)) / spread, np.ones((len(X), 1))])
    gradient = standardised.T @ (counted * (1 / (1 + np.exp(-z)) - y)) / len(y) + l2 * w
    assert last.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=2e-2)


@pytest.mark.parametrize("model", ["logistic", "probit"])
def test_of_several_classes_a_curve_is_that_of_the_sum_of_all_outputs(model: str) -> None:
    """What a user of numpy would compute for three models that share rows and rates, forgotten rows left out."""
    rng = np.random.default_rng(6)
    numbers, l2 = rng.integers(0, 3, ROWS), 0.02
    X = rng.uniform(-1, 1, (ROWS, 2)) + np.array([[1.5, 0.0], [0.0, 1.5], [-1.5, -1.5]])[numbers]
    dataset = zu.commit(X, np.array(["a", "b", "c"])[numbers])
    spec = zu.TrainingSpec(model=model, epochs=20, learning_rate=2.0, l2=l2, standardize=True, momentum=0.5)
    run, family = zu.train(dataset, spec, forget=["2", "7"]), FAMILIES[model]
    live = run.draft.schedule.live.mask()
    own, y = (dataset.rows.features / 2.0**10)[live], np.asarray(dataset.rows.labels)[live]
    Y, z, last = np.eye(3)[y], own @ run.weights.T + run.intercept, run.curve.last
    assert run.weights.shape == (3, 2) and np.shape(run.intercept) == (3,)
    assert run.curve.points[0].loss == pytest.approx(3 * float(family.loss(np.zeros(1), np.zeros(1))[0]))
    assert last.loss == pytest.approx(family.loss(z, Y).mean(axis=0).sum(), rel=1e-9)
    assert last.score == np.mean(z.argmax(axis=1) == y) > 0.8
    spread = own.std(axis=0)
    w = np.column_stack([run.weights * spread, run.intercept + run.weights @ own.mean(axis=0)])
    assert last.penalty == pytest.approx(l2 / 2 * (w[:, :-1] ** 2).sum(), rel=1e-2)
    assert last.weight_norm == pytest.approx(np.linalg.norm(w), rel=1e-2)
    standardised = np.hstack([(own - own.mean(axis=0)) / spread, np.ones((len(own), 1))])
    gradient = (family.inverse_link(z) - Y).T @ standardised / len(y) + l2 * np.pad(w[:, :-1], ((0, 0), (0, 1)))
    assert last.gradient_norm == pytest.approx(np.linalg.norm(gradient), abs=2e-3)
    assert last.loss < run.curve.constant_loss


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_a_suggested_training_of_several_classes_is_as_near_its_optimum_as_expected(load: Any) -> None:
    """That of scikit-learn's one-vs-rest at C = 1, on features that its scaler has standardised."""
    X, y = load(return_X_y=True)
    dataset = zu.commit(X, y, label_kind="categorical", x_bits=12)
    found = zu.suggest(dataset)
    run = zu.train(dataset, found.spec)
    encoded = dataset.statement.encoding.encode_features(X) / 2.0**12
    scaler = StandardScaler().fit(encoded)
    theirs = OneVsRestClassifier(LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000))
    theirs.fit(scaler.transform(encoded), y)

    def objective(weights: Any, scores: Any) -> float:
        losses = np.logaddexp(0, scores) - np.eye(3)[y] * scores
        return float(losses.mean(axis=0).sum() + (weights**2).sum() / (2 * len(y)))

    least = objective(
        np.vstack([one.coef_ for one in theirs.estimators_]), theirs.decision_function(scaler.transform(encoded))
    )
    ours = objective(run.weights * scaler.scale_, run.decision_function(X))
    assert ours / least - 1 == pytest.approx(found.expected_gap, abs=1e-4)
    assert abs(run.score(X, y) - theirs.score(scaler.transform(encoded), y)) <= 2.01 / len(y)


# Notes -------------------------------------------------------------------------------------------------------------

SITUATIONS = [
    (1.0, {"epochs": 150, "learning_rate": 1.0}, ()),
    (1.0, {"epochs": 4, "learning_rate": 0.5}, (FALLING,)),
    (1.0, {"epochs": 60, "learning_rate": 25.0}, (RISING, CONSTANT)),
    (0.0, {"epochs": 500, "learning_rate": 2.0, "l2": 0.0}, (SEPARABLE,)),
    (0.0, {"epochs": 45, "learning_rate": 2.0, "l2": 0.05}, ()),
]


@pytest.mark.parametrize(("noise", "changes", "expected"), SITUATIONS)
def test_a_note_appears_in_its_situation_in_prove_and_in_train_and_in_the_log(
    caplog: pytest.LogCaptureFixture, noise: float, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    dataset = committed(noise=noise)
    run = zu.train(dataset, logistic(**changes))
    assert run.notes == expected
    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", n) for n in expected]
    assert zu.prove(dataset, logistic(**changes)).notes == expected


def test_where_separable_classes_make_scores_grow_too_large_the_error_says_so() -> None:
    X = np.arange(20)[:, None] / 10
    dataset = zu.commit(X, (X[:, 0] > 0.95).astype(int), bounds={"x1": (0, 2)})
    fixed = zu.FixedPoint(w_bits=20)  # |z| < 2
    with pytest.raises(zu.TrainingError, match=r"diverged at step .* set l2, or use fewer epochs"):
        zu.train(dataset, logistic(epochs=300, l2=0.0, fixed_point=fixed))
    with pytest.raises(zu.TrainingError, match=r"diverged at step .* lower learning_rate or scale the features"):
        zu.train(dataset, logistic(epochs=300, l2=1e-6, fixed_point=fixed))


def test_a_training_that_diverges_names_whose_row_it_was_and_no_position() -> None:
    """Which nobody but the program knows."""
    X, names = np.zeros((20, 30)), [f"p{row}" for row in range(20)]
    X[7] = 1.0
    dataset = zu.commit(X, np.arange(20) % 2, names, bounds={f"x{k + 1}": (-1, 1) for k in range(30)})
    for call in (zu.train, zu.prove):
        with pytest.raises(zu.TrainingError, match=r"^diverged at step 1 .*: \|z\| = [\d.]+ > 32 at id 'p7'; "):
            call(dataset, logistic(epochs=4, learning_rate=100.0))
    assert dataset.spent == 1


def test_the_demo_has_no_note(caplog: pytest.LogCaptureFixture) -> None:
    from zkunlearn.cli.demo import SPEC, load_tumours

    tumours = load_tumours()
    run = zu.train(zu.commit(tumours.X, list(tumours.classes)), SPEC)
    assert run.notes == () and not caplog.records


# Suggesting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes])
def test_a_suggested_spec_reaches_the_distance_that_is_expected_of_it(load: Any, standardize: bool) -> None:
    X, y = load(return_X_y=True)
    dataset = zu.commit(X, y)
    found = zu.suggest(dataset, standardize=standardize)
    run = zu.train(dataset, found.spec)
    shape = dataset.statement.encoding
    features, labels = dataset.rows.features / 2.0**shape.x_bits, dataset.rows.labels / 2.0**shape.label.label_bits
    if standardize:  # with spreads that have a floor: tests/models/test_suggestion.py
        features = _standardized(features)
    penalties = np.append(np.full(X.shape[1], 1 / len(X)), 0.0)
    design = np.hstack([features, np.ones((len(X), 1))])
    least = minimum(Objective(run.spec.family, design, labels[:, None], penalties))[1]
    gap = run.curve.last.objective / least - 1
    assert gap == pytest.approx(found.expected_gap, abs=5e-5) and found.expected_gap <= NEAR
    assert found.spec.method.to_mapping()["standardize"] == standardize
    assert run.notes == () and dataset.spent == 1
    assert found.spec.model == ("logistic" if load is load_breast_cancer else "linear")
    assert found.spec.method.to_mapping()["l2"] == repr(1 / len(X))


def test_a_suggested_spec_predicts_as_scikit_learn_does_at_its_default() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    dataset = zu.commit(X, y)
    run = zu.train(dataset, zu.suggest(dataset).spec)
    theirs = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    difference = np.abs(run.predict_proba(X)[:, 1] - theirs.predict_proba(X)[:, 1])
    assert difference.mean() < 0.002 and run.score(X, y) == pytest.approx(theirs.score(X, y), abs=0.004)


def test_a_suggestion_is_made_of_the_rows_that_count_only() -> None:
    rng = np.random.default_rng(8)
    X, y = rng.uniform(-1, 1, (60, 2)), rng.uniform(-1, 1, 60)
    bounds = {"x1": (-9.0, 9.0), "x2": (-9.0, 9.0), "label": (-2.0, 2.0)}
    X[7] = 9.0
    other = X.copy()
    other[7] = 0.0
    first, second = (zu.suggest(zu.commit(each, y, bounds=bounds), forget=["8"], most_epochs=50) for each in (X, other))
    assert first.spec == second.spec and first.expected_gap == pytest.approx(second.expected_gap)
    assert zu.suggest(zu.commit(X, y, bounds=bounds), most_epochs=50).spec != first.spec


def test_what_a_previous_proof_forgot_does_not_count_either(dataset: Dataset) -> None:
    previous = zu.prove(dataset, logistic(epochs=1), forget=["3", "4"]).proof
    found = zu.suggest(dataset, previous=previous)
    assert found.spec == zu.suggest(dataset, forget=["3", "4"]).spec
    assert found.spec.method.to_mapping()["l2"] == repr(1 / 38)
    assert found.notes[-1] == PUBLIC


def test_a_suggestion_takes_model_l2_and_limit_and_refuses_what_cannot_be(dataset: Dataset) -> None:
    found = zu.suggest(dataset, "probit", 0.25, most_epochs=40)
    assert found.spec.model == "probit" and found.epochs <= 40
    assert found.spec.method.to_mapping()["l2"] == "0.25"
    for wrong in ({"l2": -1.0}, {"most_epochs": 0}, {"model": "poisson"}):
        with pytest.raises(zu.ParameterError, match=next(iter(wrong))):
            zu.suggest(dataset, **wrong)


def test_nothing_but_what_begins_is_logged_of_a_suggestion(dataset: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="zkunlearn"):
        zu.suggest(dataset)
    said = ("begins: ", "compiling the kernel", "the kernel")
    assert all(record.levelno == logging.INFO and record.getMessage().startswith(said) for record in caplog.records)
