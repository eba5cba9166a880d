"""False totals in Newton's steps: of the norm, of what a step is, and of the matrix times the second derivative."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import assert_caught
from .newton_runs import NewtonDeclared, declare_inverse, declare_newton, stepped, told, values
from .test_false_totals import totals


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (declare_newton(), {"norm", "step 1: update", "step 2: update"}),
        (declare_inverse(steps=1), {"norm", "step 1: update", "inverse"}),
    ],
    ids=["any matrix", "the inverse"],
)
def test_every_false_total_is_rejected(
    own: NewtonDeclared, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = values()
    columns: Any = told(own, data, stepped(own, data))
    declared: Any = own
    outcome, names = totals(declared, columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names) == expected
    for name in sorted(expected):
        outcome, _ = totals(declared, columns, monkeypatch, name)
        assert_caught(outcome, name)
