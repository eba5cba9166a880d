"""Owners whose matrix of a class is no inverse of its second derivative, or another class's.

What one output says alone is attacked in test_lying_newton_inverse.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.newton import MATRIX
from zkunlearn.circuits.relations.newton_inverse import (
    BIAS_CURVATURE,
    BIAS_ERROR,
    BIAS_REST,
    CORNER_CURVATURE,
    CORNER_ERROR,
    CORNER_REST,
    CURVATURE,
    CURVATURE_REST,
    ERROR,
    FROM_BIAS_ERROR,
)
from zkunlearn.models.methods.newton_reference import InverseValues, inverse_in
from zkunlearn.prover.witnesses.newton import Stepped

from .harness import Columns, assert_caught, assert_valid, caught, classed, commitments, prove
from .newton_runs import (
    Data,
    Integers,
    NewtonDeclared,
    bits_of,
    committed,
    declare_inverses,
    integers,
    step_from,
    stepped,
    told,
    with_steps,
)
from .test_false_totals import totals
from .test_lying_newton_classes import ending
from .test_lying_optimum_classes import ONE, exchanged
from .test_padding_newton_classes import OF_NORM, OF_UPDATE
from .test_padding_optimum import OptimumJunkProver, filled
from .test_padding_optimum_classes import JUNK, SPARE

SUM = "lookup sum"


@pytest.fixture(scope="module")
def own() -> NewtonDeclared:
    return declare_inverses()


@pytest.fixture(scope="module")
def data() -> Data:
    return classed()


@pytest.fixture(scope="module")
def true(own: NewtonDeclared, data: Data) -> Stepped:
    return stepped(own, data)


@pytest.fixture(scope="module")
def said(own: NewtonDeclared, true: Stepped) -> Integers:
    return integers(own, true)


@pytest.fixture(scope="module")
def true_columns(own: NewtonDeclared, data: Data, true: Stepped) -> Columns:
    return told(own, data, true)


def following(own: NewtonDeclared, data: Data, true: Stepped, matrix: Any, proved: InverseValues) -> Stepped:
    """The step by other matrices, and the certificate of where it ends."""
    step = step_from(own, data, 0, true.steps[0].weights, matrix)
    return ending(own, data, step.after, with_steps(replace(true, matrix=matrix, proved=proved), step))


def proved_in(true: Stepped) -> InverseValues:
    assert true.proved is not None
    return true.proved


@pytest.mark.parametrize("changes", [{}, {"bias": False}, {"steps": 2, "model": "probit"}], ids=str)
def test_steps_by_the_inverses_of_classes_are_accepted(data: Data, changes: dict[str, Any]) -> None:
    own = declare_inverses(**changes)
    assert_valid(prove(own.shape, told(own, data, stepped(own, data))))


# Second derivatives --------------------------------------------------------------------------------------------------


def test_steps_by_the_inverse_of_another_class_are_rejected(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    """Which is one of its second derivative, and leads near enough: but that is not where its own rows are."""
    proved = proved_in(true)
    other = InverseValues(*map(exchanged, (proved.curvature, proved.rest, proved.error)))
    lie = following(own, data, true, exchanged(true.matrix), other)
    assert not np.array_equal(lie.steps[0].after, true.steps[0].after)
    caught(own, told(own, data, lie), "curvature")


@pytest.mark.parametrize(
    "names", [(CURVATURE, CURVATURE_REST), (BIAS_CURVATURE, BIAS_REST), (CORNER_CURVATURE, CORNER_REST)], ids=str
)
def test_the_second_derivative_of_another_class_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, names: tuple[Address, Address]
) -> None:
    """Each part of it by itself: it is not that of the rows, nor what the matrix is the inverse of."""
    lie = {**said, **{name: exchanged(said[name]) for name in names}}
    caught(own, committed(own, data, lie), "curvature", "inverse")


@pytest.mark.parametrize("name", [CURVATURE_REST, BIAS_REST], ids=lambda name: name.name)
def test_a_remainder_of_another_class_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, name: Address
) -> None:
    caught(own, committed(own, data, {**said, name: exchanged(said[name])}), "curvature")


# Inverses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [ERROR, BIAS_ERROR, FROM_BIAS_ERROR, CORNER_ERROR], ids=lambda name: name.name)
def test_an_error_of_another_class_is_rejected(own: NewtonDeclared, data: Data, said: Integers, name: Address) -> None:
    caught(own, committed(own, data, {**said, name: exchanged(said[name])}), "inverse")


@pytest.mark.parametrize("place", [(0, 0), (0, 3), (3, 0), (3, 3)], ids=["pair", "from bias", "of bias", "corner"])
def test_a_matrix_of_one_class_that_is_moved_with_its_step_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, place: tuple[int, int]
) -> None:
    """By a unit, in any of its parts, with the errors of before."""
    matrix = true.matrix.copy()
    matrix[(ONE, *place)] += 1
    caught(own, told(own, data, following(own, data, true, matrix, proved_in(true))), "inverse")


def test_a_matrix_of_one_class_that_is_no_inverse_has_an_error_out_of_range(
    own: NewtonDeclared, data: Data, true: Stepped
) -> None:
    """All that follows from it is true: others' are nearer than is declared, which is no excuse."""
    matrix, proved, inverse = true.matrix.copy(), proved_in(true), inverse_in(own.schedule)
    matrix[ONE] = matrix[ONE] * 101 // 100
    identity = np.eye(own.schedule.width, dtype=object) * (1 << inverse.scale)
    error = np.matmul(matrix.astype(object), proved.curvature.astype(object)) - identity
    lie = following(own, data, true, matrix, replace(proved, error=error))
    caught(own, told(own, data, lie), SUM)


# Totals, and padding -------------------------------------------------------------------------------------------------


def test_every_false_total_is_rejected(own: Any, true_columns: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, found = totals(own, true_columns, monkeypatch)
    of_inverse = {"inverse", "inverse of intercepts"}
    assert outcome.prover.lies == frozenset() and set(found) == OF_NORM | OF_UPDATE | of_inverse
    for name in sorted(of_inverse):
        outcome, _ = totals(own, true_columns, monkeypatch, name)
        assert_caught(outcome, "inverse", name)


@pytest.mark.parametrize(
    ("integer", "reasons"),
    [
        (CURVATURE, {"curvature"}),
        (BIAS_CURVATURE, {"curvature"}),
        (CORNER_CURVATURE, {"curvature"}),
        (CURVATURE_REST, {"curvature"}),
        (ERROR, {"inverse"}),
        (BIAS_ERROR, {"inverse"}),
        (FROM_BIAS_ERROR, {"inverse"}),
        (CORNER_ERROR, {"inverse"}),
        (MATRIX, set()),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_of_a_class_that_nothing_explains_is_rejected(
    own: NewtonDeclared, true_columns: Columns, integer: Address, reasons: set[str]
) -> None:
    """Its matrix moves nothing, and is the inverse of nothing."""
    outcome = proved_with(own, true_columns, {integer: JUNK})
    assert outcome.verdict() == ("constraints" if reasons else "valid")
    assert set(outcome.prover.lies) == reasons


def test_a_second_derivative_of_no_class_is_inert(own: NewtonDeclared, true_columns: Columns) -> None:
    shift = inverse_in(own.schedule).shift
    pairs = ((CURVATURE, CURVATURE_REST), (BIAS_CURVATURE, BIAS_REST), (CORNER_CURVATURE, CORNER_REST))
    junk = {name: value for cut, rest in pairs for name, value in ((cut, JUNK), (rest, -(JUNK << shift) % MODULUS))}
    assert_valid(proved_with(own, true_columns, junk))


def proved_with(own: NewtonDeclared, columns: Columns, junk: dict[Address, int]) -> Any:
    """In all cells of the class past the last."""
    box = filled(own.shape, columns)
    for integer, value in junk.items():
        box[limb_addresses(integer, bits_of(own, integer))[0]][SPARE] = value
    return prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
