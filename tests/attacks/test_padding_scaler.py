"""Junk in cells that are no cells, where features are standardised: inert, or not to be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.gradient_descent import Q, Z
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.standardization import OFFSET, POWER
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, StandardizedDescent
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.matrices.entropy import random_field

from .harness import Columns, Declared, columns_of, commitments, descend, prove
from .test_padding import BATCH, EPOCHS, FEATURES, ROWS, JunkProver, filled, signed, sums_of_spare, with_inert_junk

SPARE = FEATURES  # the feature past the last, in the padding


@pytest.fixture(scope="module")
def run() -> Declared:
    spec = TrainingSpec(model="linear", epochs=EPOCHS, learning_rate=0.5, batch_size=BATCH, l2=0.1, standardize=True)
    shape = DatasetShape(rows=ROWS, features=FEATURES, label_kind="real", label_bits=14, x_bits=10)
    return Declared(spec, shape, (2, 5))


@pytest.fixture(scope="module")
def true_columns(run: Declared) -> Columns:
    rng = np.random.default_rng(1)
    rows = rng.integers(-900, 901, (ROWS, FEATURES)), rng.integers(-(2**12), 2**12, ROWS)
    return columns_of(run, rows, descend(run, rows))


def own_columns(run: Declared) -> list[Address]:
    """What standardises, on the axis of features."""
    relation: Any = run.relation
    assert isinstance(relation, StandardizedDescent)
    return [Address("witness", column.name) for column in relation.scaler.columns]


def with_junk(run: Declared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and z recomputed."""
    s, box = run.schedule, with_inert_junk(run, columns)
    box[GRADIENTS][: s.epochs, : s.blocks, SPARE] = sums_of_spare(run, box) % MODULUS  # by which no step is taken
    return box | {Z: scores(run, box)}


def scores(run: Declared, box: Columns) -> Any:
    """z on its whole box: what means take is of rows that exist."""
    s, z = run.schedule, np.zeros(box[Q].shape, dtype=object)
    features, powers, offsets = (box[name].astype(object) for name in (data_set.FEATURES, POWER, OFFSET))
    weights, biases = signed(run, box, WEIGHTS.steps, s.features), signed(run, box, BIAS.steps, 1)
    for n in range(z.shape[1]):
        block = n // s.block_size
        own = weights[: len(z), block, : s.features]
        z[:, n] = own @ (powers * features[:, n])[: s.features]
        if n < s.rows:
            z[:, n] -= own @ offsets[: s.features]
        if n < s.rows or block >= s.blocks:  # blocks past the last have biases, if anything
            z[:, n] += biases[: len(z), block, 0] << s.scales.x_bits
    return (z % MODULUS).astype(np.uint64)


def test_consistent_junk_proves_the_same_model(run: Declared, true_columns: Columns) -> None:
    box = with_junk(run, true_columns)
    assert not np.array_equal(box[data_set.FEATURES], filled(run.shape, true_columns)[data_set.FEATURES])
    outcome = prove(run.shape, box, commitments(run.shape, box), prover=JunkProver)
    assert outcome.prover.lies == frozenset()
    assert outcome.verdict() == "valid"
    assert np.array_equal(box[COEFFICIENTS][:FEATURES], true_columns[COEFFICIENTS])


def test_no_column_of_the_scaler_can_hold_junk(run: Declared, true_columns: Columns) -> None:
    """A feature that is none has no mean, spread or rate: each is zero there by force, and so is its weight."""
    box, accepted = filled(run.shape, true_columns), []
    for name in [*own_columns(run), COEFFICIENTS]:
        assert box[name].shape[-1] == FEATURES + 1, name
        place = (..., SPARE)
        junk = box[name].copy()
        junk[place] = random_field(*junk[place].shape) if junk[place].shape else random_field(1)[0]
        outcome = prove(run.shape, box | {name: junk}, prover=JunkProver)
        if not outcome.prover.lies:  # of which one verdict is as good as that of all
            accepted.append(name)
    assert not accepted and outcome.verdict() == "constraints"
