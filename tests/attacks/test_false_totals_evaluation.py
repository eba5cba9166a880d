"""False totals in evaluations: scores that are said to be others than those of model and row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.multilinear import eq_index
from zkunlearn.circuits.language.hidden import Hidden
from zkunlearn.circuits.language.relation import Sum
from zkunlearn.circuits.relations.two_classes import TwoClasses
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.prover.protocol.sumcheck import sum_value

from .evaluations import (
    FIRST,
    LIVE,
    columns_of,
    data,
    models,
    predictions,
    relation,
    right_of,
    scores,
    shape_of,
    stating,
)
from .harness import assert_caught, prove
from .test_false_totals import totals


def test_every_false_total_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    declared: Any = SimpleNamespace(shape=shape_of())
    outcome, names = totals(declared, columns_of(), monkeypatch)
    used = {f"score of {own.scored.matrix}": (f"flip of {own.scored.matrix}",) for own in relation().models}
    used |= {own.name: () for judged in relation().models if isinstance(judged, TwoClasses) for own in judged.bounds}
    assert outcome.prover.lies == frozenset() and set(names) == set(used)
    for name in used:
        outcome, _ = totals(declared, columns_of(), monkeypatch, name)
        assert_caught(outcome, name, *used[name])


def test_a_score_that_is_false_wherever_it_is_used_is_rejected_by_its_own_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is predicted wrong is said to have a score of the other sign, and all that follows from that."""
    own, z = relation().models[0], scores(models()[0])
    assert isinstance(own, TwoClasses)
    wrong = int(np.flatnonzero(~right_of(models()[0]) & LIVE.mask())[0])
    told = np.where(np.arange(len(z)) == wrong, 1 if data()[1][wrong] == 1 else 0, z)

    class Lying(ProverSteps):
        def total(self, statement: Sum) -> Hidden:
            value = sum_value(statement, self.columns)
            if statement.name == f"score of {FIRST}":
                point: Any = statement.factors[0].terms[0].at["row"]
                value = value + eq_index(point, wrong) * int(told[wrong] - z[wrong])
            return self.channel.send([value])[0]

    monkeypatch.setattr(prover_protocol, "ProverSteps", Lying)
    lie = prove(shape_of(stating(right=own.right + 1)), columns_of(predictions(own, told)))
    assert_caught(lie, f"score of {FIRST}")
