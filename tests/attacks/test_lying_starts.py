"""Owners of sharded trainings on standardised features whose stages begin elsewhere than where they have to.

A stage begins from models of features as they are, in features of its own: rounded down, by its own scaler.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.sisa import start_matrix
from zkunlearn.circuits.relations.standardized_stage import BIAS_REST, START_LACK, START_REST
from zkunlearn.models.methods.reference import started
from zkunlearn.models.methods.standardization import Scaler

from .harness import Columns, assert_caught, assert_valid, commitments, prove, recount
from .one_pass_runs import moved_by
from .scalers import FEATURE, limbs
from .sisa_runs import (
    FEATURES,
    REQUEST,
    REQUESTED,
    WHOLE,
    WRONG_SOURCES,
    X_BITS,
    Data,
    Place,
    SisaDeclared,
    Traces,
    alone,
    assert_false,
    column,
    declare_standardized,
    lasts,
    lying,
    models_of,
    of_part,
    scaler_in,
    start_column,
    told,
    trained,
    values,
)

STARTING = "starting weights", "starting intercept"
SLOW = pytest.mark.slow  # more of a kind that others are of


@pytest.fixture(scope="module")
def data() -> Data:
    """With a feature that is narrower in the second stage of shard 1 than in the first one: its e is one more."""
    X, y = values()
    X[8:16, FEATURE] = [34, -34, 34, -34, 300, 0, 2, 3]  # the fifth one is forgotten
    return X, y


@pytest.fixture(scope="module")
def own() -> SisaDeclared:
    """Two stages of all shards."""
    return declare_standardized()


@pytest.fixture(scope="module")
def honest(own: SisaDeclared, data: Data) -> Traces:
    return trained(own, data)


@pytest.fixture(scope="module")
def first(data: Data) -> Traces:
    """What a first statement trained, in three stages."""
    return trained(declare_standardized(slices=3), data)


@pytest.fixture(scope="module")
def later() -> SisaDeclared:
    """What a request trains again, from the models of the first statement."""
    return declare_standardized(REQUESTED, slices=3, runs=REQUEST, starts=(WHOLE,))


def scaler_of_stage(own: SisaDeclared, place: Place, data: Data) -> Scaler:
    found = scaler_in(own, place, data)
    assert found is not None
    return found


def begun(own: SisaDeclared, place: Place, data: Data, models: Any) -> Any:
    """First weights of the one output, (1, K), from models (1, K)."""
    return started(alone(own, place), models[0], scaler_of_stage(own, place, data))[None]


# What is true --------------------------------------------------------------------------------------------------------


def test_a_request_that_begins_from_earlier_models_is_accepted(later: SisaDeclared, data: Data, first: Traces) -> None:
    """It ends in the models that one training of everything ends in."""
    found = trained(later, data, [first])
    assert set(found) == {(0, 3), (1, 3), (2, 2), (2, 3)}
    again = trained(declare_standardized(REQUESTED, slices=3), data)
    assert all(np.array_equal(models_of(later, found[place]), models_of(later, again[place])) for place in found)
    outcome = prove(later.shape, told(later, data, found, [first]))
    assert_valid(outcome)


def test_the_start_of_the_tests_is_rounded(own: SisaDeclared, data: Data, honest: Traces) -> None:
    """What lies need: weights that 2^e does not divide, as e is another one than before."""
    models, scaler = models_of(own, honest[1, 1])[0], scaler_of_stage(own, (1, 2), data)
    left = models[:FEATURES] - scaler.power * begun(own, (1, 2), data, models[None])[0, :FEATURES]
    assert 2 * left[FEATURE] >= scaler.power[FEATURE] and (left < scaler.power).all() and (left >= 0).all()
    earlier = honest[1, 1][0].scaler
    assert earlier and earlier.e[FEATURE] != scaler.e[FEATURE]


# Other models --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "source"), WRONG_SOURCES)
def test_a_request_that_begins_from_wrong_earlier_models_is_rejected(
    later: SisaDeclared, data: Data, first: Traces, place: Place, source: Place | None
) -> None:
    """With what rounding down leaves of these."""
    models = models_of(later, first[source]) if source else np.zeros((1, FEATURES + 1), dtype=np.int64)
    columns = lying(later, data, {place: {"before": models}}, [first])
    assert_false(later, columns, *of_part(later, place[1], *STARTING, shard=place[0]))


@pytest.mark.parametrize("source", [(0, 1), None], ids=["another shard's", "zero"])
def test_a_stage_that_begins_from_a_wrong_checkpoint_is_rejected(
    own: SisaDeclared, data: Data, honest: Traces, source: Place | None
) -> None:
    models = models_of(own, honest[source]) if source else np.zeros((1, FEATURES + 1), dtype=np.int64)
    outcome = prove(own.shape, lying(own, data, {(1, 2): {"before": models}}))
    assert_caught(outcome, *of_part(own, 2, *STARTING))


def test_models_of_an_older_statement_with_what_they_lack_of_the_true_ones_are_rejected(
    later: SisaDeclared, data: Data, first: Traces
) -> None:
    """As they were before row 1 was forgotten: all equations hold, what rounding down leaves is out of its range."""
    older = models_of(later, trained(declare_standardized((), slices=3), data)[0, 2])
    start = begun(later, (0, 3), data, older)
    assert not np.array_equal(start, begun(later, (0, 3), data, models_of(later, first[0, 2])))
    outcome = prove(later.shape, lying(later, data, {(0, 3): {"start": start}}, [first]))
    assert_caught(outcome, "lookup sum")


def test_equal_models_of_another_commitment_are_rejected(later: SisaDeclared, data: Data, first: Traces) -> None:
    """The proof speaks of the true ones throughout; the root that the statement names is of others."""
    columns = told(later, data, trained(later, data, [first]), [first])
    committed = commitments(later.shape, columns)
    other = moved_by(columns, start_column(COEFFICIENTS), (0, 1), 1)
    committed[start_matrix(0)] = commitments(later.shape, other)[start_matrix(0)]
    assert_caught(prove(later.shape, columns, committed), "batching")


@pytest.mark.parametrize("by", [1, 1 << 32], ids=str)
def test_a_start_in_the_matrix_only_is_rejected(later: SisaDeclared, data: Data, first: Traces, by: int) -> None:
    """The earlier commitment holds something else than where training begins. 2^32 is a whole range of weights."""
    columns = told(later, data, trained(later, data, [first]), [first])
    for name, reason in (COEFFICIENTS, STARTING[0]), (INTERCEPT, STARTING[1]):
        lie = moved_by(columns, start_column(name), (0, 1), by)
        assert_false(later, lie, *of_part(later, 3, reason))


# Other roundings -----------------------------------------------------------------------------------------------------


def rounded(own: SisaDeclared, data: Data, honest: Traces, how: str) -> Any:
    """First weights of stage 2 of shard 1, (1, K), by another rule; the bias follows unless it is what is meant."""
    place, models = (1, 2), models_of(own, honest[1, 1])[0]
    scaler, earlier = scaler_of_stage(own, place, data), honest[1, 1][0].scaler
    assert earlier is not None
    weights = models[:FEATURES] >> scaler.e
    if how == "the nearest":
        weights = (models[:FEATURES] + scaler.power // 2) >> scaler.e
    elif how == "up":
        weights = -(-models[:FEATURES] >> scaler.e)
    elif how == "one less":
        weights[FEATURE] -= 1
    elif how == "as they were":
        weights = lasts(honest[1, 1])[0, :FEATURES]
    shift = {"no means": 0 * scaler.shift, "earlier means": earlier.shift}.get(how, scaler.shift)
    bias = int(models[FEATURES] + shift @ weights) >> X_BITS
    bias += {"a bias of one more": 1, "a bias of one less": -1}.get(how, 0)
    return np.append(weights, bias)[None]


ROUNDINGS = [
    "the nearest",
    pytest.param("up", marks=SLOW),
    "one less",
    "as they were",
    "no means",
    "earlier means",
    "a bias of one more",
    pytest.param("a bias of one less", marks=SLOW),
]


def test_rounding_down_is_what_the_training_does(own: SisaDeclared, data: Data, honest: Traces) -> None:
    assert np.array_equal(rounded(own, data, honest, "down"), honest[1, 2][0].weights[:1])


@pytest.mark.parametrize("how", ROUNDINGS)
def test_a_start_that_is_rounded_otherwise_is_rejected_for_the_range_of_what_is_left(
    own: SisaDeclared, data: Data, honest: Traces, how: str
) -> None:
    """All equations hold: of weights a remainder below 0 or of 2^e or more, of an intercept one of 2^x_bits or more."""
    start = rounded(own, data, honest, how)
    assert not np.array_equal(start, honest[1, 2][0].weights[:1])
    assert_false(own, lying(own, data, {(1, 2): {"start": start}}), "lookup sum")


@pytest.mark.parametrize(
    ("how", "reason"),
    [("one less", STARTING[0]), ("no means", STARTING[1]), ("a bias of one more", STARTING[1])],
)
def test_a_start_that_is_rounded_otherwise_with_the_true_remainder_is_rejected(
    own: SisaDeclared, data: Data, honest: Traces, how: str, reason: str
) -> None:
    """What is left is in its range, and is not what is left."""
    start = rounded(own, data, honest, how)
    columns, true = lying(own, data, {(1, 2): {"start": start}}), told(own, data, honest)
    for name in (START_REST, START_LACK, BIAS_REST):
        (limb,) = limb_addresses(name, 16)
        kept = column(own, (1, 2), limb)
        columns = columns | {kept: true[kept]}
    reasons = {reason, STARTING[1]} if how == "one less" else {reason}  # the intercept has the means of the weights
    assert_false(own, recount(own.relation, columns), *of_part(own, 2, *reasons))


def test_a_remainder_below_another_power_is_rejected(own: SisaDeclared, data: Data, honest: Traces) -> None:
    """A weight that is one less leaves 2^e more, which 16 bits hold as well as what that lacks of 2^(e + 1)."""
    scaler = scaler_of_stage(own, (1, 2), data)
    power = int(scaler.power[FEATURE])
    columns = lying(own, data, {(1, 2): {"start": rounded(own, data, honest, "one less")}})
    (rest,), (lack,) = (limb_addresses(name, 16) for name in (START_REST, START_LACK))
    cell = 0, 1, FEATURE
    assert columns[column(own, (1, 2), rest)][cell] < 2 * power <= 1 << 16
    lie = moved_by(columns, column(own, (1, 2), lack), cell, power)
    assert_caught(prove(own.shape, recount(own.relation, lie)), *of_part(own, 2, "starting remainders"))


@pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weight", "bias"])
def test_first_weights_with_a_multiple_of_the_modulus_in_their_limbs_are_rejected(
    own: SisaDeclared, data: Data, honest: Traces, parameter: Any
) -> None:
    """The same elements of the field, and p more as limbs say it."""
    columns, bits = told(own, data, honest), alone(own, (1, 2)).weight_bits
    cell = (0, 0, 1, FEATURE) if parameter == WEIGHTS else (0, 0, 1)
    names = [column(own, (1, 2), limb) for limb in limb_addresses(parameter.steps, bits)]
    value = sum(int(columns[name][cell]) << (16 * i) for i, name in enumerate(names))
    for name, cells in zip(names, limbs(parameter.steps, bits, value + MODULUS).values(), strict=True):
        lie = columns[name].copy()
        lie[cell] = cells
        columns = columns | {name: lie}
    assert_false(own, recount(own.relation, columns), "lookup sum")


def test_a_start_that_wraps_around_the_field_is_rejected(own: SisaDeclared, data: Data, honest: Traces) -> None:
    """2^x_bits V(0) + r' = I' + sum m W(0) + p has a solution, in no range of a bias."""
    columns, true = told(own, data, honest), honest[1, 2][0]
    bits, offset = alone(own, (1, 2)).weight_bits, 1 << (alone(own, (1, 2)).weight_bits - 1)
    (rest,) = limb_addresses(BIAS_REST, 16)
    rest, cell = column(own, (1, 2), rest), (0, 1)
    whole = (int(true.weights[0, FEATURES]) << X_BITS) + int(columns[rest][cell]) + MODULUS
    names = [column(own, (1, 2), limb) for limb in limb_addresses(BIAS.steps, bits)]
    own_limbs = limbs(BIAS.steps, bits, (whole >> X_BITS) + offset)
    for name, value in [*zip(names, own_limbs.values(), strict=True), (rest, whole % (1 << X_BITS))]:
        cells: Columns = {name: columns[name].copy()}
        cells[name][(0, *cell) if name != rest else cell] = value
        columns = columns | cells
    outcome = prove(own.shape, recount(own.relation, columns))
    assert outcome.verdict() == "constraints"
    found = set(outcome.prover.lies)
    assert "lookup sum" in found and not found & set(of_part(own, 2, *STARTING))


@pytest.mark.parametrize(
    ("name", "cell", "reasons"),
    [
        (START_REST, (0, 1, FEATURE), {"starting weights", "starting remainders"}),
        (START_LACK, (0, 1, FEATURE), {"starting remainders"}),
        (BIAS_REST, (0, 1), {"starting intercept"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_what_rounding_down_leaves_cannot_be_another(
    own: SisaDeclared, data: Data, honest: Traces, name: Address, cell: Any, reasons: set[str]
) -> None:
    """In range, and one more or less."""
    columns, (limb,) = told(own, data, honest), limb_addresses(name, 16)
    address = column(own, (1, 2), limb)
    lie = moved_by(columns, address, cell, -1 if columns[address][cell] else 1)
    assert_false(own, recount(own.relation, lie), *of_part(own, 2, *reasons))


@pytest.mark.parametrize("name", [START_REST, BIAS_REST], ids=lambda name: name.name)
def test_what_is_left_of_another_shard_is_rejected(
    own: SisaDeclared, data: Data, honest: Traces, name: Address
) -> None:
    columns, (limb,) = told(own, data, honest), limb_addresses(name, 16)
    address = column(own, (1, 2), limb)
    lie = columns | {address: columns[address][:, [1, 0, 2]]}
    reasons = {"starting weights", "starting remainders"} if name == START_REST else {"starting intercept"}
    assert_false(own, recount(own.relation, lie), *of_part(own, 2, *reasons))
