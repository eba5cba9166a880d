"""Trainings that are false, whose totals make up for it: only their own sums are false."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations.model import INTERCEPT
from zkunlearn.models.methods.reference import exported
from zkunlearn.models.methods.standardization import sums_of

from . import harness
from .fitted import fitted
from .harness import Columns, Declared, assert_caught, columns_of, declare, descend, people, prove
from .one_pass_runs import moved_by
from .test_lying_scaler import scaler, standardized, told

Data = tuple[Any, Any]


@pytest.fixture(scope="module")
def own() -> Declared:
    return standardized()


@pytest.fixture(scope="module")
def data() -> Data:
    return people()


@pytest.fixture(scope="module")
def sums(own: Declared, data: Data) -> tuple[Any, Any]:
    """S and Q of the rows that count."""
    return sums_of(data[0].T, own.schedule.live.mask())


def only_the_sum(own: Declared, columns: Columns, total: str, equation: str, patch: pytest.MonkeyPatch) -> None:
    """An equation that is false is made true by a total, whose sum is false then."""
    assert_caught(prove(own.shape, columns), equation)
    assert_caught(fitted(own.shape, columns, {total: equation}, patch), total)


def test_a_bias_that_is_penalised_is_rejected_by_the_sum_of_what_is_not(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = declare()
    assert not own.schedule.penalize_bias
    trace = descend(own, data, schedule=replace(own.schedule, penalize_bias=True))
    only_the_sum(own, columns_of(own, data, trace), "bias decay", "gradient", monkeypatch)


def test_another_spread_is_rejected_by_the_sum_of_means(
    own: Declared, data: Data, sums: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = told(own, data, scaler(own, sums, C=1))
    only_the_sum(own, columns, "means", "moments", monkeypatch)


def test_another_variance_is_rejected_by_the_sum_that_it_is_a_part_of(
    own: Declared, data: Data, sums: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The square times the spread is said to be more, by what the variance is too large."""
    columns = told(own, data, scaler(own, sums, V=1))
    only_the_sum(own, columns, "variances", "variances", monkeypatch)


def test_scores_without_means_are_rejected_by_the_sum_of_means(
    own: Declared, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which nothing is taken off scores; all that is learnt follows from these."""

    def without_means(schedule: Any, weights: Any, own: Any) -> Any:
        biases = weights[schedule.features :] << schedule.scales.x_bits
        return np.append(exported(schedule, weights, own)[: schedule.features], biases)

    with monkeypatch.context() as patch:
        patch.setattr(harness, "exported", without_means)
        trace = descend(own, data)
    assert not np.array_equal(trace.Q, descend(own, data).Q)
    only_the_sum(own, columns_of(own, data, trace), "means of scores", "product", monkeypatch)


def test_an_intercept_of_other_means_is_rejected_by_the_sum_of_means(
    own: Declared, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = moved_by(columns_of(own, data, descend(own, data)), INTERCEPT, 0, 1 << 10)
    only_the_sum(own, columns, "intercept", "intercept", monkeypatch)
