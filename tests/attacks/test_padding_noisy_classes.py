"""Junk in cells that are no cells, and false totals, of noisy optima of several classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import SLACK
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.noise import NOISY_BIAS, NOISY_WEIGHTS, NoisyParameter
from zkunlearn.prover.matrices.entropy import random_field

from .harness import CLASSES, Columns, assert_caught, assert_valid, classed, commitments, prove
from .noisy_runs import NoisyDeclared, declare_noisy, found, told
from .optimum_runs import FEATURES, ROWS, inverse
from .test_false_totals import totals
from .test_padding import outside
from .test_padding_optimum import OptimumJunkProver, filled

OUTPUTS = len(CLASSES)
SPARE = OUTPUTS  # the class past the last, in the padding
JUNK = 5


@pytest.fixture(scope="module")
def own() -> Any:
    """What the tools of certified optima take, too."""
    return declare_noisy(classes=CLASSES)


@pytest.fixture(scope="module")
def true_columns(own: NoisyDeclared) -> Columns:
    return told(own, classed(), found(classed(), own.schedule))


def sizes_of(parameter: NoisyParameter) -> tuple[int, ...]:
    """Outputs and weights that there are."""
    return (OUTPUTS, FEATURES) if parameter is NOISY_WEIGHTS else (OUTPUTS,)


def joined(own: Any, box: Columns, integer: Address) -> Any:
    """The integers that limbs say, from which nothing is taken off."""
    limbs = limb_addresses(integer, own.relation.bits_of(integer))
    return sum(box[limb].astype(object) << (16 * i) for i, limb in enumerate(limbs))


def put(own: Any, box: Columns, integer: Address, values: Any, parameter: NoisyParameter) -> None:
    """Integers modulo p where there are none, all of each in its lowest limb."""
    lowest, *others = limb_addresses(integer, own.relation.bits_of(integer))
    place(box, lowest, values, parameter)
    for limb in others:
        box[limb] = np.where(outside(box[limb], *sizes_of(parameter)), 0, box[limb]).astype(np.uint64)


def place(box: Columns, column: Address, values: Any, parameter: NoisyParameter) -> None:
    """The same of a column that has no limbs."""
    spare = outside(box[column], *sizes_of(parameter))
    box[column] = np.where(spare, (values % MODULUS).astype(np.uint64), box[column])


def junk_like(box: Columns, column: Address) -> Any:
    return random_field(*box[column].shape).astype(object)


def weights_of(own: Any, box: Columns, parameter: NoisyParameter) -> Any:
    """W, or V, on its whole box."""
    values, offset = joined(own, box, parameter.weight), 1 << (own.schedule.weight_bits - 1)
    return values - offset * ~outside(values, *sizes_of(parameter))


def with_junk(own: Any, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    box = filled(own.shape, columns)
    for column, real in [
        (data_set.FEATURES, (FEATURES, ROWS)),
        (data_set.LABELS, (OUTPUTS, ROWS)),
        *((column, (OUTPUTS, ROWS)) for column in (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN)),
        *((limb, (OUTPUTS,)) for limb in limb_addresses(SLACK, own.relation.bits_of(SLACK))),
    ]:
        box[column] = np.where(outside(box[column], *real), random_field(*box[column].shape), box[column])
    for parameter, gradient in zip((NOISY_WEIGHTS, NOISY_BIAS), gradients(own, box), strict=True):
        put_noise(own, box, parameter)
        put_what_follows(own, box, parameter, gradient)
    weights = weights_of(own, box, NOISY_WEIGHTS)[:, :FEATURES]
    z = weights @ box[data_set.FEATURES].astype(object)[:FEATURES]
    z[:, :ROWS] += weights_of(own, box, NOISY_BIAS)[:, None] * own.schedule.one
    box[names.Z] = np.where(outside(z, OUTPUTS, ROWS), (z % MODULUS).astype(np.uint64), box[names.Z])
    return box


def gradients(own: Any, box: Columns) -> tuple[Any, Any]:
    """Of weights and biases on whole boxes, without the penalty."""
    s, live = own.schedule, np.flatnonzero(own.schedule.live.mask())
    risen = box[names.EDGE].astype(object) + box[names.RISEN].astype(object)
    r = (risen - s.label_multiplier * box[data_set.LABELS].astype(object))[:, live] << s.raised
    return r @ box[data_set.FEATURES].astype(object)[:, live].T, r.sum(axis=1) * s.one


def put_noise(own: Any, box: Columns, parameter: NoisyParameter) -> None:
    """Coins, a carry and a cell of no noise that there is: no pad is drawn for them."""
    for integer in (parameter.weight, parameter.cut, parameter.coins, parameter.carry, parameter.below, parameter.rest):
        lowest = limb_addresses(integer, own.relation.bits_of(integer))[0]
        put(own, box, integer, junk_like(box, lowest), parameter)
    for column in (parameter.noise, parameter.low):
        place(box, column, junk_like(box, column), parameter)
    drawn = joined(own, box, parameter.coins) - (joined(own, box, parameter.carry) << 62)
    put(own, box, parameter.above, drawn - box[parameter.low].astype(object), parameter)
    place(box, parameter.high, drawn + joined(own, box, parameter.below), parameter)


def put_what_follows(own: Any, box: Columns, parameter: NoisyParameter, of_loss: Any) -> None:
    s, weight = own.schedule, weights_of(own, box, parameter)
    rest = of_loss + s.penalty * weight - (joined(own, box, parameter.cut) << s.shift)
    put(own, box, parameter.cut_rest, rest, parameter)
    model = (weight - joined(own, box, parameter.rest)) * inverse(1 << s.grid) % MODULUS
    put(own, box, parameter.model, model, parameter)
    published, unit = (COEFFICIENTS, 1) if parameter is NOISY_WEIGHTS else (INTERCEPT, s.one)
    place(box, published, (model + box[parameter.noise].astype(object)) * unit, parameter)


def test_consistent_junk_proves_the_same_model(own: Any, true_columns: Columns) -> None:
    """A class more, with wide cells and a long gradient, which nothing counts."""
    box = with_junk(own, true_columns)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 30
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert_valid(outcome)
    assert np.array_equal(box[COEFFICIENTS][:OUTPUTS, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (NOISY_WEIGHTS.weight, {"gradient", "rounding", "product"}),
        (NOISY_WEIGHTS.coins, {"coins"}),
        (NOISY_WEIGHTS.carry, {"coins"}),
        (NOISY_WEIGHTS.above, {"coins", "cell"}),
        (NOISY_WEIGHTS.noise, {"model"}),
        (NOISY_BIAS.weight, {"gradient", "rounding", "product"}),
        (NOISY_BIAS.coins, {"coins"}),
        (NOISY_BIAS.high, {"cell"}),
        (NOISY_BIAS.rest, {"rounding"}),
        (NOISY_BIAS.model, {"intercept", "rounding"}),
    ],
    ids=lambda value: f"{value.matrix} {value.name}" if isinstance(value, Address) else "",
)
def test_junk_of_a_class_that_nothing_explains_is_rejected(
    own: Any, true_columns: Columns, column: Address, reasons: set[str]
) -> None:
    box = filled(own.shape, true_columns)
    place_in = column if column in box else limb_addresses(column, own.relation.bits_of(column))[0]
    box[place_in][SPARE] = JUNK
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert outcome.verdict() == "constraints"
    assert set(outcome.prover.lies) == reasons


def test_every_false_total_is_rejected(own: Any, true_columns: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, names_of_totals = totals(own, true_columns, monkeypatch)
    assert outcome.prover.lies == frozenset()
    assert set(names_of_totals) == {"norm", "norm of intercepts", "slack"}
    for name in set(names_of_totals):
        outcome, _ = totals(own, true_columns, monkeypatch, name)
        assert_caught(outcome, "norm", name)
