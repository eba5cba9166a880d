"""Lookups on some ranges of rows: what is in them is checked, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P, to_field
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.relation import LIMB
from zkunlearn.verifier.protocol.proof import ProofShape

from ..reference import relations
from ..toys import AMOUNTS, Shards
from .harness import Columns, assert_caught, assert_valid, changed, matrix_shape, prove, recount

ROWS, RANGES, HOLES = 21, ((2, 7), (7, 9), (13, 18)), (3, 17)
COUNTED = [2, 4, 5, 6, 7, 8, 13, 14, 15, 16]
BITS = [24, 3]  # of a section: one, or parts of eight rows


@pytest.fixture(params=BITS, ids=["one section", "parts"])
def shape(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ProofShape:
    monkeypatch.setattr(tables, "SECTION_BITS", request.param)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", request.param)
    relation = Shards(ROWS, RANGES, HOLES)
    assert len(relation.sections) == (3 if request.param == 3 else 1)
    return ProofShape(relation, {"dataset": matrix_shape("dataset", relation.columns["dataset"], 6)})


def amounts(shape: ProofShape) -> Columns:
    """16-bit integers where they are checked, anything elsewhere."""
    cells = np.random.default_rng(1).integers(LIMB, P, ROWS, dtype=np.uint64)
    cells[COUNTED] = to_field(np.arange(len(COUNTED)) * 7000)
    return recount(shape.relation, {AMOUNTS: cells})


def test_what_is_beside_the_ranges_is_not_looked_up(shape: ProofShape) -> None:
    outcome = prove(shape, amounts(shape))
    assert_valid(outcome)


@pytest.mark.parametrize("row", [2, 6, 7, 16])
def test_a_cell_out_of_its_table_within_a_range_is_rejected(shape: ProofShape, row: int) -> None:
    assert row in COUNTED
    assert_caught(prove(shape, recount(shape.relation, changed(amounts(shape), AMOUNTS, (row,), LIMB))), "lookup sum")


def test_a_lookup_counted_for_a_row_beside_the_ranges_is_rejected(shape: ProofShape) -> None:
    """Were the row one of the shard, its amount would be counted."""
    columns = changed(amounts(shape), AMOUNTS, (10,), 5)
    column = tables.RANGE_COUNTS
    assert_caught(prove(shape, changed(columns, column, (0, 5), int(columns[column][0, 5]) + 1)), "lookup sum")
