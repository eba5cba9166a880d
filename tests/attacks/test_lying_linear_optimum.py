"""Owners whose linear model is not the rounding of the ridge optimum that is declared.

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
from zkunlearn.models.methods.gram_reference import joined_gradient, weight_limbs
from zkunlearn.models.scales import FineScales

from .harness import assert_valid, caught, changed, prove
from .linear_optimum_runs import (
    FEATURES,
    ROWS,
    Integers,
    LinearDeclared,
    Told,
    committed,
    declare_linear,
    honest,
    integers,
    optimum_of,
    sums_of,
    told,
    told_at,
    values,
    whole,
)
from .optimum_runs import MODULUS, Data, inverse, off

ROW, FEATURE = 4, 1
SUM = "lookup sum"
SLOW = pytest.mark.slow
BOTH = pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weight", "bias"])


@pytest.fixture(scope="module")
def own() -> LinearDeclared:
    return declare_linear()


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def true(own: LinearDeclared, data: Data) -> Told:
    return told_at(own, data, optimum_of(data, own.schedule))


@pytest.fixture(scope="module")
def said(own: LinearDeclared, true: Told) -> Integers:
    return integers(own, true)


def place_of(parameter: Parameter) -> int:
    return FEATURE if parameter is WEIGHTS else 0


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias": False},
        {"features": 4, "rows": 16, "forgotten": ()},
        pytest.param({"features": 1, "bias": False}, marks=SLOW),
        {"forgotten": tuple(range(12)), "l2": 0.5},
        pytest.param({"l2": 64.0, "grid": 20}, marks=SLOW),
        {"grid": 30, "fixed_point": FineScales(w_bits=30)},  # labels in the other limb
        pytest.param({"l2": 1e-6, "grid": 36}, marks=SLOW),
    ],
    ids=str,
)
def test_a_certified_optimum_is_accepted(changes: dict[str, Any]) -> None:
    own = declare_linear(**changes)
    assert_valid(prove(own.shape, honest(own, values(own.data.rows, own.data.features))))


def test_any_weights_within_the_distance_are_accepted_and_give_the_same_model(
    own: LinearDeclared, data: Data, true: Told, said: Integers
) -> None:
    moved = integers(own, told_at(own, data, true.weights + 1))
    assert np.array_equal(moved[WEIGHTS.model], said[WEIGHTS.model])
    assert_valid(prove(own.shape, committed(own, data, moved)))


# Other rows, labels, public integers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [(2,), pytest.param((2, 4), marks=SLOW), (2, 5, 7), pytest.param((), marks=SLOW)])
def test_the_optimum_of_other_rows_is_rejected(own: LinearDeclared, data: Data, forgotten: tuple[int, ...]) -> None:
    """S left out, or a neighbour's; one row too few."""
    other = replace(own.schedule, live=Live(ROWS, forgotten))
    caught(own, told(own, data, told_at(own, data, optimum_of(data, other), other)), "gradient")


def test_the_optimum_of_another_label_is_rejected(own: LinearDeclared, data: Data) -> None:
    X, y = data
    other = X, off(y, 0, 2000)
    caught(own, told(own, data, told_at(own, other, optimum_of(other, own.schedule))), "gradient")


@pytest.mark.parametrize("changes", [{"penalty": 1}, {"raised": 1}, pytest.param({"penalty": -1}, marks=SLOW)], ids=str)
def test_another_penalty_or_number_of_rows_is_rejected(
    own: LinearDeclared, data: Data, changes: dict[str, int]
) -> None:
    """c of another l2, or of n - 1; e of another n."""
    other = replace(own.schedule, **{name: getattr(own.schedule, name) + by for name, by in changes.items()})
    caught(own, told(own, data, told_at(own, data, optimum_of(data, other), other)), "gradient")


@pytest.mark.parametrize("bits", [-16, pytest.param(16, marks=SLOW), 1])
def test_labels_at_another_limb_are_rejected(data: Data, bits: int) -> None:
    """2^16 times too large or too small; or at the limb of twice the scale."""
    own = declare_linear(fixed_point=FineScales(w_bits=30))  # in the limb in the middle
    other = replace(own.schedule, label_bits=own.schedule.label_bits - bits)
    labels = data[0], data[1] >> 15 if bits == 16 else data[1]  # so that weights have room
    said = integers(own, told_at(own, labels, optimum_of(labels, other), other))
    caught(own, committed(own, labels, said), "gradient")


def test_a_constant_where_no_bias_is_declared_is_rejected(data: Data) -> None:
    own = declare_linear(bias=False)
    d, other = own.schedule.features, replace(own.schedule, width=own.schedule.features + 1)
    biased = told_at(own, data, optimum_of(data, other), other)
    caught(own, told(own, data, Told(biased.weights[:d], biased.z, biased.sums[:, :d], biased.gradient[:d])), "product")


# Scores, limb by limb ------------------------------------------------------------------------------------------------


def of_scores(own: LinearDeclared, data: Data, weights: Any, z: Any) -> Told:
    """What false scores imply."""
    sums = sums_of(own.schedule, data, z) + own.schedule.penalty * weight_limbs(weights).astype(object)
    return Told(weights, z, sums, joined_gradient(sums))


def test_a_score_that_is_off_by_one_is_rejected(own: LinearDeclared, data: Data, true: Told) -> None:
    caught(own, told(own, data, of_scores(own, data, true.weights, off(true.z, (0, ROW), 1))), "product")


@pytest.mark.parametrize("limb", range(3))
def test_a_limb_s_scores_of_other_rows_are_rejected(own: LinearDeclared, data: Data, true: Told, limb: int) -> None:
    z = true.z.copy()
    z[limb] = np.roll(z[limb], 1)
    outcome = prove(own.shape, told(own, data, of_scores(own, data, true.weights, z)))
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {"product", SUM}  # the gradient is long


def test_scores_of_limbs_with_their_offset_are_rejected(own: LinearDeclared, data: Data, true: Told) -> None:
    """2^47 above each weight, as they are committed: the optimum for these scores, as if they were those of W."""
    s, lifted = own.schedule, true.z.copy()
    lifted[2] += (1 << 15) * whole(s, data).sum(axis=1)
    outcome = prove(own.shape, told(own, data, of_scores(own, data, true.weights, lifted)))
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {"product", SUM}


def test_scores_of_other_weights_are_rejected(own: LinearDeclared, data: Data, true: Told) -> None:
    """Residuals of weights that are not those whose rounding is published, with the penalty of these."""
    moved = true.weights + (1 << 30)
    z = weight_limbs(moved).astype(object) @ whole(own.schedule, data).T
    outcome = prove(own.shape, told(own, data, of_scores(own, data, true.weights, z)))
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {"product", SUM}


# Carries -------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("carry", ["low_carry", "high_carry"])
@pytest.mark.parametrize("by", [1, 1 << 16, pytest.param(-(1 << 16), marks=SLOW)])
def test_a_carry_that_is_off_is_rejected(
    own: LinearDeclared, data: Data, said: Integers, parameter: Parameter, carry: str, by: int
) -> None:
    name = getattr(parameter, carry)
    caught(own, committed(own, data, {**said, name: off(said[name], place_of(parameter), by)}), "gradient")


@BOTH
def test_a_carry_that_makes_up_for_a_shorter_gradient_is_rejected(
    own: LinearDeclared, data: Data, true: Told, parameter: Parameter
) -> None:
    """The lowest line holds, and the next one with a carry modulo p; the last one does not."""
    place = FEATURE if parameter is WEIGHTS else FEATURES
    lie = replace(true, gradient=off(true.gradient, place, -(1 << 16)))
    caught(own, told(own, data, lie), SUM, "gradient")


def first_in(a: int, m: int, low: int, high: int) -> int:
    """The least x with a x mod m in [low, high]."""
    if low == 0:
        return 0
    if 2 * a > m:
        a, low, high = m - a, m - high, m - low
    x = -(-low // a)
    if a * x <= high:
        return x
    y = first_in(m % a, a, -high % a, -low % a)
    return -(-(low + m * y) // a)


def test_a_gradient_that_is_short_modulo_p_is_rejected() -> None:
    """Far from the optimum it is a multiple of p: all lines hold modulo p, with carries that are out of range."""
    own, data = declare_linear(features=1, bias=False, grid=30), values(ROWS, 1)
    s = own.schedule
    zero = int(told_at(own, data, np.array([0])).gradient[0])
    slope = int(told_at(own, data, np.array([1])).gradient[0]) - zero
    half = 1 << 38
    weight = first_in(slope % MODULUS, MODULUS, (-zero - half) % MODULUS, (-zero + half) % MODULUS)
    assert weight < 1 << 47
    weights = np.array([weight - weight % 1])
    far = told_at(own, data, weights)
    rest = (int(far.gradient[0]) + half) % MODULUS - half
    assert abs(rest) <= half < s.radius << s.shift and abs(int(far.gradient[0])) > MODULUS
    lie = integers(own, replace(far, gradient=np.array([rest], dtype=object)))
    assert lie[SLACK][0] >= 0 and lie[WEIGHTS.below][0] >= 0 and lie[WEIGHTS.above][0] >= 0
    honest_model = integers(own, told_at(own, data, optimum_of(data, s)))[WEIGHTS.model]
    assert not np.array_equal(lie[WEIGHTS.model], honest_model)
    assert max(abs(int(lie[name][0])) for name in (WEIGHTS.low_carry, WEIGHTS.high_carry)) >= 1 << 47
    caught(own, committed(own, data, lie), SUM)


# Gradient, rounding and model: certified.py and rounding.py, through this relation -----------------------------------


@BOTH
def test_a_gradient_that_is_rounded_differently_is_rejected(
    own: LinearDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    """Its remainder says so, and is out of range; the squares are those of what is committed."""
    place, before = place_of(parameter), said[parameter.cut][place_of(parameter)]
    lie = {
        **said,
        parameter.cut: off(said[parameter.cut], place, 1),
        parameter.cut_rest: off(said[parameter.cut_rest], place, -1 << own.schedule.shift),
        SLACK: said[SLACK] + before**2 - (before + 1) ** 2,
    }
    caught(own, committed(own, data, lie), SUM)


def test_weights_too_far_from_the_optimum_are_rejected(own: LinearDeclared, data: Data, true: Told) -> None:
    """Which are rounded to another model: what is left of the radius is negative."""
    lie = told_at(own, data, off(true.weights, FEATURE, 1 << own.schedule.grid))
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {SUM}


def test_a_radius_of_the_owner_s_is_rejected(own: LinearDeclared, data: Data, said: Integers) -> None:
    caught(own, committed(own, data, {**said, SLACK: said[SLACK] + 1}), "norm")


@BOTH
def test_a_weight_out_of_range_is_rejected(
    own: LinearDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    """2^47 is one too many, whatever else is said."""
    place = place_of(parameter)
    lie = {**said, parameter.weight: off(said[parameter.weight], place, (1 << 47) - said[parameter.weight][place])}
    outcome = prove(own.shape, committed(own, data, lie))
    assert outcome.verdict() == "constraints" and {SUM, "product", "rounding"} <= outcome.prover.lies


@BOTH
@pytest.mark.parametrize("by", [1, -1])
def test_another_rounding_is_rejected_for_its_range(
    own: LinearDeclared, data: Data, said: Integers, parameter: Parameter, by: int
) -> None:
    s, place = own.schedule, place_of(parameter)
    lie = {
        **said,
        parameter.model: off(said[parameter.model], place, by),
        parameter.below: off(said[parameter.below], place, -by << s.grid),
        parameter.above: off(said[parameter.above], place, by << s.grid),
    }
    caught(own, committed(own, data, lie), SUM)
    caught(own, committed(own, data, {**said, parameter.model: lie[parameter.model]}), "rounding")


@BOTH
def test_a_rounding_modulo_p_is_rejected(own: LinearDeclared, data: Data, said: Integers, parameter: Parameter) -> None:
    s, place = own.schedule, place_of(parameter)
    model = (said[parameter.model][place] - inverse(1 << s.grid)) % MODULUS
    lie = {
        **said,
        parameter.model: off(said[parameter.model], place, model - said[parameter.model][place]),
        parameter.below: off(said[parameter.below], place, 1),
        parameter.above: off(said[parameter.above], place, -1),
    }
    caught(own, committed(own, data, lie), SUM)


@BOTH
def test_room_for_another_distance_is_rejected(
    own: LinearDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    lie = {**said, parameter.above: off(said[parameter.above], place_of(parameter), 1)}
    caught(own, committed(own, data, lie), "edges")


def test_a_distance_that_is_not_the_declared_one_is_rejected(own: LinearDeclared, data: Data, true: Told) -> None:
    other = LinearDeclared(own.spec, own.data, own.forgotten)
    vars(other)["schedule"] = own.schedule.at_distance(1)
    columns = told(other, data, true)
    caught(own, columns, "rounding", "edges", "norm")
    assert_valid(prove(other.shape, columns))


def test_another_model_is_rejected(own: LinearDeclared, data: Data, said: Integers) -> None:
    """One weight off, an intercept at the scale of weights, weights before rounding."""
    columns = committed(own, data, said)
    caught(own, changed(columns, COEFFICIENTS, FEATURE, int(said[WEIGHTS.model][FEATURE]) + 1), "model")
    caught(own, changed(columns, INTERCEPT, 0, int(said[BIAS.model][0])), "intercept")
    whole_weights = (said[WEIGHTS.weight] % MODULUS).astype(np.uint64)[None]
    caught(own, columns | {COEFFICIENTS: whole_weights}, "model")


def test_a_feature_that_is_left_out_counts_nowhere(data: Data) -> None:
    """The optimum with all features is none of a spec that leaves one out."""
    own = declare_linear()
    shape = replace(own.data, names=("a", "b", "c"))
    fewer = LinearDeclared(own.spec.leaving_out(["b"]), shape, own.forgotten)
    assert fewer.schedule.unused == (1,)
    everything = replace(fewer.schedule, unused=())
    outcome = prove(fewer.shape, told(fewer, data, told_at(own, data, optimum_of(data, everything), everything)))
    assert outcome.verdict() == "constraints" and {"product", "gradient"} <= outcome.prover.lies
    honest_columns = honest(fewer, data)
    assert int(honest_columns[COEFFICIENTS][0, 1]) == 0
    assert_valid(prove(fewer.shape, honest_columns))
