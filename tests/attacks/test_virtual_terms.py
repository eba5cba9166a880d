"""A product of three factors, and a factor that is the claim of a later sum: none of them can be lied about."""

from __future__ import annotations

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import K, kscalar, to_field
from zkunlearn.circuits.language.hidden import Hidden
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.relation import Sum, SumResult
from zkunlearn.prover import kernels
from zkunlearn.prover.matrices.values import eq_table
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.prover.protocol.sumcheck import cube_table, prove_rounds, sum_table
from zkunlearn.verifier.protocol.proof import ProofShape, sum_claims
from zkunlearn.verifier.protocol.sumcheck import require_summand

from ..toys import COUNTS, FEATURES, GAMMA, RATES, RESIDUALS, STEPS, ScaledGradient
from .harness import Columns, assert_caught, assert_valid, changed, matrix_shape, prove
from .test_pushed_lies import hidden_value

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


def test_a_product_of_the_first_two_solved_for_is_rejected_by_its_own_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong virtual value is what the third factor makes of a product that is sent, and is of no two factors."""

    class Solving(ProverSteps):
        def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
            if statement.name != "gradient":
                return super().sumcheck(statement, claim)
            channel = self.channel
            terms = [[self.columns.term(t, statement.variables) for t in own.terms] for own in statement.factors]
            factors = [cube_table(statement.groups, statement.weight)]
            factors += [sum_table(statement, i, tables) for i, tables in enumerate(terms)]
            point, left, (ended,) = prove_rounds(channel, statement.name, np.stack(factors)[None], claim)
            at = eq_table(point)
            values = tuple(tuple(channel.send([K(*kernels.kdot(t, at)) for t in tables])) for tables in terms)
            others = kscalar(ended[0, :, 0]) * kscalar(ended[3, :, 0])
            (half,) = channel.send([hidden_value(channel, left) * others.inverse()])
            require_summand(channel, statement, left, point, values, half)
            result = SumResult(point, values)
            self.claims += sum_claims(statement, result)
            return result

    columns = columns_of(np.ones(ROWS, dtype=int))
    wrong = changed(columns, GAMMA, (2,), 77)
    lie = changed(wrong, STEPS, (2,), 77 * int(columns[RATES][2]))
    monkeypatch.setattr(prover_protocol, "ProverSteps", Solving)
    assert_caught(prove(SHAPE, lie), "gradient")
