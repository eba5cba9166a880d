"""One-pass trainings that are false, and say so in nothing but one sum that goes with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from zkunlearn.circuits.relations.dataset import FEATURES
from zkunlearn.circuits.relations.model import INTERCEPT
from zkunlearn.models.runs import Runs

from .fitted import fitted
from .harness import assert_caught, prove
from .one_pass_runs import EPOCHS, Data, OnePassDeclared, declare_one_pass, moved_by, solved, told, values
from .scalers import FEATURE


@pytest.fixture(scope="module")
def own() -> OnePassDeclared:
    return declare_one_pass(standardize=True)


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


def test_an_intercept_of_other_means_is_rejected_by_the_sum_of_means(
    own: OnePassDeclared, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = moved_by(told(own, data, solved(own, data)), INTERCEPT, 0, 1 << 10)
    assert_caught(prove(own.shape, columns), "intercept")
    assert_caught(fitted(own.shape, columns, {"intercept": "intercept"}, monkeypatch), "intercept")


def test_features_of_each_other_s_rows_are_rejected_where_they_are_scaled(own: OnePassDeclared, data: Data) -> None:
    """Of two rows that count: with the same moments, so that nothing else asks whose they are."""
    first, second = np.flatnonzero(own.schedule.live.mask())[:2]
    exchanged = data[0].copy()
    exchanged[[first, second], FEATURE] = exchanged[[second, first], FEATURE]
    lie, true = solved(own, (exchanged, data[1])), solved(own, data)
    assert not np.array_equal(lie.weights, true.weights)
    columns = told(own, (exchanged, data[1]), lie)
    committed = told(own, data, true)
    assert_caught(prove(own.shape, columns | {FEATURES: committed[FEATURES]}), "scaled features")


@pytest.mark.parametrize("standardize", [False, True], ids=["raw", "standardized"])
@pytest.mark.parametrize("total", ["update", "iterations"])
def test_steps_without_momentum_are_rejected_by_the_sum_that_they_go_with(
    data: Data, standardize: bool, total: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By that of changes of weights, or of biases over all steps: whichever is said to make up for it."""
    own = declare_one_pass(standardize=standardize)
    lie = solved(own, data, schedule=replace(own.schedule, m_epoch=Runs.of([(0, EPOCHS)])))
    columns = told(own, data, lie)
    assert_caught(prove(own.shape, columns), "parts")
    assert_caught(fitted(own.shape, columns, {total: "parts"}, monkeypatch), total)
