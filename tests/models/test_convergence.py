"""How a training went: the numbers are those of a plain computation, and each note appears where it should only."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler
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


def notes(*losses, constant=0.65, separated=False, **changes):
    return notes_on(points(*losses, **changes), constant, separated=separated)


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
    assert notes(*falling, separated=True, **growing) == (SEPARABLE,)
    assert notes(*falling, separated=False, **growing) == (FALLING,)
    assert SEPARABLE not in notes(*falling, separated=True, score=1.0)  # weights at rest


def told_apart(family=LOGISTIC, l2=0.0, wrong=0):
    """Whether two classes, `wrong` rows of which are on the wrong side, are said to be separable."""
    X = np.hstack([np.linspace(-1, 1, 20)[:, None], np.ones((20, 1))])
    y = (X[:, :1] > 0).astype(np.float64)
    y[:wrong] = 1.0
    weights = np.array([[[0.0, 0.0]], [[4.0, 0.0]], [[5.0, 0.0]]])
    penalties = np.array([l2, 0.0])
    return SEPARABLE in measured(family, [(X, y, np.ones(20))], (0, 1, 2), weights, penalties).notes


def test_classes_are_separable_where_no_row_is_on_the_wrong_side_and_l2_is_0():
    assert told_apart() and told_apart(FAMILIES["probit"])
    assert not told_apart(wrong=1) and not told_apart(l2=1e-6) and not told_apart(LINEAR)


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
    return X, y[:, None], rng.normal(size=(2, 1, 4))


@pytest.mark.parametrize("model", FAMILIES)
def test_the_numbers_are_those_of_a_plain_computation_whatever_the_pieces(model):
    family, (X, y, weights), penalties = FAMILIES[model], problem(model), np.array([0.1, 0.1, 0.1, 0.0])
    once = np.ones(50)
    pieces = [(X[rows], y[rows], once[rows]) for rows in (slice(7), slice(7, 8), slice(8, None))]
    curve = measured(family, pieces, (0, 5), weights, penalties)
    for point, w, epoch in zip(curve.points, weights[:, 0], (0, 5), strict=True):
        z, y_of = X @ w, y[:, 0]
        assert point.epoch == epoch
        assert point.loss == pytest.approx(family.loss(z, y_of).mean())
        assert point.penalty == pytest.approx(0.05 * (w[:3] @ w[:3]))
        gradient = X.T @ (family.inverse_link(z) - y_of) / 50 + penalties * w
        assert point.gradient_norm == pytest.approx(np.linalg.norm(gradient))
        assert point.weight_norm == pytest.approx(np.linalg.norm(w))
    assert curve.last is curve.points[1] and curve.score_name == SCORES[family.predicts]


@pytest.mark.parametrize("model", FAMILIES)
def test_no_constant_has_a_smaller_loss_than_the_best_constant(model):
    family, (X, y, weights) = FAMILIES[model], problem(model)
    curve = measured(family, [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4))
    others = family.loss(np.linspace(-8, 8, 16001)[:, None], y[:, 0]).mean(axis=1)
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
    z = X @ weights[0].T
    score = measured(LINEAR, [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4)).points[0].score
    assert score == pytest.approx(1 - np.sum((y - z) ** 2) / np.sum((y - y.mean()) ** 2))
    X, y, weights = problem("logistic")
    score = measured(LOGISTIC, [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4)).points[0].score
    assert score == pytest.approx(np.mean((X @ weights[0].T >= 0) == (y == 1)))
    from sklearn.metrics import d2_tweedie_score

    X, y, weights = problem("poisson")
    score = measured(FAMILIES["poisson"], [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4)).points[0].score
    assert score == pytest.approx(d2_tweedie_score(y[:, 0], np.exp(X @ weights[0, 0]), power=1))


@pytest.mark.parametrize("model", FAMILIES)
def test_where_every_row_has_one_label_that_is_all_that_is_said(model):
    X, _, weights = problem(model)
    curve = measured(FAMILIES[model], [(X, np.ones((50, 1)), np.ones(50))], (0, 1), weights, np.zeros(4))
    assert curve.notes == (ONE_LABEL,) and np.isfinite(curve.constant_loss)


def test_a_curve_does_not_show_itself_in_logs():
    X, y, weights = problem("linear")
    assert "loss" not in repr(measured(LINEAR, [(X, y, np.ones(50))], (0, 1), weights, np.zeros(4)))


# Several outputs ---------------------------------------------------------------------------------------------------


def classes_problem(present=(0, 1, 2, 3)):
    """Rows of four classes, of which these occur, three models of four outputs, and how often rows count."""
    rng = np.random.default_rng(8)
    X = np.hstack([rng.uniform(-1, 1, (60, 3)), np.ones((60, 1))])
    numbers = np.array(present)[rng.integers(0, len(present), 60)]
    return X, np.eye(4)[numbers], rng.normal(size=(3, 4, 4)), rng.integers(1, 4, 60) + 0.0


PENALTIES = np.array([0.1, 0.1, 0.1, 0.0])


@pytest.mark.parametrize("model", ["logistic", "probit"])
@pytest.mark.parametrize("present", [(0, 1, 2, 3), (1, 3)])
def test_of_several_outputs_numbers_are_sums_and_norms_those_of_all(model, present):
    family, (X, Y, weights, counted) = FAMILIES[model], classes_problem(present)
    pieces = [(X[rows], Y[rows], counted[rows]) for rows in (slice(7), slice(7, 8), slice(8, None))]
    curve = measured(family, pieces, (0, 1, 2), weights, PENALTIES)
    alone = [
        measured(family, [(X, Y[:, [k]], counted)], (0, 1, 2), weights[:, [k]], PENALTIES) for k in range(Y.shape[1])
    ]
    assert curve.constant_loss == pytest.approx(sum(one.constant_loss for one in alone))
    for i, point in enumerate(curve.points):
        own = [one.points[i] for one in alone]
        assert point.loss == pytest.approx(sum(one.loss for one in own))
        assert point.penalty == pytest.approx(sum(one.penalty for one in own))
        assert point.gradient_norm == pytest.approx(np.linalg.norm([one.gradient_norm for one in own]))
        assert point.weight_norm == pytest.approx(np.linalg.norm([one.weight_norm for one in own]))


def test_of_several_classes_that_of_the_largest_score_counts_as_right():
    X, Y, weights, counted = classes_problem()
    curve = measured(LOGISTIC, [(X, Y, counted)], (0, 1, 2), weights, PENALTIES)
    expected = [np.mean((X @ w.T).argmax(axis=1) == Y.argmax(axis=1)) for w in weights]
    assert [point.score for point in curve.points] == pytest.approx(expected)
    assert curve.score_name == "accuracy" and 0 < min(expected) < max(expected) < 1


def iris_run(l2, epochs=(0, 360, 400), features=slice(None)):
    """Real iris flowers, whose first class is told from the others by a line and whose second is not."""
    X, y = load_iris(return_X_y=True)
    X = np.hstack([StandardScaler().fit_transform(X)[:, features], np.ones((150, 1))])
    Y, w, kept = np.eye(3)[y], np.zeros((3, X.shape[1])), []
    penalties = np.append(np.full(X.shape[1] - 1, l2), 0.0)
    for epoch in range(max(epochs) + 1):
        kept += [w] if epoch in epochs else []
        w = w - 0.5 * ((LOGISTIC.inverse_link(X @ w.T) - Y).T @ X / 150 + penalties * w)
    return measured(LOGISTIC, [(X, Y, np.ones(150))], epochs, np.array(kept), penalties)


def test_one_class_that_is_told_from_all_others_is_enough_for_there_to_be_no_optimum():
    assert SEPARABLE in iris_run(0.0).notes and iris_run(0.0).last.score < 1.0
    assert SEPARABLE not in iris_run(1e-3).notes
    assert SEPARABLE not in iris_run(0.0, features=slice(1, 2)).notes  # a column that tells none of them apart


def test_a_class_without_rows_is_no_reason_for_a_note_and_one_class_alone_is():
    X, Y, weights, counted = classes_problem((1, 3))
    assert ONE_LABEL not in measured(LOGISTIC, [(X, Y, counted)], (0, 1, 2), weights, PENALTIES).notes
    weights[-1] = 0.0
    weights[-1, [0, 2], -1] = -30.0  # the classes that nobody is of are told from the others, which is no feat
    assert SEPARABLE not in measured(LOGISTIC, [(X, Y, counted)], (0, 1, 2), weights, np.zeros(4)).notes
    X, Y, weights, counted = classes_problem((2,))
    assert measured(LOGISTIC, [(X, Y, counted)], (0, 1, 2), weights, PENALTIES).notes == (ONE_LABEL,)
