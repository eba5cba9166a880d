"""Owners whose model is not the rounding of the optimum of each class.

What one output says alone is attacked in test_lying_optimum.py; here are lies from one output to another, and about
what is said of all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS
from zkunlearn.circuits.relations.dataset import LABELS
from zkunlearn.circuits.relations.forgotten_classes import WithoutClasses
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.optimum import Optimum

from .harness import CLASSES, ROWS, assert_caught, assert_valid, caught, changed, classed, prove
from .optimum_runs import (
    Data,
    Found,
    Integers,
    OptimumDeclared,
    committed,
    declare_optimum,
    found,
    integers,
    off,
    told,
)
from .test_false_totals_optimum import fits
from .test_lying_optimum import concluded, declared_at, found_at

SUM = "lookup sum"
ROW, ONE, OTHER = 4, 1, 2  # a row that counts, and two of the classes
SLOW = pytest.mark.slow
FIVE = (*CLASSES, "d", "e")
Parameters = pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weights", "bias"])


@pytest.fixture(scope="module")
def own() -> OptimumDeclared:
    return declare_optimum(classes=CLASSES)


@pytest.fixture(scope="module")
def data() -> Data:
    return classed()


@pytest.fixture(scope="module")
def true(own: OptimumDeclared, data: Data) -> Found:
    return found(data, own.schedule)


@pytest.fixture(scope="module")
def said(own: OptimumDeclared, true: Found) -> Integers:
    return integers(own, true)


def exchanged(values: Any) -> Any:
    """Of two classes what is the other's."""
    order = np.arange(len(values))
    order[[ONE, OTHER]] = OTHER, ONE
    return values[order]


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias": False},
        {"model": "probit", "classes": ("a", "b", "c", "d")},
        pytest.param({"classes": FIVE, "forgotten": ()}, marks=SLOW),
        pytest.param({"l2": 0.5, "distances": (500, 60)}, marks=SLOW),
        {"l2": 0.001, "grid": 30},
    ],
    ids=str,
)
def test_certified_optima_of_classes_are_accepted(data: Data, changes: dict[str, Any]) -> None:
    own = declare_optimum(**{"classes": CLASSES, **changes})
    assert_valid(prove(own.shape, told(own, data, found(data, own.schedule))))


def test_any_weights_within_the_distance_are_accepted_and_give_the_same_model(
    own: OptimumDeclared, data: Data, true: Found
) -> None:
    moved = found_at(own, data, true.settled.weights + np.array([[1], [0], [-1]]))
    assert np.array_equal(moved.settled.model, true.settled.model)
    assert_valid(prove(own.shape, told(own, data, moved)))


def test_what_is_left_of_the_radius_may_be_any_outputs(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """It is their sum that counts."""
    whole = int(said[SLACK].sum())
    assert whole > 10
    assert_valid(prove(own.shape, committed(own, data, {**said, SLACK: np.array([3, whole - 10, 7], dtype=object)})))


# One class for another ----------------------------------------------------------------------------------------------


def test_weights_of_another_class_are_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """All that is committed of two classes exchanged: they are optima, but for the labels."""
    lie = {name: values if name == SLACK else exchanged(values) for name, values in said.items()}
    caught(own, committed(own, data, lie), "gradient")


@Parameters
def test_a_model_with_what_is_another_class_s_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Any
) -> None:
    """Only in what is published."""
    columns, published = committed(own, data, said), COEFFICIENTS if parameter is WEIGHTS else INTERCEPT
    lie = columns | {published: exchanged(columns[published])}
    caught(own, lie, "model" if parameter is WEIGHTS else "intercept")


def test_intercepts_that_are_exchanged_are_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """With all that is committed of them: scores and gradients are not those of these intercepts."""
    of_bias = (BIAS.weight, BIAS.cut, BIAS.cut_rest, BIAS.below, BIAS.above, BIAS.model)
    lie = {**said, **{name: exchanged(said[name]) for name in of_bias}}
    caught(own, committed(own, data, lie), "product", "gradient")


def test_intercepts_that_are_exchanged_with_scores_that_follow_are_rejected(
    own: OptimumDeclared, data: Data, true: Found
) -> None:
    """Then gradients are long, whatever is said of them: too long, as they are."""
    weights = true.settled.weights.copy()
    weights[:, -1] = exchanged(weights[:, -1])
    outcome = prove(own.shape, told(own, data, found_at(own, data, weights)))
    assert outcome.verdict() == "constraints" and SUM in outcome.prover.lies


def test_a_class_that_learnt_the_labels_of_another_is_rejected(own: OptimumDeclared, data: Data) -> None:
    X, y = data
    labels = np.where(np.isin(y, (ONE, OTHER)), ONE + OTHER - y, y)
    caught(own, told(own, data, found((X, labels), own.schedule)), "gradient")


@pytest.mark.parametrize("place", [0, pytest.param(12, marks=SLOW)])
def test_a_row_of_another_class_is_rejected(own: OptimumDeclared, data: Data, place: int) -> None:
    X, y = data
    labels = y.copy()
    labels[place] = (y[place] + 1) % len(CLASSES)
    caught(own, told(own, data, found((X, labels), own.schedule)), "gradient")


def test_labels_that_are_not_those_of_the_model_are_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """A row of no class."""
    columns = committed(own, data, said)
    caught(own, changed(columns, LABELS, (int(data[1][ROW]), ROW), 0), "gradient")


# Gradients -----------------------------------------------------------------------------------------------------------


def test_a_gradient_that_is_counted_in_another_class_is_rejected(own: OptimumDeclared, data: Data, true: Found) -> None:
    """So that their sum is what it is."""
    for feature in (0, -1):
        gradient, by = true.settled.gradient.copy(), 5 << own.schedule.shift
        gradient[ONE, feature] += by
        gradient[OTHER, feature] -= by
        lie = concluded(own, true.rows, true.settled.weights, gradient, own.schedule)
        caught(own, told(own, data, lie), "gradient")


def test_a_row_that_is_omitted_in_one_class_is_rejected(own: OptimumDeclared, data: Data) -> None:
    """Its optimum is that of fewer rows; all others are those that are declared."""
    X, y = data
    s = own.schedule
    fewer = replace(s, live=replace(s.live, forgotten=(*s.live.forgotten[:1], ROW, *s.live.forgotten[1:])))
    part, whole = found(data, fewer).settled.weights, found(data, s).settled.weights
    weights = whole.copy()
    weights[ONE] = part[ONE]
    true = found_at(own, data, weights)
    gradient, features = true.settled.gradient.copy(), np.append(X[ROW], s.one)
    r = true.rows.residuals(y == np.arange(s.outputs)[:, None], s)[ONE, ROW]
    gradient[ONE] -= (features * r) << s.raised
    lie = concluded(own, true.rows, weights, gradient, s)
    caught(own, told(own, data, lie), "gradient")


@Parameters
def test_another_class_s_remainder_of_a_gradient_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Any
) -> None:
    lie = {**said, parameter.cut_rest: exchanged(said[parameter.cut_rest])}
    caught(own, committed(own, data, lie), "gradient")


# The norm ------------------------------------------------------------------------------------------------------------


def far(own: OptimumDeclared, data: Data, true: Found, feature: int) -> Found:
    """Weights of one class that are too far from the optimum."""
    first = np.zeros_like(true.settled.weights)
    first[ONE, feature] = 1
    moved = (found_at(own, data, true.settled.weights + by * first) for by in range(own.schedule.distance))
    return next(each for each in moved if each.settled.slack < 0 and fits(each))


@pytest.fixture(scope="module")
def shorter(own: OptimumDeclared) -> OptimumDeclared:
    """At the second distance, where gradients that are too long by far have room in their range."""
    return declared_at(own, 1)


@pytest.mark.parametrize(("feature", "name"), [(0, "a weight"), (-1, "an intercept")], ids=["weight", "bias"])
def test_a_norm_that_leaves_a_class_out_is_rejected(
    shorter: OptimumDeclared, data: Data, true: Found, feature: int, name: str
) -> None:
    lie = far(shorter, data, true, feature)
    said = integers(shorter, lie)
    squares = sum(int(value) ** 2 for value in lie.settled.cut[[0, OTHER]].ravel())
    left = shorter.schedule.radius**2 - squares
    assert left > 0, name
    caught(shorter, committed(shorter, data, {**said, SLACK: np.array([left, 0, 0], dtype=object)}), "norm")


def test_a_norm_that_leaves_intercepts_out_is_rejected(shorter: OptimumDeclared, data: Data, true: Found) -> None:
    said = integers(shorter, far(shorter, data, true, -1))
    left = shorter.schedule.radius**2 - sum(int(value) ** 2 for value in said[WEIGHTS.cut].ravel())
    assert left > 0
    caught(shorter, committed(shorter, data, {**said, SLACK: np.array([left, 0, 0], dtype=object)}), "norm")


@pytest.mark.parametrize("slack", [(0, -1, 0), (0, 5, -6), (1 << 46, 0, -(1 << 46))], ids=str)
def test_a_slack_that_is_negative_in_a_class_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, slack: Sequence[int]
) -> None:
    """What another class has to spare is no excuse: each is in its range."""
    lie = np.array([int(said[SLACK].sum()) - sum(slack), 0, 0], dtype=object) + np.array(slack, dtype=object)
    caught(own, committed(own, data, {**said, SLACK: lie}), SUM)


# Rounding ------------------------------------------------------------------------------------------------------------


@Parameters
def test_a_class_that_is_rounded_to_the_other_side_of_an_edge_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Any
) -> None:
    place, unit = (ONE, 0) if parameter is WEIGHTS else ONE, 1 << own.schedule.grid
    lie = {
        **said,
        parameter.model: off(said[parameter.model], place, 1),
        parameter.below: off(said[parameter.below], place, -unit),
        parameter.above: off(said[parameter.above], place, unit),
    }
    caught(own, committed(own, data, lie), SUM)


@Parameters
def test_an_edge_that_is_too_near_in_one_class_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Any
) -> None:
    """A and B do not add up to the room that the distance leaves."""
    place = (OTHER, 0) if parameter is WEIGHTS else OTHER
    lie = {**said, parameter.above: off(said[parameter.above], place, 1)}
    caught(own, committed(own, data, lie), "edges")


# Rows ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "lies"),
    [
        (names.EDGE, ("gradient", SUM)),
        (names.STEP, ("step", SUM)),
        (names.MIDDLE, ("step", SUM)),
        (names.RISEN, ("gradient", SUM)),
        (names.Z, ("product",)),
        (names.PRODUCT, ("step", SUM)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_rows_of_another_class_are_rejected(
    own: OptimumDeclared, data: Data, said: Integers, column: Any, lies: tuple[str, ...]
) -> None:
    """One column of two classes exchanged, in all rows."""
    outcome = prove(own.shape, committed(own, data, {**said, column: exchanged(said[column])}))
    assert outcome.verdict() == "constraints"
    assert set(lies) <= set(outcome.prover.lies)


# Classes that are forgotten ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WithoutClass(OptimumDeclared):
    """An optimum without a class, which is said to be forgotten."""

    @cached_property
    def relation(self) -> Any:
        return WithoutClasses(Optimum(self.schedule), (ONE,), self.data.outputs, self.schedule.live)


def without_class(rows: Any) -> tuple[OptimumDeclared, WithoutClass]:
    own = declare_optimum(tuple(np.flatnonzero(rows).tolist()), classes=("a", "b", "c", "d"))
    return own, WithoutClass(own.spec, own.data, own.forgotten)


def test_an_optimum_without_a_class_is_accepted(data: Data) -> None:
    own, without = without_class(data[1] == ONE)
    assert_valid(prove(without.shape, told(own, data, found(data, own.schedule))))


def test_a_member_of_the_class_that_is_kept_is_rejected(data: Data) -> None:
    member = int(np.flatnonzero(data[1] == ONE)[0])
    own, without = without_class((data[1] == ONE) & (np.arange(ROWS) != member))
    assert_caught(prove(without.shape, told(own, data, found(data, own.schedule))), "forgotten classes")
