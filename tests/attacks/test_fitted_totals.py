"""Trainings on standardised features that are false, whose totals make up for it: only their own sums are false."""

from __future__ import annotations

from typing import Any

import pytest
from zkunlearn.circuits.relations.model import INTERCEPT

from .fitted import fitted
from .harness import Columns, assert_caught, columns_of, descend, people, prove
from .one_pass_runs import moved_by
from .test_lying_scaler import scaler, standardized, sums_of, told


@pytest.fixture(scope="module")
def own() -> Any:
    return standardized()


def test_another_variance_is_rejected_by_the_sum_that_it_is_a_part_of(
    own: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The square times the spread is said to be more, by what the variance is too large."""
    data = people()
    columns = told(own, data, scaler(own, sums_of(data[0].T, own.schedule.live.mask()), V=1))
    assert_caught(prove(own.shape, columns), "variances")
    assert_caught(fitted(own.shape, columns, {"variances": "variances"}, monkeypatch), "variances")


def test_an_intercept_of_other_means_is_rejected_by_the_sum_of_means(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = people()
    columns: Columns = moved_by(columns_of(own, data, descend(own, data)), INTERCEPT, 0, 1 << 10)
    assert_caught(prove(own.shape, columns), "intercept")
    assert_caught(fitted(own.shape, columns, {"intercept": "intercept"}, monkeypatch), "intercept")
