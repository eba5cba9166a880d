"""Each measurement on two models finds what is known to be there, and nothing where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.optimum import Objective, minimum
from zkunlearn.prover.evidence.distance import distances, share_at_least, sign_test
from zkunlearn.prover.evidence.draws import Draws
from zkunlearn.prover.evidence.membership import advantage_at, advantage_bound, attack, rates, uncertainty
from zkunlearn.prover.evidence.reconstruction import Known, Yardstick, likeness, reconstruct
from zkunlearn.prover.evidence.three_samples import LEAST_ROWS, nearer
from zkunlearn.prover.evidence.utility import Sample, fit, losses, prediction_change

LINEAR, LOGISTIC, POISSON = (FAMILIES[name] for name in ("linear", "logistic", "poisson"))
RNG = np.random.default_rng(11)
FIRST, CHOSEN = [190, 244, 376, 153], [0, 3, 5]


def sample(rows: int, features: int, outputs: int = 1, scale: float = 1.0) -> Sample:
    X = np.hstack([RNG.normal(size=(rows, features)), np.ones((rows, 1))])
    return Sample(X, RNG.normal(size=(rows, outputs)) * scale, np.ones(rows))


def optimum(family, own: Sample, penalties) -> np.ndarray:
    """Weights (O, K) of the mean loss."""
    if family is LINEAR:
        matrix = (own.X * own.counted[:, None]).T @ own.X / len(own) + np.diag(penalties)
        return np.linalg.solve(matrix, (own.X * own.counted[:, None]).T @ own.y / len(own)).T
    return minimum(Objective(family, own.X, own.y, penalties))[0].reshape(own.y.shape[1], -1)


# Draws ---------------------------------------------------------------------------------------------------------------


def test_draws_follow_from_seed_and_purpose_on_every_machine() -> None:
    assert Draws(1, "a").numbers(1000, 4).tolist() == FIRST
    assert Draws(1, "a").chosen(9, 3).tolist() == CHOSEN
    assert Draws(1, "a").numbers(1000, 4).tolist() != Draws(2, "a").numbers(1000, 4).tolist()
    assert Draws(1, "a").numbers(1000, 4).tolist() != Draws(1, "b").numbers(1000, 4).tolist()
    own = Draws(1, "a")
    assert own.numbers(1000, 4).tolist() != own.numbers(1000, 4).tolist()


def test_chosen_ones_are_different_and_each_about_as_often() -> None:
    own, seen = Draws(5, "x"), np.zeros(10)
    for _ in range(500):
        found = own.chosen(10, 3)
        assert len({*found.tolist()}) == 3 and (np.diff(found) > 0).all()
        seen[found] += 1
    assert (np.abs(seen - 150) < 60).all()
    assert Draws(5, "x").chosen(4, 9).tolist() == [0, 1, 2, 3]


# Membership ----------------------------------------------------------------------------------------------------------


def test_a_model_that_memorised_its_rows_has_advantage_one() -> None:
    learnt, strangers = sample(6, 8), sample(30, 8)
    weights = optimum(LINEAR, learnt, np.full(9, 1e-9))
    members, others = losses(LINEAR, learnt, learnt.X @ weights.T), losses(LINEAR, strangers, strangers.X @ weights.T)
    found = attack(members, others, Draws(1, "m"))
    assert (found.auc, found.auc_low, found.auc_high, found.advantage) == (1.0, 1.0, 1.0, 1.0)
    assert found.p < 0.01 and advantage_at(members, others, float(members.max())) == 1.0


def test_one_memorised_row_has_advantage_one_and_the_page_can_say_that_it_is_uncertain() -> None:
    found = attack(np.zeros(1), np.arange(1.0, 41.0), Draws(1, "m"))
    assert found.advantage == 1.0 and found.p > 0.005
    assert uncertainty(1, 40) == 1.0


def test_alike_losses_have_no_advantage_beyond_chance() -> None:
    members, others = np.arange(0.0, 80.0, 2), np.arange(1.0, 81.0, 2)
    found = attack(members, others, Draws(1, "m"))
    assert abs(found.auc - 0.5) < 0.02 and found.auc_low < 0.5 < found.auc_high
    assert found.advantage == pytest.approx(1 / 40) and found.chance > 0.2 and found.p > 0.9
    assert attack(np.ones(7), np.ones(9), Draws(1, "m")).auc == 0.5


def test_larger_losses_are_no_advantage() -> None:
    found = attack(np.full(20, 2.0), np.full(20, 1.0), Draws(1, "m"))
    assert (found.auc, found.advantage) == (0.0, 0.0)


def test_the_best_threshold_is_that_of_the_curve() -> None:
    members, others = RNG.normal(size=25), RNG.normal(size=60) + 0.7
    wrong, right = rates(members, others)
    found = attack(members, others, Draws(3, "m"))
    assert found.advantage == pytest.approx(float((right - wrong).max()))
    are = np.repeat([1, 0], [25, 60])
    assert found.auc == pytest.approx(roc_auc_score(are, -np.concatenate([members, others])))
    assert (wrong[0], right[0], wrong[-1], right[-1]) == (0, 0, 1, 1)


def test_bounds_are_those_of_the_sources() -> None:
    assert advantage_bound(0.0) == 0.0
    assert advantage_bound(1.0) == pytest.approx(0.3829249225)
    assert uncertainty(1000, 1000) == pytest.approx(2 * np.sqrt(np.log(80) / 2000))


# Three samples -------------------------------------------------------------------------------------------------------


def test_the_nearer_sample_is_preferred() -> None:
    x = RNG.normal(size=(200, 1))
    near, far = x + 0.05 * RNG.normal(size=x.shape), x + 1.0
    found = nearer(x, near, far)
    assert found is not None and found.difference > 0 and found.p < 1e-6
    other = nearer(x, far, near)
    assert other is not None and other.p > 1 - 1e-6
    assert other.deviations == pytest.approx(-found.deviations)


def test_equal_predictions_cannot_be_told_apart_and_few_are_not_tested() -> None:
    x = RNG.normal(size=(LEAST_ROWS, 2))
    same = nearer(x, x, x)
    assert same is not None and (same.difference, same.deviations, same.p) == (0.0, 0.0, 0.5)
    assert nearer(np.ones((20, 1)), np.ones((20, 1)), np.ones((20, 1))).p == 0.5
    assert nearer(x[1:], x[1:], x[1:]) is None


def test_the_statistic_is_the_difference_of_unbiased_squared_distances() -> None:
    x, y, z = (RNG.normal(size=(12, 2)) + shift for shift in (0.0, 0.3, 0.9))
    apart = [((a[:, None] - b) ** 2).sum(axis=2) for a, b in ((z, z), (y, y), (x, y), (x, z))]
    width = float(np.sqrt(np.median([each for square in apart for each in square.ravel() if each])))

    def k(a, b) -> float:
        return float(np.exp(-((a - b) ** 2).sum() / (2 * width**2)))

    def squared(a, b) -> float:
        pairs = [(i, j) for i in range(12) for j in range(12) if i != j]
        return sum(k(a[i], a[j]) + k(b[i], b[j]) - k(a[i], b[j]) - k(a[j], b[i]) for i, j in pairs) / len(pairs)

    found = nearer(x, y, z)
    assert found is not None and found.difference == pytest.approx(squared(x, z) - squared(x, y))


# Distances -----------------------------------------------------------------------------------------------------------


def test_distances_and_how_rare_they_are() -> None:
    assert distances(np.zeros((1, 2)), [np.array([[3.0, 4.0]]), np.zeros((1, 2))]) == (5.0, 0.0)
    assert sign_test([1.0] * 8, [2.0] * 8) == (8, 8, 1 / 256)
    assert sign_test([1.0, 2.0, 5.0], [2.0, 1.0, 5.0]) == (1, 2, 0.75)
    assert sign_test([1.0], [1.0]) == (0, 0, 1.0)
    assert share_at_least([1.0, 2.0, 3.0], 2.5) == 0.5


# Reconstruction ------------------------------------------------------------------------------------------------------


def attacked(family, own: Sample, gone: list[int], l2: list[float], known: Sample | None = None) -> np.ndarray:
    """The guess from the optimum with and without some rows, by whoever has the remaining rows or other ones."""
    kept, penalties = own.some(np.setdiff1d(np.arange(len(own)), gone)), np.array(l2)
    seen = kept if known is None else known
    what = Known(family, seen.X, seen.counted, penalties, True, len(kept), len(gone))
    return reconstruct(what, optimum(family, own, penalties), optimum(family, kept, penalties))


@pytest.mark.parametrize("penalties", [[0.1, 0.1, 0.1, 0.0], [0.2, 0.3, 0.1, 0.4]], ids=["free", "penalised"])
def test_a_ridge_row_is_reconstructed_exactly_by_who_knows_the_hessian(penalties) -> None:
    own = sample(50, 3)
    assert attacked(LINEAR, own, [7], penalties) == pytest.approx(own.X[7, :3], abs=1e-8)
    weighted = replace(own, counted=RNG.integers(1, 4, 50).astype(float))
    assert attacked(LINEAR, weighted, [7], penalties) == pytest.approx(own.X[7, :3], abs=1e-8)


def test_a_row_is_found_from_several_outputs_together() -> None:
    own = sample(60, 4, outputs=3)
    assert attacked(LINEAR, own, [2], [0.1] * 4 + [0.0]) == pytest.approx(own.X[2, :4], abs=1e-8)


def test_a_logistic_row_is_reconstructed_by_who_knows_the_remaining_rows() -> None:
    own = sample(80, 3)
    own = replace(own, y=(own.y > 0).astype(float))
    assert attacked(LOGISTIC, own, [5], [0.1] * 4) == pytest.approx(own.X[5, :3], abs=0.02)


def test_a_stranger_comes_near_the_row_and_a_batch_hides_it() -> None:
    own, strangers = sample(400, 6), sample(400, 6)
    yardstick = Yardstick.of(strangers.X[:, :6])

    def cosine(gone: list[int]) -> float:
        guess = attacked(LINEAR, own, gone, [0.1] * 6 + [0.0], strangers)
        return likeness(guess, own.X[gone, :6], yardstick)[0]

    alone = [cosine([row]) for row in range(20)]
    together = [cosine(list(range(start, start + 20))) for start in range(0, 400, 20)]
    assert np.median(alone) > 0.95 and np.median(together) < 0.8


def test_without_an_intercept_a_direction_is_found() -> None:
    X, y = RNG.normal(size=(40, 3)) + 2, RNG.normal(size=(40, 1))
    own = Sample(X, y, np.ones(40))
    penalties = np.full(3, 0.1)
    kept = own.some(np.arange(1, 40))
    known = Known(LINEAR, kept.X, kept.counted, penalties, False, 39, 1)
    guess = reconstruct(known, optimum(LINEAR, own, penalties), optimum(LINEAR, kept, penalties))
    assert guess @ X[0] / np.linalg.norm(guess) / np.linalg.norm(X[0]) == pytest.approx(1.0)


def test_equal_models_reveal_nothing_and_a_constant_feature_is_no_evidence() -> None:
    known = Known(LINEAR, np.ones((5, 3)), np.ones(5), np.zeros(3), True, 5, 1)
    assert not reconstruct(known, np.ones((1, 3)), np.ones((1, 3))).any()
    features = np.column_stack([RNG.normal(size=(30, 2)), np.full(30, 4.0)])
    yardstick = Yardstick.of(features)
    cosine, found = likeness(features[3], features[2:5], yardstick)
    assert cosine == pytest.approx(1.0) and found == 1.0
    assert likeness(features.mean(axis=0), features, yardstick)[0] == 0.0


# Utility -------------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_field() -> None:
    own = sample(40, 2)
    weights = optimum(LINEAR, own, np.zeros(3))
    predicted = own.X @ weights[0]
    r2 = 1 - ((own.y[:, 0] - predicted) ** 2).sum() / ((own.y - own.y.mean()) ** 2).sum()
    assert fit(LINEAR, own, own.X @ weights.T).score == pytest.approx(r2)
    classes = replace(own, y=np.eye(3)[RNG.integers(0, 3, 40)])
    three = RNG.normal(size=(3, 3))
    right = ((own.X @ three.T).argmax(axis=1) == classes.y.argmax(axis=1)).mean()
    assert fit(LOGISTIC, classes, classes.X @ three.T).score == right
    two = replace(own, y=(own.y > 0).astype(float))
    assert fit(LOGISTIC, two, two.X @ weights.T).score == ((predicted > 0) == (own.y[:, 0] > 0)).mean()
    counts = replace(own, y=RNG.poisson(2.0, (40, 1)).astype(float))
    y, mean = counts.y[:, 0], np.exp(predicted)

    def deviance(mu):
        return (np.where(y > 0, y * np.log(np.maximum(y, 1) / mu), 0) - y + mu).mean()

    assert fit(POISSON, counts, own.X @ weights.T).score == pytest.approx(
        1 - deviance(mean) / deviance(np.full(40, y.mean()))
    )
    assert fit(POISSON, replace(counts, y=np.zeros((40, 1))), own.X @ weights.T).score == 0.0


def test_a_change_of_predictions_is_of_probabilities() -> None:
    assert prediction_change(LOGISTIC, np.zeros((3, 1)), np.full((3, 1), 50.0)) == (0.5, 0.5)
