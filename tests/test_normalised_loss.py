"""The log-loss of models of several classes: of what `predict_proba` says, proved, and refused where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.evaluation import MIN_ROWS
from zkunlearn.errors import ParameterError
from zkunlearn.prover.witnesses.evaluation import scores, true_evaluation

from .reference import losses as second
from .test_evaluation import BOUNDS, SPEC, of_classes, restated, verdict

PROBIT = zu.TrainingSpec(model="probit", epochs=3, learning_rate=0.5, standardize=True)


@dataclass(frozen=True)
class Made:
    holdout: zu.Dataset
    models: tuple[Any, Any]
    both: zu.EvaluationProof


@pytest.fixture(scope="module")
def made() -> Made:
    """Of a hold-out of which a row was destroyed, by a logistic and by a probit model."""
    data, whole = (zu.commit(*of_classes(rows, seed), bounds=BOUNDS, openings=9) for rows, seed in ((40, 1), (104, 2)))
    models = zu.prove(data, SPEC), zu.prove(data, PROBIT)
    gone = zu.prove(whole, SPEC, forget=["7"])
    holdout, _ = zu.destroy(whole, ["7"], forgotten_by=gone.proof, openings=9)
    return Made(holdout, models, zu.evaluate(holdout, [each.secret for each in models], confusion=True))


def test_both_verifiers_accept_it(made: Made) -> None:
    assert verdict(made.both) == "valid" and made.both.statement.rows == 103


def live(made: Made) -> np.ndarray:
    return made.both.statement.live.mask()


@pytest.mark.parametrize("number", [0, 1])
def test_the_loss_is_that_of_the_probabilities_that_are_predicted(made: Made, number: int) -> None:
    X, y = of_classes(104, 2)
    proba = made.models[number].model.predict_proba(X)
    at = {text: place for place, text in enumerate(made.models[number].model.classes_)}
    kept = np.arange(104) != 7
    loss = -np.log(proba[np.arange(104), [at[text] for text in y]])[kept].mean()
    low, high = made.both.statement.log_loss(number)
    assert low - 2e-3 <= loss <= high + 2e-3, "features are rounded first"


@pytest.mark.parametrize("number", [0, 1])
def test_the_true_loss_of_the_integers_is_within_and_the_interval_is_as_narrow_as_declared(
    made: Made, number: int
) -> None:
    """By decimal numbers: no loss is outside; a cell, a unit of sums, of losses and two steps are the width."""
    relation: Any = made.both.statement.predictions.models[number]
    z = scores(made.holdout.rows, made.models[number].secret.integers)
    total, width = Decimal(0), Decimal(0)
    with localcontext() as context:
        context.prec = 40
        for n in np.flatnonzero(live(made)).tolist():
            own = [Decimal(int(score)) / (1 << relation.loss.score_scale) for score in z[:, n]]
            chances, slopes = zip(*(chance_of(relation.loss.family, score) for score in own), strict=True)
            y = int(made.holdout.rows.labels[n])
            total -= (chances[y] / sum(chances)).ln()
            width += (slopes[y] / chances[y] + sum(slopes) / sum(chances)) / 512
        count = int(live(made).sum())
        low, high = made.both.statement.log_loss(number)
        assert Decimal(low) <= total / count <= Decimal(high)
        unit = Decimal(2) / (1 << relation.loss.sum_bits) + Decimal(4) / 65536
        steps = 2 * Decimal(2) ** (relation.loss.step_bits - 16) / count
        assert Decimal(high - low) <= Decimal("1.02") * width / count + unit + steps


def chance_of(family: str, score: Decimal) -> tuple[Decimal, Decimal]:
    """What is predicted, and how fast it rises."""
    if family == "logistic":
        chance = 1 / (1 + (-score).exp())
        return chance, chance * (1 - chance)
    density = (-score * score / 2).exp() / (2 * second.PI).sqrt()
    half, term, n = score, score, 1
    while abs(term) > Decimal("1e-38"):
        n += 2
        term = term * score * score / n
        half += term
    return Decimal("0.5") + density * half, density


@pytest.mark.parametrize("number", [0, 1])
def test_steps_are_those_of_the_definition_in_plain_integers(made: Made, number: int) -> None:
    """Row by row, with the tables of the second verifier."""
    relation: Any = made.both.statement.predictions.models[number]
    own = relation.loss
    z = scores(made.holdout.rows, made.models[number].secret.integers)
    low, high = second.chance_bounds(own.family, 32 - 2)
    losses = second.LOSSES_OF["losses" if own.family == "logistic" else "probit losses"]()
    logs, least, most = second.logarithms(14), 0, 0
    for n in np.flatnonzero(live(made)).tolist():
        cells = [(int(score) >> (own.score_scale - 9)) + (1 << 15) for score in z[:, n]]
        y = int(made.holdout.rows.labels[n])
        below, beyond = sum(low[q] for q in cells) >> 16, sum(high[q] for q in cells) >> 16
        least += losses[0][cells[y]] + logs[below] if below else 0
        most += losses[1][cells[y]] + logs[beyond + 1] + 1
    step = 1 << own.step_bits
    assert own.loss == (least // step, -(-most // step))


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("steps", [(1, 0), (0, -1), (-1, -1)])
def test_other_bounds_under_the_same_proof_are_rejected(made: Made, number: int, steps: tuple[int, int]) -> None:
    result: Any = made.both.statement.results[number]
    low, high = (own + step for own, step in zip(result.loss, steps, strict=True))
    assert verdict(restated(made.both, number, loss=(low, high))) == "constraints"


def test_bounds_that_cannot_be_are_refused(made: Made) -> None:
    result: Any = made.both.statement.results[0]
    low, high = result.loss
    for lie in ((high + 1, high), (low, 1 << 61), (-(1 << 61), high)):
        assert verdict(restated(made.both, 0, loss=lie)) == "statement", lie
    assert verdict(restated(made.both, 0, loss=None)) == "proof length"
    told = restated(made.both, 0, loss=(-3, high))
    assert verdict(told) == "constraints" and told.statement.log_loss(0)[0] == 0.0, "no loss is negative"


def test_a_model_that_forgot_a_class_has_no_loss(made: Made) -> None:
    """Rows of this class have no probability; beside it, another model's is stated."""
    data = zu.commit(*of_classes(40, 1), bounds=BOUNDS, openings=9)
    after = zu.prove(data, SPEC, forget_classes=["b"])
    with pytest.raises(ParameterError, match="forgot a class has no log-loss"):
        zu.evaluate(made.holdout, after.secret, loss=True)
    both = zu.evaluate(made.holdout, [after.secret, made.models[0].secret])
    first: Any = made.both.statement.results[0]
    assert [result.loss for result in both.statement.results] == [None, first.loss] and verdict(both) == "valid"
    assert verdict(restated(both, 0, loss=first.loss)) == "statement"


def test_scores_beyond_the_tables_are_refused_by_their_number(made: Made) -> None:
    draft = made.both.statement.predictions
    one = replace(draft, models=draft.models[:1])
    with pytest.raises(ParameterError, match=r"\d+ of the rows have scores beyond 64, where the tables of losses end"):
        true_evaluation(one, made.holdout.rows, [made.models[0].secret.integers * (1 << 9)])


def test_it_is_left_out_on_demand(made: Made) -> None:
    found = zu.evaluate(made.holdout, made.models[0].secret, loss=False)
    assert found.statement.log_loss(0) is None and found.statement.rows > MIN_ROWS
    assert len(found.proof) < len(made.both.proof)
