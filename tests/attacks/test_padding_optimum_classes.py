"""Junk in cells that are no cells, of certified optima of several classes: of a class that there is not, above all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS, Parameter
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.prover.matrices.entropy import random_field

from .harness import CLASSES, Columns, assert_valid, classed, commitments, prove
from .optimum_runs import FEATURES, ROWS, OptimumDeclared, declare_optimum, found, inverse, parameters, told
from .test_padding import outside
from .test_padding_optimum import OptimumJunkProver, filled

OUTPUTS = len(CLASSES)
SPARE = OUTPUTS  # the class past the last, in the padding
JUNK = 5


@pytest.fixture(scope="module", params=[{}, {"bias": False}], ids=str)
def own(request: pytest.FixtureRequest) -> OptimumDeclared:
    return declare_optimum(classes=CLASSES, **request.param)


@pytest.fixture(scope="module")
def true_columns(own: OptimumDeclared) -> Columns:
    return told(own, classed(), found(classed(), own.schedule))


def sizes_of(parameter: Parameter) -> tuple[int, ...]:
    """Outputs and weights that there are."""
    return (OUTPUTS, FEATURES) if parameter is WEIGHTS else (OUTPUTS,)


def joined(own: OptimumDeclared, box: Columns, integer: Address) -> Any:
    """The integers that limbs say, from which nothing is taken off."""
    limbs = limb_addresses(integer, own.relation.bits_of(integer))
    return sum(box[limb].astype(object) << (16 * i) for i, limb in enumerate(limbs))


def weights_of(own: OptimumDeclared, box: Columns, parameter: Parameter) -> Any:
    """W, or V, on its whole box."""
    values, offset = joined(own, box, parameter.weight), 1 << (own.schedule.weight_bits - 1)
    return values - offset * ~outside(values, *sizes_of(parameter))


def put(own: OptimumDeclared, box: Columns, integer: Address, values: Any, parameter: Parameter) -> None:
    """Integers modulo p where there are none, all of each in its lowest limb."""
    lowest, *others = limb_addresses(integer, own.relation.bits_of(integer))
    spare = outside(box[lowest], *sizes_of(parameter))
    box[lowest] = np.where(spare, (values % MODULUS).astype(np.uint64), box[lowest])
    for limb in others:
        box[limb] = np.where(spare, 0, box[limb]).astype(np.uint64)


def with_junk(own: OptimumDeclared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    box = filled(own.shape, columns)
    for column, real in [
        (data_set.FEATURES, (FEATURES, ROWS)),
        (data_set.LABELS, (OUTPUTS, ROWS)),
        *((column, (OUTPUTS, ROWS)) for column in (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN)),
        *((limb, (OUTPUTS,)) for limb in limb_addresses(SLACK, own.relation.bits_of(SLACK))),
    ]:
        box[column] = np.where(outside(box[column], *real), random_field(*box[column].shape), box[column])
    for parameter in parameters(own):
        for integer in (parameter.weight, parameter.cut, parameter.below):
            junk = random_field(*box[limb_addresses(integer, 16)[0]].shape).astype(object)
            put(own, box, integer, junk, parameter)
    for parameter, gradient in zip(parameters(own), gradients(own, box), strict=False):
        put_what_follows(own, box, parameter, gradient)
    put_scores(own, box)
    return box


def gradients(own: OptimumDeclared, box: Columns) -> tuple[Any, Any]:
    """Of weights and biases on whole boxes, without the penalty."""
    s, live = own.schedule, np.flatnonzero(own.schedule.live.mask())
    risen = box[names.EDGE].astype(object) + box[names.RISEN].astype(object)
    r = (risen - s.label_multiplier * box[data_set.LABELS].astype(object))[:, live] << s.raised
    return r @ box[data_set.FEATURES].astype(object)[:, live].T, r.sum(axis=1) * s.one


def put_what_follows(own: OptimumDeclared, box: Columns, parameter: Parameter, of_loss: Any) -> None:
    s, weight, below = own.schedule, weights_of(own, box, parameter), joined(own, box, parameter.below)
    rest = of_loss + s.penalty * weight - (joined(own, box, parameter.cut) << s.shift)
    put(own, box, parameter.cut_rest, rest, parameter)
    put(own, box, parameter.above, -below, parameter)
    model = (weight - below) * inverse(1 << s.grid) % MODULUS
    put(own, box, parameter.model, model, parameter)
    published, unit = (COEFFICIENTS, 1) if parameter is WEIGHTS else (INTERCEPT, s.one)
    spare = outside(box[published], *sizes_of(parameter))
    box[published] = np.where(spare, (model * unit % MODULUS).astype(np.uint64), box[published])


def put_scores(own: OptimumDeclared, box: Columns) -> None:
    """z of classes and rows past the last; to rows past the last the bias is not added."""
    weights = weights_of(own, box, WEIGHTS)[:, :FEATURES]
    z = weights @ box[data_set.FEATURES].astype(object)[:FEATURES]
    if own.schedule.bias:
        z[:, :ROWS] += weights_of(own, box, BIAS)[:, None] * own.schedule.one
    spare = outside(z, OUTPUTS, ROWS)
    box[names.Z] = np.where(spare, (z % MODULUS).astype(np.uint64), box[names.Z])


def test_there_is_room_for_a_class_more(own: OptimumDeclared, true_columns: Columns) -> None:
    box = filled(own.shape, true_columns)
    assert box[names.Q].shape == (OUTPUTS + 1, 16) and box[COEFFICIENTS].shape == (OUTPUTS + 1, FEATURES + 1)
    assert box[limb_addresses(SLACK, 46)[0]].shape == (OUTPUTS + 1,)


def test_consistent_junk_proves_the_same_model(own: OptimumDeclared, true_columns: Columns) -> None:
    """A class more with a long gradient among it, which no norm counts, and a slack that nothing limits."""
    box = with_junk(own, true_columns)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 15
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert_valid(outcome)
    assert np.array_equal(box[COEFFICIENTS][:OUTPUTS, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("integer", "reasons"),
    [
        (WEIGHTS.weight, {"gradient", "rounding", "product"}),
        (WEIGHTS.cut, {"gradient"}),
        (WEIGHTS.cut_rest, {"gradient"}),
        (WEIGHTS.below, {"rounding", "edges"}),
        (WEIGHTS.above, {"edges"}),
        (WEIGHTS.model, {"model", "rounding"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_that_nothing_explains_is_rejected(
    own: OptimumDeclared, true_columns: Columns, integer: Address, reasons: set[str]
) -> None:
    """Of a class that there is not."""
    assert_rejected(own, true_columns, integer, reasons)


@pytest.mark.parametrize(
    ("integer", "reasons"),
    [
        (BIAS.weight, {"gradient", "rounding", "product"}),
        (BIAS.cut_rest, {"gradient"}),
        (BIAS.above, {"edges"}),
        (BIAS.model, {"intercept", "rounding"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_of_a_bias_that_nothing_explains_is_rejected(integer: Address, reasons: set[str]) -> None:
    own = declare_optimum(classes=CLASSES)
    assert_rejected(own, told(own, classed(), found(classed(), own.schedule)), integer, reasons)


def assert_rejected(own: OptimumDeclared, columns: Columns, integer: Address, reasons: set[str]) -> None:
    box = filled(own.shape, columns)
    box[limb_addresses(integer, own.relation.bits_of(integer))[0]][SPARE] = JUNK
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert outcome.verdict() == "constraints"
    assert set(outcome.prover.lies) == reasons


def test_a_slack_of_a_class_that_there_is_not_shortens_no_gradient(own: OptimumDeclared, true_columns: Columns) -> None:
    """It is no part of the sum: taken from a real one it is missing there."""
    box = filled(own.shape, true_columns)
    limb = limb_addresses(SLACK, own.relation.bits_of(SLACK))[0]
    box[limb][SPARE] = JUNK
    assert_valid(prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver))
    place = int(np.argmax(box[limb][:OUTPUTS] < 65536 - JUNK))
    box[limb][place] += JUNK
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert outcome.verdict() == "constraints" and "norm" in outcome.prover.lies
