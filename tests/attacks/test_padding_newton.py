"""Junk in cells that are no cells, of Newton's steps: inert, or not to be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import WEIGHTS
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.circuits.relations.newton import FROM_BIAS, MATRIX, OF_BIAS, START
from zkunlearn.circuits.relations.newton_step import update_remainder
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.witnesses.newton import Stepped

from .harness import Columns, assert_valid, commitments, prove
from .newton_runs import NewtonDeclared, address, bits_of, declare_newton, stepped, told, values
from .optimum_runs import FEATURES, ROWS
from .test_padding_optimum import JUNK, SPARE, OptimumJunkProver, filled
from .test_padding_optimum import with_junk as with_junk_at_the_end

START_WEIGHTS = Address(START, COEFFICIENTS.name)


@pytest.fixture(scope="module", params=[{"steps": 1}, {"steps": 1, "bias": False}], ids=str)
def own(request: pytest.FixtureRequest) -> NewtonDeclared:
    return declare_newton(**request.param)


@pytest.fixture(scope="module")
def true(own: NewtonDeclared) -> Stepped:
    return stepped(own, values())


@pytest.fixture(scope="module")
def true_columns(own: NewtonDeclared, true: Stepped) -> Columns:
    return told(own, values(), true)


def joined(own: NewtonDeclared, box: Columns, integer: Address, place: Any = SPARE) -> int:
    """The integer that limbs say in padding, where nothing is taken off. Modulo p."""
    limbs = limb_addresses(integer, bits_of(own, integer))
    return sum(int(box[limb][place]) << (16 * i) for i, limb in enumerate(limbs)) % MODULUS


def put(own: NewtonDeclared, box: Columns, integer: Address, value: int, place: Any = SPARE) -> None:
    """An integer modulo p at a place in the padding, all of it in its lowest limb."""
    lowest, *others = limb_addresses(integer, bits_of(own, integer))
    box[lowest][place] = value % MODULUS
    for limb in others:
        box[limb][place] = 0


def junk() -> int:
    return int(random_field(1)[0])


def with_junk(own: NewtonDeclared, columns: Columns, true: Stepped) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    box, step, s = with_junk_at_the_end(own, columns), own.schedule.steps[0], own.schedule
    for column in (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN):
        name = address(own, 0, column)
        box[name][ROWS:] = random_field(box[name].size - ROWS)
    weight, cut, rest = (address(own, 0, name) for name in (WEIGHTS.weight, WEIGHTS.cut, WEIGHTS.cut_rest))
    begun, gamma, unit = junk(), junk(), step.units[0]
    put(own, box, weight, begun)
    box[START_WEIGHTS][0, SPARE] = begun
    put(own, box, cut, gamma)
    put(own, box, rest, loss(own, box) + s.penalty * unit * begun - (gamma << step.shift))
    moved = 0
    for place in range(SPARE + 1):
        put(own, box, MATRIX, junk(), (SPARE, place))
        put(own, box, MATRIX, junk(), (place, SPARE))
    for source in range(FEATURES):
        moved += joined(own, box, MATRIX, (SPARE, source)) * int(true.steps[0].cut[source])
    if s.bias:
        put(own, box, OF_BIAS, junk())
        put(own, box, FROM_BIAS, junk())
        moved += joined(own, box, FROM_BIAS) * int(true.steps[0].cut[FEATURES])
    change = unit * begun - joined(own, box, WEIGHTS.weight)
    put(own, box, address(own, 0, update_remainder(WEIGHTS)), moved - (change << step.update_bits))
    X = box[data_set.FEATURES].astype(object)
    z = sum(X[k] * int(true.steps[0].weights[k]) for k in range(FEATURES)) % MODULUS
    box[address(own, 0, names.Z)][ROWS:] = z[ROWS:].astype(np.uint64)
    return box


def loss(own: NewtonDeclared, box: Columns) -> int:
    """Of the spare weight, whose features are junk on rows that count."""
    s, live = own.schedule, np.flatnonzero(own.schedule.live.mask())
    edge, risen = (box[address(own, 0, name)].astype(object) for name in (names.EDGE, names.RISEN))
    r = ((edge + risen)[live] - s.label_multiplier * box[data_set.LABELS].astype(object)[0, live]) % MODULUS
    return (1 << s.raised) * int(box[data_set.FEATURES].astype(object)[SPARE, live] @ r)


def test_consistent_junk_proves_the_same_model(own: NewtonDeclared, true_columns: Columns, true: Stepped) -> None:
    box = with_junk(own, true_columns, true)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 20
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert_valid(outcome)
    assert np.array_equal(box[COEFFICIENTS][:, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("integer", "place", "reasons"),
    [
        (MATRIX, (SPARE, 0), {"step 1: update"}),
        (MATRIX, (0, SPARE), set()),
        (update_remainder(WEIGHTS), SPARE, {"step 1: update"}),
        (WEIGHTS.cut, SPARE, {"step 1: gradient"}),
        (WEIGHTS.cut_rest, SPARE, {"step 1: gradient"}),
        (WEIGHTS.weight, SPARE, {"step 1: starting weights", "step 1: gradient", "step 1: update"}),
        (FROM_BIAS, SPARE, {"step 1: update"}),
        (OF_BIAS, SPARE, set()),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_that_nothing_explains_is_rejected_where_it_is_read(
    own: NewtonDeclared, true_columns: Columns, integer: Address, place: Any, reasons: set[str]
) -> None:
    """Past the last source it is not."""
    if not own.schedule.bias and integer in (FROM_BIAS, OF_BIAS):
        return
    of_step = integer in (update_remainder(WEIGHTS), WEIGHTS.cut, WEIGHTS.cut_rest, WEIGHTS.weight)
    box = filled(own.shape, true_columns)
    put(own, box, address(own, 0, integer) if of_step else integer, JUNK, place)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert set(outcome.prover.lies) == reasons
    assert outcome.verdict() == ("constraints" if reasons else "valid")
