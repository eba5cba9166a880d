"""Owners whose steps of several classes are not those of each: from another's model, by its matrix, or its gradient.

What one output says alone is attacked in test_lying_newton.py; that the weights where steps end are near the optimum,
and rounded, is said by the part that a certified optimum of several classes has (test_lying_optimum_classes.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations.certified import BIAS, WEIGHTS, Parameter
from zkunlearn.circuits.relations.newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS
from zkunlearn.circuits.relations.newton_step import update_remainder
from zkunlearn.models.methods.newton_reference import moved_weights
from zkunlearn.models.methods.optimum_reference import first_settled
from zkunlearn.prover.witnesses.newton import Stepped

from .harness import CLASSES, assert_valid, caught, classed, prove
from .newton_runs import (
    MODELS,
    Data,
    Integers,
    NewtonDeclared,
    address,
    committed,
    declare_newton,
    integers,
    step_from,
    stepped,
    told,
    with_steps,
)
from .optimum_runs import off
from .test_lying_optimum_classes import ONE, OTHER, exchanged

SUM = "lookup sum"
UPDATE = "step 1: update"
Parameters = pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weights", "bias"])


@pytest.fixture(scope="module")
def own() -> NewtonDeclared:
    return declare_newton(classes=CLASSES, steps=1)


@pytest.fixture(scope="module")
def data() -> Data:
    return classed()


@pytest.fixture(scope="module")
def true(own: NewtonDeclared, data: Data) -> Stepped:
    return stepped(own, data)


@pytest.fixture(scope="module")
def said(own: NewtonDeclared, true: Stepped) -> Integers:
    return integers(own, true)


def place_of(parameter: Parameter) -> Any:
    return (ONE, 0) if parameter is WEIGHTS else ONE


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"steps": 2}, {"bias": False, "start": None}, {"model": "probit", "forgotten": (), "l2": 0.5}], ids=str
)
def test_steps_of_classes_are_accepted(changes: dict[str, Any], data: Data) -> None:
    own = declare_newton(**{"classes": CLASSES, "steps": 1, **changes})
    assert_valid(prove(own.shape, told(own, data, stepped(own, data))))


def test_any_matrix_of_a_class_that_leads_there_is_accepted(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    """A unit more in the row of a weight of one class, whose gradient is not 0: the others end where they did."""
    matrix = true.matrix.copy()
    matrix[ONE, 0, 0] += 1
    first = step_from(own, data, 0, true.steps[0].weights, matrix)
    assert np.array_equal(first.after[[0, OTHER]], true.steps[0].after[[0, OTHER]])
    ended = ending(own, data, first.after, with_steps(replace(true, matrix=matrix), first))
    assert_valid(prove(own.shape, told(own, data, ended)))


def ending(own: NewtonDeclared, data: Data, weights: Any, lie: Stepped) -> Stepped:
    """With the certificate of weights."""
    s, (X, y) = own.schedule, data
    rows = step_from(own, data, 0, weights, lie.matrix).rows
    whole = np.hstack([X, np.full((len(X), 1), s.one)])
    residuals = rows.residuals(y == np.arange(s.outputs)[:, None], s)
    gradient = ((residuals @ whole) << s.raised) + s.penalty * weights
    return replace(lie, rows=rows, settled=first_settled(weights, gradient, s))


# Of another class ----------------------------------------------------------------------------------------------------


def test_steps_from_the_model_of_another_class_are_rejected(own: NewtonDeclared, data: Data) -> None:
    """All that follows from it is true, and leads to the optimum: but the model that is superseded is not that."""
    lie = stepped(own, data, exchanged(MODELS))
    caught(own, told(own, data, lie), "step 1: starting weights", "step 1: starting intercept")


def test_a_class_that_begins_from_zero_is_rejected(own: NewtonDeclared, data: Data) -> None:
    begun = MODELS.copy()
    begun[ONE] = 0
    lie = stepped(own, data, begun)
    caught(own, told(own, data, lie), "step 1: starting weights", "step 1: starting intercept")


@pytest.mark.parametrize("parts", [(MATRIX,), (OF_BIAS,), (FROM_BIAS,), (CORNER,)], ids=lambda parts: parts[0].name)
def test_the_matrix_of_another_class_is_rejected(own: NewtonDeclared, data: Data, said: Integers, parts: Any) -> None:
    """Each part of it by itself."""
    caught(own, committed(own, data, {**said, **{name: exchanged(said[name]) for name in parts}}), UPDATE)


def test_one_matrix_for_all_classes_is_rejected_where_steps_were_by_others(
    own: NewtonDeclared, data: Data, true: Stepped
) -> None:
    lie = replace(true, matrix=np.repeat(true.matrix[:1], len(CLASSES), axis=0))
    caught(own, told(own, data, lie), UPDATE)


@Parameters
def test_a_gradient_of_another_class_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    """And what it moves: where lookups of limbs ended it is not that of the class's rows."""
    cut = address(own, 0, parameter.cut)
    outcome = prove(own.shape, committed(own, data, {**said, cut: exchanged(said[cut])}))
    assert outcome.verdict() == "constraints" and {UPDATE, "step 1: gradient"} <= outcome.prover.lies


def test_a_class_that_is_moved_by_the_gradient_of_another_is_rejected(data: Data) -> None:
    """In the second step, where gradients are short, so that where it leads is near enough, and certified."""
    own = declare_newton(classes=CLASSES, grid=30, distances=(1 << 20,))
    lie = stepped(own, data)
    first, last = lie.steps
    moving = last.cut.copy()
    moving[ONE] = last.cut[OTHER]
    sums = np.einsum("okl,ol->ok", lie.matrix, moving)
    after, remainder = moved_weights(last.weights, sums, own.schedule.steps[1])
    assert not np.array_equal(after, last.after)
    ended = ending(own, data, after, with_steps(lie, first, replace(last, remainder=remainder, after=after)))
    caught(own, told(own, data, ended), "step 2: update")


@Parameters
def test_updates_that_two_classes_exchange_are_rejected(
    own: NewtonDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    rest = address(own, 0, update_remainder(parameter))
    caught(own, committed(own, data, {**said, rest: exchanged(said[rest])}), UPDATE)


@Parameters
def test_a_class_that_is_not_moved_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, parameter: Parameter
) -> None:
    """Its last weights are the optimum's, and were before the step: but the model it began from is another."""
    first, features = true.steps[0], own.schedule.features
    cut = np.s_[ONE, :features] if parameter is WEIGHTS else np.s_[ONE, features:]
    weights = first.weights.copy()
    weights[cut] = first.after[cut]
    lie = step_from(own, data, 0, weights, true.matrix)
    lie = replace(lie, after=first.after)
    starting = "weights" if parameter is WEIGHTS else "intercept"
    outcome = prove(own.shape, told(own, data, with_steps(true, lie)))
    assert outcome.verdict() == "constraints" and f"step 1: starting {starting}" in outcome.prover.lies


# Rounding ------------------------------------------------------------------------------------------------------------


@Parameters
@pytest.mark.parametrize("by", [1, -1])
def test_a_step_that_ends_a_unit_beside_in_one_class_is_rejected_for_its_range(
    own: NewtonDeclared, data: Data, true: Stepped, parameter: Parameter, by: int
) -> None:
    """Where it ends is certified, too: its remainder is that of another rounding."""
    first, features = true.steps[0], own.schedule.features
    place = (ONE, 0) if parameter is WEIGHTS else (ONE, features)
    after = off(first.after, place, by)
    remainder = off(first.remainder, place, by << own.schedule.steps[0].update_bits)
    lie = ending(own, data, after, with_steps(true, replace(first, remainder=remainder, after=after)))
    caught(own, told(own, data, lie), SUM)


@Parameters
def test_an_entry_that_is_out_of_range_in_one_class_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    name, place = (MATRIX, (ONE, 0, 1)) if parameter is WEIGHTS else (CORNER, ONE)
    lie = {**said, name: off(said[name], place, (1 << 31) - int(said[name][place]))}
    outcome = prove(own.shape, committed(own, data, lie))
    assert outcome.verdict() == "constraints" and {SUM, UPDATE} <= outcome.prover.lies
