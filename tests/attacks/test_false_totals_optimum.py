"""False totals, and false values of virtual columns, in certified optima."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import assert_caught
from .linear_optimum_runs import declare_linear, honest
from .linear_optimum_runs import values as linear_values
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


def test_every_false_total_of_a_linear_model_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    own: Any = declare_linear()
    columns = honest(own, linear_values())
    outcome, names = totals(own, columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names) == {"norm"}
    outcome, _ = totals(own, columns, monkeypatch, "norm")
    assert_caught(outcome, "norm")
