"""Features that are said to be left out, and are trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from zkunlearn.circuits.field.multilinear import eq_table
from zkunlearn.circuits.relations import gradient_descent
from zkunlearn.circuits.relations.iterations import used_features
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.models.methods.standardization import Scaler, scaler_of, sums_of
from zkunlearn.models.spec import TrainingSpec

from .harness import FEATURES, Declared, assert_caught, columns_of, declare, descend, prove

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

    def of_all(schedule: Any, k: Any) -> Any:
        return replace(used_features(schedule, k), table=lambda: eq_table(k)[:, : schedule.features])

    with monkeypatch.context() as patch:
        patch.setattr(gradient_descent, "used_features", of_all)
        outcome = prove(own.shape, columns_of(own, data, trace))
    assert_caught(outcome, "used features")


def scaler_with(own: Declared, data: Any, unused: tuple[int, ...]) -> Scaler:
    """Standardised features, of which others are left out than is declared."""
    public = own.schedule.standardization
    assert public is not None
    counted = own.schedule.live.mask()
    return scaler_of(replace(public, unused=unused), *sums_of(data[0].T, counted))


@pytest.mark.parametrize("unused", [(), (2,), (1, 2)], ids=["none", "another", "one more"])
def test_a_rate_for_a_standardised_feature_that_is_left_out_is_rejected(data: Any, unused: tuple[int, ...]) -> None:
    own = leaving("girth", standardize=True)
    lie = scaler_with(own, data, unused)
    trace = descend(own, data, scaler=lie, schedule=replace(own.schedule, unused=unused))
    assert_caught(prove(own.shape, columns_of(own, data, trace)), "rates")
