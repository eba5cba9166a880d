"""Owners of rows of several classes, who say several things about one row, or train outputs on what is not theirs.

Everything has the output as its first index. There are three classes, so that the axis of outputs has one value more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.hidden import Hidden
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.relation import LIMB, Factor, Sum, SumResult
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.dataset import LABELS
from zkunlearn.circuits.relations.descent_columns import PREDICTIONS, Q, Z
from zkunlearn.circuits.relations.iterations import class_weights
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS
from zkunlearn.models.methods.reference import train
from zkunlearn.models.methods.standardization import scaler_of, sums_of
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.verifier.protocol.proof import ProofShape, sum_claims

from .harness import (
    BATCH,
    CATEGORICAL,
    EPOCHS,
    FEATURES,
    FORGOTTEN,
    ROWS,
    Columns,
    Declared,
    assert_caught,
    assert_valid,
    changed,
    classed,
    columns_of,
    commitments,
    data_columns,
    declare,
    descend,
    descend_all,
    prove,
    recount,
    validity_columns,
    validity_shape,
)
from .test_padding import JunkProver, filled
from .test_pushed_lies import solved_sum

Data = tuple[Any, Any]
OUTPUTS = 3
SLOW = pytest.mark.slow  # more of a kind that others are of
WEIGHTED = {"a": 1, "b": 7, "c": 3}
STANDARDIZED: dict[str, Any] = {"standardize": True, "learning_rate": 1.0, "l2": 0.1}
SWAPPED = [1, 0, 2]  # the first two outputs


def several(**changes: Any) -> Declared:
    return declare(shape=CATEGORICAL, **changes)


@pytest.fixture(scope="module")
def data() -> Data:
    """Of each class some rows that count; and a feature whose exponent is not zero."""
    X, y = classed()
    X[:, 1] //= 16
    assert all((np.delete(y, FORGOTTEN) == c).sum() >= 3 for c in range(OUTPUTS))
    return X, y


@pytest.fixture(scope="module")
def own() -> Declared:
    return several()


@pytest.fixture(scope="module")
def true_columns(own: Declared, data: Data) -> Columns:
    return columns_of(own, data, *descend_all(own, data))


@pytest.fixture(scope="module")
def weighted() -> Declared:
    return several(class_weight=WEIGHTED)


@pytest.fixture(scope="module")
def standardized() -> Declared:
    return several(**STANDARDIZED)


@pytest.fixture(scope="module")
def standardized_columns(standardized: Declared, data: Data) -> Columns:
    return columns_of(standardized, data, *descend_all(standardized, data))


def permuted(columns: Columns, *names: Address) -> Columns:
    """The first two outputs of some columns exchanged."""
    for name in names:
        assert not np.array_equal(columns[name][0], columns[name][1]), name
    return columns | {name: columns[name][SWAPPED] for name in names}


# Labels --------------------------------------------------------------------------------------------------------------


def labelled(columns: Columns, row: int, cells: tuple[int, ...]) -> Columns:
    """What a row says of each class."""
    for output, cell in enumerate(cells):
        columns = changed(columns, LABELS, (output, row), cell)
    return columns


@pytest.fixture(scope="module")
def validity() -> ProofShape:
    return validity_shape("categorical", outputs=OUTPUTS)


@pytest.fixture(scope="module")
def valid_columns(validity: ProofShape, data: Data) -> Columns:
    return validity_columns(validity, data)


@pytest.mark.parametrize("outputs", [3, 4, 5])
def test_rows_of_one_class_each_are_accepted(data: Data, outputs: int) -> None:
    """Also where the axis of outputs has no padding, and where a class has no row."""
    for shape in (validity_shape("categorical", outputs=outputs), validity_shape("categorical", ProofShape, outputs)):
        assert_valid(prove(shape, validity_columns(shape, data)))


@pytest.mark.parametrize("row", [0, pytest.param(2, marks=SLOW), ROWS - 1], ids=["first", "middle", "last"])
@pytest.mark.parametrize(
    "cells",
    [(1, 1, 0), (0, 0, 0), (1, 1, 1), (2, 0, 0), (0, 0, 3)],
    ids=["two ones", "none", "all ones", "a two", "a three"],
)
def test_a_row_of_another_number_of_classes_than_one_is_rejected(
    validity: ProofShape, valid_columns: Columns, row: int, cells: tuple[int, ...]
) -> None:
    lie = recount(validity.relation, labelled(valid_columns, row, cells))
    assert_caught(prove(validity, lie), "one class")


@pytest.mark.parametrize(
    "cells",
    [
        (2, -1, 0),
        (-1, 1, 1),
        (LIMB, 1 - LIMB, 0),
        (0, LIMB + 1, -LIMB),
        ((MODULUS + 1) // 2, (MODULUS + 1) // 2, 0),
        (pow(3, -1, MODULUS),) * 3,
    ],
    ids=["two less one", "minus one", "2^16", "2^16 + 1", "halves", "thirds"],
)
def test_labels_that_add_up_to_one_but_are_not_zero_or_one_are_rejected(
    validity: ProofShape, valid_columns: Columns, cells: tuple[int, ...]
) -> None:
    columns = dict(valid_columns)
    columns[LABELS] = valid_columns[LABELS].copy()
    columns[LABELS][:, 4] = [cell % MODULUS for cell in cells]
    assert sum(cells) % MODULUS == 1
    assert_caught(prove(validity, recount(validity.relation, columns)), "lookup sum")


def test_two_rows_that_make_up_for_each_other_are_rejected(validity: ProofShape, valid_columns: Columns) -> None:
    """The sum over all rows is right, and so is that of each class."""
    columns = labelled(labelled(valid_columns, 0, (1, 1, 0)), 1, (0, 0, 0))
    assert_caught(prove(validity, recount(validity.relation, columns)), "one class")


def test_a_row_of_a_class_past_the_last_is_rejected(validity: ProofShape, valid_columns: Columns) -> None:
    """The cell exists in the padding; it is in no sum, whatever else the row says."""
    box = filled(validity, recount(validity.relation, labelled(valid_columns, 0, (0, 0, 0))))
    box[LABELS][OUTPUTS, 0] = MODULUS - 1  # one would be a denominator of zero
    assert_caught(prove(validity, box, commitments(validity, box), prover=JunkProver), "one class")


def test_labels_past_the_last_class_say_nothing(validity: ProofShape, valid_columns: Columns) -> None:
    box = filled(validity, valid_columns)
    box[LABELS][OUTPUTS:] = random_field(*box[LABELS][OUTPUTS:].shape)
    assert_valid(prove(validity, box, commitments(validity, box), prover=JunkProver))


def test_labels_past_the_last_row_add_up_to_zero_and_say_nothing_else(
    validity: ProofShape, valid_columns: Columns
) -> None:
    box = filled(validity, valid_columns)
    past = np.s_[:OUTPUTS, ROWS:]
    box[LABELS][past] = random_field(*box[LABELS][past].shape)
    assert_caught(prove(validity, box, commitments(validity, box), prover=JunkProver), "one class")
    others = box[LABELS][: OUTPUTS - 1, ROWS:].astype(object).sum(axis=0)
    box[LABELS][OUTPUTS - 1, ROWS:] = (-others % MODULUS).astype(np.uint64)
    assert_valid(prove(validity, box, commitments(validity, box), prover=JunkProver))


def test_a_sum_over_classes_solved_for_is_rejected_by_the_batching(
    validity: ProofShape, valid_columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Solving(ProverSteps):
        def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
            assert statement.name == "one class"
            result = solved_sum(self, statement, claim)
            self.claims += sum_claims(statement, result)
            return result

    monkeypatch.setattr(prover_protocol, "ProverSteps", Solving)
    lie = recount(validity.relation, labelled(valid_columns, 3, (1, 1, 0)))
    assert_caught(prove(validity, lie), "batching")


# Training that is declared -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias": False},
        {"batch_size": None, "forgotten": ()},
        {"epochs": 1, "momentum": 0.0, "l2": 0.0},
        {"penalize_intercept": True},
        {"class_weight": WEIGHTED},
        {"class_weight": WEIGHTED, "bias": False, "batch_size": None},
        STANDARDIZED,
        STANDARDIZED | {"class_weight": WEIGHTED, "batch_size": 8},
    ],
    ids=str,
)
def test_training_of_every_class_is_accepted(data: Data, changes: dict[str, Any]) -> None:
    own = several(**changes)
    assert_valid(prove(own.shape, columns_of(own, data, *descend_all(own, data))))


def test_a_training_on_ranges_of_the_rows_is_accepted(own: Declared, data: Data) -> None:
    part = replace(own, ranges=((1, 6), (8, 11)))
    assert_valid(prove(part.shape, columns_of(part, data, *descend_all(part, data))))


@pytest.mark.parametrize("changes", [{}, {"class_weight": WEIGHTED}, STANDARDIZED], ids=str)
def test_the_harness_trains_every_class_as_declared(data: Data, changes: dict[str, Any]) -> None:
    own = several(**changes)
    for output, ours in enumerate(descend_all(own, data)):
        reference = train(*data, own.schedule, output=output)
        assert np.array_equal(reference.weights, ours.weights) and np.array_equal(reference.u, ours.u)


# One output trained otherwise -----------------------------------------------------------------------------------------

Lie = Callable[[Declared, Data, int], Any]


def skip(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
    return (weights, u) if step == BATCH else (moved, u)


def rest(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
    return (weights, u) if step >= (EPOCHS - 1) * BATCH else (moved, u)


TRAINED_OTHERWISE: Mapping[str, Lie] = {
    "on the forgotten rows": lambda own, data, o: descend(own, data, counted=np.ones(ROWS, dtype=bool), output=o),
    "without a row": lambda own, data, o: descend(own, data, counted=~np.isin(range(ROWS), (*FORGOTTEN, 7)), output=o),
    "at another rate": lambda own, data, o: descend(own, data, schedule=several(learning_rate=0.49).schedule, output=o),
    "with another l2": lambda own, data, o: descend(own, data, schedule=several(l2=0.02).schedule, output=o),
    "without a step": lambda own, data, o: descend(own, data, after_step=skip, output=o),
    "for an epoch less": lambda own, data, o: descend(own, data, after_step=rest, output=o),
    "on the rows of another class": lambda own, data, o: descend(own, data, output=(o + 1) % OUTPUTS),
    "in another order": lambda own, data, o: descend(
        own, data, block_of=lambda b: {0: 1, 1: 0}.get(b, b), output=o
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", TRAINED_OTHERWISE.values(), ids=TRAINED_OTHERWISE.keys())
def test_one_output_trained_otherwise_is_rejected(own: Declared, data: Data, lie: Lie) -> None:
    traces = descend_all(own, data)
    for output in (0, OUTPUTS - 1):
        lying = [lie(own, data, output) if o == output else trace for o, trace in enumerate(traces)]
        assert not np.array_equal(lying[output].weights, traces[output].weights)
        assert_caught(prove(own.shape, columns_of(own, data, *lying)), "gradient")


@pytest.mark.parametrize("start", [[0, 0, 1, 0], [0, 0, 0, 1]], ids=["weight", "bias"])
def test_one_output_that_starts_elsewhere_is_rejected(data: Data, start: list[int]) -> None:
    own = several(momentum=0.0)
    traces = descend_all(own, data)
    traces[2] = descend(own, data, start=np.array(start), output=2)
    assert_caught(prove(own.shape, columns_of(own, data, *traces)), "initial weights")


def test_one_output_trained_for_an_epoch_more_is_rejected_for_where_it_starts(data: Data) -> None:
    own, longer = several(momentum=0.0), several(epochs=EPOCHS + 1, momentum=0.0)
    assert longer.schedule.shift == own.schedule.shift
    traces, first = descend_all(own, data), own.schedule.blocks
    whole = descend(longer, data, output=1)
    tail = replace(whole, weights=whole.weights[first:], u=whole.u[first:])
    traces[1] = replace(tail, Q=whole.Q[1:], P=whole.P[1:], rem=whole.rem[1:])
    assert_caught(prove(own.shape, columns_of(own, data, *traces)), "initial weights")


@pytest.mark.parametrize("place", [1, FEATURES], ids=["weight", "bias"])
@pytest.mark.parametrize("step", [0, BATCH * EPOCHS - 1], ids=["first", "last"])
def test_one_edited_weight_of_the_last_output_is_rejected(own: Declared, data: Data, step: int, place: int) -> None:
    def nudge(at: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (moved + (np.arange(FEATURES + 1) == place), u) if at == step else (moved, u)

    traces = descend_all(own, data)
    traces[-1] = descend(own, data, after_step=nudge, output=OUTPUTS - 1)
    assert_caught(prove(own.shape, columns_of(own, data, *traces)), "gradient")


def test_one_gradient_of_another_output_is_rejected(own: Declared, data: Data) -> None:
    """In a single step the labels of another class; from there on all is as declared."""
    (X, y), s = data, own.schedule
    at, block = BATCH + 1, 1
    rows = s.block_rows(block)
    wrong = np.where(s.live.mask(), (s.targets(y, 0) - s.targets(y, 1)) * s.label_multiplier, 0)[rows]
    extra = s.c_epoch[1] * s.c_block[block] * (wrong @ np.column_stack([X, np.full(ROWS, 1 << s.scales.x_bits)])[rows])
    assert extra.any()

    def other(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        if step != at:
            return moved, u
        v = ((weights - moved) << s.shift) + u + extra
        return weights - (v >> s.shift), v & ((1 << s.shift) - 1)

    traces = descend_all(own, data)
    traces[0] = descend(own, data, after_step=other, output=0)
    assert_caught(prove(own.shape, columns_of(own, data, *traces)), "gradient")


# Outputs exchanged ---------------------------------------------------------------------------------------------------


def test_outputs_exchanged_between_labels_and_all_that_is_trained_are_rejected(own: Declared, data: Data) -> None:
    traces = descend_all(own, data)
    assert_caught(prove(own.shape, columns_of(own, data, *(traces[o] for o in SWAPPED))), "gradient")


def test_classes_exchanged_in_the_labels_only_are_rejected(own: Declared, true_columns: Columns) -> None:
    assert_caught(prove(own.shape, permuted(true_columns, LABELS)), "gradient")


def test_scores_under_the_weights_of_another_class_are_rejected(own: Declared, true_columns: Columns) -> None:
    """With quotients and predictions of these scores, so that all lookups hold."""
    outcome = prove(own.shape, permuted(true_columns, Q, Z, PREDICTIONS))
    assert_caught(outcome, "product", "gradient")


def test_predictions_of_another_class_are_rejected(own: Declared, true_columns: Columns) -> None:
    lie = recount(own.relation, permuted(true_columns, PREDICTIONS))
    assert_caught(prove(own.shape, lie), "lookup sum", "gradient")


def test_models_of_classes_that_are_exchanged_are_rejected(own: Declared, true_columns: Columns) -> None:
    """The integers of both are in range; what the last step says, and the limbs, is another matter."""
    outcome = prove(own.shape, permuted(true_columns, COEFFICIENTS))
    assert_caught(outcome, "model", "gradient")


def test_the_intercept_of_another_class_is_rejected(own: Declared, true_columns: Columns) -> None:
    assert_caught(prove(own.shape, permuted(true_columns, INTERCEPT)), "intercept")
    cells = true_columns[INTERCEPT].copy()
    cells[2] = cells[0]
    assert_caught(prove(own.shape, true_columns | {INTERCEPT: cells}), "intercept")


def test_models_exchanged_with_all_that_says_so_are_rejected_by_the_last_step(
    own: Declared, true_columns: Columns
) -> None:
    bits = own.schedule.weight_bits
    last = limb_addresses(WEIGHTS.last, bits)
    lie = recount(own.relation, true_columns | {name: true_columns[name][SWAPPED] for name in (*last, COEFFICIENTS)})
    assert_caught(prove(own.shape, lie), "gradient")
    last = limb_addresses(BIAS.last, bits)
    lie = recount(own.relation, true_columns | {name: true_columns[name][SWAPPED] for name in (*last, INTERCEPT)})
    assert_caught(prove(own.shape, lie), "gradient")


def test_a_commitment_to_the_models_in_another_order_is_rejected(own: Declared, true_columns: Columns) -> None:
    committed = commitments(own.shape, true_columns)
    other = permuted(true_columns, COEFFICIENTS, INTERCEPT)
    committed["model"] = commitments(own.shape, other)["model"]
    assert_caught(prove(own.shape, true_columns, committed), "batching")


def test_a_label_of_another_class_than_the_committed_one_is_rejected(own: Declared, data: Data) -> None:
    X, y = data
    other = y.copy()
    other[7] = (other[7] + 1) % OUTPUTS
    columns = columns_of(own, (X, other), *descend_all(own, (X, other)))
    committed = commitments(own.shape, columns | data_columns(data, OUTPUTS))
    assert_caught(prove(own.shape, columns, committed), "batching")


@pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weight", "bias"])
def test_a_limb_of_two_to_the_sixteen_in_the_last_output_is_rejected(
    own: Declared, true_columns: Columns, parameter: Any
) -> None:
    low, high = limb_addresses(parameter.steps, own.schedule.weight_bits)
    place = (OUTPUTS - 1, 2, 1, 0)[: true_columns[low].ndim]
    columns = changed(true_columns, low, place, int(true_columns[low][place]) + LIMB)
    columns = changed(columns, high, place, int(true_columns[high][place]) - 1)
    assert_caught(prove(own.shape, recount(own.relation, columns)), "lookup sum")


def test_a_last_bias_of_the_last_output_out_of_its_range_is_rejected(own: Declared, true_columns: Columns) -> None:
    low, high = limb_addresses(BIAS.last, own.schedule.weight_bits)
    columns = changed(true_columns, low, (2,), int(true_columns[low][2]) + LIMB)
    columns = changed(columns, high, (2,), int(true_columns[high][2]) - 1)
    assert_caught(prove(own.shape, recount(own.relation, columns)), "lookup sum")


def test_a_quotient_of_the_last_output_off_by_one_is_rejected(own: Declared, true_columns: Columns) -> None:
    cell = (OUTPUTS - 1, 1, 7)
    columns = changed(true_columns, Q, cell, int(true_columns[Q][cell].astype(np.int64)) - 1)
    assert_caught(prove(own.shape, recount(own.relation, columns)), "lookup sum")


# Weights of classes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "weights",
    [
        (1, 1, 1),
        (7, 1, 3),
        (1, 7, 2),
        (2, 7, 3),
        *(pytest.param(w, marks=SLOW) for w in ((1, 6, 3), (3, 1, 7), (1, 7, 7))),
    ],
    ids=str,
)
def test_rows_weighted_otherwise_are_rejected(weighted: Declared, data: Data, weights: tuple[int, ...]) -> None:
    """As if all were one, as those of other classes, or one of them another."""
    assert weighted.schedule.class_weights == (1, 7, 3)
    schedule = replace(weighted.schedule, class_weights=weights)
    traces = descend_all(weighted, data, schedule=schedule)
    assert_caught(prove(weighted.shape, columns_of(weighted, data, *traces)), "gradient")


def test_weights_where_none_are_declared_are_rejected(own: Declared, data: Data) -> None:
    schedule = replace(own.schedule, class_weights=(1, 2, 1))
    traces = descend_all(own, data, schedule=schedule)
    assert_caught(prove(own.shape, columns_of(own, data, *traces)), "gradient")


def test_one_output_weighted_otherwise_is_rejected(weighted: Declared, data: Data) -> None:
    """As of two classes, its own and the rest."""
    schedule = replace(weighted.schedule, class_weights=(1, 1, 3))
    traces = descend_all(weighted, data)
    traces[2] = descend(weighted, data, schedule=schedule, output=2)
    assert_caught(prove(weighted.shape, columns_of(weighted, data, *traces)), "gradient")


@pytest.mark.parametrize("changes", [{}, STANDARDIZED], ids=["plain", "standardised"])
def test_weights_of_rows_that_are_not_those_of_their_class_are_rejected(
    data: Data, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum over rows is proved with other weights; nothing else tells that they are not the declared ones."""
    own = several(class_weight=WEIGHTED, **changes)
    schedule = replace(own.schedule, class_weights=(1, 3, 7))
    columns = columns_of(own, data, *descend_all(own, data, schedule=schedule))

    class Weighing(ProverSteps):
        def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
            if statement.name == "gradient":
                features, residual, weight = statement.factors
                (term,) = weight.terms
                other = replace(term, at={**term.at, "output": class_weights(schedule)})
                statement = replace(statement, factors=(features, residual, Factor((other,))))
            return super().sumcheck(statement, claim)

    monkeypatch.setattr(prover_protocol, "ProverSteps", Weighing)
    assert_caught(prove(own.shape, columns), "class weights")


# Standardised features ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (COEFFICIENTS, {"powers"}),
        (INTERCEPT, {"intercept"}),
        (GRADIENTS, {"parts", "gradient"}),
        (RESIDUALS, {"parts", "gradient"}),
        (LABELS, {"gradient"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_what_is_of_another_output_is_rejected_on_standardised_features(
    standardized: Declared, standardized_columns: Columns, column: Address, reasons: set[str]
) -> None:
    assert_caught(prove(standardized.shape, permuted(standardized_columns, column)), *reasons)
    cells = standardized_columns[column].copy()
    cells[2] = cells[0]
    assert_caught(prove(standardized.shape, standardized_columns | {column: cells}), *reasons)


def test_a_step_without_a_gradient_is_rejected_on_standardised_features(standardized: Declared, data: Data) -> None:
    traces = descend_all(standardized, data)
    traces[2] = descend(standardized, data, after_step=skip, output=2)
    assert_caught(prove(standardized.shape, columns_of(standardized, data, *traces)), "parts")


def test_an_output_standardised_by_other_rows_is_rejected(standardized: Declared, data: Data) -> None:
    """What standardises is the same for all outputs."""
    public: Any = standardized.schedule.standardization
    other = scaler_of(public, *sums_of(data[0].T, np.ones(ROWS, dtype=bool)))
    traces = descend_all(standardized, data)
    traces[1] = descend(standardized, data, scaler=other, output=1)
    outcome = prove(standardized.shape, columns_of(standardized, data, *traces))
    assert_caught(outcome, "product", "parts", "intercept")


def test_outputs_exchanged_on_standardised_features_are_rejected(standardized: Declared, data: Data) -> None:
    traces = descend_all(standardized, data)
    columns = columns_of(standardized, data, *(traces[o] for o in SWAPPED))
    assert_caught(prove(standardized.shape, columns), "gradient")


def test_weights_of_standardised_features_as_those_of_features_as_they_are_are_rejected(
    standardized: Declared, standardized_columns: Columns, data: Data
) -> None:
    """Of one output only, where the others are scaled as they should be."""
    cells = standardized_columns[COEFFICIENTS].copy()
    cells[2] = to_field(descend(standardized, data, output=2).weights[-1, :FEATURES])
    assert not np.array_equal(cells, standardized_columns[COEFFICIENTS])
    assert_caught(prove(standardized.shape, standardized_columns | {COEFFICIENTS: cells}), "powers")
