"""Sums of squares over a large column: message by message those of the sum written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K
from zkunlearn.circuits.language.hidden import public
from zkunlearn.circuits.language.layout import Address, Axis
from zkunlearn.circuits.language.relation import Factor, PublicVector, Sum, Term, outer, variables
from zkunlearn.circuits.relations.iterations import eq_on
from zkunlearn.circuits.relations.signed import constant_on
from zkunlearn.circuits.relations.standardization import counted
from zkunlearn.models.live import Live
from zkunlearn.prover.matrices.values import Columns
from zkunlearn.prover.protocol import squares, sumcheck
from zkunlearn.prover.protocol.channel import ProverChannel
from zkunlearn.prover.protocol.ledger import violated
from zkunlearn.verifier.protocol.transcript import Transcript

X = Address("dataset", "features")
SIZES = [(1, 1), (1, 9), (3, 1), (5, 13), (8, 16), (70, 33), (129, 20)]


def moments(features: int, rows: int, forgotten: tuple[int, ...] = ()) -> tuple[Sum, Columns]:
    """As of circuits/relations/standardization.py, the largest integers among the cells."""
    feature, row = Axis("feature", features), Axis("row", rows)
    k, n = variables(0, feature.bits), variables(feature.bits, row.bits)
    own = Term(ONE, X, {"feature": k, "row": n})
    both = Factor((own,), constant_on((feature, row), K(3, 5)))
    point = tuple(K(i + 2, 7 * i) for i in range(feature.bits))
    weight = outer(eq_on(point, features), counted(Live(rows, forgotten), row), feature.bits)
    rng = np.random.default_rng(features)
    cells = rng.choice([-(1 << 15), (1 << 15) - 1, 0, 77], (features, rows)).astype(np.int16)
    return Sum("moments", (feature.bits, row.bits), weight, (Factor((own,)), both)), Columns(
        {X: (feature, row)}, {X: cells}
    )


def proof_of(statement: Sum, columns: Columns, claim: K) -> tuple[bytes, list[K], Any, list[str]]:
    """What is sent with pads of zero, where the sum ended, and the equations that do not hold."""
    channel = ProverChannel(Transcript(b"squares", b"test", b""))
    channel.use_pads([ZERO] * 400)
    result = sumcheck.prove_sum(channel, statement, public(claim), columns)
    return bytes(channel.proof), channel.values, result.point, violated(channel.program, channel.values)


@pytest.mark.parametrize("leading", [1, 6], ids="{} bits at first".format)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_message_is_that_of_the_sum_written_out(
    sizes: tuple[int, int], leading: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, columns = moments(*sizes, forgotten=(0, sizes[1] - 1) if sizes[1] > 2 else ())
    claim = sumcheck.sum_value(statement, columns)
    monkeypatch.setattr(squares, "MOST_LEADING", leading)
    assert squares.is_square(statement, columns)
    quick = proof_of(statement, columns, claim)
    monkeypatch.setattr(sumcheck, "is_square", lambda *_: False)
    plain = proof_of(statement, columns, claim)
    assert quick == plain and quick[-1] == []


def test_rows_are_added_up_in_pieces_that_floats_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    statement, columns = moments(5, 40)
    claim = sumcheck.sum_value(statement, columns)
    whole = proof_of(statement, columns, claim)
    monkeypatch.setattr(squares, "EXACT", 3 * squares.FEATURE_BOUND**2)
    assert proof_of(statement, columns, claim) == whole and whole[-1] == []


def test_other_sums_are_not_taken_for_one_of_squares() -> None:
    statement, columns = moments(5, 13)
    first, second = statement.factors
    alone = PublicVector(statement.weight.table, statement.weight.evaluate)
    (own,) = first.terms
    swapped = Term(ONE, X, {"feature": own.at["feature"], "row": tuple(reversed(own.at["row"]))})  # type: ignore[arg-type]
    double = Factor((Term(K(2), X, own.at),))
    for factors, weight in [
        ((first,), statement.weight),
        ((second, second), statement.weight),
        ((double, double), statement.weight),
        ((Factor((swapped,)), Factor((swapped,))), statement.weight),
        ((first, second), alone),
        ((first, Factor((own, own))), statement.weight),
    ]:
        assert not squares.is_square(Sum("moments", statement.groups, weight, factors), columns)
    wide = Columns(columns.axes, {X: columns.cells(X).astype(np.int32)})
    assert squares.is_square(statement, columns) and not squares.is_square(statement, wide)
