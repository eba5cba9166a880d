"""False totals in Newton's steps: of the norm, and of what a step is."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import assert_caught
from .newton_runs import declare_newton, stepped, told, values
from .test_false_totals import totals


def test_every_false_total_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    own, data = declare_newton(), values()
    columns: Any = told(own, data, stepped(own, data))
    declared: Any = own
    outcome, names = totals(declared, columns, monkeypatch)
    expected = {"norm", "step 1: update", "step 2: update"}
    assert outcome.prover.lies == frozenset() and set(names) == expected
    for name in sorted(expected):
        outcome, _ = totals(declared, columns, monkeypatch, name)
        assert_caught(outcome, name)
