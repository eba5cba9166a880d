"""False totals in sharded training: those of gradient descent, each in its own part."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import assert_caught
from .sisa_runs import declare_sisa, told, trained, values
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
