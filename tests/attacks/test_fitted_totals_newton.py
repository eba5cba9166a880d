"""Newton's steps that are by no matrix, whose totals make up for it: only their own sums say that they are false."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from .fitted import fitted
from .harness import assert_caught, prove
from .newton_runs import declare_inverse, declare_newton, stepped, told, values
from .test_lying_newton_inverse import following

UPDATES = {f"step {number}: update": f"step {number}: update" for number in (1, 2)}


@pytest.mark.parametrize("changes", [{}, {"bias": False}], ids=str)
def test_steps_that_the_matrix_does_not_make_are_rejected_by_their_own_sums(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is zero: it moves nothing, and what it said to move is what has to be moved."""
    own, data = declare_newton(**changes), values()
    true = stepped(own, data)
    columns = told(own, data, replace(true, matrix=np.zeros_like(true.matrix)))
    assert_caught(prove(own.shape, columns), *UPDATES)
    assert_caught(fitted(own.shape, columns, UPDATES, monkeypatch), *UPDATES)


def test_steps_that_are_not_by_the_inverse_are_rejected_by_their_own_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as long, and the inverse itself is committed."""
    own, data = declare_inverse(), values()
    true = stepped(own, data)
    assert true.proved is not None
    lie: Any = replace(following(own, data, true, true.matrix * 2, true.proved), matrix=true.matrix)
    columns = told(own, data, lie)
    assert_caught(prove(own.shape, columns), *UPDATES)
    assert_caught(fitted(own.shape, columns, UPDATES, monkeypatch), *UPDATES)
