"""A prover who sends for a total what an equation asks for, be it the value of the sum or not.

The equation is known when the total is sent, as nothing is drawn in between that it depends on: so the prover walks up
to it, solves, and walks again. What he commits to is a lie that breaks this equation alone; nothing but the sum itself
then says that the total is false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import pytest
from zkunlearn.circuits.field.goldilocks import ONE, K
from zkunlearn.circuits.language.hidden import Constraint, Hidden, Product, evaluate_constraint
from zkunlearn.circuits.language.relation import Sum, SumResult
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.channel import ProverChannel
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.prover.protocol.sumcheck import sum_value
from zkunlearn.verifier.protocol.proof import ProofShape

from .harness import CheatingProver, Columns, Outcome, prove


class Solved(Exception):
    """What a total has to be."""


def copied(channel: ProverChannel) -> ProverChannel:
    """As it is now: what is sent there stays unknown here."""
    found, transcript = copy(channel), copy(channel.transcript)
    transcript._sponge = sponge = copy(transcript._sponge)
    sponge._hash = sponge._hash.copy()
    found.transcript, found.values, found.proof = transcript, list(channel.values), bytearray(channel.proof)
    found.program = copy(channel.program)
    found.program.nodes, found.program.constraints = list(found.program.nodes), list(found.program.constraints)
    return found


def fitted(
    shape: ProofShape, columns: Columns, equations: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Outcome:
    """A proof in which totals fit.

    Args:
        equations: by the name of a total, that of the equation for which it is solved: the next one of this name,
            but for the total's own sum.
    """
    known: list[K] = []

    class Fitting(ProverSteps):
        def __init__(self, channel: Any, columns: Any) -> None:
            super().__init__(channel, columns)
            self.sent = self.place = 0
            self.pending: Sum | None = None

        def total(self, statement: Sum) -> Hidden:
            if statement.name not in equations:
                return super().total(statement)
            self.sent += 1
            if self.sent <= len(known):
                return self.channel.send([known[self.sent - 1]])[0]
            (told,) = self.channel.send([sum_value(statement, self.columns)])
            self.pending, self.place = statement, len(self.channel.values) - 1
            return told

        def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
            if self.pending is not None and statement is not self.pending:
                self.solve(statement.name, claim - sum_value(statement, self.columns))
            return super().sumcheck(statement, claim)

        def require_zero(self, check: str, expression: Hidden, products: Sequence[Product] = ()) -> None:
            self.solve(check, expression, products)
            super().require_zero(check, expression, products)

        def solve(self, check: str, expression: Hidden, products: Sequence[Product] = ()) -> None:
            """For the total that is pending, in which the equation is linear."""
            if self.pending is None or check != equations[self.pending.name]:
                return
            told, constraint = self.channel.values[self.place], Constraint(check, expression, tuple(products))
            at_told, beside = self.missing(constraint, told), self.missing(constraint, told + ONE)
            known.append(told - at_told * (beside - at_told).inverse())
            raise Solved

        def missing(self, constraint: Constraint, total: K) -> K:
            """What the equation lacks where the total is another one."""
            entries = [*self.channel.values]
            entries[self.place] = total
            return evaluate_constraint(constraint, self.channel.program.assign(entries, ONE), ONE)

    class Prover(CheatingProver):
        def walk(self) -> None:
            begun, solving = self.channel, True
            while solving:
                self.channel = copied(begun)
                try:
                    super().walk()
                    solving = False
                except Solved:
                    continue

    with monkeypatch.context() as patch:
        patch.setattr(prover_protocol, "ProverSteps", Fitting)
        outcome = prove(shape, columns, prover=Prover)
    assert known, "no total has one of these names"
    return outcome
