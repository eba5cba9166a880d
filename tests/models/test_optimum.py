"""The optimum is that of scikit-learn, whatever solves Newton's equations."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from zkunlearn.errors import ParameterError
from zkunlearn.models import optimum
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.optimum import Objective, minimum


def objective(model, X, y, l2, intercept_l2=0.0):
    penalties = np.append(np.full(X.shape[1], l2), intercept_l2)
    return Objective(
        FAMILIES[model], np.hstack([X, np.ones((len(X), 1))]), y.reshape(len(X), -1).astype(float), penalties
    )


def tumours():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(params=["direct", "conjugate gradients"])
def solver(request, monkeypatch):
    if request.param != "direct":
        monkeypatch.setattr(optimum, "DIRECT_WIDTH", 0)


def test_logistic_regression_is_that_of_scikit_learn_at_its_default(solver):
    X, y = tumours()
    weights, value = minimum(objective("logistic", X, y, 1 / len(y)))
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(X, y)
    assert np.allclose(weights, np.append(theirs.coef_, theirs.intercept_), atol=1e-3)
    p = theirs.predict_proba(X)[:, 1]
    expected = -np.mean(np.log(np.where(y == 1, p, 1 - p))) + theirs.coef_[0] @ theirs.coef_[0] / (2 * len(y))
    assert value == pytest.approx(expected, rel=1e-6) and value <= expected * (1 + 1e-9)


def test_linear_and_poisson_regression_are_those_of_scikit_learn(solver):
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    weights, _ = minimum(objective("linear", X, y, 1 / len(y)))
    theirs = Ridge(alpha=1.0).fit(X, y)
    assert np.allclose(weights, np.append(theirs.coef_, theirs.intercept_), rtol=1e-6)
    counts = np.floor(y / 20)
    weights, _ = minimum(objective("poisson", X, counts, 0.1))
    theirs = PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=10_000).fit(X, counts)
    assert np.allclose(weights, np.append(theirs.coef_, theirs.intercept_), atol=1e-4)


@pytest.mark.parametrize("model", ["logistic", "probit"])
def test_separable_classes_have_no_optimum_without_l2(model):
    X = np.arange(20.0)[:, None] - 9.5
    with pytest.raises(ParameterError, match=r"l2 = 0: the classes are separable"):
        minimum(objective(model, X, X[:, 0] > 0, 0.0))
    minimum(objective(model, X, X[:, 0] > 0, 0.01))
    weights, _ = minimum(objective(model, X, (X[:, 0] > 0) ^ (np.arange(20) % 5 == 0), 0.0))
    assert np.isfinite(weights).all()


def test_directions_in_which_nothing_changes_do_no_harm(solver):
    X, y = load_diabetes(return_X_y=True)
    twice = np.hstack([X, X, np.zeros((len(X), 1))])
    _, once = minimum(objective("linear", X, y / 100, 0.0))
    weights, value = minimum(objective("linear", twice, y / 100, 0.0))
    assert value == pytest.approx(once, rel=1e-6) and np.isfinite(weights).all()


def test_values_are_shares_of_what_can_be_lost_and_gradients_are_theirs():
    X, y = load_diabetes(return_X_y=True)
    f = objective("poisson", X, np.floor(y / 20), 0.1, 0.1)
    W = np.random.default_rng(2).normal(size=(11, 3))
    assert (f.values(W) > 0).all()
    gradients, largest = f.gradients(W)
    assert np.allclose(largest, np.abs(f.X @ W).max(axis=0))
    for k in range(11):
        step = np.zeros((11, 1))
        step[k] = 1e-5
        assert np.allclose((f.values(W + step) - f.values(W - step)) / 2e-5, gradients[k], rtol=1e-4, atol=1e-6)


def test_the_curvature_is_the_largest_eigenvalue_of_the_second_derivatives_bound():
    X, y = tumours()
    f = objective("logistic", X, y, 0.25)
    exact = np.linalg.eigvalsh(f.X.T @ f.X / len(y))[-1] / 4 + 0.25
    assert exact * 0.97 <= f.curvature(np.zeros(31)) <= exact * 1.0001


# Several outputs ---------------------------------------------------------------------------------------------------


def classes_of(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y, np.eye(y.max() + 1)[y]


@pytest.mark.parametrize("load", [load_iris, load_wine, load_digits])
def test_the_optimum_of_several_classes_is_that_of_scikit_learns_one_vs_rest(load):
    X, y, Y = classes_of(load)
    weights, value = minimum(objective("logistic", X, Y, 1 / len(y)))
    theirs = OneVsRestClassifier(LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)).fit(X, y)
    expected, values = [], []
    for k, one in enumerate(theirs.estimators_):
        expected.append(np.append(one.coef_, one.intercept_))
        p = one.predict_proba(X)[:, 1]
        values.append(-np.mean(np.log(np.where(y == k, p, 1 - p))) + one.coef_[0] @ one.coef_[0] / (2 * len(y)))
    assert np.allclose(weights.reshape(Y.shape[1], -1), expected, atol=1e-3)
    assert value == pytest.approx(sum(values), rel=1e-6) and value <= sum(values) * (1 + 1e-9)


@pytest.mark.parametrize("model", ["logistic", "probit"])
def test_numbers_of_several_outputs_are_those_of_each_alone(model):
    X, _, Y = classes_of(load_wine)
    f = objective(model, X, Y, 0.1, 0.2)
    assert (f.outputs, f.width) == (3, 42)
    W = np.random.default_rng(5).normal(size=(42, 4))
    apart = list(zip([f.alone(k) for k in range(3)], W.reshape(3, 14, 4), strict=True))
    assert np.allclose(f.values(W), sum(one.values(w) for one, w in apart), rtol=1e-12)
    gradients, largest = f.gradients(W)
    assert np.allclose(gradients.reshape(3, 14, 4), [one.gradients(w)[0] for one, w in apart], rtol=1e-9)
    assert np.allclose(largest, np.max([one.gradients(w)[1] for one, w in apart], axis=0))
    assert f.curvature(W[:, 0]) == max(one.curvature(w[:, 0]) for one, w in apart)


def test_without_a_bound_of_the_family_the_curvature_is_that_of_the_steepest_output():
    X, y = load_diabetes(return_X_y=True)
    counts = np.stack([np.floor(y / 100), np.floor(y / 10)], axis=1)
    f = objective("poisson", StandardScaler().fit_transform(X), counts, 0.1)
    best = minimum(f)[0]
    first, second = (f.alone(k).curvature(best.reshape(2, -1)[k]) for k in range(2))
    assert f.curvature(best) == max(first, second) and second > 2 * first


def test_one_class_that_can_be_told_from_the_others_has_no_optimum_without_l2():
    X, _, Y = classes_of(load_iris)
    with pytest.raises(ParameterError, match="one can be told from all others without an error"):
        minimum(objective("logistic", X, Y, 0.0))
    minimum(objective("logistic", X, Y, 1e-3))
    weights, _ = minimum(objective("logistic", X[:, 1:2], Y, 0.0))  # a column that tells none of them apart
    assert np.isfinite(weights).all()


@pytest.mark.parametrize("model", ["logistic", "poisson"])
def test_a_row_that_counts_three_times_is_as_three_rows(model):
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, size=40)
    counts = rng.integers(1, 4, size=40)
    once = objective(model, X, y, 0.1)
    of_rows = Objective(once.family, once.X, once.y, once.penalties, counts.astype(float))
    repeated = objective(model, np.repeat(X, counts, axis=0), np.repeat(y, counts), 0.1 * 40 / counts.sum())
    weights, factor = rng.normal(size=(4, 2)), counts.sum() / 40  # a mean over rows, each once, of either
    assert np.allclose(of_rows.values(weights), factor * repeated.values(weights))
    assert np.allclose(of_rows.gradients(weights)[0], factor * repeated.gradients(weights)[0])
    assert of_rows.curvature(weights[:, 0]) == pytest.approx(factor * repeated.curvature(weights[:, 0]), rel=1e-6)
    assert np.allclose(minimum(of_rows)[0], minimum(repeated)[0], atol=1e-6)
    assert not np.allclose(minimum(of_rows)[0], minimum(once)[0], atol=1e-3)
