"""Evaluations that are false, whose totals make up for it; and models that are not in the range that is looked up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.relations.residuals import MEAN, MEAN_REST, SPREAD_REST
from zkunlearn.circuits.relations.several_classes import SeveralClasses
from zkunlearn.circuits.relations.two_classes import TwoClasses

from . import evaluations as two
from .evaluations import BITS, FEATURES, FIRST, LIVE, SECOND, TIED, model_cells, numbers, several
from .fitted import fitted
from .harness import X_BITS, assert_caught, prove
from .test_lying_argmax import matrix_of, predicting
from .test_lying_argmax import scores as scores_of_classes
from .test_lying_residuals import one_cell, value

SQUARES = f"squares of {FIRST}"


# Two classes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [(-9, 0), (0, 9), (-9, -9)], ids=["least", "most", "both"])
def test_a_loss_of_other_steps_is_rejected_by_its_own_sum(
    steps: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what rounding takes away as it is."""
    own, name = two.relation().models[1], f"loss of {SECOND}"
    assert isinstance(own, TwoClasses) and own.loss is not None
    low, high = (stated + step for stated, step in zip(own.loss, steps, strict=True))
    shape = two.shape_of(two.stating(1, loss=(low, high)))
    assert_caught(prove(shape, two.columns_of()), name)
    assert_caught(fitted(shape, two.columns_of(), {name: name}, monkeypatch), name)


@pytest.mark.parametrize(
    ("place", "number", "name"),
    [(0, 1 << (BITS[0] - 1), "weights"), (FEATURES, 1 << (BITS[0] + X_BITS - 1), "intercept")],
    ids=["weight", "intercept"],
)
def test_a_model_beyond_its_range_is_rejected_where_another_one_is_looked_up(
    place: int, number: int, name: str
) -> None:
    """All that is stated of it is true of its integers, of which one has a bit too many."""
    own = two.relation().models[0]
    assert isinstance(own, TwoClasses)
    beyond = two.models()[0].copy()
    beyond[0, place] = number
    right = int(two.right_of(beyond).sum())
    lie = model_cells(FIRST, beyond) | two.predictions(own, two.scores(beyond))
    outcome = prove(two.shape_of(two.stating(0, right=right)), two.columns_of(lie))
    assert_caught(outcome, f"{name} of {FIRST}")


# Several classes -----------------------------------------------------------------------------------------------------


def test_the_second_of_equal_classes_is_rejected_by_the_sum_of_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it lacks of the first is said to be nothing: that no class comes later."""
    made, z, label = several(), scores_of_classes(), int(several().data[1][TIED])
    own = made.relation.models[0]
    assert isinstance(own, SeveralClasses)
    lie = predicting(TIED, 1, gaps=z[1, TIED] - z[:, TIED])
    told: dict[str, Any] = {"right": own.right + (label == 1) - (label == 0), "confusion": matrix_of((label, 0, 1))}
    shape, columns = made.shape(made.stating(0, **told)), made.columns_of(lie)
    later, gap = f"later classes of {FIRST}", f"gap of {FIRST}"
    assert_caught(prove(shape, columns), gap)
    assert_caught(fitted(shape, columns, {later: gap}, monkeypatch), later)


# Numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, -50])
def test_squares_of_other_steps_are_rejected_by_their_own_sum(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = numbers()
    own = made.stating(0, squares=made.relation.models[0].squares + steps)
    shape, columns = made.shape(own), made.columns_of()
    assert_caught(prove(shape, columns), SQUARES)
    assert_caught(fitted(shape, columns, {SQUARES: SQUARES}, monkeypatch), SQUARES)


def test_labels_that_spread_from_another_mean_are_rejected_by_the_sum_of_labels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From zero, from which they spread more; what is left of the mean's division is in its range."""
    made: Any = numbers()
    spread, true = made.relation.spread, made.columns_of()
    bits, labels = spread.limbs.bits, made.data[1][LIVE.mask()].astype(object)
    rest = value(true, MEAN_REST, bits[MEAN_REST])
    total = int((labels << spread.finer) @ (labels << spread.finer))
    stated, left = divmod(total, 1 << spread.step_bits)
    assert stated > spread.stated and total < P
    lie = one_cell(MEAN, bits[MEAN], 1 << (bits[MEAN] - 1)) | one_cell(SPREAD_REST, bits[SPREAD_REST], left)
    shape = made.shape(replace(made.relation, spread=replace(spread, stated=stated)))
    columns = made.columns_of(lie)
    assert 0 <= rest < LIVE.count and labels.sum() << spread.finer != rest
    assert_caught(prove(shape, columns), "mean")
    assert_caught(fitted(shape, columns, {"labels": "mean"}, monkeypatch), "labels")


def test_labels_that_spread_by_other_squares_are_rejected_by_the_sum_of_squares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: Any = numbers()
    spread, name = made.relation.spread, "squares of labels"
    shape = made.shape(replace(made.relation, spread=replace(spread, stated=spread.stated + 1000)))
    assert_caught(prove(shape, made.columns_of()), "spread")
    assert_caught(fitted(shape, made.columns_of(), {name: "spread"}, monkeypatch), name)
