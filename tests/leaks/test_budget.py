"""What the opening budget is worth: as many proofs as it says leave a data set's columns uniform, one more does not.

Columns of a row are V cells + T tail at the opened points, V and T made of the points' powers. While T has full rank,
every data set explains the same columns with a tail of its own; then an equation remains that no tail is part of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P, matmul, mul, sub, to_field
from zkunlearn.circuits.relations.dataset import DATASET, LABELS
from zkunlearn.prover.matrices.commitment import Commitment
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.verifier.protocol.code import powers

from ..attacks.harness import ROWS, commitments, people, prove
from ..attacks.recording import sections
from .families import HASHES, NONCES, hashes_of, type_of, witness_of

BUDGET = 2
SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, list[int]]]]:
    """The opened positions of each proof, by tree."""
    found: list[dict[str, list[int]]] = []
    draw = prover_protocol.draw_indices

    def noting(*arguments: Any) -> dict[str, list[int]]:
        found.append(draw(*arguments))
        return found[-1]

    monkeypatch.setattr(prover_protocol, "draw_indices", noting)
    yield found


# Linear algebra over F -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reduced:
    """A matrix in row echelon form, and what became of the columns beside it by the same operations on rows."""

    echelon: Any
    beside: Any
    rank: int


def reduced(matrix: Any, beside: Any) -> Reduced:
    """Gauss and Jordan's elimination."""
    height, width = matrix.shape
    work = np.concatenate([matrix, beside], axis=1)
    rank = 0
    for column in range(width):
        live = np.flatnonzero(work[rank:, column])
        if not len(live):
            continue
        pivot = rank + int(live[0])
        work[[rank, pivot]] = work[[pivot, rank]]
        rest = work[:, column:]  # what is left of it is zero in this row
        rest[rank] = mul(rest[rank], np.uint64(pow(int(work[rank, column]), P - 2, P)))
        factors = rest[:, :1].copy()
        factors[rank] = 0
        rest[:] = sub(rest, mul(factors, rest[rank]))
        rank += 1
        if rank == height:
            break
    return Reduced(work[:, :width], work[:, width:], rank)


def cells_of(opening: Commitment) -> Any:
    """The cells of each row, without the tail. F array (rows, C)."""
    size = 1 << opening.code.row_bits
    cells = np.zeros((opening.rows.count, size), dtype=np.uint64)
    for part in opening.rows.parts:
        if part.start < size:
            values = part.cells if part.cells.dtype == np.uint64 else to_field(part.cells.astype(np.int64))
            cells[part.row : part.row + len(values), part.start : part.start + values.shape[1]] = values
    return cells


def powers_at(opening: Commitment, positions: list[int]) -> tuple[Any, Any]:
    """V (t, C) and T (t, m)."""
    table = powers(opening.code.points(positions), opening.code.dimension).T
    size = 1 << opening.code.row_bits
    return np.ascontiguousarray(table[:, :size]), np.ascontiguousarray(table[:, size:])


# The budget ----------------------------------------------------------------------------------------------------------


def test_the_budget_is_as_large_as_the_tails_and_no_larger(drawn: list[dict[str, list[int]]]) -> None:
    rng = np.random.default_rng(1)
    dataset = zu.commit(rng.uniform(-1, 1, (12, 2)), rng.integers(0, 2, 12), openings=BUDGET)
    zu.prove(dataset, SPEC)
    with pytest.raises(zu.BudgetExceeded):
        zu.prove(dataset, SPEC)
    opening, code = dataset.matrix, dataset.matrix.code
    assert code.tail == BUDGET * code.queries and len(drawn) == BUDGET

    within = sorted({position for indices in drawn for position in indices[DATASET]})
    cells = cells_of(opening)
    guess = cells.copy()
    guess[:, 0] ^= 1  # wrong in one cell of each row
    assert_says_nothing(opening, within, guess)

    dataset.budget._spent -= 1  # a restored backup, which docs/owners.md forbids
    zu.prove(dataset, SPEC)
    beyond = sorted({position for indices in drawn for position in indices[DATASET]})
    assert len(beyond) > code.tail, "three proofs opened no more columns than the tail has coefficients"
    assert_tells_guesses_apart(opening, beyond, cells, guess)


def assert_says_nothing(opening: Commitment, positions: list[int], guess: Any) -> None:
    """The joint system has full rank, so that a wrong guess has a tail that explains the very same columns."""
    V, T = powers_at(opening, positions)
    missing = sub(opening.columns(positions), matmul(V, guess.T))  # what a tail would have to add, (t, rows)
    system = reduced(T, missing)
    assert system.rank == len(positions)
    tails = np.zeros((T.shape[1], len(guess)), dtype=np.uint64)
    tails[(system.echelon != 0).argmax(axis=1)] = system.beside
    assert np.array_equal(matmul(T, tails), missing)


def assert_tells_guesses_apart(opening: Commitment, positions: list[int], cells: Any, guess: Any) -> None:
    """Equations without a tail remain; the committed cells satisfy them, and a wrong guess does not."""
    V, T = powers_at(opening, positions)
    sides = [opening.columns(positions), matmul(V, cells.T), matmul(V, guess.T)]
    system = reduced(T, np.concatenate(sides, axis=1))
    assert system.rank == T.shape[1] < len(positions)
    assert not system.echelon[system.rank :].any()
    told, by_cells, by_guess = np.split(system.beside[system.rank :], 3, axis=1)
    assert np.array_equal(told, by_cells)
    assert not np.array_equal(told, by_guess)


def test_two_proofs_on_one_commitment_share_only_what_follows_from_it(drawn: list[dict[str, list[int]]]) -> None:
    """Caps and nodes of the committed tree, and the salts and cells of positions that both opened."""
    shape, columns = witness_of("alone", people())
    assert columns[LABELS].shape == (1, ROWS)
    committed = commitments(shape, columns)
    first, second = (prove(shape, columns, committed) for _ in range(BUDGET))
    both = len(set(drawn[0][DATASET]) & set(drawn[1][DATASET]))
    where = sections(first)
    for kind in dict.fromkeys(section.what for section in where):
        parts = [b"".join(o.proof[s.start : s.end] for s in where if s.what == kind) for o in (first, second)]
        if type_of(kind) == NONCES or (type_of(kind) in HASHES and kind.endswith(" of dataset")):
            continue
        if type_of(kind) in HASHES:
            hashes = [{bytes(each) for each in hashes_of(part, type_of(kind))} for part in parts]
            assert hashes[0].isdisjoint(hashes[1]), kind
            continue
        mine, theirs = (np.frombuffer(part, "<u8") for part in parts)
        common = len(np.intersect1d(mine, theirs))
        words = {"the salts of dataset": 4, "the columns of dataset": 1}.get(kind, 0)
        assert common == both * words, kind
    cap = next(section for section in where if section.what == "the cap of dataset")
    assert first.proof[cap.start : cap.end] == second.proof[cap.start : cap.end]
