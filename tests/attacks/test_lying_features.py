"""Features that are said to be left out, and are trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from zkunlearn.circuits.field.multilinear import eq_table
from zkunlearn.circuits.relations import gradient_descent
from zkunlearn.circuits.relations import one_pass as relation_of_one_pass
from zkunlearn.circuits.relations.iterations import eq_on
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.models.methods.standardization import Scaler, scaler_of, sums_of
from zkunlearn.models.spec import TrainingSpec

from .harness import FEATURES, Declared, assert_caught, columns_of, declare, descend, prove
from .one_pass_runs import OnePassDeclared, declare_one_pass, solved, told, values

NAMES = ("height", "girth", "age")
OUT = 1


def leaving(*names: str, **changes: Any) -> Declared:
    """The declared training, without these features."""
    own = declare(learning_rate=1.0, **changes)
    spec = TrainingSpec(model=own.spec.model, method=own.spec.method, without=names, fixed_point=own.spec.fixed_point)
    return Declared(spec, replace(own.data, names=NAMES).without(spec.without), own.forgotten)


@pytest.mark.parametrize("changes", [{}, {"standardize": True}, {"bias": False}, {"batch_size": None, "l2": 0.0}])
def test_a_feature_that_is_left_out_is_accepted_without_a_weight(data: Any, changes: dict[str, Any]) -> None:
    own = leaving("girth", **changes)
    columns = columns_of(own, data, descend(own, data))
    assert prove(own.shape, columns).verdict() == "valid"
    weights = columns[COEFFICIENTS][0]
    assert weights[OUT] == 0 and all(weights[k] for k in range(FEATURES) if k != OUT)


@pytest.mark.parametrize("names", [(), ("age",), ("age", "girth")], ids=["none", "another", "one more"])
def test_other_features_left_out_than_declared_are_rejected(data: Any, names: tuple[str, ...]) -> None:
    own, other = leaving("girth"), leaving(*names)
    trace = descend(own, data, schedule=replace(own.schedule, unused=other.schedule.unused))
    assert_caught(prove(own.shape, columns_of(own, data, trace)), "gradient")


def test_gradients_of_all_features_are_rejected_by_their_own_sum(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sum over rows is told of features is that of all of them, which only one more sum can notice."""
    own = leaving("girth")
    trace = descend(own, data, schedule=replace(own.schedule, unused=()))

    def of_all(k: Any, size: int, without: Any = ()) -> Any:
        return replace(eq_on(k, size, without), table=lambda: eq_table(k)[:, :size])

    with monkeypatch.context() as patch:
        patch.setattr(gradient_descent, "eq_on", of_all)
        outcome = prove(own.shape, columns_of(own, data, trace))
    assert_caught(outcome, "used features")


def scaler_with(own: Declared, data: Any, unused: tuple[int, ...]) -> Scaler:
    """Standardised features, of which others are left out than is declared."""
    public = own.schedule.standardization
    assert public is not None
    counted = own.schedule.live.mask()
    return scaler_of(replace(public, unused=unused), *sums_of(data[0].T, counted))


@pytest.mark.parametrize("unused", [(), (2,), (1, 2)], ids=["none", "another", "one more"])
def test_other_standardised_features_left_out_than_declared_are_rejected(data: Any, unused: tuple[int, ...]) -> None:
    own = leaving("girth", standardize=True)
    lie = scaler_with(own, data, unused)
    trace = descend(own, data, scaler=lie, schedule=replace(own.schedule, unused=unused))
    assert_caught(prove(own.shape, columns_of(own, data, trace)), "moments", "rates")


def test_a_rate_for_a_standardised_feature_that_is_left_out_is_rejected(data: Any) -> None:
    """Its mean and its spread are those of zeros, and yet it is learnt from, if slowly."""
    own = leaving("girth", standardize=True, batch_size=None, epochs=1)  # a second score would leave the table
    true = scaler_with(own, data, (OUT,))
    rates = true.D.copy()
    rates[OUT] += 1
    assert rates[OUT] == 1
    learnt = replace(own.schedule, unused=())
    trace = descend(own, data, scaler=replace(true, D=rates), schedule=learnt)
    assert_caught(prove(own.shape, columns_of(own, data, trace)), "rates")


# One pass ------------------------------------------------------------------------------------------------------------


def one_pass_leaving(names: tuple[str, ...], **changes: Any) -> OnePassDeclared:
    """The one-pass training, without these features."""
    own = declare_one_pass(**changes)
    spec = own.spec.leaving_out(names)
    return OnePassDeclared(spec, replace(own.data, names=NAMES).without(spec.without), own.forgotten)


@pytest.mark.parametrize("changes", [{}, {"standardize": True}, {"bias": False}, {"standardize": True, "l2": 0.0}])
def test_one_pass_without_a_feature_is_accepted_and_gives_it_no_weight(changes: dict[str, Any]) -> None:
    own, rows = one_pass_leaving(("girth",), **changes), values()
    columns = told(own, rows, solved(own, rows))
    assert prove(own.shape, columns).verdict() == "valid"
    assert columns[COEFFICIENTS][0, OUT] == 0 and all(columns[COEFFICIENTS][0, k] for k in (0, 2))


@pytest.mark.parametrize("standardize", [False, True])
def test_one_pass_over_a_feature_that_is_left_out_is_rejected(standardize: bool) -> None:
    own, rows = one_pass_leaving(("girth",), standardize=standardize), values()
    other = one_pass_leaving((), standardize=standardize)
    outcome = prove(own.shape, told(own, rows, solved(other, rows)))
    assert outcome.verdict() == "constraints"
    expected = {"moments", "centred sums"} if standardize else {"moments of products"}
    assert set(outcome.prover.lies) == expected


def test_products_of_all_features_are_rejected_by_their_own_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    own, rows = one_pass_leaving(("girth",)), values()

    def of_all(k: Any, size: int, without: Any = ()) -> Any:
        return replace(eq_on(k, size, without), table=lambda: eq_table(k)[:, :size])

    with monkeypatch.context() as patch:
        patch.setattr(relation_of_one_pass, "eq_on", of_all)
        outcome = prove(own.shape, told(own, rows, solved(one_pass_leaving(()), rows)))
    assert_caught(outcome, "used features")
