"""Owners whose steps are not those that are declared, from the model that is superseded.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false. What is said
of rows in a step is what test_lying_optimum.py attacks of the certificate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.relations.certified import BIAS, WEIGHTS, Parameter
from zkunlearn.circuits.relations.newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS
from zkunlearn.circuits.relations.newton_step import update_remainder
from zkunlearn.models.methods.newton_reference import moved_weights
from zkunlearn.models.methods.optimum_reference import first_settled
from zkunlearn.prover.witnesses.newton import Stepped

from ..reference import relations
from .harness import assert_valid, caught, prove
from .newton_runs import (
    MODEL,
    SCALE,
    Data,
    Integers,
    NewtonDeclared,
    address,
    committed,
    declare_newton,
    integers,
    matrix_integers,
    step_from,
    step_integers,
    stepped,
    told,
    values,
    with_steps,
)
from .optimum_runs import MODULUS, inverse, off

FEATURE = 1
SUM = "lookup sum"
SLOW = pytest.mark.slow
BOTH = pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weight", "bias"])


@pytest.fixture(scope="module")
def own() -> NewtonDeclared:
    return declare_newton()


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def true(own: NewtonDeclared, data: Data) -> Stepped:
    return stepped(own, data)


@pytest.fixture(scope="module")
def said(own: NewtonDeclared, true: Stepped) -> Integers:
    return integers(own, true)


def place_of(parameter: Parameter) -> int:
    return FEATURE if parameter is WEIGHTS else 0


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"start": None, "steps": 1},
        {"bias": False, "steps": 1},
        {"bias": False, "start": None},
        pytest.param({"model": "probit", "steps": 3}, marks=SLOW),
        {"steps": 1, "forgotten": tuple(range(12)), "l2": 0.5},
        {"steps": 1, "start": 22},
    ],
    ids=str,
)
def test_steps_to_a_certified_optimum_are_accepted(changes: dict[str, Any], data: Data) -> None:
    own = declare_newton(**changes)
    assert_valid(prove(own.shape, told(own, data, stepped(own, data))))


def test_boxes_that_have_sections_of_their_own_are_accepted(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SECTION_BITS", 7)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", 7)
    own = declare_newton(start=None, steps=1)
    assert len(own.relation.sections) == 5
    assert_valid(prove(own.shape, told(own, data, stepped(own, data))))


def test_any_matrix_that_leads_there_is_accepted(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    """It is the owner's: what binds is the certificate. Here its entries for the last weight are others."""
    matrix = true.matrix.copy()
    matrix[:, 0] += 1
    first = step_from(own, data, 0, true.steps[0].weights, matrix)
    second = step_from(own, data, 1, first.after, matrix)
    ended = ending(own, data, second.after, with_steps(replace(true, matrix=matrix), first, second))
    assert not np.array_equal(ended.steps[0].after, true.steps[0].after)
    assert np.array_equal(ended.settled.model, true.settled.model)
    assert_valid(prove(own.shape, told(own, data, ended)))


def ending(own: NewtonDeclared, data: Data, weights: Any, lie: Stepped) -> Stepped:
    """With the certificate of weights."""
    s, (X, y) = own.schedule, data
    last = step_from(own, data, len(s.steps) - 1, weights, lie.matrix)
    whole = np.hstack([X, np.full((len(X), int(s.bias)), s.one)])
    gradient = ((whole.T @ last.rows.residuals(y, s)) << s.raised) + s.penalty * weights
    return replace(lie, rows=last.rows, settled=first_settled(weights, gradient, s))


# Steps ---------------------------------------------------------------------------------------------------------------


def test_a_certificate_of_other_weights_than_the_last_step_s_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped
) -> None:
    """Of those before it, which have one, too; and of those a unit beside."""
    before = true.steps[1].weights
    assert not np.array_equal(before, true.settled.weights)
    caught(own, told(own, data, ending(own, data, before, true)), "step 2: update")
    beside = true.settled.weights + 1
    caught(own, told(own, data, ending(own, data, beside, true)), "step 2: update")


def test_a_step_that_is_omitted_is_rejected(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    """The first: the second begins where it began, and goes where it would have gone."""
    start = true.steps[0].weights
    second = replace(true.steps[0], after=true.steps[0].after)
    cut, rest = second.cut, second.cut_rest
    g = own.schedule.steps[1].shift
    gradient = (cut << own.schedule.steps[0].shift) + rest - (1 << (own.schedule.steps[0].shift - 1))
    moved = gradient + (1 << (g - 1))
    again = replace(second, cut=moved >> g, cut_rest=moved - (moved >> g << g), weights=start)
    lie = ending(own, data, second.after, with_steps(true, true.steps[0], again))
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints"
    assert {"step 1: update", "step 2: update"} <= outcome.prover.lies <= {"step 1: update", "step 2: update", SUM}


def test_another_matrix_in_the_second_step_is_rejected(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    matrix = true.matrix + (1 << 20)
    second = step_from(own, data, 1, true.steps[1].weights, matrix)
    assert not np.array_equal(second.after, true.steps[1].after)
    lie = ending(own, data, second.after, with_steps(true, true.steps[0], second))
    caught(own, told(own, data, lie), "step 2: update")


def test_the_gradient_of_the_step_before_is_rejected(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    """The second step moves by Gamma of the first one."""
    first, second = true.steps
    after, remainder = moved_weights(second.weights, true.matrix @ first.cut, own.schedule.steps[1])
    moved = replace(second, after=after, remainder=remainder)
    said = integers(own, with_steps(true, first, moved))
    outcome = prove(own.shape, committed(own, data, said))
    assert outcome.verdict() == "constraints" and "step 2: update" in outcome.prover.lies


@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW)])
def test_the_shift_of_a_neighbour_is_rejected(own: NewtonDeclared, data: Data, true: Stepped, by: int) -> None:
    """A step that is half as long, or twice, with the rest that this has."""
    other = replace(own.schedule.steps[1], update_bits=own.schedule.steps[1].update_bits + by)
    second = true.steps[1]
    after, remainder = moved_weights(second.weights, true.matrix @ second.cut, other)
    lie = ending(own, data, after, with_steps(true, true.steps[0], replace(second, after=after, remainder=remainder)))
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints" and {"step 2: update"} <= outcome.prover.lies <= {"step 2: update", SUM}


@BOTH
@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW)])
def test_a_step_that_is_rounded_differently_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, parameter: Parameter, by: int
) -> None:
    """Floor, or up, for nearest: its remainder says so, and is out of range."""
    place = FEATURE if parameter is WEIGHTS else own.schedule.features
    second, h = true.steps[1], own.schedule.steps[1].update_bits
    moved = replace(second, after=off(second.after, place, -by), remainder=off(second.remainder, place, -by << h))
    lie = ending(own, data, moved.after, with_steps(true, true.steps[0], moved))
    caught(own, told(own, data, lie), SUM)


@BOTH
def test_weights_that_any_remainder_would_leave_are_rejected(
    own: NewtonDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    """W(2) = W(1) - (sum + 2^(h-1) - 77) / 2^h modulo p has 77 as its rest; the certificate is that of the true one."""
    place, h = place_of(parameter), own.schedule.steps[1].update_bits
    name = address(own, 1, update_remainder(parameter))
    by = (said[name][place] - 77) * inverse(1 << h) % MODULUS
    lie = {**said, name: off(said[name], place, 77 - said[name][place])}
    lie[parameter.weight] = off(said[parameter.weight], place, -by)
    outcome = prove(own.shape, committed(own, data, lie))
    assert outcome.verdict() == "constraints"
    assert SUM in outcome.prover.lies and "step 2: update" not in outcome.prover.lies


@BOTH
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW)])
def test_a_gradient_that_is_rounded_differently_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, true: Stepped, parameter: Parameter, number: int, by: int
) -> None:
    """The update is that of the other Gamma, and keeps to its remainder's range as far as this can."""
    place, shift = place_of(parameter), own.schedule.steps[number].shift
    cut, rest = (address(own, number, name) for name in (parameter.cut, parameter.cut_rest))
    lie = {**said, cut: off(said[cut], place, by), rest: off(said[rest], place, -by << shift)}
    source = place if parameter is WEIGHTS else own.schedule.features
    column = true.matrix[:, source].astype(object) * by
    for each, part in ((WEIGHTS, slice(0, 3)), (BIAS, slice(3, None))):
        remainder = address(own, number, update_remainder(each))
        lie[remainder] = said[remainder] + column[part]
    caught(own, committed(own, data, lie), SUM)


PARTS = pytest.mark.parametrize(
    ("part", "row", "source"),
    [(MATRIX, 0, 1), (OF_BIAS, 3, 1), (FROM_BIAS, 0, 3), (CORNER, 3, 3)],
    ids=["P", "of bias", "from bias", "corner"],
)


def place_in(part: Any, row: int, source: int) -> Any:
    """Where in a part of the matrix an entry is."""
    places: dict[Any, Any] = {MATRIX: (row, source), OF_BIAS: source, FROM_BIAS: row, CORNER: 0}
    return places[part]


@PARTS
def test_an_entry_of_the_matrix_that_is_exchanged_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, true: Stepped, part: Any, row: int, source: int
) -> None:
    lie = {**said, part: off(said[part], place_in(part, row, source), 1)}
    moving = [f"step {number}: update" for number, step in enumerate(true.steps, start=1) if step.cut[source]]
    assert moving
    caught(own, committed(own, data, lie), *moving)


def test_a_matrix_that_is_transposed_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, true: Stepped
) -> None:
    assert not np.array_equal(true.matrix, true.matrix.T)
    lie = {**said, **matrix_integers(own, true.matrix.T)}
    caught(own, committed(own, data, lie), "step 1: update", "step 2: update")


@PARTS
@pytest.mark.parametrize("by", [1 << 32, pytest.param(-(1 << 32), marks=SLOW)])
def test_an_entry_of_more_bits_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, true: Stepped, part: Any, row: int, source: int, by: int
) -> None:
    """With remainders that go with it: what is out of range is looked up nowhere."""
    lie = {**said, part: off(said[part], place_in(part, row, source), by)}
    for number, step in enumerate(true.steps):
        name = address(own, number, update_remainder(BIAS if row == 3 else WEIGHTS))
        lie[name] = off(lie[name], 0, by * int(step.cut[source]))
    caught(own, committed(own, data, lie), SUM)


# Where steps begin ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [FEATURE, 3])
def test_a_start_at_another_model_is_rejected(own: NewtonDeclared, data: Data, place: int) -> None:
    other = off(MODEL, place, 1 << 10)
    lie = told(own, data, stepped(own, data, other))
    caught(own, lie, "step 1: starting intercept" if place == 3 else "step 1: starting weights")
    assert_valid(prove(own.shape, told(own, data, stepped(own, data, other), other)))


def test_an_intercept_that_is_taken_for_a_bias_is_rejected(own: NewtonDeclared, data: Data) -> None:
    """2^x_bits too large."""
    model = MODEL.copy()
    model[3] = 5
    other = off(model, 3, (5 << 10) - 5)
    caught(own, told(own, data, stepped(own, data, other), model), "step 1: starting intercept")


@pytest.mark.parametrize("scale", [SCALE + 1, pytest.param(SCALE - 1, marks=SLOW)])
def test_a_scale_that_is_not_the_model_s_is_rejected(own: NewtonDeclared, data: Data, scale: int) -> None:
    """What is committed is in the model; what steps begin from is half of that, or twice."""
    other = declare_newton(start=scale)
    lie = stepped(other, data)
    said = {**integers(own, lie)}
    said |= {address(own, 0, name): each for name, each in step_integers(other, 0, lie.steps[0]).items()}
    outcome = prove(own.shape, committed(own, data, said))
    assert outcome.verdict() == "constraints"
    assert {"step 1: product", "step 1: gradient", "step 1: update"} == outcome.prover.lies


@pytest.mark.parametrize("place", [FEATURE, 3])
def test_a_model_beyond_the_range_is_no_start(own: NewtonDeclared, data: Data, said: Integers, place: int) -> None:
    """Of 32, of which an honest owner is told by name."""
    parameter = WEIGHTS if place == FEATURE else BIAS
    most = 32 << (SCALE + (10 if place == 3 else 0))
    model = off(MODEL, place, most - MODEL[place])
    name = address(own, 0, parameter.weight)
    at = FEATURE if place == FEATURE else 0
    lie = {**said, name: off(said[name], at, most - said[name][at])}
    outcome = prove(own.shape, committed(own, data, lie, model))
    assert outcome.verdict() == "constraints"
    assert outcome.prover.lies == {SUM, "step 1: product", "step 1: gradient", "step 1: update"}


@pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weight", "bias"])
def test_a_start_that_is_not_zero_is_rejected_where_nothing_is_superseded(data: Data, parameter: Parameter) -> None:
    own = declare_newton(start=None, steps=1)
    true = stepped(own, data)
    place = FEATURE if parameter is WEIGHTS else 3
    first = step_from(own, data, 0, off(true.steps[0].weights, place, 1 << 20), true.matrix)
    first = replace(first, after=first.after)
    lie = ending_anywhere(own, data, first, true)
    check = "step 1: starting weights" if parameter is WEIGHTS else "step 1: starting intercept"
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints" and {check} <= outcome.prover.lies <= {check, SUM}


def ending_anywhere(own: NewtonDeclared, data: Data, step: Any, lie: Stepped) -> Stepped:
    """With the certificate, if there is one, of where a step ends: with a matrix that is corrected, there is."""
    from zkunlearn.prover.witnesses.newton_search import corrected

    h = own.schedule.steps[0].update_bits
    matrix = corrected(lie.matrix.astype(np.float64), step.cut, (step.weights - lie.settled.weights) << h)
    again = step_from(own, data, 0, step.weights, matrix)
    return ending(own, data, again.after, with_steps(replace(lie, matrix=matrix), again))
