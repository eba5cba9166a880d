"""Junk in cells that are no cells, and false totals, of Newton's steps of several classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import BIAS, WEIGHTS, Parameter
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS, START
from zkunlearn.circuits.relations.newton_step import update_remainder
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.witnesses.newton import Stepped

from .fitted import fitted
from .harness import CLASSES, Columns, assert_caught, assert_valid, classed, commitments, prove
from .newton_runs import NewtonDeclared, address, bits_of, declare_newton, stepped, told
from .optimum_runs import FEATURES, ROWS
from .test_false_totals import totals
from .test_padding import outside
from .test_padding_optimum import OptimumJunkProver, filled
from .test_padding_optimum_classes import JUNK, OUTPUTS, SPARE, sizes_of, weights_of
from .test_padding_optimum_classes import with_junk as with_junk_at_the_end

BEGUN = {WEIGHTS: Address(START, COEFFICIENTS.name), BIAS: Address(START, INTERCEPT.name)}
REAL = {MATRIX: (OUTPUTS, FEATURES, FEATURES), OF_BIAS: (OUTPUTS, FEATURES), FROM_BIAS: (OUTPUTS, FEATURES)}
REAL |= {CORNER: (OUTPUTS,)}


@pytest.fixture(scope="module")
def own() -> NewtonDeclared:
    return declare_newton(classes=CLASSES, steps=1)


@pytest.fixture(scope="module")
def true(own: NewtonDeclared) -> Stepped:
    return stepped(own, classed())


@pytest.fixture(scope="module")
def true_columns(own: NewtonDeclared, true: Stepped) -> Columns:
    return told(own, classed(), true)


def joined(own: NewtonDeclared, box: Columns, integer: Address) -> Any:
    """The integers that limbs say, from which nothing is taken off."""
    limbs = limb_addresses(integer, bits_of(own, integer))
    return sum(box[limb].astype(object) << (16 * i) for i, limb in enumerate(limbs))


def put(own: NewtonDeclared, box: Columns, integer: Address, values: Any, *sizes: int) -> None:
    """Integers modulo p where there are none, all of each in its lowest limb."""
    lowest, *others = limb_addresses(integer, bits_of(own, integer))
    spare = outside(box[lowest], *sizes)
    box[lowest] = np.where(spare, (values % MODULUS).astype(np.uint64), box[lowest])
    for limb in others:
        box[limb] = np.where(spare, 0, box[limb]).astype(np.uint64)


def junk_in(own: NewtonDeclared, box: Columns, integer: Address, *sizes: int) -> Any:
    lowest = limb_addresses(integer, bits_of(own, integer))[0]
    values = random_field(*box[lowest].shape).astype(object)
    put(own, box, integer, values, *sizes)
    return values


def before(own: NewtonDeclared, box: Columns, parameter: Parameter) -> Any:
    """W(0), or V(0), on the whole box."""
    step, name = own.schedule.steps[0], address(own, 0, parameter.weight)
    values, offset = joined(own, box, name), 1 << (bits_of(own, name) - 1)
    return (values - offset * ~outside(values, *sizes_of(parameter))) * step.units[parameter is BIAS]


def with_junk(own: Any, columns: Columns, true: Stepped) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    box, s, step = with_junk_at_the_end(own, columns), own.schedule, own.schedule.steps[0]
    for column in (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN):
        name = address(own, 0, column)
        box[name] = np.where(outside(box[name], OUTPUTS, ROWS), random_field(*box[name].shape), box[name])
    for integer, sizes in REAL.items():
        junk_in(own, box, integer, *sizes)
    live = np.flatnonzero(s.live.mask())
    edge, risen = (box[address(own, 0, name)].astype(object) for name in (names.EDGE, names.RISEN))
    r = (edge + risen - s.label_multiplier * box[data_set.LABELS].astype(object))[:, live] << s.raised
    losses = {WEIGHTS: r @ box[data_set.FEATURES].astype(object)[:, live].T, BIAS: r.sum(axis=1) * s.one}
    for parameter, loss in losses.items():
        sizes, part = sizes_of(parameter), (lambda name: address(own, 0, name))
        begun = junk_in(own, box, part(parameter.weight), *sizes)
        spare = outside(box[BEGUN[parameter]], *sizes)
        box[BEGUN[parameter]] = np.where(spare, begun.astype(np.uint64), box[BEGUN[parameter]])
        cut = junk_in(own, box, part(parameter.cut), *sizes)
        weight = before(own, box, parameter)
        put(own, box, part(parameter.cut_rest), loss + s.penalty * weight - (cut << step.shift), *sizes)
        change = (weight - weights_of(own, box, parameter)) << step.update_bits
        put(own, box, part(update_remainder(parameter)), moved(own, box, true, parameter) - change, *sizes)
    z = before(own, box, WEIGHTS)[:, :FEATURES] @ box[data_set.FEATURES].astype(object)[:FEATURES]
    z[:, :ROWS] += before(own, box, BIAS)[:, None] * s.one
    name = address(own, 0, names.Z)
    box[name] = np.where(outside(z, OUTPUTS, ROWS), (z % MODULUS).astype(np.uint64), box[name])
    return box


def moved(own: NewtonDeclared, box: Columns, true: Stepped, parameter: Parameter) -> Any:
    """By what real gradients move weights past the last feature, of real classes; of others nothing moves any."""
    if parameter is BIAS:
        return np.zeros(OUTPUTS + 1, dtype=object)
    found, cut = np.zeros((OUTPUTS + 1, FEATURES + 1), dtype=object), true.steps[0].cut.astype(object)
    matrix, from_bias = joined(own, box, MATRIX), joined(own, box, FROM_BIAS)
    for output in range(OUTPUTS):
        found[output] = matrix[output, :, :FEATURES] @ cut[output, :FEATURES] + from_bias[output] * cut[output, -1]
    return found


def test_consistent_junk_proves_the_same_model(own: NewtonDeclared, true_columns: Columns, true: Stepped) -> None:
    """A class more with a matrix of its own, which leads nowhere, and weights past the last feature."""
    box = with_junk(own, true_columns, true)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 30
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert_valid(outcome)
    assert np.array_equal(box[COEFFICIENTS][:OUTPUTS, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("integer", "reasons"),
    [
        (WEIGHTS.weight, {"step 1: starting weights", "step 1: gradient", "step 1: update", "step 1: product"}),
        (BIAS.weight, {"step 1: starting intercept", "step 1: gradient", "step 1: update", "step 1: product"}),
        (WEIGHTS.cut, {"step 1: gradient"}),
        (BIAS.cut, {"step 1: gradient"}),
        (update_remainder(WEIGHTS), {"step 1: update"}),
        (update_remainder(BIAS), {"step 1: update"}),
        (MATRIX, set()),
        (CORNER, set()),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_of_a_class_that_nothing_explains_is_rejected_and_its_matrix_moves_nothing(
    own: NewtonDeclared, true_columns: Columns, integer: Address, reasons: set[str]
) -> None:
    box = filled(own.shape, true_columns)
    name = integer if integer in REAL else address(own, 0, integer)
    box[limb_addresses(name, bits_of(own, name))[0]][SPARE] = JUNK
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert outcome.verdict() == ("constraints" if reasons else "valid")
    assert set(outcome.prover.lies) == reasons


# Totals --------------------------------------------------------------------------------------------------------------

OF_NORM = {"norm", "norm of intercepts", "slack"}
OF_UPDATE = {"step 1: update", "step 1: update from intercepts"}


def test_every_false_total_is_rejected(own: Any, true_columns: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, found = totals(own, true_columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(found) == OF_NORM | OF_UPDATE
    for name in sorted(OF_UPDATE):
        outcome, _ = totals(own, true_columns, monkeypatch, name)
        assert_caught(outcome, "step 1: update", name)


@pytest.mark.parametrize("name", sorted(OF_UPDATE))
def test_steps_that_matrices_do_not_make_are_rejected_by_their_own_sums(
    own: NewtonDeclared, true: Stepped, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matrices are zero, or what biases move is: and the total is what has to be moved."""
    matrix = true.matrix.copy()
    if name == "step 1: update":
        matrix[..., :FEATURES] = 0
    else:
        matrix[..., FEATURES] = 0
    columns = told(own, classed(), replace(true, matrix=matrix))
    assert_caught(prove(own.shape, columns), "step 1: update")
    assert_caught(fitted(own.shape, columns, {name: "step 1: update"}, monkeypatch), name)
