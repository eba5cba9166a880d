"""Owners whose linear model is not as near the optimum as they say.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS, Parameter
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.models.live import Live
from zkunlearn.models.methods.certificate import radius_of
from zkunlearn.models.methods.gram_reference import joined_gradient, weight_limbs
from zkunlearn.models.scales import FixedPoint

from .harness import ROWS, assert_caught, assert_valid, caught, changed, prove
from .linear_distance_runs import (
    LinearDistanceDeclared,
    LinearSaid,
    Told,
    committed,
    declare_linear_distance,
    integers,
    penalties,
    scores,
    sums_of,
    told,
    told_at,
)
from .linear_optimum_runs import values
from .optimum_runs import MODULUS, Data, Integers, inverse, off
from .test_false_totals import totals
from .test_lying_linear_optimum import first_in

ROW, FEATURE = 4, 1
SUM = "lookup sum"
SLOW = pytest.mark.slow
PENALISED: dict[str, Any] = {"penalize_intercept": True}
BOTH = pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weight", "bias"])


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(
    scope="module", params=[{}, pytest.param(PENALISED, marks=SLOW)], ids=["free intercept", "penalised intercept"]
)
def said(request: pytest.FixtureRequest) -> LinearSaid:
    return declare_linear_distance(**request.param)


@pytest.fixture(scope="module")
def free() -> LinearSaid:
    """The default: an intercept that is not penalised."""
    return declare_linear_distance()


@pytest.fixture(scope="module")
def fixed() -> LinearSaid:
    """One that is."""
    return declare_linear_distance(**PENALISED)


def place_of(parameter: Parameter) -> int:
    return FEATURE if parameter is WEIGHTS else 0


def _of_gradient(said: LinearSaid, data: Data, lie: Told, *lies: str) -> None:
    """What is rejected, and for its range where the gradient is longer than is said."""
    found = integers(said.own.schedule, lie)
    slope, long = said.own.slope, not 0 <= found[SLACK][0] < 1 << 46
    long |= slope is not None and not -(1 << slope) <= found[BIAS.cut][0] < 1 << slope
    caught(said.own, committed(said.own, data, found), *lies, *([SUM] if long else []))


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        PENALISED,
        {"bias": False},
        {"method": "gradient descent", "batch_size": 4},
        pytest.param({"forgotten": tuple(range(12)), "l2": 0.5}, marks=SLOW),
        {"fixed_point": FixedPoint(w_bits=20), "l2": 1e-6},
    ],
    ids=str,
)
def test_a_distance_that_was_measured_is_accepted(changes: dict[str, Any]) -> None:
    said = declare_linear_distance(**changes)
    assert_valid(prove(said.own.shape, told(said)))


def test_a_longer_distance_is_accepted_too(said: LinearSaid, data: Data) -> None:
    own = replace(said.own, distance=said.own.distance + 2)
    assert_valid(prove(own.shape, committed(own, data, integers(own.schedule, said.told))))


# Other rows, labels, public integers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [(2,), (2, 4), pytest.param((2, 5, 7), marks=SLOW)], ids=str)
def test_the_gradient_of_other_rows_is_rejected(said: LinearSaid, data: Data, forgotten: tuple[int, ...]) -> None:
    """One row too many, a neighbour's in its place, one too few."""
    other = replace(said.own.schedule, live=Live(ROWS, forgotten))
    _of_gradient(said, data, told_at(other, data, said.told.weights), "gradient")


def test_the_gradient_of_another_label_is_rejected(said: LinearSaid, data: Data) -> None:
    X, y = data
    _of_gradient(said, data, told_at(said.own.schedule, (X, off(y, 0, 1)), said.told.weights), "gradient")


@pytest.mark.parametrize("by", [{"penalty": 1 << 10}, {"raised": 1}, {"raised": -1}], ids=str)
def test_another_penalty_or_number_of_rows_is_rejected(said: LinearSaid, data: Data, by: dict[str, int]) -> None:
    """c of another l2, or of n - 1; e of another n."""
    other = replace(said.own.schedule, **{name: getattr(said.own.schedule, name) + own for name, own in by.items()})
    _of_gradient(said, data, told_at(other, data, said.told.weights), "gradient")


@pytest.mark.parametrize("bits", [-1, 1, pytest.param(4, marks=SLOW)])
def test_labels_at_another_scale_are_rejected(said: LinearSaid, data: Data, bits: int) -> None:
    other = replace(said.own.schedule, label_bits=said.own.schedule.label_bits - bits)
    _of_gradient(said, data, told_at(other, data, said.told.weights), "gradient")


def test_a_penalty_on_an_intercept_that_has_none_is_rejected(free: LinearSaid, data: Data) -> None:
    s, lie = free.own.schedule, free.told
    sums = lie.sums + (s.penalty >> s.scales.x_bits) * weight_limbs(lie.weights) * [0, 0, 0, 1]
    _of_gradient(free, data, replace(lie, sums=sums, gradient=joined_gradient(sums)), "gradient")


@pytest.mark.parametrize("share", [0, 1 << 10], ids=["none", "that of a weight"])
def test_another_penalty_on_an_intercept_that_has_one_is_rejected(fixed: LinearSaid, data: Data, share: int) -> None:
    """c for 2^-x c among them: the intercept taken for a bias."""
    s, lie = fixed.own.schedule, fixed.told
    sums = lie.sums + (share - 1) * s.bias_penalty * weight_limbs(lie.weights) * [0, 0, 0, 1]
    _of_gradient(fixed, data, replace(lie, sums=sums, gradient=joined_gradient(sums)), "gradient")


def test_an_intercept_that_counts_as_a_bias_in_scores_is_rejected(said: LinearSaid, data: Data) -> None:
    """2^x of it."""
    s, limbs = said.own.schedule, weight_limbs(said.told.weights).astype(object)
    limbs[:, -1] *= s.one
    _of_gradient(said, data, with_scores(said, data, scores(s, data, limbs)), "product")


# Scores, limb by limb ------------------------------------------------------------------------------------------------


def with_scores(said: LinearSaid, data: Data, z: Any) -> Told:
    """What false scores imply."""
    s = said.own.schedule
    sums = sums_of(s, data, z) + penalties(s) * weight_limbs(said.told.weights).astype(object)
    return Told(said.told.weights, z, sums, joined_gradient(sums))


@pytest.mark.parametrize("limb", range(3))
def test_a_score_that_is_off_by_one_is_rejected(said: LinearSaid, data: Data, limb: int) -> None:
    _of_gradient(said, data, with_scores(said, data, off(said.told.z, (limb, ROW), 1)), "product")


def test_the_scores_of_another_model_are_rejected(said: LinearSaid, data: Data) -> None:
    """Of one that is nearer the optimum than the one that is committed."""
    s = said.own.schedule
    limbs = weight_limbs(said.told.weights - np.arange(7, 7 + s.width)).astype(object)
    _of_gradient(said, data, with_scores(said, data, scores(s, data, limbs)), "product")


# Carries -------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("carry", ["low_carry", "high_carry"])
def test_a_carry_that_is_off_is_rejected(said: LinearSaid, data: Data, parameter: Parameter, carry: str) -> None:
    name = getattr(parameter, carry)
    lie = {**said.integers, name: off(said.integers[name], place_of(parameter), 1)}
    caught(said.own, committed(said.own, data, lie), "gradient")


@BOTH
def test_a_carry_that_makes_up_for_a_shorter_gradient_is_rejected(
    free: LinearSaid, data: Data, parameter: Parameter
) -> None:
    """The lowest line holds, and the next one with a carry modulo p; the last one does not."""
    place = FEATURE if parameter is WEIGHTS else -1
    lie = replace(free.told, gradient=off(free.told.gradient, place, 1 - int(free.told.gradient[place])))
    _of_gradient(free, data, lie, SUM, "gradient")


def test_an_intercept_that_is_flat_modulo_p_is_rejected() -> None:
    """Its gradient is a multiple of p, and nearly: all lines hold modulo p, with carries that are out of range."""
    said, data = declare_linear_distance(), values()
    s, start = said.own.schedule, said.told.weights
    zero = int(told_at(s, data, off(start, -1, -start[-1])).gradient[-1])
    slope = int(told_at(s, data, off(start, -1, 1 - start[-1])).gradient[-1]) - zero
    half = 1 << 40
    intercept = first_in(slope % MODULUS, MODULUS, (-zero - half) % MODULUS, (-zero + half) % MODULUS)
    assert intercept < 1 << 47
    far = told_at(s, data, off(start, -1, intercept - start[-1]))
    rest = (int(far.gradient[-1]) + half) % MODULUS - half
    own = replace(said.own, slope=41, distance=s.longest)
    gradient = far.gradient.copy()
    gradient[-1] = rest
    lie = integers(own.schedule, replace(far, gradient=gradient))
    assert abs(int(far.gradient[-1])) > MODULUS and max(abs(int(lie[BIAS.low_carry][0])), 0) >= 1 << 47
    outcome = prove(own.shape, committed(own, data, lie))
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {SUM}


# Distance and slope --------------------------------------------------------------------------------------------------


def test_a_shorter_distance_than_the_gradient_shows_is_rejected(said: LinearSaid, data: Data) -> None:
    """What is left of the radius is negative."""
    own = replace(said.own, distance=said.own.distance - 1)
    lie = integers(own.schedule, said.told)
    assert int(lie[SLACK][0]) < 0
    caught(own, committed(own, data, lie), SUM)


def test_a_radius_of_the_owner_s_is_rejected(said: LinearSaid, data: Data) -> None:
    s = said.own.schedule
    longer = radius_of(2 * s.penalty * s.distance, s.shift, s.width) ** 2 - s.radius**2
    for by in (1, longer):
        slack = said.integers[SLACK] + by
        lies = ("norm",) if 0 <= slack[0] < 1 << 46 else ("norm", SUM)
        caught(said.own, committed(said.own, data, {**said.integers, SLACK: slack}), *lies)


def test_an_intercept_that_is_steeper_than_is_said_is_rejected(free: LinearSaid, data: Data) -> None:
    assert free.own.slope is not None
    own = replace(free.own, slope=free.own.slope - 1)
    caught(own, committed(own, data, integers(own.schedule, free.told)), SUM)


def test_an_intercept_that_is_said_to_be_flat_is_rejected(free: LinearSaid, data: Data) -> None:
    caught(free.own, committed(free.own, data, {**free.integers, BIAS.cut: 0 * free.integers[BIAS.cut]}), "gradient")


def test_the_gradient_of_an_intercept_that_is_penalised_counts(fixed: LinearSaid, data: Data) -> None:
    """It is not left out of the norm."""
    square = int(fixed.integers[BIAS.cut][0]) ** 2
    assert square > 0
    caught(fixed.own, committed(fixed.own, data, {**fixed.integers, SLACK: fixed.integers[SLACK] + square}), "norm")


def test_a_gradient_that_is_rounded_differently_is_rejected(said: LinearSaid, data: Data) -> None:
    """Its remainder says so, and is out of range; the squares are those of what is committed."""
    own = replace(said.own, distance=said.own.distance + 10)
    true = integers(own.schedule, said.told)
    before = true[WEIGHTS.cut][FEATURE]
    assert own.schedule.shift > 0
    lie = {
        **true,
        WEIGHTS.cut: off(true[WEIGHTS.cut], FEATURE, 1),
        WEIGHTS.cut_rest: off(true[WEIGHTS.cut_rest], FEATURE, -1 << own.schedule.shift),
        SLACK: true[SLACK] + before**2 - (before + 1) ** 2,
    }
    caught(own, committed(own, data, lie), SUM)


def test_a_gradient_that_is_made_shorter_is_rejected(said: LinearSaid, data: Data) -> None:
    before, lie = said.integers[WEIGHTS.cut][FEATURE], said.integers
    lie = {**lie, WEIGHTS.cut: off(lie[WEIGHTS.cut], FEATURE, -before), SLACK: lie[SLACK] + before**2}
    caught(said.own, committed(said.own, data, lie), "gradient")


# The model -----------------------------------------------------------------------------------------------------------


def test_another_model_is_rejected(said: LinearSaid, data: Data) -> None:
    """A weight or an intercept that is off by one; 2^x of the intercept, as if it were a bias."""
    columns, intercept = committed(said.own, data, said.integers), int(said.integers[BIAS.weight][0])
    caught(said.own, changed(columns, COEFFICIENTS, FEATURE, int(said.integers[WEIGHTS.weight][FEATURE]) + 1), "model")
    caught(said.own, changed(columns, INTERCEPT, 0, intercept + 1), "intercept")
    caught(said.own, changed(columns, INTERCEPT, 0, intercept << 10), "intercept")


@BOTH
def test_a_weight_out_of_range_is_rejected(said: LinearSaid, data: Data, parameter: Parameter) -> None:
    """2^47 is one too many, whatever else is said; so is any field element, such as a half."""
    place = place_of(parameter)
    for value in (1 << 47, inverse(2)):
        lie: Integers = {**said.integers, parameter.weight: said.integers[parameter.weight].copy()}
        lie[parameter.weight][place] = value
        outcome = prove(said.own.shape, committed(said.own, data, lie))
        assert outcome.verdict() == "constraints" and {SUM, "product"} <= outcome.prover.lies


def test_a_constant_where_no_bias_is_declared_is_rejected(fixed: LinearSaid, data: Data) -> None:
    own, biased, d = declare_linear_distance(bias=False), fixed.told, fixed.own.schedule.features
    lie = Told(biased.weights[:d], biased.z, biased.sums[:, :d], biased.gradient[:d])
    outcome = prove(own.own.shape, committed(own.own, data, integers(own.own.schedule, lie)))
    assert outcome.verdict() == "constraints" and "product" in outcome.prover.lies


def test_a_feature_that_is_left_out_counts_nowhere(said: LinearSaid, data: Data) -> None:
    shape = replace(said.own.data, names=("a", "b", "c"))
    fewer = LinearDistanceDeclared(
        said.own.spec.leaving_out(["b"]), shape, said.own.forgotten, (), said.own.distance, said.own.slope
    )
    assert fewer.schedule.unused == (1,)
    honest = told_at(fewer.schedule, data, said.told.weights)
    wide = replace(fewer, distance=fewer.schedule.longest, slope=None if fewer.slope is None else 61)
    assert_valid(prove(wide.shape, committed(wide, data, integers(wide.schedule, honest))))
    outcome = prove(fewer.shape, committed(fewer, data, integers(fewer.schedule, said.told)))
    assert outcome.verdict() == "constraints" and {"product", "gradient"} <= outcome.prover.lies


# Totals --------------------------------------------------------------------------------------------------------------


def test_every_false_total_is_rejected(monkeypatch: pytest.MonkeyPatch, free: LinearSaid) -> None:
    own: Any = free.own
    outcome, found = totals(own, told(free), monkeypatch)
    assert outcome.prover.lies == frozenset() and set(found) == {"norm"}
    outcome, _ = totals(own, told(free), monkeypatch, "norm")
    assert_caught(outcome, "norm")
