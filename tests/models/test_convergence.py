"""How a training went: the numbers are those of a plain computation, and each note appears where it should only."""

from itertools import pairwise

import numpy as np
import pytest
from zkunlearn.models.convergence import (
    CONSTANT,
    FALLING,
    ONE_LABEL,
    RISING,
    SCORES,
    SEPARABLE,
    Point,
    measured,
    notes_on,
    shown_epochs,
)
from zkunlearn.models.families import FAMILIES

LOGISTIC, LINEAR = FAMILIES["logistic"], FAMILIES["linear"]


def points(*losses, score=0.8, weights=None):
    """A run of 100 epochs, by its losses at `EPOCHS`."""
    norms = weights or [1.0] * len(losses)
    return [
        Point(epoch=e, loss=loss, penalty=0.0, gradient_norm=1.0, score=score, weight_norm=norm)
        for e, loss, norm in zip(EPOCHS, losses, norms, strict=True)
    ]


EPOCHS = (0, 2, 20, 90, 98, 99, 100)
SETTLED = (0.69, 0.4, 0.31, 0.301, 0.3001, 0.3, 0.3)


def notes(*losses, constant=0.65, family=LOGISTIC, penalised=True, **changes):
    return notes_on(family, points(*losses, **changes), constant, penalised=penalised)


# Which epochs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 10, 64, 128, 1000, 1 << 20])
def test_about_a_dozen_epochs_are_shown_the_first_and_the_last_three_among_them(epochs):
    shown = shown_epochs(epochs)
    assert list(shown) == sorted(set(shown)) and shown[0] == 0 and len(shown) <= 12
    assert shown[-3:] == tuple(range(max(0, epochs - 2), epochs + 1))[-len(shown) :]
    assert epochs - -(-epochs // 10) in shown
    early = [epoch for epoch in shown if 0 < epoch <= epochs - 2]
    assert all(b <= 8 * a for a, b in pairwise(early))


# Notes -------------------------------------------------------------------------------------------------------------


def test_a_run_that_came_to_rest_has_no_note():
    assert notes(*SETTLED) == ()


def test_an_early_rise_that_was_made_good_is_no_matter():
    assert notes(0.69, 1.9, 0.31, 0.301, 0.3001, 0.3, 0.3) == ()


def test_a_rise_below_a_hundredth_of_the_fall_is_no_matter_and_one_above_is():
    assert notes(0.69, 0.4, 0.31, 0.3, 0.3, 0.3, 0.3038) == ()
    assert notes(0.69, 0.4, 0.31, 0.3, 0.3, 0.3, 0.3041) == (RISING,)


def test_a_loss_that_swings_at_the_end_is_warned_of_whichever_way_the_last_epoch_went():
    assert notes(0.69, 0.4, 0.31, 0.3, 0.3, 0.5, 0.3) == (RISING,)
    assert notes(0.69, 0.4, 0.31, 0.5, 0.5, 0.3, 0.5) == (RISING,)


def test_a_loss_above_that_before_any_training_is_warned_of():
    assert RISING in notes(0.69, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4)
    assert RISING.startswith("warning: ")


def test_a_model_that_is_no_better_than_a_constant_is_named():
    assert notes(0.69, 0.69, 0.67, 0.66, 0.66, 0.66, 0.66) == (CONSTANT,)
    assert notes(0.69, 0.66, 0.65, 0.65, 0.65, 0.65, 0.65) == (CONSTANT,)
    assert notes(0.69, 0.66, 0.64, 0.64, 0.64, 0.64, 0.64) == ()


def test_a_loss_that_still_falls_by_more_than_a_hundredth_of_its_distance_to_a_constant_is_named():
    assert notes(0.69, 0.5, 0.4, 0.3034, 0.301, 0.3005, 0.3) == ()
    assert notes(0.69, 0.5, 0.4, 0.3036, 0.301, 0.3005, 0.3) == (FALLING,)


def test_what_rounding_does_where_there_is_nothing_to_learn_is_no_fall_and_no_rise():
    up = [0.65 - 1e-8 * k for k in range(6)] + [0.65 - 1e-8]
    assert notes(*up, constant=0.65 + 1e-9) == ()


def test_separable_classes_are_named_where_every_row_is_right_the_weights_grow_and_nothing_holds_them():
    growing = dict(score=1.0, weights=[0, 1, 2, 3, 4, 5, 6])
    falling = (0.69, 0.4, 0.2, 0.1, 0.09, 0.08, 0.07)
    assert notes(*falling, penalised=False, **growing) == (SEPARABLE,)
    assert notes(*falling, penalised=True, **growing) == (FALLING,)
    assert notes(*falling, penalised=False, score=0.99, weights=growing["weights"]) == (FALLING,)
    assert SEPARABLE not in notes(*falling, penalised=False, score=1.0)  # weights at rest
    assert SEPARABLE not in notes(*falling, penalised=False, family=LINEAR, **growing)


def test_no_note_holds_a_figure_of_the_data():
    """They are logged."""
    for text in (ONE_LABEL, CONSTANT, FALLING, RISING, SEPARABLE):
        assert not any(
            character.isdigit() for character in text.replace("1%", "").replace("l2 is 0", "").replace("l2", "")
        )


# Numbers -----------------------------------------------------------------------------------------------------------


def problem(model, seed=3):
    rng = np.random.default_rng(seed)
    X = np.hstack([rng.uniform(-1, 1, (50, 3)), np.ones((50, 1))])
    z = X @ rng.normal(size=4)
    y = {"linear": z + rng.normal(size=50), "poisson": rng.poisson(np.exp(z)) + 0.0}.get(model, (z > 0) + 0.0)
    return X, y, rng.normal(size=(2, 4))


@pytest.mark.parametrize("model", FAMILIES)
def test_the_numbers_are_those_of_a_plain_computation_whatever_the_pieces(model):
    family, (X, y, weights), penalties = FAMILIES[model], problem(model), np.array([0.1, 0.1, 0.1, 0.0])
    once = np.ones(50)
    pieces = [(X[rows], y[rows], once[rows]) for rows in (slice(7), slice(7, 8), slice(8, None))]
    curve = measured(family, pieces, (0, 5), weights, penalties)
    for point, w, epoch in zip(curve.points, weights, (0, 5), strict=True):
        z = X @ w
        assert point.epoch == epoch
        assert point.loss == pytest.approx(family.loss(z, y).mean())
        assert point.penalty == pytest.approx(0.05 * (w[:3] @ w[:3]))
        gradient = X.T @ (family.inverse_link(z) - y) / 50 + penalties * w
        assert point.gradient_norm == pytest.approx(np.linalg.norm(gradient))
        assert point.weight_norm == pytest.approx(np.linalg.norm(w))
    assert curve.last is curve.points[1] and curve.score_name == SCORES[family.predicts]


@pytest.mark.parametrize("model", FAMILIES)
def test_no_constant_has_a_smaller_loss_than_the_best_constant(model):
    family, (X, y, weights) = FAMILIES[model], problem(model)
    curve = measured(family, [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4))
    others = family.loss(np.linspace(-8, 8, 16001)[:, None], y).mean(axis=1)
    assert curve.constant_loss == pytest.approx(others.min(), abs=1e-6)


@pytest.mark.parametrize("model", FAMILIES)
def test_a_row_that_counts_three_times_is_three_rows_but_for_the_mean(model):
    """Losses and gradients are means over rows, whatever their weights, as learning rates are."""
    family, (X, y, weights) = FAMILIES[model], problem(model)
    counted = np.where(np.arange(50) < 20, 3.0, 1.0)
    curve = measured(family, [(X, y, counted)], (0, 1), weights, np.zeros(4))
    repeated = np.repeat(np.arange(50), counted.astype(int))
    other = measured(family, [(X[repeated], y[repeated], np.ones(90))], (0, 1), weights, np.zeros(4))
    assert curve.constant_loss == pytest.approx(other.constant_loss * 90 / 50)
    for one, three in zip(curve.points, other.points, strict=True):
        assert one.loss == pytest.approx(three.loss * 90 / 50)
        assert one.gradient_norm == pytest.approx(three.gradient_norm * 90 / 50)
        if family.predicts != "class":  # accuracy is a share of rows
            assert one.score == pytest.approx(three.score)


def test_scores_are_accuracy_r2_and_the_deviance_that_is_explained():
    X, y, weights = problem("linear")
    z = X @ weights[0]
    score = measured(LINEAR, [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4)).points[0].score
    assert score == pytest.approx(1 - np.sum((y - z) ** 2) / np.sum((y - y.mean()) ** 2))
    X, y, weights = problem("logistic")
    score = measured(LOGISTIC, [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4)).points[0].score
    assert score == pytest.approx(np.mean((X @ weights[0] >= 0) == (y == 1)))
    from sklearn.metrics import d2_tweedie_score

    X, y, weights = problem("poisson")
    score = measured(FAMILIES["poisson"], [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4)).points[0].score
    assert score == pytest.approx(d2_tweedie_score(y, np.exp(X @ weights[0]), power=1))


@pytest.mark.parametrize("model", FAMILIES)
def test_where_every_row_has_one_label_that_is_all_that_is_said(model):
    X, _, weights = problem(model)
    curve = measured(FAMILIES[model], [(X, np.ones(50), np.ones(50))], (0, 1), weights, np.zeros(4))
    assert curve.notes == (ONE_LABEL,) and np.isfinite(curve.constant_loss)


def test_a_curve_does_not_show_itself_in_logs():
    X, y, weights = problem("linear")
    assert "loss" not in repr(measured(LINEAR, [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4)))
