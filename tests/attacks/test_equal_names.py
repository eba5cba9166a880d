"""Two data sets whose columns have equal names: none is proved in the place of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from zkunlearn.circuits.language.layout import VIRTUAL, Address, Axis, Column, MatrixLayout
from zkunlearn.circuits.language.relation import LookedUp, Section, Steps
from zkunlearn.errors import InvalidProof, ParameterError
from zkunlearn.prover.matrices.commitment import commit_columns, fresh_secret
from zkunlearn.verifier.protocol.code import ReedSolomonCode
from zkunlearn.verifier.protocol.group import MatrixShape
from zkunlearn.verifier.protocol.proof import ProofShape, verify_protocol

from ..cheating import CheatingProver
from .harness import transcript

ROW = Axis("row", 5)
OLD, NEW = Address("old", "labels"), Address("new", "labels")
LABELS, OTHERS = np.arange(5, dtype=np.uint64), np.array([0, 1, 2, 3, 5], dtype=np.uint64)


@dataclass(frozen=True)
class Agreement:
    """The labels of two matrices are equal."""

    columns: Mapping[str, tuple[Column, ...]]
    virtual: Mapping[Address, tuple[Axis, ...]] = field(default_factory=dict)
    name = "agreement"
    sections: tuple[Section, ...] = ()

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        at = {"row": steps.point("agreement", ROW.bits)}
        steps.require_zero("agreement", steps.evaluate(OLD, at) - steps.evaluate(NEW, at))


def shape_of(
    columns: Mapping[str, tuple[str, ...]], names: Mapping[str, str] | None = None, virtual: tuple[Address, ...] = ()
) -> ProofShape:
    """Matrices by name with columns by name; `names`: what a matrix calls itself."""
    matrices = {matrix: tuple(Column(name, (ROW,)) for name in own) for matrix, own in columns.items()}
    committed = {
        name: MatrixShape(MatrixLayout((names or {}).get(name, name), own, 4), ReedSolomonCode(4, 2))
        for name, own in matrices.items()
    }
    return ProofShape(Agreement(matrices, dict.fromkeys(virtual, (ROW,))), committed)


TWO = shape_of({"old": ("labels",), "new": ("labels",)})


def verdict(committed: Mapping[Address, np.ndarray], claimed: Mapping[Address, np.ndarray]) -> tuple[str, set[str]]:
    """What the verifier says about `claimed`, and which equations do not hold."""
    commitments = {
        name: commit_columns(m.layout, m.code, committed, fresh_secret(m.code, m.layout.rows))
        for name, m in TWO.committed.items()
    }
    prover = CheatingProver(TWO, transcript(), commitments, claimed)
    proof = prover.prove()
    try:
        verify_protocol(TWO, transcript(), {name: c.root for name, c in commitments.items()}, proof)
    except InvalidProof as error:
        return error.check, set(prover.lies)
    return "valid", set(prover.lies)


def test_columns_of_equal_names_are_told_apart() -> None:
    same, different = {OLD: LABELS, NEW: LABELS}, {OLD: LABELS, NEW: OTHERS}
    assert verdict(same, same) == ("valid", set())
    assert verdict(different, different) == ("constraints", {"agreement"})


@pytest.mark.parametrize("committed", [{OLD: LABELS, NEW: OTHERS}, {OLD: OTHERS, NEW: LABELS}], ids=["new", "old"])
def test_a_proof_about_one_data_set_twice_is_rejected(committed: Mapping[Address, np.ndarray]) -> None:
    """The prover speaks of the same labels twice; one commitment holds others."""
    assert verdict(committed, {OLD: LABELS, NEW: LABELS}) == ("constraints", {"batching"})


def test_a_matrix_with_two_columns_of_one_name_is_refused() -> None:
    with pytest.raises(ParameterError, match="several columns are called 'labels' of 'old'"):
        shape_of({"old": ("labels", "labels"), "new": ("labels",)})


def test_a_virtual_column_at_the_address_of_a_committed_one_is_refused() -> None:
    """Its values would be claims that no opening settles."""
    columns = {"old": ("labels",), "new": ("labels",)}
    assert shape_of(columns, virtual=(Address(VIRTUAL, "labels"),)).proof_bytes > 0
    with pytest.raises(ParameterError, match="several columns are called 'labels' of 'new'"):
        shape_of(columns, virtual=(NEW,))


def test_two_matrices_of_one_name_are_refused() -> None:
    with pytest.raises(ParameterError, match="several matrices are called old"):
        shape_of({"old": ("labels",), "new": ("labels",)}, {"new": "old"})


@pytest.mark.parametrize("name", ["witness", "ledger", "old mask"])
def test_a_matrix_with_the_name_of_a_tree_that_the_proof_makes_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=f"several matrices are called {name}"):
        shape_of({"old": ("labels",), name: ("labels",)})


def test_a_matrix_that_calls_itself_otherwise_is_refused() -> None:
    with pytest.raises(ParameterError, match="do not hold the columns of agreement"):
        shape_of({"old": ("labels",), "new": ("labels",)}, {"old": "new", "new": "old"})
