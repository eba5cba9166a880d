"""Junk in cells that are no cells, where features are standardised: inert, or not to be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.descent_columns import Q, Z
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.standardization import CENTRED_RATE, OFFSET, POWER, SCALED_RATE
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS, StandardizedDescent
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.matrices.entropy import random_field

from .harness import (
    CLASSES,
    Columns,
    Declared,
    assert_caught,
    assert_valid,
    columns_of,
    commitments,
    descend_all,
    lies_of,
    prove,
)
from .test_padding import (
    BATCH,
    EPOCHS,
    FEATURES,
    REAL,
    ROWS,
    JunkProver,
    filled,
    last_of,
    put_outputs,
    put_remainders,
    signed,
    sums_of,
    with_inert_junk,
)

SPARE = FEATURES  # the feature past the last, in the padding


@pytest.fixture(scope="module", params=["one output", "classes", "weighted classes"])
def run(request: pytest.FixtureRequest) -> Declared:
    several = request.param != "one output"
    weights: dict[str, Any] = {"class_weight": {"a": 1, "b": 5, "c": 2}} if request.param.startswith("weighted") else {}
    method: Any = {"epochs": EPOCHS, "learning_rate": 0.5, "batch_size": BATCH, "l2": 0.1, "standardize": True}
    spec = TrainingSpec(model="logistic" if several else "linear", **method, **weights)
    kind: dict[str, Any] = {"label_kind": "categorical", "label_bits": 0, "classes": CLASSES} if several else REAL
    return Declared(spec, DatasetShape(rows=ROWS, features=FEATURES, x_bits=10, **kind), (2, 5))


@pytest.fixture(scope="module")
def true_columns(run: Declared) -> Columns:
    rng = np.random.default_rng(1)
    X, y = rng.integers(-900, 901, (ROWS, FEATURES)), rng.integers(-(2**12), 2**12, ROWS)
    rows = X, y if run.data.outputs == 1 else y % run.data.outputs
    return columns_of(run, rows, *descend_all(run, rows))


def own_columns(run: Declared) -> list[Address]:
    """What standardises, on the axis of features."""
    relation: Any = run.relation
    assert isinstance(relation, StandardizedDescent)
    return [Address("witness", column.name) for column in relation.scaler.columns]


def with_junk(run: Declared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows from it recomputed."""
    s, box = run.schedule, with_inert_junk(run, columns)
    put_outputs(run, box)
    sums, residuals = sums_of(run, box)
    steps = slice(s.epochs), slice(s.blocks)
    for column, cells in (GRADIENTS, sums), (RESIDUALS, residuals):
        box[column][:, *steps] = cells % MODULUS
    rates, centred = (box[name].astype(object) for name in (SCALED_RATE, CENTRED_RATE))
    public: Any = s.standardization
    of_weights = (rates * sums - centred * residuals[..., None]) % MODULUS  # no step by a feature past the last
    put_remainders(run, box, {WEIGHTS: of_weights, BIAS: residuals * public.bias_rate << s.scales.x_bits})
    for column, values in models_of_junk(run, box).items():
        box[column][s.outputs :] = values[s.outputs :]
    return box | {Z: scores(run, box)}


def models_of_junk(run: Declared, box: Columns) -> Columns:
    """The model of features as they are that the last weights say."""
    s = run.schedule
    weights, powers, offsets = last_of(run, box, WEIGHTS.last, s.features), box[POWER].astype(object), box[OFFSET]
    bias = last_of(run, box, BIAS.last) << s.scales.x_bits
    own = {
        COEFFICIENTS: weights * powers,  # zero past the last feature
        INTERCEPT: bias - weights[:, : s.features] @ offsets.astype(object)[: s.features],
    }
    return {column: (values % MODULUS).astype(np.uint64) for column, values in own.items()}


def scores(run: Declared, box: Columns) -> Any:
    """z on its whole box: what means take is of rows that exist."""
    s, z = run.schedule, np.zeros(box[Q].shape, dtype=object)
    count, epochs, rows = z.shape
    features, powers, offsets = (box[name].astype(object) for name in (data_set.FEATURES, POWER, OFFSET))
    weights = signed(run, box, WEIGHTS.steps, s.features)[:count, :epochs]
    biases = signed(run, box, BIAS.steps)[:count, :epochs]
    for n in range(rows):
        block = n // s.block_size
        own = weights[:, :, block, : s.features]
        z[:, :, n] = own @ (powers * features[:, n])[: s.features]
        if n < s.rows:
            z[:, :, n] -= own @ offsets[: s.features]
        if n < s.rows or block >= s.blocks:  # blocks past the last have biases, if anything
            z[:, :, n] += biases[:, :, block] << s.scales.x_bits
    return (z % MODULUS).astype(np.uint64)


def test_consistent_junk_proves_the_same_model(run: Declared, true_columns: Columns) -> None:
    box = with_junk(run, true_columns)
    assert not np.array_equal(box[data_set.FEATURES], filled(run.shape, true_columns)[data_set.FEATURES])
    outcome = prove(run.shape, box, commitments(run.shape, box), prover=JunkProver)
    assert_valid(outcome)
    outputs = run.data.outputs
    assert np.array_equal(box[COEFFICIENTS][:outputs, :FEATURES], true_columns[COEFFICIENTS])
    assert np.array_equal(box[INTERCEPT][:outputs], true_columns[INTERCEPT])
    assert box[COEFFICIENTS][outputs:, :FEATURES].all() and not box[COEFFICIENTS][:, SPARE].any()


@pytest.mark.parametrize("run", ["classes", "weighted classes"], indirect=True)
def test_gradients_of_an_output_past_the_last_are_those_of_its_rows(run: Declared, true_columns: Columns) -> None:
    for column, cell in (GRADIENTS, (-1, 0, 0, 0)), (RESIDUALS, (-1, 0, 0)):
        box = with_junk(run, true_columns)
        box[column][cell] ^= np.uint64(1)
        outcome = prove(run.shape, box, commitments(run.shape, box), prover=JunkProver)
        assert_caught(outcome, "parts", "gradient")


@pytest.mark.parametrize("run", ["one output"], indirect=True)  # these columns have no outputs
def test_no_column_of_the_scaler_can_hold_junk(run: Declared, true_columns: Columns) -> None:
    """A feature that is none has no mean, spread or rate: each is zero there by force, and so is its weight."""
    box, accepted = filled(run.shape, true_columns), []
    for name in [*own_columns(run), COEFFICIENTS]:
        assert box[name].shape[-1] == FEATURES + 1, name
        place = (..., SPARE)
        junk = box[name].copy()
        junk[place] = random_field(*junk[place].shape) if junk[place].shape else random_field(1)[0]
        if not lies_of(run.shape, box | {name: junk}, JunkProver):  # of which one verdict is as good as that of all
            accepted.append(name)
    outcome = prove(run.shape, box | {name: junk}, prover=JunkProver)
    assert not accepted and outcome.verdict() == "constraints"
