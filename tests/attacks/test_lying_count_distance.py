"""Owners whose Poisson model is not as near the optimum as they say: what differs from test_lying_distance.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS
from zkunlearn.models.activation import HALF_TABLE
from zkunlearn.models.live import Live
from zkunlearn.models.methods.distance_reference import Placed, measure
from zkunlearn.models.methods.optimum_reference import RowValues

from .distance_runs import Said, committed, declare_counts, integers, told, visits
from .harness import ROWS, assert_valid, prove
from .optimum_runs import Data, off
from .test_lying_distance import PENALISED, ROW, SUM, _lies, caught, integers_of


@pytest.fixture(scope="module")
def data() -> Data:
    return visits()


@pytest.fixture(scope="module", params=[{}, PENALISED], ids=["free intercept", "penalised intercept"])
def said(request: pytest.FixtureRequest) -> Said:
    return declare_counts(**request.param)


@pytest.fixture(scope="module")
def free() -> Said:
    return declare_counts()


def rejected(said: Said, data: Data, lie: Placed) -> None:
    """What another gradient of the same model would be committed as; rows are told as they are."""
    caught(said.own, committed(said.own, data, integers_of(said, lie.gradient)), *_lies(said, lie.gradient))


@pytest.mark.parametrize("changes", [{}, PENALISED, {"bias": False}], ids=str)
def test_a_distance_that_was_measured_is_accepted(data: Data, changes: dict[str, Any]) -> None:
    own = declare_counts(**changes)
    assert_valid(prove(own.own.shape, told(own, data)))


def test_a_penalty_on_weights_of_the_finer_scale_is_rejected(said: Said, data: Data) -> None:
    """2^16 times as much, as of the other families."""
    s, gradient = said.own.schedule, said.placed.gradient.copy()
    gradient[: s.counted] += ((s.penalty << s.unit_bits) - s.penalty) * said.placed.model[: s.counted]
    rejected(said, data, replace(said.placed, gradient=gradient))


def test_another_penalty_is_rejected(said: Said, data: Data) -> None:
    other = replace(said.own.schedule, penalty=said.own.schedule.penalty - 1)
    rejected(said, data, measure(*data, said.placed.model, other))


@pytest.mark.parametrize("forgotten", [(2,), (2, 5, 7)], ids=["a row that is forgotten", "one that is left out"])
def test_the_gradient_of_other_rows_is_rejected(said: Said, data: Data, forgotten: tuple[int, ...]) -> None:
    other = replace(said.own.schedule, live=Live(ROWS, forgotten))
    rejected(said, data, measure(*data, said.placed.model, other))


def test_the_gradient_of_another_count_is_rejected(said: Said, data: Data) -> None:
    X, y = data
    rejected(said, data, measure(X, y + (np.arange(ROWS) == ROW), said.placed.model, said.own.schedule))


def test_counts_that_are_expected_of_whole_cells_are_rejected(free: Said, data: Data) -> None:
    """The table's entry alone, without what is interpolated: what is left has no 16 bits."""
    s, found = free.own.schedule, cast(RowValues, free.placed.rows)
    rows = replace(found, risen=0 * found.risen)
    X = np.hstack([data[0], np.full((ROWS, 1), s.one)]).astype(object)
    r = rows.residuals(data[1], s).astype(object)
    gradient = ((X.T @ r) << s.raised) + s.penalties(free.placed.model << s.unit_bits).astype(object)
    lie = Placed(free.placed.model, rows, gradient.astype(np.int64))
    caught(free.own, committed(free.own, data, integers(s, lie)), SUM)


def test_a_score_beyond_the_table_has_no_proof(free: Said, data: Data) -> None:
    """As if the last cell went on: no tuple has that Q. The row is far from all others, and the model steep there."""
    s, cell = free.own.schedule, HALF_TABLE
    edges = s.edges
    assert cell << 32 > free.placed.rows.z[ROW]
    lie = dict(free.integers)
    for column, value in ((names.Q, cell), (names.EDGE, int(edges[-1])), (names.STEP, 0), (names.RISEN, 0)):
        lie[column] = off(lie[column], ROW, value - int(lie[column][ROW]))
    lie[names.PRODUCT] = off(lie[names.PRODUCT], ROW, -int(lie[names.PRODUCT][ROW]))
    caught(free.own, committed(free.own, data, lie), "gradient", SUM)


@pytest.mark.parametrize("column", [names.EDGE, names.RISEN])
def test_an_expected_count_that_is_off_by_a_unit_is_rejected(free: Said, data: Data, column: Any) -> None:
    lie = {**free.integers, column: off(free.integers[column], ROW, 1)}
    caught(free.own, committed(free.own, data, lie), "gradient", SUM)


def test_a_shorter_distance_than_the_gradient_shows_is_rejected(said: Said, data: Data) -> None:
    own = replace(said.own, distance=said.own.distance - 1)
    lie = integers(own.schedule, said.placed)
    assert int(lie[SLACK][0]) < 0
    caught(own, committed(own, data, lie), SUM)


def test_an_intercept_that_is_steeper_than_is_said_is_rejected(free: Said, data: Data) -> None:
    assert free.own.slope is not None
    own = replace(free.own, slope=free.own.slope - 1)
    caught(own, committed(own, data, integers(own.schedule, free.placed)), SUM)


def test_a_weight_that_is_short_of_what_is_committed_is_rejected(said: Said, data: Data) -> None:
    lie = {**said.integers, WEIGHTS.weight: off(said.integers[WEIGHTS.weight], 0, 1)}
    outcome = prove(said.own.shape, committed(said.own, data, lie))
    assert outcome.verdict() == "constraints" and {"product", "gradient"} <= outcome.prover.lies
    lie = {**said.integers, BIAS.weight: off(said.integers[BIAS.weight], 0, -1)}
    outcome = prove(said.own.shape, committed(said.own, data, lie))
    assert outcome.verdict() == "constraints" and "product" in outcome.prover.lies
