"""Owners whose sharded training is another than the declared one.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.sisa import start_matrix
from zkunlearn.models.methods.reference import Trace
from zkunlearn.models.methods.schedule import Schedule
from zkunlearn.models.shards import Run

from .harness import Columns, assert_caught, assert_valid, commitments, descend, prove, recount
from .one_pass_runs import moved_by
from .sisa_runs import (
    EPOCHS,
    FEATURES,
    REQUEST,
    REQUESTED,
    SEVERAL,
    SHARD_ROWS,
    WHOLE,
    WRONG_SOURCES,
    Alone,
    Data,
    Place,
    SisaDeclared,
    Traces,
    alone,
    assert_false,
    column,
    declare_sisa,
    lasts,
    lying,
    of_part,
    start_column,
    told,
    trained,
    values,
    with_momentum,
)

SLOW = pytest.mark.slow  # more of a kind that others are of


@pytest.fixture(scope="module")
def own() -> SisaDeclared:
    """All stages of all shards."""
    return declare_sisa()


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def honest(own: SisaDeclared, data: Data) -> Traces:
    return trained(own, data)


@pytest.fixture(scope="module")
def three() -> SisaDeclared:
    """Three stages, of three, six and eight rows, which have four, eight and eight places."""
    return declare_sisa(slices=3)


@pytest.fixture(scope="module")
def first(three: SisaDeclared, data: Data) -> Traces:
    """What a first statement trained."""
    return trained(three, data)


@pytest.fixture(scope="module")
def later() -> SisaDeclared:
    """What a request trains again, from the models of the first statement."""
    return declare_sisa(REQUESTED, slices=3, runs=REQUEST, starts=(WHOLE,))


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"slices": 3, "bias": False, "forgotten": (1, *range(16, 21))},
        {"slices": 1, "epochs": 1, "forgotten": (*range(8), 20)},
        {"penalize_intercept": True, "momentum": "increasing", "rows": 17, "forgotten": ()},
        {**SEVERAL, "class_weight": {"a": 1, "b": 7, "c": 3}},
        {"shard_rows": 4, "slices": 4, "rows": 3, "forgotten": (1,), "epochs": 1},
        pytest.param({"runs": (Run(0, 1), Run(2, 1))}, marks=SLOW),
    ],
    ids=str,
)
def test_the_declared_training_is_accepted(changes: dict[str, Any]) -> None:
    """Shards of which no row counts, a last shard of one row, a shard with fewer rows than slices, some shards only."""
    own = declare_sisa(**changes)
    data = values(own.data.rows, own.data.outputs)
    assert_valid(prove(own.shape, told(own, data, trained(own, data))))


def test_a_request_that_begins_from_earlier_models_is_accepted(later: SisaDeclared, data: Data, first: Traces) -> None:
    """It ends in the models that one training of everything ends in."""
    found = trained(later, data, [first])
    assert set(found) == {(0, 3), (1, 3), (2, 2), (2, 3)}
    again = trained(declare_sisa(REQUESTED, slices=3), data)
    assert all(np.array_equal(lasts(found[place]), lasts(again[place])) for place in found)
    assert_valid(prove(later.shape, told(later, data, found, [first])))


def test_starts_in_two_earlier_models_are_accepted(data: Data) -> None:
    """One of them of one shard only, the other of all."""
    before = [declare_sisa(), declare_sisa((1, 2, 12), runs=(Run(0, 1),))]
    runs, starts = (Run(0, 1, 2, 1), Run(1, 1, 2, 0), Run(2, 1, 2, 0)), (WHOLE, (Run(0, 1),))
    own = declare_sisa((1, 2, 7, 12), runs=runs, starts=starts)
    earlier = [trained(each, data) for each in before]
    assert_valid(prove(own.shape, told(own, data, trained(own, data, earlier), earlier)))


# Rows ----------------------------------------------------------------------------------------------------------------


def with_row(own: SisaDeclared, place: Place, row: int) -> Any:
    """Who counts in a stage of a shard, with one row more or less."""
    counted = alone(own, place).live.mask()
    counted[row] ^= True
    return counted


@pytest.mark.parametrize(
    ("place", "row"),
    [
        pytest.param((0, 1), 3, id="one of the second slice in the first stage"),
        pytest.param((1, 2), 6, id="one of the third slice in the second stage", marks=SLOW),
        pytest.param((2, 3), 4, id="the last one of the last shard left out"),
        pytest.param((0, 1), 2, id="the last one of the slice left out"),
        pytest.param((1, 3), 7, id="one of the last slice left out", marks=SLOW),
        pytest.param((0, 1), 1, id="a forgotten one in the first stage"),
        pytest.param((1, 2), 4, id="a forgotten one in the second stage", marks=SLOW),
    ],
)
def test_a_row_too_early_or_left_out_or_forgotten_is_rejected(
    three: SisaDeclared, data: Data, place: Place, row: int
) -> None:
    """Rows past the slices of a stage have places there, up to a power of two; nothing is looked up of them."""
    lies = {place: {"counted": with_row(three, place, row)}}
    assert_false(three, lying(three, data, lies), *of_part(three, place[1], "gradient"))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(range(8, 12), id="of the next shard", marks=SLOW),
        pytest.param(range(1, 5), id="one place on", marks=SLOW),
        pytest.param(range(0, 8, 2), id="of every other place"),
        pytest.param([*range(3), 16], id="one of the last shard"),
    ],
)
def test_a_map_of_shards_of_ones_own_is_rejected(own: SisaDeclared, data: Data, rows: Any) -> None:
    """The first stage of shard 0 on other rows, whose scores are those that are looked up."""
    lies = {(0, 1): {"rows": list(rows), "counted": alone(own, (0, 1)).live.mask()}}
    assert_false(own, lying(own, data, lies), *of_part(own, 1, "product", "gradient"))


def test_rows_of_another_shard_are_rejected_in_a_request(later: SisaDeclared, data: Data, first: Traces) -> None:
    lies = {(1, 3): {"rows": list(range(SHARD_ROWS)), "counted": alone(later, (1, 3)).live.mask()}}
    outcome = prove(later.shape, lying(later, data, lies, [first]))
    assert_caught(outcome, *of_part(later, 3, "product", "gradient"))


# Where a stage begins ------------------------------------------------------------------------------------------------

STARTING = "starting weights", "starting intercept"


@pytest.mark.parametrize(
    ("place", "source"),
    [
        pytest.param((1, 2), (0, 1), id="another shard's"),
        pytest.param((0, 3), (0, 1), id="another stage's"),
        pytest.param((2, 3), (1, 1), id="another stage's of another shard", marks=SLOW),
        pytest.param((0, 2), None, id="zero"),
    ],
)
def test_a_stage_that_begins_from_a_wrong_checkpoint_is_rejected(
    three: SisaDeclared, data: Data, first: Traces, place: Place, source: Place | None
) -> None:
    start = lasts(first[source]) if source else np.zeros((1, FEATURES + 1), dtype=np.int64)
    assert_false(three, lying(three, data, {place: {"start": start}}), *of_part(three, place[1], *STARTING))


@pytest.mark.parametrize(("place", "source"), WRONG_SOURCES)
def test_a_request_that_begins_from_wrong_earlier_models_is_rejected(
    later: SisaDeclared, data: Data, first: Traces, place: Place, source: Place | None
) -> None:
    start = lasts(first[source]) if source else np.zeros((1, FEATURES + 1), dtype=np.int64)
    columns = lying(later, data, {place: {"start": start}}, [first])
    assert_false(later, columns, *of_part(later, place[1], *STARTING, shard=place[0]))


def test_a_request_that_begins_from_models_of_an_older_statement_is_rejected(
    later: SisaDeclared, data: Data, first: Traces
) -> None:
    """As they were before row 1 was forgotten."""
    older = trained(declare_sisa((), slices=3), data)
    outcome = prove(later.shape, lying(later, data, {(0, 3): {"start": lasts(older[0, 2])}}, [first]))
    assert_caught(outcome, *of_part(later, 3, *STARTING))


@pytest.mark.parametrize(
    ("weight", "reason", "by"),
    [
        pytest.param(1, STARTING[0], 1, id="weight"),
        pytest.param(FEATURES, STARTING[1], -1, id="intercept"),
        pytest.param(1, STARTING[0], -1, id="weight, less", marks=SLOW),
        pytest.param(FEATURES, STARTING[1], 1, id="intercept, more", marks=SLOW),
    ],
)
def test_a_start_off_by_one_is_rejected(
    later: SisaDeclared, data: Data, first: Traces, weight: int, reason: str, by: int
) -> None:
    start = lasts(first[2, 1])
    start[0, weight] += by
    columns = lying(later, data, {(2, 2): {"start": start}}, [first])
    assert_false(later, columns, *of_part(later, 2, reason, shard=2))


@pytest.mark.parametrize("weight", [1, FEATURES], ids=["weight", "bias"])
def test_a_first_stage_that_does_not_begin_at_zero_is_rejected(own: SisaDeclared, data: Data, weight: int) -> None:
    start = np.eye(FEATURES + 1, dtype=np.int64)[weight : weight + 1]
    assert_false(own, lying(own, data, {(1, 1): {"start": start}}), *of_part(own, 1, "initial weights"))


@pytest.mark.parametrize("by", [1, 1 << 32], ids=str)
def test_a_start_in_the_matrix_only_is_rejected(later: SisaDeclared, data: Data, first: Traces, by: int) -> None:
    """The earlier commitment holds something else than where training begins. 2^32 is a whole range of weights."""
    columns = told(later, data, trained(later, data, [first]), [first])
    lie = moved_by(columns, start_column(COEFFICIENTS), (0, 1), by)
    assert_false(later, lie, *of_part(later, 3, "starting weights"))
    lie = moved_by(columns, start_column(INTERCEPT), (0, 1), by)
    assert_false(later, lie, *of_part(later, 3, "starting intercept"))


def test_a_start_out_of_range_in_an_earlier_model_begins_nothing(
    later: SisaDeclared, data: Data, first: Traces
) -> None:
    """Its limbs would have to be: W(0) is what the matrix says, and no update and no lookup is false but theirs."""
    columns, bits = told(later, data, trained(later, data, [first]), [first]), alone(later, (0, 3)).weight_bits
    low, high = (column(later, (0, 3), limb) for limb in limb_addresses(WEIGHTS.steps, bits))
    lie = moved_by(columns, low, (0, 0, 1, 2), 1 << 16)
    lie = recount(later.relation, moved_by(lie, high, (0, 0, 1, 2), -1))  # the same weight, in other limbs
    assert_caught(prove(later.shape, lie), "lookup sum")
    lie = moved_by(columns, start_column(COEFFICIENTS), (0, 1, 2), 1 << bits)
    lie = recount(later.relation, moved_by(lie, high, (0, 0, 1, 2), 1 << (bits - 16)))
    outcome = prove(later.shape, lie)
    assert outcome.verdict() == "constraints"
    assert "lookup sum" in outcome.prover.lies and not set(outcome.prover.lies) & set(of_part(later, 3, *STARTING))


def test_an_intercept_that_is_no_bias_at_its_scale_begins_nothing(
    later: SisaDeclared, data: Data, first: Traces
) -> None:
    """An odd one is 2^x_bits times something in the field, which is no integer of the bias' range."""
    columns, bits = told(later, data, trained(later, data, [first]), [first]), alone(later, (0, 3)).weight_bits
    lie = moved_by(columns, start_column(INTERCEPT), (0, 1), 1)
    low = column(later, (0, 3), limb_addresses(BIAS.steps, bits)[0])
    lie = recount(later.relation, moved_by(lie, low, (0, 0, 1), pow(1 << later.data.x_bits, -1, MODULUS)))
    outcome = prove(later.shape, lie)
    assert outcome.verdict() == "constraints"
    assert "lookup sum" in outcome.prover.lies and not set(outcome.prover.lies) & set(of_part(later, 3, *STARTING))


def test_a_commitment_to_other_earlier_models_is_rejected(later: SisaDeclared, data: Data, first: Traces) -> None:
    """The proof speaks of the true ones throughout; the root that the statement names is of others."""
    columns = told(later, data, trained(later, data, [first]), [first])
    committed = commitments(later.shape, columns)
    other = moved_by(columns, start_column(COEFFICIENTS), (0, 1), 1)
    committed[start_matrix(0)] = commitments(later.shape, other)[start_matrix(0)]
    assert_caught(prove(later.shape, columns, committed), "batching")


# A data set that grew ------------------------------------------------------------------------------------------------

MORE = 26  # rows, of which the last shard of before gets three, and a new one two


@pytest.fixture(scope="module")
def grown() -> SisaDeclared:
    """Shard 2 from stage 2 on, which has six rows now and had five, and the new shard."""
    return declare_sisa(rows=MORE, slices=3, runs=(Run(2, 1, 2, 0), Run(3, 1)), starts=(WHOLE,))


def test_a_request_over_more_rows_than_there_were_is_accepted(grown: SisaDeclared, data: Data, first: Traces) -> None:
    """It begins from models of fewer shards, and ends in what one training of all rows ends in."""
    more = values(MORE)
    assert all(np.array_equal(now[: len(then)], then) for now, then in zip(more, data, strict=True))
    found, again = trained(grown, more, [first]), trained(declare_sisa(rows=MORE, slices=3), more)
    assert set(found) == {(2, 2), (2, 3), (3, 1), (3, 2), (3, 3)}
    assert all(np.array_equal(lasts(found[place]), lasts(again[place])) for place in found)
    assert np.array_equal(lasts(first[2, 1]), lasts(again[2, 1])), "which is kept"
    assert_valid(prove(grown.shape, told(grown, more, found, [first])))


@pytest.mark.parametrize(
    ("place", "row"),
    [
        pytest.param((2, 2), 5, id="of the shard that grew, in the stage that did"),
        pytest.param((2, 3), 7, id="of its last stage", marks=SLOW),
        pytest.param((3, 1), 1, id="of the new shard"),
    ],
)
def test_a_new_row_that_is_left_out_is_rejected(grown: SisaDeclared, first: Traces, place: Place, row: int) -> None:
    """As if it had not come."""
    columns = lying(grown, values(MORE), {place: {"counted": with_row(grown, place, row)}}, [first])
    assert_false(grown, columns, *of_part(grown, place[1], "gradient", shard=place[0]))


def test_a_shard_that_grew_does_not_begin_where_it_ended_before(grown: SisaDeclared, first: Traces) -> None:
    """In the models of all that there was of it, which is less than one stage of it now."""
    columns = lying(grown, values(MORE), {(2, 2): {"start": lasts(first[2, 3])}}, [first])
    outcome = prove(grown.shape, columns)
    assert_caught(outcome, *of_part(grown, 2, *STARTING, shard=2))


def test_a_new_shard_does_not_begin_from_models_of_another(grown: SisaDeclared, first: Traces) -> None:
    columns = lying(grown, values(MORE), {(3, 1): {"start": lasts(first[0, 3])}}, [first])
    assert_false(grown, columns, *of_part(grown, 1, "initial weights", shard=3))


# Steps ---------------------------------------------------------------------------------------------------------------


def test_shards_that_are_not_retrained_are_rejected(own: SisaDeclared, data: Data) -> None:
    """The models of old: of the stages that saw a forgotten row, with the divisors and all steps of then."""
    whole = declare_sisa(())
    seen = [(0, 1), (0, 2), (1, 2)]
    lies = {
        place: {"schedule": alone(whole, place), "counted": np.ones(alone(whole, place).rows, dtype=bool)}
        for place in seen
    }
    outcome = prove(own.shape, lying(own, data, lies))
    assert_caught(outcome, *of_part(own, 1, "gradient"), *of_part(own, 2, "gradient"))
    assert_valid(prove(whole.shape, told(whole, data, trained(whole, data))))  # which is another statement


def test_a_divisor_of_another_shard_is_rejected(own: SisaDeclared, data: Data) -> None:
    mine, other = alone(own, (2, 1)), alone(own, (0, 1))
    assert mine.c_block != other.c_block
    lies = {(2, 1): {"schedule": replace(mine, c_block=other.c_block)}}
    assert_false(own, lying(own, data, lies), *of_part(own, 1, "gradient"))


@pytest.mark.parametrize("steps", [1, EPOCHS], ids=["the last one", "all"])
def test_a_skipped_step_or_stage_is_rejected(own: SisaDeclared, data: Data, steps: int) -> None:
    """A stage that ends as it began has the scores of where it stands, and says that its updates are zero."""

    def rest(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (weights, u) if step >= EPOCHS - steps else (moved, u)

    assert_false(own, lying(own, data, {(1, 2): {"after_step": rest}}), *of_part(own, 2, "gradient"))


def test_momentum_carried_over_from_the_stage_before_is_rejected(own: SisaDeclared, data: Data, honest: Traces) -> None:
    """The first step of stage 2 takes a share of the last one of stage 1."""
    assert alone(own, (1, 2)).m_epoch[0] > 0
    carried = with_momentum(own, (1, 2), 0, 1, honest[1, 1][0].weights[-2])
    assert_false(own, lying(own, data, {(1, 2): {"after_step": carried}}), *of_part(own, 2, "gradient"))


def test_a_step_that_leads_from_one_shard_to_the_next_is_rejected(
    own: SisaDeclared, data: Data, honest: Traces
) -> None:
    """The second step of shard 1 is taken from where the first one of shard 0 ended."""

    def other(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (honest[0, 1][0].weights[1], u) if step == 0 else (moved, u)

    assert_false(own, lying(own, data, {(1, 1): {"after_step": other}}), *of_part(own, 1, "gradient"))


def test_mini_batches_in_the_place_of_shards_are_rejected(data: Data) -> None:
    """One model that goes from block to block, as gradient descent without shards does; nothing else is false."""
    own = declare_sisa(slices=1, momentum=0.0, rows=16, forgotten=())
    (part,) = own.schedule.parts
    mixed: Any = Alone(replace(part.schedule, stage=None))
    whole = descend(mixed, data_of(data, 16))
    found = {(b, 1): [of_block(whole, part.schedule, b)] for b in range(part.schedule.blocks)}
    outcome = prove(own.shape, told(own, data_of(data, 16), found))
    assert_caught(outcome, *of_part(own, 1, "initial weights", "gradient"))


def data_of(data: Data, rows: int) -> Data:
    return data[0][:rows], data[1][:rows]


def of_block(whole: Trace, schedule: Schedule, block: int) -> Trace:
    """The steps of one mini-batch, as if they were those of a shard; the last one ends where the next one begins."""
    blocks, rows = schedule.blocks, schedule.block_rows(block)
    last = schedule.steps - blocks + block + 1
    return Trace(
        weights=np.vstack([whole.weights[:-1][block::blocks], whole.weights[last]]),
        Q=whole.Q[:, rows],
        P=whole.P[:, rows],
        rem=whole.rem[:, rows],
        u=whole.u[block::blocks],
        gradients=whole.gradients[block::blocks],
        residuals=whole.residuals[block::blocks],
        scaler=None,
    )


@pytest.mark.parametrize("weight", [1, FEATURES], ids=["weight", "bias"])
def test_a_model_of_a_shard_without_rows_that_is_not_zero_is_rejected(data: Data, weight: int) -> None:
    own = declare_sisa((1, *range(16, 21)))
    assert not lasts(trained(own, data)[2, 2]).any()

    def moved(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (moved + (np.arange(FEATURES + 1) == weight), u) if step == 0 else (moved, u)

    assert_false(own, lying(own, data, {(2, 1): {"after_step": moved}}), *of_part(own, 1, "gradient"))


# The models ----------------------------------------------------------------------------------------------------------


def swapped(own: SisaDeclared, columns: Columns, stage: int, *names: Address) -> Columns:
    """With the models of shards 0 and 1 under each other's names."""
    found = dict(columns)
    for name in (column(own, (0, stage), name) for name in names):
        found[name] = columns[name][:, [1, 0, 2]]
    return found


def test_a_model_under_another_shards_name_is_rejected(own: SisaDeclared, data: Data, honest: Traces) -> None:
    """In the commitment, and in its limbs too: the last step says whose it is."""
    lie = swapped(own, told(own, data, honest), 2, COEFFICIENTS, INTERCEPT)
    assert_caught(prove(own.shape, lie), *of_part(own, 2, "model", "intercept", "gradient"))
    bits = alone(own, (0, 2)).weight_bits
    limbs = [limb for p in (WEIGHTS, BIAS) for limb in limb_addresses(p.last, bits)]
    assert_false(own, swapped(own, lie, 2, *limbs), *of_part(own, 2, "gradient"))


def test_a_model_of_an_earlier_stage_under_another_shards_name_is_rejected(
    own: SisaDeclared, data: Data, honest: Traces
) -> None:
    """It is what the next stage begins from."""
    lie = swapped(own, told(own, data, honest), 1, COEFFICIENTS, INTERCEPT)
    reasons = of_part(own, 1, "model", "intercept", "gradient"), of_part(own, 2, *STARTING)
    assert_false(own, lie, *reasons[0], *reasons[1])


def test_a_model_off_by_one_is_rejected(own: SisaDeclared, data: Data, honest: Traces) -> None:
    """Of the last stage, in the commitment alone."""
    columns = told(own, data, honest)
    lie = moved_by(columns, column(own, (1, 2), COEFFICIENTS), (1, 2), 1)
    assert_false(own, lie, *of_part(own, 2, "model", "gradient"))
    lie = moved_by(columns, column(own, (1, 2), INTERCEPT), (1,), -1)
    assert_false(own, lie, *of_part(own, 2, "intercept"))
