"""Owners whose matrix is not the inverse of the second derivative where steps begin.

A lie goes through all that follows from it: the matrix is the inverse of what is said to be the second derivative, the
error is the difference, steps are by that matrix, and the certificate is of where they end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.multilinear import eq_table
from zkunlearn.circuits.language.hidden import Hidden
from zkunlearn.circuits.language.relation import Sum
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import newton_inverse
from zkunlearn.circuits.relations import residual as rows_of
from zkunlearn.circuits.relations.iterations import eq_on
from zkunlearn.circuits.relations.newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS
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
from zkunlearn.models.methods.newton_reference import InverseValues, rounded_curvature
from zkunlearn.models.methods.newton_reference import second_derivative as second_of
from zkunlearn.models.methods.optimum_reference import first_settled, row_values
from zkunlearn.prover.matrices.values import Columns as ProverColumns
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.prover.protocol.sumcheck import sum_value
from zkunlearn.prover.witnesses.newton import Stepped
from zkunlearn.prover.witnesses.newton_search import inverse_of

from .harness import Columns, assert_caught, assert_valid, caught, prove
from .newton_runs import (
    Data,
    Integers,
    NewtonDeclared,
    address,
    committed,
    declare_inverse,
    integers,
    step_from,
    stepped,
    told,
    values,
)
from .optimum_runs import MODULUS, off

SUM = "lookup sum"
SLOW = pytest.mark.slow
K, BIAS = 4, 3


@pytest.fixture(scope="module")
def own() -> NewtonDeclared:
    return declare_inverse()


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def true(own: NewtonDeclared, data: Data) -> Stepped:
    return stepped(own, data)


@pytest.fixture(scope="module")
def said(own: NewtonDeclared, true: Stepped) -> Integers:
    return integers(own, true)


def inverse_in(own: NewtonDeclared) -> Any:
    assert own.schedule.inverse is not None
    return own.schedule.inverse


def whole(own: NewtonDeclared, data: Data) -> Any:
    """Features (N, K) as weights meet them."""
    X, s = data[0].copy(), own.schedule
    X[:, list(s.unused)] = 0
    return np.hstack([X, np.full((len(X), int(s.bias)), s.one)])


def following(own: NewtonDeclared, data: Data, true: Stepped, matrix: Any, proved: InverseValues) -> Stepped:
    """Steps by a matrix, and the certificate of where they end."""
    s, (_, y) = own.schedule, data
    weights, steps = true.steps[0].weights, []
    for number in range(len(s.steps)):
        steps.append(step_from(own, data, number, weights, matrix))
        weights = steps[-1].after
    features = whole(own, data)
    rows = row_values(features @ weights, s)
    gradient = ((features.T @ rows.residuals(y, s)) << s.raised) + s.penalty * weights
    return Stepped(rows, first_settled(weights, gradient, s), matrix, tuple(steps), proved)


def inverse_of_second(own: NewtonDeclared, data: Data, true: Stepped, second: Any) -> Stepped:
    """What an owner would prove for whom this is 2^32 H."""
    i = inverse_in(own)
    curvature, rest = rounded_curvature(second, i)
    matrix = inverse_of(curvature, i.scale)
    return following(own, data, true, matrix, proved_of(own, matrix, curvature, rest))


def proved_of(own: NewtonDeclared, matrix: Any, curvature: Any, rest: Any) -> InverseValues:
    """With the error that there is, however large: of any integers."""
    error = matrix.astype(object) @ curvature.astype(object) - np.eye(len(matrix), dtype=object) * (
        1 << inverse_in(own).scale
    )
    return InverseValues(curvature, rest, error)


def second_at(own: NewtonDeclared, data: Data, weights: Any) -> Any:
    return second_of(data[0], row_values(whole(own, data) @ weights, own.schedule), own.schedule)


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias": False},
        {"start": None, "l2": 8.0},
        {"unused": (1,), "steps": 4},
        {"unused": (2,), "steps": 4, "bias": False},
        pytest.param({"model": "probit", "steps": 3}, marks=SLOW),
        {"forgotten": tuple(range(12)), "l2": 2.0, "grid": 32},
        {"features": 1, "steps": 3},
        {"features": 1, "steps": 3, "bias": False},
    ],
    ids=str,
)
def test_steps_by_the_inverse_are_accepted(changes: dict[str, Any]) -> None:
    own = declare_inverse(**changes)
    features = own.schedule.features
    X, y = values()
    data = X[:, :features], y
    model = None if features == 3 else np.array([190, -(65 << 10)])[: own.schedule.width]
    assert_valid(prove(own.shape, told(own, data, stepped(own, data, model), model)))


@SLOW
def test_as_many_weights_as_there_may_be_are_accepted() -> None:
    choices: dict[str, Any] = {"features": 63, "rows": 200, "l2": 4.0, "grid": 28, "distances": (1 << 20,)}
    own, data = declare_inverse(start=None, steps=6, **choices), values(200, 63)
    assert own.schedule.width == 64
    assert_valid(prove(own.shape, told(own, data, stepped(own, data))))


def test_any_matrix_within_the_declared_error_is_accepted(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    """With numbers of E that are the least and the largest that there may be, or nearly."""
    i, proved = inverse_in(own), true.proved
    assert proved is not None
    most = 1 << (i.scale - i.bits)
    wanted = np.array([[-1, 1, -1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) * (most * 0.999)
    matrix = np.rint((np.eye(K) * 2.0**i.scale + wanted) @ np.linalg.inv(proved.curvature)).astype(np.int64)
    lie = following(own, data, true, matrix, proved_of(own, matrix, proved.curvature, proved.rest))
    assert lie.proved is not None and most * 0.99 < abs(lie.proved.error).min() and abs(lie.proved.error).max() < most
    assert_valid(prove(own.shape, told(own, data, lie)))


# What is no inverse ---------------------------------------------------------------------------------------------------


ENTRIES = pytest.mark.parametrize(
    ("k", "l_"), [(0, 1), (BIAS, 1), (0, BIAS), (BIAS, BIAS)], ids=["pair", "of bias", "from bias", "corner"]
)


@ENTRIES
@pytest.mark.parametrize("above", [True, pytest.param(False, marks=SLOW)])
def test_an_error_out_of_its_range_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, k: int, l_: int, above: bool
) -> None:
    """By one number, by little: all of the other numbers of E are in range."""
    i, proved = inverse_in(own), true.proved
    assert proved is not None
    most = (1 << (i.scale - i.bits)) * (1.01 if above else -1.01)
    wanted = np.zeros((K, K))
    wanted[k, l_] = most
    matrix = np.rint((np.eye(K) * 2.0**i.scale + wanted) @ np.linalg.inv(proved.curvature)).astype(np.int64)
    lie = following(own, data, true, matrix, proved_of(own, matrix, proved.curvature, proved.rest))
    assert lie.proved is not None
    beyond = abs(lie.proved.error) >= 1 << (i.scale - i.bits)
    assert beyond[k, l_] and beyond.sum() == 1
    caught(own, told(own, data, lie), SUM)


@ENTRIES
def test_a_matrix_that_is_exchanged_in_one_number_is_rejected(
    own: NewtonDeclared, said: Integers, true: Stepped, k: int, l_: int
) -> None:
    """In steps, and beside the second derivative."""
    name, place = {
        (0, 1): (MATRIX, (0, 1)), (BIAS, 1): (OF_BIAS, 1), (0, BIAS): (FROM_BIAS, 0), (BIAS, BIAS): (CORNER, 0)
    }[k, l_]  # fmt: skip
    lie = {**said, name: off(said[name], place, 1)}
    caught(own, committed(own, values(), lie), "inverse", "step 1: update", "step 2: update")


@ENTRIES
@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW)])
def test_an_error_that_is_not_what_there_is_is_rejected(
    own: NewtonDeclared, said: Integers, k: int, l_: int, by: int
) -> None:
    name, place = {
        (0, 1): (ERROR, (0, 1)), (BIAS, 1): (BIAS_ERROR, 1), (0, BIAS): (FROM_BIAS_ERROR, 0),
        (BIAS, BIAS): (CORNER_ERROR, 0),
    }[k, l_]  # fmt: skip
    caught(own, committed(own, values(), {**said, name: off(said[name], place, by)}), "inverse")


def test_steps_by_another_matrix_than_the_inverse_are_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, said: Integers
) -> None:
    """Twice as long; the inverse itself stays committed."""
    assert true.proved is not None
    lie = following(own, data, true, true.matrix * 2, true.proved)
    assert not np.array_equal(lie.settled.weights, true.settled.weights)
    told_ = integers(own, lie) | {name: said[name] for name in (MATRIX, OF_BIAS, FROM_BIAS, CORNER)}
    caught(own, committed(own, data, told_), "step 1: update", "step 2: update")


def test_the_inverse_at_another_scale_is_rejected(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    """Twice, with an error that is that from twice the identity."""
    proved = true.proved
    assert proved is not None
    error = 2 * proved.error
    lie = following(own, data, true, 2 * true.matrix, replace(proved, error=error))
    caught(own, told(own, data, lie), "inverse")


def test_a_matrix_that_leads_where_its_owner_likes_is_rejected(own: NewtonDeclared, data: Data, true: Stepped) -> None:
    """Of rank one, from the first step's gradient to the optimum: what is any matrix's to do without `inverse`."""
    proved, first = true.proved, true.steps[0]
    assert proved is not None
    wanted = (first.weights - true.settled.weights).astype(object) << own.schedule.steps[0].update_bits
    cut = first.cut.astype(object)
    matrix = np.array([[int(w * g // int(cut @ cut)) for g in cut] for w in wanted], dtype=np.int64)
    lie = following(own, data, true, matrix, proved_of(own, matrix, proved.curvature, proved.rest))
    caught(own, told(own, data, lie), SUM)


def test_the_product_of_another_matrix_is_rejected_by_its_sum_alone(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps are by twice the inverse, which is committed; the total that is sent is that of the inverse."""
    own = declare_inverse(bias=False)
    true = stepped(own, data)
    assert true.proved is not None
    columns = told(own, data, following(own, data, true, 2 * true.matrix, true.proved))
    honest = told(own, data, true)
    limbs = limb_addresses(MATRIX, own.schedule.matrix_bits)

    class Lying(ProverSteps):
        def total(self, statement: Sum) -> Hidden:
            if statement.name != "inverse":
                return super().total(statement)
            other = ProverColumns(self.columns.axes, {**self.columns.values, **{limb: honest[limb] for limb in limbs}})
            return self.channel.send([sum_value(statement, other)])[0]

    monkeypatch.setattr(prover_protocol, "ProverSteps", Lying)
    outcome = prove(own.shape, columns)
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {"inverse"}


# What is no second derivative -----------------------------------------------------------------------------------------


PARTS = pytest.mark.parametrize(
    ("cut", "rest", "place"),
    [
        (CURVATURE, CURVATURE_REST, (0, 1)), (CURVATURE, CURVATURE_REST, (2, 2)), (BIAS_CURVATURE, BIAS_REST, 1),
        (CORNER_CURVATURE, CORNER_REST, 0),
    ],
    ids=["pair", "diagonal", "with bias", "corner"],
)  # fmt: skip


def other_curvature(own: NewtonDeclared, data: Data, true: Stepped, said: Integers, lie: Integers) -> Integers:
    """With all that follows from a curvature and remainders that are as said: its inverse, and steps by that."""
    curvature = np.zeros((K, K), dtype=object)
    curvature[:BIAS, :BIAS] = lie[CURVATURE]
    curvature[BIAS, :BIAS] = curvature[:BIAS, BIAS] = lie[BIAS_CURVATURE]
    curvature[BIAS:, BIAS] = lie[CORNER_CURVATURE]
    matrix = inverse_of(curvature.astype(np.int64), inverse_in(own).scale)
    assert true.proved is not None
    proved = proved_of(own, matrix, curvature, true.proved.rest)
    found = integers(own, following(own, data, true, matrix, proved))
    names = (CURVATURE, CURVATURE_REST, BIAS_CURVATURE, BIAS_REST, CORNER_CURVATURE, CORNER_REST)
    return found | {name: lie[name] for name in names}


@PARTS
@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW)])
def test_a_curvature_that_is_rounded_differently_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, said: Integers, cut: Any, rest: Any, place: Any, by: int
) -> None:
    """Its remainder says so, and is out of range; for a pair it is no longer symmetric, either."""
    by_rest = -by << inverse_in(own).shift
    lie = {**said, cut: off(said[cut], place, by), rest: off(said[rest], place, by_rest)}
    caught(own, committed(own, data, other_curvature(own, data, true, said, lie)), SUM)


@PARTS
def test_a_curvature_that_any_remainder_would_leave_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, said: Integers, cut: Any, rest: Any, place: Any
) -> None:
    """A large one more, and the remainder that fits modulo p."""
    by = 1 << 24
    lie = {**said, cut: off(said[cut], place, by)}
    lie[rest] = off(said[rest], place, -by << inverse_in(own).shift) % MODULUS
    caught(own, committed(own, data, other_curvature(own, data, true, said, lie)), SUM)


@PARTS
def test_a_curvature_with_another_remainder_is_rejected(
    own: NewtonDeclared, data: Data, said: Integers, cut: Any, rest: Any, place: Any
) -> None:
    by = -1 if said[rest][place] else 1
    caught(own, committed(own, data, {**said, rest: off(said[rest], place, by)}), "curvature")


def test_a_curvature_that_is_not_symmetric_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, said: Integers
) -> None:
    lie = {**said, CURVATURE: off(said[CURVATURE], (0, 1), 1)}
    caught(own, committed(own, data, other_curvature(own, data, true, said, lie)), "curvature")


def summed(own: NewtonDeclared, step: Any, features: Any, other: Any = None, penalty: int | None = None) -> Any:
    s = own.schedule
    left, right = features.astype(object), (features if other is None else other).astype(object)
    c = s.penalty if penalty is None else penalty
    return (left * step.astype(object)[:, None]).T @ right * (1 << s.raised) + np.eye(s.width, dtype=object) * (c << 32)


def without(step: Any, row: int) -> Any:
    other = step.copy()
    other[row] = 0
    return other


SECONDS: dict[str, Callable[[NewtonDeclared, Any, Any], Any]] = {
    "with a forgotten row": lambda own, step, X: summed(own, off(step, 2, 60000), X),
    "without a row that counts": lambda own, step, X: summed(own, without(step, 0), X),
    "with a row twice": lambda own, step, X: summed(own, off(step, 0, step[0]), X),
    "the step of another row": lambda own, step, X: summed(own, np.roll(step, 1), X),
    "the step of the next cell": lambda own, step, X: summed(own, off(step, 1, 40), X),
    "with half of the penalty": lambda own, step, X: summed(own, step, X, penalty=own.schedule.penalty // 2),
    "the penalty of other rows": lambda own, step, X: summed(own, step, X, penalty=own.schedule.penalty + 1),
    "a bias of one": lambda own, step, X: summed(own, step, np.hstack([X[:, :3], np.ones((len(X), 1), dtype=int)])),
    "a bias that is not penalised": lambda own, step, X: (
        summed(own, step, X) - np.diag(np.array([0, 0, 0, own.schedule.penalty << 32], dtype=object))
    ),
    "with another feature": lambda own, step, X: summed(own, step, X[:, [1, 0, 2, 3]]),
    "of half the sum": lambda own, step, X: summed(own, step // 2, X),
}


@pytest.mark.parametrize("name", SECONDS)
def test_a_second_derivative_of_something_else_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, name: str
) -> None:
    features = whole(own, data)
    start = row_values(features @ true.steps[0].weights, own.schedule)
    step = np.where(own.schedule.live.mask(), start.step, 0)
    second = SECONDS[name](own, step, features)
    assert true.proved is not None and not np.array_equal(second, summed(own, step, features))
    lie = inverse_of_second(own, data, true, second)
    caught(own, told(own, data, lie), "curvature")


@pytest.mark.parametrize("number", [0, 1, 2], ids=["zero", "after a step", "the optimum"])
def test_the_inverse_of_another_start_is_rejected(own: NewtonDeclared, data: Data, true: Stepped, number: int) -> None:
    """Of zero weights, of where the first step ends, or the last."""
    weights = [np.zeros(K, dtype=np.int64), true.steps[1].weights, true.settled.weights][number]
    lie = inverse_of_second(own, data, true, second_at(own, data, weights))
    caught(own, told(own, data, lie), "curvature")


def left_out(own: NewtonDeclared, data: Data, true: Stepped, first: bool, second: bool) -> Columns:
    """With features that are left out in the sum over rows, as the first of two weights, or the second."""
    features = np.hstack([data[0], np.full((len(data[0]), int(own.schedule.bias)), own.schedule.one)])
    used = whole(own, data)
    step = row_values(used @ true.steps[0].weights, own.schedule).step
    second_ = summed(own, step, features if first else used, features if second else used)
    return told(own, data, inverse_of_second(own, data, true, second_))


def test_a_feature_that_is_left_out_has_no_curvature_but_the_penalty(data: Data) -> None:
    own = declare_inverse(unused=(1,), steps=4)
    caught(own, left_out(own, data, stepped(own, data), True, True), "curvature")


@pytest.mark.parametrize("place", [0, 1], ids=["first", "second"])
def test_sums_over_all_features_are_rejected_by_sums_of_their_own(
    data: Data, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the first of two weights, or the second: where that sum over rows is of all, what its values are claims of."""
    own = declare_inverse(unused=(1,), steps=4, bias=False)
    columns = left_out(own, data, stepped(own, data), place == 0, place == 1)
    asked = cycle([0, 1])

    def of_all(k: Any, size: int, without: Any = ()) -> Any:
        found = eq_on(k, size, without)
        if without and next(asked) == place:
            return replace(found, table=lambda: eq_table(k)[:, :size])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(newton_inverse, "eq_on", of_all)
        outcome = prove(own.shape, columns)
    assert_caught(outcome, "used features")


def test_a_step_of_the_table_that_is_another_cell_s_is_rejected(
    own: NewtonDeclared, data: Data, true: Stepped, said: Integers
) -> None:
    """In the column itself, of a row that counts, with the second derivative and the product that it would have."""
    name, product = (address(own, 0, each) for each in (rows_of.STEP, rows_of.PRODUCT))
    row = 0
    lie = {**said, name: off(said[name], row, 1)}
    lie[product] = off(said[product], row, said[address(own, 0, rows_of.MIDDLE)][row])
    second = summed(own, np.where(own.schedule.live.mask(), lie[name], 0), whole(own, data))
    other = integers(own, inverse_of_second(own, data, true, second))
    caught(own, committed(own, data, other | {name: lie[name], product: lie[product]}), SUM)
