"""An owner who commits afresh to other models than those of the training."""

from __future__ import annotations

from typing import Any

import pytest
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.recommitment import NEW_MODEL
from zkunlearn.circuits.relations.sisa import part_name

from .harness import Columns, Outcome, assert_caught, changed, prove
from .sisa_runs import declare_sisa, linked_columns, linked_shape, told, trained, values

DECLARED = declare_sisa()
SHAPE = linked_shape(DECLARED)
(RUN,) = DECLARED.schedule.runs
STAGES = (1, 2)


def name_of(stage: int, column: Address) -> str:
    return part_name(RUN, stage) + column.name


def new(stage: int, column: Address) -> Address:
    return Address(NEW_MODEL, name_of(stage, column))


def equation(stage: int, column: Address) -> str:
    return f"recommitment of {name_of(stage, column)}"


@pytest.fixture(scope="module")
def columns() -> Columns:
    return linked_columns(told(DECLARED, values(), trained(DECLARED, values())))


def lying(columns: Columns, **others: Any) -> Outcome:
    return prove(SHAPE, columns, **others)


def test_the_harness_commits_afresh_to_what_was_trained(columns: Columns) -> None:
    outcome = lying(columns)
    assert outcome.verdict() == "valid" and not outcome.prover.lies


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("column", [COEFFICIENTS, INTERCEPT], ids=["weights", "intercept"])
def test_one_cell_that_is_another_is_rejected(stage: int, column: Address, columns: Columns) -> None:
    cells = columns[new(stage, column)]
    other = changed(columns, new(stage, column), (0, *(0,) * (cells.ndim - 1)), 12345)
    assert_caught(lying(other), equation(stage, column))


def test_weights_of_two_features_that_change_places_are_rejected(columns: Columns) -> None:
    name = new(2, COEFFICIENTS)
    permuted = columns[name].copy()
    permuted[..., [0, 1]] = permuted[..., [1, 0]]
    assert_caught(lying(columns | {name: permuted}), equation(2, COEFFICIENTS))


def test_models_of_two_shards_that_change_places_are_rejected(columns: Columns) -> None:
    name = new(2, COEFFICIENTS)
    permuted = columns[name].copy()
    permuted[:, [0, 1]] = permuted[:, [1, 0]]
    assert_caught(lying(columns | {name: permuted}), equation(2, COEFFICIENTS))


def test_models_of_another_stage_are_rejected(columns: Columns) -> None:
    """Stage 1 of every shard, in the place of stage 2."""
    early = {new(2, column): columns[new(1, column)] for column in (COEFFICIENTS, INTERCEPT)}
    assert_caught(lying(columns | early), *(equation(2, column) for column in (COEFFICIENTS, INTERCEPT)))
