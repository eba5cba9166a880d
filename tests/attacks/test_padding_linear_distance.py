"""Junk in cells that are no cells, of proved distances of linear models: inert, or not to be had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.certified import WEIGHTS
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.prover.matrices.entropy import random_field

from .harness import ROWS, Columns, assert_valid, commitments, prove
from .linear_distance_runs import LinearSaid, committed, declare_linear_distance, integers
from .linear_optimum_runs import values
from .test_padding_linear_optimum import LinearJunkProver, filled, put_carries, put_scores
from .test_padding_optimum import JUNK, SPARE, joined, put


@pytest.fixture(scope="module", params=[{}, {"bias": False}], ids=str)
def said(request: pytest.FixtureRequest) -> LinearSaid:
    """At a distance at which gradients are rounded."""
    found = declare_linear_distance(**request.param)
    own = replace(found.own, distance=found.own.distance + 10)
    return LinearSaid(own, found.told, integers(own.schedule, found.told))


def untouched(said: LinearSaid) -> Columns:
    return filled(said.own.shape, committed(said.own, values(), said.integers))


def with_junk(said: LinearSaid) -> Columns:
    """Uniform junk in the weight past the last and in rows past the last, and what follows in other cells."""
    own: Any = said.own
    box = untouched(said)
    junk = random_field(box[data_set.FEATURES].size).reshape(box[data_set.FEATURES].shape)
    box[data_set.FEATURES][SPARE], box[data_set.FEATURES][:, ROWS:] = junk[SPARE], junk[:, ROWS:]
    box[data_set.LABELS][:, ROWS:] = random_field(1, box[data_set.LABELS].size - ROWS)
    for integer in (WEIGHTS.weight, WEIGHTS.cut):
        put(own, box, integer, int(random_field(1)[0]))
    put_scores(own, box)
    put_carries(own, box)
    box[COEFFICIENTS][0, SPARE] = joined(own, box, WEIGHTS.weight)
    return box


def test_consistent_junk_proves_the_same_distance(said: LinearSaid) -> None:
    """A long gradient past the last weight among it, which no norm counts."""
    box, before = with_junk(said), untouched(said)
    assert sum(not np.array_equal(box[name], before[name]) for name in box) > 8
    shape = said.own.shape
    assert_valid(prove(shape, box, commitments(shape, box), prover=LinearJunkProver))


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (WEIGHTS.weight, {"gradient", "model"}),
        (WEIGHTS.cut, {"gradient"}),
        (WEIGHTS.cut_rest, {"gradient"}),
        (WEIGHTS.low_carry, {"gradient"}),
        (WEIGHTS.high_carry, {"gradient"}),
    ],
    ids=["weight", "gradient", "remainder", "low carry", "high carry"],
)
def test_junk_that_nothing_explains_is_rejected(said: LinearSaid, column: Any, reasons: set[str]) -> None:
    own: Any = said.own
    box = untouched(said)
    put(own, box, column, JUNK)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=LinearJunkProver)
    assert outcome.verdict() == "constraints" and set(outcome.prover.lies) == reasons
