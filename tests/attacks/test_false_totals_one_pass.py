"""False totals, and false values of virtual columns and of weighted sums, in one-pass training."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import assert_caught
from .one_pass_runs import declare_one_pass, solved, told, values
from .test_false_totals import totals

PLAIN = {"update": {"parts"}, "products": {"parts"}, "iterations": {"parts"}}
STANDARDIZED = {
    **PLAIN,
    "means": {"moments"},
    "variances": set(),  # what it is used for is the other sum of this name
    "moments of products": {"centred sums"},
    "intercept": set(),
    "penalties": {"parts"},
}


@pytest.mark.parametrize(("standardize", "expected"), [(False, PLAIN), (True, STANDARDIZED)], ids=["plain", "other"])
def test_every_false_total_is_rejected(
    monkeypatch: pytest.MonkeyPatch, standardize: bool, expected: dict[str, set[str]]
) -> None:
    own, data = declare_one_pass(standardize=standardize), values()
    columns: Any = told(own, data, solved(own, data))
    declared: Any = own
    outcome, names = totals(declared, columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names) == set(expected)
    for name, reasons in expected.items():
        outcome, _ = totals(declared, columns, monkeypatch, name)
        assert_caught(outcome, *reasons, name)
