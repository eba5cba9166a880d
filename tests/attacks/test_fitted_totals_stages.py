"""Stages on standardised features that begin or end elsewhere, whose sums of means are said to make up for it."""

from __future__ import annotations

import numpy as np
import pytest
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.model import INTERCEPT
from zkunlearn.circuits.relations.standardized_stage import BIAS_REST

from .fitted import fitted
from .harness import Columns, assert_caught, prove, recount
from .one_pass_runs import moved_by
from .sisa_runs import Data, SisaDeclared, Traces, column, declare_standardized, of_part, told, trained, values
from .sisa_runs import lying as false_columns
from .test_lying_starts import rounded

PLACE = (1, 2)


@pytest.fixture(scope="module")
def own() -> SisaDeclared:
    """Two stages of all shards."""
    return declare_standardized()


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def honest(own: SisaDeclared, data: Data) -> Traces:
    return trained(own, data)


@pytest.fixture(scope="module")
def true(own: SisaDeclared, data: Data, honest: Traces) -> Columns:
    return told(own, data, honest)


def fitted_in_part(own: SisaDeclared, columns: Columns, total: str, equation: str, patch: pytest.MonkeyPatch) -> None:
    """It is rejected by the sum alone."""
    name, check = of_part(own, 2, total, equation)
    assert_caught(prove(own.shape, columns), check)
    assert_caught(fitted(own.shape, columns, {name: check}, patch), name)


def test_an_intercept_of_other_means_is_rejected_by_the_sum_of_means(
    own: SisaDeclared, true: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = moved_by(true, column(own, PLACE, INTERCEPT), (0, 1), 1 << 10)
    fitted_in_part(own, columns, "intercept", "intercept", monkeypatch)


def test_a_start_without_its_means_is_rejected_by_the_sum_of_means(
    own: SisaDeclared, data: Data, honest: Traces, true: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bias is that of features as they are, and what is left is in its range."""
    start = rounded(own, data, honest, "no means")
    assert not np.array_equal(start, honest[PLACE][0].weights[:1])
    columns = false_columns(own, data, {PLACE: {"start": start}})
    (limb,) = limb_addresses(BIAS_REST, 16)
    kept = column(own, PLACE, limb)
    lie = recount(own.relation, columns | {kept: true[kept]})
    fitted_in_part(own, lie, "starting means", "starting intercept", monkeypatch)
