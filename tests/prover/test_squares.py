"""Sums of squares over a large column: message by message those of the sum written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, kdot
from zkunlearn.circuits.field.multilinear import Point, bits_of, eq_table, log2_ceil
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


def of_shards(
    features: int, blocks: int, places: int, prefix: int = 0, zeros: int = 0, missing: int = 0, beyond: int = 0
) -> tuple[Sum, Columns]:
    """As of shard_scaler.py: rows of neighbouring blocks, each of which weighs its own value, in some of the cells.

    Args:
        places: rows of a block, a power of two.
        prefix: of the runs of as many blocks in the data set, the one that is meant.
        zeros: bits between that of a block and that of a place, which choose the first places of it.
        missing: rows that the last block has not; with `zeros` they are none of these. beyond: rows behind the last.
    """
    count = blocks * places
    feature, local = Axis("feature", features), Axis("row", count - (0 if zeros else missing))
    row = Axis("row", (prefix + 1) * (count << zeros) - missing + beyond)
    k, n = variables(0, feature.bits), variables(feature.bits, local.bits)
    inner = len(n) - log2_ceil(places)
    fixed = bits_of(prefix, row.bits - local.bits - zeros)
    own = Term(ONE, X, {"feature": k, "row": (*fixed, *n[:inner], *bits_of(0, zeros), *n[inner:])})
    both = Factor((own,), constant_on((feature, local), K(3, 5)))
    point = tuple(K(i + 2, 7 * i) for i in range(feature.bits))
    values = np.array([[3 * b, b] for b in range(blocks)], dtype=np.uint64).T  # of block 0 zero
    of_rows = np.repeat(values, places, axis=1)[:, : local.size].copy()
    of_rows[:, 1::5] = 0  # forgotten

    def evaluate(x: Point) -> K:
        return kdot(of_rows, np.ascontiguousarray(eq_table(x)[:, : of_rows.shape[1]]))

    weight = outer(eq_on(point, features), PublicVector(lambda: of_rows, evaluate), feature.bits)
    cells = np.random.default_rng(features).integers(-(1 << 15), 1 << 15, (features, row.size)).astype(np.int16)
    statement = Sum("moments", (feature.bits, local.bits), weight, (Factor((own,)), both))
    return statement, Columns({X: (feature, row)}, {X: cells})


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


SHARDS = [(5, 4, 4), (3, 8, 1), (70, 4, 8), (1, 2, 2)]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"prefix": 1},
        {"prefix": 2, "zeros": 1},
        {"missing": 1},
        {"prefix": 1, "missing": 1},
        {"zeros": 2, "missing": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("sizes", SHARDS, ids=str)
def test_rows_of_several_weights_in_chosen_cells_are_those_of_the_sum_written_out(
    sizes: tuple[int, int, int], more: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of each value apart; and past the last weight there may be cells, or none."""
    statement, columns = of_shards(*sizes, **more)
    claim = sumcheck.sum_value(statement, columns)
    assert squares.is_square(statement, columns)
    quick = proof_of(statement, columns, claim)
    monkeypatch.setattr(sumcheck, "is_square", lambda *_: False)
    plain = proof_of(statement, columns, claim)
    assert quick == plain and quick[-1] == [] and (claim != ZERO or sizes[1] < 3)


def test_cells_behind_the_last_weight_are_not_in_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a fourth block, where three are meant, whose rows are of an axis as long as that of four."""
    statement, columns = of_shards(5, 3, 4, beyond=3)
    claim = sumcheck.sum_value(statement, columns)
    quick = proof_of(statement, columns, claim)
    monkeypatch.setattr(sumcheck, "is_square", lambda *_: False)
    assert quick == proof_of(statement, columns, claim) and quick[-1] == []


def test_values_of_weights_are_told_apart_wherever_they_are() -> None:
    chosen = np.array([[0, 7, 7, 0, 7, 2, 2, 7], [0, 0, 0, 0, 1, 0, 0, 0]], dtype=np.uint64)
    found = {value.pair: rows.tolist() for value, rows in squares._by_value(chosen)}
    assert found == {(7, 0): [1, 2, 7], (7, 1): [4], (2, 0): [5, 6]}


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
