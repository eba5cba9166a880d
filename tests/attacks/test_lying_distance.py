"""Owners whose model is not as near the optimum as they say.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS, Parameter
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.models.live import Live
from zkunlearn.models.methods.certificate import radius_of
from zkunlearn.models.methods.distance_reference import Placed, declared, measure
from zkunlearn.models.methods.optimum_reference import row_values

from .distance_runs import Said, committed, declare_distance, integers, of_rows, told
from .harness import ROWS, assert_caught, assert_valid, caught, changed, people, prove
from .optimum_runs import MODULUS, Data, Integers, inverse, off
from .test_false_totals import totals

ROW, FEATURE = 4, 1
SUM = "lookup sum"
SLOW = pytest.mark.slow
PENALISED: dict[str, Any] = {"penalize_intercept": True}


@pytest.fixture(scope="module")
def data() -> Data:
    return people()


@pytest.fixture(scope="module", params=[{}, PENALISED], ids=["free intercept", "penalised intercept"])
def said(request: pytest.FixtureRequest) -> Said:
    return declare_distance(**request.param)


@pytest.fixture(scope="module")
def free() -> Said:
    """The default: an intercept that is not penalised."""
    return declare_distance()


def measured(said: Said, data: Data, schedule: Any = None, model: Any = None) -> Placed:
    """What follows from a model for other public integers, or other rows."""
    return measure(*data, said.placed.model if model is None else model, schedule or said.own.schedule)


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        PENALISED,
        {"bias": False},
        {"model": "probit"},
        pytest.param({"forgotten": (), "batch_size": None}, marks=SLOW),
        pytest.param({"forgotten": tuple(range(12)), "l2": 0.5}, marks=SLOW),
    ],
    ids=str,
)
def test_a_distance_that_was_measured_is_accepted(changes: dict[str, Any]) -> None:
    said = declare_distance(**changes)
    assert_valid(prove(said.own.shape, told(said)))


def test_a_longer_distance_is_accepted_too(said: Said, data: Data) -> None:
    own = replace(said.own, distance=said.own.distance + 2)
    assert declared(said.placed, own.schedule) is not None
    assert_valid(prove(own.shape, committed(own, data, integers(own.schedule, said.placed))))


# Other rows, labels, public integers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [(2,), (2, 4), (2, 5, 7)], ids=str)
def test_the_gradient_of_other_rows_is_rejected(said: Said, data: Data, forgotten: tuple[int, ...]) -> None:
    """One row too many, a neighbour's in its place, one too few."""
    other = replace(said.own.schedule, live=Live(ROWS, forgotten))
    lie = measured(said, data, other).gradient
    caught(said.own, committed(said.own, data, integers_of(said, lie)), *_lies(said, lie))


def integers_of(said: Said, gradient: Any) -> Integers:
    """What is committed for another gradient of the same model, whose rows are told as they are."""
    return integers(said.own.schedule, replace(said.placed, gradient=gradient))


def _lies(said: Said, gradient: Any) -> tuple[str, ...]:
    """A gradient that is another one is, and does not fit if it is too long."""
    fits = declared(replace(said.placed, gradient=gradient), said.own.schedule) is not None
    return ("gradient",) if fits else ("gradient", SUM)


@pytest.mark.parametrize("place", [0, pytest.param(12, marks=SLOW)])
def test_the_gradient_of_another_label_is_rejected(said: Said, data: Data, place: int) -> None:
    X, y = data
    labels = y.copy()
    labels[place] = 1 - labels[place]
    lie = measured(said, (X, labels)).gradient
    caught(said.own, committed(said.own, data, integers_of(said, lie)), *_lies(said, lie))


@pytest.mark.parametrize(
    "changes",
    [{"penalty": 1}, {"penalty": -(1 << 10)}, {"raised": -1}, {"raised": 1}],
    ids=["c + 1", "l2", "e", "e + 1"],
)
def test_another_penalty_or_number_of_rows_is_rejected(said: Said, data: Data, changes: dict[str, int]) -> None:
    """c of another l2, or of n - 1; e of another n."""
    other = replace(said.own.schedule, **{name: getattr(said.own.schedule, name) + by for name, by in changes.items()})
    lie = measured(said, data, other).gradient
    caught(said.own, committed(said.own, data, integers_of(said, lie)), *_lies(said, lie))


def test_a_penalty_on_an_intercept_that_has_none_is_rejected(free: Said, data: Data) -> None:
    gradient = free.placed.gradient.copy()
    gradient[-1] += free.own.schedule.penalty * int(free.placed.model[-1]) << free.own.schedule.unit_bits
    caught(free.own, committed(free.own, data, integers_of(free, gradient)), *_lies(free, gradient))


def test_no_penalty_on_an_intercept_that_has_one_is_rejected(data: Data) -> None:
    said = declare_distance(**PENALISED)
    gradient = said.placed.gradient.copy()
    gradient[-1] -= said.own.schedule.penalty * int(said.placed.model[-1]) << said.own.schedule.unit_bits
    caught(said.own, committed(said.own, data, integers_of(said, gradient)), *_lies(said, gradient))


def test_weights_at_the_scale_of_the_training_are_rejected(said: Said, data: Data) -> None:
    """2^16 left out: scores and penalties of weights that are as much smaller."""
    X, y = data
    s = said.own.schedule
    fine = said.placed.model >> s.unit_bits  # zero, or minus one
    lie = measure(X, y, fine, s)
    told_ = {**integers(s, lie), WEIGHTS.weight: said.integers[WEIGHTS.weight], BIAS.weight: said.integers[BIAS.weight]}
    outcome = prove(said.own.shape, committed(said.own, data, told_))
    assert outcome.verdict() == "constraints" and {"product", "gradient"} <= outcome.prover.lies


# Distance and slope --------------------------------------------------------------------------------------------------


def test_a_shorter_distance_than_the_gradient_shows_is_rejected(said: Said, data: Data) -> None:
    """What is left of the radius is negative."""
    own = replace(said.own, distance=said.own.distance - 1)
    lie = integers(own.schedule, said.placed)
    assert int(lie[SLACK][0]) < 0
    caught(own, committed(own, data, lie), SUM)


def test_the_certificate_of_another_distance_is_rejected(said: Said, data: Data) -> None:
    """A radius of the owner's: that of twice the distance, and nothing else."""
    s = said.own.schedule
    slack = said.integers[SLACK] + radius_of(2 * s.penalty * s.distance, s.shift, s.width) ** 2 - s.radius**2
    lies = ("norm",) if 0 <= slack[0] < 1 << 46 else ("norm", SUM)
    caught(said.own, committed(said.own, data, {**said.integers, SLACK: slack}), *lies)


@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW), 1 << 46])
def test_a_radius_of_the_owner_s_is_rejected(said: Said, data: Data, by: int) -> None:
    slack = said.integers[SLACK] + by
    lies = ("norm",) if 0 <= slack[0] < 1 << 46 else ("norm", SUM)
    caught(said.own, committed(said.own, data, {**said.integers, SLACK: slack}), *lies)


def test_an_intercept_that_is_steeper_than_is_said_is_rejected(free: Said, data: Data) -> None:
    assert free.own.slope is not None
    own = replace(free.own, slope=free.own.slope - 1)
    caught(own, committed(own, data, integers(own.schedule, free.placed)), SUM)


def test_an_intercept_that_is_said_to_be_flat_is_rejected(free: Said, data: Data) -> None:
    caught(free.own, committed(free.own, data, {**free.integers, BIAS.cut: 0 * free.integers[BIAS.cut]}), "gradient")


def test_the_gradient_of_an_intercept_that_is_penalised_counts(data: Data) -> None:
    """It is not left out of the norm."""
    said = declare_distance(**PENALISED)
    square = int(said.integers[BIAS.cut][0]) ** 2
    assert square > 0
    caught(said.own, committed(said.own, data, {**said.integers, SLACK: said.integers[SLACK] + square}), "norm")


@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW)])
def test_a_gradient_that_is_rounded_differently_is_rejected(said: Said, data: Data, by: int) -> None:
    """Its remainder says so, and is out of range; the squares are those of what is committed."""
    before, lie = said.integers[WEIGHTS.cut][FEATURE], said.integers
    lie = {
        **lie,
        WEIGHTS.cut: off(lie[WEIGHTS.cut], FEATURE, by),
        WEIGHTS.cut_rest: off(lie[WEIGHTS.cut_rest], FEATURE, -by << said.own.schedule.shift),
        SLACK: lie[SLACK] + before**2 - (before + by) ** 2,
    }
    caught(said.own, committed(said.own, data, lie), SUM)


def test_a_gradient_that_is_made_shorter_is_rejected(said: Said, data: Data) -> None:
    before, lie = said.integers[WEIGHTS.cut][FEATURE], said.integers
    lie = {**lie, WEIGHTS.cut: off(lie[WEIGHTS.cut], FEATURE, -before), SLACK: lie[SLACK] + before**2}
    caught(said.own, committed(said.own, data, lie), "gradient")


# Rows ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "by", "lies"),
    [
        (names.STEP, 1, ("step", SUM)),
        (names.EDGE, 1, ("gradient", SUM)),
        (names.Q, 1, (SUM,)),
        (names.MIDDLE, 1, ("step", SUM)),
        (names.RISEN, 1, ("gradient", SUM)),
        (names.Z, 1 << 16, ("product", SUM)),
        (names.PRODUCT, 1 << 16, ("step", SUM)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_cell_of_a_row_that_is_off_is_rejected(
    free: Said, data: Data, column: Any, by: int, lies: tuple[str, ...]
) -> None:
    lie = {**free.integers, column: off(free.integers[column], ROW, by)}
    caught(free.own, committed(free.own, data, lie), *lies)


def test_a_prediction_that_any_remainder_would_leave_is_rejected(free: Said, data: Data) -> None:
    """P' = (D M + 2^15 - 77) / 2^16 modulo p has 77 as its rest, and is no number of 16 bits."""
    said = free.integers
    risen = (said[names.PRODUCT][ROW] + 32768 - 77) * inverse(1 << 16) % MODULUS
    lie = {**said, names.RISEN: off(said[names.RISEN], ROW, risen - said[names.RISEN][ROW])}
    caught(free.own, committed(free.own, data, lie), "gradient", SUM)


def test_the_scores_of_another_model_are_rejected(said: Said, data: Data) -> None:
    """Of one that is nearer the optimum than the one that is committed."""
    s = said.own.schedule
    better = said.placed.model + 64
    lie = measured(said, data, model=better)
    gradient = lie.gradient - s.penalties((better - said.placed.model) << s.unit_bits)
    told_ = integers(s, replace(said.placed, rows=lie.rows, gradient=gradient)) | of_rows(lie.rows)
    outcome = prove(said.own.shape, committed(said.own, data, told_))
    assert outcome.verdict() == "constraints" and {"product"} <= outcome.prover.lies <= {"product", SUM}


# The model -----------------------------------------------------------------------------------------------------------


def test_another_weight_is_rejected(said: Said, data: Data) -> None:
    columns = committed(said.own, data, said.integers)
    other = int(said.integers[WEIGHTS.weight][FEATURE]) + 1
    caught(said.own, changed(columns, COEFFICIENTS, FEATURE, other), "model")


def test_another_intercept_is_rejected(said: Said, data: Data) -> None:
    columns = committed(said.own, data, said.integers)
    one = said.own.schedule.one
    caught(said.own, changed(columns, INTERCEPT, 0, int(said.integers[BIAS.weight][0]) * one + 1), "intercept")


def test_an_intercept_that_is_taken_for_a_bias_is_rejected(said: Said, data: Data) -> None:
    columns = committed(said.own, data, said.integers)
    caught(said.own, changed(columns, INTERCEPT, 0, int(said.integers[BIAS.weight][0])), "intercept")


@pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weight", "bias"])
def test_a_weight_of_32_is_rejected(said: Said, data: Data, parameter: Parameter) -> None:
    """One too many for its range, whatever else is said."""
    limit, place = said.own.schedule.largest_weight >> said.own.schedule.unit_bits, FEATURE * (parameter is WEIGHTS)
    lie = {**said.integers, parameter.weight: off(said.integers[parameter.weight], place, 0)}
    lie[parameter.weight][place] = limit
    outcome = prove(said.own.shape, committed(said.own, data, lie))
    assert outcome.verdict() == "constraints" and {SUM, "product"} <= outcome.prover.lies


def test_a_weight_that_a_field_element_stands_for_is_rejected(said: Said, data: Data) -> None:
    """W / 2^16 modulo p, of a W that is no multiple: scores fit, and its limbs do not."""
    s = said.own.schedule
    by = inverse(1 << s.unit_bits)  # one unit of W more
    fine = (said.placed.model << s.unit_bits).astype(object)
    fine[FEATURE] += 1
    X, y = data
    whole = np.hstack([X.astype(object), np.full((len(X), 1), s.one, dtype=object)])
    rows = row_values((whole @ fine).astype(np.int64), s)
    residuals = rows.residuals(y, s).astype(object)
    gradient = ((whole.T @ residuals) << s.raised) + s.penalties(fine)
    placed = replace(said.placed, rows=rows, gradient=gradient.astype(np.int64))
    lie = integers(s, placed)
    lie[WEIGHTS.weight] = off(lie[WEIGHTS.weight], FEATURE, by)
    caught(said.own, committed(said.own, data, lie), SUM)


def test_a_constant_where_no_bias_is_declared_is_rejected(data: Data) -> None:
    own, biased = declare_distance(bias=False), declare_distance(**PENALISED)
    d = own.own.schedule.features
    lie = Placed(biased.placed.model[:d], biased.placed.rows, biased.placed.gradient[:d])
    outcome = prove(own.own.shape, committed(own.own, data, integers(own.own.schedule, lie)))
    assert outcome.verdict() == "constraints" and "product" in outcome.prover.lies


# Totals --------------------------------------------------------------------------------------------------------------


def test_every_false_total_is_rejected(monkeypatch: pytest.MonkeyPatch, free: Said) -> None:
    own: Any = free.own
    outcome, found = totals(own, told(free), monkeypatch)
    assert outcome.prover.lies == frozenset() and set(found) == {"norm"}
    outcome, _ = totals(own, told(free), monkeypatch, "norm")
    assert_caught(outcome, "norm")
