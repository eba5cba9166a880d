"""Owners whose shards take other mini-batches than the declared ones.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.models.runs import Runs
from zkunlearn.models.shards import Run

from .harness import assert_caught, assert_valid, prove
from .sisa_runs import (
    FEATURES,
    REQUEST,
    REQUESTED,
    SEVERAL,
    WHOLE,
    Data,
    Place,
    SisaDeclared,
    Traces,
    alone,
    assert_false,
    declare_sisa,
    declare_standardized,
    lasts,
    lying,
    of_part,
    told,
    trained,
    values,
    with_momentum,
    with_narrow_feature,
)

SLOW = pytest.mark.slow  # more of a kind that others are of
BATCH = 2  # rows: of stages of three, six and eight rows there are two, three and four
BATCHES: dict[str, Any] = {"slices": 3, "batch_size": BATCH, "momentum": 0.5}


@pytest.fixture(scope="module")
def own() -> SisaDeclared:
    """All stages of three shards, of which the last one has five rows."""
    return declare_sisa(**BATCHES)


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def honest(own: SisaDeclared, data: Data) -> Traces:
    return trained(own, data)


def test_stages_have_the_batches_of_their_rows(own: SisaDeclared) -> None:
    assert [stage.batches for stage in own.schedule.stages] == [2, 3, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias": False, "forgotten": (1, 2, *range(16, 21))},
        {"slices": 1, "epochs": 1, "batch_size": 1, "forgotten": (*range(8), 20), "l2": 0.0},
        {"penalize_intercept": True, "momentum": "increasing", "rows": 17, "forgotten": ()},
        pytest.param({**SEVERAL, "class_weight": {"a": 1, "b": 7, "c": 3}}, marks=SLOW),
        {"rows": 5, "forgotten": (1,)},
        {"runs": (Run(0, 1), Run(2, 1))},
    ],
    ids=str,
)
def test_the_declared_training_is_accepted(changes: dict[str, Any]) -> None:
    """Batches of which no row counts, or is there; a last shard of one row; one shard; some shards only."""
    own = declare_sisa(**{**BATCHES, **changes})
    data = values(own.data.rows, own.data.outputs)
    outcome = prove(own.shape, told(own, data, trained(own, data)))
    assert_valid(outcome)


def test_a_request_that_begins_from_earlier_models_is_accepted(data: Data, honest: Traces) -> None:
    """It ends in the models that one training of everything ends in."""
    later = declare_sisa(REQUESTED, runs=REQUEST, starts=(WHOLE,), **BATCHES)
    found, again = trained(later, data, [honest]), trained(declare_sisa(REQUESTED, **BATCHES), data)
    assert all(np.array_equal(lasts(found[place]), lasts(again[place])) for place in found)
    outcome = prove(later.shape, told(later, data, found, [honest]))
    assert_valid(outcome)


# Which rows a step takes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "takes"),
    [
        pytest.param((0, 3), {1: 0}, id="the first batch twice, the second never"),
        pytest.param((0, 3), {0: 1, 1: 0}, id="two batches in the other order"),
        pytest.param((1, 1), {0: 1}, id="the short last batch twice"),
        pytest.param((2, 3), {3: 2}, id="another one where no row is there", marks=SLOW),
    ],
)
def test_a_step_of_another_batch_is_rejected(
    own: SisaDeclared, data: Data, place: Place, takes: dict[int, int]
) -> None:
    """Scores are those of the weights before the step of each row's own batch."""
    lie = {place: {"block_of": lambda batch: takes.get(batch, batch)}}
    assert_false(own, lying(own, data, lie), *of_part(own, place[1], "gradient"))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([2, 3, 0, 1, *range(4, 8)], id="of another batch"),
        pytest.param([0, 1, 2, 4, 3, *range(5, 8)], id="of two batches, mixed"),
        pytest.param([0, 1, *range(10, 12), *range(4, 8)], id="of a batch of the next shard"),
    ],
)
def test_rows_of_another_batch_are_rejected(own: SisaDeclared, data: Data, rows: list[int]) -> None:
    """With their own scores."""
    lie = {(0, 3): {"rows": rows, "counted": alone(own, (0, 3)).live.mask()}}
    assert_false(own, lying(own, data, lie), *of_part(own, 3, "product", "gradient"))


@pytest.mark.parametrize(
    ("place", "step"),
    [
        pytest.param((0, 3), 1, id="within an epoch"),
        pytest.param((1, 2), 2, id="the last one of an epoch"),
        pytest.param((1, 2), 5, id="the last one of all"),
        pytest.param((2, 3), 3, id="of a batch of which no row is there"),
    ],
)
def test_a_skipped_batch_is_rejected(own: SisaDeclared, data: Data, place: Place, step: int) -> None:
    def rest(at: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (weights, u) if at == step else (moved, u)

    assert_false(own, lying(own, data, {place: {"after_step": rest}}), *of_part(own, place[1], "gradient"))


def test_a_full_batch_in_the_place_of_each_is_rejected(own: SisaDeclared, data: Data) -> None:
    """All rows of the shard in every step, with the divisors of that."""
    full, single = alone(declare_sisa(slices=3, momentum=0.5), (0, 3)), alone(own, (0, 3))
    factors = Runs.of([(int(full.c_block[0] * full.c_epoch[0] / single.c_epoch[0]), single.batches)])
    lies = {(0, 3): {"schedule": replace(single, block_size=8, c_block=factors), "block_of": lambda _: 0}}
    assert_false(own, lying(own, data, lies), *of_part(own, 3, "product", "gradient"))


def test_a_divisor_of_another_batch_is_rejected(own: SisaDeclared, data: Data) -> None:
    """A row of batch 0 is forgotten, none of batch 1."""
    single = alone(own, (0, 3))
    first, second, *rest = single.c_block
    assert first != second
    lie = replace(single, c_block=Runs.of([(second, 1), (first, 1), *((c, 1) for c in rest)]))
    assert_false(own, lying(own, data, {(0, 3): {"schedule": lie}}), *of_part(own, 3, "gradient"))


# Which step follows which --------------------------------------------------------------------------------------------


def test_a_batch_that_begins_where_another_shards_ended_is_rejected(
    own: SisaDeclared, data: Data, honest: Traces
) -> None:
    def other(step: int, _weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (honest[0, 3][0].weights[2], u) if step == 1 else (moved, u)

    assert_false(own, lying(own, data, {(1, 3): {"after_step": other}}), *of_part(own, 3, "gradient"))


def test_a_first_step_with_momentum_is_rejected(own: SisaDeclared, data: Data, honest: Traces) -> None:
    """Of the stage before, or of nothing, as if what a stage begins from were a step."""
    before = honest[1, 1][0].weights[-2], np.zeros(FEATURES + 1, dtype=np.int64)
    for last in before:
        lie = {(1, 2): {"after_step": with_momentum(own, (1, 2), 0, 1, last)}}
        assert_false(own, lying(own, data, lie), *of_part(own, 2, "gradient"))


@pytest.mark.parametrize("factor", [-1, 1], ids=["without", "with twice the"])
def test_a_second_batch_with_another_momentum_is_rejected(own: SisaDeclared, data: Data, factor: int) -> None:
    """It has that of the first epoch: only the first step has none."""
    lie = {(1, 2): {"after_step": with_momentum(own, (1, 2), 1, factor, None)}}
    assert_false(own, lying(own, data, lie), *of_part(own, 2, "gradient"))


def test_a_stage_that_begins_before_the_last_batch_of_the_one_before_is_rejected(
    own: SisaDeclared, data: Data, honest: Traces
) -> None:
    start = np.stack([trace.weights[-2] for trace in honest[1, 1]])
    assert_false(
        own, lying(own, data, {(1, 2): {"start": start}}), *of_part(own, 2, "starting weights", "starting intercept")
    )


@pytest.mark.parametrize(("weight", "name"), [(1, "starting weights"), (FEATURES, "starting intercept")])
def test_a_stage_that_begins_elsewhere_in_one_weight_is_rejected(
    own: SisaDeclared, data: Data, honest: Traces, weight: int, name: str
) -> None:
    start = lasts(honest[1, 1])
    start[0, weight] += 1
    outcome = prove(own.shape, lying(own, data, {(1, 2): {"start": start}}))
    assert_caught(outcome, *of_part(own, 2, name))


# Standardised --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scaled() -> SisaDeclared:
    """A row of batch 0 of shard 0 is forgotten, all of a batch of shard 1."""
    return declare_standardized((1, 8, 9), batch_size=BATCH)


@pytest.fixture(scope="module")
def narrow(data: Data) -> Data:
    return with_narrow_feature(data)


def test_standardised_batches_are_accepted(scaled: SisaDeclared, narrow: Data) -> None:
    outcome = prove(scaled.shape, told(scaled, narrow, trained(scaled, narrow)))
    assert_valid(outcome)


def test_a_standardised_step_of_another_batch_is_rejected(scaled: SisaDeclared, narrow: Data) -> None:
    lie = {(0, 2): {"block_of": lambda batch: 0 if batch == 1 else batch}}
    assert_false(scaled, lying(scaled, narrow, lie), *of_part(scaled, 2, "gradient"))


def test_a_divisor_of_another_standardised_batch_is_rejected(scaled: SisaDeclared, narrow: Data) -> None:
    single = alone(scaled, (0, 2))
    first, second, *rest = single.c_block
    assert first == 2 * second
    lie = replace(single, c_block=Runs.of([(second, 1), (first, 1), *((c, 1) for c in rest)]))
    assert_false(scaled, lying(scaled, narrow, {(0, 2): {"schedule": lie}}), *of_part(scaled, 2, "parts"))


def test_a_rate_for_as_many_rows_as_another_shard_has_is_rejected(scaled: SisaDeclared, narrow: Data) -> None:
    """A is n times something, and D in its range: that of shard 1, which lacks two rows, as if it lacked one."""
    mine, other = (alone(scaled, (shard, 2)).standardization_of(0) for shard in (1, 0))
    assert mine is not None and other is not None and mine.amplitude < other.amplitude
    found: Any = trained(scaled, narrow)[1, 2][0].scaler
    spread = found.V + mine.floor
    D = (2 * other.amplitude + spread) // (2 * spread)
    lie = replace(found, D=D, rem=2 * other.amplitude + spread - 2 * D * spread)
    outcome = prove(scaled.shape, lying(scaled, narrow, {(1, 2): {"scaler": lie}}))
    assert_caught(outcome, *of_part(scaled, 2, "rates"))
