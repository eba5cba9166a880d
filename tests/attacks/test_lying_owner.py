"""Witnesses that lie in one place and are consistent everywhere else.

Each test names the equation that has to notice. The names come from the prover's own evaluation of the equations
on its hidden values; the verifier sees one weighted sum of all of them, the check "constraints".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.field.goldilocks import add, to_field
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.relation import LIMB
from zkunlearn.circuits.language.tables import FEATURE_COUNTS, HALF, limb_addresses, split_limbs
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.descent_columns import Q, Z
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS, ParameterColumns
from zkunlearn.models.methods.reference import train

from .harness import (
    BATCH,
    EPOCHS,
    FEATURES,
    FORGOTTEN,
    ROWS,
    X_BITS,
    Columns,
    Declared,
    Outcome,
    assert_caught,
    changed,
    columns_of,
    commitments,
    data_columns,
    declare,
    descend,
    prove,
    recount,
    training_columns,
    validity_columns,
    validity_shape,
)

DROPPED = 7  # a row that is not forgotten
ONE = 1 << X_BITS  # bounds a feature
Data = tuple[Any, Any]


@pytest.fixture(scope="module")
def true_columns(declared: Declared, data: Data) -> Columns:
    return columns_of(declared, data, descend(declared, data))


def test_the_harness_trains_as_declared(declared: Declared, data: Data, honest: Outcome) -> None:
    reference, ours = train(*data, declared.schedule), descend(declared, data)
    assert np.array_equal(reference.weights, ours.weights) and np.array_equal(reference.u, ours.u)
    assert honest.prover.lies == frozenset()
    assert honest.verdict() == "valid"


# Another training than the declared one ------------------------------------------------------------------------------


def test_training_on_forgotten_rows_is_rejected(declared: Declared, data: Data) -> None:
    everyone = descend(declared, data, counted=np.ones(ROWS, dtype=bool))
    assert_caught(prove(declared.shape, columns_of(declared, data, everyone)), "gradient")


def test_keeping_a_single_forgotten_row_is_rejected(declared: Declared, data: Data) -> None:
    almost = np.isin(np.arange(ROWS), FORGOTTEN[1:], invert=True)
    assert_caught(
        prove(declared.shape, columns_of(declared, data, descend(declared, data, counted=almost))), "gradient"
    )


def test_dropping_a_row_that_is_not_forgotten_is_rejected(declared: Declared, data: Data) -> None:
    fewer = ~np.isin(np.arange(ROWS), (*FORGOTTEN, DROPPED))
    trace = descend(declared, data, counted=fewer)
    assert_caught(prove(declared.shape, columns_of(declared, data, trace)), "gradient")


RANGES = ((1, 6), (8, 11))


def test_a_training_on_ranges_of_the_rows_is_accepted(declared: Declared, data: Data) -> None:
    part = replace(declared, ranges=RANGES)
    outcome = prove(part.shape, columns_of(part, data, descend(part, data)))
    assert outcome.verdict() == "valid" and outcome.prover.lies == frozenset()


@pytest.mark.parametrize("row", [0, 6, 7, 11, 1, 5, 8, 10])
def test_a_row_more_or_less_than_those_of_the_ranges_is_rejected(declared: Declared, data: Data, row: int) -> None:
    """The first four rows are outside, the others within; all are beside an end."""
    part = replace(declared, ranges=RANGES)
    counted = part.schedule.live.mask()
    counted[row] ^= True
    assert_caught(prove(part.shape, columns_of(part, data, descend(part, data, counted=counted))), "gradient")


@pytest.mark.parametrize(
    "other",
    [
        {"learning_rate": 0.499},
        {"learning_rate": (0.5, 0.5, 0.25)},
        {"l2": 0.0},
        {"l2": 0.02},
        {"momentum": 0.0},
        {"momentum": 0.251},
        {"momentum": (0.25, 0.25, 0.0)},
        {"momentum": "increasing"},
        {"penalize_intercept": True},
    ],
    ids=str,
)
def test_another_rate_or_decay_is_rejected(declared: Declared, data: Data, other: dict[str, Any]) -> None:
    schedule = declare(**other).schedule
    assert (schedule.shift, schedule.weight_bits) == (declared.schedule.shift, declared.schedule.weight_bits)
    trace = descend(declared, data, schedule=schedule)
    assert_caught(prove(declared.shape, columns_of(declared, data, trace)), "gradient")


def dropped_momentum(declared: Declared, at: int) -> Any:
    """A descent whose step `at` takes nothing of the one before."""
    s = declared.schedule
    seen = [np.zeros(s.width, dtype=np.int64)]

    def step(now: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        v = ((weights - moved) << s.shift) + u + (s.m_epoch[now // s.blocks] * (weights - seen[-1]) if now == at else 0)
        seen.append(weights)
        return weights - (v >> s.shift), v & ((1 << s.shift) - 1)

    return step


@pytest.mark.parametrize("at", [1, BATCH - 1, BATCH, EPOCHS * BATCH - 1], ids="step {}".format)
def test_a_step_without_its_momentum_is_rejected(declared: Declared, data: Data, at: int) -> None:
    """Within an epoch, at its end, at the begin of the next, the last of all."""
    assert declared.schedule.blocks == BATCH, "of four rows each"
    trace = descend(declared, data, after_step=dropped_momentum(declared, at))
    assert_caught(prove(declared.shape, columns_of(declared, data, trace)), "gradient")


@pytest.mark.parametrize("changes", [{"batch_size": None}, {"batch_size": 8}, {"bias": False}, {"epochs": 1}], ids=str)
def test_momentum_is_accepted_for_any_blocks(data: Data, changes: dict[str, Any]) -> None:
    own = declare(**changes)
    outcome = prove(own.shape, columns_of(own, data, descend(own, data)))
    assert outcome.verdict() == "valid" and outcome.prover.lies == frozenset()


def test_an_intercept_that_decays_as_weights_do_is_accepted_if_declared(data: Data) -> None:
    own = declare(penalize_intercept=True)
    assert prove(own.shape, columns_of(own, data, descend(own, data))).verdict() == "valid"
    trace = descend(own, data, schedule=declare().schedule)
    assert_caught(prove(own.shape, columns_of(own, data, trace)), "gradient")


def test_decays_that_change_by_epoch_are_taken_off_weights_only(data: Data) -> None:
    own = declare(learning_rate=(0.5, 0.25, 0.375), l2=0.5)
    assert len(own.schedule.l_epoch.values) == EPOCHS
    outcome = prove(own.shape, columns_of(own, data, descend(own, data)))
    assert outcome.verdict() == "valid" and outcome.prover.lies == frozenset()


# Classes that count differently ---------------------------------------------------------------------------------------

WEIGHTED = {"no": 1, "yes": 7}


def test_rows_weighted_as_declared_are_accepted(data: Data) -> None:
    own = declare(class_weight=WEIGHTED)
    assert set(data[1].tolist()) == {0, 1}
    outcome = prove(own.shape, columns_of(own, data, descend(own, data)))
    assert outcome.verdict() == "valid" and outcome.prover.lies == frozenset()


@pytest.mark.parametrize("other", [{"no": 7, "yes": 1}, {"no": 1, "yes": 6}, {"no": 2, "yes": 7}, None], ids=str)
def test_rows_weighted_otherwise_are_rejected(data: Data, other: dict[str, int] | None) -> None:
    own = declare(class_weight=WEIGHTED)
    schedule = replace(own.schedule, class_weights=declare(class_weight=other).schedule.class_weights)
    trace = descend(own, data, schedule=schedule)
    assert_caught(prove(own.shape, columns_of(own, data, trace)), "gradient")


def test_weights_where_none_are_declared_are_rejected(declared: Declared, data: Data) -> None:
    schedule = replace(declared.schedule, class_weights=(1, 2))
    trace = descend(declared, data, schedule=schedule)
    assert_caught(prove(declared.shape, columns_of(declared, data, trace)), "gradient")


def test_a_run_of_more_epochs_is_rejected_for_where_it_starts(data: Data) -> None:
    """Without momentum, which would tell as well."""
    declared, longer = declare(momentum=0.0), declare(epochs=EPOCHS + 1, momentum=0.0)
    assert longer.schedule.shift == declared.schedule.shift
    trace = descend(longer, data)
    first = declared.schedule.blocks
    tail = replace(trace, weights=trace.weights[first:], u=trace.u[first:])
    tail = replace(tail, Q=trace.Q[1:], P=trace.P[1:], rem=trace.rem[1:])
    assert_caught(prove(declared.shape, columns_of(declared, data, tail)), "initial weights")


def test_a_run_of_fewer_epochs_is_rejected(declared: Declared, data: Data) -> None:
    last = (EPOCHS - 1) * declared.schedule.blocks

    def rest(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (weights, u) if step >= last else (moved, u)

    assert_caught(
        prove(declared.shape, columns_of(declared, data, descend(declared, data, after_step=rest))),
        "gradient",
    )


def test_another_order_of_batches_is_rejected(declared: Declared, data: Data) -> None:
    swap = {0: 1, 1: 0}
    trace = descend(declared, data, block_of=lambda block: swap.get(block, block))
    assert_caught(prove(declared.shape, columns_of(declared, data, trace)), "gradient")


@pytest.mark.parametrize("start", [[0, 0, 1, 0], [0, 0, 0, 1]], ids=["weight", "bias"])
def test_other_initial_weights_are_rejected(data: Data, start: list[int]) -> None:
    declared = declare(momentum=0.0)
    trace = descend(declared, data, start=np.array(start))
    assert_caught(prove(declared.shape, columns_of(declared, data, trace)), "initial weights")


def skip(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
    return (weights, u) if step == BATCH else (moved, u)


def test_a_skipped_iteration_is_rejected(declared: Declared, data: Data) -> None:
    trace = descend(declared, data, after_step=skip)
    assert_caught(prove(declared.shape, columns_of(declared, data, trace)), "gradient")


@pytest.mark.parametrize("place", [1, FEATURES], ids=["weight", "bias"])
@pytest.mark.parametrize("step", [0, 5, 11], ids=["first", "middle", "last"])
def test_one_edited_weight_is_rejected(declared: Declared, data: Data, step: int, place: int) -> None:
    def nudge(at: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (moved + (np.arange(FEATURES + 1) == place), u) if at == step else (moved, u)

    trace = descend(declared, data, after_step=nudge)
    assert_caught(prove(declared.shape, columns_of(declared, data, trace)), "gradient")


@pytest.mark.parametrize(("parameter", "place"), [(WEIGHTS, (0, 1, 2, 2)), (BIAS, (0, 1, 2))], ids=["weight", "bias"])
def test_a_remainder_of_the_update_off_by_one_is_rejected(
    declared: Declared, true_columns: Columns, parameter: ParameterColumns, place: tuple[int, ...]
) -> None:
    name = limb_addresses(parameter.remainder, declared.schedule.shift)[0]
    off = int(true_columns[name][place]) ^ 1
    lie = recount(declared.relation, changed(true_columns, name, place, off))
    assert_caught(prove(declared.shape, lie), "gradient")


# The model and the data behind the commitments -----------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, FEATURES], ids=["weight", "bias"])
def test_a_model_that_the_training_does_not_end_in_is_rejected(declared: Declared, data: Data, place: int) -> None:
    trace = descend(declared, data)
    weights = trace.weights.copy()
    weights[-1, place] += 1
    assert_caught(prove(declared.shape, columns_of(declared, data, replace(trace, weights=weights))), "gradient")


def test_a_model_commitment_that_differs_from_its_limbs_is_rejected(
    declared: Declared, data: Data, true_columns: Columns
) -> None:
    """The last update agrees with the commitment, so that only the model's own limbs can tell."""

    trace, bits = descend(declared, data), declared.schedule.weight_bits
    limbs = split_limbs(trace.weights[-1:, :FEATURES] + (1 << (bits - 1)) + 1, WEIGHTS.last, bits)
    lie = recount(declared.relation, true_columns | limbs)
    assert_caught(prove(declared.shape, lie), "model")


@pytest.mark.parametrize("lie", [-1, 1, 1 << X_BITS], ids=str)
def test_an_intercept_that_is_not_the_last_bias_is_rejected(
    declared: Declared, true_columns: Columns, lie: int
) -> None:
    """Of 2^x b nothing but 2^x b will do: neither what would round to it, nor that of the next bias."""
    columns = dict(true_columns)
    columns[INTERCEPT] = add(columns[INTERCEPT], to_field(np.array([lie])))
    assert_caught(prove(declared.shape, columns), "intercept")


def test_a_bias_in_the_place_of_the_intercept_is_rejected(declared: Declared, data: Data) -> None:
    """At the scale of weights the intercept would be 2^x too small."""
    bias = int(descend(declared, data).weights[-1, -1])
    assert bias
    columns = columns_of(declared, data, descend(declared, data))
    assert_caught(prove(declared.shape, changed(columns, INTERCEPT, 0, bias)), "intercept")


def test_a_last_bias_out_of_its_range_is_rejected(declared: Declared, true_columns: Columns) -> None:
    """2^x V = I and the update hold modulo p for a V that is no integer of its range; its limbs are what refuse it."""
    low, high = limb_addresses(BIAS.last, declared.schedule.weight_bits)
    columns = changed(true_columns, low, 0, int(true_columns[low][0]) + LIMB)
    columns = changed(columns, high, 0, int(true_columns[high][0]) - 1)
    assert_caught(prove(declared.shape, recount(declared.relation, columns)), "lookup sum")


@pytest.mark.parametrize(("column", "value"), [(COEFFICIENTS, [[1, 2, 3]]), (INTERCEPT, [4])], ids=str)
def test_a_commitment_to_another_model_is_rejected(
    declared: Declared, true_columns: Columns, column: Address, value: list[Any]
) -> None:
    """The proof speaks of w_T throughout; the commitment holds something else."""
    committed = commitments(declared.shape, true_columns)
    other = true_columns | {column: to_field(np.array(value))}
    committed["model"] = commitments(declared.shape, other)["model"]
    assert_caught(prove(declared.shape, true_columns, committed), "batching")


def test_two_rows_swapped_against_the_commitment_are_rejected(declared: Declared, data: Data) -> None:
    X, y = data
    order = np.arange(ROWS)
    order[[0, 9]] = 9, 0
    swapped = columns_of(declared, (X[order], y[order]), descend(declared, (X[order], y[order])))
    committed = commitments(declared.shape, swapped | data_columns(data))
    assert_caught(prove(declared.shape, swapped, committed), "batching")


def test_another_label_than_the_committed_one_is_rejected(declared: Declared, data: Data) -> None:
    X, y = data
    flipped = y.copy()
    flipped[DROPPED] ^= 1
    columns = columns_of(declared, (X, flipped), descend(declared, (X, flipped)))
    committed = commitments(declared.shape, columns | data_columns(data))
    assert_caught(prove(declared.shape, columns, committed), "batching")


# Rounding ------------------------------------------------------------------------------------------------------------

CELL = (1, DROPPED)  # an epoch and a live row
SCORE = (0, *CELL)


def with_rounding(
    declared: Declared, data: Data, q_shift: int = 0, p_shift: int = 0, z_shift: int = 0
) -> tuple[Columns, Any]:
    """A run that reads CELL's prediction from another place, and is consistent from there on."""
    X = data[0]
    fixed, table = declared.spec.fixed_point, declared.schedule.activation_table
    epoch, row = CELL
    step = epoch * declared.schedule.blocks + row // BATCH
    features = np.append(X[row], 1 << fixed.x_bits)
    rate = declared.schedule.c_epoch[epoch] * declared.schedule.c_block[row // BATCH]
    prediction: dict[str, int] = {}

    def misread(at: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        if at != step:
            return moved, u
        q = int(features @ weights) >> 16
        prediction["P"] = int(table[q + q_shift + p_shift + HALF])
        extra = rate * (prediction["P"] - int(table[q + HALF])) * features
        scale = 1 << declared.schedule.shift
        v = scale * (weights - moved) + u + extra
        return weights - (v >> declared.schedule.shift), v & (scale - 1)

    trace = descend(declared, data, after_step=misread)
    trace.Q[CELL] += q_shift
    trace.P[CELL] = prediction["P"]
    trace.rem[CELL] += z_shift - (q_shift << 16)
    columns = data_columns(data) | honest_columns(declared, trace)
    return recount(declared.relation, columns), trace


def honest_columns(declared: Declared, trace: Any) -> Columns:
    """`training_columns` for a trace whose remainders may be out of range."""
    inside = replace(trace, rem=np.zeros_like(trace.rem))
    return training_columns(declared.relation, inside) | {Z: to_field(trace.rem + (trace.Q << 16))[None]}


def test_a_quotient_off_by_one_is_rejected(declared: Declared, data: Data) -> None:
    """q - 1 with remainder + 2^16: the remainder is not in the 16-bit range."""
    columns, trace = with_rounding(declared, data, q_shift=-1)
    assert trace.rem[CELL] >= LIMB
    assert_caught(prove(declared.shape, columns), "lookup sum")


def test_a_prediction_from_the_next_table_row_is_rejected(declared: Declared, data: Data) -> None:
    columns, _ = with_rounding(declared, data, p_shift=1)
    assert_caught(prove(declared.shape, columns), "lookup sum")


def test_a_score_that_is_not_the_product_is_rejected(declared: Declared, data: Data) -> None:
    """z - 2^16 and q - 1: remainder and prediction are in their tables, but z is not X w."""
    columns, _ = with_rounding(declared, data, q_shift=-1, z_shift=-(1 << 16))
    assert_caught(prove(declared.shape, columns), "product")


def test_a_quotient_that_wraps_around_the_field_is_rejected(declared: Declared, true_columns: Columns) -> None:
    """2^16 Q = z - rem has a solution in F for every remainder: its range is what forces the floor."""
    z, q = int(true_columns[Z][SCORE]), int(true_columns[Q][SCORE])
    wanted = ((z - (q << 16)) % MODULUS + 1) % LIMB  # another remainder, in range
    wrapped = (z - wanted) * pow(LIMB, -1, MODULUS) % MODULUS
    assert (z - (wrapped << 16)) % MODULUS < LIMB and wrapped != q
    columns = true_columns | {Q: true_columns[Q].copy()}
    columns[Q][SCORE] = wrapped
    assert_caught(prove(declared.shape, recount(declared.relation, columns)), "lookup sum")


def test_a_table_row_past_the_end_is_rejected(declared: Declared, true_columns: Columns) -> None:
    """q = 2^15 is the first score that no table row stands for; z follows it, so the product fails as well."""
    columns = changed(true_columns, Q, CELL, HALF)
    columns = recount(declared.relation, changed(columns, Z, CELL, HALF << 16))
    assert_caught(prove(declared.shape, columns), "lookup sum", "product")


# Limbs and multiplicities ---------------------------------------------------------------------------------------------


def test_a_limb_of_two_to_the_sixteen_is_rejected(declared: Declared, true_columns: Columns) -> None:
    """The weight is the same integer: 2^16 more in the low limb, one less in the high one."""
    low, high = limb_addresses(WEIGHTS.steps, declared.schedule.weight_bits)
    columns = dict(true_columns)
    for name, step in ((low, LIMB), (high, -1)):
        columns = changed(columns, name, (2, 1, 0), int(columns[name][0, 2, 1, 0]) + step)
    assert_caught(prove(declared.shape, recount(declared.relation, columns)), "lookup sum")


def test_a_remainder_above_its_bits_is_rejected_by_the_shifted_limb(declared: Declared, data: Data) -> None:
    """u + 2^h with a weight one higher satisfies the update, and its top limb still has 16 bits."""
    scale, bits = 1 << declared.schedule.shift, declared.schedule.shift
    assert bits % 16, "the top limb is short"

    def over(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        lifted = np.array([0, 0, 1, 0]) if step == 6 else 0
        return moved + lifted, u + lifted * scale

    trace = descend(declared, data, after_step=over)
    columns = data_columns(data) | honest_columns(declared, replace(trace, u=trace.u & (scale - 1)))
    box = (1, EPOCHS, declared.schedule.blocks, FEATURES)
    columns |= split_limbs(trace.u[:, :FEATURES].reshape(box), WEIGHTS.remainder, bits)
    assert int(columns[limb_addresses(WEIGHTS.remainder, bits)[-1]].max()) < LIMB
    assert_caught(prove(declared.shape, recount(declared.relation, columns)), "lookup sum")


def test_a_multiplicity_off_by_one_is_rejected(declared: Declared, true_columns: Columns) -> None:
    (section,) = declared.relation.sections
    for table in section.tables:
        count = int(true_columns[table.multiplicity][0, HALF])
        lie = changed(true_columns, table.multiplicity, (0, HALF), count + 1)
        assert_caught(prove(declared.shape, lie), "lookup sum")


# The data set's own proof --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("binary", "labels", 2),
        ("binary", "labels", -1),
        ("binary", "labels", LIMB),
        ("real", "labels", HALF),
        ("real", "labels", -HALF - 1),
        ("count", "labels", -1),
        ("count", "labels", LIMB),
        ("binary", "features", ONE + 1),
        ("binary", "features", -ONE - 1),
        ("real", "features", HALF - 1),
        ("count", "features", -HALF),
    ],
)
def test_a_data_cell_outside_its_range_is_rejected(data: Data, kind: str, name: str, value: int) -> None:
    shape = validity_shape(kind)
    place = (DROPPED,) if name == "labels" else (2, DROPPED)
    columns = changed(validity_columns(shape, data), Address(data_set.DATASET, name), place, value)
    assert_caught(prove(shape, recount(shape.relation, columns)), "lookup sum")


@pytest.mark.parametrize(
    ("kind", "values"), [("real", (-HALF, HALF - 1)), ("count", (0, LIMB - 1)), ("binary", (0, 1))]
)
def test_the_ends_of_a_range_are_accepted(data: Data, kind: str, values: tuple[int, int]) -> None:
    shape = validity_shape(kind)
    columns = validity_columns(shape, data)
    for row, value in enumerate(values):
        columns = changed(columns, data_set.LABELS, (row,), value)
        columns = changed(columns, data_set.FEATURES, (0, row), (-ONE, ONE)[row])
    assert prove(shape, recount(shape.relation, columns)).verdict() == "valid"


@pytest.mark.parametrize(("row", "caught"), [(2 * ONE + 1, False), (LIMB - 1, False), (2 * ONE - 1, True)])
def test_a_feature_at_its_bound_may_be_counted_in_any_row_that_repeats_it(data: Data, row: int, caught: bool) -> None:
    """Equal tuples are one pole."""
    shape = validity_shape()
    columns = recount(shape.relation, changed(validity_columns(shape, data), data_set.FEATURES, (1, DROPPED), ONE))
    counted = int(columns[FEATURE_COUNTS][0, 2 * ONE])
    assert counted > 0
    elsewhere = int(columns[FEATURE_COUNTS][0, row]) + counted
    moved = changed(changed(columns, FEATURE_COUNTS, (0, 2 * ONE), 0), FEATURE_COUNTS, (0, row), elsewhere)
    assert_caught(prove(shape, moved), "lookup sum") if caught else prove(shape, moved).check()
