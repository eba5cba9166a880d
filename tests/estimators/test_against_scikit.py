"""Estimators answer as scikit-learn's own do, on ten data sets and on whatever hypothesis finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_classification,
    make_friedman1,
    make_moons,
    make_regression,
)
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from zkunlearn.estimators.choices import declared_weights
from zkunlearn.sklearn import VerifiableLogisticRegression, VerifiablePoissonRegressor, VerifiableRidge

CLASSES = {
    "iris": load_iris(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "breast cancer": load_breast_cancer(return_X_y=True),
    "digits": tuple(part[:500] for part in load_digits(return_X_y=True)),
    "moons": make_moons(300, noise=0.2, random_state=0),
    "blobs": make_blobs(400, 5, centers=4, random_state=0),
    "few positives": make_classification(800, 10, weights=[0.9], random_state=2),
}
VALUES = {
    "diabetes": load_diabetes(return_X_y=True),
    "regression": make_regression(300, 20, noise=10, random_state=0),
    "friedman": make_friedman1(300, random_state=0),
}


def scaled(theirs: Any, X: Any, y: Any) -> Any:
    return make_pipeline(StandardScaler(), theirs).fit(X, y)


@pytest.mark.parametrize("name", CLASSES)
def test_a_classifier_has_the_probabilities_of_scikit_learns(name: str) -> None:
    X, y = CLASSES[name]
    theirs = scaled(OneVsRestClassifier(LogisticRegression(tol=1e-10, max_iter=10_000)), X, y)
    ours = VerifiableLogisticRegression().fit(X, y)
    assert np.array_equal(ours.classes_, theirs.classes_) and ours.predict(X).dtype == y.dtype
    assert abs(ours.score(X, y) - theirs.score(X, y)) <= 2.01 / len(y)
    assert np.abs(ours.predict_proba(X) - theirs.predict_proba(X)).max() < 0.02


@pytest.mark.parametrize("name", VALUES)
def test_ridge_predicts_what_scikit_learns_does(name: str) -> None:
    X, y = VALUES[name]
    theirs, ours = scaled(Ridge(), X, y), VerifiableRidge().fit(X, y)
    assert np.abs(ours.predict(X) - theirs.predict(X)).max() < 0.01 * y.std()
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-4)


@pytest.mark.parametrize("unit", [1.0, 0.37])
def test_poisson_regression_expects_what_scikit_learns_does(unit: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    y = rng.poisson(np.exp(X @ [0.3, -0.2, 0.1, 0.0] + 1)) * unit
    theirs = scaled(PoissonRegressor(alpha=0.01, tol=1e-10), X, y)
    ours = VerifiablePoissonRegressor(alpha=0.01, unit=unit, tol=1e-6).fit(X, y)
    assert np.abs(ours.predict(X) / theirs.predict(X) - 1).max() < 0.01
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-3)
    assert np.allclose(np.exp(X @ ours.coef_ + ours.intercept_), ours.predict(X), rtol=0.01)


def test_counts_in_a_unit_that_is_found_are_predicted_in_theirs() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 2))
    y = np.exp(X @ [0.4, -0.3]) + rng.uniform(0, 0.01, size=300)
    ours = VerifiablePoissonRegressor(alpha=0.001).fit(X, y)
    assert ours.unit_ == 2.0**-3 and ours.score(X, y) > 0.9
    assert ours.predict(X).mean() == pytest.approx(y.mean(), rel=0.02)


@pytest.mark.parametrize("weights", [{0: 0.5, 1: 2}, {0: 3, 1: 3}, {1: 7}])
def test_weights_of_classes_mean_what_they_mean_there(weights: dict[int, float]) -> None:
    X, y = CLASSES["few positives"]
    theirs = scaled(LogisticRegression(C=0.1, class_weight=weights, tol=1e-10, max_iter=10_000), X, y)
    ours = VerifiableLogisticRegression(C=0.1, class_weight=weights, tol=1e-6).fit(X, y)
    assert np.abs(ours.predict_proba(X) - theirs.predict_proba(X)).max() < 0.01


@pytest.mark.parametrize("kind", [VerifiableLogisticRegression, VerifiableRidge])
def test_without_an_intercept_there_is_none(kind: Any) -> None:
    X, y = CLASSES["moons"]
    ours = kind(fit_intercept=False, standardize=False, bounds=(-4, 4), **_bounded(kind)).fit(X, y)
    at_middle = (
        ours.predict_proba([[0, 0]])[0, 0] if kind is VerifiableLogisticRegression else ours.predict([[0, 0]])[0]
    )
    assert at_middle == pytest.approx(0.5, abs=1e-9) and not ours.spec_.method.bias


def _bounded(kind: Any) -> dict[str, Any]:
    return {"target_bounds": (0, 1)} if kind is VerifiableRidge else {}


# Whatever comes ------------------------------------------------------------------------------------------------------

LABELS = (np.array([3, -1, 7]), np.array([True, False]), np.array(["10", "9", "b"]), np.array([0.0, 2.0, 1e6]))


@settings(max_examples=30)
@given(
    rows=st.integers(6, 40),
    features=st.integers(1, 4),
    dtype=st.sampled_from(["float64", "float32", "int64", "uint8", "bool"]),
    labels=st.sampled_from(LABELS),
    order=st.sampled_from(["C", "F"]),
    seed=st.integers(0, 2**16),
)
def test_a_classifier_takes_every_shape_and_type(rows, features, dtype, labels, order, seed) -> None:
    rng = np.random.default_rng(seed)
    X = np.asarray(rng.normal(100, 40, size=(rows, features)).astype(dtype), order=order)
    y = rng.permutation(np.resize(labels, rows))
    ours = VerifiableLogisticRegression(max_iter=20).fit(X, y)
    count = len(labels)
    assert np.array_equal(ours.classes_, np.unique(y)) and ours.classes_.dtype == y.dtype
    assert (
        ours.coef_.shape == ((1 if count == 2 else count), features) and ours.intercept_.shape == ours.coef_.shape[:1]
    )
    shares, scores = ours.predict_proba(X), ours.decision_function(X)
    assert shares.shape == (rows, count) and np.allclose(shares.sum(axis=1), 1)
    assert scores.shape == ((rows,) if count == 2 else (rows, count))
    likeliest = (scores > 0).astype(int) if count == 2 else scores.argmax(axis=1)
    assert np.array_equal(ours.predict(X), ours.classes_[likeliest])
    linear = X @ ours.coef_.T + ours.intercept_
    weights = np.abs(ours._answers.weights).sum()
    assert np.abs(linear.reshape(scores.shape) - scores).max() <= weights * 2.0**-13 + 1e-6 * (1 + np.abs(linear).max())


@settings(max_examples=30)
@given(
    rows=st.integers(6, 40),
    features=st.integers(1, 4),
    dtype=st.sampled_from(["float64", "float32", "int64", "uint8"]),
    size=st.sampled_from([1e-6, 1.0, 1e9]),
    seed=st.integers(0, 2**16),
)
def test_ridge_takes_every_shape_and_type(rows, features, dtype, size, seed) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(100, 40, size=(rows, features)).astype(dtype)
    y = size * rng.normal(size=rows)
    theirs, ours = scaled(Ridge(alpha=rows), X, y), VerifiableRidge(alpha=rows).fit(X, y)
    assert ours.coef_.shape == (features,) and isinstance(ours.intercept_, float)
    assert np.abs(ours.predict(X) - theirs.predict(X)).max() < 0.02 * y.std()


def test_what_lies_beyond_sixteen_bits_is_predicted_by_the_same_line() -> None:
    """A row of a test fold may be far beyond what the training fold had."""
    X, y = VALUES["friedman"]
    ours = VerifiableRidge().fit(X, y)
    far = np.full((2, X.shape[1]), 1e7)
    far[1] = -1e7
    assert ours.predict(far) == pytest.approx(far @ ours.coef_ + ours.intercept_, rel=1e-9)
    classes = VerifiableLogisticRegression().fit(X, y > y.mean())
    assert np.isfinite(classes.decision_function(far)).all()
    assert np.array_equal(classes.predict(far), (far @ classes.coef_.T + classes.intercept_)[:, 0] > 0)


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=4))
def test_integers_stand_to_one_another_as_weights_do_or_are_the_nearest(weights: list[float]) -> None:
    found = declared_weights({str(place): weight for place, weight in enumerate(weights)})
    integers = list((found.integers or dict.fromkeys(map(str, range(len(weights))), 1)).values())
    assert all(isinstance(own, int) and 1 <= own <= 255 for own in integers)
    if found.exact:
        assert np.allclose(integers, np.array(weights) * found.scale, rtol=1e-8)
    else:
        expected = np.maximum(1, np.array(weights) * 255 / max(weights))
        assert np.abs(np.array(integers) - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("weights", "integers"),
    [((0.5, 2.0), (1, 4)), ((1.5, 1.0), (3, 2)), ((10, 2550), (1, 255)), ((0.1, 0.3, 0.2), (1, 3, 2))],
)
def test_plain_ratios_are_exact(weights: tuple[float, ...], integers: tuple[int, ...]) -> None:
    found = declared_weights(dict(zip("abc", weights, strict=False)))
    assert found.exact and found.integers is not None and tuple(found.integers.values()) == integers
