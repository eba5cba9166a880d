"""False totals, and false values of virtual columns, in certified optima."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import assert_caught
from .optimum_runs import declare_optimum, found, told, values
from .test_false_totals import totals


def test_every_false_total_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    own, data = declare_optimum(), values()
    columns: Any = told(own, data, found(data, own.schedule))
    declared: Any = own
    outcome, names = totals(declared, columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names) == {"norm"}
    outcome, _ = totals(declared, columns, monkeypatch, "norm")
    assert_caught(outcome, "norm")
