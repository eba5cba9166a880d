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
from zkunlearn.circuits.relations.newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS, START
from zkunlearn.circuits.relations.newton_inverse import (
    BIAS_CURVATURE,
    BIAS_ERROR,
    BIAS_REST,
    CORNER_CURVATURE,
    CURVATURE,
    CURVATURE_REST,
    ERROR,
    FROM_BIAS_ERROR,
)
from zkunlearn.circuits.relations.newton_step import update_remainder
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.witnesses.newton import Stepped

from .harness import Columns, assert_valid, commitments, prove
from .newton_runs import (
    NewtonDeclared,
    address,
    bits_of,
    committed,
    declare_inverse,
    declare_newton,
    integers,
    stepped,
    told,
    values,
)
from .optimum_runs import FEATURES, ROWS
from .test_padding_optimum import JUNK, SPARE, OptimumJunkProver, filled
from .test_padding_optimum import with_junk as with_junk_at_the_end

START_WEIGHTS = Address(START, COEFFICIENTS.name)


RUNS = (
    declare_newton(steps=1),
    declare_newton(steps=1, bias=False),
    declare_inverse(steps=1),
    declare_inverse(steps=1, bias=False),
)
NAMES = ("any matrix", "any matrix without a bias", "the inverse", "the inverse without a bias")


@pytest.fixture(scope="module", params=RUNS, ids=NAMES)
def own(request: pytest.FixtureRequest) -> NewtonDeclared:
    found: NewtonDeclared = request.param
    return found


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
    if s.inverse is not None:
        put_curvature(own, box)
        put_errors(own, box)
    change = unit * begun - joined(own, box, WEIGHTS.weight)
    put(own, box, address(own, 0, update_remainder(WEIGHTS)), moved - (change << step.update_bits))
    X = box[data_set.FEATURES].astype(object)
    z = sum(X[k] * int(true.steps[0].weights[k]) for k in range(FEATURES)) % MODULUS
    box[address(own, 0, names.Z)][ROWS:] = z[ROWS:].astype(np.uint64)
    return box


def put_curvature(own: NewtonDeclared, box: Columns) -> None:
    """C of the spare weight, and the remainders that are left of its second derivative, whose features are junk."""
    i, s, live = inverse_in(own), own.schedule, np.flatnonzero(own.schedule.live.mask())
    X, step = box[data_set.FEATURES].astype(object), box[address(own, 0, names.STEP)].astype(object)

    def second(first: Any, other: Any) -> int:
        return (1 << s.raised) * int((step[live] * first) @ other)

    for k in range(SPARE + 1):
        for place in {(SPARE, k), (k, SPARE)}:
            put(own, box, CURVATURE, junk(), place)
            rest = second(X[place[0], live], X[place[1], live]) - (joined(own, box, CURVATURE, place) << i.shift)
            put(own, box, CURVATURE_REST, rest, place)
    if s.bias:
        put(own, box, BIAS_CURVATURE, junk())
        rest = second(X[SPARE, live], np.full(len(live), s.one, dtype=object))
        put(own, box, BIAS_REST, rest - (joined(own, box, BIAS_CURVATURE) << i.shift))


def put_errors(own: NewtonDeclared, box: Columns) -> None:
    """E of the spare weight, from P and C."""

    def entry(name: Address, place: Any) -> int:
        offset = 1 << (bits_of(own, name) - 1)
        real = all(k < FEATURES for k in (place if isinstance(place, tuple) else (place,)))
        return joined(own, box, name, place) - offset * real

    def product(left: Any, right: Any) -> int:
        """Of the line of a weight, or of the bias, and the column of another."""
        total = 0
        for m in (*range(FEATURES), *(["bias"] if own.schedule.bias else [])):
            total += entry(*PLACES[MATRIX](left, m)) * entry(*PLACES[CURVATURE](m, right))
        return total

    for k in range(SPARE + 1):
        for place in {(SPARE, k), (k, SPARE)}:
            put(own, box, ERROR, product(*place), place)
    if own.schedule.bias:
        put(own, box, BIAS_ERROR, product("bias", SPARE))
        put(own, box, FROM_BIAS_ERROR, product(SPARE, "bias"))


def _part(of_pairs: Address, of_bias: Address, from_bias: Address, corner: Address) -> Any:
    def found(left: Any, right: Any) -> tuple[Address, Any]:
        if left == "bias":
            return (corner, 0) if right == "bias" else (of_bias, right)
        return (from_bias, left) if right == "bias" else (of_pairs, (left, right))

    return found


PLACES = {
    MATRIX: _part(MATRIX, OF_BIAS, FROM_BIAS, CORNER),
    CURVATURE: _part(CURVATURE, BIAS_CURVATURE, BIAS_CURVATURE, CORNER_CURVATURE),
}


def inverse_in(own: NewtonDeclared) -> Any:
    assert own.schedule.inverse is not None
    return own.schedule.inverse


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
    if own.schedule.inverse is not None and integer in (FROM_BIAS, MATRIX) and reasons:
        reasons = {*reasons, "inverse"}
    of_step = integer in (update_remainder(WEIGHTS), WEIGHTS.cut, WEIGHTS.cut_rest, WEIGHTS.weight)
    box = filled(own.shape, true_columns)
    put(own, box, address(own, 0, integer) if of_step else integer, JUNK, place)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert set(outcome.prover.lies) == reasons
    assert outcome.verdict() == ("constraints" if reasons else "valid")


@pytest.mark.parametrize(
    ("integer", "place", "reasons"),
    [
        (CURVATURE, (SPARE, 0), {"curvature"}),
        (CURVATURE, (0, SPARE), {"curvature", "inverse"}),
        (CURVATURE_REST, (SPARE, 0), {"curvature"}),
        (ERROR, (0, SPARE), {"inverse"}),
        (BIAS_CURVATURE, SPARE, {"curvature", "inverse"}),
        (BIAS_REST, SPARE, {"curvature"}),
        (BIAS_ERROR, SPARE, {"inverse"}),
        (FROM_BIAS_ERROR, SPARE, {"inverse"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_beside_the_second_derivative_that_nothing_explains_is_rejected(
    own: NewtonDeclared, true_columns: Columns, integer: Address, place: Any, reasons: set[str]
) -> None:
    """In a line past the last of C, the product with P does not see it."""
    beside = integer not in (CURVATURE, CURVATURE_REST, ERROR)
    if own.schedule.inverse is None or (beside and not own.schedule.bias):
        return
    box = filled(own.shape, true_columns)
    put(own, box, integer, JUNK, place)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert set(outcome.prover.lies) == reasons
    assert outcome.verdict() == "constraints"


def test_errors_that_make_up_for_one_another_are_rejected(own: NewtonDeclared, true: Stepped) -> None:
    """Some more in the line of the bias, as much less in the column of it, of weights that are none as well."""
    if own.schedule.inverse is None or not own.schedule.bias:
        return
    said = integers(own, true)
    by = {BIAS_ERROR: 7, FROM_BIAS_ERROR: -7}
    box = filled(own.shape, committed(own, values(), said | {name: said[name] + more for name, more in by.items()}))
    for name, more in by.items():
        put(own, box, name, more)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert outcome.verdict() == "constraints" and set(outcome.prover.lies) == {"inverse"}
