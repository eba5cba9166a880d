"""False totals in sharded training: those of gradient descent, each in its own part."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import assert_caught
from .sisa_runs import declare_sisa, declare_standardized, told, trained, values
from .test_false_totals import totals

PARTS = "shards 0 to 2, stage 1: ", "shards 0 to 2, stage 2: "


def test_a_false_total_is_rejected_in_its_own_part(monkeypatch: pytest.MonkeyPatch) -> None:
    own, data = declare_sisa(), values()
    columns = told(own, data, trained(own, data))
    declared: Any = own
    outcome, names = totals(declared, columns, monkeypatch)
    assert outcome.prover.lies == frozenset()
    assert set(names) == {part + name for part in PARTS for name in ("update", "bias decay")}
    for name in (PARTS[0] + "bias decay", PARTS[1] + "update"):
        outcome, _ = totals(declared, columns, monkeypatch, name)
        assert_caught(outcome, name, name[: name.index(": ")] + ": gradient")


STANDARDIZED = {
    **{name: {"parts"} for name in ("update", "bias decay", "scaled gradient", "centred gradient")},
    "means": {"moments"},
    "variances": set(),  # what it is used for is the other sum of this name
    "means of scores": {"product"},
    "intercept": set(),
    "starting means": {"starting intercept"},
}


@pytest.mark.slow
def test_a_false_total_of_a_standardised_stage_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    own, data = declare_standardized(), values()
    columns = told(own, data, trained(own, data))
    declared: Any = own
    outcome, names = totals(declared, columns, monkeypatch)
    assert outcome.prover.lies == frozenset()
    assert set(names) == {part + name for part in PARTS for name in STANDARDIZED} - {PARTS[0] + "starting means"}
    for name, reasons in STANDARDIZED.items():
        outcome, _ = totals(declared, columns, monkeypatch, PARTS[1] + name)
        assert_caught(outcome, *(PARTS[1] + reason for reason in (name, *reasons)))
