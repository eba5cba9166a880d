"""A total that is sent is a value like others: a false one is rejected by its own sum, and by what it is used for."""

from __future__ import annotations

from typing import Any

import pytest
from zkunlearn.circuits.field.goldilocks import ONE
from zkunlearn.circuits.language.hidden import Hidden
from zkunlearn.circuits.language.relation import Sum
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.prover.protocol.sumcheck import sum_value

from .harness import Declared, assert_caught, columns_of, declare, descend, prove

PLAIN = {"update": {"gradient"}, "bias decay": {"gradient"}}
STANDARDIZED = {
    **{name: {"parts"} for name in (*PLAIN, "scaled gradient")},
    "residuals": {"parts", "gradient"},  # which no sum of its own proves, but the one over rows
    "means": {"moments"},
    "variances": set(),  # what it is used for is the other sum of this name
    "means of scores": {"product"},
    "intercept": set(),
}


def totals(declared: Declared, columns: Any, monkeypatch: pytest.MonkeyPatch, false: str = "") -> tuple[Any, list[str]]:
    """A proof in which the totals of one name are false, and the names of all."""
    names: list[str] = []

    class Lying(ProverSteps):
        def total(self, statement: Sum) -> Hidden:
            names.append(statement.name)
            value = sum_value(statement, self.columns)
            return self.channel.send([value + ONE if statement.name == false else value])[0]

    monkeypatch.setattr(prover_protocol, "ProverSteps", Lying)
    return prove(declared.shape, columns), names


@pytest.mark.parametrize(("standardize", "expected"), [(False, PLAIN), (True, STANDARDIZED)], ids=["plain", "other"])
def test_every_false_total_is_rejected(
    data: Any, monkeypatch: pytest.MonkeyPatch, standardize: bool, expected: dict[str, set[str]]
) -> None:
    own = declare(standardize=standardize, learning_rate=1.0, l2=0.1)
    columns = columns_of(own, data, descend(own, data))
    outcome, names = totals(own, columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names) == set(expected)
    for name, reasons in expected.items():
        outcome, _ = totals(own, columns, monkeypatch, name)
        assert_caught(outcome, *reasons, *({name} - {"residuals"}))
