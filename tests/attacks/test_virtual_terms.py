"""A product of three factors, and a factor that is the claim of a later sum: none of them can be lied about."""

from __future__ import annotations

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import Address
from zkunlearn.verifier.protocol.proof import ProofShape

from ..toys import COUNTS, FEATURES, GAMMA, RATES, RESIDUALS, STEPS, ScaledGradient
from .harness import Columns, assert_caught, assert_valid, changed, matrix_shape, prove

ROWS, FEATURE_COUNT, ROW_BITS = 11, 5, 6
RELATION = ScaledGradient(ROWS, FEATURE_COUNT)
SHAPE = ProofShape(RELATION, {"dataset": matrix_shape("dataset", RELATION.columns["dataset"], ROW_BITS)})


def columns_of(counts: np.ndarray | None = None) -> Columns:
    rng = np.random.default_rng(4)
    features, residuals = rng.integers(-9, 10, (FEATURE_COUNT, ROWS)), rng.integers(-9, 10, ROWS)
    own = rng.integers(0, 3, ROWS) if counts is None else counts
    gamma, rates = features @ (residuals * own), rng.integers(1, 9, FEATURE_COUNT)
    values = {FEATURES: features, RESIDUALS: residuals, COUNTS: own, RATES: rates, GAMMA: gamma, STEPS: rates * gamma}
    return {column: to_field(cells) for column, cells in values.items()}


def test_a_virtual_term_and_three_factors_are_proved() -> None:
    outcome = prove(SHAPE, columns_of())
    assert_valid(outcome)


def test_rounds_of_three_factors_are_paid_for() -> None:
    errors = {label: {r.error for r in SHAPE.plan.rounds if r.label == label} for label in ("scaled", "gradient")}
    assert errors == {"scaled": {1, 3}, "gradient": {4}}  # "scaled" is the label of the random point, too


def test_a_wrong_virtual_value_is_rejected_by_the_sum_that_it_claims() -> None:
    """The steps agree with it, so that nothing else can tell."""
    columns = columns_of()
    wrong = changed(columns, GAMMA, (2,), 77)
    assert_caught(prove(SHAPE, changed(wrong, STEPS, (2,), 77 * int(columns[RATES][2]))), "gradient")


@pytest.mark.parametrize(("column", "lie"), [(STEPS, "scaled"), (RATES, "scaled")], ids=["steps", "rates"])
def test_a_wrong_product_with_the_virtual_value_is_rejected(column: Address, lie: str) -> None:
    assert_caught(prove(SHAPE, changed(columns_of(), column, (3,), 77)), lie)


@pytest.mark.parametrize("column", [FEATURES, RESIDUALS, COUNTS], ids=["first", "second", "third"])
def test_a_lie_in_any_of_three_factors_is_rejected(column: Address) -> None:
    """The third was once ignored."""
    place = (0, 4) if column == FEATURES else (4,)
    assert_caught(prove(SHAPE, changed(columns_of(np.ones(ROWS, dtype=int)), column, place, 50)), "gradient")
