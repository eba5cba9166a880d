"""What is suggested does, in a plain loop, what is said of it, and nothing that was tried is faster."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from zkunlearn.errors import ParameterError
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.heavy_ball import CONSTANTS, MULTIPLES, NEAR, momentum_at, search
from zkunlearn.models.momentum import INCREASING
from zkunlearn.models.optimum import Objective, minimum

ALL = (*CONSTANTS, INCREASING)


def objective(model, standardize=True):
    X, y = (load_breast_cancer if model in ("logistic", "probit") else load_diabetes)(return_X_y=True)
    if model == "linear":
        y = y / 346 * 2 - 1
    if model == "poisson":
        y = np.floor(y / 40)
    low, high = X.min(axis=0), X.max(axis=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0) if standardize else (2 * X - low - high) / (high - low)
    penalties = np.full(X.shape[1] + 1, 1 / len(X))
    penalties[-1] = 0.0
    return Objective(FAMILIES[model], np.hstack([X, np.ones((len(X), 1))]), y[:, None].astype(float), penalties)


def values(f, rate, momentum, epochs):
    """f after 0, 1, .. epochs of the update, in a plain loop."""
    w = before = np.zeros(f.X.shape[1])
    found = [float(f.values(w[:, None])[0])]
    for epoch in range(epochs):
        gradient = f.X.T @ (f.family.inverse_link(f.X @ w) - f.y[:, 0]) / len(f.y) + f.penalties * w
        w, before = w - rate * gradient + momentum_at(momentum, epoch) * (w - before), w
        found.append(float(f.values(w[:, None])[0]))
    return np.array(found)


@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("momenta", [(0.0,), ALL], ids=["plain", "momentum"])
def test_the_gap_is_that_of_a_plain_loop(model, momenta):
    f = objective(model)
    found = search(f, momenta, 200)
    least = minimum(f)[1]
    run = values(f, found.learning_rate, found.momentum, found.epochs + 2)
    assert found.gap == pytest.approx(run[found.epochs] / least - 1, rel=1e-3, abs=1e-8)
    assert found.gap <= NEAR or found.epochs == 200
    assert found.gap > NEAR or (run[found.epochs :] / least - 1 <= NEAR).all()  # it stays there


@pytest.mark.parametrize("model", FAMILIES)
def test_with_momentum_all_families_come_near_within_200_epochs_on_standardised_features(model):
    found = search(objective(model), ALL, 200)
    assert found.gap <= NEAR and found.momentum != 0.0
    assert found.epochs < search(objective(model), (0.0,), 200).epochs


def test_no_candidate_that_stays_near_came_there_sooner():
    f = objective("logistic")
    found, (best, least) = search(f, ALL, 200), minimum(f)
    for multiple in MULTIPLES:
        rate = float(f"{np.floor(multiple / f.curvature(best) * 10) / 10:.2g}")  # two digits: rates here are 1 to 10
        for momentum in ALL:
            run = values(f, rate, momentum, found.epochs)
            if 1 <= rate < 10 and run.max() <= run[0]:
                sooner = np.flatnonzero(run[: found.epochs - 12] / least - 1 <= NEAR)
                assert all((run[epoch:] / least - 1 > NEAR).any() for epoch in sooner), (rate, momentum)


def test_a_rate_has_two_digits_and_a_search_is_the_same_each_time():
    f = objective("linear")
    first, second = search(f, ALL, 200), search(f, ALL, 200)
    assert first == second and float(f"{first.learning_rate:.2g}") == first.learning_rate


def test_where_the_limit_is_too_low_the_nearest_candidate_is_taken():
    f = objective("logistic", standardize=False)
    found, least = search(f, (0.0,), 50), minimum(f)[1]
    assert found.epochs == 50 and found.gap > NEAR
    assert found.gap == pytest.approx(values(f, found.learning_rate, 0.0, 50)[-1] / least - 1, rel=1e-3)


def test_candidates_that_diverge_are_left_behind_and_where_all_do_that_is_said():
    f = objective("linear")
    assert search(f, (0.0,), 100, multiples=(1.0, 1000.0)).learning_rate < 2
    for model in ("linear", "poisson"):
        with pytest.raises(ParameterError, match="no learning rate of those tried makes the loss fall"):
            search(objective(model), (0.0,), 100, multiples=(1000.0,))


def test_no_candidate_swings_far_beyond_the_optimum_s_scores():
    f = objective("logistic")
    best = minimum(f)[0]
    assert search(f, ALL, 200).largest_score <= 2 * np.abs(f.X @ best).max()


def test_where_zero_weights_are_the_optimum_one_epoch_is_enough():
    X, y = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, 1.0], [-1.0, 1.0]]), np.array([[0.0], [0.0], [1.0], [1.0]])
    found = search(Objective(FAMILIES["logistic"], X, y, np.full(2, 0.1)), ALL, 100)
    assert (found.epochs, found.gap) == (1, 0.0)


def test_one_spec_brings_the_sum_of_several_outputs_near_its_minimum():
    X, y = load_wine(return_X_y=True)
    X = np.hstack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones((len(X), 1))])
    penalties = np.append(np.full(13, 1 / len(X)), 0.0)
    f = Objective(FAMILIES["logistic"], X, np.eye(3)[y], penalties)
    found, (best, least) = search(f, ALL, 200), minimum(f)
    each = [f.alone(k) for k in range(3)]
    run = sum(values(one, found.learning_rate, found.momentum, found.epochs) for one in each)
    assert found.gap == pytest.approx(run[-1] / least - 1, rel=1e-3, abs=1e-8) and found.gap <= NEAR
    assert found.largest_score >= np.abs(X @ best.reshape(3, 14).T).max() * 0.9


def test_increasing_momentum_is_a_third_after_the_first_epochs_and_one_in_the_end():
    assert [momentum_at(INCREASING, epoch) for epoch in (0, 1, 3, 97)] == [0.0, 0.25, 0.5, 0.97]
    assert momentum_at(0.9, 5) == 0.9
