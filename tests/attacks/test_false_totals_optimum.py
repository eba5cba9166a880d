"""False totals, and false values of virtual columns, in certified optima."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.multilinear import eq_table
from zkunlearn.circuits.language.hidden import Hidden
from zkunlearn.circuits.language.relation import Sum
from zkunlearn.circuits.relations import residual as relation_of_rows
from zkunlearn.circuits.relations.certified import SLACK
from zkunlearn.circuits.relations.iterations import eq_on
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.models.methods.certificate import GRADIENT_BITS
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.prover.protocol.sumcheck import sum_value

from .harness import CLASSES, assert_caught, classed, prove
from .linear_optimum_runs import declare_linear, honest
from .linear_optimum_runs import values as linear_values
from .optimum_runs import Found, OptimumDeclared, committed, declare_optimum, found, integers, told, values
from .test_false_totals import totals
from .test_lying_optimum import concluded, found_at

LEFT_OUT = 1


def test_every_false_total_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    own, data = declare_optimum(), values()
    columns: Any = told(own, data, found(data, own.schedule))
    declared: Any = own
    outcome, names = totals(declared, columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names) == {"norm"}
    outcome, _ = totals(declared, columns, monkeypatch, "norm")
    assert_caught(outcome, "norm")


@pytest.mark.parametrize("bias", [True, False])
def test_every_false_total_of_several_classes_is_rejected(monkeypatch: pytest.MonkeyPatch, bias: bool) -> None:
    own: Any = declare_optimum(classes=CLASSES, bias=bias)
    columns: Any = told(own, classed(), found(classed(), own.schedule))
    outcome, names = totals(own, columns, monkeypatch)
    assert outcome.prover.lies == frozenset()
    assert set(names) == {"norm", "norm of intercepts", "slack"} - (set() if bias else {"norm of intercepts"})
    for name in set(names):
        outcome, _ = totals(own, columns, monkeypatch, name)
        assert_caught(outcome, "norm", name)


def test_gradients_of_classes_that_are_too_long_are_rejected_by_the_sum_of_their_squares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A false total of the weights' squares that leaves nothing of the radius, as is said."""
    own, data = declare_optimum(classes=CLASSES), classed()
    weights = found(data, own.schedule).settled.weights
    first = np.zeros_like(weights)
    first[1, 0] = 1
    moved = (found_at(own, data, weights + by * first) for by in range(own.schedule.distance))
    lie = next(each for each in moved if each.settled.slack < 0 and fits(each))

    class Lying(ProverSteps):
        def total(self, statement: Sum) -> Hidden:
            less = lie.settled.slack if statement.name == "norm" else 0
            return self.channel.send([sum_value(statement, self.columns) + less])[0]

    monkeypatch.setattr(prover_protocol, "ProverSteps", Lying)
    said = integers(own, lie) | {SLACK: np.array([0, 0, 0]).astype(object)}
    assert_caught(prove(own.shape, committed(own, data, said)), "norm")


def test_every_false_total_of_a_linear_model_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    own: Any = declare_linear()
    columns = honest(own, linear_values())
    outcome, names = totals(own, columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names) == {"norm"}
    outcome, _ = totals(own, columns, monkeypatch, "norm")
    assert_caught(outcome, "norm")


def fits(lie: Found) -> bool:
    """Whether all but what is left of the radius is in its range."""
    s = lie.settled
    return bool(min(s.below.min(), s.above.min()) >= 0 and np.abs(s.cut).max() < 1 << (GRADIENT_BITS - 1))


def test_a_gradient_that_is_too_long_is_rejected_by_the_sum_of_its_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights too far from the optimum, with a false total that leaves nothing of the radius, as is said."""
    own, data = declare_optimum(), values()
    weights, first = found(data, own.schedule).settled.weights, np.eye(own.schedule.width, dtype=np.int64)[0]
    moved = (found_at(own, data, weights + by * first) for by in range(own.schedule.distance))
    lie = next(each for each in moved if each.settled.slack < 0 and fits(each))

    class Lying(ProverSteps):
        def total(self, statement: Sum) -> Hidden:
            return self.channel.send([sum_value(statement, self.columns) + lie.settled.slack])[0]

    monkeypatch.setattr(prover_protocol, "ProverSteps", Lying)
    said = integers(own, lie) | {SLACK: np.array([0]).astype(object)}
    assert_caught(prove(own.shape, committed(own, data, said)), "norm")


def test_a_gradient_of_a_feature_that_is_left_out_is_rejected_by_its_own_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weight, of which scores know nothing, is one with which the gradient of all features vanishes."""
    whole, data = declare_optimum(), values()
    shape = replace(whole.data, names=("a", "b", "c"))
    own = OptimumDeclared(whole.spec.leaving_out(["b"]), shape, whole.forgotten)
    s, honest, (X, y) = own.schedule, found(data, own.schedule), data
    of_loss = int(X[:, LEFT_OUT] @ honest.rows.residuals(y, s)) << s.raised

    def said(weight: int) -> Found:
        weights, gradient = honest.settled.weights.copy(), honest.settled.gradient.copy()
        weights[LEFT_OUT], gradient[LEFT_OUT] = weight, of_loss + s.penalty * weight
        return concluded(own, honest.rows, weights, gradient, s)

    nearest = -of_loss // s.penalty
    tried = (said(nearest + by) for by in range(-s.distance, s.distance))
    lie = next(each for each in tried if each.settled.slack >= 0 and fits(each))

    def of_all(k: Any, size: int, without: Any = ()) -> Any:
        return replace(eq_on(k, size, without), table=lambda: eq_table(k)[:, :size])

    columns = told(own, data, lie)
    assert columns[COEFFICIENTS][0, LEFT_OUT] != 0
    with monkeypatch.context() as patch:
        patch.setattr(relation_of_rows, "eq_on", of_all)
        outcome = prove(own.shape, columns)
    assert_caught(outcome, "used features")
