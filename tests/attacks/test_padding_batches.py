"""Junk in cells that are no cells, of mini-batches of shards: inert, or not to be had.

Batches past the last of a stage, which have places, and so rows, of which none is of the prefix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.descent_columns import PREDICTIONS, Q, Z
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.standardization import POWER
from zkunlearn.circuits.relations.standardized_stage import StandardizedStage
from zkunlearn.prover.matrices.entropy import random_field

from .harness import Columns, assert_caught, assert_valid
from .sisa_runs import FEATURES, Data, SisaDeclared, declare_sisa, declare_standardized, told, trained, values
from .test_padding_sisa import JUNK, SPARE, Part, filled, of_junk, parts

STAGE, BATCHES = 2, 3  # of three stages the one whose batches are three, on an axis of four


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module", params=[False, True], ids=["as they are", "standardised"])
def own(request: pytest.FixtureRequest) -> SisaDeclared:
    return (declare_standardized if request.param else declare_sisa)(slices=3, batch_size=2)


@pytest.fixture(scope="module")
def columns(own: SisaDeclared, data: Data) -> Columns:
    return told(own, data, trained(own, data))


def past(part: Part) -> list[tuple[int, int, int]]:
    """Rows of the batch past the last of each shard, and the row of the data set that is at its place."""
    s = part.relation.schedule
    assert s.stage is not None and (s.batches, s.block_size) == (BATCHES, 2)
    rows = [n for n in range(s.rows) if n % s.shard_places // s.block_size == SPARE]
    return [(n, n // s.shard_places, int(s.stage.positions[n])) for n in rows]


def with_scores(part: Part) -> None:
    """z of these rows, of whichever weights there are."""
    s, features = part.relation.schedule, part.box[data_set.FEATURES].astype(object)
    weights, biases = (part.joined(parameter.steps, s.weight_bits) for parameter in (WEIGHTS, BIAS))
    for n, shard, row in past(part):
        x = features[:FEATURES, row]
        if isinstance(part.relation, StandardizedStage):
            x = x * part[POWER][shard, :FEATURES].astype(object)
        z = weights[:, :, shard, SPARE, :FEATURES] @ x + (biases[:, :, shard, SPARE] << s.scales.x_bits)
        part[Z][..., n] = (z % MODULUS).astype(np.uint64)


def with_junk(own: SisaDeclared, columns: Columns) -> Columns:
    """Weights and biases of batches past the last, and what would be looked up of their rows."""
    part = parts(own, filled(own.shape, columns))[STAGE - 1]
    s = part.relation.schedule
    for parameter in part.relation.parameters:
        for limb in part.limbs(parameter.steps, s.weight_bits):
            cells = limb[:, : s.epochs, : s.blocks, SPARE]
            cells[...] = random_field(*cells.shape)
            if parameter == WEIGHTS:  # a weight past the last
                cells[..., FEATURES] = 0
    for name in (Q, PREDICTIONS):
        for n, _, _ in past(part):
            part[name][:, : s.epochs, n] = random_field(s.epochs)
    with_scores(part)
    return part.box


def test_consistent_junk_proves_the_same_models(own: SisaDeclared, columns: Columns) -> None:
    box = with_junk(own, columns)
    outcome = of_junk(own, box)
    assert_valid(outcome)
    for part in parts(own, box):
        real = columns[part.naming.address(COEFFICIENTS)]
        assert np.array_equal(part[COEFFICIENTS][tuple(map(slice, real.shape))], real)


CELLS: dict[str, tuple[Address, tuple[int, ...], bool, str]] = {
    "a weight that no score knows": (WEIGHTS.steps, (0, 1, 0, SPARE, 1), False, "product"),
    "a bias that no score knows": (BIAS.steps, (0, 1, 0, SPARE), False, "product"),
    "what is left of an update of a weight": (WEIGHTS.remainder, (0, 1, 0, SPARE, 1), True, "gradient"),
    "what is left of an update of a bias": (BIAS.remainder, (0, 1, 0, SPARE), True, "gradient"),
}


@pytest.mark.parametrize("what", CELLS)
def test_junk_that_nothing_explains_is_rejected(own: SisaDeclared, columns: Columns, what: str) -> None:
    integer, cell, scored, reason = CELLS[what]
    part = parts(own, filled(own.shape, columns))[STAGE - 1]
    if reason == "gradient" and isinstance(part.relation, StandardizedStage):
        reason = "parts"
    part[limb_addresses(integer, 32)[0]][cell] = JUNK
    if scored:
        with_scores(part)
    outcome: Any = of_junk(own, part.box)
    assert_caught(outcome, f"shards 0 to 2, stage {STAGE}: {reason}")
