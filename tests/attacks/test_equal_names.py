"""Two data sets whose columns have equal names: none is proved in the place of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from zkunlearn.circuits.language.layout import Axis, Column, MatrixLayout
from zkunlearn.circuits.language.relation import LookedUp, Section, Steps
from zkunlearn.errors import ParameterError
from zkunlearn.verifier.protocol.code import ReedSolomonCode
from zkunlearn.verifier.protocol.group import MatrixShape
from zkunlearn.verifier.protocol.proof import ProofShape

ROW = Axis("row", 5)


@dataclass(frozen=True)
class Agreement:
    """Two matrices hold the same labels."""

    columns: Mapping[str, tuple[Column, ...]]
    name = "agreement"
    sections: tuple[Section, ...] = ()

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        at = {"row": steps.point("agreement", ROW.bits)}
        first, second = (steps.evaluate(columns[0].name, at) for columns in self.columns.values())
        steps.require_zero("agreement", first - second)


def shape(columns: Mapping[str, tuple[str, ...]], names: Mapping[str, str] | None = None) -> ProofShape:
    """Matrices by name with columns by name; `names`: what a matrix calls itself."""
    matrices = {matrix: tuple(Column(name, (ROW,)) for name in own) for matrix, own in columns.items()}
    committed = {
        name: MatrixShape(MatrixLayout((names or {}).get(name, name), own, 4), ReedSolomonCode(4, 2))
        for name, own in matrices.items()
    }
    return ProofShape(Agreement(matrices), committed)


def test_two_matrices_with_an_equal_column_name_are_refused() -> None:
    assert shape({"old": ("labels",), "new": ("new labels",)}).proof_bytes > 0
    with pytest.raises(ParameterError, match="several columns are called 'labels'"):
        shape({"old": ("labels",), "new": ("labels",)})


def test_a_matrix_with_two_columns_of_one_name_is_refused() -> None:
    with pytest.raises(ParameterError, match="several columns are called 'labels'"):
        shape({"old": ("labels", "labels"), "new": ("new labels",)})


def test_two_matrices_of_one_name_are_refused() -> None:
    with pytest.raises(ParameterError, match="several matrices are called 'old'"):
        shape({"old": ("labels",), "new": ("new labels",)}, {"new": "old"})


@pytest.mark.parametrize("name", ["witness", "ledger", "old mask"])
def test_a_matrix_with_the_name_of_a_tree_that_the_proof_makes_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=f"several matrices are called '{name}'"):
        shape({"old": ("labels",), "new": ("new labels",)}, {"new": name})
